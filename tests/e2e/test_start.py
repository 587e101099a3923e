"""The ways to start tintyped: by hand, by a service manager, by lighttpd, alone; and what it checks first."""

import base64
import fcntl
import re
import signal
import socket
import subprocess
import sys

import pytest
import requests

import pictures
from account import AS_OWNER, give
from fastcgi import Call, call
from support import (TINTYPED, alive, check_problem, children, clean_environment, read_links,
                     wait_for)

JPEG = pictures.jpeg(64, 48)


def test_by_hand(make_server):
    """The socket at server.listen is made with mode 0660, replaces a stale one, and is removed at the end."""
    one = make_server(start=False)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(one.listen))
    give(one.listen)
    stale.close()
    one.spawn([TINTYPED, "-c", one.config_path])
    one.start_front()
    assert one.listen.stat().st_mode & 0o777 == 0o660
    one.upload(JPEG)
    second = subprocess.run([TINTYPED, "-c", one.config_path], capture_output=True, timeout=60,
                            stdin=subprocess.DEVNULL, env=clean_environment(), check=False, **AS_OWNER)
    assert second.returncode != 0 and second.stderr
    one.upload(JPEG)
    assert one.stop_tintyped() == 0
    assert not one.listen.exists()


def test_systemd_socket(make_server):
    one = make_server(start=False)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(one.listen))
        give(one.listen)
        listener.listen(64)
        start = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update("
                 "LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execv(sys.argv[2], sys.argv[2:])")
        one.spawn([sys.executable, "-c", start, listener.fileno(), TINTYPED, "-c", one.config_path],
                  pass_fds=[listener.fileno()])
    one.start_front()
    one.upload(JPEG)
    assert one.stop_tintyped() == 0
    assert one.listen.exists()  # The socket belongs to the service manager.


def test_lighttpd_starts_it(make_server, tmp_path):
    """The shipped file has commented lines for this, and they serve both paths."""
    one = make_server(start=False)
    shipped = one.front.config.read_text()
    lines = re.findall(r'^ *#"(?:bin-path|max-procs)".*$', shipped, re.M)
    assert len(lines) == 2
    for line in lines:
        shipped = shipped.replace(line, line.replace("#", ""))
    config = tmp_path / "lighttpd.conf"
    config.write_text(shipped.replace("/usr/local/sbin/tintyped -c /etc/tintype/tintype.conf",
                                      f"{TINTYPED} -c {one.config_path}"))
    one.front.config = config
    one.start_front()
    one.upload(JPEG)
    by_the_old_name = requests.post(one.root_url + "/default/imageProcessor", timeout=60,
                                    data=base64.b64encode(JPEG), headers={"Content-Type": "text/plain"})
    assert by_the_old_name.status_code == 200
    assert by_the_old_name.json()["message"].startswith("Image processed: processed/")
    master, = children(one.front_process.pid)
    assert len(children(master)) == 4
    one.front_process.terminate()
    one.front_process.wait(60)
    wait_for("tintyped to leave", lambda: not alive(master))
    one.front_process = None
    assert len(one.spool()) == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_workers(make_server, number):
    """With workers=0 the process that was started serves by itself, as mod_fcgid wants it, and each of the three
    signals ends it."""
    one = make_server(start=False, server={"workers": 0})
    one.start()
    assert one.workers() == []
    one.upload(JPEG)
    check_problem(one.post(JPEG[:300]), 422)
    one.master.send_signal(number)
    assert one.master.wait(60) == 0


def test_sigterm_before_it_is_up(make_server):
    """With workers=0, a request that waits on the socket already is answered before the end."""
    one = make_server(server={"workers": 0})
    assert one.stop_tintyped() == 0
    one.listen.unlink()
    with open(one.storage / "service.lock", "r+b") as lock, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listener.bind(str(one.listen))
        listener.listen(64)
        one.master = subprocess.Popen([TINTYPED, "-c", one.config_path], stdin=listener, stdout=one.log,
                                      stderr=one.log, env=clean_environment(), **AS_OWNER)
        waiting = Call(one.listen, length=len(JPEG))
        waiting.send(JPEG)
        wait_for("it to stand at the lock", lambda: any(
            link.endswith("service.lock") for link in read_links(one.master.pid)))
        one.master.terminate()
    assert waiting.finish()[0] == 200
    assert one.master.wait(60) == 0


def test_check_of_the_configuration(tmp_path):
    file = tmp_path / "tintype.ini"

    def check(text, **environment):
        file.write_text(text)
        return subprocess.run([TINTYPED, "-t", "-c", file], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env=clean_environment(**environment), check=False)

    assert check(f"[storage]\ndir={tmp_path}\n").returncode == 0
    for text, line, word in (("[server]\nworker=5\n", 2, "worker"), ("[image]\n\nwidth=x\n", 3, "width"),
                             ("[nothing]\na=b\n", 2, "nothing"), ("[image]\nformat=bmp\n", 2, "format"),
                             ("[server]\nconfinement=none\n", 2, "required, best-effort"),
                             ("[server]\nmax_body_bytes=-1\n", 2, "max_body_bytes")):
        done = check(text)
        assert done.returncode != 0
        assert f"{file}:{line}" in done.stderr and word in done.stderr
    assert "TINTYPE_IMAGE_WIDTH" in check("", TINTYPE_IMAGE_WIDTH="wide").stderr
    assert "TINTYPE_NOTHING" in check("", TINTYPE_NOTHING="1").stderr
    missing = subprocess.run([TINTYPED, "-t", "-c", tmp_path / "none"], capture_output=True, timeout=60,
                             stdin=subprocess.DEVNULL, env=clean_environment(), check=False)
    assert missing.returncode != 0


def test_permissions(make_server):
    """The two users share a group, which may read and write; others may do nothing."""
    one = make_server()
    one.upload(JPEG)
    for path in one.storage.rglob("*"):
        assert path.stat().st_mode & 0o007 == 0, path
        if path.is_file() and path.name != "places":
            assert path.stat().st_mode & 0o660 == 0o660, path
    assert (one.storage / "journal.db").exists()


def test_no_network_library():
    """tintyped has no way out: it links neither libcurl nor a resolver of its own."""
    linked = subprocess.run(["ldd", TINTYPED], capture_output=True, text=True, check=True).stdout
    assert "libcurl" not in linked


def test_direct_call(server):
    """One worker gives one answer on one connection, whatever the front end."""
    status, headers, body = call(server.listen, method="GET", uri="/api/healthz", kind="")
    assert status == 200 and int(headers["content-length"]) == len(body)
