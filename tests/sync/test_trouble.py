"""Whatever the cloud does wrong or an operator sets wrong, uploads go on, the log tells it once, nothing
is tried without end at full speed, and all is carried once it is right again."""

import time

import pytest

import fault
from cloud import ACCESS_KEY, REGION, SECRET_KEY, gate, tiny_pictures
from support import wait_for

# A service that pauses gets fewer requests within the time that a test watches. A loop without
# back-off makes thousands of them.
FEW = 25


def check_patience(house, proxy, service, *words):
    """Checks that uploads are acknowledged while the service pauses, that one line of the log says so with
    these words, and that few requests are made while it is tried anew, several times or for seconds."""
    house.upload_many(tiny_pictures(10))
    house.agent.wait_pause(service, *words)
    first, until = proxy.count(), time.monotonic() + 3
    wait_for("more tries", lambda: proxy.count() >= first + 3 or time.monotonic() > until)
    house.upload_many(tiny_pictures(10))
    assert proxy.count() <= FEW, proxy.seen
    assert len(house.agent.pauses(service)) == 1, house.agent.log()
    assert house.has("pending", "stored") and not house.has("synced", "dead")


def check_recovery(house, service):
    images = house.wait_synced()
    assert len(images) == 20
    house.check_cloud(images)
    assert house.agent.lines(service, "again"), house.agent.log()


