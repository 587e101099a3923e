"""The browser's side: the form and its files, and answers to a browser without JavaScript."""

import re
from html.parser import HTMLParser

import pytest

from account import ROOT
from test_upload import JPEG, multipart

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class Page(HTMLParser):
    """A page's elements as (tag, attributes), and its visible text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.fixture(scope="module")
def index(server):
    answer = server.http.get(server.root_url + "/", timeout=60)
    assert answer.status_code == 200
    answer.page = Page(answer.text)
    return answer


def test_headers(index):
    assert index.headers["Content-Type"] == "text/html; charset=utf-8"
    assert index.headers["X-Content-Type-Options"] == "nosniff"
    policy = index.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert index.headers["Content-Encoding"] == "gzip"


def test_files_of_the_page(server, index):
    """The page has nothing inline and nothing from elsewhere, and every file that it names is there."""
    for tag, attributes in index.page.elements:
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
        assert tag != "style"
    scripts, links = index.page.all("script"), index.page.all("link")
    assert scripts and all("src" in script for script in scripts)
    for name in [s["src"] for s in scripts] + [l["href"] for l in links]:
        answer = server.http.get(f"{server.root_url}/{name}", timeout=60)
        assert answer.status_code == 200 and "//" not in name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}.values()


def test_every_field_has_a_label(index):
    labelled = {label["for"] for label in index.page.all("label")}
    fields = index.page.all("input", "select")
    assert fields and all(field["id"] in labelled for field in fields)
    assert index.page.all("html")[0]["lang"] == "en"
    assert any("aria-live" in attributes for _, attributes in index.page.elements)


def test_the_form_works_without_javascript(server, index):
    """A browser sends untouched fields as they stand in the page."""
    form, = (form for form in index.page.all("form") if form["id"] == "form")
    assert (form["action"], form["method"].lower(), form["enctype"]) == (
        "/api/images", "post", "multipart/form-data")
    names = {field.get("name") for field in index.page.all("input", "select")}
    assert {"width", "fit", "format", "grayscale"} <= names
    fields = [(f["name"], f["value"]) for f in index.page.all("input")
              if f.get("name") and f.get("value") and f.get("type") != "file"]
    select, chosen = None, {}
    for tag, attributes in index.page.elements:
        if tag == "select":
            select = attributes.get("name")
        if tag == "option" and select and ("selected" in attributes or select not in chosen):
            chosen[select] = None if "disabled" in attributes else attributes["value"]
    fields += [(name, value) for name, value in chosen.items() if value is not None]
    assert dict(fields) == {"width": "1024", "height": "1024", "fit": "inside", "grayscale": "true",
                            "format": "png", "quality": "85"}
    body, kind = multipart(fields)
    answer = server.http.post(server.root_url + form["action"], data=body, timeout=60, allow_redirects=False,
                              headers=BROWSER | {"Content-Type": kind, "Origin": server.root_url})
    assert answer.status_code == 303, answer.text
    assert re.fullmatch(r"/api/images/[0-9a-f-]{36}", answer.headers["Location"])


def test_states_are_told_alike_with_and_without_a_script():
    script = (ROOT / "www/messages.js").read_text().split("const STATES = {")[1].split("};")[0]
    told = re.findall(r'(\w+): "([^"]+)"', script)
    assert [state for state, _ in told] == ["off", "pending", "stored", "synced", "dead"]
    page = " ".join((ROOT / "src/web/page.c").read_text().split())
    for state, words in told:
        assert f'[TT_SYNC_{state.upper()}] = "{words}"' in page


def browse(server, path, **options):
    return server.http.get(server.root_url + path, headers=BROWSER, timeout=60, **options)


def test_result_page(server):
    name = '<img src=x onerror=alert(1)>"&.jpg'
    body, kind = multipart([("filename", name), ("width", "40")])
    answer = server.http.post(server.url + "/images", data=body, timeout=60,
                              headers=BROWSER | {"Content-Type": kind})
    assert answer.status_code == 200 and [r.status_code for r in answer.history] == [303]
    assert answer.headers["Content-Type"].split(";")[0] == "text/html"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = Page(answer.text)
    images = page.all("img")
    assert name in page.text and all(image["src"] != "x" for image in images)
    picture = browse(server, images[0]["src"])
    assert picture.headers["Content-Type"] == "image/png"
    assert images[0]["src"].startswith("/api/images/") and images[0]["alt"]
    assert not page.all("script")
    json_answer = server.http.get(answer.url, timeout=60)
    image = json_answer.json()
    assert f"PNG, 40 × {image['height']} pixels, 1 kB" in page.text
    assert f"{image['original']['width']} × {image['original']['height']} pixels" in page.text
    assert "On this server" in page.text
    assert json_answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert "Accept" in json_answer.headers.get("Vary", "")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/*", "", "application/json, text/html;q=0.5",
                                    "text/html;level=1;Q=0, application/json;q=0.5"])
def test_programs_get_json(server, accept):
    answer = server.http.post(server.url + "/images", data=JPEG, timeout=60, allow_redirects=False,
                              headers={"Accept": accept, "Content-Type": "image/jpeg"})
    assert answer.status_code == 200
    assert answer.json()["message"]


@pytest.mark.parametrize("body, status", [(JPEG[:400], 422), (b"%PDF" + bytes(99), 415), (b"", 400)])
def test_error_page(server, body, status):
    form, kind = multipart(data=body)
    answer = server.http.post(server.url + "/images", data=form, timeout=60,
                              headers=BROWSER | {"Content-Type": kind})
    assert answer.status_code == status
    assert answer.headers["Content-Type"].split(";")[0] == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]
    page = Page(answer.text)
    assert answer.headers["X-Request-Id"] in page.text and not page.all("script")


def test_error_page_does_not_echo_markup(server):
    answer = browse(server, "/api/images?<script>alert(1)</script>=1")
    assert answer.status_code == 400 and "<script>" not in answer.text
    answer = browse(server, "/api/%3Cscript%3Ealert(1)%3C/script%3E")
    assert answer.status_code == 404 and "<script>" not in answer.text


def test_missing_pages(server):
    assert browse(server, "/api/images/01890a5d-ac96-774b-bcce-b302099a8057").status_code == 404
    assert browse(server, "/nothing").status_code == 404


def test_no_listing_and_no_way_out_of_www(server):
    for path in ("/../deploy/run.sh", "/%2e%2e/deploy/run.sh", "/..%2fMakefile", "/.git/config"):
        assert browse(server, path).status_code in (400, 404)


def test_big_files_do_not_hide_in_www():
    """The page stays small, without a build step and without vendored files."""
    for file in (ROOT / "www").iterdir():
        assert file.stat().st_size < 20000 or file.name == "openapi.yaml", file
