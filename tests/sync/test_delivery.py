"""Tests of pictures whose bytes are in S3 alone."""

import urllib.parse

import pytest

from cloud import MEDIA_TYPES, tiny_pictures
from support import check_problem, curl, wait_for

KINDS = ("processed", "original")


def evict(house, count=2):
    """Uploads, and waits until all is synced and out of the spool. Returns {id: {kind: bytes}}."""
    images = house.upload_many(tiny_pictures(count))
    content = {}
    for image in images:
        content[image["id"]] = {"processed": house.server.processed(image),
                                "original": house.server.original(image)}
    house.agent.start()
    house.wait_synced()
    wait_for("an empty spool", lambda: not house.server.spool())
    return content


def description(image, kind):
    return image if kind == "processed" else image["original"]


def path(image, kind):
    return f"/images/{image['id']}/{kind}"


def fetch(house, image, kind, **options):
    return house.server.get(path(image, kind), allow_redirects=False, **options)


def test_redirect(make_house):
    house = make_house(storage={"keep_local_seconds": 0})
    content = evict(house)
    for image in house.server.images():
        for kind in KINDS:
            answer = fetch(house, image, kind)
            assert answer.status_code == 307, answer.text
            assert answer.headers["Cache-Control"] == "no-store"
            status, headers, body = curl(answer.headers["Location"])
            assert (status, body) == (200, content[image["id"]][kind])
            assert headers["content-type"] == MEDIA_TYPES[description(image, kind)["format"]]
            assert image["filename"] in headers["content-disposition"]
    assert not house.server.spool(), "a redirect brings nothing back"


def test_redirect_with_any_filename(make_house):
    house = make_house(storage={"keep_local_seconds": 0})
    house.agent.start()
    name = 'a "b" 50%; ü+😀.png'
    image = house.upload(filename=name)
    house.wait_synced()
    dispositions = set()
    wait_for("an empty spool", lambda: not house.server.spool())
    for kind in KINDS:
        status, headers, _ = curl(fetch(house, image, kind).headers["Location"])
        assert status == 200
        encoded = headers["content-disposition"].split("filename*=UTF-8''", 1)[1]
        assert urllib.parse.unquote(encoded) == name
        dispositions.add(headers["content-disposition"])
    assert len(dispositions) == 1


def test_session_token_in_the_address(make_house):
    house = make_house(storage={"keep_local_seconds": 0})
    house.agent.environment |= house.cloud.assume_role()
    content = evict(house, 1)
    (image,) = house.server.images()
    location = fetch(house, image, "processed").headers["Location"]
    assert "X-Amz-Security-Token=" in location
    assert curl(location)[2] == content[image["id"]]["processed"]


def test_evicted_but_answered_without_the_cloud(make_house):
    """HEAD and 304 are answered from the journal, while bytes need the agent."""
    house = make_house(storage={"keep_local_seconds": 0})
    evict(house, 1)
    assert house.agent.stop() == 0
    (image,) = house.server.images()
    for kind in KINDS:
        check_problem(fetch(house, image, kind), 503, "agent-unavailable")
        head = house.server.request("HEAD", path(image, kind), allow_redirects=False)
        assert head.status_code == 200
        assert head.headers["Content-Length"] == str(description(image, kind)["size"])
        assert head.headers["Content-Type"] == MEDIA_TYPES[description(image, kind)["format"]]
        again = fetch(house, image, kind, headers={"If-None-Match": head.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    house.agent.start()
    wait_for("the agent", lambda: fetch(house, image, "processed").status_code == 307)


@pytest.mark.parametrize("remote", ["redirect", "fetch"])
def test_deleted_after_eviction(make_house, remote):
    house = make_house(storage={"keep_local_seconds": 0}, delivery={"remote": remote})
    evict(house, 1)
    (image,) = house.server.images()
    assert house.server.request("DELETE", f"/images/{image['id']}").status_code == 204
    for kind in KINDS:
        check_problem(fetch(house, image, kind), 404)
    wait_for("the objects to go", lambda: not house.cloud.keys_of(house.bucket))
    assert not house.cloud.items(house.table) and not house.server.spool()


def test_fetch_back(make_house):
    house = make_house(storage={"keep_local_seconds": 0}, delivery={"remote": "fetch"})
    content = evict(house)
    for image in house.server.images():
        for kind in KINDS:
            answer = fetch(house, image, kind)
            assert (answer.status_code, answer.content) == (200, content[image["id"]][kind])
            assert answer.headers["Content-Type"] == MEDIA_TYPES[description(image, kind)["format"]]
            part = fetch(house, image, kind, headers={"Range": "bytes=1-4"})
            assert (part.status_code, part.content) == (206, content[image["id"]][kind][1:5])
    wait_for("an empty spool again", lambda: not house.server.spool())
    house.cloud.s3_proxy.refuse()
    answer = fetch(house, house.server.images()[0], "processed")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def test_fetched_bytes_that_are_not_the_images(make_house):
    """Where somebody changed the object, nobody is given it for the picture that was uploaded."""
    house = make_house(storage={"keep_local_seconds": 0}, delivery={"remote": "fetch"})
    evict(house, 1)
    (image,) = house.server.images()
    bucket, key = image["s3Path"].removeprefix("s3://").split("/", 1)
    house.cloud.s3.put_object(Bucket=bucket, Key=key, Body=b"x" * image["size"])
    assert fetch(house, image, "processed").status_code >= 500
    assert not house.server.spool()


def test_cloudfront(make_house):
    house = make_house(storage={"keep_local_seconds": 0},
                       delivery={"cloudfront_url": "https://pictures.example/tintype"})
    evict(house, 1)
    (image,) = house.server.images()
    answer = fetch(house, image, "processed")
    assert answer.status_code == 307
    key = image["s3Path"].split("/", 3)[3]
    assert answer.headers["Location"].startswith(f"https://pictures.example/tintype/{key}")


def test_files_stay_as_long_as_told(make_house):
    """By default files stay here for ever."""
    house = make_house()
    house.agent.start()
    image = house.upload()
    house.wait_synced()
    assert len(house.server.spool()) == 2
    assert fetch(house, image, "processed").status_code == 200
