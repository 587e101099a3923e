"""How each view looks and is perceived: axe's judgement, screenshots, light and dark, narrow and wide,
without a script; and that all of it is small."""

import functools

import pytest
import requests

import pictures
import scenery
from browser import PHONE
from account import ROOT

TITLES = ["morning-on-the-pass", "two-lakes", "after-the-rain", "ridge-at-dusk", "old-road-north",
          "harvest", "first-snow", "the-long-valley", "evening-train", "below-the-dam", "may-storm",
          "quarry", "orchard-hill", "last-light", "ferry-landing", "white-field"]


@functools.lru_cache(maxsize=None)
def landscape(number):
    return pictures.encode(scenery.hills(number, 640, 480), "JPEG", quality=88)


@functools.lru_cache(maxsize=None)
def large(number):
    """Makes a picture so large that a test on a slow network ends before it is sent."""
    return pictures.encode(scenery.hills(number, 480, 360), "PNG")


@pytest.fixture
def collection(service):
    """Uploads a gallery's worth of pictures, most of which are in the cloud."""
    images = []
    for number, title in enumerate(TITLES):
        images.append(service.upload(landscape(number), query=f"filename={title}.jpg"))
    for number, image in enumerate(images):
        if number < len(images) - 3:
            service.move(image, "synced")
    service.move(images[-5], "dead", "AccessDenied")
    return images


def check(page, name):
    page.shoot(name)
    page.check_access()
    assert page.fits()


def uploads_at_work(page, files):
    """Leaves one upload done, one refused, two being sent and one waiting."""
    page.choose(files("harbour.jpg"), files("torn.jpg", pictures.jpeg()[:4000]))
    page.wait_states("done", "failed")
    page.wait_pictures()
    page.network(up=80_000)
    page.choose(*[files(f"{name}.png", large(number)) for number, name in enumerate(
        ("lighthouse", "breakwater", "dunes"), 20)])
    page.wait_states("done", "failed", "sending", "sending", "waiting")
    page.wait("part of both sent", lambda: page.script(
        "return [...document.querySelectorAll('[data-state=sending] progress')].every((p) => p.value > .2)"))


def test_empty(page):
    page.open().wait_text("#nothing", "No pictures yet")
    check(page, "empty")


def test_queue_at_work(page, files, collection):
    uploads_at_work(page.open(), files)
    check(page, "queue")


def test_error(page, service, files):
    page.open().choose(files("torn.jpg", pictures.jpeg()[:4000]), files("letter.pdf", b"%PDF" + bytes(99)))
    page.wait_states("failed", "failed")
    page.network(offline=True)
    page.set("status", "pending")
    page.wait_text("#trouble", "cannot be listed")
    check(page, "error")


def test_options(page):
    page.open().one("summary").click()
    page.set("format", "jpeg")
    page.set("watermark", "text:")
    check(page, "options")


def test_gallery(page, files, collection):
    page.open().choose(files("harbour.jpg"), files("lighthouse.jpg"))
    page.wait_states("done", "done")
    assert page.one("#cards h3").get_attribute("title") == page.cards()[0]
    check(page, "gallery")
    page.click("Delete")
    page.check_access()


def test_compare(page, collection):
    page.open().click("Compare original and result of last-light.jpg")
    page.wait("both pictures", lambda: page.script(
        "return [...document.querySelectorAll('.frame img')].every((i) => i.naturalWidth > 0)"))
    check(page, "compare")


