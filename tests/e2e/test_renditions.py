"""Further results of an upload, as [image] renditions and the presets describe them: how they are listed,
their bytes, and their removal."""

import hashlib
import io

import pytest
from PIL import Image

import pictures
from support import check_problem
from test_page import BROWSER, Page

PHOTO = pictures.jpeg(320, 240)
PRESETS = {"image": {"renditions": "thumb,large"}, "preset.thumb": {"width": 64},
           "preset.large": {"width": 200, "format": "jpeg"}}
FORMS = {"thumb": ("PNG", 64, 48, "png", "image/png"), "large": ("JPEG", 200, 150, "jpg", "image/jpeg")}


@pytest.fixture
def server(make_server):
    return make_server(**PRESETS)


@pytest.fixture
def image(server):
    return server.upload(PHOTO, "image/jpeg", "filename=cat.jpg")


def test_described_and_served(server, image):
    assert list(image["renditions"]) == list(image["links"]["renditions"]) == list(FORMS)
    for name, (kind, width, height, _, media_type) in FORMS.items():
        link = image["links"]["renditions"][name]
        assert link == f"/api/images/{image['id']}/renditions/{name}"
        answer = server.http.get(server.root_url + link, timeout=60)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "cat.jpg" in answer.headers["Content-Disposition"]
        assert image["renditions"][name] == {
            "size": len(answer.content), "format": kind, "width": width, "height": height,
            "sha256": hashlib.sha256(answer.content).hexdigest(), "s3Path": None}
        decoded = Image.open(io.BytesIO(answer.content))
        assert (decoded.format, decoded.size) == (kind, (width, height))
        decoded.load()


def test_every_answer_has_them(server, image):
    del image["message"]
    assert server.get(f"/images/{image['id']}").json() == image
    assert server.images() == [image]
    server.check_spool()
    assert len(server.spool()) == 4


@pytest.mark.parametrize("name", FORMS)
def test_conditional_and_in_parts(server, image, name):
    path = f"/images/{image['id']}/renditions/{name}"
    whole = server.get(path)
    assert image["renditions"][name]["sha256"] in whole.headers["ETag"]
    same = server.get(path, headers={"If-None-Match": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    part = server.get(path, headers={"Range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, whole.content[3:10])
    head = server.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_other_names_and_methods(server, image):
    base = f"/images/{image['id']}/renditions"
    for path in (base, base + "/", base + "/small", base + "/THUMB", base + "/thumb.png", base + "/thumb/x",
                 base + "/..%2F" + image["id"], "/images/nobody/renditions/thumb"):
        check_problem(server.get(path), 404)
    assert image["id"] not in check_problem(server.get(base + "/small"), 404)
    for method in ("POST", "DELETE"):
        check_problem(server.request(method, base + "/thumb"), 405)


def test_page_without_javascript(server, image):
    answer = server.get(f"/images/{image['id']}", headers=BROWSER)
    links = [a["href"] for a in Page(answer.text).all("a")]
    assert set(image["links"]["renditions"].values()) <= set(links)


def test_delete_takes_all_files(server, image):
    other = server.upload(PHOTO, "image/jpeg")
    assert server.request("DELETE", f"/images/{image['id']}").status_code == 204
    for link in [*image["links"]["renditions"].values(), image["links"]["processed"]]:
        check_problem(server.http.get(server.root_url + link, timeout=60), 404)
    server.check_spool()
    assert [one["id"] for one in server.images()] == [other["id"]]


def test_quota_counts_them(make_server, server, image):
    """The result and the original alone would not reach this quota."""
    alone = image["size"] + image["original"]["size"]
    sizes = [one["size"] for one in image["renditions"].values()]
    small = make_server(storage={"quota_bytes": alone + sum(sizes) - 1}, **PRESETS)
    check_problem(small.post(PHOTO, "image/jpeg"), 507)
    assert not small.spool() and not small.images()
    enough = make_server(storage={"quota_bytes": alone + sum(sizes)}, **PRESETS)
    enough.upload(PHOTO, "image/jpeg")
    check_problem(enough.post(PHOTO, "image/jpeg"), 507)
    assert len(enough.spool()) == 4
