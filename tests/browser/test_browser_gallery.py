"""The gallery: pages, filters, badges, comparing, copying, deleting."""

import datetime
import json

import pytest

import fault
from browser import Keys
from support import wait_for


@pytest.fixture
def three(service):
    return service.fill(3)


def names(*numbers):
    return [f"picture-{number}.jpg" for number in numbers]


def test_sixty_pictures_come_as_one_scrolls(page, service):
    service.fill(60)
    page.open()
    assert 24 <= len(page.cards()) < 60, "the gallery must not load all at once"
    assert page.one("#cards img").get_attribute("loading") == "lazy"

    def scrolled():
        page.script("scrollTo(0, document.body.scrollHeight)")
        return len(page.cards()) == 60
    page.wait("all sixty", scrolled)
    assert page.cards() == names(*reversed(range(60)))
    page.wait("the end", lambda: not page.one("#more").is_displayed())
    assert "shown" in page.said()


def test_more_by_button(page, service):
    """A reader who cannot scroll uses the button, so it works where scrolling does nothing."""
    service.fill(30)
    page.open(before="IntersectionObserver = class { observe() {} unobserve() {} };")
    assert len(page.cards()) == 24
    page.script("document.getElementById('more').focus()")
    page.press(Keys.ENTER)
    page.wait("the rest", lambda: len(page.cards()) == 30)
    page.wait("the focus on the first that is new",
              lambda: page.focus() == "Compare original and result of picture-5.jpg")


def test_what_is_uploaded_meanwhile_is_neither_lost_nor_twice(page, service, files):
    service.fill(30)
    page.emulate(width=1280, height=400, deviceScaleFactor=1, mobile=False)
    page.open().choose(files("meadow.jpg"))
    page.wait_states("done")
    page.script("scrollTo(0, document.body.scrollHeight)")
    page.wait("all", lambda: len(page.cards()) == 31)
    assert page.cards() == ["meadow.jpg", *names(*reversed(range(30)))]


def test_filters(page, service, three):
    service.move(three[0], "synced")
    page.open().wait_cards(*names(2, 1, 0))
    page.set("status", "synced")
    page.wait_cards(*names(0))
    page.set("status", "")
    page.one("#filename").send_keys("picture-1.jpg", Keys.ENTER)
    page.wait_cards(*names(1))
    page.one("#filename").send_keys(Keys.BACKSPACE, Keys.ENTER)
    page.wait_text("#nothing", "only in full")
    page.click("Show all")
    page.wait_cards(*names(2, 1, 0))
    assert page.focus() == "Filename, in full"
    today = datetime.date.today()
    page.set("until", str(today))
    page.wait("today, which counts", lambda: page.cards() == names(2, 1, 0))
    page.set("until", str(today - datetime.timedelta(days=2)))
    page.wait_cards()
    page.set("until", "")
    page.set("since", str(today + datetime.timedelta(days=2)))
    page.wait_cards()
    page.set("since", str(today - datetime.timedelta(days=2)))
    page.wait_cards(*names(2, 1, 0))


def test_badges_change_by_themselves(page, service, three):
    page.open()
    assert set(page.texts(".badge")) == {"Waiting for the cloud"}
    service.move(three[0], "synced")
    service.move(three[1], "dead", "AccessDenied")
    page.wait("both", lambda: page.texts(".badge") == [
        "Waiting for the cloud", "Refused by the cloud", "Safe in S3, listed"])
    service.request("DELETE", f"/images/{three[2]['id']}")
    page.wait_cards(*names(1, 0))


def test_a_picture_that_moves_on_stays_while_one_looks(page, service, three):
    page.open().set("status", "pending")
    page.wait_cards(*names(2, 1, 0))
    service.move(three[1], "synced")
    page.wait("its badge", lambda: page.texts(".badge")[1] == "Safe in S3, listed")
    assert page.cards() == names(2, 1, 0)
    page.one("#filename").submit()
    page.wait_cards(*names(2, 0))


