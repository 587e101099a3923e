"""Deadlines: peers of the FastCGI socket that fall silent, trickle, take no answer or bring workers down. The
service goes on for all others."""

import json
import re
import socket
import struct
import threading
import time

import pytest

import pictures
from fastcgi import BEGIN, PARAMS, Call, call, record
from support import IS_SANITIZED, wait_for

JPEG = pictures.jpeg(64, 48)
QUICK = {"idle_seconds": 1, "request_seconds": 2}
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
        while peer.recv(65536, socket.MSG_DONTWAIT):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


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


BEGINNINGS = {
    "nothing": lambda path: connect(path),
    "a byte": lambda path: connect(path, BEGINNING[:1]),
    "no variables": lambda path: connect(path, BEGINNING),
    "no body": lambda path: Call(path, length=1000).socket,
}


@pytest.mark.parametrize(
    "begin, count", [(begin, count) for begin in BEGINNINGS for count in (8, 64)
                     if count == 8 or begin in ("a byte", "no body")])
def test_the_silent(make_server, begin, count):
    one = make_server(server=QUICK | {"workers": 8})
    peers = [BEGINNINGS[begin](one.listen) for _ in range(count)]
    one.upload(JPEG)
    wait_for("the silent ones' end", lambda: all(map(has_ended, peers)))
    one.check_spool()


@pytest.mark.parametrize("count", [8, 64])
@pytest.mark.parametrize("begin", ["no variables", "no body"])
def test_the_trickling(make_server, begin, count):
    one = make_server(server=QUICK | {"workers": 8})
    peers = [BEGINNINGS[begin](one.listen) for _ in range(count)]
    stop = threading.Event()
    thread = threading.Thread(target=trickle, args=(list(peers), stop))
    thread.start()
    try:
        one.upload(JPEG)
        wait_for("the trickling ones' end", lambda: all(map(has_ended, peers)))
    finally:
        stop.set()
        thread.join()
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


@pytest.mark.parametrize("front", ["lighttpd", "nginx", "apache-proxy-fcgi"])
def test_slow_uploads_behind_a_web_server(make_server, front):
    """As many clients as there are workers stop in the middle of a body. Where the web server has passed that
    on, the workers are free again after the idle time, long before the web server gives its clients up."""
    one = make_server(front=front, server=QUICK | {"workers": 8})
    head = (f"POST /api/images HTTP/1.1\r\nHost: 127.0.0.1:{one.port}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: 100000\r\n\r\n")
    peers = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(8)]
    for peer in peers:
        peer.sendall(head.encode() + JPEG[:100])
    one.upload(JPEG)
    for peer in peers:
        peer.close()
    one.check_spool()
