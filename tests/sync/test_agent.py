"""tintype-sync as a process: how it starts, ends and waits."""

import time
from pathlib import Path

import fault
from cloud import tiny_pictures
from support import wait_for


def test_once(make_house):
    house = make_house()
    assert house.agent.once() == 0  # There is nothing to do yet.
    images = house.upload_many(tiny_pictures(40))
    assert house.agent.once() == 0
    synced = house.server.images()
    assert [image["sync"]["state"] for image in synced] == ["synced"] * len(images)
    house.check_cloud(synced)


def test_once_with_something_left(make_house):
    house = make_house()
    house.upload_many(tiny_pictures(3))
    house.cloud.table_proxy.refuse()
    assert house.agent.once() == 1
    assert house.has("stored")
    house.cloud.s3_proxy.refuse()
    house.upload()
    assert house.agent.once() == 1
    assert house.has("pending")
    house.cloud.reset()
    assert house.agent.once() == 0
    house.check_cloud(house.wait_synced())


def test_one_agent_a_journal(house):
    house.upload()
    house.wait_synced()
    second = house.second_agent().start()
    assert second.wait() not in (0, None)
    assert len(second.lines(" error: ")) == 1, second.log()
    house.upload()  # The first agent works on.
    house.wait_synced()
    house.agent.kill()  # The lock goes with the process.
    assert house.second_agent().once() == 0


def test_bad_configuration_is_refused(make_house):
    house = make_house()
    house.agent.environment["TINTYPE_S3_BUKET"] = "pictures"
    house.agent.start("-t")
    assert house.agent.wait() == 2
    assert "TINTYPE_S3_BUCKET" in house.agent.log()
    del house.agent.environment["TINTYPE_S3_BUKET"]
    house.agent.start("-t")
    assert house.agent.wait() == 0


def test_term_finishes_what_is_in_flight(make_house):
    house = make_house()
    proxy = house.cloud.s3_proxy
    house.upload_many(tiny_pictures(20))
    proxy.fail(fault.delay(1), match=lambda seen: seen.method == "PUT")
    house.agent.start()
    wait_for("a request under way", lambda: proxy.count("PUT"))
    assert house.agent.stop() == 0
    puts = [seen for seen in proxy.seen if seen.method == "PUT"]
    assert puts and {seen.status for seen in puts} == {200}, puts
    assert len(puts) < 40, "nothing new is begun"
    assert house.has("pending")
    proxy.clear()
    house.agent.start()
    house.check_cloud(house.wait_synced())


def test_term_while_the_cloud_is_away(make_house):
    house = make_house()
    house.cloud.s3_proxy.refuse()
    house.upload()
    house.agent.start()
    house.agent.wait_pause("S3")
    began = time.monotonic()
    assert house.agent.stop() == 0
    assert time.monotonic() - began < 10, "there is nothing to wait for"


def switches(pid):
    """Returns how often the process woke up to do something."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("voluntary_ctxt"))


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_idle_and_awake(house):
    house.upload()
    house.wait_synced()
    pid, proxy = house.agent.process.pid, house.cloud.s3_proxy
    wait_for("rest", lambda: not is_busy(pid))
    before = switches(pid), cpu_ticks(pid), proxy.count()
    time.sleep(3)  # The test measures that nothing happens during this time.
    after = switches(pid), cpu_ticks(pid), proxy.count()
    assert after[0] - before[0] <= 12 and after[1] - before[1] <= 2 and after[2] == before[2], (before, after)
    puts = proxy.count("PUT")
    house.upload()
    began = time.monotonic()
    wait_for("the next object", lambda: proxy.count("PUT") > puts)
    assert time.monotonic() - began < 1


def is_busy(pid):
    """Says whether the process did anything within a tenth of a second."""
    before = switches(pid)
    time.sleep(0.1)
    return switches(pid) != before
