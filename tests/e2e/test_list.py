"""GET /images: its order, pages and filters, and its answers to bad queries."""

import base64
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

import pictures
from support import Server, check_problem

JPEG = pictures.jpeg(16, 16)
COUNT = 12


@pytest.fixture(scope="module")
def shelf():
    """A service has COUNT images, oldest first in shelf.made. The names repeat after every third."""
    one = Server(server={"workers": 2})
    try:
        one.start()
        one.made = [one.upload(JPEG, query=f"filename=n{i % 3}.jpg") for i in range(COUNT)]
        yield one
        one.stop()
    finally:
        one.kill()


def ids(images):
    return [image["id"] for image in images]


def listing(one, query=""):
    answer = one.get("/images" + ("?" + query if query else ""))
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert set(page) == {"images", "next"}
    return page, answer


def walk(one, query):
    """Returns all images, page by page along Link."""
    found, url = [], "/images?" + query
    while url:
        answer = one.get(url)
        page = answer.json()
        found.append(ids(page["images"]))
        link = answer.headers.get("Link")
        assert (link is None) == (page["next"] is None)
        url = None
        if link:
            target, = re.fullmatch(r'<(/api/images\?[^>]*)>; ?rel="?next"?', link).groups()
            assert "cursor=" + page["next"] in target
            assert re.fullmatch(r"[A-Za-z0-9_-]+", page["next"])
            url = target.removeprefix("/api")
    return found


def test_newest_first(shelf):
    page, _ = listing(shelf)
    assert ids(page["images"]) == ids(reversed(shelf.made))
    assert page["next"] is None
    expected = {k: v for k, v in shelf.made[-1].items() if k != "message"}
    assert page["images"][0] == expected


@pytest.mark.parametrize("limit", [1, 5, 6, 11, 12, 13, 200])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages(shelf, limit, order):
    pages = walk(shelf, f"limit={limit}&order={order}")
    assert all(len(page) == limit for page in pages[:-1]) and 1 <= len(pages[-1]) <= limit
    made = ids(shelf.made if order == "asc" else reversed(shelf.made))
    assert [i for page in pages for i in page] == made


def test_default_limit(make_server):
    one = make_server()
    for _ in range(51):
        one.upload(JPEG)
    page, _ = listing(one)
    assert len(page["images"]) == 50 and page["next"]
    assert len(listing(one, "cursor=" + page["next"])[0]["images"]) == 1


def test_cursor_is_stable_under_inserts_and_deletes(make_server):
    one = make_server()
    made = [one.upload(JPEG)["id"] for _ in range(6)]
    page, _ = listing(one, "limit=3")
    assert ids(page["images"]) == made[5:2:-1]
    one.upload(JPEG)
    assert one.request("DELETE", "/images/" + made[3]).status_code == 204  # The cursor names this image.
    assert one.request("DELETE", "/images/" + made[1]).status_code == 204
    rest, _ = listing(one, "limit=3&cursor=" + page["next"])
    assert ids(rest["images"]) == [made[2], made[0]]
    assert rest["next"] is None


def test_filename(shelf):
    page, _ = listing(shelf, "filename=n1.jpg")
    assert ids(page["images"]) == ids(reversed(shelf.made[1::3]))
    assert [len(p) for p in walk(shelf, "filename=n1.jpg&limit=3")] == [3, 1]
    for other in ("n1", "N1.jpg", "n%25", "n_.jpg", "n1.jpg%20", "*"):
        assert listing(shelf, "filename=" + other)[0] == {"images": [], "next": None}


def test_odd_filenames(make_server):
    one = make_server()
    for name in ("ü 猫+%&=.jpg", "it's \"x\".jpg", "';DROP TABLE images;--"):
        image = one.upload(JPEG, query="filename=" + quote(name, safe=""))
        assert image["filename"] == name
        page, _ = listing(one, "filename=" + quote(name, safe=""))
        assert ids(page["images"]) == [image["id"]]


@pytest.mark.parametrize("state, count", [("off", COUNT), ("pending", 0), ("stored", 0), ("synced", 0),
                                          ("dead", 0)])
def test_status(shelf, state, count):
    assert len(listing(shelf, "status=" + state)[0]["images"]) == count


def stamp(image, later_ms=0):
    time = datetime.strptime(image["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ") + timedelta(milliseconds=later_ms)
    return time.replace(tzinfo=timezone.utc)


def text(time):
    return quote(time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def test_since_and_until(shelf):
    times = [stamp(image) for image in shelf.made]
    for i in (0, 4, COUNT - 1):
        since = [image["id"] for image, t in zip(shelf.made, times) if t >= times[i]]
        until = [image["id"] for image, t in zip(shelf.made, times) if t < times[i]]
        assert ids(listing(shelf, f"order=asc&since={text(times[i])}")[0]["images"]) == since
        assert ids(listing(shelf, f"order=asc&until={text(times[i])}")[0]["images"]) == until
    both = f"since={text(times[2])}&until={text(stamp(shelf.made[2], 1))}"
    assert shelf.made[2]["id"] in ids(listing(shelf, both)[0]["images"])
    assert listing(shelf, f"since={text(times[5])}&until={text(times[5])}")[0]["images"] == []


def test_time_forms(shelf):
    """Different offsets and cases of RFC 3339 mean the same instant."""
    first = stamp(shelf.made[0])
    later = first.astimezone(timezone(timedelta(hours=5, minutes=30)))
    for form in (quote(later.isoformat(timespec="milliseconds")), text(first).lower(),
                 quote(first.isoformat(timespec="microseconds"))):
        assert len(listing(shelf, "since=" + form)[0]["images"]) == COUNT
    assert len(listing(shelf, "since=1970-01-01T00:00:00Z")[0]["images"]) == COUNT
    assert len(listing(shelf, "until=9999-12-31T23:59:59Z")[0]["images"]) == COUNT


def test_filters_together(shelf):
    query = f"filename=n0.jpg&status=off&order=asc&limit=2&since={text(stamp(shelf.made[0]))}"
    assert [i for page in walk(shelf, query) for i in page] == ids(shelf.made[0::3])


def test_head(shelf):
    head, get = shelf.request("HEAD", "/images?limit=3"), shelf.get("/images?limit=3")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["Link"] == get.headers["Link"]


@pytest.mark.parametrize("query", [
    "limit=0", "limit=201", "limit=-1", "limit=x", "limit=", "limit=1.5", "order=up", "order=", "status=done",
    "status=", "since=yesterday", "since=2026-02-30T00:00:00Z", "since=2026-01-01", "until=1700000000",
    "until=2026-01-01T00:00:00", "cursor=%2F", "cursor=a.b", "cursor=x", "nothing=1", "Limit=5", "limit=%zz",
    "cursor=" + "A" * 5000])
def test_bad_queries(shelf, query):
    check_problem(shelf.get("/images?" + query), 400)


def test_foreign_cursors(shelf):
    """A cursor is a client's text like any other, so a foreign one gives a 400 or a page, and never a worse
    answer."""
    for raw in (b"", b"1", b"z" * 36, b"\xff" * 16, b"' OR 1=1 --"):
        cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        assert shelf.http.get(f"{shelf.url}/images?cursor={cursor}", timeout=60).status_code in (200, 400)


def test_the_list_does_not_lose_its_rows(make_server):
    """Images that were acknowledged are there after a restart."""
    one = make_server()
    made = [one.upload(JPEG)["id"] for _ in range(3)]
    assert one.stop_tintyped() == 0
    one.start_tintyped()
    one.wait_ready()
    assert ids(one.images()) == made[::-1]
    one.check_spool()
