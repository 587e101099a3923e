"""Pillow is the judge: this file makes the same rendering by other code, and says how far two pictures
differ."""

import io

import numpy as np
from PIL import Image, ImageOps

Image.MAX_IMAGE_PIXELS = None


def decode(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def inside(size, box):
    """Returns the size of a picture within a box (None is free), in its proportions and never enlarged."""
    scale = min([1.0] + [limit / side for side, limit in zip(size, box) if limit])
    return tuple(max(1, int(side * scale + 0.5)) for side in size)


def upright(source):
    """Returns the picture as people look at it: with its EXIF orientation applied, and in a mode that resizes
    well."""
    image = ImageOps.exif_transpose(source)
    if image.mode in ("P", "PA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in ("1", "CMYK", "YCbCr"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image


def resized(image, size):
    """Resizes by Lanczos. Pillow premultiplies RGBA by itself."""
    return image.resize(size, Image.LANCZOS) if image.size != size else image


def gray(image):
    """Returns the Rec. 601 luma, and keeps the alpha."""
    if image.mode == "LA":
        return image
    if image.mode == "RGBA":
        return Image.merge("LA", (image.convert("RGB").convert("L"), image.getchannel("A")))
    return image.convert("L")


def rendering(source, box=(1024, 1024), grayscale=True):
    """Returns what an upload of an opened picture must become with fit=inside."""
    image = upright(source)
    image = resized(image, inside(image.size, box))
    return gray(image) if grayscale else image


def values(image):
    """Returns channel values as floats, with colour weighed by its alpha, so that hidden colour does not
    count."""
    data = np.asarray(image, dtype=np.float64)
    if image.mode in ("LA", "RGBA"):
        alpha = data[..., -1:]
        data = np.concatenate([data[..., :-1] * alpha / 255, alpha], axis=-1)
    return data


def psnr(one, other):
    """Returns the peak signal-to-noise ratio in dB, which is inf for equal pictures."""
    assert one.mode == other.mode, f"{one.mode} is not {other.mode}"
    assert one.size == other.size, f"{one.size} is not {other.size}"
    error = np.mean((values(one) - values(other)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255 ** 2 / error)


def check_like(result, reference, least=40.0):
    ratio = psnr(result, reference)
    assert ratio >= least, f"only {ratio:.1f} dB"
