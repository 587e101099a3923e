"""Slow clients behind each web server: whatever they leave undone, the uploads of others go on."""

import contextlib
import socket

import pytest

from behind import make_server
from support import wait_for
from test_upload import JPEG

# No wait of tintyped's ends while a test lasts; those of the web servers are as they are shipped.
PATIENT = {"idle_seconds": 3600, "request_seconds": 86400, "extra_workers": 128}
LARGE = JPEG + bytes(4 << 20)  # More than what the buffers on the way to a client hold.


def connect(server, request=b""):
    client = socket.socket()
    # A client that reads nothing is not to have the answer in its own buffer.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect(("127.0.0.1", server.port))
    client.sendall(request)
    return client


def say_nothing(server):
    return connect(server)


def stop_in_the_headers(server):
    return connect(server, b"POST /api/images HTTP/1.1\r\nHost: 127.0.0.1")


def stop_in_the_body(server):
    head = (f"POST /api/images HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(JPEG)}\r\n\r\n")
    return connect(server, head.encode() + JPEG[:-1])


def take_no_answer(server):
    return connect(server, f"GET {server.large} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())


@pytest.fixture
def patient(front):
    """Makes a service with four workers, to which others are added when clients are slow."""
    one = make_server(front, server=PATIENT)
    try:
        one.start()
        one.large = one.upload(LARGE)["links"]["original"]
        yield one
    finally:
        with contextlib.ExitStack() as stack:
            stack.callback(one.kill)
            one.stop()


@pytest.mark.parametrize("count", [8, 64])
@pytest.mark.parametrize("begin", [say_nothing, stop_in_the_headers, stop_in_the_body, take_no_answer])
def test_slow_clients(patient, begin, count):
    workers = patient.workers()
    clients = [begin(patient) for _ in range(count)]
    for _ in range(5):
        patient.upload(JPEG)
    for client in clients:
        client.close()
    if not patient.front.starts_tintyped:
        wait_for("the extra workers' end", lambda: patient.workers() == workers)
    patient.check_spool()
