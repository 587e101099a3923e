"""Every kind of picture is judged by Pillow, which resizes the same picture and makes it gray by other code."""

import numpy as np
import pytest
from PIL import Image

import judge
import pictures
from support import Server

PHOTO = pictures.photo(640, 480)


def rendered(server, data, **options):
    query = "&".join(f"{k}={v}" for k, v in options.items())
    image = server.upload(data, query=query)
    result = judge.decode(server.processed(image))
    assert result.size == (image["width"], image["height"])
    return result


def check(server, data, least=40.0, width=None, source=None):
    """Compares in gray and in colour, at the picture's own size and smaller."""
    source = source or judge.decode(data)
    upright = judge.upright(source)
    for box_width in ([width] if width else [None, upright.width * 5 // 8]):
        for grayscale in (True, False):
            options = {"grayscale": str(grayscale).lower()}
            if box_width:
                options["width"] = box_width
            result = rendered(server, data, **options)
            reference = judge.rendering(source, (box_width, None) if box_width else (1024, 1024),
                                        grayscale)
            if result.mode in ("L", "LA"):  # A gray source may stay gray when colour is asked for.
                reference = judge.gray(reference)
            elif grayscale:
                raise AssertionError(f"{result.mode} is not gray")
            judge.check_like(result, reference, least)


# ---- JPEG ----

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
JPEGS = {f"{kind} {name}": pictures.encode(PHOTO, "JPEG", quality=90, subsampling=sampling, **extra)
         for name, sampling in SAMPLINGS.items()
         for kind, extra in (("baseline", {}), ("progressive", {"progressive": True}))}
JPEGS |= {
    "gray": pictures.encode(PHOTO.convert("L"), "JPEG", quality=90),
    "gray progressive": pictures.encode(PHOTO.convert("L"), "JPEG", progressive=True),
    "RGB": pictures.jpeg_rgb(PHOTO),
    "CMYK": pictures.jpeg_cmyk(PHOTO),
    "YCCK": pictures.jpeg_ycck(PHOTO),
    "quality 100": pictures.encode(PHOTO, "JPEG", quality=100),
    "quality 10": pictures.encode(PHOTO, "JPEG", quality=10),
    "optimised tables": pictures.encode(PHOTO, "JPEG", optimize=True),
    "no JFIF marker": pictures.jpeg_rewrite(pictures.encode(PHOTO, "JPEG"), drop=(0xE0,)),
}


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS.keys())
def test_jpeg(server, data):
    check(server, data)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 8), (9, 17), (15, 16), (33, 31), (641, 3), (3, 641)])
def test_jpeg_odd_sizes(server, size):
    check(server, pictures.jpeg(*size))


@pytest.mark.parametrize("size", [(1701, 1133), (2725, 2225), (1600, 1200)])
@pytest.mark.parametrize("width", [720, 511, 333, 200, 97, 40])
def test_jpeg_sizes(server, size, width):
    """Resampling goes wrong first at the edge of an odd size."""
    data = sized_source(size)
    result = rendered(server, data, width=width)
    reference = judge.rendering(judge.decode(data), (width, None))
    assert result.mode == "L"
    judge.check_like(result, reference)
    strip = (max(0, result.width - 8), 0, result.width, result.height)
    judge.check_like(result.crop(strip), reference.crop(strip), 36)


SOURCES = {}


def sized_source(size):
    if size not in SOURCES:
        SOURCES[size] = pictures.jpeg(*size, quality=88)
    return SOURCES[size]


@pytest.mark.parametrize("period, width", [(2.05, 444), (2.3, 442), (2.35, 424), (5, 220), (10, 110)])
def test_fine_rows(server, period, width):
    """These lines in a soft picture would become moiré after a decode at a reduced size."""
    y, x = np.mgrid[:1200, :1600]
    soft = 128 + 60 * np.sin(x / 500) * np.cos(y / 300)
    rows = np.rint(soft + 45 * np.sin(2 * np.pi * y / period)).astype(np.uint8)
    data = pictures.encode(Image.fromarray(rows), "JPEG", quality=92)
    judge.check_like(rendered(server, data, width=width), judge.rendering(judge.decode(data), (width, None)), 50)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(server, orientation, order):
    data = pictures.jpeg_rewrite(pictures.jpeg(200, 120), insert=pictures.exif_segment(orientation, order))
    source = judge.decode(data)
    assert source.getexif()[0x0112] == orientation
    result = rendered(server, data, width=90)
    judge.check_like(result, judge.rendering(source, (90, None)))
    assert result.size == ((90, 54) if orientation < 5 else (90, 150))
    check(server, data)


