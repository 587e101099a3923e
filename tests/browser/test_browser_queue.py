"""Uploading: where files come from, how far they are, what goes wrong, and what is remembered."""

import io
import json

import pytest
from PIL import Image

import fault
import pictures
from browser import Keys
from support import Server, continue_process, stop_process

JPEG = pictures.jpeg(320, 240)
SLOW = 4_000  # bytes a second, at which a file takes half a minute, longer than any test looks at it


@pytest.fixture
def heavy(files):
    """Makes a picture of some 100 kB."""
    return files("heavy.png", pictures.encode(pictures.photo(300, 240), "PNG"))


def test_choose_many(page, service, files):
    page.open().choose(*[files(f"{name}.jpg") for name in ("meadow", "ridge", "valley")])
    page.wait_states("done", "done", "done")
    assert sorted(service.names()) == ["meadow.jpg", "ridge.jpg", "valley.jpg"]
    assert sorted(page.cards()) == sorted(service.names())
    assert page.said().endswith("is done.")


def test_drop(page, service):
    page.open().drop(("one.jpg", "image/jpeg", JPEG), ("two.jpg", "image/jpeg", JPEG))
    page.wait_states("done", "done")
    assert sorted(service.names()) == ["one.jpg", "two.jpg"]
    assert "over" not in page.one("#drop").get_attribute("class").split()


def test_a_file_over_the_page_shows_where_it_goes(page):
    page.open().script("""
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["x"], "x.jpg"));
        document.body.dispatchEvent(new DragEvent("dragenter", { dataTransfer, bubbles: true }));""")
    assert "over" in page.one("#drop").get_attribute("class").split()


def test_paste(page, service):
    page.open().paste(("pasted.png", "image/png", pictures.encode(pictures.photo(40, 30), "PNG")))
    page.wait_states("done")
    assert service.names() == ["pasted.png"]


def test_behind_the_dialog_nothing_is_taken(page, service):
    service.fill(1)
    page.open().click("Compare")
    page.paste(("pasted.jpg", "image/jpeg", JPEG))
    page.drop(("dropped.jpg", "image/jpeg", JPEG))
    page.press(Keys.ESCAPE)
    assert page.states() == []
    page.paste(("pasted.jpg", "image/jpeg", JPEG))
    page.wait_states("done")


def test_what_is_typed_is_not_taken_for_a_picture(page):
    page.open().script("""
        document.getElementById("filename").dispatchEvent(new ClipboardEvent("paste",
          { clipboardData: new DataTransfer(), bubbles: true }));""")
    assert page.states() == []


def test_progress_then_processing_then_the_cloud(page, service, heavy):
    page.open().network(up=SLOW)
    page.choose(heavy)
    seen = page.wait("part of it sent", lambda: page.script("""
        const { value } = document.querySelector(".entry progress");
        return value > 0 && value < 1 && value"""))
    page.wait("more of it sent", lambda: page.script(
        "return document.querySelector('.entry progress').value") > seen)
    page.wait_text(".entry .text", "Sending", "%")
    workers = service.workers()
    for worker in workers:
        stop_process(worker)
    try:
        page.network()
        page.wait_states("processing")
        assert page.script("return document.querySelector('.entry progress').position") == -1, "no end is known"
        page.wait_text(".entry .text", "Processing")
    finally:
        for worker in workers:
            continue_process(worker)
    page.wait_states("done")
    page.wait_text(".entry .badge", "Waiting for the cloud")
    image, = service.images()
    service.move(image, "stored")
    page.wait_text(".entry .badge", "Safe in S3")


