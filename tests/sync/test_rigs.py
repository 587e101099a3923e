"""The rigs are tested too, as a gate that let everything through, or a proxy that never failed, would
prove nothing. boto3 stands in for the agent."""

import time

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import (ClientError, ConnectionClosedError, EndpointConnectionError,
                                 ResponseStreamingError)

import fault
from cloud import ACCESS_KEY, REGION, SECRET_KEY, gate, is_missing
from support import wait_for

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


def client(service, url, access_key=ACCESS_KEY, secret=SECRET_KEY, region=REGION, **more):
    return boto3.client(service, endpoint_url=url, region_name=region, config=ONCE,
                        aws_access_key_id=access_key, aws_secret_access_key=secret, **more)


def refusal(call, **arguments):
    """Returns (status, code) of the error that the call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


ITEM = {"ID": {"S": "ü/1"}, "Timestamp": {"S": "2026"}, "Day": {"S": "2026-01-01"}, "Filename": {"S": "f"}}


def test_table_behind_the_gate(cloud):
    table = cloud.make_table()
    right = client("dynamodb", cloud.table_proxy.url)
    right.put_item(TableName=table, Item=ITEM)
    for index, name in (("Day-Timestamp-index", "Day"), ("Filename-Timestamp-index", "Filename")):
        found = right.query(TableName=table, IndexName=index, KeyConditionExpression="#name = :x",
                            ExpressionAttributeNames={"#name": name},
                            ExpressionAttributeValues={":x": ITEM[name]})
        assert found["Items"] == [ITEM]
    assert cloud.items(table) == {"ü/1": ITEM}
    assert cloud.table_gate.counts == {"PutItem": 1, "Query": 2}
    assert refusal(right.put_item, TableName=table, Item=ITEM,
                   ConditionExpression="attribute_not_exists(ID)") == (400, "ConditionalCheckFailedException")
    assert refusal(right.put_item, TableName="none", Item=ITEM) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize("wrong, code", [
    ({"secret": "x" + SECRET_KEY}, "InvalidSignatureException"),
    ({"access_key": "AKIANOBODY"}, "UnrecognizedClientException"),
    ({"region": "eu-west-9"}, "InvalidSignatureException"),
    ({"aws_session_token": "made-up"}, "UnrecognizedClientException")])
def test_gate_refuses_a_wrong(cloud, wrong, code):
    wrong = client("dynamodb", cloud.table_gate.url, **wrong)
    assert refusal(wrong.get_item, TableName="none", Key={"ID": {"S": "x"}}) == (400, code)
    assert cloud.table_gate.refusals == {code: 1}


def test_gate_wants_the_session_token(cloud):
    given = cloud.assume_role()
    keys = {"access_key": given["AWS_ACCESS_KEY_ID"], "secret": given["AWS_SECRET_ACCESS_KEY"]}
    table = cloud.make_table()
    with_token = client("dynamodb", cloud.table_gate.url, **keys, aws_session_token=given["AWS_SESSION_TOKEN"])
    with_token.put_item(TableName=table, Item=ITEM)
    without = client("dynamodb", cloud.table_gate.url, **keys)
    assert refusal(without.put_item, TableName=table, Item=ITEM) == (400, "UnrecognizedClientException")
    bucket = cloud.make_bucket()
    s3 = client("s3", cloud.s3_tls_url, verify=str(cloud.ca_file), **keys,
                aws_session_token=given["AWS_SESSION_TOKEN"])
    s3.put_object(Bucket=bucket, Key="verarbeitet-ü/x", Body=b"x", ServerSideEncryption="aws:kms",
                  SSEKMSKeyId="testkey-1")
    assert s3.head_object(Bucket=bucket, Key="verarbeitet-ü/x")["SSEKMSKeyId"] == "testkey-1"


def test_gate_checks_members_and_body(cloud):
    right = client("dynamodb", cloud.table_gate.url)

    def spoil(params, **_):  # This runs after boto3's own check and before the request is signed.
        params["body"] = params["body"][:-1] + b', "Colour": "red"}'

    right.meta.events.register("before-call.dynamodb.GetItem", spoil)
    assert refusal(right.get_item, TableName="none", Key={"ID": {"S": "x"}})[1] == "ValidationException"
    unsigned = requests.post(cloud.table_gate.url, data=b"{}", timeout=10)
    assert (unsigned.status_code, unsigned.json()["__type"].rpartition("#")[2]) == \
        (400, "MissingAuthenticationTokenException")


def test_gate_with_another_time(cloud):
    objects = gate.Gate("s3", REGION, cloud.keys, gate.Objects()).start()
    try:
        s3 = client("s3", objects.url)
        s3.put_object(Bucket="b", Key="a ü+/x", Body=b"body", ContentType="image/png")
        found = s3.get_object(Bucket="b", Key="a ü+/x")
        assert (found["Body"].read(), found["ContentType"]) == (b"body", "image/png")
        s3.delete_object(Bucket="b", Key="a ü+/x")
        assert is_missing(s3.head_object, Bucket="b", Key="a ü+/x")
        objects.offset_s = 3600
        assert refusal(s3.put_object, Bucket="b", Key="x", Body=b"x") == (403, "RequestTimeTooSkewed")
    finally:
        objects.stop()


def test_logs(cloud):
    logs = client("logs", cloud.logs_proxy.url)
    now_ms = int(time.time() * 1000)
    day_ms = 24 * 3600 * 1000

    def put(*times_ms, message="m"):
        return logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[
            {"timestamp": t, "message": message} for t in times_ms])

    missing = (400, "ResourceNotFoundException")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        put(now_ms)
    assert refusal(logs.create_log_stream, logGroupName="g", logStreamName="s") == missing
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    assert refusal(logs.create_log_group, logGroupName="g") == (400, "ResourceAlreadyExistsException")
    assert "rejectedLogEventsInfo" not in put(now_ms - 5, now_ms)
    for wrong in ((now_ms, now_ms - 1), (now_ms - day_ms - 1, now_ms)):
        with pytest.raises(ClientError, match="InvalidParameterException"):
            put(*wrong)
    with pytest.raises(ClientError, match="InvalidParameterException"):
        put(*[now_ms] * 5, message="x" * 262144)
    rejected = put(now_ms - 15 * day_ms, now_ms - 14 * day_ms - 5000)["rejectedLogEventsInfo"]
    assert rejected == {"tooOldLogEventEndIndex": 2}
    rejected = put(now_ms, now_ms + 3 * 3600 * 1000)["rejectedLogEventsInfo"]
    assert rejected == {"tooNewLogEventStartIndex": 1}
    assert [e["timestamp"] for e in cloud.events("g")["s"]] == [now_ms - 5, now_ms, now_ms]


def test_proxy(cloud):
    bucket = cloud.make_bucket()
    proxy = cloud.s3_proxy
    s3 = client("s3", proxy.url)

    def put(body=b"x" * 100000):
        return s3.put_object(Bucket=bucket, Key="k", Body=body)["ResponseMetadata"]["HTTPStatusCode"]

    assert put() == 200
    proxy.fail(fault.slow_down(7), times=1)
    with pytest.raises(ClientError) as caught:
        put()
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    assert put() == 200
    proxy.fail(fault.CUT, times=1)
    with pytest.raises(ConnectionClosedError):
        put()
    proxy.fail(fault.HALF, times=1)
    with pytest.raises(ResponseStreamingError):
        s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert put() == 200
    proxy.fail(fault.answer(500), every=2, match=lambda seen: seen.method == "PUT")
    assert put() == 200 and refusal(put)[0] == 500 and put() == 200
    proxy.clear()
    proxy.refuse()
    with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
        put()
    proxy.accept()
    proxy.fail(fault.delay(0.3), times=1)
    began = time.monotonic()
    assert put() == 200 and time.monotonic() - began >= 0.3
    assert proxy.count("PUT") == 9
    # The proxy notes a status once the answer is out, which the client may have read before.
    wait_for("the status of the last answer", lambda: proxy.statuses().count(200) == 6)
