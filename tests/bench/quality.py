"""Measures how near results come to the best that the filter can do. The reference is the picture decoded at
its full size, its luma (Rec. 601; in colour its channels) in float64, resized by a separable Lanczos 3 in
float64 and not rounded. Rounding to 8 bits alone costs so much that at best about 58.9 dB are left, or more
where areas are flat.

A system passes when it is at most 0.2 dB below Pillow."""

import base64
import io

import numpy as np
from PIL import Image

from pictures import QUALITY, cached

WIDTH = 720
LUMA = np.array([0.299, 0.587, 0.114])  # Rec. 601
PILLOW_MARGIN_DB = 0.2


def lanczos_matrix(size, result, covered=None):
    """Returns a matrix whose row i has the weights of all pixels of a line for pixel i of the result. covered
    is the length of that part of the line which becomes the result, when that is not all of it."""
    scale = (covered or size) / result
    centres = (np.arange(result)[:, None] + 0.5) * scale
    x = (np.arange(size)[None, :] + 0.5 - centres) / max(scale, 1)
    weights = np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def reference(picture, query):
    """Returns an array of height × 720, or of height × 720 × 3 in colour."""
    pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"), np.float64)
    if not query and pixels.ndim == 3:
        pixels = pixels @ LUMA
    down = lanczos_matrix(picture.height, round(picture.height * WIDTH / picture.width))
    resized = np.tensordot(down, pixels, (1, 0))
    return np.tensordot(lanczos_matrix(picture.width, WIDTH), resized, (1, 1)).swapaxes(0, 1).clip(0, 255)


def psnr_db(wanted, found):
    return 10 * np.log10(255 ** 2 / np.mean((wanted - found) ** 2))


def ssim(wanted, found):
    """Computes SSIM as in Wang et al., "Image quality assessment: from error visibility to structural
    similarity", 2004: with a Gaussian window of 11 × 11 and sigma 1.5, only where it fits, K1 = 0.01 and K2 =
    0.03. In colour it is the mean of the three channels."""
    window = np.exp(-np.arange(-5, 6) ** 2 / (2 * 1.5 ** 2))
    window /= window.sum()

    def blur(image):
        for axis in (0, 1):
            image = np.lib.stride_tricks.sliding_window_view(image, 11, axis) @ window
        return image

    mean_w, mean_f = blur(wanted), blur(found)
    variance_w, variance_f = blur(wanted ** 2) - mean_w ** 2, blur(found ** 2) - mean_f ** 2
    covariance = blur(wanted * found) - mean_w * mean_f
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return np.mean((2 * mean_w * mean_f + c1) * (2 * covariance + c2) /
                   ((mean_w ** 2 + mean_f ** 2 + c1) * (variance_w + variance_f + c2)))


def score(wanted, png):
    found = np.asarray(Image.open(io.BytesIO(png)), np.float64)
    assert found.shape == wanted.shape, (found.shape, wanted.shape)
    return {"psnr_db": psnr_db(wanted, found), "ssim": ssim(wanted, found), "bytes": len(png)}


def measure(sides):
    """Returns a row for each picture, which the running sides have made."""
    rows = []
    for title, picture, query in QUALITY:
        path = cached(*picture)
        body = base64.b64encode(path.read_bytes())
        image = Image.open(path)
        wanted = reference(image, query)
        scores = {side.name: score(wanted, side.result(side.upload(body, query))) for side in sides}
        passes = scores["tintype"]["psnr_db"] >= scores["Pillow"]["psnr_db"] - PILLOW_MARGIN_DB
        rows.append({"title": title, "passes": bool(passes), "scores": scores})
        print(f"{title}: " + ", ".join(f"{n} {s['psnr_db']:.1f} dB" for n, s in scores.items()), flush=True)
    return rows
