"""Pictures of the formats beside JPEG and PNG are judged by Pillow, and by heif-convert where Pillow cannot
read them."""

import io
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

import judge
import pictures
from support import check_problem
from test_pictures import check, rendered

PHOTO = pictures.photo(640, 480)
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"


def with_alpha(image):
    image = image.copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def exact(server, data, source):
    """Checks that the result has the very same pixels, in colour and in gray, at the picture's own size."""
    for grayscale in ("false", "true"):
        result = rendered(server, data, grayscale=grayscale)
        reference = source if grayscale == "false" and result.mode != "L" else judge.gray(source)
        assert result.mode == reference.mode
        assert np.array_equal(judge.values(result), judge.values(reference))


# ---- WebP ----

WEBPS = {
    "lossy": pictures.encode(PHOTO, "WEBP", quality=85),
    "quality 1": pictures.encode(PHOTO, "WEBP", quality=1),
    "lossy alpha": pictures.encode(with_alpha(PHOTO), "WEBP", quality=85),
    "coarse alpha": pictures.encode(with_alpha(PHOTO), "WEBP", quality=85, alpha_quality=20),
    "lossless": pictures.encode(PHOTO, "WEBP", lossless=True),
    "lossless alpha": pictures.encode(with_alpha(PHOTO), "WEBP", lossless=True),
}


@pytest.mark.parametrize("data", WEBPS.values(), ids=WEBPS.keys())
def test_webp(server, data):
    check(server, data)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 5), (640, 1), (33, 640)])
@pytest.mark.parametrize("kind", [{"quality": 80}, {"lossless": True}], ids=["lossy", "lossless"])
def test_webp_pixels(server, size, kind):
    for image in (pictures.photo(*size), with_alpha(pictures.photo(*size))):
        data = pictures.encode(image, "WEBP", **kind)
        exact(server, data, judge.decode(data))


def test_webp_metadata(server):
    """The orientation is applied, and no other metadata reaches the result."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "secret camera"
    data = pictures.encode(PHOTO, "WEBP", exif=exif, icc_profile=b"secret profile" * 20)
    assert b"secret" in data
    result = rendered(server, data, width=240)
    assert result.size == (240, 320)
    judge.check_like(result, judge.rendering(judge.decode(data), (240, None)))
    assert b"secret" not in server.processed(server.upload(data))


def test_webp_animation(server):
    """The result is the first frame, as Pillow composes it."""
    frames = [with_alpha(pictures.photo(120, 90, seed)) for seed in range(3)]
    data = pictures.encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert judge.decode(data).n_frames == 3
    exact(server, data, judge.decode(data))


# ---- GIF ----

PALETTE = PHOTO.quantize(200)
GIFS = {
    "colour": pictures.encode(PALETTE, "GIF", interlace=0),
    "interlaced": pictures.encode(PALETTE, "GIF", interlace=1),
    "gray": pictures.encode(PHOTO.convert("L"), "GIF", interlace=0),
    "gray interlaced": pictures.encode(PHOTO.convert("L"), "GIF", interlace=1),
    "two colours": pictures.encode(PHOTO.convert("1"), "GIF"),
    "7 colours": pictures.encode(PHOTO.quantize(7), "GIF"),
    "transparent": pictures.encode(PALETTE, "GIF", transparency=3),
    "transparent interlaced": pictures.encode(PALETTE, "GIF", transparency=3, interlace=1),
    "animated": pictures.encode(PALETTE, "GIF", save_all=True,
                                append_images=[pictures.photo(640, 480, 2).quantize(99)]),
}


@pytest.mark.parametrize("data", GIFS.values(), ids=GIFS.keys())
def test_gif(server, data):
    source = judge.decode(data)
    exact(server, data, source.convert("RGBA" if "transparency" in source.info else "RGB"))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (640, 1), (1, 9), (33, 17)])
@pytest.mark.parametrize("interlace", [0, 1], ids=["plain", "interlaced"])
def test_gif_odd_sizes(server, size, interlace):
    data = pictures.encode(pictures.photo(*size).quantize(64), "GIF", interlace=interlace)
    exact(server, data, judge.decode(data).convert("RGB"))


def test_gif_smaller(server):
    """A GIF is resampled in colour, not among the palette's entries."""
    data = GIFS["colour"]
    source = judge.decode(data).convert("RGB")
    result = rendered(server, data, width=300, grayscale="false")
    judge.check_like(result, judge.rendering(source, (300, None), grayscale=False))


# ---- HEIC and AVIF ----

