"""What the kernel holds of the agent, and what it must be able to reach for all that."""

import signal
import socket

import pytest

import kernel
from account import AS_OWNER, give
from attempts import Attempts, denied
from cloud import ACCESS_KEY, SECRET_KEY
from support import IS_SANITIZED


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer comes before any library, and has no filters")
def test_an_agent_that_was_taken_over(make_house):
    house = make_house()
    attempts = Attempts("curl_multi_poll", house.server.folder, house.server.storage)
    house.agent.environment.update(attempts.environment)
    house.agent.start()
    found = attempts.wait()
    assert len(found) > 80
    assert found.keys() - denied(found) == {
        "read a file of the system", "a socket of IPv4", "a datagram of IPv4", "a socket of IPv6",
        "a datagram of IPv6", "make memory code", "map code", "inotify"}
    attempts.check_folder()
    house.upload()
    house.check_cloud(house.wait_synced())


@pytest.mark.parametrize("landlock, filters", [(0, False), (1, True)])
def test_a_kernel_that_lacks_something(make_house, landlock, filters):
    """required refuses to start, best-effort says what is not held, and carries."""
    house = make_house(server={"confinement": "required"}, start=False)
    for arguments in (["-t"], []):
        with kernel.OldKernel(landlock, filters) as old:
            house.agent.account = AS_OWNER | {"preexec_fn": old.enter}
            house.agent.start(*arguments)
            assert house.agent.wait() == 2
    refusals = house.agent.lines("server.confinement: it is required, and this machine has no")
    assert len(refusals) == 2
    house.server.config["server"]["confinement"] = "best-effort"
    house.server.write_config()
    house.start()
    house.upload()
    with kernel.OldKernel(landlock, filters) as old:
        house.agent.account = AS_OWNER | {"preexec_fn": old.enter}
        assert house.agent.once() == 0
    assert len(house.agent.lines("confinement: the processes run without")) == 1
    house.check_cloud(house.wait_synced())


def test_keys_that_are_replaced(make_house):
    """A new file of keys that was put in the place of the old one can be read."""
    house = make_house()
    folder = house.server.folder / "keys"
    folder.mkdir()
    give(folder)

    def replace(key):
        new = folder / "new"
        new.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET_KEY}\n")
        give(new)
        new.rename(folder / "credentials")

    replace("AKIAUNKNOWN000000001")
    house.agent.environment |= {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                                "AWS_SHARED_CREDENTIALS_FILE": folder / "credentials"}
    house.agent.start()
    house.upload()
    house.agent.wait_pause("S3")
    replace(ACCESS_KEY)
    house.agent.process.send_signal(signal.SIGHUP)
    house.refusals_allowed = True
    house.check_cloud(house.wait_synced())


def resolves_to_itself(name):
    try:
        return socket.gethostbyname(name) == "127.0.0.1"
    except OSError:
        return False


@pytest.mark.skipif(not resolves_to_itself(socket.gethostname()), reason="this machine's name does not lead to it")
def test_names_are_resolved(make_house):
    """The resolver runs in a thread of its own, and reads files of the system."""
    house = make_house(start=False)
    house.server.config["s3"] |= {
        "endpoint": house.cloud.s3_proxy.url.replace("127.0.0.1", socket.gethostname()), "path_style": "true"}
    house.server.write_config()
    house.start()
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
