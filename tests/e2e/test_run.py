"""deploy/run.sh, which is `make run`: one command serves, restarts what dies, and stops everything."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import requests

import pictures
from account import IS_ROOT, OWNER, PROGRAMS, TREE, give, make_folder, temporary_folder
from support import alive, children, clean_environment, descendants, free_port, wait_for

JPEG = pictures.jpeg(64, 48)


class Run:
    def __init__(self, script=TREE / "deploy/run.sh", **environment):
        self.folder = make_folder("tintype-run-")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out = open(self.folder / "out", "wb")
        (self.folder / "var").mkdir()
        give(self.folder / "var")
        environment = {"PORT": str(self.port), "STATE_DIR": str(self.folder / "var"),
                       "BUILD": str(PROGRAMS)} | environment
        # The script starts as from a terminal. A shell cannot trap a signal that was ignored when it started,
        # and SIGINT is ignored in what a script runs in the background.
        self.process = subprocess.Popen([script], env=clean_environment(**environment),
                                        stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
                                        start_new_session=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

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
        """Returns {name: pid} of the script's own daemons."""
        found = {}
        for pid in children(self.process.pid):
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue  # This was a helper of the script that has ended.
            if name in ("lighttpd", "tintyped", "tintype-sync"):
                found[name] = pid
        return found


@pytest.fixture
def run():
    started = []

    def make(**options):
        started.append(Run(**options))
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


# ---- root ----

as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")


def read_uids(pid):
    line, = re.findall(r"^Uid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)
    return set(map(int, line.split()))


@as_root
def test_root_starts_the_daemons_of_the_folders_owner(run):
    one = run(**CLOUD)
    wait_for("the service", one.answers)
    daemons = wait_for("all daemons", lambda: len(one.daemons()) == 3 and one.daemons())
    assert [read_uids(pid) for pid in daemons.values()] == [{OWNER.pw_uid}] * 3
    assert {path.stat().st_uid for path in (one.folder / "var").rglob("*")} == {OWNER.pw_uid}


@as_root
def test_root_starts_the_daemons_of_the_named_user(run):
    """server.user comes before the owner of a folder that is there. A new folder becomes that user's."""
    named = pwd.getpwnam("www-data")
    with temporary_folder() as folder:
        folder.chmod(0o711)
        one = run(TINTYPE_SERVER_USER=named.pw_name, STATE_DIR=str(folder / "new"))
        wait_for("the service", one.answers)
        assert [read_uids(pid) for pid in one.daemons().values()] == [{named.pw_uid}] * 2
        assert (folder / "new").stat().st_uid == named.pw_uid
        one.process.terminate()
        assert one.exit_status() == 0


@pytest.fixture
def out_of_reach():
    """A copy of programs and page in a folder that only root can enter, which has a folder for the state."""
    with temporary_folder() as folder:
        os.chown(folder, 0, 0)
        shutil.copytree(TREE, folder / "tree", ignore=shutil.ignore_patterns(".*", "tests", "node_modules"))
        yield folder
        for name in Path("/var/tmp").glob(f"tintype-{OWNER.pw_uid}-{checksum(folder / 'state')}"):
            shutil.rmtree(name)


def checksum(path):
    done = subprocess.run(["cksum"], input=f"{path}\n", capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


@as_root
def test_root_serves_a_copy_of_what_is_out_of_reach(run, out_of_reach):
    """The next run finds the pictures again."""
    settings = {"STATE_DIR": str(out_of_reach / "state"), "BUILD": str(out_of_reach / "tree/build"),
                "TINTYPE_SERVER_USER": OWNER.pw_name}
    for count in (0, 1):
        one = run(script=out_of_reach / "tree/deploy/run.sh", **settings)
        wait_for("the service", one.answers)
        assert "so a copy" in one.read_out().splitlines()[0] and "/var/tmp/tintype-" in one.read_out()
        assert requests.get(one.url + "/", timeout=60).status_code == 200
        assert len(requests.get(one.url + "/api/images", timeout=60).json()["images"]) == count
        requests.post(one.url + "/api/images", data=JPEG, headers={"Content-Type": "image/jpeg"}, timeout=60)
        one.process.terminate()
        assert one.exit_status() == 0, one.read_out()
        assert not (out_of_reach / "state").exists()


@as_root
def test_root_serves_nothing_from_a_strangers_folder(run, out_of_reach):
    folder = Path(f"/var/tmp/tintype-{OWNER.pw_uid}-{checksum(out_of_reach / 'state')}")
    folder.mkdir()
    give(folder)
    one = run(script=out_of_reach / "tree/deploy/run.sh", STATE_DIR=str(out_of_reach / "state"),
              BUILD=str(out_of_reach / "tree/build"), TINTYPE_SERVER_USER=OWNER.pw_name)
    assert one.exit_status() == 1
    assert f"{folder} is not root's" in one.read_out()
    assert list(folder.iterdir()) == []


# ---- keys ----

SECRET = "open-sesame"
# Nothing listens on this port, so the agent waits for the cloud.
CLOUD = {"TINTYPE_S3_BUCKET": "pictures", "TINTYPE_S3_ENDPOINT": "http://127.0.0.1:1", "AWS_REGION": "eu-central-1",
         "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "TINTYPE_SERVER_CORE_DUMPS": "true"}


def shows_secret(pid):
    return SECRET.encode() in Path(f"/proc/{pid}/environ").read_bytes()


def test_keys_reach_the_agent_alone(run):
    """An agent that is started again has them too."""
    one = run(**CLOUD)
    wait_for("the service", one.answers)
    agent = wait_for("the agent", lambda: one.daemons().get("tintype-sync"))
    wait_for("its keys", lambda: shows_secret(agent))
    others = [one.process.pid, *(pid for pid in descendants(one.process.pid) if pid != agent)]
    assert len(others) > 3
    for pid in others:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # This was a helper that has ended.
            assert not shows_secret(pid)
    os.kill(agent, signal.SIGKILL)
    again = wait_for("another", lambda: one.daemons().get("tintype-sync") not in (None, agent)
                     and one.daemons()["tintype-sync"])
    wait_for("its keys", lambda: shows_secret(again))
    assert SECRET not in one.read_out()
