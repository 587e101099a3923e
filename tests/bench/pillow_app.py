"""The job of the Lambda that tintype replaces, as a WSGI application that gunicorn serves: Pillow turns a
base64 JPEG or PNG into a gray PNG of 720 pixels' width, which is stored as durably as tintype does it.

The picture is opened, resized with LANCZOS, converted and saved, as the Lambda did it. It uses neither
thumbnail() nor draft(), which would decode a JPEG at a reduced size.

The environment variable PILLOW_APP_DIR names the folder of files and rows."""

import base64
import io
import json
import os
import sqlite3
import uuid

from PIL import Image

FOLDER = os.environ["PILLOW_APP_DIR"]
WIDTH = 720
os.makedirs(FOLDER, exist_ok=True)
journal = None  # Each worker opens it after gunicorn's fork.


def open_journal():
    handle = sqlite3.connect(os.path.join(FOLDER, "journal.db"), timeout=30, isolation_level=None)
    handle.execute("PRAGMA journal_mode=WAL")
    handle.execute("PRAGMA synchronous=FULL")
    handle.execute("CREATE TABLE IF NOT EXISTS image (id TEXT PRIMARY KEY, size INTEGER, width INTEGER)")
    return handle


def write(name, data):
    """Writes the file whole and to the disk before it gets its name."""
    path = os.path.join(FOLDER, name)
    with open(path + ".tmp", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".tmp", path)


def sync_folder():
    descriptor = os.open(FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)


def process(data, grayscale):
    image = Image.open(io.BytesIO(data))
    width = min(WIDTH, image.width)
    height = max(1, round(image.height * width / image.width))
    image = image.resize((width, height), Image.LANCZOS)
    out = io.BytesIO()
    (image.convert("L") if grayscale else image).save(out, "PNG")
    return out.getvalue()


def application(environ, start_response):
    global journal
    journal = journal or open_journal()
    if environ["REQUEST_METHOD"] != "POST":
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    original = base64.b64decode(body)
    result = process(original, environ["QUERY_STRING"] != "grayscale=false")
    name = str(uuid.uuid4())
    write(name + ".original", original)
    write(name + ".png", result)
    sync_folder()
    journal.execute("INSERT INTO image VALUES (?, ?, ?)", (name, len(result), WIDTH))
    answer = json.dumps({"message": f"Image processed: processed/{name}.png"}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
