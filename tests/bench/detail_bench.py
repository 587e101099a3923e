"""What the bounds of src/image/detail.h are worth: how near results from a reduced decode come to those
from a full one, and which of the reduced decodes the bounds let pass.

Each picture is decoded by Pillow, gray, at 1, 2 and 4 eighths of its size and in full; all are resized
to the same sizes by a Lanczos 3 in float64. A cell is the PSNR of a result, rounded, against that from
the full decode, and what becomes of the plane: * is chosen (the smallest that passes), + would pass as
well, - is rejected. Below that are the factors of detail.h: the mean square error, without what rounding
the result adds, divided by the plane's detail. Then come soft pictures with a fine, even pattern, which
the bounds cannot see: why image.reduced_decode is off unless asked for.

  python3 tests/bench/detail_bench.py [words in titles]"""

import io
import sys

import numpy as np
from PIL import Image

from pictures import DETAIL, LARGE, PHOTOS, QUALITY, SOFT, cached
from png_bench import page
from quality import REDUCED_DECODE_RATIO_MIN, lanczos_matrix, psnr_db

SCALES_EIGHTHS = (1, 2, 4)
# The picture's width by the result's; each scale meets four RATIOS, by which its plane is resized then.
REDUCTIONS = (3.6, 5.2, 7.2, 10.4, 14.4, 20.8, 28.8, 40)
RATIOS = (1.8, 2.6, 3.6, 5.2)
FINE_DB = 50          # what the bounds are to keep
FACTOR_BELOW_DB = 55  # where errors are large enough for a factor


# ---- what detail.c does ----

def detail(plane):
    """The mean square of the second differences, down and across; one row in four is measured."""
    rows = plane.astype(np.int64)
    third = rows[2::4]
    first, second = rows[0::4][:len(third)], rows[1::4][:len(third)]
    down = first - 2 * second + third
    across = third[:, :-2] - 2 * third[:, 1:-1] + third[:, 2:]
    return (np.sum(down ** 2) + np.sum(across ** 2)) / (2 * plane.size / 4)


def bound(eighths, ratio):
    growth = ratio / 1.8
    return {1: 76 * growth ** 2, 2: 55 * growth ** 3, 4: 110 * growth ** 4}[eighths]


# ---- pictures ----

def pictures():
    """Titles and JPEG files."""
    for path in sorted(PHOTOS.glob("nature/*.jpg")):
        yield path.stem, path
    yield "drawn wallpaper", PHOTOS / "desktop/GreenTraditional.jpg"
    for title, picture in (("6 MP, soft", SOFT), ("6 MP, detail", DETAIL), ("18 MP", LARGE)):
        yield title, cached(*picture)
    for title, picture, _ in QUALITY:
        if title.endswith(", JPEG"):
            yield title.removesuffix(", JPEG"), cached(*picture)
    sheet = Image.new("RGB", (3040, 4000), "white")
    sheet.paste(page(), (320, 480))
    for title, image in (("page of text", page()), ("sheet, little text", sheet)):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=95)
        yield title, file


def patterns():
    """A soft picture under rows of lines."""
    y, x = np.mgrid[:1200, :1600]
    for period in (2.3, 2.5, 10):
        rows = 128 + 60 * np.sin(x / 500) * np.cos(y / 300) + 45 * np.sin(2 * np.pi * y / period)
        file = io.BytesIO()
        Image.fromarray(np.rint(rows).astype(np.uint8)).save(file, "JPEG", quality=92)
        yield f"rows of {period} px", file


def decode(file, eighths):
    """The luma, as libjpeg decodes it at that scale."""
    image = Image.open(file)
    image.draft("L", (image.width * eighths // 8, image.height * eighths // 8))
    return np.asarray(image)


# ---- measuring ----

def resize(plane, picture_size, eighths, size):
    """To size, width first. The picture may end within the plane's last pixels."""
    width, height = (side * eighths / 8 for side in picture_size)
    down = lanczos_matrix(plane.shape[0], size[1], height)
    across = lanczos_matrix(plane.shape[1], size[0], width)
    return (down @ plane.astype(np.float64) @ across.T).clip(0, 255)


def measure(file):
    """{(scale, reduction): (detail, ratio, mean square error, PSNR)}"""
    full = decode(file, 8)
    picture_size = full.shape[::-1]
    planes = {eighths: decode(file, eighths) for eighths in SCALES_EIGHTHS}
    details = {eighths: detail(plane) for eighths, plane in planes.items()}
    found = {}
    for reduction in REDUCTIONS:
        size = [int(side / reduction) for side in picture_size]
        wanted = resize(full, picture_size, 8, size)
        for eighths, plane in planes.items():
            ratio = min(a * eighths / 8 / b for a, b in zip(picture_size, size))
            if ratio >= REDUCED_DECODE_RATIO_MIN:
                got = resize(plane, picture_size, eighths, size)
                found[eighths, reduction] = (details[eighths], ratio, np.mean((wanted - got) ** 2),
                                             psnr_db(wanted, np.rint(got)))
    return found


def passes(eighths, row):
    return row[0] <= bound(eighths, row[1])


def mark(found, eighths, reduction):
    if not passes(eighths, found[eighths, reduction]):
        return "-"
    smaller = [s for s in SCALES_EIGHTHS if s < eighths and (s, reduction) in found]
    return "+" if any(passes(s, found[s, reduction]) for s in smaller) else "*"


def print_picture(title, found):
    for eighths in SCALES_EIGHTHS:
        cells = [f"{found[eighths, r][3]:5.1f} {mark(found, eighths, r)}" if (eighths, r) in found else ""
                 for r in REDUCTIONS]
        value = found[eighths, REDUCTIONS[-1]][0]
        print(f"{title:20} {eighths}/8 {value:8.1f}  " + "".join(f"{cell:>9}" for cell in cells), flush=True)


def print_factors(rows):
    """The largest, by the ratio that the plane is resized by."""
    print("\nlargest factors" + "".join(f"{ratio:>9}" for ratio in RATIOS))
    for eighths in SCALES_EIGHTHS:
        cells = []
        for ratio in RATIOS:
            factors = [row[2] / row[0] for scale, row in rows
                       if scale == eighths and abs(row[1] / ratio - 1) < 0.08 and row[3] < FACTOR_BELOW_DB]
            cells.append(f"{max(factors):.4f}" if factors else "-")
        print(f"{f'decoded at {eighths}/8':15}" + "".join(f"{cell:>9}" for cell in cells))


def main():
    print(f"{'picture':20} scale  detail  " + "".join(f"{f'1:{r}':>9}" for r in REDUCTIONS))
    rows = []
    for title, file in pictures():
        if len(sys.argv) == 1 or any(word in title for word in sys.argv[1:]):
            found = measure(file)
            print_picture(title, found)
            rows += [(eighths, row) for (eighths, _), row in found.items()]
    print_factors(rows)
    kept = [row[3] for eighths, row in rows if passes(eighths, row)]
    rejected = [row[3] for eighths, row in rows if not passes(eighths, row)]
    print(f"\n{len(kept)} kept, the lowest at {min(kept, default=np.nan):.1f} dB; {len(rejected)} rejected, "
          f"{sum(db > FINE_DB for db in rejected)} of them over {FINE_DB} dB\n")
    for title, file in patterns():
        print_picture(title, measure(file))


if __name__ == "__main__":
    main()
