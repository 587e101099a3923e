"""GET /options says what a client may ask for, and what it gets when it asks for nothing."""

import re
import signal

import pytest
from PIL import Image

import openapi
import pictures
from account import ROOT, temporary_folder
from support import Server, check_problem, wait_for

POSITIONS = ["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom",
             "bottom-right"]


def offer(server):
    answer = server.get("/options")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-cache"
    return answer.json()


def test_by_default(server):
    assert offer(server) == {
        "maxBodyBytes": 26214400, "formats": ["png", "jpeg", "webp"], "fits": ["inside", "cover", "fill"],
        "positions": POSITIONS, "presets": [], "renditions": [],
        "defaults": {"width": 1024, "height": 1024, "fit": "inside", "grayscale": True, "format": "png",
                     "quality": 85, "watermark": True, "watermark_position": "bottom-right"},
        "watermark": {"configured": False, "text": True}}


def test_head_and_other_methods(server):
    head = server.request("HEAD", "/options")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["Content-Length"] == str(len(server.get("/options").content))
    check_problem(server.request("POST", "/options"), 405)


@pytest.fixture(scope="module")
def special():
    """This service differs from the defaults in everything, also in its base path, and has texts and paths
    that no client may see."""
    with temporary_folder() as folder:
        logo = folder / "secret.png"
        Image.new("L", (4, 4)).save(logo)
        one = Server(server={"base_path": "/pictures", "max_body_bytes": 1048576},
                     image={"width": 720, "height": 0, "fit": "fill", "grayscale": "false", "format": "webp",
                            "quality": 50, "watermark": "false", "watermark_position": "top", "watermark_text": "secret",
                            "watermark_image": logo, "renditions": "thumb"},
                     **{"preset.large": {"width": 900}, "preset.thumb": {"width": 64, "watermark_text": "secret"}})
        try:
            yield one.start()
            one.stop()
        finally:
            one.kill()


def test_as_configured(special):
    assert offer(special) == {
        "maxBodyBytes": 1048576, "formats": ["png", "jpeg", "webp"], "fits": ["inside", "cover", "fill"],
        "positions": POSITIONS, "presets": ["large", "thumb"], "renditions": ["thumb"],
        "defaults": {"width": 720, "height": None, "fit": "fill", "grayscale": False, "format": "webp",
                     "quality": 50, "watermark": False, "watermark_position": "top"},
        "watermark": {"configured": True, "text": True}}
    assert "secret" not in special.get("/options").text


def test_what_is_offered_is_taken(special):
    """Each word that is offered is accepted, and an upload with the offered defaults is the same as one
    without any option."""
    says = offer(special)
    data = pictures.encode(pictures.photo(80, 60), "PNG")
    for name, words in (("format", says["formats"]), ("fit", says["fits"]), ("preset", says["presets"]),
                        ("watermark_position", says["positions"])):
        for word in words:
            special.upload(data, query=f"width=8&height=8&{name}={word}")
    asked = {name: str(value).lower() for name, value in says["defaults"].items() if value is not None}
    same = special.upload(data, query="&".join(map("=".join, asked.items())))
    assert same["sha256"] == special.upload(data)["sha256"]
    assert list(same["renditions"]) == says["renditions"]


def test_texts_need_a_font(make_server):
    one = make_server(image={"watermark_font": ""})
    assert offer(one)["watermark"] == {"configured": False, "text": False}
    check_problem(one.post(pictures.jpeg(), query="watermark=mine"), 400)


def test_a_reload_changes_it(make_server):
    one = make_server()
    one.config["preset.new"] = {"width": 5}
    one.write_config()
    one.master.send_signal(signal.SIGHUP)
    wait_for("the new preset", lambda: offer(one)["presets"] == ["new"])


# ---- the documents name what the service names ----

SCHEMAS = openapi.SPEC["components"]["schemas"]


def words_of(sentence):
    """Returns the words of a sentence that ends with "… is a, b or c.", which is the last of a problem's
    detail."""
    return set(re.split(", | or ", re.search(r"[a-z:] ((?:\w+, )+\w+ or \w+)\.$", sentence).group(1)))


def section_of_readme(heading):
    return (ROOT / "README.md").read_text().split(f"\n### {heading}\n")[1].split("\n### ")[0]


def test_documents_have_every_option(server):
    options = words_of(check_problem(server.post(pictures.jpeg(), query="nonsense=1"), 400))
    assert len(options) >= 10
    upload = openapi.SPEC["paths"]["/images"]["post"]
    assert {one["name"] for one in upload["parameters"] if one["in"] == "query"} == options
    bodies = upload["requestBody"]["content"]
    assert set(bodies["multipart/form-data"]["schema"]["properties"]) - {"file"} == options
    assert set(bodies["application/json"]["schema"]["properties"]) - {"image"} == options
    assert set(re.findall(r"`(\w+)`(?=[^|]*\|[^|]*\|[^|]*\|$)", section_of_readme("Options"), re.M)) >= options
    defaults = set(offer(server)["defaults"])
    assert defaults == options - {"filename", "preset"}
    assert set(SCHEMAS["Offer"]["properties"]["defaults"]["properties"]) == defaults


def test_documents_have_every_format(server):
    answer = server.post(b"These are no pictures.", headers={"Content-Type": "image/png"})
    formats = words_of(check_problem(answer, 415))
    assert len(formats) >= 6
    assert set(SCHEMAS["SourceFormat"]["enum"]) == formats
    page = (ROOT / "www/index.html").read_text()
    accept = re.search(r'id="file"[^>]* accept="([^"]+)"', page).group(1)
    assert {kind.removeprefix("image/").upper() for kind in accept.split(",")} == formats
    takes = re.search(r'id="takes"[^>]*>(.*), up to', page).group(1)
    assert {word.upper() for word in re.split(", | or ", takes)} == formats
    rows = re.findall(r"^\| ([A-Za-z, ]+) \|", section_of_readme("Pictures"), re.M)
    assert {name.upper() for row in rows for name in row.split(", ")} - {"IN"} == formats

    results = set(offer(server)["formats"])
    assert {name.lower() for name in SCHEMAS["ResultFormat"]["enum"]} == results
    assert set(SCHEMAS["FormatOption"]["enum"]) == results | {"jpg"}
    assert set(SCHEMAS["Offer"]["properties"]["formats"]["items"]["enum"]) == results
    choices = page.split('<select id="format"')[1].split("</select>")[0]
    assert set(re.findall(r'value="(\w+)"', choices)) == results
    assert set(re.findall(r"`(\w+)`", section_of_readme("Options").split("| `format` |")[1].split("|")[0])) == results