def test_dark(page, files, collection):
    page.dark()
    uploads_at_work(page.open(), files)
    red, green, blue = page.script(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(red, green, blue) < 60
    check(page, "dark")
    page.network()
    page.click("Compare")
    page.check_access()


def test_wide(page, files, collection):
    page.emulate(width=1600, height=1000, deviceScaleFactor=1, mobile=False)
    uploads_at_work(page.open(), files)
    check(page, "wide")


@pytest.mark.parametrize("width", [320, 640, 960, 1000, 1280])
def test_the_filter_leaves_no_field_alone(page, width):
    page.emulate(width=width, height=700, deviceScaleFactor=1, mobile=False)
    page.open()
    tops = page.script("return [...document.querySelectorAll('#filter .field')].map((f) => f.offsetTop)")
    assert sorted(tops.count(top) for top in set(tops)) in ([4], [2, 2])
    assert page.fits()


def test_forced_colours_keep_edges(page, files):
    page.open().network(up=4_000)
    page.cdp("Emulation.setEmulatedMedia", {"features": [{"name": "forced-colors", "value": "active"}]})
    page.choose(files("lighthouse.png", large(20)))
    page.wait_states("sending")

    def edge(selector):
        return page.script("return getComputedStyle(document.querySelector(arguments[0])).borderTopStyle", selector)
    assert (edge("progress"), edge("dialog")) == ("solid", "solid")
    page.cdp("Emulation.setEmulatedMedia", {"features": [{"name": "forced-colors", "value": "none"}]})
    assert (edge("progress"), edge("dialog")) == ("none", "none")


def test_phone(page, files, collection):
    page.emulate(**PHONE)
    page.open()
    assert page.one("label[for=camera]").is_displayed()
    assert page.one("#camera").get_attribute("capture") == "environment"
    check(page, "phone")
    page.choose(files("harbour.jpg"))
    page.wait_states("done")
    page.one("summary").click()
    check(page, "phone-options")
    page.click("Compare")
    check(page, "phone-compare")


def test_320_pixels(page, files, collection):
    """At this width nobody has to scroll in two directions (WCAG 1.4.10)."""
    page.emulate(width=320, height=600, deviceScaleFactor=1, mobile=False)
    uploads_at_work(page.open(), files)
    page.one("summary").click()
    assert page.fits()


def test_without_a_script(page, service, files):
    page.run_scripts(False)
    page.driver.get(service.root_url + "/")
    shown = page.one("form").text
    assert "Choose a picture\n" in shown and "Without JavaScript" in shown and "Take a photo" not in shown
    assert not page.one("#gallery").is_displayed()
    check(page, "without-script")
    page.run_scripts(False)
    page.one("#file").send_keys(str(files("meadow.jpg")))
    page.one("button[type=submit]").click()
    page.wait("the result's page", lambda: "/api/images/" in page.driver.current_url)
    assert page.one("h1").text == "meadow.jpg"
    page.wait("its picture", lambda: page.script("return document.images[0].naturalWidth === 960"))
    assert "Waiting for the cloud" in page.one("dl").text
    assert service.names() == ["meadow.jpg"]
    check(page, "without-script-result")


@pytest.mark.parametrize("width, title", [("", "meadow.jpg"), ("99999", "option")])
def test_without_a_script_the_server_judges_closed_options(page, service, files, width, title):
    """A browser would refuse to send the form, and has no place to say why, so the server says it."""
    page.run_scripts(False)
    page.driver.get(service.root_url + "/")
    page.one("#file").send_keys(str(files("meadow.jpg")))
    page.one("summary").click()
    page.one("#width").clear()
    page.one("#width").send_keys(width)
    page.one("summary").click()
    assert not page.one("#options").get_attribute("open")
    page.one("button[type=submit]").click()
    page.wait("the answer", lambda: title in page.one("h1").text)


def test_without_a_script_an_error_is_a_page_too(page, service, files):
    page.run_scripts(False)
    page.driver.get(service.root_url + "/")
    page.one("#file").send_keys(str(files("torn.jpg", pictures.jpeg()[:4000])))
    page.one("button[type=submit]").click()
    page.wait("the answer", lambda: "damaged" in page.one("h1").text)
    check(page, "without-script-error")


def test_the_page_is_small(service):
    """Over 3G the page is there in a second, so little is sent before the first picture."""
    names = [path.name for path in (ROOT / "www").iterdir() if path.name != "openapi.yaml"]
    sent = 0
    for name in names:
        answer = requests.get(f"{service.root_url}/{name}", timeout=60, stream=True,
                              headers={"Accept-Encoding": "gzip"})
        sent += len(answer.raw.read(decode_content=False))
    assert sent < 24_000, f"{sent} bytes"
    assert sum((ROOT / "www" / name).stat().st_size for name in names) < 60_000
