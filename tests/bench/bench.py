"""tintype behind lighttpd against Pillow under gunicorn, on one machine in one run.

Both do the job of the Lambda (see pillow_app.py) with the same bodies, two processes that decode at
once, and files and rows durable on the same disk before the answer. Rounds alternate A B A B, so what
drifts (a neighbour on the host, the clock rate) falls on both. The figures of a side are taken over
all its rounds. 4 threads send one upload after the other, each on a connection of its own, from the
same machine.

  BENCH_SECONDS  length of a round (8)
  BENCH_ROUNDS   rounds of each side for each picture (4)
"""

import base64
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from support import (LIGHTTPD, ROOT, TINTYPED, children, clean_environment, free_port,  # noqa: E402
                     lighttpd_environment, wait_for)

import requests  # noqa: E402

CONNECTIONS, PROCESSES = 4, 2
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
CACHE = ROOT / "build/bench"
PHOTOS = Path("/usr/share/backgrounds/mate")
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
Image.MAX_IMAGE_PIXELS = None


# ---- pictures, made once ----

def cached(name, make):
    path = CACHE / name
    if not path.exists():
        make(path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return path


def baseline(source, size):
    def make(path):
        image = Image.open(PHOTOS / source).convert("RGB")
        if image.size != size:
            image = image.resize(size, Image.LANCZOS)
        image.save(path, "JPEG", quality=88)
    return make


def large_photo(path):
    """100 MP in a single scan: one photograph, scaled up."""
    Image.open(PHOTOS / "abstract/Elephants_5640x3172.jpg").resize((12000, 8333)).save(path, "JPEG", quality=88)


def heavy_photo(path):
    """A JPEG of nearly 24 MiB: noise over a photograph."""
    photo = np.asarray(Image.open(PHOTOS / "abstract/Elephants_5640x3172.jpg").convert("RGB"), np.int16)
    noise = np.random.default_rng(1).integers(-24, 25, photo.shape, dtype=np.int16)
    image = Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))
    low, high = 50, 100
    while high - low > 1:
        quality = (low + high) // 2
        image.save(path, "JPEG", quality=quality)
        low, high = (quality, high) if path.stat().st_size <= 24 << 20 else (low, quality)
    image.save(path, "JPEG", quality=low)
    with open(path, "ab") as file:  # bytes after the end are accepted
        file.truncate(24 << 20)


# ---- the two sides ----