def write_credentials(path, secret):
    path.write_text(f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n")


def test_wrong_secret(make_house, tmp_path):
    file = tmp_path / "credentials"
    write_credentials(file, "wrong" + SECRET_KEY)
    house = make_house(environment={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                                    "AWS_SHARED_CREDENTIALS_FILE": file})
    house.refusals_allowed = True
    house.agent.start()
    check_patience(house, house.cloud.s3_proxy, "S3", "credentials")
    write_credentials(file, SECRET_KEY)
    check_recovery(house, "S3")


def test_no_credentials_at_all(make_house, tmp_path):
    file = tmp_path / "credentials"
    house = make_house(environment={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                                    "AWS_SHARED_CREDENTIALS_FILE": file})
    house.agent.start()
    check_patience(house, house.cloud.s3_proxy, "S3", "credentials")
    assert house.cloud.s3_proxy.count() == 0
    write_credentials(file, SECRET_KEY)
    check_recovery(house, "S3")


def test_rotated_keys(make_house, tmp_path):
    """The table's keys change while the agent runs, and it finds the new ones in the file."""
    file = tmp_path / "credentials"
    write_credentials(file, SECRET_KEY)
    house = make_house(environment={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                                    "AWS_SHARED_CREDENTIALS_FILE": file})
    house.refusals_allowed = True
    house.agent.start()
    house.upload()
    house.wait_synced()
    given = house.cloud.assume_role()  # From now on the gate knows no other keys.
    file.write_text("[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in given.items()))
    house.upload()
    house.check_cloud(house.wait_synced())


def test_missing_bucket(make_house):
    bucket = "made-later"
    house = make_house(s3={"bucket": bucket})
    house.agent.start()
    check_patience(house, house.cloud.s3_proxy, "S3", "bucket")
    house.cloud.make_bucket(bucket)
    check_recovery(house, "S3")


def test_missing_table(make_house):
    house = make_house(dynamodb={"table": "MadeLater"})
    house.agent.start()
    check_patience(house, house.cloud.table_proxy, "DynamoDB", "resource")
    assert len(house.cloud.keys_of(house.bucket)) > 0, "the table's pause is no pause of S3"
    house.cloud.make_table("MadeLater")
    check_recovery(house, "DynamoDB")


def test_wrong_region_of_the_table(make_house):
    house = make_house(dynamodb={"region": "eu-wrong-1"})
    house.refusals_allowed = True
    house.agent.start()
    check_patience(house, house.cloud.table_proxy, "DynamoDB", "region")
    house.cloud.table_gate.region = "eu-wrong-1"
    check_recovery(house, "DynamoDB")


def test_wrong_region_of_the_bucket(make_house):
    """The gateway does not look at the region, so Amazon's answer is given for it (S3 API Reference, "Error
    responses")."""
    house = make_house()
    house.cloud.s3_proxy.fail(fault.s3_error(
        400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region "
        f"'{REGION}' is wrong; expecting 'eu-central-1'", "<Region>eu-central-1</Region>"))
    house.agent.start()
    check_patience(house, house.cloud.s3_proxy, "S3", "region", "eu-central-1")
    house.cloud.s3_proxy.clear()
    check_recovery(house, "S3")


def test_cloud_not_there(make_house):
    house = make_house()
    house.cloud.s3_proxy.refuse()
    house.agent.start()
    check_patience(house, house.cloud.s3_proxy, "S3", "cannot be reached")
    house.cloud.s3_proxy.accept()
    check_recovery(house, "S3")


# ---- trouble with single requests ----

def put(seen):
    return seen.method == "PUT"


def put_item(seen):
    return seen.operation == "PutItem"


@pytest.mark.parametrize("of_s3, of_table", [
    pytest.param([fault.slow_down()], [fault.throughput_exceeded()], id="throttled"),
    pytest.param([fault.s3_error(500, "InternalError")], [fault.json_error(500, "InternalServerError")], id="500"),
    pytest.param([fault.HALF], [fault.HALF], id="half"),
    pytest.param([fault.CUT], [fault.CUT], id="cut"),
    pytest.param([fault.answer(502, b"<html>Bad gateway</html>", Content_Type="text/html")],
                 [fault.answer(503, b"busy")], id="another-server"),
    pytest.param([fault.answer(400, b"<Error><Code>RequestTimeout</Code></Error>"), fault.CUT,
                  fault.answer(503), fault.HALF],
                 [fault.json_error(400, "ThrottlingException"), fault.CUT, fault.HALF,
                  fault.json_error(400, "RequestLimitExceeded")], id="all-at-once"),
])
def test_everything_arrives_through_faults(make_house, of_s3, of_table):
    house = make_house()
    for number, one in enumerate(of_s3):
        house.cloud.s3_proxy.fail(one, every=3 + number, times=12, match=put)
    for number, one in enumerate(of_table):
        house.cloud.table_proxy.fail(one, every=3 + number, times=8, match=put_item)
    house.agent.start()
    house.upload_many(tiny_pictures(24))
    images = house.wait_synced()
    assert len(images) == 24
    house.check_cloud(images)


def test_retry_after_is_the_least_wait(make_house):
    house = make_house()
    proxy = house.cloud.s3_proxy
    proxy.fail(fault.slow_down(retry_after_s=2), times=1, match=put)
    house.upload()
    house.agent.start()
    house.wait_synced()
    times = [seen.time_s for seen in proxy.seen if put(seen)]
    assert len(times) == 3 and times[1] - times[0] >= 2


def test_answer_lost_after_the_deed(make_house):
    """S3 and the table did what they were asked, but the answer was cut. The repeat is no error."""
    house = make_house()
    house.cloud.s3_proxy.fail(fault.HALF, times=1, match=put)
    house.cloud.table_proxy.fail(fault.HALF, times=1, match=put_item)
    house.upload()
    house.agent.start()
    house.check_cloud(house.wait_synced())
    assert house.cloud.s3_proxy.count("PUT") == 3 and house.cloud.table_gate.counts["PutItem"] == 2


def test_slow_cloud_holds_up_no_upload(make_house):
    house = make_house()
    house.cloud.s3_proxy.fail(fault.HANG, match=put)
    house.agent.start()
    house.upload_many(tiny_pictures(5))
    wait_for("a request that hangs", house.cloud.s3_proxy.count)
    house.upload_many(tiny_pictures(5))
    house.cloud.s3_proxy.clear()
    assert len(house.wait_synced()) == 10


def test_answers_that_trickle_hold_up_nothing(make_house):
    """S3 is tried out with a request whose answer comes at a byte a second, and so do those to the first PUT
    and to the first item. All other images are carried meanwhile, and these requests are given up and made
    again."""
    house = make_house()
    s3, table = house.cloud.s3_proxy, house.cloud.table_proxy
    s3.fail(fault.TRICKLE, times=1)
    s3.fail(fault.TRICKLE, times=1, match=put)
    table.fail(fault.TRICKLE, times=1, match=put_item)
    house.upload_many(tiny_pictures(12))
    house.agent.start()
    wait_for("ten images", lambda: sum(one["sync"]["state"] == "synced" for one in house.server.images()) == 10)
    trickled = [s3.seen[0], next(filter(put, s3.seen)), next(filter(put_item, table.seen))]
    assert trickled[0] is not trickled[1]
    assert not any(seen.over for seen in trickled)
    images = house.wait_synced()
    assert len(images) == 12
    house.check_cloud(images)
    wait_for("their end", lambda: all(seen.over for seen in trickled))
    assert [seen.status for seen in trickled] == [None] * 3
    assert len([seen for seen in s3.seen if put(seen) and seen.path == trickled[1].path]) == 2
    assert house.agent.lines("warning: S3", "too slow") and not house.agent.pauses("S3")


@pytest.mark.parametrize("offset_s", [3600, -3600])
def test_clock(make_house, offset_s):
    """The cloud's clock is an hour off. After one refusal requests are signed by its time."""
    house = make_house(start=False)
    cloud = house.cloud
    objects = gate.Gate("s3", REGION, cloud.keys, gate.Objects()).start()
    try:
        objects.offset_s = cloud.table_gate.offset_s = offset_s
        house.server.config["s3"] |= {"endpoint": objects.url, "path_style": "true"}
        house.server.write_config()
        house.refusals_allowed = True
        house.start()
        house.agent.start()
        house.upload_many(tiny_pictures(10))
        images = house.wait_synced()
        assert len(objects.behind.objects) == 20
        assert cloud.items(house.table).keys() == {image["id"] for image in images}
        refused = sum((objects.refusals + cloud.table_gate.refusals).values())
        assert 1 <= refused <= 10, (objects.refusals, cloud.table_gate.refusals)
        assert house.agent.lines("clock"), house.agent.log()
    finally:
        house.agent.stop()
        objects.stop()


# ---- what can never be carried ----

def test_dead_rows(make_house):
    house = make_house()
    images = house.upload_many(tiny_pictures(6))
    removed, shortened, changed = images[1:4]

    def path(image, kind="processed"):
        (name,) = (n for n in house.server.spool() if image["id"] in n and n.startswith(kind))
        return house.server.storage / "spool" / name

    path(removed).unlink()
    path(shortened, "originals").write_bytes(b"short")
    spoilt = bytearray(path(changed).read_bytes())
    spoilt[-1] ^= 1
    path(changed).write_bytes(spoilt)
    house.agent.start()
    wait_for("an end of all", lambda: not house.has("pending", "stored"))
    for image in (removed, shortened, changed):
        now = house.image(image)["sync"]
        assert now["state"] == "dead" and now["lastError"], now
        assert house.agent.lines(" error: ", image["id"])
    others = [house.image(image) for image in images[:1] + images[4:]]
    assert {image["sync"]["state"] for image in others} == {"synced"}
    for image in others:
        house.check_objects(image)
    assert house.cloud.items(house.table).keys() == {image["id"] for image in others}


def test_object_refused_for_good(make_house):
    """An object that alone is refused for good is dead, and the others go on."""
    house = make_house()
    house.cloud.s3_proxy.fail(fault.s3_error(400, "EntityTooLarge", "Too large for this bucket"), times=1, match=put)
    dead = house.upload()
    house.agent.start()
    wait_for("its end", lambda: house.image(dead)["sync"]["state"] == "dead")
    assert "EntityTooLarge" in house.image(dead)["sync"]["lastError"]
    house.wait_state(house.upload(), "synced")
    assert house.server.get(f"/images/{dead['id']}/processed").status_code == 200
