"""Whose the processes are: root's daemons become another user or refuse, and nobody looks into any of them."""

import os
import pwd
import re
import subprocess
from pathlib import Path

import pytest

import pictures
from account import AS_OWNER, IS_ROOT, OWNER, PROGRAMS, give
from support import IS_SANITIZED, TINTYPED, clean_environment, descendants, read_links

JPEG = pictures.jpeg(64, 48)
TINTYPE_SYNC = PROGRAMS / "tintype-sync"
as_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")


def read_status(pid, name):
    """Returns what /proc/PID/status says under a name, as words."""
    line, = re.findall(rf"^{name}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M)
    return line.split()


def start(program, *arguments, account=None, **settings):
    """Starts a daemon that is to refuse. Returns its exit status and what it said."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, env=clean_environment(**settings), **(account or {}))
    return done.returncode, done.stderr


# ---- root ----

@as_root
@pytest.mark.parametrize("program", [TINTYPED, TINTYPE_SYNC], ids=lambda path: path.name)
def test_root_refuses_to_stay_root(program, tmp_path):
    settings = {"TINTYPE_STORAGE_DIR": str(tmp_path / "state"), "TINTYPE_SERVER_LISTEN": str(tmp_path / "run/socket"),
                "TINTYPE_S3_BUCKET": "pictures", "AWS_REGION": "eu-central-1"}
    status, text = start(program, **settings)
    assert status == 2 and "started as root: set server.user" in text
    for user in ("root", "no-such-user"):
        for arguments in ([], ["-t"]):
            status, text = start(program, *arguments, **settings, TINTYPE_SERVER_USER=user)
            assert status == 2 and "server.user" in text and user in text
    assert list(tmp_path.iterdir()) == []


@as_root
def test_a_manager_that_leaves_it_root_is_refused(make_server):
    one = make_server(start=False)
    done = subprocess.run(["spawn-fcgi", "-n", "-s", one.listen, "--", TINTYPED, "-c", one.config_path], timeout=60,
                          capture_output=True, text=True, env=clean_environment(), check=False)
    assert done.returncode == 2 and "set server.user" in done.stderr


@as_root
def test_a_manager_may_leave_the_change_of_user_to_it(make_server):
    """The socket was handed over, so its folder is nobody's business, and is not made."""
    one = make_server(start=False, server={"user": OWNER.pw_name, "listen": "/nonexistent/tintyped.sock"})
    one.run_master(["spawn-fcgi", "-n", "-s", one.listen, "-U", OWNER.pw_name, "-M", "0600", "--",
                    TINTYPED, "-c", one.config_path])
    one.start_front()
    one.upload(JPEG)
    assert read_status(one.master.pid, "Uid") == [str(OWNER.pw_uid)] * 4


@as_root
def test_root_becomes_the_user(make_server):
    """It makes what is missing first, and nothing of root is left in any process."""
    one = make_server(start=False, server={"user": OWNER.pw_name})
    one.storage.rmdir()
    one.config["server"]["listen"] = one.listen = one.folder / "run/tintyped.sock"
    one.write_config()
    one.run_master([TINTYPED, "-c", one.config_path])
    one.start_front()
    one.upload(JPEG)
    for path, mode in ((one.storage, 0o2770), (one.listen.parent, 0o755), (one.listen, 0o660)):
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (OWNER.pw_uid, OWNER.pw_gid, mode)
    groups = os.getgrouplist(OWNER.pw_name, OWNER.pw_gid)
    for pid in (one.master.pid, *descendants(one.master.pid)):
        assert read_status(pid, "Uid") == [str(OWNER.pw_uid)] * 4
        assert read_status(pid, "Gid") == [str(OWNER.pw_gid)] * 4
        assert sorted(map(int, read_status(pid, "Groups"))) == sorted(groups)
        assert int(read_status(pid, "CapPrm")[0], 16) == int(read_status(pid, "CapEff")[0], 16) == 0
    assert one.stop_tintyped() == 0
    assert not one.listen.exists()


@as_root
def test_what_exists_keeps_its_owner(make_server):
    one = make_server(start=False, server={"user": OWNER.pw_name})
    os.chown(one.storage, 0, 0)
    one.storage.chmod(0o755)
    status, text = start(TINTYPED, "-c", one.config_path)
    assert status == 1 and "Permission denied" in text
    status = one.storage.stat()
    assert (status.st_uid, status.st_mode & 0o7777) == (0, 0o755)
    assert list(one.storage.iterdir()) == []


@as_root
def test_the_operators_command_leaves_no_file_of_roots(make_server):
    """It makes the file that wakes the agent where that is missing, and those beside the journal."""
    one = make_server()
    one.upload(JPEG)
    assert one.stop_tintyped() == 0
    (one.storage / "journal.wake").unlink()
    for command in (["status"], ["list", "off"], ["verify"], ["retry", "dead"]):
        subprocess.run([PROGRAMS / "tintype", "-c", one.config_path, *command], check=True, timeout=60,
                       capture_output=True, env=clean_environment())
    assert (one.storage / "journal.wake").exists()
    assert {path.stat().st_uid for path in one.storage.rglob("*")} == {OWNER.pw_uid}
    one.start_tintyped()
    one.wait_ready()
    assert len(one.images()) == 1


# ---- anybody else ----

def test_another_users_daemon_is_refused(make_server):
    other = pwd.getpwnam("www-data").pw_name
    one = make_server(start=False, server={"user": other})
    status, text = start(TINTYPED, "-c", one.config_path, account=AS_OWNER)
    assert status == 2 and f"server.user is {other}" in text and f"user {OWNER.pw_uid} " in text
    assert list(one.storage.iterdir()) == []


def test_the_user_itself_may_start_it(make_server):
    one = make_server(server={"user": OWNER.pw_name})
    one.upload(JPEG)


@as_root
def test_capabilities_of_the_starter_are_given_up(make_server):
    one = make_server(start=False)
    one.run_master(["setpriv", "--reuid", str(OWNER.pw_uid), "--regid", str(OWNER.pw_gid), "--clear-groups",
                    "--inh-caps", "+dac_override,+kill", "--ambient-caps", "+dac_override,+kill",
                    TINTYPED, "-c", one.config_path])
    one.start_front()
    one.upload(JPEG)
    for pid in (one.master.pid, *descendants(one.master.pid)):
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(read_status(pid, name)[0], 16) == 0


# ---- what others could see ----

def test_descriptors_of_the_starter_are_closed(make_server):
    one = make_server(start=False)
    with open(one.folder / "secret", "w") as secret:
        one.spawn([TINTYPED, "-c", one.config_path], pass_fds=[secret.fileno()])
        one.start_front()
    for pid in (one.master.pid, *descendants(one.master.pid)):
        assert not IS_ROOT or not any(link.endswith("/secret") for link in read_links(pid))
    one.upload(JPEG)


def core_bytes(pid):
    line, = re.findall(r"^Max core file size +(\S+) +(\S+)", Path(f"/proc/{pid}/limits").read_text(), re.M)
    return line


@as_root
@pytest.mark.skipif(IS_SANITIZED, reason="the leak checker must trace the process whose leaks it looks for")
def test_nobody_looks_into_a_daemon(make_server):
    """The kernel gives /proc/PID of a process that may not be looked into to root, whosever the process is."""
    one = make_server()
    one.upload(JPEG)
    for pid in (one.master.pid, *descendants(one.master.pid)):
        assert core_bytes(pid) == ("0", "0")
        assert read_status(pid, "Uid")[0] == str(OWNER.pw_uid)
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
        looked = subprocess.run(["cat", f"/proc/{pid}/environ"], capture_output=True, check=False, **AS_OWNER)
        assert looked.returncode != 0


def test_developers_may_look_into_a_daemon(make_server):
    one = make_server(server={"core_dumps": "true"})
    one.upload(JPEG)
    assert core_bytes(one.master.pid) == core_bytes("self")
    assert Path(f"/proc/{one.master.pid}/environ").stat().st_uid == OWNER.pw_uid
