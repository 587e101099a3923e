"""What the tests share: a real service in a folder of its own, and questions to it.

A Server is a web server (lighttpd, or another of fronts.py, with the file that is shipped) in front
of tintyped (started by spawn-fcgi), with its socket, storage and configuration in a temporary
folder. It also looks at the service from outside: processes through /proc, the spool through the
file system.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

import openapi
from account import AS_OWNER, IS_ROOT, OWNER, PROGRAMS, give, make_folder
from fronts import BODY_MAX_BYTES, FRONTS, LIGHTTPD, lighttpd_variables

TINTYPED = PROGRAMS / "tintyped"
# A sanitizer's shadow takes terabytes of address space, so such a decoder's is not limited; and what aborts a
# library elsewhere may be an error that the sanitizer finds there before.
IS_SANITIZED = b"__asan_init" in TINTYPED.read_bytes()
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "HEIC": "heic", "AVIF": "avif"}
UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
PATIENCE_S = 60  # This bounds the wait for what must come; no test measures time.


def wait_for(what, condition, seconds=PATIENCE_S):
    """Waits for a true value of condition() and returns it. After `seconds` it fails, and says what did not
    come."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.01)


def listener_range():
    """Returns ports outside those that the system gives to outgoing connections, as one of these could be
    taken between the probe and its owner's bind()."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    below, above = range(10240, low), range(high + 1, 65536)
    return max(below, above, key=len) or range(10240, 65536)


LISTENERS = listener_range()


def free_ports(count):
    """Returns the first of `count` free ports in a row."""
    while True:
        first = random.choice(LISTENERS[:-count])
        probes = [socket.socket() for _ in range(count)]
        try:
            for port, probe in enumerate(probes, first):
                probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()


def free_port():
    return free_ports(1)


def children(pid):
    """Returns the pids of a process's children, and none when the process has ended."""
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid):
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def read_command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def read_links(pid):
    """Returns what the process's descriptors lead to."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # The process has closed it meanwhile.
            links.append(os.readlink(entry))
    return links


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def clean_environment(**extra):
    """Returns the caller's environment without settings that would reach tintyped."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TINTYPE_", "LISTEN_"))}
    return kept | extra


def lighttpd_environment(port, folder, listen, max_body_bytes=BODY_MAX_BYTES, base_path="/api"):
    return clean_environment(**lighttpd_variables(port, folder, listen, max_body_bytes, base_path))