def test_cancel_and_retry(page, service, proxy, heavy, files):
    page.open(proxy.url).network(up=SLOW)
    page.choose(heavy, heavy, files("meadow.jpg"))
    page.wait_states("sending", "sending", "waiting")
    page.wait("both to be on their way", lambda: proxy.count("POST") == 2)
    # In another order the one that waits would start when one that is being sent is cancelled.
    for cancelled in (2, 1, 0):
        page.all(".entry")[cancelled].find_element("css selector", ".actions button").click()
    page.wait_states("cancelled", "cancelled", "cancelled")
    # The page cancels before Chromium's network notices, which would send the rest if it became fast again.
    page.wait("the requests to be given up", lambda: all(
        request.over for request in proxy.seen if request.method == "POST"))
    assert service.names() == []
    page.network()
    page.click("Retry heavy.png")
    page.wait_states("done", "cancelled", "cancelled")
    page.click("Clear finished")
    page.wait_states()
    assert service.names() == ["heavy.png"]
    assert not page.one("#queue").is_displayed()


def test_the_network_goes_in_the_middle_and_comes_back(page, service, proxy, heavy):
    """Chromium lets requests under way finish when it is told to be offline, so the proxy cuts them."""
    page.open(proxy.url).network(up=SLOW)
    proxy.fail(fault.CUT, match=lambda request: request.method == "POST")
    page.choose(heavy)
    page.wait("part of it sent", lambda: page.script(
        "return document.querySelector('.entry progress').value > 0"))
    page.network(offline=True)
    page.wait_states("failed")
    page.wait_text(".entry .text", "You are offline", "Try again")
    assert service.names() == []
    page.network()
    page.click("Retry heavy.png")
    page.wait_text(".entry[data-state=failed] .text", "The connection failed")
    proxy.clear()
    page.click("Retry heavy.png")
    page.wait_states("done")
    assert service.names() == ["heavy.png"]


def test_a_busy_server_is_asked_again(page, service, proxy, files):
    proxy.fail(fault.answer(503, Retry_After=1), times=1, match=lambda request: request.method == "POST")
    page.open(proxy.url).choose(files("meadow.jpg"))
    page.wait_text(".entry .text", "busy")
    page.wait_states("done")
    assert service.names() == ["meadow.jpg"]


@pytest.mark.parametrize("status, title", [
    (507, "The server's storage is full"), (503, "The server cannot use its storage")])
def test_a_server_in_need_of_help_is_not_asked_again(page, proxy, files, status, title):
    problem = {"title": title, "status": status, "detail": "Send the request again later.", "requestId": "r-1"}
    proxy.fail(fault.answer(status, json.dumps(problem).encode(), Retry_After=30,
                            Content_Type="application/problem+json"),
               match=lambda request: request.method == "POST")
    page.open(proxy.url).choose(files("meadow.jpg"))
    page.wait_states("failed")
    page.wait_text(".entry .text", title, "again later", "r-1")
    assert len([request for request in proxy.seen if request.method == "POST"]) == 1
    proxy.clear()
    page.click("Retry meadow.jpg")
    page.wait_states("done")


def test_a_web_servers_own_error_page(page, proxy, files):
    proxy.fail(fault.answer(413, b"<html>nginx"), match=lambda request: request.method == "POST")
    page.open(proxy.url).choose(files("meadow.jpg"))
    page.wait_text(".entry .text", "The file is too large")


def test_all_that_failed_is_tried_again_at_once(page, service, files):
    page.open().network(offline=True)
    page.choose(files("meadow.jpg"), files("ridge.jpg"))
    page.wait_states("failed", "failed")
    page.network()
    page.click("Retry all")
    page.wait_states("done", "done")
    assert len(service.names()) == 2