def test_orientation_and_fits(server):
    """The box is meant for the picture as people look at it."""
    data = pictures.jpeg_rewrite(pictures.jpeg(200, 120), insert=pictures.exif_segment(6))
    assert rendered(server, data, width=60, height=60).size == (36, 60)
    assert rendered(server, data, width=60, height=60, fit="cover").size == (60, 60)
    filled = rendered(server, data, width=50, height=200, fit="fill")
    upright = judge.upright(judge.decode(data))
    judge.check_like(filled, upright.resize((50, 200), Image.LANCZOS).convert("L"))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_bad_orientation_is_none(server, orientation):
    data = pictures.jpeg_rewrite(pictures.jpeg(64, 48), insert=pictures.exif_segment(orientation))
    assert rendered(server, data).size == (64, 48)


@pytest.mark.parametrize("length", range(0, 34, 3))
def test_broken_exif_is_none(server, length):
    body = pictures.exif_segment(6)[4:4 + length]
    segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    data = pictures.jpeg_rewrite(pictures.jpeg(64, 48), insert=segment)
    assert sorted(rendered(server, data).size) == [48, 64]


# ---- PNG ----

PNG_KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
             (4, 8), (4, 16), (6, 8), (6, 16)]


def png_case(colour, depth, width=203, height=149):
    """Returns raw samples, chunks before IDAT, and the picture in 8-bit channels, made by numpy alone."""
    photo = np.asarray(pictures.photo(width, height), np.float64)
    alpha = np.fromfunction(lambda y, x: (x + 2 * y) % 256, (height, width))
    alpha[40:80, 50:90] = 0
    top, extra = 2 ** depth - 1, b""
    if colour == 3:
        palette = np.random.default_rng(depth).integers(0, 256, (2 ** depth, 3), dtype=np.uint8)
        samples = (photo[..., :1] * top / 255).round().astype(int)
        return samples, pictures.chunk(b"PLTE", palette.tobytes()), Image.fromarray(
            palette[samples[..., 0]], "RGB")
    channels = {0: photo[..., :1], 2: photo, 4: np.dstack([photo[..., :1], alpha]),
                6: np.dstack([photo, alpha])}[colour]
    samples = (channels * top / 255).round().astype(int)
    bytes_ = (samples * 255 / top).round().astype(np.uint8)
    mode = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}[colour]
    return samples, extra, Image.fromarray(bytes_[..., 0] if colour == 0 else bytes_, mode)


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize("colour, depth", PNG_KINDS)
def test_png(server, colour, depth, interlace):
    samples, extra, source = png_case(colour, depth)
    # Pillow rounds and clips between its two passes, which shows most where all edges are black on white.
    least = 42 if depth == 1 else 45
    check(server, pictures.png(samples, depth, colour, interlace, extra), least, source=source)


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize("colour, depth", [(0, 1), (0, 8), (0, 16), (2, 8), (2, 16), (3, 2), (3, 8)])
def test_png_transparent_colour(server, colour, depth, interlace):
    samples, extra, source = png_case(colour, depth)
    key = samples[70, 60]
    source = source.convert("RGBA")
    pixels = np.asarray(source).copy()
    if colour == 3:
        table = np.random.default_rng(7).integers(0, 256, 2 ** depth, dtype=np.uint8)
        extra += pictures.chunk(b"tRNS", table.tobytes())
        pixels[..., 3] = table[samples[..., 0]]
    else:
        extra += pictures.chunk(b"tRNS", b"".join(int(k).to_bytes(2, "big") for k in key))
        pixels[..., 3] = np.where((samples == key).all(axis=-1), 0, 255)
    source = Image.fromarray(pixels, "RGBA")
    check(server, pictures.png(samples, depth, colour, interlace, extra), 45, source=source)


