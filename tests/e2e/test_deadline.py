"""Slow clients: peers of the FastCGI socket that fall silent, trickle, take no answer or bring workers down. Each
wait has a deadline, and meanwhile the service goes on for all others."""

import contextlib
import json
import operator
import os
import re
import select
import signal
import socket
import struct
import threading
import time

import pytest

import pictures
from fastcgi import BEGIN, PARAMS, Call, call, record
from support import IS_SANITIZED, read_links, wait_for

JPEG = pictures.jpeg(64, 48)
QUICK = {"idle_seconds": 1, "request_seconds": 2}
# No wait ends by itself while a test lasts.
PATIENT = {"idle_seconds": 3600, "request_seconds": 86400, "workers": 4, "extra_workers": 128}
BEGINNING = record(BEGIN, struct.pack(">HB5x", 1, 0))
# The two lengths of a variable add up to more than libfcgi can count, and it aborts.
CRAFTED = BEGINNING + record(PARAMS, struct.pack(">II", 0xC0000000, 0xC0000000) + bytes(26))
# libfcgi skips such a record, as it is another request's.
SKIPPED = struct.pack(">BBHHBx", 1, PARAMS, 2, 0, 0)


def connect(path, first=b""):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    peer.connect(str(path))
    peer.sendall(first)
    return peer


def has_ended(peer):
    """Says whether the service has closed the connection; what it answered before is skipped."""
    try:
        while select.select([peer], [], [], 0)[0]:
            if not peer.recv(65536):
                return True
    except ConnectionResetError:
        return True
    return False


def trickle(peers, stop):
    """Sends every peer's records on, a byte at a time and far below the idle time, until all have ended."""
    position = 0
    while peers and not stop.wait(0.1):
        for peer in list(peers):
            try:
                peer.send(SKIPPED[position:position + 1], socket.MSG_DONTWAIT)
            except (BrokenPipeError, ConnectionResetError):
                peers.remove(peer)
        position = (position + 1) % len(SKIPPED)