def test_only_what_waits_is_asked_for(page, service, three):
    for image in three[:2]:
        service.move(image, "synced")
    page.open()
    page.script("performance.clearResourceTimings()")

    def asked():
        return page.script("return performance.getEntriesByType('resource').map((e) => e.name)")
    page.wait("two rounds", lambda: len([a for a in asked() if three[2]["id"] in a]) >= 2)
    assert not any(image["id"] in address and "processed" not in address
                   for image in three[:2] for address in asked())


def faster(times):
    """Returns a script to run before the page's: time goes so much faster, and window.pauses has the pauses
    it made."""
    return """
        const sleep = setTimeout, now = performance.now.bind(performance);
        window.pauses = [];
        performance.now = () => now() * TIMES;
        setTimeout = (does, ms) => { pauses.push(ms); return sleep(does, ms / TIMES); };
        """.replace("TIMES", str(times))


def test_what_is_stored_is_watched_ever_more_seldom_but_to_the_end(page, service):
    image, = service.fill(1)
    service.move(image, "stored")
    page.open(before=faster(500))
    page.wait("pauses of minutes", lambda: page.script("return Math.max(...pauses)") > 200_000)
    service.move(image, "synced")
    page.wait_text(".badge", "listed")
    assert page.script("return Math.max(...pauses)") <= 300_000


def test_a_server_in_trouble_is_asked_ever_more_seldom(page, service, proxy):
    image, = service.fill(1)

    def asks_for_it(request):
        return request.path.endswith(image["id"])
    proxy.fail(fault.answer(502), match=asks_for_it)
    page.open(proxy.url, before=faster(50))
    page.wait("long pauses", lambda: page.script("return Math.max(...pauses)") > 20_000)
    assert 3 <= len([request for request in proxy.seen if asks_for_it(request)]) <= 12
    proxy.clear()
    service.move(image, "synced")
    page.wait_text(".badge", "listed")


def test_a_page_that_is_seen_again_asks_at_once(page, service, three):
    hide = """
        Object.defineProperty(document, "hidden", { value: arguments[0], configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));"""
    page.open().script(hide, True)
    service.move(three[0], "synced")
    page.script(hide, False)
    page.wait_text(".badge", "Safe in S3")


def test_a_list_that_fails_can_be_tried_again(page, service, three):
    page.open()
    page.network(offline=True)
    page.set("status", "pending")
    page.wait_text("#trouble", "cannot be listed", "offline")
    page.network()
    page.click("Try again")
    page.wait_cards(*names(2, 1, 0))
    assert page.texts("#trouble") == [""]


def test_compare_by_keyboard(page, service, three):
    page.open().button("Compare original and result of picture-2.jpg").send_keys(Keys.ENTER)
    page.wait("both pictures", lambda: page.script(
        "return [...document.querySelectorAll('.frame img')].every((i) => i.naturalWidth > 0)"))
    split = page.one("#split")
    while page.driver.switch_to.active_element != split:
        page.press(Keys.TAB)

    def shown():
        return page.script("return getComputedStyle(document.getElementById('after')).clipPath")
    assert "50%" in shown()
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert "52%" in shown() and split.get_attribute("aria-valuetext") == "52% original"
    page.press(Keys.HOME)
    assert "52%" not in shown() and split.get_attribute("value") == "0"
    page.press(Keys.END)
    assert "100%" in shown()
    page.press(Keys.ESCAPE)
    page.wait("the end", lambda: not page.one("#compare").is_displayed())
    assert page.focus() == "Compare original and result of picture-2.jpg"


def test_a_long_reason_stays_within_the_page(page, service, three):
    """Request ids have no place to break, but must not widen the page (WCAG 1.4.10)."""
    reason = "ValidationException: One or more values were invalid (request " + "0FY0RWTNGPIRT" * 4 + ")"
    service.move(three[2], "dead", reason)
    for width in (1280, 320):
        page.emulate(width=width, height=900, deviceScaleFactor=1, mobile=False)
        page.open()
        badge = page.one(".badge")
        assert (badge.text, badge.get_attribute("title")) == ("Refused by the cloud", reason)
        assert page.fits()
        page.click("Compare")
        page.wait_text("#facts dd", reason)
        assert page.fits() and page.script(
            "const dialog = document.getElementById('compare'); return dialog.scrollWidth <= dialog.clientWidth")


