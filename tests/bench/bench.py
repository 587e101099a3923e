"""tintype behind lighttpd, Pillow under gunicorn and sharp under Node.js' http, on one machine in one run.

All do the same job with the same bodies (sides.py, pictures.py). Rounds alternate A B C A B C, so that
drift (a neighbour on the host, the clock rate) meets all of them alike. Ratios are taken within a round, and
their median is reported. The client (tests/drivers/load_driver.c) sends over 4 connections from the same
machine, and the report names its share of the CPU time. The floor (floor_driver.c) is measured in the same
rounds, by as many processes at once as decode in each system.

The program writes bench.md, bench.svg and bench.json (report.py), and asserts nothing about speed.

  BENCH_SECONDS  length of a round (8)
  BENCH_ROUNDS   rounds of each system for each picture (5)
  BENCH_OUT      folder of the results (build/bench)
"""

import base64
import json
import os
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

import quality
import report
from pictures import LOADS, MEMORY, cached
from sides import BUILD, CACHE, CONNECTIONS, PROCESSES, SIDES, STATES, Tintype, disk, machine, versions

SECONDS = float(os.environ.get("BENCH_SECONDS") or "8")
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or "5")
OUT = Path(os.environ.get("BENCH_OUT") or CACHE)


def start_all():
    """Starts every side. When one does not start, those that did are stopped."""
    sides = []
    try:
        for kind in SIDES:
            sides.append(kind())
    except BaseException:
        stop_all(sides)
        raise
    return sides


def stop_all(sides):
    for side in sides:
        side.stop()


def floor_ms(body_path):
    """Measures the CPU time of decoding an upload and nothing else, which no system can go below."""
    processes = [subprocess.Popen([BUILD / "drivers/floor_driver", body_path, str(SECONDS / 4)],
                                  stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)]
    times = [float(process.communicate()[0]) for process in processes]
    return float(np.mean(times))


def percentiles(rounds):
    times = np.concatenate([r.pop("times_ms") for r in rounds])
    return {"p50_ms": np.percentile(times, 50), "p99_ms": np.percentile(times, 99)}


def measure_load(title, picture, query):
    path = cached(*picture)
    body_path = path.with_name(path.name + ".base64")
    body_path.write_bytes(base64.b64encode(path.read_bytes()))
    with Image.open(path) as image:
        load = {"title": title, "format": image.format, "size": image.size, "bytes": path.stat().st_size,
                "floor_ms": [], "systems": {}}
    print(f"{title}: {ROUNDS} rounds", flush=True)
    sides = start_all()
    try:
        rounds = {side.name: [] for side in sides}
        for side in sides:  # The first upload is not measured: it fills caches and imports modules.
            png = side.result(side.upload(body_path.read_bytes(), query))
            load["systems"][side.name] = {"png_bytes": len(png)}
            side.round(body_path, query, min(1, SECONDS))
        for _ in range(ROUNDS):
            for side in sides:
                rounds[side.name].append(side.round(body_path, query, SECONDS))
            if load["format"] == "JPEG" and query == "":
                load["floor_ms"].append(floor_ms(body_path))
        for side in sides:
            found = percentiles(rounds[side.name])
            load["systems"][side.name] |= {"rounds": rounds[side.name], "memory": side.memory()} | found
    finally:
        stop_all(sides)
        body_path.unlink()
    print("".join(f"    {name}: {np.median([r['rate'] for r in s['rounds']]):.1f}/s, "
                  f"{np.median([r['cpu_ms'] for r in s['rounds']]):.1f} ms\n"
                  for name, s in load["systems"].items()), end="", flush=True)
    return load


def measure_memory(title, picture):
    """Sends a very large picture four times, and reports the peak memory of tintype's processes."""
    path = cached(*picture)
    side = Tintype()
    try:
        for _ in range(4):
            side.upload(path.read_bytes(), kind="application/octet-stream")
        return {"title": title, "bytes": path.stat().st_size, "memory": side.memory()}
    finally:
        side.stop()


def measure_quality():
    sides = start_all()
    try:
        return quality.measure(sides)
    finally:
        stop_all(sides)


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    results = {
        "machine": machine(), "disk": disk(STATES), "versions": versions(),
        "settings": {"connections": CONNECTIONS, "processes": PROCESSES, "rounds": ROUNDS, "seconds": SECONDS,
                     "cores": len(os.sched_getaffinity(0))},
        "loads": [measure_load(*load) for load in LOADS],
        "quality": measure_quality(),
        "memory": [measure_memory(*row) for row in MEMORY],
    }
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "bench.json").write_text(json.dumps(results, indent=1))
    report.write(results, OUT)
    print(report.markdown(results))


if __name__ == "__main__":
    main()
