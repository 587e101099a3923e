"""tintype-sync against rclone: the same files to the same S3 service, on one machine in one run.

The service is a Ceph RADOS gateway (tests/rigs/rgw.sh) that keeps objects in memory. A backlog is
1,000 images: a result of 20 kB and an original of 200 kB each, in a spool with its journal. A round
carries it into a new bucket, once by `tintype-sync --once`, once by `rclone copy` from the same spool,
each with 16 requests at once and over plain HTTP. Rounds alternate A B A B, so that drift meets both
alike, and medians are compared. After each round the bucket must have every object at its full size.

rclone is set up to be as fast as it can be: it does not look at the bucket or for objects that are there
already, sends no HEAD after a PUT, compares no hashes, and cuts nothing into chunks.

The first comparison carries objects alone. In the second, tintype also writes an item for each image into
DynamoDB (dynalite, in Node.js, on the same cores), which rclone does not. At the end the agent's memory is
measured before a backlog of 100,000 images. Gateway, dynalite and client share the cores, so their CPU time is
shown as well.

  BENCH_SYNC_ROUNDS   rounds of each side (5)
"""

import hashlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from contextlib import closing, contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "sync"), str(HERE.parent / "e2e")]
from report import mib  # noqa: E402
from account import AS_OWNER, give, make_folder  # noqa: E402
from sides import STATES, TICK_MS, disk, machine  # noqa: E402
from cloud import (ACCESS_KEY, CEPH_PORTS, REGION, RIGS, SECRET_KEY, TESTS, TINTYPE_SYNC,  # noqa: E402
                   free_ports, listens)
from support import TINTYPED, clean_environment, wait_for  # noqa: E402

IMAGES, PROCESSED_BYTES, ORIGINAL_BYTES = 1000, 20_000, 200_000
ROUNDS = int(os.environ.get("BENCH_SYNC_ROUNDS", "5"))
IN_FLIGHT = 16
BACKLOG, BACKLOG_SECONDS, MEMORY_LIMIT_BYTES = 100_000, 8, 32_000_000
LINKS_MAX = 50_000  # ext4 allows a file 65,000 links.
KINDS = {"processed": (PROCESSED_BYTES, "png"), "originals": (ORIGINAL_BYTES, "jpg")}
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
INSERT = """INSERT INTO image (id, filename,
    processed_size_bytes, processed_format, processed_width_px, processed_height_px, processed_sha256,
    original_size_bytes, original_format, original_width_px, original_height_px, original_sha256,
    original_kept, sync_state) VALUES (?, ?, ?, 'PNG', 720, 588, ?, ?, 'JPEG', 2725, 2225, ?, 1, 'pending')"""


# ---- the backlog ----

def new_id(number):
    """Makes a UUID of version 7. They are in the order of number, and the first is an hour old."""
    milliseconds = int(time.time() * 1000) - 3_600_000 + number
    bits = int.from_bytes(os.urandom(10), "big") & ~(0xF << 76) & ~(0x3 << 62)
    return str(uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | bits))


