"""One image: its bytes (conditional requests, ranges, names) and its deletion; health and metrics."""

import os
import re
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import unquote

import pytest

import pictures
from support import check_problem
from test_errors import INTERLACED
from test_upload import FILENAMES, JPEG, as_json


@pytest.fixture(scope="module")
def image(server):
    return server.upload(JPEG, "image/jpeg", "filename=cat.jpg")


@pytest.fixture(params=["processed", "original"])
def link(request, image):
    """Returns (path below base_path, media type, size, sha256) for each of the image's two files."""
    part = image if request.param == "processed" else image["original"]
    kind = {"PNG": "image/png", "JPEG": "image/jpeg"}[part["format"]]
    return f"/images/{image['id']}/{request.param}", kind, part["size"], part["sha256"]


def test_get(server, image, link):
    path, kind, size, sha256 = link
    answer = server.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == kind
    assert int(answer.headers["Content-Length"]) == len(answer.content) == size
    assert re.fullmatch(r'"[^"]+"', answer.headers["ETag"])
    assert sha256 in answer.headers["ETag"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "cat.jpg" in answer.headers["Content-Disposition"]
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    milliseconds = int(image["id"].replace("-", "")[:12], 16)
    assert int(modified.timestamp()) == milliseconds // 1000


def test_head(server, link):
    path = link[0]
    head, get = server.request("HEAD", path), server.get(path)
    assert head.status_code == 200 and head.content == b""
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Content-Disposition",
                 "X-Content-Type-Options"):
        assert head.headers[name] == get.headers[name]


def test_not_modified(server, link):
    path = link[0]
    first = server.get(path)
    etag = first.headers["ETag"]
    for value in (etag, "W/" + etag, '"other", ' + etag, "*", '"a","b",W/' + etag):
        for method in ("GET", "HEAD"):
            answer = server.request(method, path, headers={"If-None-Match": value})
            assert answer.status_code == 304, value
            assert answer.content == b"" and answer.headers["ETag"] == etag
    for value in ('"other"', etag[:-2] + '"', ""):
        assert server.get(path, headers={"If-None-Match": value}).status_code == 200
    modified = first.headers["Last-Modified"]
    assert server.get(path, headers={"If-Modified-Since": modified}).status_code == 304
    earlier = format_datetime(parsedate_to_datetime("Thu, 01 Jan 2015 00:00:00 GMT"), usegmt=True)
    assert server.get(path, headers={"If-Modified-Since": earlier}).status_code == 200
    # The ETag takes precedence (RFC 9110).
    both = {"If-Modified-Since": modified, "If-None-Match": '"other"'}
    assert server.get(path, headers=both).status_code == 200


@pytest.mark.parametrize("asked, start, end", [
    ("bytes=0-99", 0, 100), ("bytes=100-199", 100, 200), ("bytes=-50", -50, None), ("bytes=10-", 10, None),
    ("bytes=0-0", 0, 1), ("bytes=5-999999999", 5, None), ("bytes=-999999999", 0, None)])
