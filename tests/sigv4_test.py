"""Signature Version 4 is compared with botocore's: both sign the same random requests. The driver is
tests/drivers/sigv4_driver.c, which describes its input and output."""

import datetime
import hashlib
import os
import pathlib
import random
import subprocess
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import percent_encode

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVER = ROOT / os.environ.get("TINTYPE_BUILD", "build") / "drivers" / "sigv4_driver"

CASES = 300
ALPHABET = [*"aZ09-._~ +%&=/?#!*'()$:,;@\"\\<", "%2F", "%20", "//", "/./", "/../", "é", "ß", "€", "𝄞", "\u0301"]
BLANKS = [" ", "  ", "\t", "a", "B", "é", ",", "=", "\""]
HEADERS = ["x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class",
           "Content-Type", "Content-Disposition", "Range", "x-amz-meta-a", "x-amz-meta-a-b", "x-amz-meta-a_b",
           "X-Amz-Meta-A1", "x-amz", "If-None-Match"]
NAMES = ["lifecycle", "uploads", "prefix", "max-keys", "a", "a-b", "A", "é", "x-id", "response-content-disposition"]


class Case:
    """One random request, and what it takes to sign it."""

    def __init__(self, dice, service):
        self.dice = dice
        self.service = service
        self.region = dice.choice(["us-east-1", "eu-central-1", "default"])
        self.credentials = Credentials(self.text(ALPHABET[:4], 20), self.text(ALPHABET[:30], 40),
                                       self.text(ALPHABET[:30], 200 * dice.randrange(2)) or None)
        self.time = datetime.datetime.fromtimestamp(dice.randrange(0, 4 << 30), datetime.timezone.utc)
        self.expires = dice.randint(1, 604800)
        self.method = dice.choice(["GET", "PUT", "HEAD", "DELETE", "POST"])
        # Only S3 is called with paths other than "/".
        self.path = "/" + (self.text(ALPHABET, 40) if service == "s3" else "")
        self.body = self.text(ALPHABET, 10).encode()
        self.query = [(name, self.text(ALPHABET, 6)) for name in dice.choices(NAMES, k=dice.randrange(8))]
        self.headers = [(name, self.text(BLANKS, 8)) for name in dice.choices(HEADERS, k=dice.randrange(8))]
        self.headers.append(("Host", dice.choice(["s3.test", "bucket.s3.test:8000", "[::1]:8000"])))

    def text(self, alphabet, length):
        return "".join(self.dice.choices(alphabet, k=self.dice.randint(0, length)))

    def request(self):
        """Returns the request as botocore has it."""
        pairs = [percent_encode(name) + ("=" + percent_encode(value) if value or self.dice.random() < 0.5 else "")
                 for name, value in self.query]
        url = "http://host" + percent_encode(self.path, safe="/~") + "?" + "&".join(pairs)
        request = AWSRequest(self.method, url, data=self.body)
        for name, value in self.headers:
            request.headers.add_header(name, value)
        request.context["timestamp"] = self.time.strftime("%Y%m%dT%H%M%SZ")
        return request

    def fields(self, headers):
        """Returns the request as the driver has it: with its headers in another order, though those of one
        name stay in theirs, and in any case."""
        places = {name.lower(): self.dice.random() for name, _ in headers}
        headers = sorted(headers, key=lambda header: places[header[0].lower()])
        headers = [(self.dice.choice([name, name.lower(), name.upper()]), value) for name, value in headers]
        return [self.credentials.access_key, self.credentials.secret_key, self.credentials.token or "", self.region,
                self.service, int(self.time.timestamp()) * 1000 + self.dice.randrange(1000), self.expires,
                self.method, self.path, hashlib.sha256(self.body).hexdigest(),
                len(self.query), *sum(self.query, ()), len(headers), *sum(headers, ())]


def sign(requests):
    """Returns for each request's fields the driver's (canonical request, string to sign, Authorization,
    presigned URL)."""
    sent = "".join(f"{field}\0" for fields in requests for field in fields)
    answer = subprocess.run([DRIVER], input=sent.encode(), stdout=subprocess.PIPE, check=True).stdout
    texts = answer.decode().split("\0")
    assert texts.pop() == "" and len(texts) == 4 * len(requests)
    return [texts[i:i + 4] for i in range(0, len(texts), 4)]


def check_authorization(signer, service):
    dice = random.Random(service)
    requests, expected = [], []
    for _ in range(CASES):
        case = Case(dice, service)
        auth = signer(case.credentials, service, case.region)
        request = case.request()
        auth._modify_request_before_signing(request)
        canonical = auth.canonical_request(request)
        text = auth.string_to_sign(request, canonical)
        requests.append(case.fields(request.headers.items()))
        auth._inject_signature_to_request(request, auth.signature(text, request))
        expected.append([canonical, text, request.headers["Authorization"]])
    for ours, theirs in zip(sign(requests), expected, strict=True):
        assert ours[:3] == theirs


def test_s3():
    check_authorization(S3SigV4Auth, "s3")


def test_dynamodb():
    check_authorization(SigV4Auth, "dynamodb")


def test_presigned_urls():
    """botocore presigns no repeated names, and it sorts what it signs but not what it sends."""
    dice = random.Random("presign")
    requests, expected = [], []
    for _ in range(CASES):
        case = Case(dice, "s3")
        case.query = list(dict(case.query).items())
        auth = S3SigV4QueryAuth(case.credentials, "s3", case.region, case.expires)
        request = case.request()
        request.data = b""
        requests.append(case.fields(request.headers.items()))
        auth._modify_request_before_signing(request)
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        url = urlsplit(request.url)
        query = auth.canonical_query_string(request)
        expected.append(f"{url.path}?{query}&X-Amz-Signature={signature}")
    for ours, theirs in zip(sign(requests), expected, strict=True):
        assert ours[3] == theirs