def heif(tmp_path, name, image, *options):
    """Encodes by heif-enc. Returns the file and what heif-convert makes of it."""
    source, coded, decoded = tmp_path / "source.png", tmp_path / name, tmp_path / "decoded.png"
    image.save(source)
    speed = () if "-A" in options else ("-p", "preset=ultrafast")
    subprocess.run(["heif-enc", *options, *speed, source, "-o", coded], check=True, capture_output=True)
    subprocess.run(["heif-convert", coded, decoded], check=True, capture_output=True)
    return coded.read_bytes(), judge.decode(decoded.read_bytes())


@pytest.mark.skipif(not shutil.which("heif-enc"), reason="needs libheif-examples")
@pytest.mark.parametrize("name, options", [
    ("a.heic", ("-q", "80")), ("b.heic", ("-q", "95", "-p", "chroma=444")), ("c.heic", ("-L",)),
    ("a.avif", ("-A", "-q", "80")), ("b.avif", ("-A", "-q", "95", "-p", "chroma=444"))])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_heif(server, tmp_path, name, options, alpha):
    image = pictures.photo(320, 240)
    data, reference = heif(tmp_path, name, with_alpha(image) if alpha else image, *options)
    assert reference.mode == ("RGBA" if alpha else "RGB")
    assert server.upload(data)["original"]["format"] == name[2:].upper()
    exact(server, data, reference)
    check(server, data, source=reference)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.[ah][ve]i[cf]")), ids=lambda path: path.name)
def test_heif_fixtures(server, path):
    data = path.read_bytes()
    result = rendered(server, data, grayscale="false")
    assert result.size == (32, 24)
    assert result.mode == ("RGBA" if "alpha" in path.name else "RGB")
    with pytest.raises(OSError):  # When Pillow learns to read these, it will be the better judge.
        Image.open(io.BytesIO(data))


def with_property(data, box):
    """Adds one more property to the fixture's primary item, which is the last in ipma (ISO/IEC 23008-12,
    9.3)."""
    def grow(data, name, count):
        at = data.index(name) - 4
        return data[:at] + (int.from_bytes(data[at:at + 4], "big") + count).to_bytes(4, "big") + data[at + 4:]

    ipma, iref = data.index(b"ipma"), data.index(b"iref") - 4
    # Item 2 has property 3 and, marked as essential, property 4.
    item = data.index(bytes([0, 2, 2, 3, 0x84]), ipma)
    properties = ipma - 4
    pixels = data.index(b"mdat") + 4
    for name, count in ((b"meta", len(box) + 1), (b"iprp", len(box) + 1), (b"ipco", len(box)), (b"ipma", 1)):
        data = grow(data, name, count)
    old, new = pixels.to_bytes(4, "big"), (pixels + len(box) + 1).to_bytes(4, "big")
    assert data.count(old, 0, properties) == 1  # This is the offset in iloc.
    data = data[:item + 2] + bytes([3, 3, 0x84, 0x85]) + data[item + 5:iref] + data[iref:]
    return data[:properties].replace(old, new) + box + data[properties:]


@pytest.mark.parametrize("turns", range(4))
def test_heif_rotation(server, turns):
    """A rotation is applied once. irot turns against the clock, as Pillow does (ISO/IEC 23008-12, 6.5.10)."""
    data = (FIXTURES / "color.heic").read_bytes()
    turned = with_property(data, b"\0\0\0\x09irot" + bytes([turns]))
    upright = rendered(server, data, grayscale="false")
    result = rendered(server, turned, grayscale="false")
    assert np.array_equal(np.asarray(result), np.asarray(upright.rotate(90 * turns, expand=True)))


def test_heif_mirror(server):
    """The value 1 exchanges left and right (6.5.12)."""
    data = (FIXTURES / "color.heic").read_bytes()
    result = rendered(server, with_property(data, b"\0\0\0\x09imir\1"), grayscale="false")
    upright = np.asarray(rendered(server, data, grayscale="false"))
    assert np.array_equal(np.asarray(result), upright[:, ::-1])


def test_without_libheif(make_server, monkeypatch, tmp_path):
    """A library of libheif's name that lacks its functions is found first, which is the same as having none."""
    subprocess.run(["cc", "-shared", "-o", tmp_path / "libheif.so.1", "-x", "c", "/dev/null"], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    server = make_server()
    for name in ("color.heic", "color.avif"):
        assert "libheif" in check_problem(server.post((FIXTURES / name).read_bytes()), 415)
    rendered(server, WEBPS["lossy"])

def test_pictures_made_of_too_many_are_refused(server):
    """The plan refuses them, before a pixel is decoded."""
    grids = server.post((FIXTURES / "refused/nested-grids.avif").read_bytes())
    assert "made of more pictures" in check_problem(grids, 422, "picture-too-costly")
    overlay = server.post((FIXTURES / "refused/overlay-of-itself.heic").read_bytes())
    assert "part of itself" in check_problem(overlay, 422)