def test_the_dialog_tells_what_becomes_of_a_picture(page, service, three):
    page.open().click("Compare")

    def facts():
        return dict(zip(page.texts("#facts dt"), page.texts("#facts dd")))
    assert facts()["Cloud"] == "Waiting for the cloud" and "Address" not in facts(), "nothing is there"
    service.move(three[2], "stored")
    page.wait("its address", lambda: facts().get("Address", "").startswith("s3://pictures/"))
    assert facts()["Cloud"] == "Safe in S3" and "Reason" not in facts()
    service.move(three[2], "dead", "AccessDenied")
    page.wait("the reason", lambda: facts().get("Reason") == "AccessDenied")
    assert facts()["Cloud"] == "Refused by the cloud" and "Address" not in facts()


def test_an_original_that_no_browser_shows(page, service, three):
    page.open().script("""
        const { set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
        Object.defineProperty(document.getElementById("before"), "src",
          { set() { set.call(this, "openapi.yaml"); } });""")
    page.click("Compare")
    page.wait_text("#compare-note", "cannot show the original")
    assert not page.one(".handle").is_displayed() and page.one("#after").is_displayed()


@pytest.mark.parametrize("which, left", [("original", True), ("processed", False)])
def test_a_picture_that_cannot_be_had_now(page, proxy, three, which, left):
    problem = {"title": "The cloud cannot be reached", "status": 503, "detail": "Later.", "requestId": "r-1"}
    proxy.fail(fault.answer(503, json.dumps(problem).encode(), Content_Type="application/problem+json"),
               match=lambda request: request.path.endswith("/" + which))
    page.open(proxy.url).click("Compare")
    page.wait_text("#compare-note", "The cloud cannot be reached. Later. (Request r-1)")
    assert page.one("#after").is_displayed() == left and not page.one(".handle").is_displayed()
    page.press(Keys.ESCAPE)
    proxy.clear()
    page.click("Compare original and result of picture-1.jpg")
    page.wait("the next one", lambda: page.one(".handle").is_displayed())
    assert page.texts("#compare-note") == [""]


def test_a_picture_that_is_gone_or_out_of_reach(page, service, three):
    page.open()
    page.cdp("Network.setCacheDisabled", {"cacheDisabled": True})
    service.request("DELETE", f"/images/{three[1]['id']}")
    page.click("Compare original and result of picture-1.jpg")
    page.wait_text("#compare-note", "There is nothing here")
    page.press(Keys.ESCAPE)
    page.network(offline=True)
    page.click("Compare original and result of picture-0.jpg")
    page.wait_text("#compare-note", "You are offline")
    page.network()
    page.cdp("Network.setCacheDisabled", {"cacheDisabled": False})


def test_renditions_are_offered_and_the_smallest_is_on_the_card(page, service, proxy, three):
    """The answer is like that of a service with presets."""
    image = three[2]
    href = image["links"]["original"]
    image["renditions"] = {"thumb": image["original"] | {"size": 1, "width": 200, "height": 150},
                           "dot": image["original"] | {"size": 1, "width": 8, "height": 8}}
    image["links"]["renditions"] = {"thumb": href + "?thumb", "dot": href + "?dot"}
    body = json.dumps({"images": [image], "next": None}).encode()
    proxy.fail(fault.answer(200, body, Content_Type="application/json"),
               match=lambda request: "/images?" in request.path)
    page.open(proxy.url)
    assert page.one("#cards img").get_attribute("src") == proxy.url + href + "?thumb"
    page.click("Compare")
    assert page.button("Download thumb").get_attribute("href") == proxy.url + href + "?thumb"
    assert page.button("Download dot")


