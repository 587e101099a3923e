"""Decode slots and the seats to wait in: who gets one, how long it is waited for, and what a picture may cost before it
has one."""

import json
import os
import signal
import subprocess
import threading

import pytest
import requests

import pictures
from fastcgi import call
from support import (IS_SANITIZED, TINTYPED, alive, check_problem, clean_environment, continue_process, stop_process,
                     wait_for)
from test_process import JPEG, Later, cpu_limit, decodes, parent, worker_of

COSTLY = pictures.png_bomb(9000, 9000, 8, 0)
TEN_MEGAPIXELS = pictures.png_bomb(3600, 2800, 8, 2)
LOADED = {"server": {"workers": 8, "decode_slots": 2}}


class Crowd:
    """Uploads a picture over and over from so many threads, until the end of the block."""

    def __init__(self, server, body, count, headers=None):
        self.statuses, self.stop = [], threading.Event()
        self.threads = [threading.Thread(target=self._upload, args=(server, body, headers or {}))
                        for _ in range(count)]

    def _upload(self, server, body, headers):
        with requests.Session() as session:
            session.trust_env = False
            while not self.stop.is_set():
                answer = session.post(server.url + "/images", data=body, timeout=120,
                                      headers={"Content-Type": "image/png", "Connection": "close"} | headers)
                self.statuses.append(answer.status_code)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_for("the crowd to be more than the service takes", lambda: 503 in self.statuses)
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def hold_a_slot(server):
    """Has a decoder stop while it has a slot. Returns the upload and the decoder."""
    upload = Later(server, COSTLY)
    decoder, = wait_for("a decoder", lambda: [pid for pid in server.decoders() if decodes(pid)])
    stop_process(decoder)
    return upload, decoder


@pytest.mark.parametrize("body", [COSTLY, TEN_MEGAPIXELS], ids=["costly", "ten megapixels"])
def test_large_pictures_starve_nobody(make_server, body):
    """Nobody tells the clients apart here, so it is the pictures that count."""
    one = make_server(**LOADED)
    with Crowd(one, body, 7) as crowd:
        for _ in range(20):
            assert one.post(JPEG).status_code == 200
            assert one.get("/healthz").status_code == 200
    assert set(crowd.statuses) == {200, 503}
    one.check_spool()


def waiting_decoders(server):
    """Returns the decoders that have no slot."""
    return [pid for pid in server.decoders() if cpu_limit(pid) == 1]


def test_costly_pictures_hold_one_slot_less(make_server):
    """There are two slots and four seats: of four costly pictures one is decoded, and two wait."""
    one = make_server(**LOADED)
    first, decoder = hold_a_slot(one)
    uploads = [first]
    for count in (1, 2):
        uploads.append(Later(one, COSTLY))
        wait_for("it to wait", lambda n=count: len(waiting_decoders(one)) == n)
    check_problem(one.post(COSTLY), 503, "busy")
    for _ in range(5):
        one.upload(JPEG)
    assert [pid for pid in one.decoders() if decodes(pid)] == [decoder]
    continue_process(decoder)
    assert [upload.result().status_code for upload in uploads] == [200] * 3
    one.check_spool()


def test_the_wait_for_a_slot_ends(make_server):
    one = make_server(server={"workers": 4, "decode_slots": 1, "wait_seconds": 1})
    upload, decoder = hold_a_slot(one)
    answer = one.post(JPEG)
    check_problem(answer, 503, "busy")
    assert int(answer.headers["Retry-After"]) > 0
    assert one.decoders() == [decoder]
    continue_process(decoder)
    assert upload.result().status_code == 200
    one.check_spool()


def test_a_decoder_ends_with_the_worker_it_waits_for(make_server):
    one = make_server(server={"workers": 4, "decode_slots": 1})
    first, decoder = hold_a_slot(one)
    second = Later(one, JPEG)
    waiting, = wait_for("one that waits", lambda: waiting_decoders(one))
    spawner, worker = parent(waiting), worker_of(waiting)
    os.kill(worker, signal.SIGKILL)
    assert second.result().status_code >= 500
    wait_for("its end", lambda: not alive(waiting) and not alive(spawner))
    continue_process(decoder)
    assert first.result().status_code == 200
    assert one.upload(JPEG)["width"] == 64
    one.check_spool()


