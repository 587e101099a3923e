"""Presets, renditions and watermarks, as a client and an operator see them."""

import hashlib

import numpy as np
import pytest
from PIL import Image

import judge
import pictures
from account import temporary_folder
from support import EXTENSIONS, check_problem

PHOTO = pictures.photo(640, 480)
CONFIG = {
    "image": {"width": 320, "height": 320, "renditions": "thumb, colour"},
    "preset.thumb": {"width": 64, "height": 64, "fit": "cover", "format": "jpeg", "quality": 95},
    "preset.colour": {"width": 200, "grayscale": "false", "format": "webp", "quality": 90},
    "preset.unlisted": {"height": 50, "format": "png"},
}


@pytest.fixture(scope="module")
def presets():
    from support import Server
    one = Server(**CONFIG)
    try:
        yield one.start()
        one.stop()
    finally:
        one.kill()


def as_webp(image, quality):
    """Returns what Pillow's own WebP of the picture looks like, which has the same losses."""
    return judge.decode(pictures.encode(image, "WEBP", quality=quality)).convert(image.mode)


def rendition(server, image, name):
    answer = server.http.get(server.root_url + image["links"]["renditions"][name])
    assert answer.status_code == 200, answer.text
    return answer


def test_renditions_come_with_each_upload(presets):
    data = pictures.encode(PHOTO, "PNG")
    image = presets.upload(data, query="filename=caf%C3%A9.png")
    assert list(image["links"]["renditions"]) == list(image["renditions"]) == ["thumb", "colour"]
    assert image["format"] == "PNG" and (image["width"], image["height"]) == (320, 240)
    judge.check_like(judge.decode(presets.processed(image)), judge.rendering(PHOTO, (320, 320)), 45)
    for name, size, kind, reference, least in (
            ("thumb", (64, 64), "JPEG",
             judge.gray(PHOTO.crop((80, 0, 560, 480)).resize((64, 64), Image.LANCZOS)), 35),
            ("colour", (200, 150), "WEBP", as_webp(judge.rendering(PHOTO, (200, None), False), 90), 35)):
        said = image["renditions"][name]
        answer = rendition(presets, image, name)
        assert (said["width"], said["height"], said["format"]) == (*size, kind)
        assert said["size"] == len(answer.content)
        assert said["sha256"] == hashlib.sha256(answer.content).hexdigest()
        assert said["s3Path"] is None
        assert answer.headers["Content-Type"] == f"image/{kind.lower()}"
        assert answer.headers["ETag"] == f'"{said["sha256"]}"'
        assert "caf%C3%A9.png" in answer.headers["Content-Disposition"]
        decoded = judge.decode(answer.content)
        assert decoded.size == size
        if kind == "JPEG":
            assert decoded.mode == "L"
        judge.check_like(decoded, reference, least)
    assert presets.get(f"/images/{image['id']}").json()["renditions"] == image["renditions"]


def test_their_files_come_and_go_with_the_image(presets):
    image = presets.upload(pictures.jpeg())
    files = {f"processed/{image['id']}-{name}.{EXTENSIONS[one['format']]}"
             for name, one in image["renditions"].items()}
    assert len(files) == 2 and files <= set(presets.spool())
    assert presets.request("DELETE", f"/images/{image['id']}").status_code == 204
    assert not any(image["id"] in path for path in presets.spool())
    check_problem(presets.http.get(presets.root_url + image["links"]["renditions"]["thumb"]), 404)


@pytest.mark.parametrize("name", ["unlisted", "Thumb", "thumb.jpg", "..", "x" * 40])
def test_what_is_no_rendition_is_not_there(presets, name):
    image = presets.upload(pictures.jpeg())
    check_problem(presets.get(f"/images/{image['id']}/renditions/{name}"), 404)


