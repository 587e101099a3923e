"""POST /images: every form of body, options and filenames, and the image object that is the answer."""

import base64
import hashlib
import json

import pytest
from datetime import datetime, timezone

import judge
import pictures
from support import UUID7, check_problem, curl

JPEG = pictures.jpeg(96, 64)
BASE64 = base64.b64encode(JPEG).decode()
LINES = "\r\n".join(BASE64[i:i + 76] for i in range(0, len(BASE64), 76)) + "\r\n"


def multipart(fields=(), name="file", filename="cat.jpg", data=JPEG, boundary="frontier"):
    """Returns (body, content type) of a form that has fields first and then a file."""
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
             for k, v in fields]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; '
                 f'filename="{filename}"\r\nContent-Type: image/jpeg\r\n\r\n'.encode()
                 + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def as_json(**members):
    return json.dumps({"image": BASE64, **members})


BODIES = {
    "base64": (BASE64, "text/plain"),
    "base64 with a charset": (BASE64, "text/plain; charset=utf-8"),
    "base64 in lines": (LINES, "text/plain"),
    "base64 with a data: prefix": ("data:image/jpeg;base64," + BASE64, "text/plain"),
    "base64 with prefix and lines": ("data:image/jpeg;base64,\n" + LINES, "text/plain"),
    "raw image": (JPEG, "image/jpeg"),
    "raw image of another name": (JPEG, "image/x-anything"),
    "raw octets": (JPEG, "application/octet-stream"),
    "type in capitals": (JPEG, "Image/JPEG"),
    "multipart": multipart(),
    "multipart, other name": multipart(name="photo"),
    "multipart, quoted boundary": (multipart(boundary="a b")[0], 'multipart/form-data; boundary="a b"'),
    "multipart, preamble and epilogue": (b"preamble\r\n" + multipart()[0] + b"epilogue", multipart()[1]),
    "json": (as_json(), "application/json"),
    "json with a data: prefix": (json.dumps({"image": "data:image/jpeg;base64," + BASE64}),
                                 "application/json; charset=utf-8"),
    "json, escaped": (as_json().replace("/", "\\/"), "application/json"),
    "json, options first": (json.dumps({"width": 50, "image": BASE64}), "application/json"),
}


