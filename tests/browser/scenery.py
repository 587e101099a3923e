"""Pictures worth looking at for the page's tests and screenshots: hills in the haze, each of them different."""

import numpy as np
from PIL import Image

SKIES = [((250, 205, 150), (70, 110, 170)), ((245, 170, 140), (60, 60, 120)),
         ((225, 235, 240), (110, 160, 205)), ((255, 225, 170), (150, 90, 110))]


def hills(number, width=960, height=720):
    """The same number always gives the same picture."""
    random = np.random.default_rng(number)
    low, high = (np.array(colour, float) for colour in SKIES[number % len(SKIES)])
    y, x = np.mgrid[0:height, 0:width].astype(float)
    x, y = x / width, y / height
    up = np.clip(1 - y * 1.5, 0, 1)[..., None]
    pixels = low * (1 - up) + high * up
    sun_x, sun_y = random.uniform(.2, .8), random.uniform(.2, .4)
    distance = np.hypot((x - sun_x) * width / height, y - sun_y)
    pixels += (np.exp(-distance * 7) * 90 + (distance < .05) * 120)[..., None]
    for layer in range(5):
        depth = layer / 4
        ridge = .48 + .11 * layer - sum(
            random.uniform(.2, 1) * .10 / wave * np.sin(2 * np.pi * (wave * x + random.uniform()))
            for wave in (1, 2, 3, 5, 9, 17))
        near = np.array((28, 44, 40), float) + random.uniform(0, 14, 3)
        colour = low * (1 - depth) * .8 + near * (.2 + .8 * depth)
        shade = 1 - .35 * np.clip((y - ridge) * 3, 0, 1)
        inside = y > ridge
        pixels[inside] = (colour * shade[..., None])[inside]
    pixels += random.normal(0, 2.5, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")
