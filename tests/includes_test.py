"""The include rule has one direction: main → web, sync → auth, proc → image, store, aws → base, never
sideways or up, and there is no circle inside a folder either. Each foreign header is known to one file or one
folder alone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# A room may include those of lower rank.
RANKS = {"main": 4, "web": 3, "sync": 3, "auth": 2, "proc": 2, "image": 1, "store": 1, "aws": 1, "base": 0}

# Shared headers belong to a room as well; include/tintype/ has them all in one folder.
OWNERS = {"address": "base", "arena": "base", "buf": "base", "clock": "base", "config": "base", "err": "base", "file": "base",
          "hash": "base", "log": "base", "picture": "base", "stats": "base", "text": "base", "uuid": "base",
          "auth": "auth", "image": "image", "journal": "store", "spool": "store", "process": "proc", "board": "proc",
          "journal_sync": "store", "journal_event": "store", "ask": "store", "http": "aws", "http_message": "aws",
          "aws": "aws", "s3": "aws", "dynamodb": "aws", "logs": "aws", "web": "web", "ini": "base", "sync": "sync",
          "utf8": "base",
          "url": "base", "option": "base", "reach": "proc"}

# Each foreign header has the one file or folder that may know it. OpenSSL has several, as it both hashes and
# signs.
FOREIGN = {"fcgiapp.h": "src/web/fcgi.c", "fcgi_stdio.h": None, "fcgios.h": None, "jansson.h": ("src/web/", "src/aws/"),
           "b64/": "src/web/base64", "sqlite3.h": "src/store/", "jpeglib.h": "src/image/", "jerror.h": "src/image/",
            "png.h": "src/image/", "lcms2.h": "src/image/colour.c", "lcms2_plugin.h": "src/image/colour.c",
            "ft2build.h": "src/image/watermark_text.c", "freetype/": "src/image/watermark_text.c",
            "webp/decode.h": "src/image/webp_read.c", "webp/encode.h": "src/image/webp_write.c",
            "gif_lib.h": "src/image/gif_read.c", "libheif/": "src/image/heif_library.h",
            "libdeflate.h": "src/image/png_file.c", "ini.h": "src/base/ini.c", "curl/": "src/aws/http.c",
           "seccomp.h": "src/proc/reach_calls.c", "linux/landlock.h": "src/proc/reach_paths.c",
           "openssl/": ("src/base/hash.c", "src/aws/")}

COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
# A definition starts at the margin of a source, and other files cannot use what is static.
DEFINITION = re.compile(r"^(?!static\b)\w[\w *]*?\b(tt_\w+)(?=\(|\[| = )", re.MULTILINE)
NAME = re.compile(r"\btt_\w+")

SOURCES = sorted([*ROOT.glob("src/*/*.[ch]"), *ROOT.glob("include/tintype/*.h")])


def room_of(path):
    if path.parent.name == "tintype":
        return OWNERS[path.stem]
    return path.parent.name


def includes(path):
    return [(kind, name) for kind, name in INCLUDE.findall(path.read_text())]


def target_room(kind, name):
    """Returns the room that an include leads to, or None for foreign and system headers."""
    if kind == "<":
        return None
    folder, _, file = name.rpartition("/")
    if folder == "tintype":
        return OWNERS[file.removesuffix(".h")]
    return folder or "same"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_includes_go_one_way(path):
    room = room_of(path)
    for kind, name in includes(path):
        target = target_room(kind, name)
        if target in (None, "same", room):
            continue
        assert RANKS[target] < RANKS[room], f"{room} may not include {target} ({name})"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_headers_stay_private(path):
    """A header of src/<room>/ is that room's alone; headers that others need are in include/tintype/."""
    for kind, name in includes(path):
        target = target_room(kind, name)
        if target and target != "same" and not name.startswith("tintype/"):
            assert target == room_of(path), f"{name} is private to {target}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_foreign_headers_have_one_home(path):
    relative = str(path.relative_to(ROOT))
    for _, name in includes(path):
        for foreign, home in FOREIGN.items():
            if name == foreign or (foreign.endswith("/") and name.startswith(foreign)):
                assert home and relative.startswith(home), f"{name} belongs to {home}"


def test_every_shared_header_has_an_owner():
    assert {p.stem for p in ROOT.glob("include/tintype/*.h")} == set(OWNERS)


def test_the_rooms_are_known():
    assert {p.name for p in (ROOT / "src").iterdir() if any(p.glob("*.c"))} <= set(RANKS)


def find_leanings():
    """Returns which files lean on which. A file is a source with the header of its name, beside it or in
    include/tintype/, written as room/name. It leans on those whose header it includes and on those that
    define what it uses, so a call through a header that several sources share counts as well."""
    leanings = {f"{room_of(path)}/{path.stem}": set() for path in SOURCES}
    code = {path: COMMENT_OR_TEXT.sub("", path.read_text()) for path in SOURCES if path.suffix == ".c"}
    definers = {name: f"{path.parent.name}/{path.stem}" for path, text in code.items()
                for name in DEFINITION.findall(text)}
    for path in SOURCES:
        file = f"{room_of(path)}/{path.stem}"
        for kind, name in includes(path):
            target = target_room(kind, name)
            if target:
                room = room_of(path) if target == "same" else target
                leanings[file].add(f"{room}/{name.rpartition('/')[2].removesuffix('.h')}")
        leanings[file] |= {definers[name] for name in NAME.findall(code.get(path, "")) if name in definers}
        leanings[file].discard(file)
    return leanings


def find_circles(leanings):
    """Returns the largest groups of which each member reaches every other one. Each group is sorted."""
    def reached(start):
        found, queue = set(), [start]
        while queue:
            for target in leanings[queue.pop()] - found:
                found.add(target)
                queue.append(target)
        return found
    reach = {one: reached(one) for one in leanings}
    return sorted({tuple(sorted(other for other in reach[one] if one in reach[other])) for one in leanings} - {()})


def test_no_circle_among_files():
    leanings = find_leanings()
    circles = {circle: [f"{one} → {other}" for one in circle for other in sorted(leanings[one] & set(circle))]
               for circle in find_circles(leanings)}
    assert circles == {}


def test_no_circle_among_folders():
    leanings = {room: set() for room in RANKS}
    for file, targets in find_leanings().items():
        room = file.split("/")[0]
        leanings[room] |= {target.split("/")[0] for target in targets} - {room}
    assert find_circles(leanings) == []


def test_a_circle_is_found():
    assert find_circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [("b", "c")]