@contextlib.contextmanager
def trickling(peers):
    stop = threading.Event()
    thread = threading.Thread(target=trickle, args=(list(peers), stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


BEGINNINGS = {
    "nothing": lambda path: connect(path),
    "a byte": lambda path: connect(path, BEGINNING[:1]),
    "no variables": lambda path: connect(path, BEGINNING),
    "no body": lambda path: Call(path, length=1000).socket,
}


def count_descriptors(pids):
    return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]


@contextlib.contextmanager
def unmoved(one):
    """Checks that in the end the workers of before are there, with no more descriptors, and no other one."""
    workers = one.workers()
    # A worker that waits for connections has opened all that it needs.
    wait_for("every worker to be up", lambda: all("anon_inode:[eventpoll]" in read_links(pid) for pid in workers))
    descriptors = count_descriptors(workers)
    yield
    wait_for("the extra workers' end", lambda: one.workers() == workers)
    wait_for("the last descriptor to be closed",
             lambda: all(map(operator.le, count_descriptors(workers), descriptors)))
    one.check_spool()


def gauge(one, name):
    return int(re.search(rf"^{name} (\d+)$", one.get("/metrics").text, re.MULTILINE)[1])


# The socket's buffers hold less than the answer.
DEAF = "no answer"


def begin_slowly(one, begin, count):
    """Returns the sockets of so many clients that begin a request in this way and go no further."""
    if begin != DEAF:
        return [BEGINNINGS[begin](one.listen) for _ in range(count)]
    original = one.upload(JPEG + bytes(4 << 20))["links"]["original"]
    return [Call(one.listen, method="GET", uri=original).socket for _ in range(count)]


@pytest.mark.parametrize("begin, count", [(begin, 64) for begin in [*BEGINNINGS, DEAF]] + [("no body", 8), (DEAF, 8)])
def test_the_silent_do_not_hold_up_others(make_server, begin, count):
    one = make_server(server=PATIENT)
    with unmoved(one):
        peers = begin_slowly(one, begin, count)
        for _ in range(3):
            one.upload(JPEG)
        wait_for("all to wait", lambda: gauge(one, "tintype_workers_waiting") == count)
        assert gauge(one, "tintype_workers") > count
        for peer in peers:
            peer.close()


@pytest.mark.parametrize("begin, count", [("no variables", 64), ("no body", 64), ("no body", 8)])
def test_the_trickling_do_not_hold_up_others(make_server, begin, count):
    one = make_server(server=PATIENT)
    with unmoved(one):
        peers = [BEGINNINGS[begin](one.listen) for _ in range(count)]
        with trickling(peers):
            for _ in range(3):
                one.upload(JPEG)
        assert not any(map(has_ended, peers))
        for peer in peers:
            peer.close()


def test_extra_workers_are_bounded(make_server):
    one = make_server(server=PATIENT | {"extra_workers": 2})
    with unmoved(one):
        peers = [connect(one.listen) for _ in range(10)]
        wait_for("a warning", lambda: "see server.extra_workers" in one.read_log())
        assert len(one.workers()) == 6
        for peer in peers:
            peer.close()
        one.upload(JPEG)


def test_a_stop_with_extra_workers(make_server):
    """They finish what they are at, as all workers do."""
    one = make_server(server=PATIENT)
    calls = [Call(one.listen, length=len(JPEG)) for _ in range(8)]
    wait_for("all to wait", lambda: gauge(one, "tintype_workers_waiting") == 8)
    one.master.send_signal(signal.SIGTERM)
    wait_for("the idle to leave", lambda: len(one.workers()) == 8)
    for call_ in calls:
        call_.send(JPEG)
    assert [call_.finish()[0] for call_ in calls] == [200] * 8
    assert one.master.wait(60) == 0


@pytest.mark.parametrize("begin", BEGINNINGS)
def test_the_silent_are_given_up(make_server, begin):
    one = make_server(server=QUICK | {"workers": 8})
    peers = [BEGINNINGS[begin](one.listen) for _ in range(8)]
    one.upload(JPEG)
    wait_for("the silent ones' end", lambda: all(map(has_ended, peers)))
    one.check_spool()


@pytest.mark.parametrize("begin", ["no variables", "no body"])
def test_the_trickling_are_given_up(make_server, begin):
    one = make_server(server=QUICK | {"workers": 8})
    peers = [BEGINNINGS[begin](one.listen) for _ in range(8)]
    with trickling(peers):
        one.upload(JPEG)
        wait_for("the trickling ones' end", lambda: all(map(has_ended, peers)))
    one.check_spool()


def test_a_body_that_stops_is_408(make_server):
    one = make_server(server=QUICK)
    silent = Call(one.listen, length=len(JPEG))
    silent.send(JPEG[:100])
    status, _, body = silent.answer()
    assert status == 408
    assert json.loads(body)["type"] == "urn:tintype:problem:request-timeout"
    assert one.images() == [] and one.spool() == []


def test_a_body_that_trickles_is_408(make_server):
    one = make_server(server={"idle_seconds": 60, "request_seconds": 1})
    slow = Call(one.listen, length=len(JPEG))
    slow.send(JPEG[:100])
    status, _, body = slow.answer()
    assert status == 408
    assert json.loads(body)["type"] == "urn:tintype:problem:request-timeout"


def test_who_takes_no_answer(make_server):
    """The only worker is free again after the idle time, although the file is larger than what the socket
    holds."""
    one = make_server(server=QUICK | {"workers": 1})
    image = one.upload(JPEG + bytes(4 << 20))
    deaf = Call(one.listen, method="GET", uri=image["links"]["original"])
    began = time.monotonic()
    assert call(one.listen, method="GET", uri="/api/healthz")[0] == 200
    assert time.monotonic() - began >= 1
    deaf.close()
    assert "did not take the whole answer" in one.read_log()


@pytest.mark.skipif(IS_SANITIZED, reason="the sanitizer ends the worker for libfcgi's mistake, and tells of it")
def test_crafted_records(make_server):
    """Each brings a worker down, which is replaced at once. A worker that aborts ends by SIGSEGV where a filter
    keeps it from sending signals, even to itself."""
    one = make_server()
    for number in range(1, 401):
        peer = connect(one.listen, CRAFTED)
        wait_for("its end", lambda peer=peer: has_ended(peer))
        peer.close()
        if number % 20 == 0:
            one.upload(JPEG)
    wait_for("every death in the log", lambda: len(re.findall("killed by signal (?:6|11)", one.read_log())) == 400)
    assert one.read_log().count("the next one starts at once") == 400
    wait_for("every worker", lambda: len(one.workers()) == 4)
    one.check_spool()