class State:
    """A storage directory, whose journal and folders tintyped makes, and whose files and rows fill() adds."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        give(folder)
        self.journal = folder / "journal.db"
        self.saved = folder / "saved.db"
        self.sizes = {}  # the size of every object, by its key
        self.make_journal()

    def make_journal(self):
        listen = self.folder / "tintyped.sock"
        log_path = self.folder / "tintyped.log"
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                [TINTYPED], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(
                    TINTYPE_STORAGE_DIR=str(self.folder), TINTYPE_SERVER_LISTEN=str(listen)), **AS_OWNER)
        try:
            wait_for("tintyped", lambda: listen.exists() or process.poll() is not None)
        finally:
            process.terminate()
            status = process.wait()
        assert status == 0, log_path.read_text()

    def fill(self, count, make_file):
        """Adds so many images. make_file(number, path, kind) makes one file, and returns its size and hash."""
        rows = []
        for number in range(count):
            one = new_id(number)
            row = [one, f"photograph-{number}.jpg"]
            for kind, (_, extension) in KINDS.items():
                key = f"{kind}/{one}.{extension}"
                size_bytes, sha256 = make_file(number, self.folder / "spool" / key, kind)
                self.sizes[key] = size_bytes
                row += [size_bytes, sha256]
            rows.append(row)
        with closing(sqlite3.connect(self.journal)) as connection:
            with connection:
                connection.executemany(INSERT, rows)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(self.journal, self.saved)

    def rewind(self):
        """Restores the journal, in which no image is synced yet."""
        for name in ("journal.db-wal", "journal.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.copyfile(self.saved, self.journal)

    def counts(self):
        """Returns the number of rows for each sync state."""
        with closing(sqlite3.connect(self.journal)) as connection:
            return dict(connection.execute("SELECT sync_state, count(*) FROM image GROUP BY sync_state"))


def random_file(_, path, kind):
    content = os.urandom(KINDS[kind][0])
    path.write_bytes(content)
    return len(content), hashlib.sha256(content).digest()


class LinkedFiles:
    """Puts the same small content under every name, with hard links where the file system allows them."""

    def __init__(self):
        self.content = os.urandom(PROCESSED_BYTES)
        self.sha256 = hashlib.sha256(self.content).digest()
        self.firsts = {}

    def make(self, number, path, kind):
        first = self.firsts.setdefault((kind, number // LINKS_MAX), path)
        if first == path:
            path.write_bytes(self.content)
        else:
            os.link(first, path)
        return len(self.content), self.sha256


# ---- the cloud ----

class Services:
    """The gateway and dynalite, which this program starts and stops."""

    def __init__(self):
        self.folder = make_folder("tintype-bench-")
        self.names = iter(range(1, 1_000_000))
        self.dynalite = None

    def start(self):
        ceph_port = free_ports(CEPH_PORTS)
        subprocess.run([RIGS / "rgw.sh", self.folder / "ceph", str(ceph_port)], check=True,
                       env=os.environ | {"ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY},
                       stdin=subprocess.DEVNULL)
        table_port = free_ports(1)
        self.s3_url, self.table_url = (f"http://127.0.0.1:{port}" for port in (ceph_port, table_port))
        with open(self.folder / "dynalite.log", "wb") as log:
            self.dynalite = subprocess.Popen(
                [TESTS / "node_modules/.bin/dynalite", "--host", "127.0.0.1", "--port", str(table_port),
                 "--createTableMs", "0", "--deleteTableMs", "0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("dynalite", lambda: listens(table_port) or self.dynalite.poll() is not None)
        assert self.dynalite.poll() is None, (self.folder / "dynalite.log").read_text()
        self.s3, self.tables = (
            boto3.client(service, endpoint_url=url, region_name=REGION, aws_access_key_id=ACCESS_KEY,
                         aws_secret_access_key=SECRET_KEY, config=config)
            for service, url, config in (("s3", self.s3_url, Config(s3={"addressing_style": "path"})),
                                         ("dynamodb", self.table_url, None)))
        return self

    def stop(self):
        if self.dynalite:
            self.dynalite.terminate()
            self.dynalite.wait()
        subprocess.run([RIGS / "rgw-stop.sh", self.folder / "ceph"], check=True)
        shutil.rmtree(self.folder)

    def cpu_ms(self):
        """Returns the user and system time of each service so far."""
        pids = {name: int((self.folder / f"ceph/{name}.pid").read_text()) for name in ("rgw", "osd", "mon")}
        pids["dynalite"] = self.dynalite.pid
        times = {}
        for name, pid in pids.items():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            times[name] = (int(fields[11]) + int(fields[12])) * TICK_MS
        return times

    @contextmanager
    def bucket(self):
        """Makes a bucket, and empties and removes it afterwards, because the gateway's memory is bounded."""
        name = f"bench-{next(self.names)}"
        self.s3.create_bucket(Bucket=name)
        yield name
        keys = list(self.objects(name))
        for start in range(0, len(keys), 1000):
            batch = {"Objects": [{"Key": key} for key in keys[start:start + 1000]], "Quiet": True}
            assert "Errors" not in self.s3.delete_objects(Bucket=name, Delete=batch)
        self.s3.delete_bucket(Bucket=name)

    @contextmanager
    def table(self):
        """Makes a table without indexes, as tintype needs none."""
        name = f"Images-{next(self.names)}"
        self.tables.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                                 KeySchema=[{"AttributeName": "ID", "KeyType": "HASH"}],
                                 AttributeDefinitions=[{"AttributeName": "ID", "AttributeType": "S"}])
        self.tables.get_waiter("table_exists").wait(TableName=name)
        yield name
        self.tables.delete_table(TableName=name)

    def objects(self, bucket):
        """Returns {key: size} of a bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    def item_count(self, table):
        pages = self.tables.get_paginator("scan").paginate(TableName=table, Select="COUNT")
        return sum(page["Count"] for page in pages)


# ---- the two sides ----

def environment(**extra):
    """Returns the caller's environment without settings of AWS or rclone, and the settings given."""
    return {k: v for k, v in clean_environment().items() if not k.startswith(("AWS_", "RCLONE_"))} | extra


