#!/usr/bin/python3
"""Writes the seed corpora of the fuzzers below a directory: make_seeds.py DIR makes DIR/fuzz_body and
DIR/fuzz_picture. The seeds are small because the fuzzers do the rest."""

import base64
import io
import pathlib
import struct
import sys
import zlib

from PIL import Image

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"

FORM = (
    b"--b0\r\nContent-Disposition: form-data; name=\"width\"\r\n\r\n720\r\n"
    b"--b0\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a%22\\\"b.png\"\r\n"
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--b\r\n--b0x\r\n--b0--\r\n"
)
UNCHOSEN = (
    b"--b0\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n"
    b"Content-Type: application/octet-stream\r\n\r\n\r\n--b0--\r\n"
)
JSON = (
    b'{"filename":"a\\u00e9.jpg","width":720,"grayscale":false,'
    b'"image":"data:image\\/png;base64,Zm9v\\nYmE\\u003d"}'
)

# The numbers are the fuzzer's kinds, in their order.
BODIES = {
    "raw": (0, b"\x89PNG\r\n\x1a\n"),
    "base64": (1, b"Zm9v\r\nYmFyYg==\n"),
    "base64_prefix": (1, b" data:image/jpeg;name=a;base64,Zm9vYmE="),
    "form": (2, FORM),
    "form_unchosen": (2, b"preamble\r\n" + UNCHOSEN + b"epilogue"),
    "json": (3, JSON),
    "typed_form": (4, b"Multipart/Form-Data; boundary=\"b0\"\n" + FORM),
    "typed_json": (4, b"application/json;charset=utf-8\n" + JSON),
    "query": (5, b"width=720&height=%35%30&fit=cover&grayscale=on&format=jpg&quality=80"
                 b"&filename=a+%C3%A9.png"),
    "disposition": (6, b"attachment; filename=\"a\\\"b; c.png\"; filename*=UTF-8''%e2%82%ac.png"),
    "disposition_latin": (6, b"inline; filename*=iso-8859-1'en'%A3%20rates"),
    "disposition_form": (6, b"form-data; name=\"f\"; filename=\"C:\\a%22%0D%0A.png\""),
}


def encode(picture, kind, **how):
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def sixteen_bits(side, channels, color_type):
    """Makes a PNG of 16 bits a sample, which Pillow cannot write in colour."""
    rows = b"".join(
        b"\0" + bytes((x * 7 + y * 13) & 255 for x in range(side * channels * 2)) for y in range(side)
    )

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 16, color_type, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def pictures():
    color = Image.radial_gradient("L").resize((24, 17))
    color = Image.merge("RGB", (color, color.rotate(90), color.transpose(Image.FLIP_LEFT_RIGHT)))
    alpha = color.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(color.size))
    exif = Image.Exif()
    yield "gray_jpeg", encode(color.convert("L"), "JPEG")
    yield "cmyk_jpeg", encode(color.convert("CMYK"), "JPEG")
    yield "progressive_jpeg", encode(color, "JPEG", progressive=True)
    yield "full_chroma_jpeg", encode(color, "JPEG", subsampling=0, quality=95)
    yield "large_jpeg", encode(color.resize((200, 150)), "JPEG", quality=30)
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        yield f"oriented_{orientation}_jpeg", encode(color, "JPEG", exif=exif)
    for mode in ("1", "L", "P", "RGB"):
        yield f"{mode}_png", encode(color.convert(mode), "PNG")
    yield "LA_png", encode(alpha.convert("LA"), "PNG")
    yield "RGBA_png", encode(alpha, "PNG")
    yield "I16_png", encode(color.convert("I"), "PNG")
    yield "bits_2_png", encode(color.quantize(4), "PNG", bits=2)
    yield "transparent_palette_png", encode(color.quantize(16), "PNG", transparency=3)
    yield "transparent_rgb_png", encode(color, "PNG", transparency=(0, 0, 0))
    yield "rgb_16_png", sixteen_bits(9, 3, 2)
    yield "rgba_16_png", sixteen_bits(9, 4, 6)
    yield "gray_alpha_16_png", sixteen_bits(9, 2, 4)
    exif[0x0112] = 6
    yield "lossy_webp", encode(color, "WEBP", quality=40)
    yield "lossless_webp", encode(color, "WEBP", lossless=True)
    yield "alpha_webp", encode(alpha, "WEBP", quality=40)
    yield "lossless_alpha_webp", encode(alpha, "WEBP", lossless=True)
    yield "extended_webp", encode(color, "WEBP", exif=exif, icc_profile=b"profile")
    yield "animated_webp", encode(alpha, "WEBP", save_all=True, append_images=[alpha.rotate(90)])
    for interlace in (0, 1):
        yield f"color_{interlace}_gif", encode(color.quantize(64), "GIF", interlace=interlace)
        yield f"gray_{interlace}_gif", encode(color.convert("L"), "GIF", interlace=interlace)
    yield "transparent_gif", encode(color.quantize(16), "GIF", transparency=3)
    yield "animated_gif", encode(color.quantize(16), "GIF", save_all=True, loop=0,
                                 append_images=[color.rotate(90).quantize(16)])
    for path in sorted(FIXTURES.glob("*.[ah]*")):  # These are the HEIC and AVIF files.
        yield path.name, path.read_bytes()
    yield "no_picture", b"%PDF-1.4\n"


# Each has fit, grayscale and format; width; height; quality, as fuzz_picture.c reads them.
OPTIONS = [bytes([4, 8, 0, 84]), bytes([1, 16, 7, 49]), bytes([10, 20, 60, 89]), bytes([12, 0, 0, 9])]


def main():
    target = pathlib.Path(sys.argv[1])
    bodies = target / "fuzz_body"
    bodies.mkdir(parents=True, exist_ok=True)
    for name, (kind, text) in BODIES.items():
        for piece in range(4):
            (bodies / f"{name}_{piece}").write_bytes(bytes([kind | piece << 3]) + text)
    renders = target / "fuzz_picture"
    renders.mkdir(parents=True, exist_ok=True)
    for number, (name, data) in enumerate(pictures()):
        (renders / name).write_bytes(OPTIONS[number % len(OPTIONS)] + data)


if __name__ == "__main__":
    main()