@pytest.mark.parametrize("name, data, words", [
    ("broken.jpg", JPEG[:len(JPEG) // 2], ("The picture is damaged",)),
    ("letter.pdf", b"%PDF-1.7" + bytes(200), ("not a picture",)),
    ("nothing.jpg", b"", ("picture",))])
def test_the_servers_words_for_a_bad_file(page, service, files, name, data, words):
    page.open().choose(files(name, data))
    page.wait_states("failed")
    page.wait_text(".entry .text", *words)
    assert name in page.said(), "a screen reader is told"
    # The same file would get the same answer, so there is nothing to try again.
    assert [b.text for b in page.all(".entry .actions button")] == ["Remove"]
    page.click("Remove " + name)
    assert page.states() == [] and service.names() == []


def test_too_large_a_file_is_not_sent(page, files):
    page.open().choose(files("large.jpg", bytes(26214401)))
    page.wait_states("failed")
    page.wait_text(".entry .text", "too large", "at most 26.2 MB")
    assert page.said() == ("1 picture in the queue. large.jpg failed. The file is too large. "
                           "Send one of at most 26.2 MB.")


def test_options_are_sent_and_remembered(page, service, files):
    page.open()
    page.one("summary").click()
    page.set("width", "200")
    page.set("height", "")
    page.set("format", "jpeg")
    page.set("grayscale", "false")
    page.open()
    assert page.one("#summary").text == "200 × any · Inside the box · As it is · JPEG"
    page.choose(files("meadow.jpg"))
    page.wait_states("done")
    image, = service.images()
    assert (image["format"], image["width"], image["height"]) == ("JPEG", 200, 150)
    result = Image.open(io.BytesIO(service.processed(image)))
    assert result.mode == "RGB"
    page.one("summary").click()
    page.click("Back to the defaults")
    page.wait_text("#summary", "1024 × 1024", "Grayscale", "PNG")
    page.open()
    page.wait_text("#summary", "1024 × 1024", "Grayscale", "PNG")


def test_a_bad_option_is_pointed_at(page, service, files):
    page.open().set("width", "99999")
    page.choose(files("meadow.jpg"))
    page.wait_text("#refusal", "options")
    assert page.focus().startswith("Width") and page.states() == []


@pytest.mark.parametrize("text", ["", "  "])
def test_a_watermark_without_its_text_is_pointed_at(page, files, text):
    page.open().set("watermark", "text:")
    page.set("watermark-text", text)
    page.choose(files("meadow.jpg"))
    page.wait_text("#refusal", "options")
    assert page.focus() == "Watermark's text" and page.states() == []
    page.set("watermark-text", "© Ada")
    assert what_is_sent(page, files)["watermark"] == "© Ada"


def test_what_has_no_effect_is_not_asked(page):
    page.open()
    page.one("summary").click()

    def shown():
        return [f.get_attribute("id") for f in page.all("#options input, #options select") if f.is_displayed()]

    assert "quality" not in shown() and "watermark-text" not in shown() and "preset" not in shown()
    page.set("format", "jpeg")
    page.set("watermark", "text:")
    assert {"quality", "watermark-text"} <= set(shown())
    page.set("watermark", "false")
    assert "position" not in shown()


PLAIN = {"width": "1024", "height": "1024", "fit": "inside", "grayscale": "true", "format": "png"}


def what_is_sent(page, files):
    page.script("XMLHttpRequest.prototype.send = (body) => { window.sent = [...body]; };")
    page.choose(files("meadow.jpg"))
    page.wait_states("sending")
    return dict(pair for pair in page.script("return sent") if pair[0] != "file")


def test_a_watermark_is_asked_for_only_when_chosen(page, files):
    page.open()
    page.set("format", "webp")
    plain = PLAIN | {"format": "webp", "quality": "85"}
    page.set("watermark", "text:")
    page.set("watermark-text", "© Ada")
    page.set("position", "top")
    assert what_is_sent(page, files) == plain | {"watermark": "© Ada", "watermark_position": "top"}
    page.open()
    page.set("watermark", "")
    page.set("position", "")
    assert what_is_sent(page, files) == plain


@pytest.fixture(scope="module")
def special_service():
    """This service differs from what the page's file says."""
    one = Server(server={"workers": 1, "max_body_bytes": 3000000},
                 image={"width": 720, "height": 0, "fit": "fill", "grayscale": "false", "format": "webp",
                        "quality": 50, "watermark_font": ""},
                 **{"preset.thumb": {"width": 64, "height": 64}, "preset.large": {"width": 2048}})
    try:
        yield one.start()
        one.stop()
    finally:
        one.kill()


@pytest.fixture
def special(page, special_service):
    """This is the same service for a new visitor."""
    page.cdp("Storage.clearDataForOrigin", {"origin": special_service.root_url, "storageTypes": "all"})
    return special_service


@pytest.fixture
def special_page(page, special):
    """This is its page. The server's answer may come after the gallery."""
    page.open(special.root_url).wait_text("#limit", "3.0 MB")
    return page


SPECIAL = {"width": "720", "fit": "fill", "grayscale": "false", "format": "webp", "quality": "50"}


def test_the_servers_defaults(special_page, files):
    page = special_page
    assert page.one("#summary").text == "720 × any · Fill it exactly · As it is · WebP"
    page.set("fit", "cover")
    page.set("quality", "60")
    page.one("summary").click()
    page.click("Back to the defaults")
    page.wait_text("#summary", "Fill it exactly")
    assert what_is_sent(page, files) == SPECIAL


def test_the_servers_presets(special_page, special, files):
    page = special_page
    page.one("summary").click()
    assert page.texts("#preset option") == ["None, as set below", "thumb", "large"]
    page.set("preset", "large")
    assert page.one("#summary").text == "large" and not page.one("#width").is_enabled()
    page.open(special.root_url).wait_text("#summary", "large")
    assert what_is_sent(page, files) == {"preset": "large"}


def test_the_servers_limit(special_page, files):
    special_page.choose(files("over.jpg", bytes(3000001)))
    special_page.wait_text(".entry[data-state=failed] .text", "too large")


def test_a_watermark_that_the_server_cannot_draw(special_page):
    special_page.one("summary").click()
    assert not special_page.one("#watermark").is_displayed()
    assert special_page.texts("#watermark option") == ["As set up", "No"]


def test_what_was_changed_is_remembered_over_the_servers_defaults(special_page, special, files):
    special_page.set("quality", "60")
    special_page.open(special.root_url).wait_text("#limit", "3.0 MB")
    assert what_is_sent(special_page, files) == SPECIAL | {"quality": "60"}


def test_pictures_wait_for_what_the_server_offers(page, special, files):
    """Pictures that are chosen before the server's answer are sent with its defaults."""
    page.open(special.root_url, before="""
        const ask = window.fetch;
        window.fetch = (address, ...rest) => /options$/.test(address)
          ? new Promise((resolve) => { window.answer = () => resolve(ask(address, ...rest)); })
          : ask(address, ...rest);""")
    page.script("XMLHttpRequest.prototype.send = (body) => { window.sent = [...body]; };")
    page.choose(files("meadow.jpg"))
    assert page.states() == []
    page.script("answer()")
    page.wait_states("sending")
    assert dict(pair for pair in page.script("return sent") if pair[0] != "file") == SPECIAL


def test_an_old_server_leaves_the_pages_own_values(page, proxy, files):
    """An old server has no such address."""
    proxy.fail(fault.answer(404), match=lambda request: request.path.endswith("/options"))
    page.open(proxy.url)
    assert what_is_sent(page, files) == PLAIN
    assert not page.one("#preset").is_displayed() and page.one("#limit").text == "26.2 MB"


def test_keyboard_alone(page, files):
    page.open().press(Keys.TAB)
    assert page.focus() == "Skip to the pictures"
    page.press(Keys.TAB)
    assert page.focus() == "Choose pictures"
    ring = page.script("return getComputedStyle(document.querySelector('label[for=file]')).outlineStyle")
    assert ring == "solid", "the focus is seen"
    page.choose(files("meadow.jpg"))
    page.wait_states("done")
    page.press(Keys.TAB)
    assert page.driver.switch_to.active_element.tag_name == "summary"
    page.press(Keys.ENTER)
    page.wait("the options", lambda: page.one("#width").is_displayed())
    page.press(Keys.ENTER)
    page.press(Keys.TAB)
    assert page.focus() == "Clear finished"
    page.press(Keys.TAB)
    assert page.focus() == "Compare meadow.jpg"
    page.press(Keys.ENTER)
    page.wait("the dialog", lambda: page.one("#compare").is_displayed())
    page.press(Keys.ESCAPE)
    page.wait("its end", lambda: not page.one("#compare").is_displayed())
    assert page.focus() == "Compare meadow.jpg"