def test_copy_link(page, service, three):
    page.cdp("Browser.grantPermissions", {"origin": service.root_url, "permissions": [
        "clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.open().click("Copy link of picture-2.jpg")
    page.wait_text("#said", "copied")
    assert page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == (
        service.root_url + three[2]["links"]["processed"])


def test_download_names_the_file(page, service, three):
    link = page.open().button("Download picture-0.jpg")
    assert link.get_attribute("href") == service.root_url + three[0]["links"]["processed"]
    assert link.get_attribute("download") == "picture-0.jpg"


def undo_within(page, seconds):
    assert page.one("#gallery").get_attribute("data-undo-ms") == "6000"
    page.script("document.getElementById('gallery').dataset.undoMs = arguments[0]", seconds * 1000)


def test_delete_and_undo(page, service, three):
    page.open().click("Delete picture-1.jpg")
    assert page.focus() == "Undo deletion of picture-1.jpg" and "Undo within 6 seconds" in page.said()
    assert len(service.names()) == 3, "nothing is sent yet"
    page.press(Keys.ENTER)
    page.wait_cards(*names(2, 1, 0))
    assert page.focus() == "Delete picture-1.jpg"
    assert len(service.names()) == 3


def test_delete_goes_out_after_its_time(page, service, three):
    page.open()
    undo_within(page, 0.2)
    page.click("Delete picture-1.jpg")
    page.wait("the deletion", lambda: service.names() == names(2, 0))
    page.wait("its card to go", lambda: len(page.all(".card")) == 2)
    page.wait("the focus on the next", lambda: page.script(
        "return document.activeElement.querySelector('h3')?.textContent") == "picture-0.jpg")


def test_delete_goes_out_when_the_page_is_left(page, service, three):
    page.open().click("Delete picture-1.jpg")
    page.driver.get("about:blank")
    wait_for("the deletion", lambda: service.names() == names(2, 0))


def test_delete_goes_out_when_the_list_changes(page, service, three):
    page.open().click("Delete picture-1.jpg")
    page.set("status", "pending")
    page.wait_cards(*names(2, 0))
    assert service.names() == names(2, 0)


def test_a_page_under_way_is_forgotten_when_the_list_changes(page, service, proxy):
    """The old page arrives while the new list still waits for the deletion."""
    service.fill(30)
    proxy.fail(fault.delay(0.3), match=lambda request: "cursor=" in request.path)
    proxy.fail(fault.delay(1.5), match=lambda request: request.method == "DELETE")
    page.emulate(width=1280, height=400, deviceScaleFactor=1, mobile=False)
    page.open(proxy.url).click("Delete picture-29.jpg")
    page.script("scrollTo(0, document.body.scrollHeight)")
    page.wait("the second page under way", lambda: page.one("#cards").get_attribute("aria-busy") == "true")
    page.set("filename", "picture-7.jpg")
    page.wait_cards("picture-7.jpg")
    assert not page.one("#more").is_displayed() and "picture-29.jpg" not in service.names()


def test_a_deletion_that_fails_leaves_the_picture(page, service, three):
    page.open()
    undo_within(page, 0.2)
    page.network(offline=True)
    page.click("Delete picture-1.jpg")
    page.wait_text(".card .error", "not deleted", "offline")
    assert page.cards() == names(2, 1, 0)
    page.network()


def test_what_is_deleted_leaves_the_queue_too(page, service, files):
    page.open()
    undo_within(page, 0.1)
    page.choose(files("meadow.jpg"))
    page.wait_states("done")
    page.click("Delete meadow.jpg")
    page.wait_states()
    assert service.names() == []


def test_keyboard_reaches_the_pictures(page, three):
    page.open().press(Keys.TAB, Keys.ENTER)
    page.press(Keys.TAB)
    assert page.focus() == "Filename, in full"
    for expected in ("Compare original and result of picture-2.jpg", "Download picture-2.jpg",
                     "Copy link of picture-2.jpg", "Delete picture-2.jpg"):
        for _ in range(12):  # A date field has several parts to step through.
            if page.focus() == expected:
                break
            page.press(Keys.TAB)
        assert page.focus() == expected
