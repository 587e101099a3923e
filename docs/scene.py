#!/usr/bin/python3
"""Draws the README's colour picture. Usage: scene.py OUT.jpg

This is a small ray tracer, so that the picture in the README is the project's own and can be made again."""
import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT, SAMPLES = 1440, 900, 2
SPHERES = [  # centre, radius, colour, mirror
    ((-1.9, 0.9, 5.2), 0.9, (0.85, 0.22, 0.18), 0.15),
    ((0.1, 1.2, 6.4), 1.2, (0.95, 0.78, 0.25), 0.25),
    ((2.2, 0.8, 4.9), 0.8, (0.15, 0.45, 0.80), 0.20),
    ((0.6, 0.45, 3.9), 0.45, (0.20, 0.65, 0.35), 0.10),
    ((-0.8, 0.35, 3.7), 0.35, (0.80, 0.35, 0.70), 0.10),
    ((4.4, 1.6, 9.5), 1.6, (0.90, 0.90, 0.92), 0.60),
]
SUN = np.array([-0.55, 0.62, -0.56])
SUN /= np.linalg.norm(SUN)


def normalise(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def hit(origin, ray):
    """Returns distance and index of the nearest hit. The spheres come first, then the floor; -1 is none."""
    nearest = np.full(ray.shape[0], np.inf)
    index = np.full(ray.shape[0], -1)
    for i, (centre, radius, _, _) in enumerate(SPHERES):
        to = origin - np.array(centre)
        b = np.sum(to * ray, axis=1)
        root = b * b - np.sum(to * to, axis=1) + radius * radius
        t = -b - np.sqrt(np.maximum(root, 0))
        better = (root > 0) & (t > 1e-3) & (t < nearest)
        nearest[better], index[better] = t[better], i
    with np.errstate(divide="ignore"):
        t = -origin[:, 1] / ray[:, 1]
    floor = (t > 1e-3) & (t < nearest)
    nearest[floor], index[floor] = t[floor], len(SPHERES)
    return nearest, index


def sky(ray):
    up = np.clip(ray[:, 1:2], 0, 1) ** 0.55
    glow = np.clip(ray @ np.array([-0.5, 0.12, 0.86]), 0, 1)[:, None] ** 12
    return (1 - up) * np.array([0.98, 0.72, 0.48]) + up * np.array([0.20, 0.38, 0.68]) + glow * 0.25


def shade(origin, ray, depth=0):
    colour = sky(ray)
    t, index = hit(origin, ray)
    seen = index >= 0
    if not seen.any() or depth > 2:
        return colour
    point = origin[seen] + t[seen, None] * ray[seen]
    which = index[seen]
    base, normal, mirror = np.zeros_like(point), np.zeros_like(point), np.zeros((len(point), 1))
    for i, (centre, _, albedo, shine) in enumerate(SPHERES):
        mine = which == i
        base[mine], mirror[mine] = albedo, shine
        normal[mine] = normalise(point[mine] - np.array(centre))
    floor = which == len(SPHERES)
    checks = (np.floor(point[floor, 0]) + np.floor(point[floor, 2])) % 2
    base[floor] = np.where(checks[:, None] > 0, (0.86, 0.82, 0.76), (0.36, 0.30, 0.28))
    normal[floor], mirror[floor] = (0, 1, 0), 0.06
    lifted = point + normal * 1e-3
    shadow = hit(lifted, np.broadcast_to(SUN, point.shape))[1] >= 0
    light = np.clip(normal @ SUN, 0, 1)[:, None] * np.where(shadow, 0.0, 1.0)[:, None]
    lit = base * (0.32 + 0.85 * light)
    bounce = ray[seen] - 2 * np.sum(ray[seen] * normal, axis=1, keepdims=True) * normal
    lit = lit * (1 - mirror) + shade(lifted, normalise(bounce), depth + 1) * mirror
    haze = 1 - np.exp(-t[seen, None] / 60)
    colour[seen] = lit * (1 - haze) + colour[seen] * haze
    return colour


def main():
    x, y = np.meshgrid(np.arange(WIDTH * SAMPLES), np.arange(HEIGHT * SAMPLES))
    x = (x.ravel() / (WIDTH * SAMPLES) - 0.5) * WIDTH / HEIGHT
    y = 0.5 - y.ravel() / (HEIGHT * SAMPLES)
    ray = normalise(np.stack([x, y - 0.06, np.full_like(x, 1.15)], axis=1))
    colour = shade(np.broadcast_to(np.array([0.0, 1.35, 0.0]), ray.shape), ray)
    colour = colour.reshape(HEIGHT, SAMPLES, WIDTH, SAMPLES, 3).mean(axis=(1, 3))
    pixels = np.uint8(np.clip(colour, 0, 1) ** (1 / 1.6) * 255 + 0.5)
    Image.fromarray(pixels).save(sys.argv[1], quality=85)


main()
