"""Whole requests to S3, DynamoDB and CloudWatch Logs are judged by botocore: it recomputes each signature
from what would go over the wire, and its serializers and service models say what each operation has to look
like. The driver is tests/drivers/calls_driver.c, which describes its input and output."""

import datetime
import hashlib
import http.client
import json
import os
import pathlib
import random
import subprocess
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVER = ROOT / os.environ.get("TINTYPE_BUILD", "build") / "drivers" / "calls_driver"

CASES = 100
SERVICES = {name: ServiceModel(Loader().load_service_model(name, "service-2")) for name in ("s3", "dynamodb", "logs")}
SSE = [{}, {"ServerSideEncryption": "AES256"}, {"ServerSideEncryption": "aws:kms"}]
KEY_ALPHABET = [*"aZ09-._~ +%&=?#!*'()$:,;@\"\\<", "%2F", "/x", "/./", "/../", "é", "€", "𝄞", "\u0301"]
TEXT_ALPHABET = [*"aZ09 \"\\/<>&'", "\n", "\t", "\x01", "\x7f", "é", "€", "𝄞", "\u2028"]


class Call:
    """One request to be built: its place, its caller and its content. parameters is the same as botocore has
    it."""

    def __init__(self, dice, service, operation, fields, parameters):
        self.dice, self.service, self.operation = dice, service, operation
        self.fields, self.parameters = fields, parameters
        self.region = dice.choice(["us-east-1", "eu-central-1", "default"])
        self.credentials = Credentials("AKIDEXAMPLE", dice.choice(["secret", "se/cr+et="]),
                                       dice.choice([None, "to/ken+==" * 40]))
        self.time = datetime.datetime.fromtimestamp(dice.randrange(0, 4 << 30), datetime.timezone.utc)
        self.path_style = service == "s3" and dice.random() < 0.5
        self.scheme = dice.choice(["http", "https"])
        self.host = dice.choice(["bucket.s3.test", "aws.test:8000", "[::1]:8000"])
        self.path = dice.choice(["", "", "/gate", "/a/b-c_d"])

    def input(self):
        return [self.scheme, self.host, self.path, self.region, int(self.path_style), self.credentials.access_key,
                self.credentials.secret_key, self.credentials.token or "",
                int(self.time.timestamp()) * 1000 + self.dice.randrange(1000), self.operation, *self.fields]


class Request:
    """What the driver built."""

    def __init__(self, fields):
        self.method, self.url = next(fields), next(fields)
        self.headers = http.client.HTTPMessage()
        for _ in range(int(next(fields))):
            name = next(fields)
            self.headers.add_header(name, next(fields))
        self.body = next(fields)
        self.streamed_bytes = int(next(fields))
        self.parts = urlsplit(self.url)
        self.target = self.url.removeprefix(f"{self.parts.scheme}://{self.parts.netloc}")


def build(calls):
    sent = "".join(f"{field}\0" for call in calls for field in call.input())
    answer = subprocess.run([DRIVER], input=sent.encode(), stdout=subprocess.PIPE, check=True).stdout
    fields = answer.decode().split("\0")
    assert fields.pop() == ""
    fields = iter(fields)
    requests = [Request(fields) for _ in calls]
    assert next(fields, None) is None
    return requests


def authorization_of(call, request):
    """Returns the Authorization that botocore computes for the request as it is, with all its headers but
    that one signed."""
    signer = {"s3": S3SigV4Auth}.get(call.service, SigV4Auth)

    class Recomputed(signer):
        def headers_to_sign(self, _):
            headers = http.client.HTTPMessage()
            for name, value in request.headers.items():
                if name.lower() != "authorization":
                    headers.add_header(name.lower(), value)
            return headers

        def payload(self, _):
            return request.headers["X-Amz-Content-Sha256"] or hashlib.sha256(request.body.encode()).hexdigest()

    auth = Recomputed(call.credentials, call.service, call.region)
    seen = AWSRequest(request.method, "http://host" + request.target, data=request.body.encode())
    seen.context["timestamp"] = request.headers["X-Amz-Date"]
    canonical = auth.canonical_request(seen)
    signature = auth.signature(auth.string_to_sign(seen, canonical), seen)
    names = auth.signed_headers(auth.headers_to_sign(seen))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(seen)}, SignedHeaders={names}, Signature={signature}"


