"""Compares the PNG writer with Pillow's on the same pixels, by bytes and by CPU time, for photographs, drawings
and pages with both.

Each picture is encoded by both in turn, ROUNDS times. The least CPU time of each counts, so that a neighbour on
the machine does not distort it. Pillow decodes every file of the writer, and the pixels are compared.

  PNG_BENCH_ROUNDS   rounds of each (7)
  PNG_BENCH_PIXELS   a folder for each picture's samples, as <kind>-<name>.<width>x<height>x<channels> (none)
"""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(os.environ.get("TINTYPE_BUILD", ROOT / "build")) / "drivers/png_driver"
ROUNDS = int(os.environ.get("PNG_BENCH_ROUNDS", "7"))
BACKGROUNDS = Path("/usr/share/backgrounds/mate")
PHOTOS = ["nature/Aqua.jpg", "nature/Blinds.jpg", "nature/Dune.jpg", "nature/FreshFlower.jpg", "nature/Garden.jpg",
          "nature/GreenMeadow.jpg", "nature/LadyBird.jpg", "nature/RainDrops.jpg", "nature/Storm.jpg",
          "nature/TwoWings.jpg", "nature/Wood.jpg", "nature/YellowFlower.jpg", "abstract/Elephants.jpg"]
ART = ["abstract/Flow.png", "abstract/Gulp.png", "abstract/Silk.png", "abstract/Spring.png", "abstract/Waves.png",
       "abstract/Arc-Colors-Transparent-Wallpaper.png", "desktop/MATE-Stripes-Dark.png", "desktop/Stripes.png",
       "desktop/Float-into-MATE.png", "desktop/GreenTraditional.jpg"]
MIXED_PHOTOS = ["nature/Aqua.jpg", "nature/Garden.jpg", "nature/LadyBird.jpg", "nature/Storm.jpg"]
PAGE_PX = (1200, 900)
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
WORDS = ("Tintype takes image uploads over HTTP turns each into a resized picture and acknowledges it only once it is "
         "safe on disk then carries original result and metadata away in the background").split()


# ---- pictures ----

def photo(name, width):
    image = Image.open(BACKGROUNDS / name).convert("RGB")
    return image.resize((width, max(1, round(image.height * width / image.width))), Image.LANCZOS)


def photos():
    """Yields kind, name and picture of photographs, softened by a resize as the service's results are."""
    for name in PHOTOS:
        for width in (256, 720, 1024):
            image = photo(name, width)
            for mode in ("L", "RGB"):
                yield "photo", f"{Path(name).stem}-{width}-{mode}", image.convert(mode)
    cut = photo("nature/TwoWings.jpg", 720).convert("RGBA")
    mask = Image.new("L", cut.size)
    ImageDraw.Draw(mask).ellipse((80, 60, 640, 500), fill=255)
    cut.putalpha(mask.filter(ImageFilter.GaussianBlur(6)))
    yield "photo", "cut-out-RGBA", cut
    yield "photo", "cut-out-LA", cut.convert("LA")


def write_text(draw, box, size, seed, colour=(30, 30, 40)):
    random = np.random.default_rng(seed)
    font = ImageFont.truetype(FONT, size)
    left, top, right, bottom = box
    y = top
    while y + size * 1.4 < bottom:
        line = ""
        while True:
            word = WORDS[random.integers(len(WORDS))]
            if draw.textlength(line + word, font=font) > right - left:
                break
            line += word + " "
        draw.text((left, y), line, font=font, fill=colour)
        y += int(size * 1.4)


def page():
    """Draws text with white margins."""
    image = Image.new("RGB", (760, 1000), "white")
    write_text(ImageDraw.Draw(image), (90, 220, 670, 900), 15, 1)
    return image


def desktop():
    """Draws windows, a side bar, text and a few icons."""
    image = Image.new("RGB", (1024, 768), (58, 110, 165))
    draw = ImageDraw.Draw(image)
    for i, box in enumerate([(60, 40, 620, 420), (300, 260, 980, 720)]):
        draw.rectangle(box, fill=(245, 245, 247), outline=(90, 90, 90))
        draw.rectangle((box[0], box[1], box[2], box[1] + 24), fill=(70, 80, 100))
        write_text(draw, (box[0] + 12, box[1] + 34, box[2] - 12, box[3] - 8), 12 + i, i)
    for i in range(8):
        draw.rounded_rectangle((8, 40 + 60 * i, 48, 80 + 60 * i), 8, fill=(200 - 20 * i, 60 + 20 * i, 120))
    return image


