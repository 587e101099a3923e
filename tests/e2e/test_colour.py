"""Colour stays colour: profiles are judged by Pillow's ImageCms, and chroma by a full decode of the same
file."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFilter

import judge
import pictures

PHOTO = pictures.photo(640, 480)

# ---- profiles made by hand (ICC.1:2022, 7 and 10) ----

# These are of lcms2.h: an intent, black point compensation, and no optimisation.
PERCEPTUAL, COMPENSATE, EXACT = 0, 0x2000, 0x0100


def fixed(*numbers):
    return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)


def profile(space, tags, kind=b"mntr", pcs=b"XYZ "):
    """Makes a version 2 profile with those tags, each aligned to 4 bytes."""
    at, entries, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        entries += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02400000, kind, space, pcs)
    header += struct.pack(">6H4s4sIII8sI", 2024, 1, 1, 0, 0, 0, b"acsp", b"\0" * 4, 0, 0, 0, b"\0" * 8, PERCEPTUAL)
    header += fixed(0.9642, 1, 0.8249)
    header = header.ljust(128, b"\0") + struct.pack(">I", len(tags))
    whole = header + entries + body
    return struct.pack(">I", len(whole)) + whole[4:]


def xyz(*numbers):
    return b"XYZ \0\0\0\0" + fixed(*numbers)


def curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def srgb_curve(points=1024):
    x = np.linspace(0, 1, points)
    y = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I", points) + (y * 65535).round().astype(">u2").tobytes()


def rgb_profile(red, green, blue, tone):
    return profile(b"RGB ", {b"wtpt": xyz(0.9642, 1, 0.8249), b"rXYZ": xyz(*red), b"gXYZ": xyz(*green),
                             b"bXYZ": xyz(*blue), b"rTRC": tone, b"gTRC": tone, b"bTRC": tone})


def cmyk_profile(grid=5):
    """Makes a profile with a table of 8 bits (10.11), in which inks are filters one after the other. Its
    black is not quite black and its colours are dull, as in print."""
    c, m, y, k = np.meshgrid(*[np.linspace(0, 1, grid)] * 4, indexing="ij")
    rgb = np.stack([1 - 0.9 * c, 1 - 0.85 * m, 1 - 0.95 * y], axis=-1) * (1 - 0.88 * k[..., None])
    paper = Image.fromarray((rgb.reshape(-1, 1, 3) * 255).round().astype(np.uint8), "RGB")
    to_lab = ImageCms.buildTransform(SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = np.asarray(ImageCms.applyTransform(paper, to_lab)).astype(np.uint8).reshape(-1, 3)
    lab = lab ^ np.array([0, 128, 128], np.uint8)  # Pillow has a and b as signed numbers.
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, grid, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += ramp * 4 + lab.tobytes() + ramp * 3
    return profile(b"CMYK", {b"wtpt": xyz(0.9642, 1, 0.8249), b"A2B0": table}, b"prtr", b"Lab ")


SRGB = ImageCms.createProfile("sRGB")
DISPLAY_P3 = rgb_profile((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189),
                         (0.15710, 0.06657, 0.78407), srgb_curve())
ADOBE_RGB = rgb_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087),
                        (0.14919, 0.06322, 0.74457), curve(563 / 256))
PLAIN_SRGB = rgb_profile((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141),
                         srgb_curve())
GRAY_18 = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": curve(1.8)})
CMYK = cmyk_profile()


def to_srgb(image, icc):
    """Converts by Pillow and keeps the alpha. A gray picture becomes RGB's gray."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert("L" if image.mode == "LA" else "RGB") if alpha else image
    colours = ImageCms.profileToProfile(colours, ImageCms.ImageCmsProfile(io.BytesIO(icc)), SRGB,
                                        PERCEPTUAL, "RGB", flags=COMPENSATE | EXACT)
    if image.mode in ("L", "LA"):
        colours = colours.getchannel("G")
    if alpha:
        colours.putalpha(alpha)
    return colours


def rendered(server, data, **options):
    query = "&".join(f"{k}={v}" for k, v in ({"grayscale": "false"} | options).items())
    return judge.decode(server.processed(server.upload(data, query=query)))


# ---- conversion ----

PROFILES = {"Display P3": DISPLAY_P3, "Adobe RGB": ADOBE_RGB}


