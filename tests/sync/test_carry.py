"""Everything arrives in S3 and DynamoDB, whole and in order, however often anything stopped."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import fault
from cloud import REGION, is_missing, tiny_pictures
from support import EXTENSIONS, wait_for


def test_one_image(house):
    image = house.upload(filename="Füße & Äpfel+😀.png")
    assert image["sync"]["state"] in ("pending", "stored", "synced")
    synced = house.wait_state(image, "synced")
    assert synced["sync"]["lastError"] is None and synced["sync"]["syncedAt"] >= synced["timestamp"]
    house.check_cloud([synced])
    assert house.cloud.items(house.table)[image["id"]]["Filename"]["S"] == "Füße & Äpfel+😀.png"
    for index, name in (("Day-Timestamp-index", "Day"), ("Filename-Timestamp-index", "Filename")):
        value = house.cloud.items(house.table)[image["id"]][name]
        found = house.cloud.tables.query(
            TableName=house.table, IndexName=index, KeyConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name}, ExpressionAttributeValues={":value": value})
        assert [item["ID"]["S"] for item in found["Items"]] == [image["id"]]


def test_no_original_kept(make_house):
    house = make_house(storage={"keep_original": "false"})
    house.agent.start()
    house.upload()
    (image,) = house.wait_synced()
    assert house.cloud.keys_of(house.bucket) == [image["s3Path"].split("/", 3)[3]]
    item = house.cloud.items(house.table)[image["id"]]
    assert "OriginalS3Path" not in item and item["OriginalSha256"]["S"] == image["original"]["sha256"]


def test_outage_and_kills(make_house):
    """The cloud goes away during the first 200 of 400 uploads, and the agent is killed five times."""
    house = make_house()
    house.agent.start()
    cloud, lock = house.cloud, threading.Lock()
    uploaded = itertools.count(1)
    kills = itertools.count()

    def kill_agent():
        house.agent.kill()
        house.agent.start()
        next(kills)

    def after(number):
        if number == 100:
            cloud.s3_proxy.refuse()
            cloud.table_proxy.refuse()
        if number in (40, 80, 250):
            kill_agent()

    def upload(body):
        # This asserts that the upload is acknowledged.
        image = house.server.upload(body, query="filename=bild.png")
        with lock:
            after(next(uploaded))
        return image

    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(upload, tiny_pictures(400)))
    assert len(images) == 400 and len(cloud.items(house.table)) < 400
    cloud.s3_proxy.accept()
    cloud.table_proxy.accept()
    for enough in (150, 300):
        wait_for("some more items", lambda: len(cloud.items(house.table)) >= enough)
        kill_agent()
    assert next(kills) == 5
    synced = house.wait_synced()
    assert {image["id"] for image in synced} == {image["id"] for image in images} and len(synced) == 400
    assert all(image["sync"]["state"] == "synced" for image in synced)
    house.check_cloud(synced)


def test_item_never_before_its_objects(make_house):
    house = make_house()
    cloud, early, seen = house.cloud, [], []

    def observe(request):
        if request.operation == "PutItem":
            item = request.members["Item"]
            seen.append(item["ID"]["S"])
            for path in (item["S3Path"]["S"], item["OriginalS3Path"]["S"]):
                bucket, key = path.removeprefix("s3://").split("/", 1)
                if is_missing(cloud.s3.head_object, Bucket=bucket, Key=key):
                    early.append(path)

    cloud.table_gate.observer = observe
    cloud.s3_proxy.fail(fault.answer(500), every=3, times=8, match=lambda one: one.method == "PUT")
    cloud.s3_proxy.fail(fault.HALF, every=5, times=4, match=lambda one: one.method == "PUT")
    cloud.table_proxy.fail(fault.throughput_exceeded(), every=4, times=5,
                           match=lambda one: one.operation == "PutItem")
    house.agent.start()
    images = house.upload_many(tiny_pictures(30))
    wait_for("the first items", lambda: seen)
    house.agent.kill()
    house.agent.start()
    house.wait_synced()
    assert set(seen) == {image["id"] for image in images}
    assert not early
    house.check_cloud(house.server.images())


def test_bucket_configured_later_takes_old_rows_along(make_house):
    house = make_house(s3=None, dynamodb=None)
    old = house.upload_many(tiny_pictures(5))
    assert {image["sync"]["state"] for image in old} == {"off"}
    assert {image["s3Path"] for image in old} == {None}
    house.server.stop_tintyped()
    house.bucket, house.table = house.cloud.make_bucket(), house.cloud.make_table()
    house.server.config |= {
        "s3": {"bucket": house.bucket, "region": REGION, "endpoint": house.cloud.s3_proxy.url},
        "dynamodb": {"table": house.table, "region": REGION, "endpoint": house.cloud.table_proxy.url}}
    house.server.write_config()
    house.server.start_tintyped()
    house.agent.start()
    house.server.wait_ready()
    house.upload()
    images = house.wait_synced()
    assert len(images) == 6
    house.check_cloud(images)


def test_settings_by_environment_alone(make_house):
    """The agent takes TINTYPE_ names, and the AWS variables for region and endpoints."""
    house = make_house(s3=None, dynamodb=None)
    house.upload()
    house.bucket, house.table = house.cloud.make_bucket(), house.cloud.make_table()
    house.agent.environment |= {
        "TINTYPE_S3_BUCKET": house.bucket, "TINTYPE_DYNAMODB_TABLE": house.table,
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL_S3": house.cloud.s3_proxy.url,
        "AWS_ENDPOINT_URL_DYNAMODB": house.cloud.table_proxy.url}
    assert house.agent.once() == 0
    (image,) = house.server.images()
    assert image["sync"]["state"] == "synced"
    assert house.cloud.items(house.table).keys() == {image["id"]}
    name = f"{image['id']}.{EXTENSIONS[image['format']]}"
    assert f"processed/{name}" in house.cloud.keys_of(house.bucket)


def test_delete_takes_objects_and_item_away(house):
    gone, kept = house.upload(), house.upload()
    house.wait_synced()
    order, cloud = [], house.cloud

    def observe(request):
        if request.operation == "DeleteItem":
            order.append(len(cloud.keys_of(house.bucket)))

    cloud.table_gate.observer = observe
    assert house.server.request("DELETE", f"/images/{gone['id']}").status_code == 204
    wait_for("the objects to go", lambda: len(cloud.keys_of(house.bucket)) == 2)
    assert order == [4], "the item goes first"
    house.check_cloud([house.image(kept)])


def test_delete_while_the_cloud_is_away(house):
    cloud = house.cloud
    stored = house.upload()
    house.wait_synced()
    cloud.s3_proxy.refuse()
    cloud.table_proxy.refuse()
    waiting = house.upload()
    for image in (stored, waiting):
        assert house.server.request("DELETE", f"/images/{image['id']}").status_code == 204
    last = house.upload()
    cloud.s3_proxy.accept()
    cloud.table_proxy.accept()
    house.wait_state(last, "synced")
    wait_for("the removals", lambda: len(cloud.keys_of(house.bucket)) == 2)
    wait_for("the removals", lambda: cloud.items(house.table).keys() == {last["id"]})


# ---- ways to reach S3, and what is asked of it ----

def test_tls_kms_and_utf8_prefixes(make_house):
    house = make_house(start=False, s3={
        "sse": "aws:kms", "sse_kms_key_id": "testkey-1", "path_style": "true",
        "processed_prefix": "verarbeitet-ü/", "original_prefix": "ur bilder+/ä/"})
    house.server.config["s3"] |= {"endpoint": house.cloud.s3_tls_url,
                                  "ca_file": house.cloud.ca_file}
    house.server.write_config()
    house.start()
    house.agent.start()
    house.upload_many(tiny_pictures(2))
    images = house.wait_synced()
    house.check_cloud(images)
    for image in images:
        assert image["s3Path"].startswith(f"s3://{house.bucket}/verarbeitet-ü/")
        assert image["original"]["s3Path"].startswith(f"s3://{house.bucket}/ur bilder+/ä/")
        for found in house.check_objects(image):
            assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "testkey-1")


def test_sse_aes256_is_asked_for(make_house):
    house = make_house(s3={"sse": "AES256"})
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
    puts = [seen for seen in house.cloud.s3_proxy.seen if seen.method == "PUT"]
    assert len(puts) == 2
    for put in puts:
        assert put.headers["x-amz-server-side-encryption"] == "AES256"
        assert "x-amz-server-side-encryption" in put.headers["authorization"]
        assert "transfer-encoding" not in put.headers
        assert put.headers["content-length"] != "0"


def test_unknown_certificate_is_refused(make_house):
    house = make_house(start=False)
    # The system trusts nobody who could have signed the gateway's certificate.
    house.server.config["s3"]["endpoint"] = house.cloud.s3_tls_url
    house.server.write_config()
    house.start()
    house.agent.start()
    images = house.upload_many(tiny_pictures(8))
    house.agent.wait_pause("S3", "certificate")
    images += house.upload_many(tiny_pictures(8))
    assert len(house.agent.pauses("S3")) == 1
    assert not house.cloud.keys_of(house.bucket)
    assert house.agent.stop() == 0
    house.server.config["s3"]["ca_file"] = house.cloud.ca_file
    house.server.write_config()
    house.agent.start()
    assert len(house.wait_synced()) == len(images)


def test_session_token(make_house):
    house = make_house()
    house.agent.environment |= house.cloud.assume_role()
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
    assert all("x-amz-security-token" in seen.headers for seen in house.cloud.s3_proxy.seen)


@pytest.mark.parametrize("path_style", ["false", "true"])
def test_addressing(make_house, path_style):
    """A name below s3.localhost is this machine's, as curl has it (RFC 6761, 6.3)."""
    house = make_house(start=False, s3={"path_style": path_style})
    port = house.cloud.s3_proxy.port
    house.server.config["s3"]["endpoint"] = f"http://s3.localhost:{port}"
    house.server.write_config()
    house.start()
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
    hosts = {seen.headers["host"] for seen in house.cloud.s3_proxy.seen}
    assert hosts == {f"s3.localhost:{port}" if path_style == "true" else f"{house.bucket}.s3.localhost:{port}"}


def test_profile_of_the_shared_files(make_house, tmp_path):
    house = make_house(start=False)
    for section in ("s3", "dynamodb"):
        del house.server.config[section]["region"]
    house.server.write_config()
    keys = house.agent.environment
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = wrong\n"
        f"[tests]\naws_access_key_id = {keys.pop('AWS_ACCESS_KEY_ID')}\n"
        f"aws_secret_access_key = {keys.pop('AWS_SECRET_ACCESS_KEY')}\n")
    (tmp_path / "config").write_text(f"[profile tests]\nregion = {REGION}\n")
    keys |= {"AWS_PROFILE": "tests", "AWS_SHARED_CREDENTIALS_FILE": tmp_path / "credentials",
             "AWS_CONFIG_FILE": tmp_path / "config"}
    house.start()
    house.agent.start()
    house.upload()
    house.check_cloud(house.wait_synced())
