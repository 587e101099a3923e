"""The fixtures are one service for all tests that can share it, and a maker of services for the others."""

import pytest

from account import temporary_folder
from support import Server


@pytest.fixture
def tmp_path():
    """Daemons reach this folder, unlike pytest's own."""
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def server():
    """The shared service has the default configuration. In the end, its spool and its rows agree."""
    one = Server()
    try:
        yield one.start()
        one.check_spool()
    finally:
        try:
            one.stop()
        finally:
            one.kill()


@pytest.fixture
def make_server():
    """make_server(section=dict(key=value)) starts a service of the test's own."""
    made = []

    def make(start=True, **config):
        one = Server(**config)
        made.append(one)
        return one.start() if start else one

    yield make
    try:
        for one in made:
            one.stop()
    finally:
        for one in made:
            one.kill()


@pytest.fixture
def unharmed(server):
    """Checks that what the test sends leaves no row and no file, and that every worker lives on."""
    workers, newest, files = server.workers(), server.newest(), server.spool()
    yield server
    assert server.newest() == newest, "a refused upload left a row"
    assert server.spool() == files, "a refused upload left a file, or took one away"
    assert server.workers() == workers