class Side:
    """Processes under test: tops are the ones started here; what they forked is found through /proc."""

    def __init__(self, folder):
        self.folder, self.tops, self.rounds = folder, [], []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.log = open(folder / "log", "wb")
        self.port = free_port()

    def spawn(self, command, environment):
        self.tops.append(subprocess.Popen([str(c) for c in command], env=environment, cwd=self.folder,
                                          stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log))

    def pids(self):
        found, queue = [], [top.pid for top in self.tops]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += children(pid)
        return found

    def cpu_ms(self):
        """User and system time, ended children that were waited for included."""
        total = 0
        for pid in self.pids():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except FileNotFoundError:
                continue  # a decoder that ended; its parent's account has it
            total += sum(int(f) for f in fields[11:15])
        return total * TICK_MS

    def peak_bytes(self, name):
        """The largest VmHWM of the processes of that name."""
        peaks = [0]
        for pid in self.pids():
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except FileNotFoundError:
                continue
            fields = dict(line.split(":", 1) for line in status.splitlines())
            if fields["Name"].strip().startswith(name) and "VmHWM" in fields:
                peaks.append(int(fields["VmHWM"].split()[0]) * 1024)
        return max(peaks)

    def round(self, request, seconds):
        """Requests from CONNECTIONS threads for so long, and until the last is answered."""
        before, times, start = self.cpu_ms(), [], time.monotonic()

        def send():
            while time.monotonic() < start + seconds:
                times.append(self.send(request))

        threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.rounds.append({"requests": len(times), "seconds": time.monotonic() - start,
                            "cpu_ms": self.cpu_ms() - before, "times_ms": times})

    def send(self, request):
        """One upload on a connection of its own; how long it took. As little work as can be: the
        client runs on the cores that it measures."""
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(request)
            answer = connection.recv(65536)
            while piece := connection.recv(65536):
                answer += piece
        assert answer.startswith(b"HTTP/1.1 200"), answer[:500]
        return (time.monotonic() - start) * 1000

    def request(self, body):
        head = (f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")
        return head.encode() + body

    def stop(self):
        for top in reversed(self.tops):
            top.terminate()
            top.wait(60)
        self.log.close()
        shutil.rmtree(self.folder)


class Tintype(Side):
    path = "/api/images?width=720"

    def __init__(self):
        super().__init__(CACHE / "tintype")
        listen = self.folder / "tintyped.sock"
        self.spawn([TINTYPED], clean_environment(
            TINTYPE_SERVER_LISTEN=str(listen), TINTYPE_STORAGE_DIR=str(self.folder / "state"),
            TINTYPE_SERVER_DECODE_SLOTS=str(PROCESSES), TINTYPE_LOG_LEVEL="warning"))
        self.spawn([LIGHTTPD, "-D", "-f", ROOT / "deploy/lighttpd.conf"],
                   lighttpd_environment(self.port, self.folder, listen))
        self.url = f"http://127.0.0.1:{self.port}"
        wait_for("tintype", lambda: answers(self.url + "/api/healthz"))

    def decoder_peak_bytes(self):
        text = requests.get(self.url + "/api/metrics", timeout=60).text
        line, = (l for l in text.splitlines() if l.startswith("tintype_decoder_peak_rss_bytes "))
        return int(line.split()[1])

    def memory(self):
        return (f"worker {mib(self.peak_bytes('tintyped'))}, decoder {mib(self.decoder_peak_bytes())}, "
                f"lighttpd {mib(self.peak_bytes('lighttpd'))}")


class Pillow(Side):
    path = "/"

    def __init__(self):
        super().__init__(CACHE / "pillow")
        self.spawn([shutil.which("gunicorn"), "--workers", PROCESSES, "--bind", f"127.0.0.1:{self.port}",
                    "--chdir", HERE, "--timeout", 120, "pillow_app:application"],
                   clean_environment(PILLOW_APP_DIR=str(self.folder / "state"), PYTHONDONTWRITEBYTECODE="1"))
        wait_for("gunicorn", lambda: answers(f"http://127.0.0.1:{self.port}/"))

    def memory(self):
        return f"worker {mib(self.peak_bytes('gunicorn'))}"


def answers(url):
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


# ---- figures ----

def mib(size_bytes):
    return f"{size_bytes / (1 << 20):.1f} MiB"


def machine():
    model = next(l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines()
                 if l.startswith("model name"))
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {os.uname().release}"


def figures(side):
    count = sum(r["requests"] for r in side.rounds)
    times = np.concatenate([r["times_ms"] for r in side.rounds])
    return {"rate": count / sum(r["seconds"] for r in side.rounds),
            "rates": sorted(r["requests"] / r["seconds"] for r in side.rounds),
            "cpu_ms": sum(r["cpu_ms"] for r in side.rounds) / count,
            "p50_ms": np.percentile(times, 50), "p99_ms": np.percentile(times, 99)}


def compare(title, photo, with_ratio=True):
    body = base64.b64encode(photo.read_bytes())
    with Image.open(photo) as image:
        print(f"\n{title}: {image.width} x {image.height}, {photo.stat().st_size / 1e3:,.0f} kB", flush=True)
    sides = {}
    try:
        sides["tintype + lighttpd"] = Tintype()
        sides["Pillow + gunicorn"] = Pillow()
        requests_ = {name: side.request(body) for name, side in sides.items()}
        for name, side in sides.items():  # once unmeasured: caches, lazy imports, first pages
            side.send(requests_[name])
        for _ in range(ROUNDS):
            for name, side in sides.items():
                side.round(requests_[name], SECONDS)
        found = {name: figures(side) for name, side in sides.items()}
        print(f"{'':20}{'requests/s':>11}{'(rounds)':>16}{'CPU ms':>9}{'p50 ms':>9}{'p99 ms':>9}   peak RSS")
        for name, side in sides.items():
            f = found[name]
            spread = f"({f['rates'][0]:.1f} - {f['rates'][-1]:.1f})"
            print(f"{name:20}{f['rate']:11.1f}{spread:>16}{f['cpu_ms']:9.1f}{f['p50_ms']:9.0f}{f['p99_ms']:9.0f}   "
                  + side.memory())
        if with_ratio:
            ours, theirs = found.values()
            print(f"{'ratio':20}{ours['rate'] / theirs['rate']:11.2f}{'':16}{theirs['cpu_ms'] / ours['cpu_ms']:9.2f}",
                  flush=True)
    finally:
        for side in sides.values():
            side.stop()


def memory(title, photo):
    side = Tintype()
    try:
        for _ in range(4):
            answer = requests.post(side.url + side.path, data=photo.read_bytes(), timeout=120,
                                   headers={"Content-Type": "image/jpeg"})
            answer.raise_for_status()
        print(f"{title} ({photo.stat().st_size / 1e6:.1f} MB): {side.memory()}")
    finally:
        side.stop()


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; storage on {disk(CACHE)}\n{CONNECTIONS} connections, {PROCESSES} processes that decode "
          f"on each side, {ROUNDS} rounds of {SECONDS:g} s each, alternating; CPU ms are per upload")
    compare("6 MP baseline", cached("6mp.jpg", baseline("nature/Blinds.jpg", (2725, 2225))))
    elephants = "abstract/Elephants_5640x3172.jpg"
    compare("6 MP baseline, full of detail", cached("6mp-detail.jpg", baseline(elephants, (2725, 2225))))
    compare("18 MP baseline", cached("18mp.jpg", baseline(elephants, (5640, 3172))))
    compare("18 MP progressive original", PHOTOS / elephants, with_ratio=False)
    compare("8 MP progressive original", PHOTOS / "abstract/Elephants_3840x2160.jpg", with_ratio=False)
    print("\nPeak resident memory of tintype")
    memory("100 MP, one scan", cached("100mp.jpg", large_photo))
    memory("24 MiB upload", cached("24mib.jpg", heavy_photo))


def disk(path):
    done = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=True)
    kind = done.stdout.strip()
    if kind == "tmpfs":
        sys.exit("build/bench is in memory: durable writes would cost nothing there")
    return kind


if __name__ == "__main__":
    main()