@pytest.mark.parametrize("width", [640, 400, 160])
@pytest.mark.parametrize("icc", PROFILES.values(), ids=PROFILES.keys())
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_rgb(server, kind, icc, width):
    extra = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    data = pictures.encode(PHOTO, kind, icc_profile=icc, **extra)
    resized = judge.resized(judge.decode(data).convert("RGB"), (width, width * 3 // 4))
    reference = to_srgb(resized, icc)
    assert judge.psnr(reference, resized) < 35  # Without this the profile would make no visible difference.
    judge.check_like(rendered(server, data, width=width), reference, 44)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_gray(server, mode):
    source = PHOTO.convert(mode)
    if mode == "LA":
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    data = pictures.encode(source, "PNG", icc_profile=GRAY_18)
    for width in (640, 300):
        resized = source.resize((width, width * 3 // 4), Image.LANCZOS)
        reference = to_srgb(resized, GRAY_18)
        assert judge.psnr(reference, resized) < 35
        judge.check_like(rendered(server, data, width=width), reference, 44)


def test_gray_jpeg(server):
    data = pictures.encode(PHOTO.convert("L"), "JPEG", quality=95, icc_profile=GRAY_18)
    resized = judge.decode(data).resize((300, 225), Image.LANCZOS)
    judge.check_like(rendered(server, data, width=300), to_srgb(resized, GRAY_18), 44)


def test_alpha_stays(server):
    source = PHOTO.convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    data = pictures.encode(source, "PNG", icc_profile=DISPLAY_P3)
    judge.check_like(rendered(server, data), to_srgb(source, DISPLAY_P3), 50)


def test_sixteen_bits(server):
    samples = np.asarray(PHOTO, np.int64) * 257
    chunk = pictures.chunk(b"iCCP", b"p3\0\0" + zlib.compress(DISPLAY_P3))
    data = pictures.png(samples, 16, 2, extra=chunk)
    judge.check_like(rendered(server, data), to_srgb(PHOTO, DISPLAY_P3), 50)


@pytest.mark.parametrize("width", [640, 400, 160])
@pytest.mark.parametrize("grayscale", ["false", "true"])
@pytest.mark.parametrize("ycck", [False, True], ids=["CMYK", "YCCK"])
def test_cmyk(server, ycck, grayscale, width):
    """CMYK is converted before the resize, because the profile's inks are no colours that could be mixed."""
    data = pictures.jpeg_ycck(PHOTO) if ycck else pictures.jpeg_cmyk(PHOTO)
    plain = rendered(server, data, width=width, grayscale=grayscale)
    data = pictures.jpeg_rewrite(data, insert=icc_segments(CMYK, 2))
    source = judge.decode(data)
    assert source.mode == "CMYK" and source.info["icc_profile"] == CMYK
    colours = ImageCms.profileToProfile(source, ImageCms.ImageCmsProfile(io.BytesIO(CMYK)), SRGB,
                                        PERCEPTUAL, "RGB", flags=COMPENSATE)
    reference = judge.resized(colours, (width, width * 3 // 4))
    if grayscale == "true":
        reference = reference.convert("L")
    assert judge.psnr(reference, plain) < 35
    judge.check_like(rendered(server, data, width=width, grayscale=grayscale), reference, 42)


def test_cmyk_with_a_large_table(server):
    """A table of 1.2 MB in eight bits takes the most memory for its size."""
    large = cmyk_profile(25)
    plain = pictures.jpeg_cmyk(PHOTO)
    one, other = (rendered(server, pictures.jpeg_rewrite(plain, insert=icc_segments(icc, count)), width=160)
                  for icc, count in ((large, 20), (CMYK, 1)))
    assert len(large) > 1_000_000
    assert judge.psnr(one, rendered(server, plain, width=160)) < 35
    judge.check_like(one, other, 30)


def test_gray_is_the_luma_of_the_files_own_values(server):
    """Gray is the luma also of values of a wide gamut, as Pillow's convert("L") has it."""
    for kind in ("JPEG", "PNG"):
        with_profile, without = (rendered(server, pictures.encode(PHOTO, kind, icc_profile=icc), width=300,
                                          grayscale="true") for icc in (DISPLAY_P3, None))
        assert with_profile.tobytes() == without.tobytes()


def test_srgb_changes_nothing(server):
    for kind in ("JPEG", "PNG"):
        one, other = (rendered(server, pictures.encode(PHOTO, kind, icc_profile=icc), width=300)
                      for icc in (PLAIN_SRGB, None))
        assert one.tobytes() == other.tobytes()


# ---- profiles that lie ----

def icc_segments(icc, count, numbers=None, total=None):
    """Makes APP2 segments (ICC.1:2022, B.4), with other numbers and another total than is true if asked to."""
    size, segments = -(-len(icc) // count), b""
    for i in range(count):
        body = b"ICC_PROFILE\0" + bytes([(numbers or range(1, count + 1))[i], total or count])
        body += icc[i * size:(i + 1) * size]
        segments += b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    return segments


def damaged(icc, at, data):
    return icc[:at] + data + icc[at + len(data):]


LIES = {
    "a chunk twice": icc_segments(DISPLAY_P3, 3, (1, 1, 2)),
    "a chunk missing": icc_segments(DISPLAY_P3, 3, (1, 2, 3), total=4),
    "chunk 0": icc_segments(DISPLAY_P3, 2, (0, 1)),
    "more than there are": icc_segments(DISPLAY_P3, 2, (1, 200)),
    "cut": icc_segments(DISPLAY_P3[:300], 1),
    "no profile": icc_segments(b"x" * 60000, 1),
    "many tags": icc_segments(damaged(DISPLAY_P3, 128, b"\xff\xff\xff\xff"), 1),
    "tags beyond the end": icc_segments(damaged(DISPLAY_P3, 136, b"\xff\xff\xff\xf0" * 40), 1),
    "a huge table": icc_segments(profile(b"RGB ", {b"A2B0": b"mft2\0\0\0\0\3\3\xff".ljust(300, b"\1")}), 1),
    "four inks": icc_segments(CMYK, 1),
    "gray": icc_segments(GRAY_18, 1),
}


@pytest.mark.parametrize("segments", LIES.values(), ids=LIES.keys())
def test_lies_in_jpeg_are_ignored(server, segments):
    plain = pictures.jpeg()
    data = pictures.jpeg_rewrite(plain, insert=segments)
    assert rendered(server, data).tobytes() == rendered(server, plain).tobytes()


def test_chunks_out_of_order(server):
    """Their numbers say in which order chunks belong; Pillow puts them in order as well."""
    plain = pictures.jpeg()
    in_order = pictures.jpeg_rewrite(plain, insert=icc_segments(DISPLAY_P3, 3))
    segments = [s for marker, s in pictures.jpeg_segments(in_order) if marker == 0xE2]
    turned = pictures.jpeg_rewrite(plain, insert=b"".join(reversed(segments)))
    one, other = rendered(server, in_order), rendered(server, turned)
    assert len(segments) == 3 and turned != in_order
    assert one.tobytes() == other.tobytes()


def png_with(chunk_body):
    plain = pictures.encode(PHOTO.resize((64, 48)), "PNG")
    return plain, plain[:33] + pictures.chunk(b"iCCP", chunk_body) + plain[33:]


@pytest.mark.parametrize("icc", [
    DISPLAY_P3[:300], struct.pack(">I", 50_000_000) + DISPLAY_P3[4:] + bytes(50_000_000 - len(DISPLAY_P3)),
    struct.pack(">I", 0xFFFFFFFF) + DISPLAY_P3[4:], struct.pack(">I", 132) + DISPLAY_P3[4:],
    b"", CMYK, GRAY_18], ids=["cut", "50 MB", "4 GB said", "less said", "empty", "four inks", "gray"])
def test_lies_in_png_are_ignored(server, icc):
    plain, data = png_with(b"p3\0\0" + zlib.compress(icc, 9))
    assert rendered(server, data).tobytes() == rendered(server, plain).tobytes()


# ---- chroma ----

def coloured_photo(width, height):
    """Makes a picture like a photograph a little out of focus, with stripes of the same luma and opposite
    colours."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pixels = np.asarray(pictures.photo(width, height), np.float32).copy()
    stripes = (x // 96 + y // 72) % 5 == 0
    pixels[stripes] = (220, 60, 60)
    pixels[stripes & ((x // 24) % 2 == 0)] = (30, 140, 130)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")
    return image.filter(ImageFilter.GaussianBlur(1.5))


CHROMA = coloured_photo(1536, 1152)


@pytest.mark.parametrize("width", [1536, 1000, 768, 420, 208, 104, 52])
@pytest.mark.parametrize("subsampling", [0, 1, 2], ids=["4:4:4", "4:2:2", "4:2:0"])
def test_chroma(server, subsampling, width):
    """Compares each channel with the picture before JPEG, at every scale that the decoder may choose. It must
    reach 45 dB, or what a full decode by Pillow reaches where that is less, as upsampled chroma is soft."""
    data = pictures.encode(CHROMA, "JPEG", quality=95, subsampling=subsampling)
    result = rendered(server, data, width=width, height=16384)
    assert result.size == (width, width * 3 // 4)
    wanted = judge.resized(CHROMA, result.size)
    full = judge.resized(judge.decode(data), result.size)
    for channel in range(3):
        ours, theirs = (judge.psnr(image.getchannel(channel), wanted.getchannel(channel))
                        for image in (result, full))
        assert ours >= min(45, theirs) - 0.5, f"channel {channel}: {ours:.1f} dB, Pillow {theirs:.1f} dB"
