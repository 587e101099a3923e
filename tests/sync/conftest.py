"""The fixtures are one cloud for all tests, and a maker of houses (server, agent) that use it."""

import signal

import pytest

from cloud import Cloud, House
from account import temporary_folder


@pytest.fixture
def tmp_path():
    """Daemons reach this folder, unlike pytest's own."""
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def running_cloud():
    # timeout(1) sends SIGTERM, which must leave no services behind, just as Ctrl-C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    one = Cloud()
    try:
        yield one.start()
    finally:
        one.stop()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def cloud(running_cloud):
    """Everything in this cloud works, and nothing is counted yet."""
    running_cloud.reset()
    yield running_cloud
    running_cloud.reset()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """What the daemons said belongs to the report of a failed test."""
    report = (yield).get_result()
    if report.failed and call_houses(item):
        for number, house in enumerate(call_houses(item)):
            if house.server.folder.exists():
                report.sections.append((f"house {number}", house.report()))


def call_houses(item):
    return getattr(item, "houses", [])


@pytest.fixture
def make_house(cloud, request):
    """make_house(s3=dict(sse="AES256"), ...) makes a house and starts its server; the test starts the
    agent."""
    made = request.node.houses = []

    def make(start=True, **options):
        one = House(cloud, **options)
        made.append(one)
        return one.start() if start else one

    yield make
    try:
        # A stop needs no cloud, whatever a test left failing, but a request that hangs would hold it up.
        for proxy in cloud.proxies:
            proxy.clear()
        for one in made:
            one.stop()
    finally:
        for one in made:
            one.kill()


@pytest.fixture
def house(make_house):
    """Both server and agent of this house run, on the plain configuration."""
    one = make_house()
    one.agent.start()
    return one
