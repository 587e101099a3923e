"""Two builds of tintype against each other: the CPU time that each upload costs.

    pair_bench.py OLD [NEW]

OLD and NEW are commits. Without NEW, the working tree is compared, as it is built in TINTYPE_BUILD. Each
commit is built in a folder of its own below build/pair, and its tintyped runs behind a lighttpd with that
commit's own configuration. Both stay up, and take the same number of uploads in short turns: A B B A B A A B.
Four turns of each make a pair of rounds, and the ratio NEW ÷ OLD is taken within the pair, so that drift
(a neighbour on the host, the clock rate) meets both alike.

The ratio counts user and system time of all processes of tintyped: master, workers, spawners and decoders,
also those that have ended. It leaves out the client, and the front end, whose time the table shows apart.
The kernel tells times in ticks of 10 ms for each process, so a round lasts for many of them.

The program prints the median, the least and the greatest ratio for each picture, writes them with all rounds
to pair.json, and asserts nothing about speed.

  BENCH_PAIRS    pairs of rounds for each picture (20)
  BENCH_SECONDS  length of a round, roughly: the first side's warm-up sets the number of uploads (3)
  BENCH_OUT      folder of the results (build/bench)
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from pictures import PAIR_LOADS, cached
from sides import (BUILD, CACHE, CONNECTIONS, IS_ROOT, PATIENCE_S, PROCESSES, ROOT, STATES, Tintype,
                   copy_tree, cpu_ms, disk, machine, output)

PAIRS = int(os.environ.get("BENCH_PAIRS") or "20")
SECONDS = float(os.environ.get("BENCH_SECONDS") or "3")
OUT = Path(os.environ.get("BENCH_OUT") or CACHE)
# The order of old (0) and new (1) gives a cost that grows or falls steadily to both alike.
TURNS = (0, 1, 1, 0, 1, 0, 0, 1)


class Build(Tintype):
    """This side runs tintype from a folder of sources. Its workers are never replaced, because the CPU time
    of a replaced worker's spawner would be lost."""

    def __init__(self, name, tree, program):
        if IS_ROOT:
            tree = copy_tree(tree, [program])
            program = tree / "build" / program.name
        self.name, self.tree, self.program = name, tree, program
        super().__init__()

    def spawn(self, command, environment):
        return super().spawn(command, environment | {"TINTYPE_SERVER_MAX_REQUESTS": "0"})


def build_commit(commit):
    """Builds the commit's sources, and returns its short name, its folder and its program."""
    digest = output("git", "rev-parse", "--verify", commit + "^{commit}")
    tree = ROOT / "build/pair" / digest
    if not (tree / "Makefile").exists():
        tree.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(["git", "archive", digest], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "-C", tree], input=archive.stdout, check=True)
    print(f"building {digest[:12]}", flush=True)
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "-C", tree, "BUILD=build", "build/tintyped"], check=True)
    return digest[:12], tree, tree / "build/tintyped"


def measure_pair(sides, body_path, uploads):
    """Runs a round of each side with so many uploads a turn. Returns the CPU ms of each upload, in tintyped
    and in the front end."""
    def read():
        return [(cpu_ms(side.service.pid), cpu_ms(side.front.pid)) for side in sides]
    before = read()
    for place in TURNS:
        done = sides[place].round(body_path, "", PATIENCE_S, uploads)["uploads"]
        assert done == uploads, f"{sides[place].name}: {done} of {uploads} uploads in {PATIENCE_S} s"
    in_all = uploads * len(TURNS) / 2
    return [{"cpu_ms": (after[0] - first[0]) / in_all, "front_cpu_ms": (after[1] - first[1]) / in_all}
            for first, after in zip(before, read())]


def measure_load(title, picture, builds):
    path = cached(*picture)
    body_path = path.with_name(path.name + ".base64")
    body_path.write_bytes(base64.b64encode(path.read_bytes()))
    sides = []
    try:
        for build in builds:
            sides.append(Build(*build))
        warm_up = [side.round(body_path, "", SECONDS) for side in sides]
        uploads = max(CONNECTIONS, 2 * warm_up[0]["uploads"] // len(TURNS))
        rounds = list(zip(*(measure_pair(sides, body_path, uploads) for _ in range(PAIRS))))
    finally:
        for side in sides:
            side.stop()
        body_path.unlink()
    ratios = [new["cpu_ms"] / old["cpu_ms"] for old, new in zip(*rounds)]
    return {"title": title, "uploads": uploads * len(TURNS) // 2, "old": rounds[0], "new": rounds[1], "ratios": ratios,
            "ratio": {"median": median(ratios), "least": min(ratios), "most": max(ratios)}}


def row(load):
    def middle(which, key):
        return median(one[key] for one in load[which])
    ratio = load["ratio"]
    return (f"| {load['title']} | {load['uploads']} | {middle('old', 'cpu_ms'):.2f} | {middle('new', 'cpu_ms'):.2f} "
            f"| **{ratio['median']:.3f}** ({ratio['least']:.3f} – {ratio['most']:.3f}) "
            f"| {middle('old', 'front_cpu_ms'):.2f} | {middle('new', 'front_cpu_ms'):.2f} |")


def main():
    if not 2 <= len(sys.argv) <= 3 or not sys.argv[1]:
        sys.exit("usage: make bench-pair OLD=<commit> [NEW=<commit>]")
    CACHE.mkdir(parents=True, exist_ok=True)
    builds = [build_commit(commit) if commit else ("the tree", ROOT, BUILD / "tintyped")
              for commit in (sys.argv[1], (sys.argv + [""])[2])]
    results = {"machine": machine(), "disk": disk(STATES), "old": builds[0][0], "new": builds[1][0],
               "settings": {"pairs": PAIRS, "connections": CONNECTIONS, "decode_slots": PROCESSES}, "loads": []}
    print(f"\n{results['new']} against {results['old']}: CPU ms per upload, medians of {PAIRS} pairs of rounds "
          f"(of ratios also the least and the greatest), on {results['machine']}\n\n"
          "| picture | uploads a round | old | new | new ÷ old | old's front end | new's front end |\n"
          "| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for load in PAIR_LOADS:
        results["loads"].append(measure_load(*load, builds))
        print(row(results["loads"][-1]), flush=True)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "pair.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
