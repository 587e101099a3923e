"""These tests prove that the judge of answers can fail, and that the description knows what the sources know."""

import json
import re

import pytest

import openapi
import pictures
from account import ROOT

JPEG = pictures.jpeg(16, 12)
COMMON = {"x-request-id": "r", "x-content-type-options": "nosniff", "cache-control": "no-store"}
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
PROBLEM = {"type": "urn:tintype:problem:not-found", "title": "t", "status": 404, "detail": "d", "requestId": "r"}
ALLOW = "GET, HEAD, OPTIONS"


def judge(method="GET", path="/api/healthz", status=200, body=None, media_type="application/json", drop=(),
          **headers):
    """Judges an answer that is good but for what the test changes in it. A header's _ stands for its hyphen."""
    if body is None:
        body = {"status": "alive"} if media_type else b""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = COMMON | ({"content-type": media_type} if media_type else {})
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    openapi.judge(method, path, status, {n: v for n, v in sent.items() if n not in drop}, body)


def judge_problem(status=404, path=f"/api/images/{ID}", body=None, **options):
    judge(path=path, status=status, media_type=options.pop("media_type", "application/problem+json"),
          body=PROBLEM | {"status": status} if body is None else body, **options)


def judge_methods(method, status, **options):
    drop = ("cache-control",) if status == 204 else ()
    body = PROBLEM | {"status": status, "type": "urn:tintype:problem:method-not-allowed"}
    kind = "application/problem+json" if status == 405 else None
    judge(method, status=status, body=body if status == 405 else None, media_type=kind, drop=drop, **options)


def test_what_is_described_passes():
    judge()
    judge("HEAD", body=b"")
    judge(date="now", content_length="18")
    judge(vary="Origin", access_control_allow_origin="https://app.example")
    judge_problem()
    judge_problem(503, retry_after="2", body=PROBLEM | {"status": 503})
    judge_problem(path="/api/nothing")
    judge_problem(path="/nothing")
    judge_problem(media_type="text/html", body=b"<!doctype html>", content_security_policy="default-src 'none'; x")
    judge_methods("OPTIONS", 204, allow=ALLOW)
    judge_methods("PUT", 405, allow=ALLOW)


@pytest.mark.parametrize("change", [
    {"x_new": "1"}, {"etag": '"x"'}, {"referrer_policy": "same-origin"}, {"vary": "Accept"},
    {"cache_control": "no-cache"}, {"cache_control": "no-store, no-store"}, {"drop": ("cache-control",)},
    {"drop": ("x-request-id",)}, {"drop": ("x-content-type-options",)},
    {"content_security_policy": "default-src 'none'; x"}], ids=str)
def test_headers(change):
    with pytest.raises(AssertionError, match="header|with application/json"):
        judge(**change)


@pytest.mark.parametrize("change", [
    {"status": 201}, {"status": 204, "media_type": None}, {"status": 404}, {"method": "HEAD", "status": 206},
    {"method": "DELETE"}, {"method": "OPTIONS"}, {"path": "/api/nothing"}, {"path": "/api/healthz/"}], ids=str)
def test_status(change):
    with pytest.raises(AssertionError, match="is not described"):
        judge(**change)


@pytest.mark.parametrize("change", [
    {"body": {}}, {"body": {"status": "ready"}}, {"body": {"status": "alive", "more": 1}}, {"method": "HEAD"},
    {"media_type": "text/plain"}, {"media_type": None}], ids=str)
def test_body(change):
    with pytest.raises(AssertionError):
        judge(**change)


@pytest.mark.parametrize("member", PROBLEM)
def test_a_member_of_a_problem_is_missing(member):
    with pytest.raises(AssertionError):
        judge_problem(body={name: value for name, value in PROBLEM.items() if name != member})


@pytest.mark.parametrize("change", [
    {"body": PROBLEM | {"type": "urn:tintype:problem:new"}}, {"body": PROBLEM | {"status": 400}},
    {"body": PROBLEM | {"requestId": "another"}}, {"status": 503}, {"media_type": "text/html"},
    {"media_type": "text/html", "body": b"<!doctype html>"}], ids=str)