def test_ranges_and_conditions_hold_for_renditions(presets):
    image = presets.upload(pictures.jpeg())
    url = presets.root_url + image["links"]["renditions"]["colour"]
    whole = presets.http.get(url)
    part = presets.http.get(url, headers={"Range": "bytes=2-5"})
    assert part.status_code == 206 and part.content == whole.content[2:6]
    assert presets.http.get(url, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    head = presets.http.head(url)
    assert head.headers["Content-Length"] == str(len(whole.content)) and head.content == b""


def test_every_orientation_is_applied_to_every_rendition(presets):
    corner = Image.new("L", (60, 40), 0)
    corner.paste(255, (0, 0, 30, 20))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = pictures.encode(corner.convert("RGB"), "JPEG", quality=95, exif=exif)
        image = presets.upload(data)
        upright = judge.upright(judge.decode(data)).convert("L")
        found = judge.decode(rendition(presets, image, "colour").content).convert("L")
        assert found.size == upright.size
        assert np.abs(np.asarray(found, int) - np.asarray(upright, int)).mean() < 12, orientation


def test_a_preset_is_asked_for(presets):
    data = pictures.encode(PHOTO, "PNG")
    image = presets.upload(data, query="preset=unlisted")
    assert (image["width"], image["height"], image["format"]) == (67, 50, "PNG")
    image = presets.upload(data, query="width=80&preset=thumb&format=png")
    assert (image["width"], image["height"], image["format"]) == (80, 60, "PNG")
    image = presets.upload(data, query="width=80&preset=")
    assert (image["width"], image["height"], image["format"]) == (80, 60, "PNG")
    problem = presets.post(data, query="preset=nope")
    assert "preset" in check_problem(problem, 400)


def test_a_rendition_that_cannot_be_made_is_named():
    from support import Server
    server = Server(image={"renditions": "banner"}, **{"preset.banner": {"width": 20, "format": "webp"}})
    try:
        server.start()
        answer = server.post(pictures.encode(Image.new("L", (20, 16384)), "PNG"))
        detail = check_problem(answer, 422)
        assert 'rendition "banner"' in detail and "16383" in detail and "Send a smaller picture" in detail
        assert server.spool() == [] and server.get("/images").json()["images"] == []
        server.upload(pictures.encode(Image.new("L", (20, 16383)), "PNG"))
        server.stop()
    finally:
        server.kill()


def test_webp_is_a_format(presets):
    image = presets.upload(pictures.encode(PHOTO, "PNG"), query="format=webp&quality=95&grayscale=false")
    result = judge.decode(presets.processed(image))
    assert result.format == "WEBP" and image["format"] == "WEBP"
    judge.check_like(result, as_webp(judge.rendering(PHOTO, (320, 320), False), 95), 35)


# ---- watermarks ----

def ink(server, data, query=""):
    """Returns where a result differs from the one without a watermark, and its size."""
    bare = judge.decode(server.processed(server.upload(data, query="watermark=false")))
    drawn = judge.decode(server.processed(server.upload(data, query=query)))
    difference = np.abs(np.asarray(drawn, int) - np.asarray(bare, int)) > 8
    return difference, bare.size


@pytest.fixture(scope="module")
def marked():
    from support import Server
    with temporary_folder() as folder:
        logo = folder / "logo.png"
        Image.new("RGBA", (40, 20), (255, 0, 0, 255)).save(logo)
        one = Server(image={"watermark_image": logo, "watermark_size": 20, "watermark_margin": 10,
                            "watermark_position": "top-left", "watermark_opacity": 100},
                     **{"preset.bare": {"watermark": "false"}})
        try:
            yield one.start()
            one.stop()
        finally:
            one.kill()


def test_an_image_is_drawn_where_it_belongs(marked):
    data = pictures.encode(Image.new("L", (200, 100), 200), "PNG")
    difference, _ = ink(marked, data)
    rows, columns = np.where(difference)
    assert (columns.min(), columns.max()) == (10, 49) and (rows.min(), rows.max()) == (10, 29)
    assert difference[10:30, 10:50].all()
    difference, _ = ink(marked, data, "watermark_position=bottom-right")
    rows, columns = np.where(difference)
    assert (columns.min(), columns.max()) == (150, 189) and (rows.min(), rows.max()) == (70, 89)
    assert not ink(marked, data, "preset=bare")[0].any()


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_text_can_be_read_on_any_ground(marked, ground):
    data = pictures.encode(Image.new("L", (400, 300), ground), "PNG")
    bare = ground * np.ones((300, 400), int)
    drawn = judge.decode(marked.processed(marked.upload(
        data, query="watermark=%C2%A9%20tintype&watermark_position=bottom")))
    pixels = np.asarray(drawn, int)
    rows, columns = np.where(np.abs(pixels - bare) > 8)
    assert rows.min() > 150 and 50 < columns.min() and columns.max() < 350
    assert abs((columns.min() + columns.max()) / 2 - 200) < 6
    assert np.ptp(pixels[rows, columns]) > 120  # The ink has light pixels beside dark ones.


def test_a_missing_font_or_image_refuses_to_start(make_server, tmp_path):
    import subprocess
    from support import TINTYPED, clean_environment
    for key in ("watermark_font", "watermark_image"):
        server = make_server(start=False, image={key: tmp_path / "missing"})
        done = subprocess.run([TINTYPED, "-t", "-c", server.config_path], capture_output=True, text=True,
                              env=clean_environment())
        assert done.returncode == 2 and str(tmp_path / "missing") in done.stderr
