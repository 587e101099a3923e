#!/usr/bin/python3
"""Writes the seed corpora of the fuzzers below a directory: make_seeds.py DIR makes DIR/fuzz_body,
DIR/fuzz_jpeg and so on. The seeds are small because the fuzzers do the rest. Pictures are those of the
fixtures, and more that the end-to-end tests know how to make; the other inputs are in seeds.py."""

import itertools
import pathlib
import sys

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
sys.path.insert(0, str(HERE.parent / "e2e"))

import pictures  # noqa: E402, as it is in another folder
import seeds  # noqa: E402, likewise

PNG_KINDS = [(colour, depth) for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)),
                                                    (4, (8, 16)), (6, (8, 16))) for depth in depths]


def small():
    """Returns a small picture in colour, and one with alpha."""
    color = pictures.photo(24, 17)
    alpha = color.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(color.size))
    return color, alpha


def jpegs():
    color, _ = small()
    yield "gray", pictures.encode(color.convert("L"), "JPEG")
    yield "cmyk", pictures.jpeg_cmyk(color)
    yield "ycck", pictures.jpeg_ycck(color)
    yield "rgb", pictures.jpeg_rgb(color)
    yield "progressive", pictures.encode(color, "JPEG", progressive=True)
    yield "full_chroma", pictures.encode(color, "JPEG", subsampling=0, quality=95)
    yield "half_chroma", pictures.encode(color, "JPEG", subsampling=1, restart_marker_rows=1)
    yield "large", pictures.encode(pictures.photo(200, 150), "JPEG", quality=30)
    yield "profile", pictures.encode(color, "JPEG", icc_profile=profile())
    plain = pictures.encode(color, "JPEG")
    for orientation, order in itertools.product(range(1, 9), "<>"):
        yield (f"oriented_{orientation}_{'little' if order == '<' else 'big'}",
               pictures.jpeg_rewrite(plain, insert=pictures.exif_segment(orientation, order)))


def profile():
    from PIL import ImageCms
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pngs():
    color, alpha = small()
    values = pictures.np.arange(9 * 7 * 4).reshape(7, 9, 4)
    for (colour, depth), interlaced in itertools.product(PNG_KINDS, (False, True)):
        samples = values[..., :pictures.CHANNELS[colour]] * 257 % 2 ** depth
        palette = pictures.chunk(b"PLTE", bytes(range(3 * 2 ** depth))) if colour == 3 and depth < 8 else b""
        if colour == 3 and depth == 8:
            palette = pictures.chunk(b"PLTE", bytes(range(256)) * 3) + pictures.chunk(b"tRNS", b"\0\x80")
        yield f"{colour}_{depth}_{int(interlaced)}", pictures.png(samples, depth, colour, interlaced, palette)
    yield "transparent_rgb", pictures.encode(color, "PNG", transparency=(0, 0, 0))
    yield "transparent_palette", pictures.encode(color.quantize(16), "PNG", transparency=3)
    yield "profile", pictures.encode(alpha, "PNG", icc_profile=profile())
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "oriented", pictures.encode(alpha, "PNG", exif=exif)


def webps():
    color, alpha = small()
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "lossy", pictures.encode(color, "WEBP", quality=40)
    yield "lossless", pictures.encode(color, "WEBP", lossless=True)
    yield "alpha", pictures.encode(alpha, "WEBP", quality=40)
    yield "lossless_alpha", pictures.encode(alpha, "WEBP", lossless=True)
    yield "extended", pictures.encode(color, "WEBP", exif=exif, icc_profile=profile())
    yield "animated", pictures.encode(alpha, "WEBP", save_all=True, append_images=[alpha.rotate(90)])


def gifs():
    color, _ = small()
    for interlace in (0, 1):
        yield f"color_{interlace}", pictures.encode(color.quantize(64), "GIF", interlace=interlace)
        yield f"gray_{interlace}", pictures.encode(color.convert("L"), "GIF", interlace=interlace)
    yield "transparent", pictures.encode(color.quantize(16), "GIF", transparency=3)
    yield "animated", pictures.encode(color.quantize(16), "GIF", save_all=True, loop=0,
                                      append_images=[color.rotate(90).quantize(16)])


def fixtures(*endings):
    for path in sorted(FIXTURES.rglob("*")):
        if path.is_file() and path.suffix in endings:
            yield path.name, path.read_bytes()


CORPORA = {
    "fuzz_jpeg": lambda: itertools.chain(jpegs(), fixtures(".jpg")),
    "fuzz_png": lambda: itertools.chain(pngs(), fixtures(".png")),
    "fuzz_webp": lambda: itertools.chain(webps(), fixtures(".webp")),
    "fuzz_gif": lambda: itertools.chain(gifs(), fixtures(".gif")),
    "fuzz_heif": lambda: fixtures(".heic", ".avif"),
    "fuzz_watermark": lambda: itertools.chain(((name, b"\x85" + data) for name, data in pngs()), seeds.marks()),
    **seeds.CORPORA,
}


def main():
    for name, make in CORPORA.items():
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed, data in make():
            (folder / seed).write_bytes(data)


if __name__ == "__main__":
    main()