@pytest.mark.parametrize("body, kind", BODIES.values(), ids=BODIES.keys())
def test_body_forms(server, body, kind):
    image = server.upload(body, kind)
    assert image["original"]["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert server.original(image) == JPEG


@pytest.mark.parametrize("body, kind", [BODIES["base64"], BODIES["raw image"], BODIES["multipart"],
                                        BODIES["json"]], ids=["base64", "raw", "multipart", "json"])
@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Expect: 100-continue"])
def test_curl_transfers(server, body, kind, header):
    data = body if isinstance(body, bytes) else body.encode()
    status, headers, answer = curl("-H", "Content-Type: " + kind, "-H", header, "--data-binary", "@-",
                                   server.url + "/images", data=data)
    assert status == 200, answer
    image = json.loads(answer)
    assert image["original"]["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert headers["location"] == "/api/images/" + image["id"]


def test_no_content_length(server):
    """Some front ends pass a chunked body on without its length."""
    from fastcgi import Call
    call = Call(server.listen)
    for start in range(0, len(JPEG), 1000):
        call.send(JPEG[start:start + 1000])
    status, _, body = call.finish()
    assert status == 200, body
    assert json.loads(body)["original"]["size"] == len(JPEG)


def test_records_of_one_byte(server):
    """A web server may pass a body on as slowly as it comes. The sum of the original covers each byte."""
    from fastcgi import STDIN, Call, record
    call = Call(server.listen)
    call.socket.sendall(b"".join(record(STDIN, JPEG[i:i + 1]) for i in range(len(JPEG))))
    status, _, body = call.finish()
    assert status == 200, body
    assert json.loads(body)["original"]["sha256"] == hashlib.sha256(JPEG).hexdigest()


def test_location_by_another_name(server):
    """Some web servers keep a Location beside a 200 for themselves."""
    from fastcgi import call
    status, headers, body = call(server.listen, JPEG, TINTYPE_LOCATION_IS_TAKEN="1")
    assert status == 200 and "location" not in headers
    assert headers["content-location"] == "/api/images/" + json.loads(body)["id"]
    status, headers, _ = call(server.listen, JPEG, TINTYPE_LOCATION_IS_TAKEN="1", HTTP_ACCEPT="text/html")
    assert status == 303 and "content-location" not in headers
    assert headers["location"].startswith("/api/images/")


def test_image_object(server):
    before = datetime.now(timezone.utc)
    answer = server.post(JPEG, "image/jpeg", "filename=cat.jpg")
    after = datetime.now(timezone.utc)
    image = answer.json()
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert answer.headers["Location"] == f"/api/images/{image['id']}"
    assert set(image) == {"id", "filename", "status", "timestamp", "s3Path", "size", "format", "width",
                          "height", "sha256", "original", "renditions", "sync", "links", "message"}
    assert UUID7.match(image["id"])
    assert image["message"] == f"Image processed: processed/{image['id']}.png"
    assert image["filename"] == "cat.jpg"
    assert image["status"] == "processed"
    assert (image["width"], image["height"], image["format"]) == (96, 64, "PNG")
    assert image["s3Path"] is None
    assert image["sync"] == {"state": "off", "attempts": 0, "lastError": None, "syncedAt": None}
    assert image["links"] == {"self": f"/api/images/{image['id']}",
                              "processed": f"/api/images/{image['id']}/processed",
                              "original": f"/api/images/{image['id']}/original",
                              "renditions": {}}
    assert image["renditions"] == {}
    assert image["original"] == {"size": len(JPEG), "format": "JPEG", "width": 96, "height": 64,
                                 "sha256": hashlib.sha256(JPEG).hexdigest(), "s3Path": None}
    result = server.processed(image)
    assert image["size"] == len(result)
    assert image["sha256"] == hashlib.sha256(result).hexdigest()
    milliseconds = int(image["id"].replace("-", "")[:12], 16)
    stamp = datetime.strptime(image["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert round(stamp.timestamp() * 1000) == milliseconds
    assert before.timestamp() * 1000 - 1 <= milliseconds <= after.timestamp() * 1000
    assert server.get("/images/" + image["id"]).json() == {k: v for k, v in image.items()
                                                           if k != "message"}


def test_lambda_path(server):
    answer = server.http.post(server.root_url + "/default/imageProcessor", data=BASE64,
                              headers={"Content-Type": "text/plain"}, timeout=60)
    assert answer.status_code == 200, answer.text
    image = answer.json()
    assert image["message"] == f"Image processed: processed/{image['id']}.png"
    assert server.get("/images/" + image["id"]).status_code == 200


# ---- options ----

def result_of(server, image):
    result = judge.decode(server.processed(image))
    assert result.size == (image["width"], image["height"])
    return result


WIDE = pictures.jpeg(300, 200)


@pytest.mark.parametrize("query, size", [
    ("width=150", (150, 100)), ("height=50", (75, 50)), ("width=150&height=50", (75, 50)),
    ("width=150&height=150", (150, 100)), ("width=600", (300, 200)), ("width=16384&height=16384", (300, 200)),
    ("width=1&height=1", (1, 1)), ("width=3", (3, 2)),
    ("fit=inside&width=100&height=100", (100, 67)),
    ("fit=cover&width=100&height=100", (100, 100)), ("fit=cover&width=100&height=180", (100, 180)),
    ("fit=fill&width=100&height=100", (100, 100)), ("fit=fill&width=400&height=500", (400, 500)),
    ("fit=fill&width=77&height=20", (77, 20)),
])
def test_sizes(server, query, size):
    assert result_of(server, server.upload(WIDE, query=query)).size == size


@pytest.mark.parametrize("width, height", [(600, 100), (100, 600), (600, 600)])
def test_cover_never_enlarges(server, width, height):
    """A picture that is too small for the box is cropped to the part of the box that it fills."""
    image = server.upload(WIDE, query=f"fit=cover&width={width}&height={height}")
    assert (image["width"], image["height"]) == (min(width, 300), min(height, 200))


def test_cover_is_the_middle(server):
    source = judge.decode(WIDE)
    image = server.upload(WIDE, query="fit=cover&width=100&height=100")
    middle = source.crop((50, 0, 250, 200)).resize((100, 100), judge.Image.LANCZOS).convert("L")
    judge.check_like(result_of(server, image), middle)


def test_fill_matches_pillow(server):
    source = judge.decode(WIDE)
    for size in [(400, 500), (77, 20), (300, 20)]:
        image = server.upload(WIDE, query="fit=fill&width=%d&height=%d" % size)
        judge.check_like(result_of(server, image), source.resize(size, judge.Image.LANCZOS).convert("L"))


@pytest.mark.parametrize("query, mode, kind", [
    ("", "L", "PNG"), ("grayscale=true", "L", "PNG"), ("grayscale=false", "RGB", "PNG"),
    ("format=jpeg", "L", "JPEG"), ("format=jpeg&grayscale=false", "RGB", "JPEG"),
    ("format=png", "L", "PNG")])
def test_gray_and_format(server, query, mode, kind):
    image = server.upload(JPEG, query=query)
    answer = server.http.get(server.root_url + image["links"]["processed"], timeout=60)
    result = judge.decode(answer.content)
    assert (result.mode, result.format, image["format"]) == (mode, kind, kind)
    assert answer.headers["Content-Type"] == {"PNG": "image/png", "JPEG": "image/jpeg"}[kind]
    assert image["message"].endswith({"PNG": ".png", "JPEG": ".jpg"}[kind])
    reference = judge.rendering(judge.decode(JPEG), grayscale="grayscale=false" not in query)
    judge.check_like(result, reference, 40 if kind == "PNG" else 30)


def test_quality(server):
    sizes = [server.upload(WIDE, query=f"format=jpeg&quality={q}")["size"] for q in (5, 50, 95)]
    assert sizes == sorted(sizes) and sizes[0] < sizes[2] / 2


def test_body_beats_query(server):
    body, kind = multipart([("width", "30"), ("format", "jpeg")])
    image = server.upload(body, kind, "width=60&grayscale=false&format=png")
    assert (image["width"], image["format"]) == (30, "JPEG")
    assert result_of(server, image).mode == "RGB"
    image = server.upload(as_json(width=20, grayscale=True), "application/json",
                          "width=60&grayscale=false")
    assert image["width"] == 20 and result_of(server, image).mode == "L"


@pytest.mark.parametrize("value", [True, "true"])
def test_json_types(server, value):
    image = server.upload(as_json(grayscale=value, width="40", quality=50), "application/json")
    assert image["width"] == 40


@pytest.mark.parametrize("name, value", [
    ("colour", "red"), ("Width", "5"), ("", "5"), ("width", ""), ("width", "0"), ("width", "-1"),
    ("width", "16385"), ("width", "1e3"), ("width", "10.5"), ("width", " 10"), ("width", "9" * 40),
    ("height", "x"), ("fit", "outside"), ("fit", ""), ("grayscale", "maybe"), ("format", "bmp"),
    ("format", "PNG8"), ("quality", "0"), ("quality", "101"), ("quality", "")])
def test_bad_options(unharmed, name, value):
    check_problem(unharmed.post(JPEG, query=f"{name}={value}"), 400)
    if value:  # A form's empty field asks for nothing.
        body, kind = multipart([(name, value)])
        check_problem(unharmed.post(body, kind), 400)
    check_problem(unharmed.post(as_json(**{name: value}), "application/json"), 400)


def test_empty_form_fields_ask_for_nothing(server):
    """A browser sends a form that was left as it is with empty fields."""
    body, kind = multipart([("width", ""), ("fit", ""), ("quality", ""), ("filename", "")])
    assert server.upload(body, kind)["filename"] == "cat.jpg"


# ---- filenames ----

LONG = "a" * 4090 + ".jpg"
FILENAMES = {
    "plain": ("cat.jpg", "cat.jpg"),
    "slashes": ("../../etc/passwd", "passwd"),
    "a Windows path": ("C:\\Users\\me\\cat.jpg", "cat.jpg"),
    "UTF-8": ("katze-größe-猫.jpg", "katze-größe-猫.jpg"),
    "newlines": ("ca\r\nt\n.jpg", "cat.jpg"),
    "control characters": ("c\x01a\x7ft\u0085.jpg", "cat.jpg"),
    "RTL marks": ("\u202egpj.tac\u2066\u200f", "gpj.tac"),
    "quotes": ('my "best" cat\'s.jpg', 'my "best" cat\'s.jpg'),
    "percent": ("100%.jpg", "100%.jpg"),
    "spaces": ("  cat.jpg ", "cat.jpg"),
    "markup": ("<img src=x>&.jpg", "<img src=x>&.jpg"),
}


@pytest.mark.parametrize("raw, kept", FILENAMES.values(), ids=FILENAMES.keys())
def test_filenames(server, raw, kept):
    from urllib.parse import quote
    by_query = server.upload(JPEG, query="filename=" + quote(raw, safe=""))
    by_json = server.upload(as_json(filename=raw), "application/json")
    body, kind = multipart([("filename", raw)]) if "\n" not in raw else multipart()
    by_part = server.upload(body, kind)
    assert by_query["filename"] == by_json["filename"] == kept
    assert by_part["filename"] == (kept if "\n" not in raw else "cat.jpg")
    assert server.original(by_query) == JPEG
    server.check_spool()


def test_long_filenames(server):
    for letter, kept in (("a", "a" * 255), ("ü", "ü" * 127), ("猫", "猫" * 85)):
        name = server.upload(as_json(filename=letter * 4000), "application/json")["filename"]
        assert name == kept


@pytest.mark.parametrize("raw", ["", ".", "..", "/", "a/", "\u202e", "\n", "   "])
def test_no_filename_left(server, raw):
    image = server.upload(as_json(filename=raw), "application/json")
    assert image["filename"] == image["id"] + ".jpg"


@pytest.mark.parametrize("header, kept", [
    ('attachment; filename="cat.jpg"', "cat.jpg"), ("attachment; filename=cat.jpg", "cat.jpg"),
    ('attachment; filename="a\\"b.jpg"', 'a"b.jpg'), ('attachment; filename="/etc/passwd"', "passwd"),
    ("attachment; filename=\"x.jpg\"; filename*=UTF-8''k%C3%A4tze.jpg", "kätze.jpg"),
    ("ATTACHMENT; FileName=\"cat.jpg\"", "cat.jpg")])
def test_disposition_header(server, header, kept):
    image = server.upload(JPEG, "image/jpeg", headers={"Content-Disposition": header})
    assert image["filename"] == kept
    named = server.upload(JPEG, "image/jpeg", "filename=other.jpg",
                          headers={"Content-Disposition": header})
    assert named["filename"] == "other.jpg"


@pytest.mark.parametrize("sent, kept", [("cat.jpg", "cat.jpg"), ("a/b\\c.jpg", "c.jpg"), ("", None),
                                        ("grüße.jpg", "grüße.jpg"), ("q%22.jpg", None)])
def test_part_filename(server, sent, kept):
    body, kind = multipart(filename=sent)
    image = server.upload(body, kind)
    if sent == "":
        assert image["filename"] == image["id"] + ".jpg"
    elif kept:
        assert image["filename"] == kept
    else:  # Browsers send %22 for a quote, and both readings are names.
        assert image["filename"] in (sent, 'q".jpg')


def test_query_plus_and_escapes(server):
    image = server.upload(JPEG, query="filename=my+cat%2B%C3%BC.jpg&width=%310")
    assert (image["filename"], image["width"]) == ("my cat+ü.jpg", 10)