def test_range(server, link, asked, start, end):
    path, _, size, _ = link
    whole = server.get(path).content
    answer = server.get(path, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    first = start % size if start < 0 else start
    last = (end or size) - 1
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert int(answer.headers["Content-Length"]) == last - first + 1


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_range_outside(server, link, asked):
    answer = server.get(link[0], headers={"Range": asked})
    check_problem(answer, 416)
    assert answer.headers["Content-Range"] == f"bytes */{link[2]}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "items=0-5", "bytes=x-y", "bytes", "0-5", "bytes=" + "9" * 50])
def test_range_ignored(server, link, asked):
    answer = server.get(link[0], headers={"Range": asked})
    assert answer.status_code in (200, 416)
    if answer.status_code == 200:
        assert len(answer.content) == link[2]


def test_if_range(server, link):
    path, _, size, _ = link
    etag = server.get(path).headers["ETag"]
    assert server.get(path, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    other = server.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert other.status_code == 200 and len(other.content) == size


@pytest.mark.parametrize("kept", [kept for _, kept in FILENAMES.values()])
def test_disposition(server, kept):
    """The file is named in one header line, whatever its name contains (RFC 6266)."""
    image = server.upload(as_json(filename=kept), "application/json")
    header = server.get(f"/images/{image['id']}/original").headers["Content-Disposition"]
    plain = re.search(r'filename="((?:[^"\\]|\\.)*)"', header)
    assert plain and all(" " <= c <= "~" for c in plain[1])
    extended = re.search(r"filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)$", header)
    assert extended and unquote(extended[1]) == kept


def test_delete(server):
    image = server.upload(JPEG)
    path = "/images/" + image["id"]
    assert any(image["id"] in name for name in server.spool())
    answer = server.request("DELETE", path)
    assert answer.status_code == 204 and answer.content == b""
    for gone in ("", "/processed", "/original"):
        check_problem(server.get(path + gone), 404)
    check_problem(server.request("DELETE", path), 404)
    assert not any(image["id"] in name for name in server.spool())
    assert image["id"] not in [other["id"] for other in server.images()]
    server.check_spool()


def test_delete_from_a_foreign_page(server):
    image = server.upload(JPEG)
    answer = server.request("DELETE", "/images/" + image["id"], headers={"Origin": "http://evil.example"})
    check_problem(answer, 403)
    assert server.get("/images/" + image["id"]).status_code == 200


def test_original_not_kept(make_server):
    one = make_server(storage={"keep_original": "false"})
    image = one.upload(JPEG)
    assert one.get(f"/images/{image['id']}/processed").status_code == 200
    check_problem(one.get(f"/images/{image['id']}/original"), 404)
    assert image["original"]["size"] == len(JPEG)
    one.check_spool()
    assert one.request("DELETE", "/images/" + image["id"]).status_code == 204
    assert one.spool() == []


def test_large_files(server):
    """These answers are larger than any buffer on the way."""
    noise = pictures.np.random.default_rng(5).integers(0, 256, (1500, 1500, 3), dtype=pictures.np.uint8)
    data = pictures.encode(pictures.Image.fromarray(noise), "PNG")
    image = server.upload(data, query="width=1500&grayscale=false")
    assert image["size"] > 6000000
    assert server.original(image) == data
    assert len(server.processed(image)) == image["size"]


def test_prefix_and_bucket_names(make_server):
    """A bucket shows in s3Path and in the sync state, whether or not anything syncs yet."""
    one = make_server(s3={"bucket": "pictures", "processed_prefix": "p/", "original_prefix": "o/q/"})
    image = one.upload(JPEG)
    assert image["s3Path"] == f"s3://pictures/p/{image['id']}.png"
    assert image["original"]["s3Path"] == f"s3://pictures/o/q/{image['id']}.jpg"
    assert image["sync"]["state"] == "pending"
    assert len(one.get("/images?status=pending").json()["images"]) == 1


# ---- health ----

@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(server, path):
    answer = server.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert server.request("HEAD", path).status_code == 200


def samples(server):
    answer = server.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    values = {}
    for line in answer.text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))", line)
            continue
        match = re.fullmatch(r'([a-z_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})?) (\S+)', line)
        assert match, line
        assert match[1] not in values
        values[match[1]] = float(match[2])
    assert answer.text.endswith("\n")
    return values


@pytest.mark.parametrize("length", [0, 100])
def test_a_file_cut_short_is_not_sent(make_server, length):
    """A part must not be sent under the whole file's tag."""
    one = make_server()
    image = one.upload(INTERLACED)
    os.truncate(one.storage / "spool/processed" / f"{image['id']}.png", length)
    check_problem(one.get(f"/images/{image['id']}/processed"), 503, "storage-unavailable")
    assert one.get(f"/images/{image['id']}/original").content == INTERLACED
    assert one.request("DELETE", "/images/" + image["id"]).status_code == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("name", ["nonsense", "%7Bid%7D"])
def test_malformed_id(server, method, name):
    for path in (f"/images/{name}", f"/images/{name}/processed"):
        assert server.request(method, path).status_code == 404


def test_metrics(server):
    before = samples(server)
    image = server.upload(INTERLACED)
    check_problem(server.post(INTERLACED[:-40]), 422)
    check_problem(server.post(b"no picture"), 415)
    after = samples(server)

    def grew(name):
        return after[name] - before.get(name, 0)

    assert grew('tintype_uploads_total{outcome="ok"}') == 1
    assert grew('tintype_uploads_total{outcome="broken-picture"}') == 1
    assert grew("tintype_requests_total") >= 2
    assert grew("tintype_body_bytes_total") == 2 * len(INTERLACED) - 40 + len(b"no picture")
    assert grew('tintype_images{state="off"}') == 1
    assert grew("tintype_spool_bytes") == image["size"] + image["original"]["size"]
    assert after["tintype_decoder_peak_rss_bytes"] > 0
    assert server.request("DELETE", "/images/" + image["id"]).status_code == 204
    assert samples(server)["tintype_spool_bytes"] == before["tintype_spool_bytes"]