class Server:
    """start() brings the service up; stop() takes it down and checks that nothing went wrong inside."""

    # Workers are never replaced, so a changed pid means that one died. None is added while others wait either,
    # as on a machine under load they wait for the web server.
    DEFAULTS = {"server": {"workers": 4, "extra_workers": 0, "decode_slots": 2, "max_requests": 0}}
    if not IS_ROOT:  # Root alone sees the descriptors of a process that may not be looked into.
        DEFAULTS["server"]["core_dumps"] = "true"

    program = TINTYPED
    owner = OWNER.pw_uid, OWNER.pw_gid  # whose tintyped is, when root starts it

    def __init__(self, front="lighttpd", **config):
        """front is a name in fronts.FRONTS. config has sections that are laid over DEFAULTS, as in
        server=dict(workers=1), image=dict(width=64)."""
        self.folder = make_folder()
        self.listen = self.folder / "tintyped.sock"
        self.storage = self.folder / "state"
        self.config_path = self.folder / "tintype.ini"
        self.log_path = self.folder / "log"
        self.log = open(self.log_path, "ab")
        self.config = {s: dict(self.DEFAULTS.get(s, {}), **config.get(s, {}))
                       for s in self.DEFAULTS | config}
        self.config.setdefault("storage", {}).setdefault("dir", self.storage)
        self.storage = Path(self.config["storage"]["dir"])
        self.storage.mkdir(exist_ok=True)
        give(self.storage)
        self.config["server"].setdefault("listen", self.listen)
        self.write_config()
        self.port = free_port()
        self.root_url = f"http://127.0.0.1:{self.port}"
        self.url = self.root_url + self.config["server"].get("base_path", "/api")
        self.master = self.front_process = None
        self.environment = {}  # of tintyped, beside what every test has
        self.front = FRONTS[front](self)
        self.http = requests.Session()
        self.http.trust_env = False
        # The web server may close a kept connection just when the next request is on its way, and no client
        # can tell that from a request that failed.
        self.http.headers["Connection"] = "close"
        self.http.hooks["response"].append(self.check_answer)

    # ---- life ----

    def write_config(self):
        text = "".join(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items())
                       for section, keys in self.config.items())
        self.config_path.write_text(text)

    def start(self):
        if not self.front.starts_tintyped:
            self.start_tintyped()
        self.start_front()
        return self

    def start_tintyped(self):
        """Starts tintyped with a socket that only the web server's user may use."""
        command = ["spawn-fcgi", "-n", "-s", self.listen, "-M", "0600"]
        if IS_ROOT:
            uid, gid = self.owner
            command += ["-U", self.front.user, "-u", uid, "-g", gid]
        self.run_master([*command, "--", self.program, "-c", self.config_path])

    def spawn(self, command, **options):
        """Runs a command that becomes the master, as the account of account.py."""
        self.run_master(command, **AS_OWNER, **options)

    def run_master(self, command, **options):
        assert TINTYPED.exists(), f"{TINTYPED} is not built"
        self.master = subprocess.Popen([str(c) for c in command], env=clean_environment(**self.environment),
                                       cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log, **options)

    def start_front(self):
        command = [str(word) for word in self.front.command()]
        self.front_process = subprocess.Popen(command, env=clean_environment(**self.front.environment),
                                              cwd=self.folder, stdin=subprocess.DEVNULL,
                                              stdout=self.log, stderr=self.log, **self.front.account)
        self.wait_ready()

    def wait_ready(self):
        def healthy():
            for name, process in (("tintyped", self.master), ("the web server", self.front_process)):
                if process and process.poll() is not None:
                    raise AssertionError(f"{name} ended with {process.returncode}\n{self.read_log()}")
            try:
                return self.get("/healthz").status_code == 200
            except requests.ConnectionError:
                return False
        wait_for("healthz", healthy)
        if self.master:  # The first worker may answer before the last is there.
            wait_for("every worker", lambda: len(self.workers()) == self.config["server"]["workers"])

    def stop_tintyped(self):
        """Sends SIGTERM and returns the exit status."""
        self.master.terminate()
        return self.master.wait(PATIENCE_S)

    def stop(self):
        status = None
        if self.master and self.master.poll() is None:
            status = self.stop_tintyped()
        if self.front_process:
            self.front_process.send_signal(self.front.stop_signal)
            self.front_process.wait(PATIENCE_S)
        self.http.close()
        self.log.close()
        log = self.read_log()
        shutil.rmtree(self.folder)
        assert "Sanitizer" not in log and "runtime error" not in log, log
        assert status in (None, 0), f"tintyped ended with {status}\n{log}"

    def kill(self):
        """Ends everything at once, for tests that have failed or that want it so."""
        for process in (self.master, self.front_process):
            if process and process.poll() is None:
                below = descendants(process.pid)
                process.kill()
                process.wait()
                for pid in filter(alive, below):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def read_log(self):
        return self.log_path.read_text(errors="replace") + self.front.read_log()

    # ---- requests ----

    def check_answer(self, answer, **_):
        """Every answer must be as www/openapi.yaml describes it."""
        openapi.check(answer.request.method, answer.request.url, answer.status_code,
                      {name.lower(): value for name, value in answer.headers.items()}, answer.content,
                      self.config["server"].get("base_path", "/api"))

    def get(self, path, **options):
        return self.http.get(self.url + path, timeout=PATIENCE_S, **options)

    def request(self, method, path, **options):
        return self.http.request(method, self.url + path, timeout=PATIENCE_S, **options)

    def post(self, body, kind="application/octet-stream", query="", headers=None):
        """Sends an upload and returns the raw answer."""
        all_headers = {"Content-Type": kind} if kind else {}
        return self.http.post(f"{self.url}/images{'?' + query if query else ''}", data=body,
                              headers=all_headers | (headers or {}), timeout=PATIENCE_S)

    def upload(self, body, kind="application/octet-stream", query="", headers=None):
        """Sends an upload that must succeed, and returns the image object."""
        answer = self.post(body, kind, query, headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def processed(self, image):
        """Returns the bytes of the result of an image object."""
        answer = self.http.get(self.root_url + image["links"]["processed"], timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return answer.content

    def original(self, image):
        answer = self.http.get(self.root_url + image["links"]["original"], timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return answer.content

    def rendition(self, image, name):
        answer = self.http.get(self.root_url + image["links"]["renditions"][name], timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return answer.content

    def newest(self):
        """Returns the id of the newest image, None when there is none."""
        images = self.get("/images?limit=1").json()["images"]
        return images[0]["id"] if images else None

    def images(self):
        """Returns every image object, over all pages. The pages are not judged, as that takes seconds for a few
        thousand images; those of test_list.py are."""
        found, query = [], "limit=200"
        while True:
            page = requests.get(f"{self.url}/images?{query}", timeout=PATIENCE_S,
                                headers={"Connection": "close"}).json()
            found += page["images"]
            if page["next"] is None:
                return found
            query = "limit=200&cursor=" + page["next"]

    # ---- a look from outside ----

    def workers(self):
        """Returns the master's workers, of which it has none when it serves alone. Where the web server
        starts tintyped, the processes that it has started count as workers."""
        if self.master:
            return sorted(children(self.master.pid)) if self.config["server"]["workers"] else []
        return sorted(pid for manager in children(self.front_process.pid) for pid in children(manager)
                      if bytes(self.front.program) in read_command_line(pid))

    def decoders(self):
        """Returns the decoders, which are below each worker's spawner."""
        return [pid for worker in self.workers() for spawner in children(worker) for pid in children(spawner)]

    def spool(self):
        """Returns the files of the spool, as paths below it."""
        top = self.storage / "spool"
        return sorted(str(p.relative_to(top)) for p in top.rglob("*") if p.is_file())

    def expected_spool(self):
        """Returns the files that the rows know."""
        files = []
        for image in self.images():
            files.append(f"processed/{image['id']}.{EXTENSIONS[image['format']]}")
            if image["links"]["original"]:
                files.append(f"originals/{image['id']}.{EXTENSIONS[image['original']['format']]}")
            files += [f"processed/{image['id']}-{name}.{EXTENSIONS[one['format']]}"
                      for name, one in image["renditions"].items()]
        return sorted(files)

    def check_spool(self):
        assert self.spool() == self.expected_spool()


def curl(*arguments, data=b""):
    """Runs curl and returns (status, headers as a dict of lower-case names, body). An answer of tintyped's
    must be as www/openapi.yaml describes it for the default base_path."""
    command = ["curl", "-sS", "-q", "--noproxy", "*", "-m", str(PATIENCE_S), "-i",
               "-w", "%{stderr}%{method} %{url_effective}", *map(str, arguments)]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    rest = done.stdout
    while True:  # This passes over 100 Continue.
        head, _, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status >= 200:
            break
    headers = openapi.join_headers(lines[1:])
    openapi.check(*done.stderr.decode().split(" ", 1), status, headers, rest)
    return status, headers, rest


def check_problem(answer, status, name=None):
    """Checks that the answer is a problem document as the contract has it, and returns its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "requestId"}
    assert problem["status"] == status
    assert re.fullmatch(r"urn:tintype:problem:[a-z0-9-]+", problem["type"])
    if name:
        assert problem["type"] == "urn:tintype:problem:" + name
    assert problem["title"] and problem["detail"]
    assert problem["requestId"] and problem["requestId"] == answer.headers["X-Request-Id"]
    if status == 405:
        assert answer.headers["Allow"]
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) > 0
    return problem["detail"]


def stop_process(pid):
    os.kill(pid, signal.SIGSTOP)


def continue_process(pid):
    os.kill(pid, signal.SIGCONT)