def test_a_waiting_decoder_that_is_killed_is_a_503(make_server):
    """Its worker hears of it with the slot."""
    one = make_server(server={"workers": 4, "decode_slots": 1})
    first, decoder = hold_a_slot(one)
    second = Later(one, JPEG)
    waiting, = wait_for("one that waits", lambda: waiting_decoders(one))
    os.kill(waiting, signal.SIGKILL)
    continue_process(decoder)
    check_problem(second.result(), 503, "decoder-killed")
    assert first.result().status_code == 200
    one.check_spool()


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer's shadow is address space, which is not limited there")
def test_a_header_that_takes_much_memory_is_refused(make_server):
    """A picture may take a gigabyte here, but not to be planned."""
    one = make_server(server={"max_body_bytes": 130 << 20},
                      image={"max_chunk_bytes": "1G", "max_memory_bytes": "1G"})
    for profile_bytes, expected in ((30 << 20, 200), (120 << 20, 422)):
        picture = pictures.encode(pictures.photo(8, 6), "WEBP", icc_profile=bytes(profile_bytes))
        status, _, body = call(one.listen, picture, kind="image/webp")
        assert status == expected, body
    assert json.loads(body)["type"] == "urn:tintype:problem:picture-too-large"


def from_client(address):
    return {"X-Forwarded-For": address}


@pytest.mark.parametrize("trusted", [True, False], ids=["by the proxy's word", "no proxy is trusted"])
def test_a_client_in_every_seat_leaves_one_to_another(make_server, trusted):
    """There are one slot and four seats. Where the proxy is not trusted, both clients are its address."""
    one = make_server(server={"workers": 8, "decode_slots": 1,
                              "trusted_proxies": "192.0.2.0/24 127.0.0.1" if trusted else ""})
    first = Later(one, COSTLY, **from_client("198.51.100.1"))
    decoder, = wait_for("a decoder", lambda: [pid for pid in one.decoders() if decodes(pid)])
    stop_process(decoder)
    many = []
    for count in range(1, 5):
        many.append(Later(one, JPEG, **from_client("203.0.113.9, 198.51.100.1, 192.0.2.7")))
        wait_for("it to wait", lambda n=count: len(waiting_decoders(one)) == n)
    check_problem(one.post(JPEG, headers=from_client("198.51.100.1")), 503, "busy")
    other = Later(one, JPEG, **from_client("198.51.100.2"))
    wait_for("a refusal", lambda: sum(upload.done() for upload in [*many, other]) == 1)
    assert other.done() is not trusted
    continue_process(decoder)
    assert first.result().status_code == 200
    assert other.result().status_code == (200 if trusted else 503)
    assert sorted(upload.result().status_code for upload in many) == [200] * 3 + [503 if trusted else 200]
    one.check_spool()


def test_the_scheme_of_a_trusted_proxy_counts(make_server):
    one = make_server(server={"trusted_proxies": "127.0.0.1"})
    host = one.root_url.removeprefix("http://")
    for proto, status in (("http", 200), ("https", 403), (None, 200)):
        headers = {"Origin": one.root_url} | ({"X-Forwarded-Proto": proto} if proto else {})
        assert one.post(JPEG, headers=headers | {"Host": host}).status_code == status


def test_a_bad_proxy_is_refused(tmp_path):
    """The check names file and line."""
    path = tmp_path / "tintype.ini"
    path.write_text("[server]\nworkers = 1\ntrusted_proxies = 10.0.0.1/8\n")
    done = subprocess.run([TINTYPED, "-t", "-c", path], env=clean_environment(), capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2
    assert f"{path}:3: " in done.stderr and "10.0.0.0/8" in done.stderr
