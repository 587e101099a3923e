"""Tests of what web servers do themselves: limits, what they pass on, the page's headers, deaths, reloads."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from account import ROOT, give
from behind import make_server
from fronts import BODY_MAX_BYTES, DEPLOY
from support import alive, curl, wait_for
from test_errors import test_no_such_path as no_such_path
from test_process import held_upload, worker_of
from test_upload import JPEG

FRONT_MAX_BYTES = BODY_MAX_BYTES + (1 << 20)
PATHS = next(mark.args[1] for mark in no_such_path.pytestmark if mark.name == "parametrize")
RAW = {"Content-Type": "image/jpeg"}
HEADERS = ["-H", "Content-Type: image/jpeg", "--data-binary", "@-"]


def padded(length):
    """Makes a JPEG of that many bytes, as cameras append data after the end."""
    return JPEG + bytes(length - len(JPEG))


# ---- limits ----

def test_the_largest_body(server):
    body = padded(BODY_MAX_BYTES)
    image = server.upload(body, "image/jpeg")
    assert image["original"]["size"] == BODY_MAX_BYTES
    assert server.original(image) == body


@pytest.mark.parametrize("extra", [["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]],
                         ids=["chunked", "expect"])
def test_the_largest_body_of_curl(server, extra):
    status, _, answer = curl(*HEADERS, *extra, server.url + "/images", data=padded(BODY_MAX_BYTES))
    assert status == 200, answer
    assert json.loads(answer)["original"]["size"] == BODY_MAX_BYTES


@pytest.mark.parametrize("extra", [[], ["-H", "Transfer-Encoding: chunked"]], ids=["length", "chunked"])
def test_a_body_of_a_byte_too_many_is_refused_by_tintyped(unharmed, extra):
    status, headers, answer = curl(*HEADERS, *extra, unharmed.url + "/images", data=padded(BODY_MAX_BYTES + 1))
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert json.loads(answer)["type"] == "urn:tintype:problem:body-too-large"


def test_just_below_the_web_servers_limit(unharmed):
    """The announced length alone decides, before anything of the body is sent."""
    for length, problem in ((FRONT_MAX_BYTES, True), (FRONT_MAX_BYTES + 1024, False)):
        with socket.create_connection(("127.0.0.1", unharmed.port), 60) as client:
            client.sendall(b"POST /api/images HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n" % length)
            if problem:
                client.sendall(bytes(length))
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status == 413
            assert (answer.getheader("Content-Type") == "application/problem+json") == problem


def test_a_chunked_body_over_the_web_servers_limit(unharmed):
    done = unharmed.http.post(unharmed.url + "/images", data=iter([bytes(1 << 20)] * 28), timeout=60)
    assert done.status_code == 413


# ---- paths, and what is passed on ----

@pytest.mark.parametrize("path", PATHS)
def test_no_such_path(unharmed, path):
    status, headers, _ = curl("--path-as-is", unharmed.url + path)
    assert status in (400, 404)
    reaches_tintyped = path.startswith("/images/") and ".." not in path and "%00" not in path
    assert not reaches_tintyped or headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("escape", [str, lambda path: path.replace("-", "%2D"),
                                    lambda path: path.replace("images", "%69mages")])
def test_escaped_ids(server, escape):
    image = server.upload(JPEG)
    path = escape(f"/images/{image['id']}/original")
    status, headers, body = curl(server.url + path)
    assert (status, body, headers["content-length"]) == (200, JPEG, str(len(JPEG)))
    status, headers, _ = curl(server.url + path.replace("/original", "%2Foriginal"))
    assert (status, headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path, ranges", [("", "0-3"), ("/processed", "0-3, 5-6")])
def test_the_web_server_cuts_no_ranges(server, path, ranges):
    """tintyped itself cuts ranges, a single one out of a picture."""
    image = server.upload(JPEG)
    answer = server.get(f"/images/{image['id']}{path}", headers={"Range": "bytes=" + ranges})
    assert answer.status_code == 200


@pytest.fixture(scope="session")
def responder(front):
    """The web server has responder.py in tintyped's place."""
    one = make_server(front, server={"workers": 0})
    one.program = shutil.copy(Path(__file__).parent / "responder.py", one.folder)
    give(one.program)
    one.http.hooks["response"].clear()  # The description of the API is not about its answers.
    try:
        yield one.start()
        if one.master:
            one.master.kill()
            one.master.wait()
    finally:
        try:
            one.stop()
        finally:
            one.kill()


def test_variables(responder):
    sent = {"Authorization": "Bearer abc.def", "Content-Disposition": 'attachment; filename="c.jpg"',
            "Origin": "http://else.example", "If-None-Match": '"x"', "Accept": "*/*"}
    path = "/api/images/a%2Fb%20c/%C3%A4?filename=%C3%A4+b"
    answer = requests.post(responder.root_url + path, data=b"12345", timeout=60,
                           headers=sent | {"Content-Type": "text/plain"}).json()
    variables = answer["variables"]
    assert answer["body_bytes"] == 5
    for name, value in sent.items():
        assert variables["HTTP_" + name.upper().replace("-", "_")] == value
    assert variables["REQUEST_URI"] == path
    assert variables["QUERY_STRING"] == "filename=%C3%A4+b"
    assert variables["REQUEST_METHOD"] == "POST"
    assert variables["CONTENT_TYPE"] == "text/plain"
    assert variables["CONTENT_LENGTH"] == "5"
    assert variables["HTTP_HOST"] == f"127.0.0.1:{responder.port}"
    assert variables["REMOTE_ADDR"] == "127.0.0.1"