def desktop_with_photo():
    image = desktop()
    image.paste(photo("nature/LadyBird.jpg", 440), (520, 60))
    return image


def photo_below_margin():
    """Draws a page whose upper half is white and whose lower half is a photograph."""
    image = Image.new("RGB", (720, 1000), "white")
    image.paste(photo("nature/Aqua.jpg", 640), (40, 480))
    return image


def chart():
    image = Image.new("RGB", (900, 600), "white")
    draw = ImageDraw.Draw(image)
    random = np.random.default_rng(5)
    for y in range(50, 560, 50):
        draw.line((60, y, 880, y), fill=(220, 220, 220))
    for i in range(16):
        height = int(random.integers(60, 480))
        draw.rectangle((70 + 50 * i, 550 - height, 100 + 50 * i, 550), fill=(31, 119, 180))
    points = np.cumsum(random.normal(0, 9, 160)) + 300
    draw.line([(60 + 5 * i, float(y)) for i, y in enumerate(points)], fill=(214, 39, 40), width=2)
    write_text(draw, (60, 8, 880, 40), 14, 3)
    return image


def lines():
    """Draws smooth curves large and makes them small, so that they are antialiased."""
    image = Image.new("L", (3200, 2400), 255)
    draw = ImageDraw.Draw(image)
    for i in range(40):
        angle = np.linspace(0, 2 * np.pi, 400)
        x = 1600 + (300 + 32 * i) * np.cos(angle * (1 + i % 3)) * 0.9
        y = 1200 + (200 + 24 * i) * np.sin(angle + i)
        draw.line(list(zip(x.tolist(), y.tolist())), fill=0, width=5)
    return image.resize((800, 600), Image.LANCZOS).convert("RGB")