def test_problems(change):
    with pytest.raises(AssertionError):
        judge_problem(**change)


@pytest.mark.parametrize("method, status, allow", [
    ("OPTIONS", 204, None), ("OPTIONS", 204, "GET, OPTIONS"), ("OPTIONS", 405, ALLOW), ("PUT", 405, None),
    ("PUT", 405, "GET, HEAD, POST, OPTIONS"), ("PUT", 204, ALLOW), ("GET", 405, ALLOW)])
def test_methods(method, status, allow):
    with pytest.raises(AssertionError):
        judge_methods(method, status, **({"allow": allow} if allow else {}))


def test_only_errors_come_without_a_request_id():
    openapi.check("GET", "http://x/api/images", 503, {}, b"")
    openapi.check("GET", "http://x/style.css", 200, {}, b"")
    with pytest.raises(AssertionError):
        openapi.check("GET", "http://x/api/images?limit=1", 200, {}, b"")


# ---- the description and the service ----

@pytest.mark.parametrize("template", openapi.SPEC["paths"])
@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT", "TRACE", "GET", "DELETE"])
def test_each_method_of_each_path(server, template, method):
    """The judge sees each answer, so this test asks only that a method gets 405 exactly where it is not
    described."""
    item = openapi.SPEC["paths"][template]
    image = server.upload(JPEG)["id"] if "{id}" in template else ""
    url = (server.root_url if "servers" in item else server.url) + template
    answer = server.http.request(method, url.format(id=image, name="none"), timeout=60)
    assert (answer.status_code == 405) == (method.lower() not in item)


def test_allowed_pages_may_read_each_kind_of_answer(make_server):
    one = make_server(server={"cors_origins": "https://app.example"})
    image = one.upload(JPEG)
    for method, path, extra in [
            ("GET", "/images", {}), ("GET", f"/images/{image['id']}", {}), ("GET", "/nothing", {}),
            ("GET", f"/images/{image['id']}/processed", {}), ("PUT", "/images", {}), ("OPTIONS", "/images", {}),
            ("GET", f"/images/{image['id']}/processed", {"Range": "bytes=0-3"}),
            ("GET", f"/images/{image['id']}/processed", {"Range": "bytes=999999-"}),
            ("GET", f"/images/{image['id']}/processed", {"If-None-Match": "*"}),
            ("GET", f"/images/{image['id']}", {"Accept": "text/html"}), ("DELETE", f"/images/{image['id']}", {})]:
        answer = one.request(method, path, headers={"Origin": "https://app.example"} | extra)
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert "Origin" in answer.headers["Vary"]


def option_values():
    for parameter in openapi.SPEC["paths"]["/images"]["post"]["parameters"]:
        schema = openapi.resolve(parameter.get("schema"))
        if parameter["in"] == "query" and "enum" in schema:
            yield from ((parameter["name"], value) for value in [*schema["enum"], "nonsense"])
        elif parameter["in"] == "query" and "maximum" in schema:
            yield from ((parameter["name"], value) for value in (schema["minimum"], schema["maximum"] + 1))


@pytest.mark.parametrize("name, value", option_values())
def test_options_take_what_is_described(server, name, value):
    schema = next(openapi.resolve(parameter["schema"])
                  for parameter in openapi.SPEC["paths"]["/images"]["post"]["parameters"]
                  if parameter["name"] == name)
    good = value in schema["enum"] if "enum" in schema else value <= schema["maximum"]
    assert server.post(JPEG, query=f"{name}={value}").status_code == (200 if good else 400)


@pytest.mark.parametrize("value", ["true", "1", "on", "yes", "YES", "false", "0", "off", "no", "", "a line"])
def test_watermarks(server, value):
    assert server.post(JPEG, query=f"watermark={value}").status_code == 200
    assert server.post(JPEG, query="watermark=a%0Aline").status_code == 400


def test_every_problem_is_described():
    rows = re.findall(r'\{"([a-z0-9-]+)", [45][0-9]{2},', (ROOT / "src/base/err.c").read_text())
    described = openapi.SPEC["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert sorted(described) == sorted("urn:tintype:problem:" + name for name in rows)
