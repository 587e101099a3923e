"""Pictures made for the tests: those that Pillow writes, and those that it cannot write, made by hand."""

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def photo(width, height, seed=1):
    """Makes an RGB picture with what resampling must get right: ramps, waves, hard edges and some noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    red = 128 + 100 * np.sin(x / 17) * np.cos(y / 23)
    green = 255 * x / width
    blue = 255 * y / height
    pixels = np.stack([red, green, blue], axis=-1)
    pixels[((x // 40 + y // 30) % 7 == 0)] = (240, 30, 60)
    pixels[((x - width / 2) ** 2 + (y - height / 2) ** 2) < (min(width, height) / 4) ** 2] += 40
    pixels += random.normal(0, 3, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")


def encode(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(width=320, height=240, **options):
    return encode(photo(width, height), "JPEG", **{"quality": 90, **options})


# ---- JPEG, by hand ----

def jpeg_segments(data):
    """Yields (marker, whole segment) up to SOS, and then (None, the rest)."""
    position = 2
    while True:
        marker, length = data[position + 1], struct.unpack(">H", data[position + 2:position + 4])[0]
        if marker == 0xDA:
            yield None, data[position:]
            return
        yield marker, data[position:position + 2 + length]
        position += 2 + length


def jpeg_rewrite(data, drop=(), insert=b""):
    """Removes the segments of some markers, and inserts others right after SOI."""
    kept = b"".join(s for marker, s in jpeg_segments(data) if marker not in drop)
    return data[:2] + insert + kept


def adobe_segment(transform):
    return b"\xff\xee\x00\x0eAdobe" + struct.pack(">HHHB", 100, 0, 0, transform)


def exif_segment(orientation, order="<"):
    """Makes an EXIF segment with that orientation alone, in little (<) or big (>) endian."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    tiff += struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def jpeg_rgb(image):
    """Makes a JPEG that stores RGB, as its Adobe marker says (transform 0)."""
    as_is = Image.merge("YCbCr", image.split())
    return jpeg_rewrite(encode(as_is, "JPEG", quality=95, subsampling=0), drop=(0xE0,),
                        insert=adobe_segment(0))


def jpeg_cmyk(image):
    """Makes an Adobe CMYK JPEG (inverted, transform 0), as Pillow writes it."""
    return encode(image.convert("CMYK"), "JPEG", quality=95)


def jpeg_ycck(image):
    """Makes an Adobe YCCK JPEG (inverted, transform 2): CMY of the inverted picture, as YCbCr."""
    cmyk = np.asarray(image.convert("CMYK"))
    # A decoder computes C = 255 - R(YCC), and the file holds inverted ink, C = 255 - ink. So the YCC in the
    # file is that of R = ink. Pillow inverts all four channels when it writes.
    ycc = np.asarray(Image.fromarray(cmyk[..., :3].copy(), "RGB").convert("YCbCr"))
    channels = np.dstack([255 - ycc, cmyk[..., 3]])
    data = encode(Image.fromarray(channels, "CMYK"), "JPEG", quality=95)
    return jpeg_rewrite(data, drop=(0xEE,), insert=adobe_segment(2))


# ---- PNG, by hand: every colour type, depth, filter and interlacing ----

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]  # x, y, step x, step y of each pass (PNG specification 8.2)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width, height, depth, colour, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def pack_row(samples, depth):
    """Returns one row of samples as bytes, without the filter byte."""
    if depth == 16:
        return samples.astype(">u2").tobytes()
    if depth == 8:
        return samples.astype(np.uint8).tobytes()
    bits = (samples[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).ravel()).tobytes()


def filter_row(kind, row, before, step):
    """Filters a row of whole bytes as in PNG specification 9.2."""
    now = np.frombuffer(row, np.uint8).astype(np.int16)
    up = np.frombuffer(before, np.uint8).astype(np.int16) if before else np.zeros_like(now)
    left = np.concatenate([np.zeros(step, np.int16), now])[:len(now)]
    corner = np.concatenate([np.zeros(step, np.int16), up])[:len(now)]
    if kind == 4:
        estimate = left + up - corner
        distance = np.abs(np.stack([estimate - left, estimate - up, estimate - corner]))
        guess = np.choose(distance.argmin(axis=0), [left, up, corner])
    else:
        guess = [0 * now, left, up, (left + up) // 2][kind]
    return bytes([kind]) + ((now - guess) & 255).astype(np.uint8).tobytes()


def png(samples, depth, colour, interlace=False, extra=b"", parts=3):
    """Makes a PNG. samples is an array of height × width × channels of raw values, and extra holds chunks to
    put before IDAT."""
    height, width = samples.shape[:2]
    samples = samples.reshape(height, width, CHANNELS[colour])
    step = max(1, CHANNELS[colour] * depth // 8)
    raw, filters = [], itertools.cycle([0, 1, 2, 3, 4])
    for x, y, step_x, step_y in (ADAM7 if interlace else [(0, 0, 1, 1)]):
        before = b""
        for line in samples[y::step_y, x::step_x]:
            if not line.size:
                break
            row = pack_row(line.ravel(), depth)
            raw.append(filter_row(next(filters), row, before, step))
            before = row
    data = zlib.compress(b"".join(raw), 6)
    size = len(data) // parts + 1
    idat = b"".join(chunk(b"IDAT", data[i:i + size]) for i in range(0, len(data), size))
    return (PNG_SIGNATURE + png_header(width, height, depth, colour, int(interlace)) + extra + idat
            + chunk(b"IEND", b""))


def deflated_zeros(count):
    """Makes a zlib stream of that many zeros, put together from one compressed piece (RFC 1950, 1951)."""
    piece = 1 << 20
    packer = zlib.compressobj(9, wbits=-15)
    whole = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    packer = zlib.compressobj(9, wbits=-15)
    rest = packer.compress(bytes(count % piece)) + packer.flush()
    adler = (count % 65521) << 16 | 1
    return b"\x78\xda" + whole * (count // piece) + rest + struct.pack(">I", adler)


def png_bomb(width, height, depth=1, colour=0, rows=None):
    """Makes a PNG of zeros with only as many rows as asked for, or with all."""
    row_bytes = (width * CHANNELS[colour] * depth + 7) // 8 + 1
    data = deflated_zeros(row_bytes * (height if rows is None else rows))
    return (PNG_SIGNATURE + png_header(width, height, depth, colour) + chunk(b"IDAT", data)
            + chunk(b"IEND", b""))


def slow_png(side=7000):
    """Makes a valid PNG that is small on the wire and keeps a decoder busy for a good part of a second."""
    return png_bomb(side, side, 8, 2)