def agent_environment(state, services, bucket, table):
    settings = {"STORAGE_DIR": state.folder, "STORAGE_KEEP_LOCAL_SECONDS": -1, "S3_BUCKET": bucket,
                "S3_REGION": REGION, "S3_ENDPOINT": services.s3_url, "SYNC_IN_FLIGHT": IN_FLIGHT,
                "LOG_LEVEL": "warning"}
    if table:
        settings |= {"DYNAMODB_TABLE": table, "DYNAMODB_REGION": REGION, "DYNAMODB_ENDPOINT": services.table_url}
    return environment(HOME=str(services.folder), AWS_EC2_METADATA_DISABLED="true", **KEYS,
                       **{f"TINTYPE_{key}": str(value) for key, value in settings.items()})


def rclone_command(state, bucket):
    return ["rclone", "--config", "", "copy", "--transfers", IN_FLIGHT, "--checkers", IN_FLIGHT, "--no-check-dest",
            "--no-traverse", "--ignore-checksum", "--no-update-modtime", "--s3-no-check-bucket", "--s3-no-head",
            "--s3-upload-cutoff", "1Gi", "--exclude", "/tmp/**", state.folder / "spool", f"rgw:{bucket}"]


def rclone_environment(services):
    remote = {"TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": services.s3_url, "REGION": REGION,
              "ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET_KEY}
    return environment(HOME=str(services.folder), **{f"RCLONE_CONFIG_RGW_{k}": v for k, v in remote.items()})


def peak_bytes(pid):
    """Returns VmHWM, or 0 once the process has ended."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def run(command, command_environment, services):
    """Runs a command to its end. Returns its seconds, the CPU time of the client and the services, and the
    peak of its memory."""
    before = services.cpu_ms()
    log_path = services.folder / "client.log"
    with open(log_path, "wb") as log:
        start = time.monotonic()
        process = subprocess.Popen([str(c) for c in command], env=command_environment, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, **AS_OWNER)
    peak = 0
    try:
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            peak = max(peak, peak_bytes(process.pid))
            time.sleep(0.01)
    except BaseException:
        process.kill()
        raise
    seconds = time.monotonic() - start
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, log_path.read_text()[-4000:]
    after = services.cpu_ms()
    cpu_ms = {"client": (usage.ru_utime + usage.ru_stime) * 1000} | {k: after[k] - before[k] for k in after}
    return {"seconds": seconds, "cpu_ms": cpu_ms, "peak_bytes": peak}


def tintype_round(state, services, with_items):
    state.rewind()
    with services.bucket() as bucket, services.table() as table:
        done = run([TINTYPE_SYNC, "--once"],
                   agent_environment(state, services, bucket, table if with_items else None), services)
        assert services.objects(bucket) == state.sizes
        assert services.item_count(table) == (IMAGES if with_items else 0)
    assert state.counts() == {"synced" if with_items else "stored": IMAGES}, state.counts()
    return done


def rclone_round(state, services):
    with services.bucket() as bucket:
        done = run(rclone_command(state, bucket), rclone_environment(services), services)
        assert services.objects(bucket) == state.sizes
    return done


# ---- figures ----

def rate(done):
    return 2 * IMAGES / done["seconds"]


def print_side(name, rounds):
    rates = sorted(map(rate, rounds))
    spread = f"({rates[0]:.0f} - {rates[-1]:.0f})"
    cpu = {part: statistics.mean(r["cpu_ms"][part] for r in rounds) / (2 * IMAGES) for part in rounds[0]["cpu_ms"]}
    print(f"{name:24}{statistics.median(rates):11.0f}{spread:>15}{cpu['client']:9.2f}{cpu['rgw']:9.2f}"
          f"{cpu['osd'] + cpu['mon']:9.2f}{cpu['dynalite']:10.2f}{mib(max(r['peak_bytes'] for r in rounds)):>11}",
          flush=True)


def compare(title, state, services, with_items):
    sides = {"tintype-sync" + (" with items" if with_items else ""):
             lambda: tintype_round(state, services, with_items),
             rclone_version(): lambda: rclone_round(state, services)}
    rounds = {name: [] for name in sides}
    # The first round is not measured: it fills the gateway's pools and the page cache.
    for side in sides.values():
        side()
    for _ in range(ROUNDS):
        for name, side in sides.items():
            rounds[name].append(side())
    print(f"\n{title}\n{'':24}{'objects/s':>11}{'(rounds)':>15}{'client':>9}{'gateway':>9}{'storage':>9}"
          f"{'dynalite':>10}{'peak RSS':>11}")
    for name, done in rounds.items():
        print_side(name, done)
    ours, theirs = (statistics.median(map(rate, done)) for done in rounds.values())
    print(f"{'ratio':24}{ours / theirs:11.2f}", flush=True)


def rclone_version():
    done = subprocess.run(["rclone", "--config", "", "version"], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[0].removesuffix("-DEV")


def memory(services):
    """Measures the agent's peak while it works on a backlog that is too large for the time."""
    state = State(STATES / "backlog")
    state.fill(BACKLOG, LinkedFiles().make)
    try:
        with services.bucket() as bucket, services.table() as table:
            process = subprocess.Popen([TINTYPE_SYNC], stdin=subprocess.DEVNULL,
                                       env=agent_environment(state, services, bucket, table), **AS_OWNER)
            try:
                peak, end = 0, time.monotonic() + BACKLOG_SECONDS
                while time.monotonic() < end and process.poll() is None:
                    peak = max(peak, peak_bytes(process.pid))
                    time.sleep(0.05)
            finally:
                process.terminate()
                status = process.wait()
            assert status == 0, f"tintype-sync ended with {status}"
            carried = BACKLOG - state.counts().get("pending", 0)
            assert 0 < carried < BACKLOG, carried
            print(f"\nbacklog of {BACKLOG:,} images, {carried:,} of them carried meanwhile: peak RSS {mib(peak)} "
                  f"(limit {mib(MEMORY_LIMIT_BYTES)})", flush=True)
    finally:
        shutil.rmtree(state.folder)
    return peak < MEMORY_LIMIT_BYTES


def main():
    STATES.mkdir(parents=True, exist_ok=True)
    print(f"{machine()}; storage on {disk(STATES)}\n{IMAGES:,} results of {PROCESSED_BYTES / 1e3:.0f} kB and as many "
          f"originals of {ORIGINAL_BYTES / 1e3:.0f} kB, {IN_FLIGHT} requests at once, {ROUNDS} rounds of each side, "
          "alternating;\nCPU ms are per object", flush=True)
    services = Services()
    try:
        services.start()
        state = State(STATES / "state")
        state.fill(IMAGES, random_file)
        os.sync()  # Otherwise these files would be written back during the rounds.
        compare("Objects alone", state, services, with_items=False)
        compare("tintype with an item in DynamoDB for each image, rclone without", state, services, with_items=True)
        shutil.rmtree(state.folder)
        if not memory(services):
            sys.exit("tintype-sync takes more memory than it may")
    finally:
        services.stop()


if __name__ == "__main__":
    main()
