"""Writes what a run found as bench.md and bench.svg. `report.py FOLDER` makes them again from the bench.json
in that folder."""

import json
import sys
from html import escape
from pathlib import Path
from statistics import median

NAMES = ("tintype", "Pillow", "sharp")


def mib(size_bytes):
    return f"{size_bytes / (1 << 20):.1f} MiB"


def kb(size_bytes):
    return f"{size_bytes / 1e3:,.0f} kB"


def number(value):
    """Formats three digits, and all digits of larger numbers."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def middle(load, name, key):
    """Returns the median over a system's rounds."""
    return median(r[key] for r in load["systems"][name]["rounds"])


def ratio(load, name, key="rate"):
    """Returns tintype's figure over another's, taken within each round: the median, the least and the
    greatest."""
    pairs = zip(load["systems"]["tintype"]["rounds"], load["systems"][name]["rounds"])
    ratios = sorted(ours[key] / theirs[key] for ours, theirs in pairs)
    return median(ratios), ratios[0], ratios[-1]


def over_floor(load):
    """Returns tintype's CPU time over the floor's of the same round, as the median."""
    return median(r["cpu_ms"] / floor for r, floor in zip(load["systems"]["tintype"]["rounds"], load["floor_ms"]))


# ---- Markdown ----

def table(caption, head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return f"{caption}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def by_load(results, caption, cell, more=(), more_head=()):
    """Makes a table with cell(load, name) for each system, and one more column for each function of more."""
    return table(caption, ["picture", *NAMES, *more_head],
                 [[load["title"], *(cell(load, name) for name in NAMES), *(tell(load) for tell in more)]
                  for load in results["loads"]])


def about(results):
    s = results["settings"]
    pictures = "; ".join(f"{load['title']}: {load['size'][0]} × {load['size'][1]}, {kb(load['bytes'])}"
                         for load in results["loads"])
    return (f"`make bench` on {results['machine']}; files on {results['disk']}. "
            + "; ".join(results["versions"][name] for name in NAMES)
            + ".\n\nEach system takes base64 and makes a PNG of 720 pixels' width, gray unless the row says otherwise. "
            "All three have original, result and record on the disk before they answer. "
            f"{s['processes']} processes decode at once in each, and {s['connections']} connections send uploads, in "
            f"{s['rounds']} rounds of {s['seconds']:g} s in turn. The tables have medians, and of ratios the least "
            f"and the greatest as well. The pictures are these: {pictures}.\n")


def rates(results):
    def times(name):
        def cell(load):
            middle_ratio, least, most = ratio(load, name)
            return f"**{middle_ratio:.1f}** ({least:.1f} – {most:.1f})"
        return cell
    return by_load(results, "Uploads per second:", lambda load, name: number(middle(load, name, "rate")),
                   [times("Pillow"), times("sharp")], ["tintype ÷ Pillow", "tintype ÷ sharp"])


def cpu(results):
    return by_load(
        results, "CPU ms per upload, user and system, of all of a system's processes. tintype's front end (lighttpd) "
        "has its own column. The floor decodes the base64 (libb64) and the luma at an eighth of its size "
        "(libjpeg-turbo), and does nothing else:",
        lambda load, name: number(middle(load, name, "cpu_ms")),
        [lambda load: number(middle(load, "tintype", "front_cpu_ms")),
         lambda load: number(median(load["floor_ms"])) if load["floor_ms"] else "",
         lambda load: f"**{over_floor(load):.2f}**" if load["floor_ms"] else ""],
        ["tintype's front end", "floor", "tintype ÷ floor"])


def client(results):
    share = max(middle(load, name, "client_cpu_ms") * middle(load, name, "rate") / 1000 / results["settings"]["cores"]
                for load in results["loads"] for name in NAMES)
    return f"The client took {share:.0%} of the cores at the most.\n"


def latency(results):
    return by_load(results, "Milliseconds to the answer, p50 and p99:", lambda load, name: ", ".join(
        number(load["systems"][name][key]) for key in ("p50_ms", "p99_ms")))


def peaks(results):
    return by_load(results, "Peak RSS of a process:", lambda load, name: ", ".join(
        f"{part} {mib(peak)}" for part, peak in load["systems"][name]["memory"].items()))


def nearness(results):
    rows = []
    for found in results["quality"]:
        scores = [found["scores"][name] for name in NAMES]
        rows.append([found["title"], *(f"{s['psnr_db']:.1f} dB, {s['ssim']:.4f}" for s in scores),
                     "≥ Pillow − 0.2 dB",
                     "pass" if found["passes"] else "**FAIL**", " : ".join(kb(s["bytes"]) for s in scores)])
    return table(
        "PSNR and SSIM against a float64 reference (full decode, Rec. 601 luma, Lanczos 3), and the size of the PNG. "
        "Rounding to 8 bits alone leaves about 58.9 dB. libvips makes its gray in linear light and not as Rec. 601 "
        "luma, so where the picture has colours, sharp's figures in gray say nothing about its filter.",
        ["picture", *NAMES, "bar", "tintype", "PNG, in the same order"], rows)


def memory(results):
    return table("tintype's peak RSS with very large pictures:", ["picture", "worker", "decoder"],
                 [[f"{row['title']}, {row['bytes'] / 1e6:.1f} MB", mib(row["memory"]["worker"]),
                   mib(row["memory"]["decoder"])] for row in results["memory"]])


def markdown(results):
    """Returns the whole report as Markdown."""
    return "\n".join(part(results) for part in (about, rates, cpu, client, latency, peaks, nearness, memory))


# ---- the chart ----

BAR_PX, GROUP_GAP_PX, TOP_PX, BAR_MAX_PX, FOOT_LINE_PX = 15, 34, 64, 250, 16
COLUMNS = (("uploads/s (longer is better)", "rate", 20), ("CPU ms per upload (shorter is better)", "cpu_ms", 450))
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d1d9e0 } .small { font-size: 11px; fill: #59636e } .title { font-weight: 600 }
.tintype { fill: #0969da } .Pillow { fill: #bf8700 } .sharp { fill: #2da44e }
.floor { stroke: #cf222e; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .card { fill: #0d1117; stroke: #3d444d } .small { fill: #9198a1 }
  .tintype { fill: #4493f8 } .Pillow { fill: #d29922 } .sharp { fill: #3fb950 } .floor { stroke: #f85149 }
}"""


def bars(load, key, left, top):
    """Yields a bar for each system, the longest of them BAR_MAX_PX, and the floor as a line across tintype's."""
    values = {name: middle(load, name, key) for name in NAMES}
    scale = BAR_MAX_PX / max(values.values())
    for name, value in values.items():
        yield f'<rect class="{name}" x="{left}" y="{top}" width="{value * scale:.1f}" height="{BAR_PX - 3}"/>'
        yield f'<text class="small" x="{left + value * scale + 6:.1f}" y="{top + 10}">{number(value)} {name}</text>'
        if key == "cpu_ms" and name == "tintype" and load["floor_ms"]:
            x = left + median(load["floor_ms"]) * scale
            yield f'<line class="floor" x1="{x:.1f}" y1="{top - 2}" x2="{x:.1f}" y2="{top + BAR_PX - 1}"/>'
        top += BAR_PX


def chart(results):
    group_px = len(NAMES) * BAR_PX + GROUP_GAP_PX
    settings = results["settings"]
    foot = [f"make bench: {results['machine']}; {settings['processes']} processes that decode in each, "
            f"{settings['connections']} connections, medians of {settings['rounds']} rounds",
            *(f"{name}: {results['versions'][name]}" for name in NAMES)]
    foot_px = TOP_PX + group_px * len(results["loads"]) + 4
    height = foot_px + FOOT_LINE_PX * len(foot)
    shapes = [f'<rect class="card" x=".5" y=".5" width="839" height="{height - 1}" rx="8"/>',
              '<text class="title" x="20" y="26">Base64 upload → PNG, 720 px wide, on disk before the answer</text>']
    for title, key, left in COLUMNS:
        shapes.append(f'<text class="small" x="{left}" y="46">{title}</text>')
        for place, load in enumerate(results["loads"]):
            top = TOP_PX + place * group_px
            if key == "rate":
                shapes.append(f'<text x="{left}" y="{top + 10}">{escape(load["title"])}</text>')
            shapes += bars(load, key, left, top + 18)
    shapes += ['<line class="floor" x1="690" y1="36" x2="690" y2="48"/>',
               '<text class="small" x="696" y="46">floor</text>']
    shapes += [f'<text class="small" x="20" y="{foot_px + line * FOOT_LINE_PX}">{escape(text)}</text>'
               for line, text in enumerate(foot)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 {height}" width="840" height="{height}" '
            'role="img" aria-label="Uploads per second and CPU time of tintype, Pillow and sharp">\n'
            f"<style>{STYLE}\n</style>\n"
            + "\n".join(shapes) + "\n</svg>\n")


def write(results, folder):
    (folder / "bench.md").write_text(markdown(results))
    (folder / "bench.svg").write_text(chart(results))


if __name__ == "__main__":
    out = Path(sys.argv[1])
    write(json.loads((out / "bench.json").read_text()), out)