def gradient():
    y, x = np.mgrid[0:600, 0:800]
    return Image.fromarray(np.stack([x * 255 // 799, y * 255 // 599, (x + y) * 255 // 1398], 2).astype(np.uint8))


def dithered():
    return photo("nature/Storm.jpg", 720).convert("1").convert("RGB")


def palette():
    return photo("nature/Garden.jpg", 720).quantize(32).convert("RGB")


def noisy_desktop():
    """Makes a screenshot that went through a lossy codec, so that its even areas are noisy."""
    buffer = io.BytesIO()
    desktop().save(buffer, "JPEG", quality=75)
    return Image.open(buffer).convert("RGB")


def scaled_desktop():
    """Makes what the service makes of a screenshot: all edges are soft."""
    return desktop().resize((720, 540), Image.LANCZOS)


def scaled_page():
    return page().resize((400, 526), Image.LANCZOS)


def icon():
    image = Image.new("RGBA", (512, 512))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((32, 32, 480, 480), 96, fill=(32, 120, 220, 255))
    draw.ellipse((128, 128, 384, 384), fill=(250, 250, 250, 255))
    draw.polygon([(256, 150), (340, 340), (170, 340)], fill=(220, 60, 60, 255))
    return image.resize((128, 128), Image.LANCZOS)


def shadowed():
    """Draws a window with a soft shadow on a transparent ground."""
    image = Image.new("RGBA", (640, 480))
    shadow = Image.new("L", image.size)
    ImageDraw.Draw(shadow).rectangle((60, 60, 590, 430), fill=160)
    image.putalpha(shadow.filter(ImageFilter.GaussianBlur(16)))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 50, 580, 420), fill=(250, 250, 250, 255), outline=(120, 120, 120, 255))
    write_text(draw, (72, 60, 570, 410), 13, 8, (20, 20, 20, 255))
    return image


def tiled():
    tile = photo("nature/Wood.jpg", 64)
    image = Image.new("RGB", (640, 480))
    for y in range(0, 480, tile.height):
        for x in range(0, 640, tile.width):
            image.paste(tile, (x, y))
    return image


def drawings():
    makers = [page, desktop, desktop_with_photo, photo_below_margin, chart, lines, gradient, dithered, palette,
              noisy_desktop, scaled_desktop, scaled_page, icon, shadowed, tiled]
    for make in makers:
        image = make()
        has_alpha = image.mode == "RGBA"
        for mode in ("LA", "RGBA") if has_alpha else ("L", "RGB"):
            yield "drawing", f"{make.__name__}-{mode}", image.convert(mode)
    yield "drawing", "flat-L", Image.new("L", (1024, 1024), 200)
    yield "drawing", "flat-RGB", Image.new("RGB", (720, 540), (12, 120, 220))
    for name in ART:
        if (BACKGROUNDS / name).exists():
            image = photo(name, 720)
            for mode in ("L", "RGB"):
                yield "art", f"{Path(name).stem}-{mode}", image.convert(mode)


def framed(picture):
    image = Image.new("RGB", PAGE_PX, "white")
    image.paste(picture, ((image.width - picture.width) // 2, (image.height - picture.height) // 2))
    return image


def oval(picture):
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((0, 0, *picture.size), fill=255)
    return framed(Image.composite(picture, Image.new("RGB", picture.size, "white"), mask))


def beside_text(picture):
    image = Image.new("RGB", PAGE_PX, (250, 250, 252))
    image.paste(picture, (20, 80))
    write_text(ImageDraw.Draw(image), (picture.width + 50, 10, image.width - 10, image.height), 18, 9, (20, 20, 20))
    return image


def mixed():
    """Yields pictures with a photograph and white, or text, in the same rows, softened by a resize."""
    for name in MIXED_PHOTOS:
        for make in (framed, oval, beside_text):
            large = make(photo(name, 720))
            for width in (200, 400, 720):
                image = large.resize((width, width * 3 // 4), Image.LANCZOS)
                for mode in ("L", "RGB"):
                    yield "mixed", f"{make.__name__}-{Path(name).stem}-{width}-{mode}", image.convert(mode)


def synthetic():
    y, x = np.mgrid[-300:300, -300:300]
    plate = 127.5 + 127.5 * np.cos((x * x + y * y) * np.pi / 600)
    yield "other", "zone-plate", Image.fromarray(plate.astype(np.uint8))
    noise = np.random.default_rng(2).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    yield "other", "noise-RGB", Image.fromarray(noise)
    yield "other", "noise-L", Image.fromarray(noise[:, :, 0])


def pictures():
    for make in (photos, drawings, mixed, synthetic):
        yield from make()


# ---- measuring ----

def pillow_encode(image):
    buffer = io.BytesIO()
    started = time.process_time()
    image.save(buffer, "PNG")
    return time.process_time() - started, len(buffer.getvalue())


class Writer:
    """The driver is one process, which reads and answers one picture after the other."""

    def __init__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def encode(self, image, samples):
        head = f"{image.width} {image.height} {MODES[image.mode]}\n".encode()
        self.process.stdin.write(head + samples)
        self.process.stdin.flush()
        nanoseconds, length = map(int, self.process.stdout.readline().split())
        return nanoseconds / 1e9, self.process.stdout.read(length)


def measure(writer, image):
    samples = image.tobytes()
    ours, pillows = [], []
    for _ in range(ROUNDS):
        seconds, encoded = writer.encode(image, samples)
        ours.append(seconds)
        seconds, pillow_bytes = pillow_encode(image)
        pillows.append(seconds)
    decoded = Image.open(io.BytesIO(encoded))
    assert decoded.mode == image.mode and decoded.tobytes() == samples, "the file is not the picture"
    return min(ours) * 1e3, min(pillows) * 1e3, len(encoded), pillow_bytes


def main():
    if len(sys.argv) > 1:
        chosen = [p for p in pictures() if any(word in "-".join(p[:2]) for word in sys.argv[1:])]
    else:
        chosen = list(pictures())
    writer = Writer()
    totals = {}
    print(f"{'picture':38} {'ms':>7} {'Pillow':>7} {'ratio':>6}   {'bytes':>8} {'Pillow':>8} {'ratio':>6}")
    for kind, name, image in chosen:
        ours, pillow, length, pillow_length = measure(writer, image)
        print(f"{kind + ' ' + name:38} {ours:7.2f} {pillow:7.2f} {ours / pillow:6.3f}   "
              f"{length:8} {pillow_length:8} {length / pillow_length:6.3f}", flush=True)
        totals.setdefault(kind, []).append((ours, pillow, length / pillow_length))
    print()
    for kind, rows in totals.items():
        times, pillows, sizes = zip(*rows)
        ratios = [a / b for a, b in zip(times, pillows)]
        print(f"{kind:10} n {len(rows):3}   time {sum(times) / sum(pillows):.3f} of Pillow's in all, worst "
              f"{max(ratios):.3f}   size mean {sum(sizes) / len(sizes):.3f}, worst {max(sizes):.3f}, "
              f"over 1.03 {sum(size > 1.03 for size in sizes)}")


if __name__ == "__main__":
    directory = os.environ.get("PNG_BENCH_PIXELS")
    if directory:
        for kind, name, image in pictures():
            path = Path(directory) / f"{kind}-{name}.{image.width}x{image.height}x{MODES[image.mode]}"
            path.write_bytes(image.tobytes())
    else:
        main()
