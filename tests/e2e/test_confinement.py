"""What the kernel holds of each process: attempts inside real daemons, older kernels, and how both are told."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

import kernel
import pictures
from account import AS_OWNER, IS_ROOT, PROGRAMS
from attempts import Attempts, denied
from support import IS_SANITIZED, TINTYPED, check_problem, children, clean_environment, wait_for

JPEG = pictures.jpeg(64, 48)
PNG = pictures.encode(pictures.photo(64, 48), "PNG")
LACKS = "confinement: the processes run without"

needs_filters = pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer comes before any library, and has no filters")


def make_attempts(make_server, at, config=None, **options):
    """Starts a service in which the process that calls the function `at` makes the attempts."""
    one = make_server(start=False, **(config or {}))
    attempts = Attempts(at, one.folder, one.storage)
    one.environment = attempts.environment
    one.spawn([TINTYPED, "-c", one.config_path], **options)
    one.start_front()
    return one, attempts


def check_service(one):
    """Checks that the service is whole."""
    workers = one.workers()
    one.upload(JPEG)
    one.check_spool()
    assert one.workers() == workers


@needs_filters
@pytest.mark.parametrize("workers", [4, 0])
def test_a_worker_that_was_taken_over(make_server, workers):
    """With workers=0 the process that was started is the worker."""
    one, attempts = make_attempts(make_server, "FCGX_GetParam", {"server": {"workers": workers}})
    one.upload(JPEG)
    found = attempts.wait()
    assert len(found) > 80
    assert found.keys() - denied(found) == set()
    attempts.check_folder()
    check_service(one)


@needs_filters
def test_a_master_that_was_taken_over(make_server):
    """Its files are not limited, it starts processes and ends them. All else is denied, also to whatever it
    starts."""
    one, attempts = make_attempts(make_server, "signalfd")
    found = attempts.wait()
    assert denied(found) >= {
        "execute a program", "trace a process", "read a process's memory", "mount", "bpf", "a socket of IPv4",
        "make a user name space", "change the user", "change the root", "io_uring", "change a mode"}
    assert len(denied(found)) > 55
    one.upload(JPEG)


# A spawner starts and ends children, and confines them: a signal to the group reaches itself.
OF_SPAWNERS = {"fork", "signal all processes of the group", "hold a process", "outlive the parent",
               "a further filter"}


@needs_filters
def test_a_spawner_that_was_taken_over(make_server):
    one, attempts = make_attempts(make_server, "recvmsg")
    found = attempts.wait()
    assert len(found) > 80
    assert found.keys() - denied(found) - OF_SPAWNERS == set()
    attempts.check_folder()
    check_service(one)


@needs_filters
def test_a_decoder_that_was_taken_over(make_server):
    """It catches the signal that its filter raises, so that it can try everything. The picture that it decodes then
    is as good as any."""
    one, attempts = make_attempts(make_server, "png_read_info")
    workers = one.workers()
    one.upload(PNG)
    found = attempts.wait()
    assert len(found) > 80
    assert found.keys() - denied(found) == set()
    attempts.check_folder()
    check_service(one)
    assert one.workers() == workers
    assert len(one.images()) == 2


def shared_for_writing(pid):
    return [line for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if " rw-s " in line]


def spawners(one):
    below = [children(worker) for worker in one.workers()]
    return [pids[0] for pids in below] if all(len(pids) == 1 for pids in below) else None


@pytest.mark.skipif(not IS_ROOT, reason="nobody else may look into these processes")
def test_a_spawner_shares_its_page_alone(make_server):
    """A decoder shares what its spawner shares. After a reload the service has memory of two sets of workers."""
    one = make_server()
    before = set(one.workers())
    for pid in wait_for("spawners", lambda: spawners(one)):
        assert len(shared_for_writing(pid)) == 1
    one.master.send_signal(signal.SIGHUP)
    wait_for("new workers", lambda: len(one.workers()) == 4 and not before & set(one.workers()))
    for pid in wait_for("spawners", lambda: spawners(one)):
        assert len(shared_for_writing(pid)) == 1


@needs_filters
def test_a_call_outside_a_decoders_list(make_server):
    """It is a gap of the server's, which its operator finds in the log and in the metrics."""
    one, _ = make_attempts(make_server, "jpeg_read_header")
    workers = one.workers()
    check_problem(one.post(JPEG), 500, "decoder-confined")
    line, = (line for line in one.read_log().splitlines() if " 500 decoder-confined " in line)
    assert "(socket)" in line
    assert "tintype_decoders_confined_total 1\n" in one.get("/metrics").text
    one.upload(PNG)
    assert one.workers() == workers
    one.check_spool()
    assert len(one.images()) == 1


@needs_filters
def test_a_command_that_was_taken_over(make_server):
    one = make_server()
    attempts = Attempts("sqlite3_step", one.folder, one.storage)
    done = show(one, "status", **attempts.environment)
    assert done.returncode == 0, done.stderr
    found = attempts.wait()
    assert len(found) > 80
    assert found.keys() - denied(found) == set()
    attempts.check_folder()


