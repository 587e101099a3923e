"""The fixtures have the names of those in tests/e2e, and run each test behind each of the four web servers."""

import pytest

from behind import FRONTS, make_server


@pytest.fixture(scope="session", params=FRONTS)
def front(request):
    return request.param


@pytest.fixture(scope="session")
def server(front):
    one = make_server(front)
    try:
        yield one.start()
    finally:
        try:
            one.stop()
        finally:
            one.kill()


@pytest.fixture
def unharmed(server):
    """Checks that what the test sends leaves no row, and no file that no row knows."""
    rows = [image["id"] for image in server.images()]
    yield server
    assert [image["id"] for image in server.images()] == rows, "a refused upload left a row"
    server.check_spool()
