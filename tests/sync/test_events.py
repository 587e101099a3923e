"""What CloudWatch Logs is told of uploads, failures and the backlog."""

import json
import sqlite3
import time

import fault
from cloud import REGION, tiny_pictures
from support import wait_for

DAY_MS = 24 * 3600 * 1000


def new_house(make_house, cloud, **more):
    group = "tintype/" + cloud.new_name("group")
    section = {"log_group": group, "region": REGION, "endpoint": cloud.logs_proxy.url}
    return make_house(cloudwatch=section, **more), group


def stories(cloud, group):
    """Returns the events about uploads, which the heartbeat is not, parsed and in the order of the stream."""
    found = [json.loads(event["message"]) for events in cloud.events(group).values() for event in events]
    return [event for event in found if "requestId" in event]


def wait_stories(cloud, group, count):
    wait_for(f"{count} events", lambda: len(stories(cloud, group)) >= count)
    found = stories(cloud, group)
    assert len(found) == count
    return found


def check_metrics(event, time_ms):
    """Heartbeats keep to CloudWatch's user guide, "Specification: Embedded metric format"."""
    described = event["_aws"]
    assert abs(described["Timestamp"] - time_ms) <= 1000
    assert described["CloudWatchMetrics"]
    for directive in described["CloudWatchMetrics"]:
        assert directive["Namespace"]
        assert all(name in event for dimensions in directive["Dimensions"] for name in dimensions)
        assert directive["Metrics"]
        for metric in directive["Metrics"]:
            assert isinstance(event[metric["Name"]], (int, float)), metric
            assert metric.get("Unit", "None")


def test_success_and_failure(make_house, cloud):
    house, group = new_house(make_house, cloud)
    house.agent.start()
    image = house.upload(filename="gut-ü.png")
    refused = house.server.post(b"no picture at all", query="filename=schlecht.png")
    assert refused.status_code == 415
    found = {event["requestId"]: event for event in wait_stories(cloud, group, 2)}
    failure = found.pop(refused.headers["X-Request-Id"])
    (success,) = found.values()
    assert success["event"] and failure["event"] and success["event"] != failure["event"]
    assert success["filename"] == "gut-ü.png" and success["id"] == image["id"]
    assert "error" not in success
    assert failure["filename"] == "schlecht.png" and failure["error"] == "unsupported-picture"
    assert failure["status"] == 415
    for events in cloud.events(group).values():
        times = [event["timestamp"] for event in events]
        assert times == sorted(times)
        for event in events:
            check_metrics(json.loads(event["message"]), event["timestamp"])
    assert list(cloud.events(group)) == ["node-1"]


def test_group_and_stream_are_made_once(make_house, cloud):
    house, group = new_house(make_house, cloud)
    house.agent.start()
    house.upload_many(tiny_pictures(5))
    wait_stories(cloud, group, 5)
    house.upload_many(tiny_pictures(5))
    wait_stories(cloud, group, 10)
    assert cloud.logs_gate.counts["CreateLogGroup"] <= 1 and cloud.logs_gate.counts["CreateLogStream"] <= 1
    house.agent.stop()
    house.agent.start()
    house.upload()
    wait_stories(cloud, group, 11)


def test_group_that_is_there(make_house, cloud):
    house, group = new_house(make_house, cloud)
    cloud.log_reader.create_log_group(logGroupName=group)
    house.agent.start()
    house.upload()
    wait_stories(cloud, group, 1)


def test_cloudwatch_away_delays_no_image(make_house, cloud):
    house, group = new_house(make_house, cloud)
    cloud.logs_proxy.refuse()
    house.agent.start()
    house.upload_many(tiny_pictures(10))
    house.wait_synced()
    house.agent.wait_pause("CloudWatch Logs")
    assert not cloud.events(group)
    house.agent.kill()  # Events that wait outlive the agent.
    cloud.logs_proxy.accept()
    house.agent.start()
    assert len({event["requestId"] for event in wait_stories(cloud, group, 10)}) == 10


def test_cloudwatch_that_hangs_delays_no_image(make_house, cloud):
    house, group = new_house(make_house, cloud)
    cloud.logs_proxy.fail(fault.HANG)
    house.agent.start()
    house.upload_many(tiny_pictures(3))
    house.wait_synced()
    assert not cloud.events(group)
    cloud.logs_proxy.clear()
    wait_stories(cloud, group, 3)


def test_events_without_a_bucket(make_house, cloud):
    house, group = new_house(make_house, cloud, s3=None, dynamodb=None)
    house.agent.start()
    house.upload()
    (event,) = wait_stories(cloud, group, 1)
    assert event["filename"] == "bild.png"


def test_throttled_and_broken(make_house, cloud):
    house, group = new_house(make_house, cloud)
    put = {"match": lambda seen: seen.operation == "PutLogEvents"}
    cloud.logs_proxy.fail(fault.json_error(400, "ThrottlingException"), times=2, **put)
    cloud.logs_proxy.fail(fault.json_error(503, "ServiceUnavailableException"), times=1, **put)
    cloud.logs_proxy.fail(fault.CUT, times=1, **put)
    house.agent.start()
    house.upload_many(tiny_pictures(4))
    wait_stories(cloud, group, 4)


def insert_events(house, times_ms, size=100):
    """Puts events of these times into the journal, in its own form (sql/002_sync.sql)."""
    journal = sqlite3.connect(house.server.storage / "journal.db", timeout=30)
    with journal:
        journal.executemany(
            "INSERT INTO event (time_ms, is_failure, message) VALUES (?, 0, ?)",
            [(time_ms, json.dumps({"requestId": str(n), "x": "y" * size})) for n, time_ms in enumerate(times_ms)])
    journal.close()


def test_long_wait(make_house, cloud):
    """Events older than CloudWatch takes are dropped, and those of several days go in several batches."""
    house, group = new_house(make_house, cloud)
    house.upload()  # This makes the journal.
    now_ms = int(time.time() * 1000)
    insert_events(house, [now_ms - 20 * DAY_MS, now_ms - 15 * DAY_MS, now_ms - 3 * DAY_MS, now_ms - 2 * DAY_MS,
                          now_ms - 1000, now_ms - 3000, now_ms - 2000])
    house.agent.start()
    wait_stories(cloud, group, 6)  # These are five of these events, and the upload's own.


def test_many_events(make_house, cloud):
    house, group = new_house(make_house, cloud)
    house.upload()
    now_ms = int(time.time() * 1000)
    insert_events(house, [now_ms] * 12000, size=100)
    insert_events(house, [now_ms] * 20, size=200000)
    house.agent.start()
    wait_for("all of them", lambda: sum(map(len, cloud.logs.groups.get(group, {}).values())) >= 12021)
    assert cloud.logs_gate.counts["PutLogEvents"] >= 6
