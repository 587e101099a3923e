"""The fixtures are one browser and one service for all tests. The service is empty before each.

The service has a bucket and no tintype-sync, so pictures wait for the cloud until a test moves them on in the
journal, as the sync would.
"""

import sqlite3
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("e2e", "rigs")]

import fault  # noqa: E402
import pictures  # noqa: E402
import scenery  # noqa: E402
from browser import Page, start_chromium  # noqa: E402
from support import Server, free_port, wait_for  # noqa: E402


# A browser says this of answers that are errors, and of a page that is left while it uploads.
EXPECTED = ("Failed to load resource", "'beforeunload' confirmation")


class Service(Server):
    """A Server that can also empty itself, fill itself and move images on."""

    def empty(self):
        wait_for("the end of what the last test sent", lambda: not self.decoders())
        for image in self.images():
            self.request("DELETE", f"/images/{image['id']}")

    def names(self):
        return [image["filename"] for image in self.images()]

    def fill(self, count, make=lambda number: pictures.jpeg(64 + number, 48)):
        """Uploads picture-0.jpg and so on, one after the other in time."""
        with ThreadPoolExecutor(2) as pool:
            bodies = list(pool.map(make, range(count)))
        return [self.upload(body, query="filename=" + urllib.parse.quote(f"picture-{number}.jpg"))
                for number, body in enumerate(bodies)]

    def move(self, image, state, error=""):
        """Writes into the journal what tintype-sync would write."""
        with sqlite3.connect(self.storage / "journal.db", timeout=10) as journal:
            done = journal.execute("UPDATE image SET sync_state = ?, last_error = ? WHERE id = ?",
                                   (state, error, image["id"]))
            assert done.rowcount == 1
        journal.close()


@pytest.fixture(scope="session")
def running_service():
    one = Service(s3={"bucket": "pictures", "region": "eu-central-1"})
    one.http.hooks["response"].clear()  # tests/e2e judges what answers look like.
    try:
        yield one.start()
        one.stop()
    finally:
        one.kill()


@pytest.fixture(scope="session")
def chromium():
    driver = start_chromium()
    yield driver
    driver.quit()


@pytest.fixture
def service(running_service):
    running_service.empty()
    return running_service


@pytest.fixture
def page(chromium, service):
    """The page's window, as a new visitor has it. No test may leave errors of the page's script behind."""
    one = Page(chromium, service)
    one.reset()
    one.console()
    yield one
    mistakes = [line for line in one.console() if not any(words in line for words in EXPECTED)]
    one.run_scripts(True)
    chromium.get("about:blank")  # This ends what is under way.
    assert mistakes == []


@pytest.fixture
def proxy(service):
    """The proxy stands between browser and web server, and can break connections."""
    one = fault.Proxy("127.0.0.1", service.port, free_port()).start()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """files(name) puts a picture on the disk: hills, unless other bytes are given."""
    folder = tmp_path_factory.mktemp("files")

    def make(name, data=None):
        path = folder / name
        if data is not None:
            path.write_bytes(data)
        elif not path.exists():
            path.write_bytes(pictures.encode(scenery.hills(sum(name.encode())), "JPEG", quality=88))
        return path

    return make
