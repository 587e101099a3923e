"""Two users of one group: tintyped's, who meets strangers, and the agent's, who alone can read the cloud's keys."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from account import IS_ROOT, OWNER
from cloud import ACCESS_KEY, SECRET_KEY, tiny_pictures
from support import IS_SANITIZED, wait_for

# Nothing else on the machine belongs to these numbers, which need no names.
GROUP, TINTYPED_USER, AGENT_USER = 61000, 61001, 61002

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root can start daemons of two users")


def account(uid):
    return {"user": uid, "group": GROUP, "extra_groups": []}


def can_read(uid, path):
    done = subprocess.run(["cat", path], capture_output=True, check=False, **account(uid))
    return done.returncode == 0 and SECRET_KEY.encode() in done.stdout


@pytest.fixture
def keys(tmp_path):
    """A credentials file that the agent's user alone can read."""
    tmp_path.chmod(0o711)
    file = tmp_path / "credentials"
    file.write_text(f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
    file.chmod(0o600)
    os.chown(file, AGENT_USER, GROUP)
    return file


@pytest.fixture
def shared_house(make_house, keys):
    """The storage belongs to tintyped's user and the group, and its mode has all that is made there be the
    group's. A file leaves it as soon as the cloud has it."""
    house = make_house(start=False, storage={"keep_local_seconds": 0}, delivery={"remote": "fetch"},
                       environment={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                                    "AWS_SHARED_CREDENTIALS_FILE": keys})
    house.server.folder.chmod(0o711)
    os.chown(house.server.storage, TINTYPED_USER, GROUP)
    house.server.storage.chmod(0o2770)
    house.server.owner = TINTYPED_USER, GROUP
    house.agent.account = account(AGENT_USER)
    house.start()
    house.agent.start()
    return house


def test_journal_and_spool_are_both_users(shared_house):
    """The agent removes files that tintyped has made, and brings others back that tintyped then reads."""
    house = shared_house
    bodies = tiny_pictures(6)
    images = house.upload_many(bodies)
    synced = house.wait_synced()
    house.check_cloud(synced)
    wait_for("the files to leave", lambda: house.server.spool() == [])
    assert [house.server.original(image) for image in images] == bodies
    for image in images:
        assert house.server.request("DELETE", f"/images/{image['id']}").status_code == 204
    wait_for("the removals", lambda: house.cloud.keys_of(house.bucket) == [])
    users = set()
    for path in house.server.storage.rglob("*"):
        status = path.stat()
        users.add(status.st_uid)
        assert status.st_gid == GROUP and status.st_mode & 0o660 == 0o660 and status.st_mode & 0o7 == 0, path
    assert users == {TINTYPED_USER, AGENT_USER}
    assert house.agent.stop() == 0
    assert house.server.stop_tintyped() == 0
    house.agent.start()
    house.server.start_tintyped()
    house.server.wait_ready()
    house.upload()
    house.wait_synced()


def test_root_starts_the_agent_of_the_named_user(make_house):
    """sync.user comes before server.user, which is tintyped's."""
    house = make_house(environment={"TINTYPE_SERVER_USER": "www-data", "TINTYPE_SYNC_USER": OWNER.pw_name})
    house.agent.account = {}
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
    status = Path(f"/proc/{house.agent.process.pid}/status").read_text()
    assert re.search(r"^Uid:(.*)$", status, re.M)[1].split() == [str(OWNER.pw_uid)] * 4
    house.agent.stop()
    house.agent.environment |= {"TINTYPE_SERVER_USER": None, "TINTYPE_SYNC_USER": None}
    house.agent.start()
    assert house.agent.wait() == 2
    assert "set server.user" in house.agent.log()


def test_the_keys_are_the_agents_alone(shared_house, keys):
    house = shared_house
    house.upload()
    house.wait_synced()
    assert can_read(AGENT_USER, keys) and not can_read(TINTYPED_USER, keys)
    environment = Path(f"/proc/{house.agent.process.pid}/environ")
    assert str(keys).encode() in environment.read_bytes()
    for uid in (TINTYPED_USER, *([] if IS_SANITIZED else [AGENT_USER])):
        looked = subprocess.run(["cat", environment], capture_output=True, check=False, **account(uid))
        assert looked.returncode != 0
