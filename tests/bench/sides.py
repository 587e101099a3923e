"""The systems under test: how each is started, asked, and watched from outside. All do the job of the Lambda
(see pillow_app.py) with two processes that decode at once, and answer when files and record are on the disk."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from account import AS_OWNER, BUILD, IS_ROOT, ROOT, TREE, copy_tree, give  # noqa: E402
from support import (LIGHTTPD, TINTYPED, children, clean_environment, free_port,  # noqa: E402
                     lighttpd_environment, wait_for)

CONNECTIONS, PROCESSES = 4, 2
CACHE = ROOT / "build/bench"


def make_states_folder():
    """Makes the folder of the sides' states: on the disk, and where the account of tintype's daemons reaches it."""
    if not IS_ROOT:
        return CACHE
    folder = Path(tempfile.mkdtemp(prefix="tintype-bench-", dir="/var/tmp"))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder)
    return folder


STATES = make_states_folder()
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
PATIENCE_S = 120


# ---- the machine ----

def machine():
    model = next(l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines()
                 if l.startswith("model name"))
    release = os.uname().release.split("-")[0]
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {release}"


def disk(path):
    """Returns the kind of the file system."""
    kind = output("stat", "-f", "-c", "%T", path)
    if kind == "tmpfs":
        sys.exit(f"{path} is in memory: durable writes would cost nothing there")
    return kind


def output(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True, cwd=HERE,
                          env=clean_environment()).stdout.strip()


# ---- processes, through /proc ----

def tree(pid):
    """Returns a process and all its descendants."""
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children(found[-1])
    return found


def cpu_ms(pid):
    """Returns user and system time of a process tree, with that of ended processes that were waited for."""
    total = 0
    for member in tree(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # The decoder has ended, so its parent's account has its time.
        total += sum(int(f) for f in fields[11:15])
    return total * TICK_MS


def peak_bytes(pid):
    """Returns the largest peak memory (VmHWM) of any process of a tree."""
    peaks = [0]
    for member in tree(pid):
        try:
            status = Path(f"/proc/{member}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peaks += [int(l.split()[1]) * 1024 for l in status.splitlines() if l.startswith("VmHWM:")]
    return max(peaks)


# ---- the systems ----

class Side:
    """A side is one system in a folder of its own."""

    front = None  # This is the process in front of the service, if there is one.
    account = {}  # These are subprocess's options that start it in an account.

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=type(self).__name__.lower() + "-", dir=STATES))
        atexit.register(shutil.rmtree, self.folder)
        self.log = open(self.folder / "log", "wb")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()
        self.http.trust_env = False
        # A round lasts longer than servers keep idle connections, so none is kept.
        self.http.headers["Connection"] = "close"
        self.start()
        wait_for(self.name, self.is_ready)

    def spawn(self, command, environment):
        return subprocess.Popen([str(c) for c in command], env=environment, cwd=self.folder,
                                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, **self.account)

    def is_ready(self):
        assert self.service.poll() is None, (self.folder / "log").read_text()
        try:
            return self.http.get(self.url + self.ready_path, timeout=PATIENCE_S).status_code == 200
        except requests.ConnectionError:
            return False

    def target(self, query):
        return self.path + ("?" if query else "") + query

    def upload(self, body, query="", kind="text/plain"):
        """Sends one upload, as base64 unless kind says otherwise, and returns the answer."""
        answer = self.http.post(self.url + self.target(query), data=body, timeout=PATIENCE_S,
                                headers={"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def result(self, answer):
        """Returns the bytes of the picture that an upload became."""
        return (self.folder / "state" / Path(answer["message"]).name).read_bytes()

    def round(self, body_path, query, seconds, *uploads):
        """Uploads the file from CONNECTIONS connections for so many seconds, or until so many uploads are
        done if that number follows. Returns what the client measured and the CPU time of service and front
        end."""
        fronts = [self.front.pid] if self.front else []
        before = cpu_ms(self.service.pid), sum(map(cpu_ms, fronts))
        done = json.loads(output(BUILD / "drivers/load_driver", self.port, self.target(query), body_path,
                                 CONNECTIONS, seconds, *uploads))
        after = cpu_ms(self.service.pid), sum(map(cpu_ms, fronts))
        uploads = done["uploads"]
        return {"uploads": uploads, "rate": done["rate"], "times_ms": done["times_ms"],
                "cpu_ms": (after[0] - before[0]) / uploads, "front_cpu_ms": (after[1] - before[1]) / uploads,
                "client_cpu_ms": done["client_cpu_ms"] / uploads}

    def memory(self):
        """Returns the peak memory of its processes in bytes, by name."""
        return {"worker": peak_bytes(self.service.pid)}

    def stop(self):
        self.http.close()
        for process in filter(None, (self.front, self.service)):
            process.terminate()
            process.wait(PATIENCE_S)
        self.log.close()
        self.empty()

    def empty(self):
        """Gives the disk back, but frees no inode before the end of the program: ext4 without a journal looks
        at each inode that was freed in the last seconds before it takes a new one (recently_deleted in
        fs/ext4/ialloc.c), which would slow down whichever side is measured next."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)


