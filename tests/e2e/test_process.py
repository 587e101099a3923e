"""Processes: workers that die, drain, reload and are replaced; overload; full disks."""

import contextlib
import operator
import os
import re
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

import pictures
from fastcgi import Call
from support import (alive, check_problem, children, continue_process, descendants, read_links,
                     stop_process, wait_for)

JPEG = pictures.jpeg(64, 48)
SLOW = pictures.slow_png()


class Later:
    """Sends a request in a thread of its own; result() waits for the answer."""

    def __init__(self, server, body, **headers):
        self.pool = ThreadPoolExecutor(1)
        self.future = self.pool.submit(server.http.post, server.url + "/images", data=body, timeout=120,
                                       headers={"Content-Type": "application/octet-stream"} | headers)

    def done(self):
        return self.future.done()

    def result(self):
        answer = self.future.result()
        self.pool.shutdown()
        return answer


def cpu_limit(pid):
    """Returns the seconds of CPU time that a process may take, and None for one that has ended or has no limit.
    A decoder has one second while it plans, and more once it has a slot."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    seconds = re.search(r"Max cpu time +(\w+)", text)
    return int(seconds[1]) if seconds and seconds[1].isdigit() else None


def decodes(pid):
    return (cpu_limit(pid) or 0) > 1


def held_upload(server):
    """Starts an upload and stops its decoder, which has a slot. Returns (Later, pid of the decoder)."""
    upload = Later(server, SLOW)
    decoder, = wait_for("a decoder", lambda: [pid for pid in server.decoders() if decodes(pid)])
    stop_process(decoder)
    return upload, decoder


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def worker_of(decoder):
    """The worker's spawner is between the worker and the decoder."""
    return parent(parent(decoder))


# ---- death ----

def test_kill_a_spawner(make_server):
    """Whoever uploads is to send the picture again. The worker leaves, as it has held a request by then, and
    the next one brings a spawner of its own. All of it comes at once: neither end puts off the next start."""
    one = make_server(server={"workers": 1})
    upload, decoder = held_upload(one)
    worker = worker_of(decoder)
    os.kill(parent(decoder), signal.SIGKILL)
    check_problem(upload.result(), 503, "decoder-killed")
    check_told_as_killed(one, "the process that starts children was killed")
    wait_for("the decoder's end", lambda: not alive(decoder))
    second = wait_for_successor(one, worker)
    one.upload(JPEG)
    spawner, = children(second)
    os.kill(spawner, signal.SIGKILL)
    wait_for("its end", lambda: not alive(spawner))
    check_problem(one.post(JPEG), 503, "decoder-killed")
    third = wait_for_successor(one, second)
    one.upload(JPEG)
    assert one.workers() == [third]
    assert len(one.images()) == 2
    assert "the next one starts" not in one.read_log(), "a worker's end counts as its death"
    one.check_spool()


def wait_for_successor(server, worker):
    """Returns the only worker once it is another one."""
    successor, = wait_for("the next worker", lambda: [pid for pid in server.workers() if pid != worker])
    return successor


def test_kill_a_worker_while_it_decodes(make_server):
    one = make_server(server={"workers": 2})
    upload, decoder = held_upload(one)
    spawner, worker = parent(decoder), worker_of(decoder)
    os.kill(worker, signal.SIGKILL)
    assert upload.result().status_code >= 500
    wait_for("the decoder's end", lambda: not alive(decoder) and not alive(spawner))
    wait_for("a new worker", lambda: len(one.workers()) == 2 and worker not in one.workers())
    assert one.upload(JPEG)["width"] == 64
    assert one.stop_tintyped() == 0
    one.start_tintyped()
    one.wait_ready()
    assert len(one.images()) == 1
    one.check_spool()


