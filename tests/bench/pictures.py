"""The pictures of the benchmark, made once and kept: photographs of the package mate-backgrounds as
baseline JPEGs, and drawings made here. All have no metadata."""

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sides import CACHE

PHOTOS = Path("/usr/share/backgrounds/mate")
ELEPHANTS = PHOTOS / "abstract/Elephants_5640x3172.jpg"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
# No whole multiple of the result's 720 pixels, so that every phase of the filter is met.
DRAWING_PX = (2800, 2100)
Image.MAX_IMAGE_PIXELS = None


def cached(name, make):
    """The file of that name, from make(path) the first time."""
    path = CACHE / name
    if not path.exists():
        part = path.with_name("part-" + name)
        make(part)
        part.rename(path)
    return path


def photo(source, size, **options):
    """make(path) of a photograph at that size, in the format of its name."""
    def make(path):
        image = Image.open(source).convert("RGB")
        if image.size != size:
            image = image.resize(size, Image.LANCZOS)
        image.save(path, **options)
    return make


def drawing(draw, **options):
    return lambda path: draw().save(path, **options)


# ---- drawings ----

def icon():
    """A tile with a letter on it, as desktops have them."""
    big = Image.new("RGB", (512, 512), "#e8eaed")
    pen = ImageDraw.Draw(big)
    for row in range(32, 480):
        pen.line((32, row, 480, row), fill=(30, 60 + row // 4, 200 - row // 8))
    pen.ellipse((96, 96, 416, 416), outline="white", width=24)
    pen.text((256, 250), "t", fill="white", font=ImageFont.truetype(FONT, 240), anchor="mm")
    return big.resize((128, 128), Image.LANCZOS)


def line_art():
    """Black lines of one to four pixels on white, at all angles, and circles."""
    image = Image.new("L", DRAWING_PX, 255)
    pen = ImageDraw.Draw(image)
    width, height = DRAWING_PX
    for number in range(90):
        angle = np.pi * number / 90
        reach = 900 * np.array([np.cos(angle), np.sin(angle)])
        pen.line((*(np.array([950, 1050]) - reach), *(np.array([950, 1050]) + reach)), fill=0, width=1 + number % 4)
    for radius in range(40, 700, 22):
        box = (2000 - radius, 1050 - radius, 2000 + radius, 1050 + radius)
        pen.ellipse(box, outline=0, width=1 + radius % 3)
    for step in range(0, height, 60):
        pen.line((width - 120, step, width - 20, step + 10), fill=0, width=2)
    return image


def text_screenshot():
    """Paragraphs in several sizes, black on white and light on dark, with coloured headings."""
    image = Image.new("RGB", DRAWING_PX, "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((1400, 0, *DRAWING_PX), fill="#1e1e1e")
    words = "The quick brown fox jumps over the lazy dog; 0123456789 (again) {and} [again]."
    for left, colours in ((40, ("#111111", "#0550ae")), (1440, ("#d4d4d4", "#9cdcfe"))):
        top = 30
        for number in range(200):
            size = (16, 18, 22, 28, 40)[number // 12 % 5]
            pen.text((left, top), words[number % 20:number % 20 + 1900 // size], fill=colours[number % 6 == 0],
                     font=ImageFont.truetype(FONT, size))
            top += size * 3 // 2
    return image


def zone_plate():
    """Rings whose frequency grows with the radius, up to the highest that pixels can show: all that
    lies above the result's own must be gone from it."""
    width, height = DRAWING_PX
    y, x = np.mgrid[:height, :width]
    squares = (x - width / 2) ** 2 + (y - height / 2) ** 2
    return Image.fromarray(np.rint(127.5 + 127.5 * np.cos(np.pi * squares / width)).astype(np.uint8))


def heic(picture):
    """make(path) of a picture of this file as HEIC, which Pillow does not write."""
    return lambda path: subprocess.run(["heif-enc", "-o", path, cached(*picture)], check=True,
                                       stdout=subprocess.DEVNULL)


# ---- pictures that are all size ----

def large_photo(path):
    """100 MP in a single scan: one photograph, scaled up."""
    Image.open(ELEPHANTS).resize((12000, 8333)).save(path, quality=88)


def large_png(path):
    """100 MP of a colour gradient."""
    y, x = np.mgrid[:8333, :12000].astype(np.uint16)
    Image.fromarray(np.dstack([x >> 6, y >> 6, (x + y) >> 7]).astype(np.uint8)).save(path, compress_level=1)


def heavy_photo(path):
    """A JPEG of nearly 24 MiB: noise over a photograph."""
    pixels = np.asarray(Image.open(ELEPHANTS).convert("RGB"), np.int16)
    noise = np.random.default_rng(1).integers(-24, 25, pixels.shape, dtype=np.int16)
    image = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    low, high = 50, 100
    while high - low > 1:
        quality = (low + high) // 2
        image.save(path, quality=quality)
        low, high = (quality, high) if path.stat().st_size <= 24 << 20 else (low, quality)
    image.save(path, quality=low)
    with open(path, "ab") as file:  # bytes after the end are accepted
        file.truncate(24 << 20)


# ---- what is measured with which ----

SOFT = ("6mp.jpg", photo(PHOTOS / "nature/Blinds.jpg", (2725, 2225), quality=88))
DETAIL = ("6mp-detail.jpg", photo(ELEPHANTS, (2725, 2225), quality=88))
LARGE = ("18mp.jpg", photo(ELEPHANTS, (5640, 3172), quality=88))
ICON = ("icon.png", drawing(icon))
PHOTO_PNG = ("photo.png", photo(ELEPHANTS, (1500, 1225)))

COLOUR = "grayscale=false"
DRAWINGS = (("line art", "lines", line_art), ("text screenshot", "text", text_screenshot),
            ("zone plate", "zone", zone_plate))

# Each a title, a picture and a query.
LOADS = [
    ("6 MP photograph, soft", SOFT, ""),
    ("6 MP photograph, full of detail", DETAIL, ""),
    ("18 MP photograph", LARGE, ""),
    ("128 × 128 icon, PNG", ICON, ""),
    ("6 MP photograph, soft, in colour", SOFT, COLOUR),
]

# Each a title and a picture: one of each format that comes in.
PAIR_LOADS = [
    ("6 MP photograph, JPEG", SOFT),
    ("128 × 128 icon, PNG", ICON),
    ("photograph, PNG", PHOTO_PNG),
    ("photograph, GIF", ("photo.gif", photo(ELEPHANTS, (1500, 1225)))),
    ("photograph, WebP", ("photo.webp", photo(ELEPHANTS, (1500, 1225), quality=88))),
    ("photograph, HEIC", ("photo.heic", heic(PHOTO_PNG))),
]

QUALITY = [
    ("6 MP photograph, soft", SOFT, ""),
    ("6 MP photograph, full of detail", DETAIL, ""),
    ("18 MP photograph", LARGE, ""),
    ("photograph, PNG", PHOTO_PNG, ""),
    ("6 MP photograph, full of detail, in colour", DETAIL, COLOUR),
    ("photograph, PNG, in colour", PHOTO_PNG, COLOUR),
    *((f"{title}, PNG", (name + ".png", drawing(draw)), "") for title, name, draw in DRAWINGS),
    *((f"{title}, JPEG", (name + ".jpg", drawing(draw, quality=95)), "") for title, name, draw in DRAWINGS),
]

# Titles and pictures.
MEMORY = [
    ("18 MP JPEG, one scan", LARGE),
    ("100 MP JPEG, one scan", ("100mp.jpg", large_photo)),
    ("100 MP PNG", ("100mp.png", large_png)),
    ("24 MiB JPEG", ("24mib.jpg", heavy_photo)),
    ("18 MP JPEG, progressive", ("18mp-progressive.jpg", lambda path: path.write_bytes(ELEPHANTS.read_bytes()))),
]
