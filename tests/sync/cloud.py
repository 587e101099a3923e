"""What the sync's tests stand on: a cloud on 127.0.0.1, and the pair of daemons that uses it.

A Cloud is a Ceph gateway (S3, STS), dynalite behind a gate that checks signatures (DynamoDB), and a
gate that answers as CloudWatch Logs; before each is a proxy that fails as a test wants it. The
daemons know the proxies' addresses, while the tests ask the services themselves what is there.

A House is a Server (tests/e2e) and an Agent, tintype-sync, on one storage, with a bucket and a table
of their own.
"""

import hashlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "rigs")]

import fault  # noqa: E402
import gate  # noqa: E402
import pictures  # noqa: E402
from account import AS_OWNER, PROGRAMS, make_folder  # noqa: E402
from support import EXTENSIONS, Server, clean_environment, free_ports, wait_for  # noqa: E402

TINTYPE_SYNC = PROGRAMS / "tintype-sync"
RIGS = TESTS / "rigs"
REGION = "eu-test-1"
ACCESS_KEY, SECRET_KEY = "AKIARIGTESTER0000001", "rigSecret/With+Slash0123456789abcdefABCD"
CEPH_PORTS = 64  # rgw.sh uses some of these ports.
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# The table has these indexes, as deploy/aws makes it.
INDEXES = {"Day-Timestamp-index": "Day", "Filename-Timestamp-index": "Filename"}


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_missing(call, **names):
    """Says whether S3 lacks what a head_ or get_ call asks for."""
    try:
        call(**names)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
        return True
    return False


def all_files(image):
    """Returns what an image object says of each of its files: result, original and renditions."""
    return [image, image["original"], *image["renditions"].values()]


