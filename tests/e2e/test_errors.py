"""Bad input is answered with a clear problem document and leaves nothing in the spool, and every worker lives
on."""

import base64
import json
import pathlib
import socket

import numpy as np
import pytest

import pictures
from fastcgi import Call, call
from support import IS_SANITIZED, check_problem, curl
from test_upload import BASE64, JPEG, as_json, multipart

PNG = pictures.encode(pictures.photo(64, 48), "PNG")

BASE64_ERRORS = {
    "bad character": BASE64[:100] + "*" + BASE64[101:],
    "url alphabet": BASE64[:100] + "-_" + BASE64[102:],
    "bad length": BASE64[:101],
    "missing padding": base64.b64encode(b"\xff\xd8\xff\xe0" * 10).decode().rstrip("="),
    "padding in the middle": BASE64[:98] + "==" + BASE64[100:],
    "padding alone": "====",
    "too much padding": base64.b64encode(JPEG + b"1" * (3 - len(JPEG) % 3)).decode() + "=",
    "NUL": BASE64[:100] + "\0" + BASE64[101:],
    "UTF-8": BASE64[:100] + "é" + BASE64[100:],
    "prefix without base64": "data:image/jpeg," + BASE64,
    "half a prefix": "data:image/jpeg;base64",
}


@pytest.mark.parametrize("text", BASE64_ERRORS.values(), ids=BASE64_ERRORS.keys())
def test_base64(unharmed, text):
    check_problem(unharmed.post(text.encode(), "text/plain"), 400)
    check_problem(unharmed.post(json.dumps({"image": text}), "application/json"), 400)