def test_kill_a_worker_while_it_reads(make_server):
    """The body comes in pieces, as a front end that streams passes it on."""
    one = make_server(server={"workers": 1})
    worker, = one.workers()
    half = Call(one.listen, length=len(JPEG))
    half.send(JPEG[:len(JPEG) // 2])
    wait_for("the worker to have the connection",
             lambda: len(os.listdir(f"/proc/{worker}/fd")) and staged(worker))
    os.kill(worker, signal.SIGKILL)
    assert half.finish()[0] == 0
    assert one.upload(JPEG)["width"] == 64
    one.check_spool()


def staged(pid):
    """Says whether the process holds a file without a name (or one below tmp/)."""
    return any("/spool" in link and ("(deleted)" in link or "/tmp/" in link.split("/spool")[1])
               for link in read_links(pid))


def test_leftovers_of_a_crash_are_swept(make_server):
    """A crash between naming files and writing their row leaves such files. Foreign files are not touched."""
    one = make_server()
    kept = one.upload(JPEG)
    assert one.stop_tintyped() == 0
    lost = "01890a5d-ac96-774b-bcce-b302099a8057"
    for name in (f"originals/{lost}.jpg", f"processed/{lost}.png"):
        (one.storage / "spool" / name).write_bytes(b"half")
    foreign = one.storage / "spool" / "README"
    foreign.write_bytes(b"not the spool's")
    one.start_tintyped()
    one.wait_ready()
    assert foreign.exists()
    foreign.unlink()
    one.check_spool()
    assert one.original(kept) == JPEG


def test_many_leftovers_are_swept_beside_the_service(make_server):
    """Images that are uploaded during the sweep stay."""
    one = make_server()
    assert one.stop_tintyped() == 0
    folder = one.storage / "spool/originals"
    for number in range(30000):
        (folder / f"01890a5d-ac96-774b-bcce-{number:012x}.jpg").touch()
    one.start_tintyped()
    one.wait_ready()
    kept = [one.upload(JPEG) for _ in range(5)]
    wait_for("the sweep", lambda: len(os.listdir(folder)) == len(kept))
    assert all(one.original(image) == JPEG for image in kept)
    one.check_spool()


def check_told_as_killed(server, cause):
    """The counters and the log say that the picture was not to blame."""
    text = server.get("/metrics").text
    assert 'tintype_uploads_total{outcome="decoder-killed"} 1\n' in text
    assert "decoder-failed" not in text and "internal-error" not in text
    line, = (line for line in server.read_log().splitlines() if " 503 decoder-killed " in line)
    assert cause in line


def test_a_killed_decoder_is_a_503(make_server):
    """Nothing in a picture ends a decoder with SIGKILL, but an operator does, and the system that is short of
    memory."""
    one = make_server()
    workers = one.workers()
    upload, decoder = held_upload(one)
    os.kill(decoder, signal.SIGKILL)
    check_problem(upload.result(), 503, "decoder-killed")
    check_told_as_killed(one, "the decoder was killed from outside")
    assert one.workers() == workers
    one.upload(JPEG)
    one.check_spool()


def test_workers_end_with_the_master(make_server):
    one = make_server()
    upload, decoder = held_upload(one)
    workers = one.workers()
    one.master.kill()
    one.master.wait()
    wait_for("all to end", lambda: not any(alive(pid) for pid in workers + [decoder]))
    assert upload.result().status_code >= 500
    one.start_tintyped()
    one.wait_ready()
    one.check_spool()


def test_workers_that_die_at_once_do_not_spin(make_server):
    """No worker can start without the spool, so the master waits longer each time."""
    one = make_server(server={"workers": 1})
    (one.storage / "spool").rename(one.storage / "away")
    (one.storage / "spool").write_text("in the way")
    os.kill(one.workers()[0], signal.SIGKILL)
    wait_for("some tries", lambda: one.read_log().count("worker") >= 4)
    started = set()
    for _ in range(20):
        started.update(one.workers())
    assert len(started) < 10
    (one.storage / "spool").unlink()
    (one.storage / "away").rename(one.storage / "spool")
    wait_for("a worker", lambda: one.get("/healthz").status_code == 200)
    one.upload(JPEG)


# ---- drain, reload, replacement ----

# systemd signals all processes with KillMode=control-group.
@pytest.mark.parametrize("told", ["the master", "all"])
def test_drain(make_server, told):
    one = make_server()
    upload, decoder = held_upload(one)
    for pid in [one.master.pid] + (descendants(one.master.pid) if told == "all" else []):
        with contextlib.suppress(ProcessLookupError):  # An idle worker and its spawner leave at once.
            os.kill(pid, signal.SIGTERM)
    wait_for("the idle workers to leave", lambda: len(one.workers()) == 1)
    continue_process(decoder)
    assert upload.result().status_code == 200
    assert one.master.wait(60) == 0
    one.start_tintyped()
    one.wait_ready()
    assert len(one.images()) == 1
    one.check_spool()


def test_drain_gives_up(make_server):
    one = make_server(server={"drain_seconds": 1})
    upload, decoder = held_upload(one)
    one.master.terminate()
    assert one.master.wait(60) == 1
    assert upload.result().status_code >= 500
    wait_for("the decoder's end", lambda: not alive(decoder))
    one.start_tintyped()
    one.wait_ready()
    assert one.images() == []
    one.check_spool()


def test_sigint_drains_too(make_server):
    one = make_server()
    one.master.send_signal(signal.SIGINT)
    assert one.master.wait(60) == 0


def test_reload_under_load(make_server):
    one = make_server(image={"width": 32})
    stop, statuses = threading.Event(), []

    def load():
        with requests.Session() as session:
            while not stop.is_set():
                statuses.append(session.post(one.url + "/images", data=JPEG, timeout=60,
                                             headers={"Content-Type": "image/jpeg"}).status_code)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for width in (20, 24, 28):
            before, count = set(one.workers()), len(statuses)
            one.config["image"]["width"] = width
            one.write_config()
            one.master.send_signal(signal.SIGHUP)
            wait_for("new workers", lambda: len(one.workers()) == 4 and not before & set(one.workers()))
            wait_for("requests after it", lambda: len(statuses) > count + 5)
            assert one.upload(JPEG)["width"] == width
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    one.check_spool()


def test_reload_of_a_bad_configuration_changes_nothing(make_server):
    one = make_server(image={"width": 32})
    workers = one.workers()
    one.config["image"]["width"] = "wide"
    one.write_config()
    one.master.send_signal(signal.SIGHUP)
    wait_for("a complaint", lambda: "width" in one.read_log())
    assert one.workers() == workers
    assert one.upload(JPEG)["width"] == 32


def test_recycling(make_server):
    one = make_server(server={"workers": 1, "max_requests": 3})
    seen = set(one.workers())
    for _ in range(10):
        assert one.upload(JPEG)["width"] == 64
        seen.update(one.workers())
    assert len(seen) >= 3


def test_upload_leaves_no_descriptor_behind(make_server):
    one = make_server(server={"workers": 1})
    one.upload(JPEG)
    worker, = one.workers()
    processes = [worker, *children(worker)]

    def descriptors():
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in processes]

    before = descriptors()
    for body in (JPEG, JPEG[:300], b"%PDF" + bytes(99), b""):
        one.post(body)
    one.get("/healthz")
    wait_for("the last of them to be closed", lambda: all(map(operator.le, descriptors(), before)))
    assert one.workers() == [worker]


# ---- overload ----

def test_overload(make_server):
    """There are one slot and two seats (half of four workers), so of six uploads three wait, and three hear
    503 at once."""
    one = make_server(server={"workers": 4, "decode_slots": 1})
    first, decoder = held_upload(one)
    uploads = [first] + [Later(one, JPEG) for _ in range(5)]
    wait_for("three refusals", lambda: sum(u.done() for u in uploads) == 3)
    for upload in (u for u in uploads if u.done()):
        check_problem(upload.result(), 503, "busy")
    for _ in range(3):
        assert one.get("/healthz").status_code == 200
        assert one.get("/images").status_code == 200
    assert sum(u.done() for u in uploads) == 3
    continue_process(decoder)
    statuses = sorted(u.result().status_code for u in uploads)
    assert statuses == [200] * 3 + [503] * 3
    assert len(one.images()) == 3
    one.check_spool()


def test_a_dead_decoder_gives_its_slot_back(make_server):
    one = make_server(server={"workers": 4, "decode_slots": 1})
    upload, decoder = held_upload(one)
    waiting = Later(one, JPEG)
    os.kill(worker_of(decoder), signal.SIGKILL)
    assert upload.result().status_code >= 500
    assert waiting.result().status_code == 200


# ---- a full spool ----

def test_quota(make_server):
    one = make_server(storage={"quota_bytes": 60000})
    data, done = pictures.encode(pictures.photo(80, 80), "PNG"), 0
    while (answer := one.post(data)).status_code == 200:
        done += 1
        assert done < 100
    assert done >= 1
    check_problem(answer, 507, "storage-full")
    assert len(one.images()) == done
    one.check_spool()
    assert sum(p.stat().st_size for p in (one.storage / "spool").rglob("*") if p.is_file()) <= 60000
    assert one.request("DELETE", "/images/" + one.images()[0]["id"]).status_code == 204
    one.upload(data)


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tintype-test", tmp_path],
                          capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("no file system may be mounted here: " + done.stderr.decode())
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_full_disk(small_disk, make_server):
    one = make_server(storage={"dir": small_disk / "state"})
    noise = pictures.np.random.default_rng(9).integers(0, 256, (500, 500), dtype=pictures.np.uint8)
    data, done = pictures.encode(pictures.Image.fromarray(noise), "PNG"), 0
    workers = one.workers()
    while (answer := one.post(data)).status_code == 200:
        done += 1
        assert done < 100
    check_problem(answer, 507, "storage-full")
    assert one.get("/readyz").status_code in (503, 507)
    assert one.get("/healthz").status_code == 200
    images = one.images()
    assert len(images) == done
    one.check_spool()
    assert one.workers() == workers
    if images:
        assert one.request("DELETE", "/images/" + images[0]["id"]).status_code == 204
        assert one.post(JPEG).status_code == 200
        one.check_spool()


def test_disk_full_while_rendering(small_disk, make_server):
    """The original fits and its result does not: the log has the decoder's reason, and the client gets
    advice."""
    one = make_server(storage={"dir": small_disk / "state"})
    noise = pictures.np.random.default_rng(9).integers(0, 256, (900, 900), dtype=pictures.np.uint8)
    picture = pictures.encode(pictures.Image.fromarray(noise), "JPEG", quality=5)
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler = small_disk / "filler"
    filler.write_bytes(bytes(free - len(picture) - 300_000))
    answer = one.post(picture)
    check_problem(answer, 507, "storage-full")
    assert answer.json()["detail"] == "Send the request again later, when the operator has made room."
    ends = [line for line in one.read_log().splitlines() if answer.headers["X-Request-Id"] in line and " 507 " in line]
    assert len(ends) == 1 and "decoder: " in ends[0] and "No space left on device" in ends[0]
    filler.unlink()
    one.check_spool()
    assert one.post(picture).status_code == 200
