"""The one-way include rule: main → web, sync → auth, proc → image, store, aws → base, never sideways or
up; and each foreign header in one file or one folder alone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Who may include whom: a room sees those of lower rank.
RANKS = {"main": 4, "web": 3, "sync": 3, "auth": 2, "proc": 2, "image": 1, "store": 1, "aws": 1, "base": 0}

# Shared headers belong to a room as well; include/tintype/ has them all in one folder.
OWNERS = {"arena": "base", "buf": "base", "clock": "base", "config": "base", "err": "base", "file": "base",
          "hash": "base", "log": "base", "picture": "base", "stats": "base", "text": "base", "uuid": "base",
          "auth": "auth", "image": "image", "journal": "store", "spool": "store", "process": "proc",
          "journal_sync": "store", "ask": "store", "http": "aws", "aws": "aws", "s3": "aws", "dynamodb": "aws",
          "logs": "aws", "web": "web", "ini": "base", "sync": "sync", "utf8": "base",
          "url": "base"}

# Foreign headers, and the one file or folder that may know them; OpenSSL both hashes and signs.
FOREIGN = {"fcgiapp.h": "src/web/fcgi.c", "fcgi_stdio.h": None, "fcgios.h": None, "jansson.h": ("src/web/", "src/aws/"),
           "b64/": "src/web/base64", "sqlite3.h": "src/store/", "jpeglib.h": "src/image/", "jerror.h": "src/image/",
            "png.h": "src/image/", "lcms2.h": "src/image/colour.c", "lcms2_plugin.h": "src/image/colour.c",
            "ft2build.h": "src/image/watermark_text.c", "freetype/": "src/image/watermark_text.c",
            "webp/decode.h": "src/image/webp_read.c", "webp/encode.h": "src/image/webp_write.c",
            "gif_lib.h": "src/image/gif_read.c", "libheif/": "src/image/heif_library.h",
            "libdeflate.h": "src/image/png_file.c", "ini.h": "src/base/ini.c", "curl/": "src/aws/http.c",
           "openssl/": ("src/base/hash.c", "src/aws/")}

SOURCES = sorted([*ROOT.glob("src/*/*.[ch]"), *ROOT.glob("include/tintype/*.h")])


def room_of(path):
    if path.parent.name == "tintype":
        return OWNERS[path.stem]
    return path.parent.name


def includes(path):
    return [(kind, name) for kind, name in INCLUDE.findall(path.read_text())]


def target_room(kind, name):
    """The room an include leads to; None for foreign and system headers."""
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
    """A header of src/<room>/ is that room's alone; what others call is in include/tintype/."""
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
