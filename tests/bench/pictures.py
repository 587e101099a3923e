"""The pictures of the benchmark, which are made once and kept: photographs of the package mate-backgrounds as
baseline JPEGs, and drawings made here. None has metadata, but the orientation of the turned one."""

import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sides import CACHE

PHOTOS = Path("/usr/share/backgrounds/mate")
ELEPHANTS = PHOTOS / "abstract/Elephants_5640x3172.jpg"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
# The size is no whole multiple of the result's 720 pixels, so that every phase of the filter is met.
DRAWING_PX = (2800, 2100)
Image.MAX_IMAGE_PIXELS = None


def cached(name, make):
    """Returns the file of that name. Calls make(path) when it is not there yet."""
    path = CACHE / name
    if not path.exists():
        part = path.with_name("part-" + name)
        make(part)
        part.rename(path)
    return path


def photo(source, size, **options):
    """Returns a make(path) that writes a photograph at that size, in the format of the path's ending."""
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
    """Draws a tile with a letter on it, like an icon of a desktop."""
    big = Image.new("RGB", (512, 512), "#e8eaed")
    pen = ImageDraw.Draw(big)
    for row in range(32, 480):
        pen.line((32, row, 480, row), fill=(30, 60 + row // 4, 200 - row // 8))
    pen.ellipse((96, 96, 416, 416), outline="white", width=24)
    pen.text((256, 250), "t", fill="white", font=ImageFont.truetype(FONT, 240), anchor="mm")
    return big.resize((128, 128), Image.LANCZOS)


def line_art():
    """Draws black lines of one to four pixels on white, at all angles, and circles."""
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
    """Draws paragraphs in several sizes, black on white and light on dark, with coloured headings."""
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
    """Draws rings whose frequency grows with the radius, up to the highest that pixels can show. A good
    filter leaves nothing of those that are finer than the result's pixels."""
    width, height = DRAWING_PX
    y, x = np.mgrid[:height, :width]
    squares = (x - width / 2) ** 2 + (y - height / 2) ** 2
    return Image.fromarray(np.rint(127.5 + 127.5 * np.cos(np.pi * squares / width)).astype(np.uint8))


def heic(picture):
    """Returns a make(path) that has heif-enc write this picture as HEIC, which Pillow cannot write."""
    return lambda path: subprocess.run(["heif-enc", "-o", path, cached(*picture)], check=True,
                                       stdout=subprocess.DEVNULL)


# ---- very large pictures ----

def large_photo(path):
    """Makes a JPEG of 100 MP in a single scan, from one photograph scaled up."""
    Image.open(ELEPHANTS).resize((12000, 8333)).save(path, quality=88)


def large_png(path):
    """Makes a PNG of 100 MP of a colour gradient."""
    y, x = np.mgrid[:8333, :12000].astype(np.uint16)
    Image.fromarray(np.dstack([x >> 6, y >> 6, (x + y) >> 7]).astype(np.uint8)).save(path, compress_level=1)


def heavy_photo(path):
    """Makes a JPEG of nearly 24 MiB, from a photograph with noise over it."""
    pixels = np.asarray(Image.open(ELEPHANTS).convert("RGB"), np.int16)
    noise = np.random.default_rng(1).integers(-24, 25, pixels.shape, dtype=np.int16)
    image = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    low, high = 50, 100
    while high - low > 1:
        quality = (low + high) // 2
        image.save(path, quality=quality)
        low, high = (quality, high) if path.stat().st_size <= 24 << 20 else (low, quality)
    image.save(path, quality=low)
    with open(path, "ab") as file:  # The service accepts bytes after the end, so they fill the file up.
        file.truncate(24 << 20)


# ---- the pictures of each measurement ----

SOFT = ("6mp.jpg", photo(PHOTOS / "nature/Blinds.jpg", (2725, 2225), quality=88))
DETAIL = ("6mp-detail.jpg", photo(ELEPHANTS, (2725, 2225), quality=88))
LARGE = ("18mp.jpg", photo(ELEPHANTS, (5640, 3172), quality=88))
ICON = ("icon.png", drawing(icon))
PHOTO_PNG = ("photo.png", photo(ELEPHANTS, (1500, 1225)))

COLOUR = "grayscale=false"
DRAWINGS = (("line art", "lines", line_art), ("text screenshot", "text", text_screenshot),
            ("zone plate", "zone", zone_plate))

# Each row has a title, a picture and a query.
LOADS = [
    ("6 MP photograph, soft", SOFT, ""),
    ("6 MP photograph, full of detail", DETAIL, ""),
    ("18 MP photograph", LARGE, ""),
    ("128 × 128 icon, PNG", ICON, ""),
    ("6 MP photograph, soft, in colour", SOFT, COLOUR),
]

TURNED = Image.Exif()
TURNED[0x0112] = 6  # as a phone that was held upright writes it

# Each row has a title and a picture. There is one for each format that uploads may have, and one that is turned,
# which most photographs of phones are.
PAIR_LOADS = [
    ("6 MP photograph, JPEG", SOFT),
    ("6 MP photograph, JPEG, to be turned", ("turned.jpg", photo(ELEPHANTS, (2725, 2225), quality=88, exif=TURNED))),
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

# Each row has a title and a picture.
MEMORY = [
    ("18 MP JPEG, one scan", LARGE),
    ("100 MP JPEG, one scan", ("100mp.jpg", large_photo)),
    ("100 MP PNG", ("100mp.png", large_png)),
    ("24 MiB JPEG", ("24mib.jpg", heavy_photo)),
    ("18 MP JPEG, progressive", ("18mp-progressive.jpg", lambda path: path.write_bytes(ELEPHANTS.read_bytes()))),
]