def test_a_chunked_body_gets_its_length(responder):
    answer = requests.post(responder.url + "/images", data=iter([b"123", bytes(200000)]), timeout=60).json()
    assert answer["body_bytes"] == 200003
    assert answer["variables"]["CONTENT_LENGTH"] == "200003"


# ---- the page ----

def test_one_policy_for_all():
    policies = {name: re.findall(r"default-src 'none'[^\"]*", (DEPLOY / name).read_text())
                for name in ("lighttpd.conf", "nginx.conf", "apache-proxy-fcgi.conf", "apache-fcgid.conf")}
    assert all(found == policies["lighttpd.conf"] and len(found) == 1 for found in policies.values())


@pytest.mark.parametrize("path, kind", [
    ("/", "text/html; charset=utf-8"), ("/style.css", "text/css; charset=utf-8"),
    ("/page.js", "text/javascript; charset=utf-8"), ("/icon.svg", "image/svg+xml")])
def test_files_of_the_page(server, path, kind):
    first = server.http.get(server.root_url + path, timeout=60)
    assert first.content == (ROOT / "www" / (path[1:] or "index.html")).read_bytes()
    assert first.headers["Content-Type"] == kind
    assert first.headers.get("Content-Encoding") == "gzip" or len(first.content) < 1000
    assert first.headers["Cache-Control"] == "no-cache"
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Referrer-Policy"] == "same-origin"
    again = server.http.get(server.root_url + path, headers={"If-None-Match": first.headers["ETag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")


def test_api_answers_have_headers_of_their_own_alone(server):
    answer = server.get("/images")
    assert answer.headers["Cache-Control"].count("no-cache") == 1
    assert "Content-Security-Policy" not in answer.headers and "Referrer-Policy" not in answer.headers


# ---- deaths ----

def test_death_in_mid_answer(responder):
    """The client must get an error, and no 200 that looks whole."""
    client = http.client.HTTPConnection("127.0.0.1", responder.port, timeout=60)
    client.request("GET", "/api/cut")
    try:
        answer = client.getresponse()
        if answer.status < 500:
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
    except (http.client.RemoteDisconnected, ConnectionError):
        pass  # The end of the connection is an error as well.
    finally:
        client.close()
    assert requests.get(responder.url + "/images", timeout=60).status_code == 200


def test_death_of_a_worker_at_work(server):
    upload, decoder = held_upload(server)
    os.kill(worker_of(decoder), signal.SIGKILL)
    assert upload.result().status_code >= 500
    wait_for("the decoder's end", lambda: not alive(decoder))
    assert server.upload(JPEG)["width"] == 96


# ---- load ----

def test_twenty_uploads_at_once(server):
    sizes = range(10, 30)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda width: requests.post(
            f"{server.url}/images?width={width}", data=JPEG, headers=RAW, timeout=60), sizes))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert [answer.json()["width"] for answer in answers] == list(sizes)
    server.check_spool()


class Load:
    """Uploads one picture after the other from three threads, each on a connection of its own."""

    def __init__(self, server):
        self.server, self.over, self.results = server, threading.Event(), []
        self.threads = [threading.Thread(target=self.run) for _ in range(3)]

    def run(self):
        while not self.over.is_set():
            try:
                answer = requests.post(self.server.url + "/images", data=JPEG, timeout=60,
                                       headers=RAW | {"Connection": "close"})
                self.results.append(answer.status_code)
            except requests.RequestException as error:
                self.results.append(repr(error))

    def wait_for_more(self):
        count = len(self.results)
        wait_for("more requests", lambda: len(self.results) > count + 10)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_reload_of_the_web_server_under_load(server):
    with Load(server) as load:
        for _ in range(2):
            before = server.front.generation()
            server.front_process.send_signal(server.front.reload_signal)
            wait_for("the reload", lambda: server.front.has_reloaded(before))
            load.wait_for_more()
    assert set(load.results) <= {200, *server.front.lost_by_reload}
    assert load.results.count(200) > len(load.results) / 2
    server.http.close()  # The connections that it kept lead to the web server of before.
    server.check_spool()


def test_reload_of_tintyped_under_load(server):
    if server.front.starts_tintyped:
        pytest.skip("a reload of the web server is one of tintyped too")
    with Load(server) as load:
        for _ in range(3):
            before = set(server.workers())
            server.master.send_signal(signal.SIGHUP)
            wait_for("new workers", lambda: len(server.workers()) == 4 and not before & set(server.workers()))
            load.wait_for_more()
    assert set(load.results) == {200}
    server.check_spool()