def test_png_short_transparency_table(server):
    """tRNS may have fewer entries than PLTE, and the other colours are opaque then."""
    samples, extra, source = png_case(3, 8)
    pixels = np.asarray(source.convert("RGBA")).copy()
    pixels[..., 3] = np.where(samples[..., 0] < 100, 30, 255)
    data = pictures.png(samples, 8, 3, extra=extra + pictures.chunk(b"tRNS", bytes([30] * 100)))
    check(server, data, 45, source=Image.fromarray(pixels, "RGBA"))


@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "interlaced"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 1), (1, 9), (7, 8), (33, 17)])
def test_png_odd_sizes(server, size, interlace):
    samples, _, source = png_case(6, 8, *(max(s, 100) for s in size))
    samples, source = samples[:size[1], :size[0]], source.crop((0, 0, *size))
    check(server, pictures.png(samples, 8, 6, interlace), 45, source=source, width=max(1, size[0] // 2))
    check(server, pictures.png(samples[..., :1] >> 7, 1, 0, interlace), 45, width=size[0])


def test_hidden_colour_does_not_bleed(server):
    """Alpha is premultiplied, so that red under full transparency does not tint its opaque neighbours."""
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :] = (0, 0, 200, 255)
    pixels[::2, :, :] = (255, 0, 0, 0)
    data = pictures.encode(Image.fromarray(pixels, "RGBA"), "PNG")
    result = np.asarray(rendered(server, data, width=32, grayscale="false"))
    assert result[..., 0].max() <= 2 and abs(int(result[..., 2].min()) - 200) <= 2


def test_alpha_goes_onto_white_in_jpeg(server):
    samples, extra, source = png_case(6, 8)
    white = Image.new("RGBA", source.size, "white")
    flat = Image.alpha_composite(white, source).convert("RGB")
    for grayscale in ("true", "false"):
        result = rendered(server, pictures.png(samples, 8, 6), format="jpeg", quality=95, grayscale=grayscale)
        judge.check_like(result, flat.convert("L") if grayscale == "true" else flat, 32)
    clear = pictures.encode(Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "PNG")
    assert np.asarray(rendered(server, clear, format="jpeg")).min() >= 254


@pytest.mark.parametrize("data, mode", [
    (JPEGS["baseline 4:2:0"], "L"), (pictures.png(*[png_case(6, 8)[0], 8, 6]), "LA"),
    (pictures.png(*[png_case(0, 16)[0], 16, 0]), "L")], ids=["jpeg", "rgba", "gray 16"])
def test_result_is_8_bit(server, data, mode):
    raw = server.processed(server.upload(data))
    assert raw[:8] == pictures.PNG_SIGNATURE
    assert raw[24] == 8 and raw[25] == {"L": 0, "LA": 4}[mode]
    assert judge.decode(raw).mode == mode


def test_metadata_is_gone(server):
    exif = Image.Exif()
    exif[0x010F], exif[0x9286] = "secret camera", "secret comment"
    jpeg = pictures.encode(PHOTO, "JPEG", exif=exif, icc_profile=b"secret profile" * 20, dpi=(300, 300),
                           comment=b"secret comment")
    from PIL.PngImagePlugin import PngInfo
    info = PngInfo()
    info.add_text("Comment", "secret text")
    info.add_itxt("XML:com.adobe.xmp", "secret xmp")
    png = pictures.encode(PHOTO, "PNG", pnginfo=info, exif=exif)
    for data in (jpeg, png):
        assert b"secret" in data
        for kind in ("png", "jpeg"):
            raw = server.processed(server.upload(data, query="format=" + kind))
            assert b"secret" not in raw and b"Exif" not in raw
            if kind == "png":
                chunks = {raw[i + 4:i + 8] for i in chunk_starts(raw)}
                assert chunks == {b"IHDR", b"IDAT", b"IEND"}


def chunk_starts(raw):
    at = 8
    while at < len(raw):
        yield at
        at += 12 + int.from_bytes(raw[at:at + 4], "big")


def test_ancillary_chunks_do_not_matter(server):
    """Large and odd chunks beside the pixels are skipped."""
    plain = pictures.png(*[png_case(2, 8)[0], 8, 2])
    extra = b"".join(pictures.chunk(k, bytes(n)) for k, n in
                     ((b"gAMA", 4), (b"prVt", 100000), (b"tEXt", 50), (b"iCCP", 10), (b"pHYs", 9)))
    result = rendered(server, plain[:33] + extra + plain[33:])
    judge.check_like(result, rendered(server, plain), 60)