def tiny_pictures(count):
    """Makes that many small files, PNG and JPEG by turns, each with pixels of its own."""
    made = []
    for number in range(count):
        pixels = Image.new("RGB", (8 + number % 7, 6), (number % 256, number // 256, 99))
        made.append(pictures.encode(pixels, ("PNG", "JPEG")[number % 2]))
    return made


class Cloud:
    """start() brings all of it up once, reset() makes it well before each test, and stop() ends it."""

    def __init__(self):
        self.folder = make_folder("tintype-cloud-")
        self.ceph = self.folder / "ceph"
        self.ceph_port = free_ports(CEPH_PORTS)
        self.dynalite = None
        self.numbers = itertools.count(1)
        self.keys = gate.Keys(self.folder / "keys.json")

    # ---- life ----

    def start(self):
        subprocess.run([RIGS / "rgw.sh", self.ceph, str(self.ceph_port)], check=True,
                       env=os.environ | {"ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY},
                       stdin=subprocess.DEVNULL)
        self.ca_file = self.ceph / "cert.pem"
        self.s3_tls_url = f"https://127.0.0.1:{self.ceph_port + 1}"
        self.start_dynalite()
        self.table_gate = gate.Gate("dynamodb", REGION, self.keys,
                                    gate.Upstream(f"http://127.0.0.1:{self.dynalite_port}"),
                                    free_ports(1)).start()
        self.logs = gate.Logs()
        self.logs_gate = gate.Gate("logs", REGION, self.keys, self.logs, free_ports(1)).start()
        self.s3_proxy = self.start_proxy(self.ceph_port)
        self.table_proxy = self.start_proxy(self.table_gate.port)
        self.logs_proxy = self.start_proxy(self.logs_gate.port)
        self.proxies = [self.s3_proxy, self.table_proxy, self.logs_proxy]
        self.s3 = self.client("s3", self.ceph_port, config=Config(s3={"addressing_style": "path"}))
        self.tables = self.client("dynamodb", self.dynalite_port)
        self.log_reader = self.client("logs", self.logs_gate.port)
        self.reset()
        return self

    def start_dynalite(self):
        cli = TESTS / "node_modules/dynalite/cli.js"
        assert cli.exists(), "dynalite is not installed: make deps"
        self.dynalite_port = free_ports(1)
        with open(self.folder / "dynalite.log", "wb") as log:
            self.dynalite = subprocess.Popen(
                ["node", cli, "--host", "127.0.0.1", "--port", str(self.dynalite_port),
                 "--createTableMs", "0", "--deleteTableMs", "0", "--updateTableMs", "0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("dynalite", lambda: self.dynalite.poll() is not None or listens(self.dynalite_port))
        assert self.dynalite.poll() is None, (self.folder / "dynalite.log").read_text()

    def start_proxy(self, upstream_port):
        return fault.Proxy("127.0.0.1", upstream_port, free_ports(1)).start()

    def stop(self):
        for proxy in getattr(self, "proxies", []):
            proxy.stop()
        if self.dynalite:
            self.dynalite.terminate()
            self.dynalite.wait()
        subprocess.run([RIGS / "rgw-stop.sh", self.ceph], check=True)
        shutil.rmtree(self.folder)

    def reset(self):
        """After this all works, nothing is counted, and one pair of keys is known."""
        for proxy in self.proxies:
            proxy.clear()
            proxy.accept()
            proxy.forget()
        for one in (self.table_gate, self.logs_gate):
            one.reset()
            one.region = REGION
        self.keys.write({ACCESS_KEY: {"secret": SECRET_KEY, "token": None}})

    # ---- what is there ----

    def client(self, service, port, **options):
        return boto3.client(service, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION,
                            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, **options)

    def new_name(self, kind):
        return f"{kind}-{next(self.numbers)}"

    def make_bucket(self, name=None):
        name = name or self.new_name("pictures")
        self.s3.create_bucket(Bucket=name)
        return name

    def make_table(self, name=None):
        name = name or self.new_name("Images")

        def key(hash_name, range_name=None):
            names = [(hash_name, "HASH")] + ([(range_name, "RANGE")] if range_name else [])
            return [{"AttributeName": n, "KeyType": t} for n, t in names]

        indexes = [{"IndexName": index, "KeySchema": key(hash_name, "Timestamp"),
                    "Projection": {"ProjectionType": "ALL"}} for index, hash_name in INDEXES.items()]
        types = [{"AttributeName": n, "AttributeType": "S"} for n in ("ID", "Timestamp", *INDEXES.values())]
        self.tables.create_table(TableName=name, AttributeDefinitions=types, KeySchema=key("ID"),
                                 GlobalSecondaryIndexes=indexes, BillingMode="PAY_PER_REQUEST")
        return name

    def assume_role(self):
        """Makes keys with a session token, which S3 and the gates then accept. Returns them as {name: value}
        for the environment."""
        at = self.ceph_port
        iam, sts = self.client("iam", at), self.client("sts", at)
        role = self.new_name("agent")
        trust = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],'
                 '"Principal":{"AWS":["arn:aws:iam:::user/tester"]}}]}')
        may = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
        arn = iam.create_role(RoleName=role, Path="/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName=role, PolicyName="objects", PolicyDocument=may)
        given = sts.assume_role(RoleArn=arn, RoleSessionName="tests")["Credentials"]
        self.keys.write({given["AccessKeyId"]: {"secret": given["SecretAccessKey"],
                                                "token": given["SessionToken"]}})
        return {"AWS_ACCESS_KEY_ID": given["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
                "AWS_SESSION_TOKEN": given["SessionToken"]}

    def object(self, path):
        """Returns what boto3 says of the object "s3://bucket/key", with its bytes as "Data"."""
        bucket, _, key = path.removeprefix("s3://").partition("/")
        answer = self.s3.get_object(Bucket=bucket, Key=key)
        return answer | {"Data": answer["Body"].read()}

    def keys_of(self, bucket):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def items(self, table):
        """Returns {ID: item} of the whole table."""
        pages = self.tables.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return {item["ID"]["S"]: item for page in pages for item in page["Items"]}

    def events(self, group):
        """Returns {stream: [events]}, as GetLogEvents has them."""
        streams = self.logs.groups.get(group, {})
        return {stream: self.log_reader.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True)["events"] for stream in list(streams)}


class Agent:
    """Runs tintype-sync. Its log outlives a restart, and stop() checks that nothing went wrong inside."""

    def __init__(self, house, **environment):
        self.house = house
        self.environment = environment
        self.account = AS_OWNER
        self.log_path = house.server.folder / f"agent-{id(self)}.log"
        self.log_path.touch()
        self.process = None

    def command_environment(self):
        """Returns an environment that has no AWS setting but those given, and leads to no file with others."""
        kept = {k: v for k, v in clean_environment().items() if not k.startswith("AWS_")}
        return kept | {"HOME": str(self.house.server.folder), "AWS_EC2_METADATA_DISABLED": "true"} | {
            k: str(v) for k, v in self.environment.items() if v is not None}

    def start(self, *arguments):
        assert TINTYPE_SYNC.exists(), f"{TINTYPE_SYNC} is not built"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [TINTYPE_SYNC, "-c", self.house.config_path, *arguments], env=self.command_environment(),
                cwd=self.house.server.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.account)
        return self

    def once(self):
        """Runs the agent with --once, and returns the exit status."""
        self.start("--once")
        return self.wait()

    def wait(self):
        """Waits for the agent's end, and returns the exit status."""
        try:
            return self.process.wait(60)
        finally:
            self.kill()

    def stop(self):
        """Ends the agent with SIGTERM. Returns the exit status, or None when a test has ended it before."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def lines(self, *words):
        """Returns the lines of the log that have all of these words."""
        return [line for line in self.log().splitlines() if all(word in line for word in words)]

    def pauses(self, service):
        """Returns the lines of the log that tell of a pause of the service."""
        return self.lines(" error: ", service + " pauses")

    def wait_pause(self, service, *words):
        """Waits for the one line that tells of a pause of the service, which has these words."""
        wait_for(f"a pause of {service}", lambda: self.pauses(service))
        (line,) = self.pauses(service)
        for word in words:
            assert word.lower() in line.lower(), line
        return line


class House:
    """A house is a Server and an Agent. The sections given are laid over those that name the cloud's parts,
    and a section that is None is left out; environment is the agent's."""

    def __init__(self, cloud, environment=None, **sections):
        self.cloud = cloud
        cloud_sections = {
            "s3": {"region": REGION, "endpoint": cloud.s3_proxy.url},
            "dynamodb": {"region": REGION, "endpoint": cloud.table_proxy.url},
            "sync": {"node": "node-1"},
        }
        for name in cloud_sections.keys() & sections.keys():
            sections[name] = sections[name] and cloud_sections[name] | sections[name]
        merged = {k: dict(v) for k, v in (cloud_sections | sections).items() if v is not None}
        if "s3" in merged and "bucket" not in merged["s3"]:
            merged["s3"]["bucket"] = cloud.make_bucket()
        if "dynamodb" in merged and "table" not in merged["dynamodb"]:
            merged["dynamodb"]["table"] = cloud.make_table()
        self.bucket = merged.get("s3", {}).get("bucket")
        self.table = merged.get("dynamodb", {}).get("table")
        self.server = Server(**merged)
        self.config_path = self.server.config_path
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        self.agents = [Agent(self, **keys | (environment or {}))]
        self.agent = self.agents[0]
        self.refusals_allowed = False  # Tests that expect a refusal by the gates set this.

    def start(self):
        self.server.start()
        return self

    def stop(self):
        statuses = [agent.stop() for agent in self.agents]
        logs = [agent.log() for agent in self.agents]
        self.server.stop()
        for status, log in zip(statuses, logs):
            assert "Sanitizer" not in log and "runtime error" not in log, log
            assert SECRET_KEY not in log, "the secret is in the log"
            assert status in (None, 0), f"tintype-sync ended with {status}\n{log}"
        if not self.refusals_allowed:
            refusals = self.cloud.table_gate.refusals + self.cloud.logs_gate.refusals
            for code in ("ResourceNotFoundException", "ResourceAlreadyExistsException"):
                refusals.pop(code, None)
            assert not refusals, refusals

    def kill(self):
        for agent in self.agents:
            agent.kill()
        self.server.kill()

    def report(self):
        return "\n".join(["-- agent"] + [agent.log() for agent in self.agents] +
                         ["-- server", self.server.read_log()])

    def second_agent(self, **environment):
        self.agents.append(Agent(self, **self.agent.environment | environment))
        return self.agents[-1]

    # ---- the journal, by way of the service ----

    def upload(self, body=None, filename="bild.png"):
        body = body or tiny_pictures(1)[0]
        return self.server.upload(body, query="filename=" + urllib.parse.quote(filename))

    def upload_many(self, bodies, threads=4, before_each=lambda number: None):
        """Uploads all of them, a few at a time, each acknowledged. Returns the image objects."""
        def one(number, body):
            before_each(number)
            return self.server.upload(body, query=f"filename=bild-{number}.png")

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, *zip(*enumerate(bodies))))

    def image(self, image):
        """Returns the image object as it is now."""
        answer = self.server.get(f"/images/{image['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def has(self, *states):
        """Says whether any image is in one of these states."""
        return any(self.server.get(f"/images?limit=1&status={state}").json()["images"] for state in states)

    def wait_state(self, image, state):
        def reached():
            now = self.image(image)
            assert now["sync"]["state"] == state or now["sync"]["state"] != "dead", now
            return now["sync"]["state"] == state and now
        return wait_for(f"{state}\n{self.report()}", reached)

    def wait_synced(self):
        """Waits until every row is synced, and returns the image objects."""
        wait_for("all to be synced", lambda: not self.has("pending", "stored", "off"))
        images = self.server.images()
        assert {image["sync"]["state"] for image in images} <= {"synced"}, images
        return images

    # ---- what the cloud must have ----

    def check_object(self, path, description):
        found = self.cloud.object(path)
        assert hashlib.sha256(found["Data"]).hexdigest() == description["sha256"]
        assert len(found["Data"]) == description["size"]
        assert found["ContentType"] == MEDIA_TYPES[description["format"]]
        return found

    def check_objects(self, image):
        """Checks every object of an image, and returns what S3 says of them."""
        for suffix, result in [("", image)] + [("-" + n, r) for n, r in image["renditions"].items()]:
            name = f"{image['id']}{suffix}.{EXTENSIONS[result['format']]}"
            assert result["s3Path"].startswith(f"s3://{self.bucket}/")
            assert result["s3Path"].endswith("/" + name)
        return [self.check_object(one["s3Path"], one) for one in all_files(image)]

    def check_item(self, image, item=None):
        item = item or self.cloud.items(self.table)[image["id"]]
        original = image["original"]
        assert item == {
            "ID": {"S": image["id"]}, "Filename": {"S": image["filename"]}, "Status": {"S": "processed"},
            "Timestamp": {"S": image["timestamp"]}, "S3Path": {"S": image["s3Path"]},
            "Size": {"N": str(image["size"])}, "Format": {"S": image["format"]},
            "OriginalS3Path": {"S": original["s3Path"]}, "OriginalSize": {"N": str(original["size"])},
            "OriginalFormat": {"S": original["format"]}, "Width": {"N": str(image["width"])},
            "Height": {"N": str(image["height"])}, "OriginalWidth": {"N": str(original["width"])},
            "OriginalHeight": {"N": str(original["height"])}, "Sha256": {"S": image["sha256"]},
            "OriginalSha256": {"S": original["sha256"]}, "Node": {"S": "node-1"},
            "Day": {"S": image["timestamp"][:10]}} | self.expected_renditions(image)

    @staticmethod
    def expected_renditions(image):
        """Returns the one attribute that only the item of an image with renditions has."""
        renditions = {
            name: {"M": {"S3Path": {"S": one["s3Path"]}, "Size": {"N": str(one["size"])},
                         "Format": {"S": one["format"]}, "Width": {"N": str(one["width"])},
                         "Height": {"N": str(one["height"])}, "Sha256": {"S": one["sha256"]}}}
            for name, one in image["renditions"].items()}
        return {"Renditions": {"M": renditions}} if renditions else {}

    def check_cloud(self, images):
        """Checks that exactly these images are there, whole."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.check_objects, images))
        paths = [one["s3Path"] for image in images for one in all_files(image)]
        assert self.cloud.keys_of(self.bucket) == sorted(p.split("/", 3)[3] for p in paths)
        items = self.cloud.items(self.table)
        assert items.keys() == {image["id"] for image in images}
        for image in images:
            self.check_item(image, items[image["id"]])
