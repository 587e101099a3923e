#!/usr/bin/python3
"""Makes the README's screenshots. Usage: screenshots.py FOLDER

FOLDER is where the browser tests left theirs (TINTYPE_SCREENSHOTS). The pictures are reduced to 256 colours, which
takes a third of the bytes. Colourful pixels have a share of these, as otherwise grays would take all of them."""
import pathlib
import sys

import numpy as np
from PIL import Image

TAKEN = {"queue": "page", "compare": "page-compare", "phone": "page-phone"}
COLOURFUL, SHARE = 24, 150  # least difference between channels; colours of the 256


def palette(pixels, count):
    strip = Image.fromarray(pixels.reshape(1, -1, 3))
    return strip.quantize(count, kmeans=2).getpalette()[:3 * count]


def main():
    for name, made in TAKEN.items():
        image = Image.open(pathlib.Path(sys.argv[1]) / f"{name}.png").convert("RGB")
        pixels = np.asarray(image).reshape(-1, 3)
        colourful = np.ptp(pixels.astype(int), axis=1) > COLOURFUL
        both = Image.new("P", (1, 1))
        both.putpalette(palette(pixels[colourful], SHARE) + palette(pixels[~colourful], 256 - SHARE))
        image.quantize(palette=both, dither=Image.Dither.NONE).save(
            pathlib.Path(__file__).parent / f"{made}.png", optimize=True)


main()