@pytest.mark.parametrize("kind", ["text/plain", "image/jpeg", "application/octet-stream",
                                  "application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("body", [b"", b"\r\n"])
def test_empty(unharmed, kind, body):
    detail_status = unharmed.post(body, kind)
    assert detail_status.status_code in ((400,) if not body else (400, 415)), detail_status.text
    check_problem(detail_status, detail_status.status_code)


JSON_ERRORS = {
    "cut short": as_json()[:-40], "without its brace": as_json()[:-1], "a list": "[]", "a string": '"x"',
    "null": "null", "no image": '{"filename":"x"}', "image a number": '{"image":5}',
    "image null": '{"image":null}', "image an object": '{"image":{}}', "empty image": '{"image":""}',
    "two images": '{"image":"%s","image":"%s"}' % (BASE64, BASE64), "trailing": as_json() + "x",
    "option an object": as_json(width={}), "option a list": as_json(width=[5]),
    "option null": as_json(width=None), "deep": "[" * 100000, "not JSON": "image=x",
    "single quotes": "{'image':'x'}", "bad escape": '{"image":"\\q"}', "a NUL": '{"image":"\\u0000"}',
    "bad UTF-8": b'{"filename":"\xff","image":"' + BASE64.encode() + b'"}',
    "1 MB of filename": as_json(filename="x" * 1000000),
    "1 MB of name": json.dumps({"n" * 1000000: 1, "image": BASE64}),
    "lone surrogate": '{"filename":"\\ud800","image":"%s"}' % BASE64,
}


@pytest.mark.parametrize("body", JSON_ERRORS.values(), ids=JSON_ERRORS.keys())
def test_json(unharmed, body):
    check_problem(unharmed.post(body, "application/json"), 400)


WHOLE, KIND = multipart()
MULTIPART_ERRORS = {
    "no boundary": (WHOLE, "multipart/form-data"),
    "an empty boundary": (WHOLE, "multipart/form-data; boundary="),
    "a boundary too long": (WHOLE, "multipart/form-data; boundary=" + "x" * 71),
    "another boundary": (WHOLE, "multipart/form-data; boundary=other"),
    "no closing boundary": (WHOLE[:-len("--frontier--\r\n")], KIND),
    "half a closing boundary": (WHOLE[:-4], KIND),
    "cut in the file": (WHOLE[:len(WHOLE) // 2], KIND),
    "cut in the head": (WHOLE[:30], KIND),
    "two files": (WHOLE[:-len("--frontier--\r\n")] + WHOLE, KIND),
    "no file": (b'--frontier\r\nContent-Disposition: form-data; name="width"\r\n\r\n5\r\n'
                b"--frontier--\r\n", KIND),
    "no disposition": (b"--frontier\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG
                       + b"\r\n--frontier--\r\n", KIND),
    "a 1 MB header": (b"--frontier\r\nX-Long: " + b"x" * 1000000 + b"\r\n" + WHOLE[12:], KIND),
    "a 1 MB filename": multipart(filename="x" * 1000000),
    "a 1 MB field": multipart([("filename", "x" * 1000000)]),
    "10,000 parts": multipart([("note%d" % i, "x") for i in range(10000)]),
}


@pytest.mark.parametrize("body, kind", MULTIPART_ERRORS.values(), ids=MULTIPART_ERRORS.keys())
def test_multipart(unharmed, body, kind):
    check_problem(unharmed.post(body, kind), 400)


@pytest.mark.parametrize("kind", ["", "application/x-www-form-urlencoded", "text/html", "video/mp4",
                                  "multipart/mixed; boundary=frontier", "imagejpeg", "/", "image"])
def test_content_types(unharmed, kind):
    detail = check_problem(unharmed.post(JPEG, kind), 415)
    for accepted in ("text/plain", "image/", "multipart/form-data", "application/json"):
        assert accepted in detail


@pytest.mark.parametrize("body", [
    b"%PDF-1.7\n" + bytes(2000), b"GIF88a" + bytes(2000), b"hello", b"\xff", b"\xff\xd8", bytes(5000),
    b"BM" + bytes(2000), b"RIFF\0\0\0\0WAVE" + bytes(100), pictures.PNG_SIGNATURE[:7] + bytes(99)])
def test_not_a_picture(unharmed, body):
    """The name and the Content-Type say JPEG, but the bytes decide."""
    detail = check_problem(unharmed.post(body, "image/jpeg", "filename=photo.jpg"), 415)
    assert "PNG, JPEG, WEBP, GIF, HEIC or AVIF" in detail


# ---- damaged pictures ----

PROGRESSIVE = pictures.jpeg(200, 150, progressive=True)
BASELINE = pictures.jpeg(200, 150)
INTERLACED = pictures.png(pictures.np.asarray(pictures.photo(64, 48)), 8, 2, interlace=True)
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
WHOLES = {
    "baseline": BASELINE, "progressive": PROGRESSIVE, "png": PNG, "interlaced": INTERLACED,
    "webp": pictures.encode(pictures.photo(64, 48), "WEBP"),
    "lossless webp": pictures.encode(pictures.photo(64, 48), "WEBP", lossless=True),
    "gif": pictures.encode(pictures.photo(64, 48).quantize(64), "GIF", interlace=0),
    "interlaced gif": pictures.encode(pictures.photo(64, 48).quantize(64), "GIF", interlace=1),
    "heic": (FIXTURES / "color.heic").read_bytes(),
    "avif": (FIXTURES / "color.avif").read_bytes(),
}


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES.keys())
@pytest.mark.parametrize("grayscale", ["true", "false"])
def test_cut_at_every_tenth(unharmed, whole, grayscale):
    for tenth in range(1, 10):
        cut = whole[:len(whole) * tenth // 10]
        detail = check_problem(unharmed.post(cut, query="grayscale=" + grayscale), 422)
        assert len(detail) > 20
    check_problem(unharmed.post(whole[:-20], query="grayscale=" + grayscale), 422)


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES.keys())
def test_bytes_after_the_end(server, whole):
    """Cameras append data after the end, which is no reason to refuse a picture."""
    plain, longer = server.upload(whole), server.upload(whole + b"trailing" * 1000)
    assert plain["sha256"] == longer["sha256"]


@pytest.mark.parametrize("chunk", [b"IHDR", b"IDAT", b"PLTE", b"IEND"])
def test_png_crc(unharmed, chunk):
    samples = pictures.np.arange(64 * 48).reshape(48, 64, 1) % 256
    data = pictures.png(samples, 8, 3, extra=pictures.chunk(b"PLTE", bytes(range(256)) * 3))
    at = data.index(chunk)
    length = int.from_bytes(data[at - 4:at], "big")
    bad = bytearray(data)
    bad[at + 4 + length] ^= 1  # This is the CRC's first byte.
    check_problem(unharmed.post(bytes(bad)), 422)


def test_flipped_bits(unharmed):
    """A flipped bit in a PNG's pixels is always found, while a JPEG may still be a picture with one."""
    at = PNG.index(b"IDAT") + 50
    for offset in range(at, at + 400, 37):
        check_problem(unharmed.post(PNG[:offset] + bytes([PNG[offset] ^ 16]) + PNG[offset + 1:]), 422)


def test_jpeg_garbage_in_scan(unharmed):
    at = BASELINE.index(b"\xff\xda") + 200
    for junk in (b"\xff\xd9", b"\xff\xc0\x00\x02", b"\xff\xd3", b"\xff\xda\x00\x02"):
        check_problem(unharmed.post(BASELINE[:at] + junk + BASELINE[at + len(junk):]), 422)


HEADER = pictures.PNG_SIGNATURE
BOMBS = {
    "50,000 x 50,000": pictures.png_bomb(50000, 50000, rows=9900),
    "2^31-1 wide": HEADER + pictures.png_header(2 ** 31 - 1, 1, 8, 6) + pictures.chunk(b"IDAT", b"x"),
    "2^31-1 square": HEADER + pictures.png_header(2 ** 31 - 1, 2 ** 31 - 1, 16, 6),
    "a JPEG of 65,500 square": BASELINE.replace(b"\0\x96\0\xc8", b"\xff\xdc\xff\xdc", 1),
    "a huge chunk": HEADER + pictures.png_header(8, 8, 8, 0) + pictures.chunk(
        b"zTXt", b"x\0\0" + pictures.zlib.compress(bytes(20000000))) + PNG[33:],
    "0 wide": HEADER + pictures.png_header(0, 5, 8, 0) + PNG[33:],
    "bad depth": HEADER + pictures.png_header(5, 5, 3, 0) + PNG[33:],
    "no IDAT": HEADER + PNG[8:33] + pictures.chunk(b"IEND", b""),
    "palette without PLTE": pictures.png(pictures.np.zeros((5, 5, 1), int), 8, 3),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_bombs(unharmed, bomb):
    answer = unharmed.post(bomb)
    if bomb is BOMBS["a huge chunk"] and answer.status_code == 422:
        return  # The decoder may refuse the chunk or skip it, but this file has no pixels after it.
    check_problem(answer, 422)


def test_too_many_scans(unharmed):
    """A progressive JPEG of thousands of scans costs much CPU time for its size."""
    start = PROGRESSIVE.rindex(b"\xff\xda")
    scan = PROGRESSIVE[start:-2]
    check_problem(unharmed.post(PROGRESSIVE[:-2] + scan * 2000 + b"\xff\xd9"), 422)


def test_over_the_pixel_limit(make_server):
    small = make_server(image={"max_pixels": 10000})
    workers = small.workers()
    check_problem(small.post(pictures.jpeg(101, 100)), 422, "picture-too-large")
    assert small.upload(pictures.jpeg(100, 100))["width"] == 100
    assert small.workers() == workers
    small.check_spool()


def test_over_the_memory_limit(make_server):
    """The header alone does not tell what a picture takes, so the decoder meets its limit and says so."""
    small = make_server(image={"max_memory_bytes": "16M"})
    workers = small.workers()
    rows = np.zeros((2500, 2500, 3), np.uint8)
    assert "memory" in check_problem(small.post(pictures.png(rows, 8, 2, interlace=True)), 422, "picture-too-large")
    progressive = pictures.jpeg(4000, 3000, progressive=True)
    assert "memory" in check_problem(small.post(progressive), 422, "picture-too-large")
    if not IS_SANITIZED:  # WebP's encoder takes its memory from the process alone
        wide = small.post(JPEG, query="width=9000&height=9000&fit=fill&format=webp")
        assert "memory" in check_problem(wide, 422, "picture-too-large")
    assert small.upload(pictures.png(rows, 8, 2))["width"] == 1024
    assert small.workers() == workers
    small.check_spool()


def test_over_the_cpu_limit(make_server):
    """A picture takes longer than cpu_seconds=1: the decoder ends, and the worker serves on."""
    slow = make_server(image={"cpu_seconds": 1, "max_pixels": 10 ** 9, "max_memory_bytes": 2 ** 33},
                       server={"workers": 2})
    workers = slow.workers()
    problem = slow.post(pictures.png_bomb(30000, 30000, 8, 2))
    check_problem(problem, 422, "picture-too-costly")
    assert slow.workers() == workers
    slow.upload(JPEG)
    slow.check_spool()


# ---- size limits ----

def test_body_limit(make_server):
    small = make_server(server={"max_body_bytes": 100000})
    workers = small.workers()
    exact = JPEG + bytes(100000 - len(JPEG))
    assert small.upload(exact)["original"]["size"] == 100000
    check_problem(small.post(exact + b"x"), 413)
    over = ["-H", "Content-Type: image/jpeg", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-"]
    for size in (100001, 900000):
        status, _, body = curl(*over, small.url + "/images", data=JPEG + bytes(size - len(JPEG)))
        assert status == 413 and json.loads(body)["status"] == 413
    stream = Call(small.listen)
    stream.send(JPEG + bytes(100001 - len(JPEG)))
    assert stream.finish()[0] == 413
    assert call(small.listen, b"", length=100001)[0] == 413
    status, _, _ = curl(*over, small.url + "/images", data=bytes(3000000))
    assert status == 413  # This is lighttpd's own limit.
    assert small.workers() == workers
    small.check_spool()


def test_short_body(unharmed):
    """A front end that streams may send fewer bytes than announced, or its connection may end."""
    assert call(unharmed.listen, JPEG[:500], length=len(JPEG))[0] == 400
    gone = Call(unharmed.listen, length=len(JPEG))
    gone.send(JPEG[:500])
    gone.close()
    lost = socket.create_connection(("127.0.0.1", unharmed.port))
    lost.sendall(b"POST /api/images HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
                 b"Content-Length: 50000\r\n\r\n" + JPEG[:500])
    lost.close()
    assert unharmed.get("/healthz").status_code == 200


# ---- paths, methods, queries, origins ----

@pytest.mark.parametrize("path", [
    "", "/", "/nothing", "/images/", "/images/x", "/images/../../etc/passwd", "/images/..%2f..%2fetc%2fpasswd",
    "/images/01890a5d-ac96-774b-bcce-b302099a8057", "/images/01890A5D-AC96-774B-BCCE-B302099A8057",
    "/images/01890a5d-ac96-474b-bcce-b302099a8057", "/images/%00", "/images/%ff", "/images/" + "a" * 2000,
    "/images/01890a5d-ac96-774b-bcce-b302099a8057/processed", "/images/x/processed/y", "/healthz/x", "/options/x",
    "/images/01890a5d-ac96-774b-bcce-b302099a8057/other", "/IMAGES"])
def test_no_such_path(unharmed, path):
    status, _, body = call(unharmed.listen, uri="/api" + path, method="GET", kind="")
    assert status in (404, 400) and (status == 404 or "%00" in path or "%ff" in path), body
    assert json.loads(body)["status"] == status
    status, _, _ = curl("--path-as-is", unharmed.url + path)
    assert status in (400, 404)


@pytest.mark.parametrize("method, path, allow", [
    ("PUT", "/images", {"GET", "HEAD", "POST"}), ("DELETE", "/images", {"GET", "HEAD", "POST"}),
    ("PATCH", "/images/01890a5d-ac96-774b-bcce-b302099a8057", {"GET", "HEAD", "DELETE"}),
    ("POST", "/images/01890a5d-ac96-774b-bcce-b302099a8057/processed", {"GET", "HEAD"}),
    ("POST", "/healthz", {"GET", "HEAD"}), ("DELETE", "/metrics", {"GET", "HEAD"})])
def test_methods(unharmed, method, path, allow):
    answer = unharmed.request(method, path)
    check_problem(answer, 405)
    assert {m.strip() for m in answer.headers["Allow"].split(",")} - {"OPTIONS"} == allow


def test_lambda_path_takes_post_alone(unharmed):
    answer = unharmed.http.get(unharmed.root_url + "/default/imageProcessor", timeout=60)
    check_problem(answer, 405)
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("query", ["width=%", "width=%zz", "filename=%00", "filename=%ff", "width",
                                   "filename=%c3%28"])
def test_bad_queries(unharmed, query):
    check_problem(unharmed.post(JPEG, query=query), 400)


def origin_headers(origin):
    return {"Origin": origin} if origin else {}


@pytest.mark.parametrize("origin, allowed", [
    (None, True), ("own", True), ("http://evil.example", False), ("null", False),
    ("http://127.0.0.1:1", False), ("https://localhost", False)])
def test_origin(unharmed, origin, allowed):
    origin = unharmed.root_url if origin == "own" else origin
    answer = unharmed.post(b"x", headers=origin_headers(origin))
    assert answer.status_code == (415 if allowed else 403), answer.text
    if not allowed:
        check_problem(answer, 403)
    assert unharmed.get("/images", headers=origin_headers(origin)).status_code == 200
    assert ("Access-Control-Allow-Origin" in answer.headers) == (allowed and bool(origin))


def test_allowed_origins(make_server):
    one = make_server(server={"cors_origins": "https://app.example https://b.example:8443"})
    for origin in ("https://app.example", "https://b.example:8443"):
        answer = one.post(JPEG, headers={"Origin": origin})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        preflight = one.request("OPTIONS", "/images", headers={
            "Origin": origin, "Access-Control-Request-Method": "POST"})
        assert preflight.status_code in (200, 204)
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    for origin in ("https://app.example.evil", "http://app.example", "https://b.example"):
        check_problem(one.post(JPEG, headers={"Origin": origin}), 403)
