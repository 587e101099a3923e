"""Renditions go to S3, into the item and out of the spool, come back, and are removed."""

import pytest

import fault
import pictures
from cloud import MEDIA_TYPES, all_files, is_missing
from support import EXTENSIONS, check_problem, curl, wait_for
from test_operate import tintype

NAMES = ("thumb", "large")
PRESETS = {"image": {"renditions": ",".join(NAMES)}, "preset.thumb": {"width": 64},
           "preset.large": {"width": 200, "format": "jpeg"}}


@pytest.fixture
def upload(make_house):
    """upload(count, section=dict(...)) makes a house with that many images of renditions, without agent."""
    def make(count=1, **sections):
        house = make_house(**PRESETS | sections)
        house.upload_many([pictures.jpeg(240 + i, 160, quality=80) for i in range(count)])
        return house

    return make


def path(image, name):
    return f"/images/{image['id']}/renditions/{name}"


def evict(house):
    """Waits until everything is in the cloud alone. Returns {id: {name: bytes}} of the renditions before."""
    content = {image["id"]: {name: house.server.rendition(image, name) for name in NAMES}
               for image in house.server.images()}
    house.agent.start()
    house.wait_synced()
    wait_for("an empty spool", lambda: not house.server.spool())
    return content


def test_carried_and_described(upload):
    house = upload(8)
    house.server.check_spool()
    house.agent.start()
    images = house.wait_synced()
    house.check_cloud(images)
    assert len(house.cloud.keys_of(house.bucket)) == 8 * 4
    for image in images:
        item = house.cloud.items(house.table)[image["id"]]
        assert item["Renditions"]["M"].keys() == set(NAMES)


def test_without_renditions_no_attribute(make_house):
    house = make_house()
    house.agent.start()
    image = house.upload()
    house.wait_synced()
    assert "Renditions" not in house.cloud.items(house.table)[image["id"]]


def test_item_never_before_its_objects(upload):
    house = upload(12)
    cloud, early, seen = house.cloud, [], []

    def observe(request):
        if request.operation == "PutItem":
            item = request.members["Item"]
            seen.append(item["ID"]["S"])
            paths = [item["S3Path"]["S"], item["OriginalS3Path"]["S"]]
            paths += [one["M"]["S3Path"]["S"] for one in item["Renditions"]["M"].values()]
            assert len(paths) == 4
            for one in paths:
                bucket, key = one.removeprefix("s3://").split("/", 1)
                if is_missing(cloud.s3.head_object, Bucket=bucket, Key=key):
                    early.append(one)

    cloud.table_gate.observer = observe
    cloud.s3_proxy.fail(fault.answer(500), every=3, times=8, match=lambda one: one.method == "PUT")
    cloud.s3_proxy.fail(fault.HALF, every=5, times=4, match=lambda one: one.method == "PUT")
    cloud.table_proxy.fail(fault.throughput_exceeded(), every=4, times=3,
                           match=lambda one: one.operation == "PutItem")
    house.agent.start()
    wait_for("the first items", lambda: seen)
    house.agent.kill()
    house.agent.start()
    images = house.wait_synced()
    assert set(seen) == {image["id"] for image in images}
    assert not early
    house.check_cloud(images)


def test_delete_takes_them_away(upload):
    house = upload(2)
    house.agent.start()
    gone, kept = house.wait_synced()
    assert house.server.request("DELETE", f"/images/{gone['id']}").status_code == 204
    wait_for("the objects to go", lambda: len(house.cloud.keys_of(house.bucket)) == 4)
    house.check_cloud([kept])
    house.server.check_spool()


def test_delete_while_s3_fails(upload):
    """The journal knows what to remove from the cloud until it is gone, long after row and files."""
    house = upload(3)
    house.agent.start()
    images = house.wait_synced()
    house.cloud.s3_proxy.fail(fault.answer(500), every=2, times=6, match=lambda one: one.method == "DELETE")
    for image in images:
        assert house.server.request("DELETE", f"/images/{image['id']}").status_code == 204
    house.agent.kill()
    assert not house.server.spool()
    house.agent.start()
    wait_for("the objects to go", lambda: not house.cloud.keys_of(house.bucket))
    assert not house.cloud.items(house.table)


def test_redirect_when_evicted(upload):
    house = upload(2, storage={"keep_local_seconds": 0})
    content = evict(house)
    for image in house.server.images():
        for name in NAMES:
            answer = house.server.get(path(image, name), allow_redirects=False)
            assert answer.status_code == 307, answer.text
            status, headers, body = curl(answer.headers["Location"])
            assert (status, body) == (200, content[image["id"]][name])
            assert headers["content-type"] == MEDIA_TYPES[image["renditions"][name]["format"]]
            assert image["filename"] in headers["content-disposition"]
            head = house.server.request("HEAD", path(image, name), allow_redirects=False)
            assert head.headers["Content-Length"] == str(len(body))
    assert not house.server.spool()


def test_fetched_back_one_by_one(upload):
    house = upload(1, storage={"keep_local_seconds": 0}, delivery={"remote": "fetch"})
    content = evict(house)
    (image,) = house.server.images()
    for name in NAMES:
        answer = house.server.get(path(image, name), allow_redirects=False)
        assert (answer.status_code, answer.content) == (200, content[image["id"]][name])
    wait_for("an empty spool again", lambda: not house.server.spool())
    assert house.server.request("DELETE", f"/images/{image['id']}").status_code == 204
    check_problem(house.server.get(path(image, "thumb")), 404)
    wait_for("the objects to go", lambda: not house.cloud.keys_of(house.bucket))


def test_verify_looks_at_them(upload):
    house = upload(2)
    changed, lost = house.server.images()
    assert tintype(house, "verify") == ""

    def file(image, name):
        extension = EXTENSIONS[image["renditions"][name]["format"]]
        return house.server.storage / "spool" / "processed" / f"{image['id']}-{name}.{extension}"

    file(lost, "thumb").unlink()
    file(changed, "large").write_bytes(b"x" * changed["renditions"]["large"]["size"])
    found = tintype(house, "verify", status=1).splitlines()
    assert sorted(found) == sorted([
        f"{changed['id']}\trendition large has other bytes than were acknowledged",
        f"{lost['id']}\trendition thumb is missing"])
    # A file that is not as it was acknowledged is never carried.
    house.agent.start()
    wait_for("both to be dead", lambda: len(tintype(house, "list", "dead").splitlines()) == 2)
    assert "rendition thumb is not in the spool" in house.image(lost)["sync"]["lastError"]
    assert not house.cloud.items(house.table)


def test_kept_bytes(upload):
    house = upload(2)
    kept = dict(line.split(": ") for line in tintype(house, "status").splitlines())["kept bytes"]
    assert int(kept) == sum(one["size"] for image in house.server.images() for one in all_files(image))