class Tintype(Side):
    name, path, ready_path = "tintype", "/api/images?width=720", "/api/healthz"
    account = AS_OWNER
    tree, program = TREE, TINTYPED

    def start(self):
        give(self.folder)
        listen = self.folder / "tintyped.sock"
        self.service = self.spawn([self.program], clean_environment(
            TINTYPE_SERVER_LISTEN=str(listen), TINTYPE_STORAGE_DIR=str(self.folder / "state"),
            TINTYPE_SERVER_DECODE_SLOTS=str(PROCESSES), TINTYPE_LOG_LEVEL="warning"))
        self.front = self.spawn([LIGHTTPD, "-D", "-f", self.tree / "deploy/lighttpd.conf"],
                                lighttpd_environment(self.port, self.folder, listen) |
                                {"WWW_DIR": str(self.tree / "www")})

    def target(self, query):
        return self.path + ("&" if query else "") + query

    def result(self, answer):
        return self.http.get(self.url + answer["links"]["processed"], timeout=PATIENCE_S).content

    def memory(self):
        text = self.http.get(self.url + "/api/metrics", timeout=PATIENCE_S).text
        line, = (l for l in text.splitlines() if l.startswith("tintype_decoder_peak_rss_bytes "))
        return super().memory() | {"decoder": int(line.split()[1]), "front end": peak_bytes(self.front.pid)}


class Pillow(Side):
    name, path, ready_path = "Pillow", "/", "/"

    def start(self):
        self.service = self.spawn(
            [shutil.which("gunicorn"), "--workers", PROCESSES, "--bind", f"127.0.0.1:{self.port}", "--chdir", HERE,
             "--timeout", PATIENCE_S, "pillow_app:application"],
            clean_environment(PILLOW_APP_DIR=str(self.folder / "state"), PYTHONDONTWRITEBYTECODE="1"))


class Sharp(Side):
    name, path, ready_path = "sharp", "/", "/"

    def start(self):
        self.service = self.spawn(
            ["node", HERE / "sharp_app.mjs"],
            clean_environment(SHARP_APP_DIR=str(self.folder / "state"), SHARP_APP_PORT=str(self.port),
                              SHARP_APP_WORKERS=str(PROCESSES)))


SIDES = (Tintype, Pillow, Sharp)


def versions():
    """Returns the versions of the programs and libraries that each side is made of."""
    pillow = output(sys.executable, "-c", "import PIL.features as f, PIL, sys; print('Pillow', PIL.__version__, "
                    "'with libjpeg-turbo', f.version('libjpeg_turbo') + ', Python', sys.version.split()[0])")
    sharp = output("node", "-e", "const { versions: v } = require('sharp');"
                   "console.log(`sharp ${v.sharp} with libvips ${v.vips}, Node.js ${process.versions.node}`)")
    gunicorn = output(shutil.which("gunicorn"), "--version").replace(" (version ", " ").rstrip(")")
    return {"tintype": f"{output(TINTYPED, '--version')} behind {output(LIGHTTPD, '-v').split(' (')[0]}",
            "Pillow": f"{pillow}, under {gunicorn}", "sharp": f"{sharp}, its http and cluster"}