def show(one, *arguments, account=AS_OWNER, **environment):
    """Runs the operator's command."""
    return subprocess.run([PROGRAMS / "tintype", "-c", one.config_path, *arguments], capture_output=True, text=True,
                          timeout=60, cwd=one.folder, check=False, env=clean_environment(**environment), **account)


@needs_filters
def test_what_is_held_is_shown(make_server):
    one = make_server()
    done = show(one, "config", "--confinement", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["notHeld"], found["seccomp"]) == (0, "", True)
    processes = {process["name"]: process for process in found["processes"]}
    assert set(processes) == {"master", "worker", "spawner", "decoder", "agent", "command"}
    assert all(process["held"]["calls"] for process in processes.values())
    assert processes["master"]["files"] is None and not processes["master"]["held"]["files"]
    assert processes["decoder"]["files"] == {} and processes["decoder"]["held"]["files"]
    assert set(processes["worker"]["files"]) == {"storage", "chance"}
    paths = {tree["name"]: tree["paths"] for tree in found["files"]}
    assert paths["storage"] == [str(one.storage)] and "/etc" in paths["system"]
    groups = {group["name"]: group["calls"] for group in found["groups"]}
    assert "execve" not in sum(groups.values(), []) and "openat" in groups["files"]
    lines = show(one, "config", "--confinement").stdout.splitlines()
    assert lines[0] == "server.confinement: best-effort" and lines[2] == "not held: -"
    assert "  files: storage (read, change), chance (read)" in lines
    for arguments in (["config"], ["config", "--all"], ["config", "--confinement", "worker"]):
        assert show(one, *arguments).returncode == 2


def test_what_is_not_held_is_shown(make_server):
    one = make_server()
    one.upload(JPEG)
    for arguments, status in ((["status"], 0), (["config", "--confinement"], 1)):
        with kernel.OldKernel(landlock=0, filters=False) as old:
            text = show(one, *arguments, account=AS_OWNER | {"preexec_fn": old.enter})
        with kernel.OldKernel(landlock=0, filters=False) as old:
            as_json = show(one, *arguments, "--json", account=AS_OWNER | {"preexec_fn": old.enter})
        assert (text.returncode, as_json.returncode) == (status, status), text.stderr + as_json.stderr
        missing = json.loads(as_json.stdout)["notHeld"]
        assert "filters of system calls" in missing and "limits of files" in missing
        assert f"not held: {missing}" in text.stdout


@needs_filters
def test_attempts_on_a_kernel_that_holds_nothing(make_server):
    """Most attempts are not denied to any process of a plain user, so a test of them can fail."""
    with kernel.OldKernel(landlock=0, filters=False) as old:
        one, attempts = make_attempts(make_server, "FCGX_GetParam", preexec_fn=old.enter)
        found = attempts.wait("a file in memory as a program")
        let = {name for name, number in found.items() if number == 0}
        assert len(let) > 40
        assert one.stop_tintyped() == 0
    assert LACKS in one.read_log()


@pytest.mark.parametrize("landlock, filters, missing", [
    (0, True, ["limits of files (the kernel has no Landlock)"]),
    (1, True, ["the kernel's Landlock has ABI 1; 2 is needed"]),
    (2, False, ["filters of system calls"]),
    (0, False, ["filters of system calls", "limits of files"]),
])
def test_a_kernel_that_lacks_something(make_server, landlock, filters, missing):
    """required refuses to start, best-effort says what is not held, and serves."""
    one = make_server(start=False, server={"confinement": "required"})
    for arguments in ([TINTYPED, "-t"], [TINTYPED]):
        with kernel.OldKernel(landlock, filters) as old:
            done = subprocess.run([*arguments, "-c", one.config_path], env=clean_environment(), timeout=60,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, check=False, preexec_fn=old.enter, **AS_OWNER)
        assert done.returncode == 2
        assert all(words in done.stderr for words in ["server.confinement", *missing])
    assert not os.listdir(one.storage)
    one.config["server"]["confinement"] = "best-effort"
    one.write_config()
    with kernel.OldKernel(landlock, filters) as old:
        one.spawn([TINTYPED, "-c", one.config_path], preexec_fn=old.enter)
        one.start_front()
        one.upload(JPEG)
        assert one.stop_tintyped() == 0
    line, = (line for line in one.read_log().splitlines() if LACKS in line)
    assert all(words in line for words in missing)


@needs_filters
def test_a_kernel_that_is_good_enough(make_server):
    """ABI 2 is that of Debian 12."""
    one = make_server(start=False, server={"confinement": "required"})
    with kernel.OldKernel(landlock=2) as old:
        one.spawn([TINTYPED, "-c", one.config_path], preexec_fn=old.enter)
        one.start_front()
        one.upload(JPEG)
        assert one.stop_tintyped() == 0
    assert LACKS not in one.read_log()
