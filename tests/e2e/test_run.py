"""deploy/run.sh, which is `make run`: one command serves, restarts what dies, and stops everything."""

import os
import signal
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

import pictures
from account import AS_OWNER, PROGRAMS, TREE, make_folder
from support import alive, children, clean_environment, free_port, wait_for

JPEG = pictures.jpeg(64, 48)


class Run:
    def __init__(self, **environment):
        self.folder = make_folder("tintype-run-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out = open(self.folder / "out", "wb")
        environment = {"PORT": str(self.port), "STATE_DIR": str(self.folder / "var"),
                       "BUILD": str(PROGRAMS)} | environment
        # The script starts as from a terminal. A shell cannot trap a signal that was ignored when it started,
        # and SIGINT is ignored in what a script runs in the background.
        self.process = subprocess.Popen([TREE / "deploy/run.sh"], env=clean_environment(**environment),
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                        start_new_session=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **AS_OWNER)

    def answers(self, path="/api/healthz"):
        assert self.process.poll() is None, self.read_out()
        try:
            healthy = requests.get(self.url + path, timeout=60).status_code == 200
        except requests.ConnectionError:
            return False
        return healthy and "serves on" in self.read_out()

    def exit_status(self):
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            left, queue = [], [self.process.pid]
            while queue:
                pid = queue.pop()
                queue += children(pid)
                left.append(f"{pid} {Path(f'/proc/{pid}/wchan').read_text()} "
                            + Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
            pytest.fail("still running:\n" + "\n".join(left + [self.read_out()]))

    def read_out(self):
        return (self.folder / "out").read_text()

    def daemons(self):
        """Returns {name: pid} of the script's own lighttpd and tintyped."""
        found = {}
        for pid in children(self.process.pid):
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue  # This was a helper of the script that has ended.
            if name in ("lighttpd", "tintyped"):
                found[name] = pid
        return found


@pytest.fixture
def run():
    started = []

    def make(**environment):
        started.append(Run(**environment))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(60)
        one.out.close()
        shutil.rmtree(one.folder)


def test_serves_and_stops(run):
    one = run()
    wait_for("the service", one.answers)
    page = requests.get(one.url + "/", timeout=60)
    assert page.status_code == 200 and "<form" in page.text
    done = requests.post(one.url + "/api/images", data=JPEG, headers={"Content-Type": "image/jpeg"}, timeout=60)
    assert done.status_code == 200
    daemons = one.daemons()
    assert set(daemons) == {"lighttpd", "tintyped"}
    one.process.send_signal(signal.SIGTERM)
    assert one.exit_status() == 0, one.read_out()
    assert not any(alive(pid) for pid in daemons.values())


def test_control_c(run):
    """A terminal sends SIGINT to the whole process group."""
    one = run()
    wait_for("the service", one.answers)
    daemons = one.daemons()
    os.killpg(one.process.pid, signal.SIGINT)
    assert one.exit_status() == 0, one.read_out()
    assert not any(alive(pid) for pid in daemons.values())


@pytest.mark.parametrize("name", ["tintyped", "lighttpd"])
def test_a_dead_daemon_is_started_again(run, name):
    one = run()
    wait_for("the service", one.answers)
    before = one.daemons()
    os.kill(before[name], signal.SIGKILL)
    wait_for("another", lambda: one.daemons().get(name) not in (None, before[name]))
    wait_for("the service", one.answers)
    after = one.daemons()
    assert [n for n in after if after[n] != before[n]] == [name]


def test_killed_script_takes_its_daemons_along(run):
    one = run()
    wait_for("the service", one.answers)
    daemons = one.daemons()
    one.process.kill()
    one.process.wait()
    wait_for("the daemons' end", lambda: not any(alive(pid) for pid in daemons.values()))


def test_restart_over_stale_state(run):
    one = run()
    wait_for("the service", one.answers)
    requests.post(one.url + "/api/images", data=JPEG, headers={"Content-Type": "image/jpeg"}, timeout=60)
    daemons = one.daemons()
    for pid in (one.process.pid, *daemons.values()):
        os.kill(pid, signal.SIGKILL)
    wait_for("their end", lambda: not any(alive(pid) for pid in daemons.values()))
    two = run(STATE_DIR=str(one.folder / "var"))
    wait_for("the service", two.answers)
    assert len(requests.get(two.url + "/api/images", timeout=60).json()["images"]) == 1


def test_port_in_use(run):
    one = run()
    wait_for("the service", one.answers)
    two = run(PORT=str(one.port))
    assert two.process.wait(60) == 1
    assert str(one.port) in two.read_out() and "in use" in two.read_out()
    assert one.answers()


def test_configuration(run, tmp_path):
    folder = tmp_path
    config = folder / "tintype.ini"
    config.write_text(f"[server]\nlisten = {folder}/own.sock\nbase_path = /pictures\n"
                      f"max_body_bytes = 20000\n[storage]\ndir={folder}/own\n[image]\nwidth=20\n")
    one = run(CONFIG=str(config), TINTYPE_IMAGE_HEIGHT="10")
    url = one.url + "/pictures"

    wait_for("the service", lambda: one.answers("/pictures/healthz"))
    image = requests.post(url + "/images", data=JPEG, headers={"Content-Type": "image/jpeg"}, timeout=60).json()
    assert (image["width"], image["height"]) == (13, 10)
    assert (folder / "own/journal.db").exists() and (folder / "own.sock").exists()
    assert requests.post(url + "/images", data=bytes(30000), timeout=60).status_code == 413


def test_bad_configuration(run):
    one = run(TINTYPE_IMAGE_WIDTH="wide")
    assert one.process.wait(60) == 1
    assert "TINTYPE_IMAGE_WIDTH" in one.read_out()