def check_signed(call, request):
    assert request.headers["Authorization"] == authorization_of(call, request)
    assert request.headers["Host"] == call.host
    assert request.headers["X-Amz-Date"] == call.time.strftime("%Y%m%dT%H%M%SZ")
    assert request.headers["X-Amz-Security-Token"] == call.credentials.token
    assert len(request.headers.keys()) == len({name.lower() for name in request.headers.keys()})
    assert (request.parts.scheme, request.parts.netloc) == (call.scheme, call.host)


# These come from a signature, or botocore's client sets them outside of the serializer.
ADDED = {"authorization", "host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}


def check_serialized(call, request):
    """Checks that the request is what botocore makes of the same parameters, and that AWS's model finds
    nothing wrong with them."""
    model = SERVICES[call.service].operation_model(call.operation)
    if model.input_shape:
        report = ParamValidator().validate(call.parameters, model.input_shape)
        assert not report.has_errors(), report.generate_report()
    protocol = SERVICES[call.service].metadata["protocol"]
    expected = create_serializer(protocol).serialize_to_request(call.parameters, model)
    ours = {name.lower(): value for name, value in request.headers.items()}
    theirs = {name.lower(): str(value) for name, value in expected["headers"].items()}
    assert request.method == expected["method"]
    assert {name: value for name, value in ours.items() if name not in ADDED} == theirs
    if call.service != "s3":
        assert json.loads(request.body) == json.loads(expected["body"])
        assert request.target == (call.path or "/")


# ---- S3 ----

def text(dice, alphabet, lowest, highest):
    return "".join(dice.choices(alphabet, k=dice.randint(lowest, highest)))


def object_call(dice, operation):
    bucket, key = dice.choice(["bucket", "my.bucket"]), "x" + text(dice, KEY_ALPHABET, 0, 40)
    fields, parameters = [bucket, key], {"Bucket": bucket, "Key": key}
    if operation == "PutObject":
        sse, key_id = dice.randrange(3), dice.choice(["", "arn:aws:kms:eu-central-1:1:key/2"])
        fields += ["image/png", hashlib.sha256(b"body").hexdigest(), dice.randrange(1, 1 << 33), sse, key_id]
        parameters |= {"ContentType": "image/png", **SSE[sse]}
        if sse == 2 and key_id:
            parameters["SSEKMSKeyId"] = key_id
    return Call(dice, "s3", operation, fields, parameters)


def expected_path(call):
    bucket = f"/{call.parameters['Bucket']}" if call.path_style else ""
    return f"{call.path}{bucket}/{call.parameters['Key']}"


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject", "GetObject", "DeleteObject"])
def test_objects(operation):
    dice = random.Random(operation)
    calls = [object_call(dice, operation) for _ in range(CASES)]
    for call, request in zip(calls, build(calls), strict=True):
        check_signed(call, request)
        check_serialized(call, request)
        assert unquote(request.target) == expected_path(call)
        assert request.body == ""
        is_put = operation == "PutObject"
        assert request.streamed_bytes == (call.fields[4] if is_put else 0)
        assert request.headers["X-Amz-Content-Sha256"] == hashlib.sha256(b"body" if is_put else b"").hexdigest()


def test_presigned_urls():
    dice = random.Random("presign")
    calls = [object_call(dice, "presign") for _ in range(CASES)]
    for call in calls:
        disposition = f'attachment; filename="{text(dice, KEY_ALPHABET, 1, 20)}"'
        call.fields += ["image/png", disposition, dice.randint(1, 604800)]
    for call, request in zip(calls, build(calls), strict=True):
        assert (request.parts.scheme, request.parts.netloc) == (call.scheme, call.host)
        assert unquote(request.parts.path) == expected_path(call)
        query = dict(parse_qsl(request.parts.query, strict_parsing=True))
        assert query["response-content-type"] == "image/png"
        assert query["response-content-disposition"] == call.fields[3]
        assert query["X-Amz-Expires"] == str(call.fields[4])
        assert query.get("X-Amz-Security-Token") == call.credentials.token
        auth = S3SigV4QueryAuth(call.credentials, "s3", call.region, call.fields[4])
        unsigned, _, signature = request.target.rpartition("&X-Amz-Signature=")
        seen = AWSRequest("GET", f"http://{call.host}{unsigned}", headers={"Host": call.host})
        seen.context["timestamp"] = query["X-Amz-Date"]
        assert query["X-Amz-Date"] == call.time.strftime("%Y%m%dT%H%M%SZ")
        assert signature == auth.signature(auth.string_to_sign(seen, auth.canonical_request(seen)), seen)


# ---- DynamoDB ----

ID = "0193634e-2a00-7000-8000-000000000001"


def attributes(dice, most, depth):
    """Returns {name: value} of up to that many, with maps within each other up to that depth."""
    def value():
        kinds = [{"S": text(dice, TEXT_ALPHABET, 1, 30)}, {"N": str(dice.randrange(1 << 40))}]
        return dice.choice(kinds + ([{"M": attributes(dice, 8, depth - 1)}] if depth else []))

    return {f"Name{i}": value() for i in range(dice.randrange(most))}


def attribute_fields(item):
    fields = [len(item)]
    for name, value in item.items():
        (kind, content), = value.items()
        fields += [name, kind, *(attribute_fields(content) if kind == "M" else [content])]
    return fields


def put_item(dice):
    item = {"ID": {"S": ID}} | attributes(dice, 20, 3)
    fields = ["Images", *attribute_fields(item)]
    parameters = {"TableName": "Images", "Item": item, "ConditionExpression": "attribute_not_exists(ID)"}
    return Call(dice, "dynamodb", "PutItem", fields, parameters)


def key_call(dice, operation, **more):
    return Call(dice, "dynamodb", operation, ["Images", ID],
                {"TableName": "Images", "Key": {"ID": {"S": ID}}, **more})


def test_items():
    dice = random.Random("items")
    calls = [put_item(dice) for _ in range(CASES)]
    calls += [key_call(dice, "GetItem", ConsistentRead=True) for _ in range(10)]
    calls += [key_call(dice, "DeleteItem") for _ in range(10)]
    for call, request in zip(calls, build(calls), strict=True):
        check_signed(call, request)
        check_serialized(call, request)


# ---- CloudWatch Logs ----

def put_log_events(dice, count, message):
    start = dice.randrange(1, 1 << 41)
    events = [{"timestamp": start + i, "message": message()} for i in range(count)]
    group, stream = dice.choice(["/tintype/images", "a.b#c"]), dice.choice(["node-1", "é \"x\""])
    fields = [group, stream, count]
    for event in events:
        fields += [event["timestamp"], event["message"]]
    return Call(dice, "logs", "PutLogEvents", fields,
                {"logGroupName": group, "logStreamName": stream, "logEvents": events})


def test_log_events():
    dice = random.Random("logs")
    calls = [put_log_events(dice, dice.randint(1, 20), lambda: text(dice, TEXT_ALPHABET, 1, 30)) for _ in range(CASES)]
    calls.append(put_log_events(dice, 10000, lambda: '{"id":"' + "x" * 60 + '"}'))
    calls.append(put_log_events(dice, 4, lambda: '"' * (256 * 1024 - 26)))
    calls.append(Call(dice, "logs", "CreateLogGroup", ["/a/b"], {"logGroupName": "/a/b"}))
    calls.append(Call(dice, "logs", "CreateLogStream", ["/a/b", "c"], {"logGroupName": "/a/b", "logStreamName": "c"}))
    for call, request in zip(calls, build(calls), strict=True):
        check_signed(call, request)
        check_serialized(call, request)
