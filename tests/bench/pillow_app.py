"""The job of the Lambda that tintype replaces, as a WSGI application: base64 JPEG or PNG in, gray PNG
of 720 pixels' width out, by Pillow; stored as durably as tintype does. Served by gunicorn.

The picture is opened, resized with LANCZOS, converted and saved, as the Lambda did: without
thumbnail() or draft(), which would decode a JPEG at a reduced size.

Settings by environment: PILLOW_APP_DIR, where files and rows go.
"""

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
journal = None  # opened after gunicorn's fork


def open_journal():
    handle = sqlite3.connect(os.path.join(FOLDER, "journal.db"), timeout=30, isolation_level=None)
    handle.execute("PRAGMA journal_mode=WAL")
    handle.execute("PRAGMA synchronous=FULL")
    handle.execute("CREATE TABLE IF NOT EXISTS image (id TEXT PRIMARY KEY, size INTEGER, width INTEGER)")
    return handle


def write(name, data):
    """Whole and on the disk, before it has its name."""
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
