#!/usr/bin/python3
"""A gate that checks what AWS checks: signature (Version 4), clock, scope, session token, and the body
against AWS's own service model. A request that passes goes to an upstream (DynamoDB: dynalite, which
checks no signature), or is answered here: CloudWatch Logs with its batch rules, S3 with objects in memory.

botocore, AWS's own signer, computes the signature from the bytes that came, without any code of the project.
The RADOS gateway (rgw.sh) behaves like the real S3; the S3 here is for what a gateway cannot be told, such as
another time.

Tests make a Gate in their own process and read gate.counts. It is also a program:

    gate.py PORT SERVICE REGION KEYS.json [UPSTREAM-URL] [--admin PORT]

KEYS.json is read again when it changes, and has {"<access key>": {"secret": "...", "token": "..." or null}}.
The admin port answers GET /__counts ({"PutItem": 3, ...}) and POST /__down?1 (503 to all; ?0 ends it).
"""

import argparse
import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import threading
import time
import urllib.parse
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.model
import botocore.validate
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SKEW_ALLOWED_S = {"s3": 15 * 60, "dynamodb": 5 * 60, "logs": 5 * 60}
JSON_TYPE = {"dynamodb": "application/x-amz-json-1.0", "logs": "application/x-amz-json-1.1"}


class Refused(Exception):
    """An error answer has a status, the service's code and a message."""

    def __init__(self, status, code, message=""):
        super().__init__(code, message)
        self.status, self.code, self.message = status, code, message


class Keys:
    """A JSON file says who may call. It is read again when it changes."""

    def __init__(self, path):
        self.path = os.fspath(path)
        self.stamp = self.known = None

    def find(self, access_key):
        status = os.stat(self.path)
        stamp = status.st_mtime_ns, status.st_ino
        if stamp != self.stamp:
            with open(self.path, encoding="utf-8") as file:
                self.known, self.stamp = json.load(file), stamp
        return self.known.get(access_key)

    def write(self, known):
        """Replaces the file in one step, so that no reader sees a part of it."""
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.replace(self.path + ".new", self.path)


# ---- signature ----

# The codes for what is wrong with a signature are (S3's, every other service's).
CODES = {"unsigned": ("AccessDenied", "MissingAuthenticationTokenException"),
         "key": ("InvalidAccessKeyId", "UnrecognizedClientException"),
         "token": ("InvalidToken", "UnrecognizedClientException"),
         "signature": ("SignatureDoesNotMatch", "InvalidSignatureException"),
         "scope": ("AuthorizationHeaderMalformed", "InvalidSignatureException"),
         "clock": ("RequestTimeTooSkewed", "InvalidSignatureException"),
         "incomplete": ("AuthorizationHeaderMalformed", "IncompleteSignatureException")}


class Signature:
    """check() judges the Authorization header of one request."""

    def __init__(self, gate, method, target, headers, body):
        self.gate, self.method, self.target, self.headers, self.body = gate, method, target, headers, body

    def refuse(self, what, message):
        is_s3 = self.gate.service == "s3"
        status = 403 if is_s3 and what not in ("scope", "incomplete") else 400
        raise Refused(status, CODES[what][0 if is_s3 else 1], message)

    def check(self):
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/,]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
                             r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
                             self.headers.get("Authorization", ""))
        if not found:
            if "Authorization" in self.headers:
                self.refuse("incomplete", "Authorization cannot be read")
            self.refuse("unsigned", "Request is missing Authentication Token")
        access_key, date, region, service, signed, signature = found.groups()
        if (region, service) != (self.gate.region, self.gate.service):
            self.refuse("scope", f"Credential should be scoped to a valid region: {self.gate.region}, "
                                 f"not {region}/{service}")
        key = self.gate.keys.find(access_key)
        if key is None:
            self.refuse("key", "The security token included in the request is invalid.")
        if self.headers.get("X-Amz-Security-Token") != key.get("token"):
            self.refuse("token", "The security token included in the request is invalid")
        self.check_time(date)
        self.check_signed_headers(signed.split(";"))
        expected, canonical = self.compute(access_key, key["secret"], signed.split(";"))
        if not hmac.compare_digest(expected, signature):
            self.refuse("signature", "The request signature we calculated does not match:\n" + canonical)
        self.check_payload_hash()

    def check_time(self, date):
        stamp = self.headers.get("X-Amz-Date", "")
        try:
            signed_at = datetime.datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        except ValueError:
            self.refuse("incomplete", "X-Amz-Date cannot be read: " + stamp)
        if not stamp.startswith(date):
            self.refuse("signature", "the scope has another date than X-Amz-Date")
        late_s = self.gate.now() - signed_at
        if abs(late_s) > SKEW_ALLOWED_S[self.gate.service]:
            self.refuse("clock", f"Signature expired: {stamp} is now earlier than the time allowed" if late_s > 0
                        else f"Signature not yet current: {stamp} is still later than the time allowed")

    def check_signed_headers(self, signed):
        if signed != sorted(set(signed)) or "host" not in signed:
            self.refuse("signature", "SignedHeaders is not sorted, or lacks host")
        for name in signed:
            if name not in self.headers:
                self.refuse("signature", "a signed header did not come: " + name)
        for name in self.headers:
            if name.lower().startswith("x-amz-") and name.lower() not in signed:
                self.refuse("signature", "a header is not signed: " + name)

    def compute(self, access_key, secret, signed):
        """Returns (signature, canonical request), computed by botocore over exactly the headers that were
        signed."""
        headers, body = self.headers, self.body

        class Signer(S3SigV4Auth if self.gate.service == "s3" else SigV4Auth):
            def headers_to_sign(self, request):
                chosen = http.client.HTTPMessage()
                for name in signed:
                    for value in headers.get_all(name):
                        chosen.add_header(name, value)
                return chosen

            def payload(self, request):
                return headers.get("X-Amz-Content-Sha256") or hashlib.sha256(body).hexdigest()

        signer = Signer(Credentials(access_key, secret), self.gate.service, self.gate.region)
        # The host is among the signed headers; the one in this URL is not read.
        request = AWSRequest(self.method, "http://host" + self.target, data=body)
        request.context["timestamp"] = headers["X-Amz-Date"]
        canonical = signer.canonical_request(request)
        return signer.signature(signer.string_to_sign(request, canonical), request), canonical

    def check_payload_hash(self):
        told = self.headers.get("X-Amz-Content-Sha256")
        if told is None and self.gate.service == "s3":
            raise Refused(400, "InvalidRequest", "Missing required header: x-amz-content-sha256")
        if told not in (None, "UNSIGNED-PAYLOAD", hashlib.sha256(self.body).hexdigest()):
            raise Refused(400, "XAmzContentSHA256Mismatch", "The body has another hash")


def without_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member comes twice")
    return members


class Model:
    """AWS's description of a JSON service, as botocore ships it."""

    def __init__(self, service):
        self.service = service
        self.model = botocore.model.ServiceModel(
            botocore.loaders.Loader().load_service_model(service, "service-2"))

    def check(self, headers, body):
        """Returns (operation, its members), after a check for wrong types, missing, unknown and too long
        ones."""
        prefix, _, operation = headers.get("X-Amz-Target", "").partition(".")
        if prefix != self.model.metadata["targetPrefix"] or operation not in self.model.operation_names:
            raise Refused(400, "UnknownOperationException", "X-Amz-Target")
        if headers.get("Content-Type") != JSON_TYPE[self.service]:
            raise Refused(400, "UnknownOperationException", "Content-Type")
        try:
            members = json.loads(body.decode("utf-8"), object_pairs_hook=without_duplicates)
        except ValueError as error:
            raise Refused(400, "SerializationException", str(error)) from error
        shape = self.model.operation_model(operation).input_shape
        report = botocore.validate.ParamValidator().validate(members, shape)
        if report.has_errors():
            raise Refused(400, "ValidationException", report.generate_report())
        return operation, members


# ---- what answers behind the gate; each: answer(gate, request) -> (status, headers, body) ----

class Upstream:
    """Another server. Each thread keeps a connection to it open."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url)
        self.local = threading.local()

    def answer(self, gate, request):
        headers = {name: value for name, value in request.headers.items()
                   if name.lower() not in ("connection", "expect", "transfer-encoding")}
        for is_last in (False, True):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = http.client.HTTPConnection(
                    self.address.hostname, self.address.port, timeout=30)
            try:
                connection.request(request.method, request.target, request.body, headers)
                answer = connection.getresponse()
                return answer.status, {"Content-Type": answer.getheader("Content-Type")}, answer.read()
            except (OSError, http.client.HTTPException):
                # The other end may have closed an idle connection.
                connection.close()
                self.local.connection = None
                if is_last:
                    raise


class Logs:
    """CloudWatch Logs, with the constraints that the API Reference names for PutLogEvents."""

    BATCH_MAX_EVENTS, BATCH_MAX_BYTES, EXTRA_BYTES, EVENT_MAX_BYTES = 10000, 1048576, 26, 262144
    DAY_MS, AHEAD_MAX_MS = 24 * 3600 * 1000, 2 * 3600 * 1000

    def __init__(self):
        self.groups = {}
        self.lock = threading.Lock()

    def answer(self, gate, request):
        handlers = {"CreateLogGroup": self.create_group, "CreateLogStream": self.create_stream,
                    "PutLogEvents": self.put, "GetLogEvents": self.get}
        if request.operation not in handlers:
            raise Refused(400, "UnknownOperationException", request.operation)
        with self.lock:
            members = handlers[request.operation](request.members, int(gate.now() * 1000))
        body = b"" if members is None else json.dumps(members).encode()
        return 200, {"Content-Type": JSON_TYPE["logs"]}, body

    def create_group(self, members, _):
        if members["logGroupName"] in self.groups:
            raise Refused(400, "ResourceAlreadyExistsException", "The specified log group already exists")
        self.groups[members["logGroupName"]] = {}

    def group(self, members):
        if members["logGroupName"] not in self.groups:
            raise Refused(400, "ResourceNotFoundException", "The specified log group does not exist.")
        return self.groups[members["logGroupName"]]

    def create_stream(self, members, _):
        if members["logStreamName"] in self.group(members):
            raise Refused(400, "ResourceAlreadyExistsException", "The specified log stream already exists")
        self.group(members)[members["logStreamName"]] = []

    def stream(self, members):
        if members["logStreamName"] not in self.group(members):
            raise Refused(400, "ResourceNotFoundException", "The specified log stream does not exist.")
        return self.group(members)[members["logStreamName"]]

    def put(self, members, now_ms):
        stream, events = self.stream(members), members["logEvents"]
        self.check_batch(events)
        times = [event["timestamp"] for event in events]
        too_old = sum(time_ms < now_ms - 14 * self.DAY_MS for time_ms in times)
        too_new = sum(time_ms > now_ms + self.AHEAD_MAX_MS for time_ms in times)
        stream += events[too_old:len(events) - too_new]
        rejected = {}
        if too_old:
            rejected["tooOldLogEventEndIndex"] = too_old
        if too_new:
            rejected["tooNewLogEventStartIndex"] = len(events) - too_new
        answer = {"nextSequenceToken": str(len(stream))}
        return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})

    def check_batch(self, events):
        def must(holds, message):
            if not holds:
                raise Refused(400, "InvalidParameterException", message)

        sizes = [len(event["message"].encode()) for event in events]
        times = [event["timestamp"] for event in events]
        must(1 <= len(events) <= self.BATCH_MAX_EVENTS, "the batch has no event, or too many")
        must(min(sizes) > 0, "an event has no message")
        must(max(sizes) <= self.EVENT_MAX_BYTES, "an event is too large")
        must(sum(sizes) + self.EXTRA_BYTES * len(events) <= self.BATCH_MAX_BYTES, "Upload too large")
        must(times == sorted(times), "Log events in a single PutLogEvents request must be in chronological order.")
        must(times[-1] - times[0] <= self.DAY_MS, "The batch of log events spans more than 24 hours")

    def get(self, members, _):
        events = sorted(self.stream(members), key=lambda event: event["timestamp"])
        start = int(members.get("nextToken", "f/0")[2:])
        page = events[start:start + members.get("limit", 10000)]
        return {"events": [event | {"ingestionTime": event["timestamp"]} for event in page],
                "nextForwardToken": f"f/{start + len(page)}", "nextBackwardToken": f"b/{start}"}


class Objects:
    """S3 as far as an agent uses it: in path style, with every bucket there."""

    def __init__(self):
        self.objects = {}

    def answer(self, gate, request):
        path = urllib.parse.unquote(request.target.partition("?")[0])
        if request.method == "PUT":
            if "Content-Length" not in request.headers:
                raise Refused(411, "MissingContentLength")
            self.objects[path] = request.headers.get("Content-Type", "binary/octet-stream"), request.body
            return 200, {"ETag": f'"{hashlib.md5(request.body).hexdigest()}"'}, b""
        if request.method == "DELETE":
            self.objects.pop(path, None)
            return 204, {}, b""
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, "MethodNotAllowed")
        if path not in self.objects:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.")
        kind, body = self.objects[path]
        return 200, {"Content-Type": kind}, body


# ---- the server ----

class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.operation, self.members = method, None


class Gate:
    """start() listens on 127.0.0.1, and stop() ends it. region, offset_s and down may be changed at any time."""

    def __init__(self, service, region, keys, behind, port=0):
        self.service, self.region, self.keys, self.behind = service, region, keys, behind
        self.model = Model(service) if service in JSON_TYPE else None
        self.offset_s = 0  # The gate's clock is ahead by so much.
        self.down = False
        self.observer = None  # It is called with each request that passed, before the request goes on.
        self.counts = Counter()  # This counts requests by operation, whatever became of them.
        self.refusals = Counter()  # This counts refusals by code.
        self.lock = threading.Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120
            disable_nagle_algorithm = True
            wbufsize = -1  # Head and body leave in one piece.

            def log_message(self, *_):
                pass

            def date_time_string(self, timestamp=None):
                return super().date_time_string(gate.now() if timestamp is None else timestamp)

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, headers, answer = gate.answer(
                    Request(self.command, self.path, self.headers, body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # A client that goes away is no error.

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def now(self):
        return time.time() + self.offset_s

    def reset(self):
        self.offset_s, self.down, self.observer = 0, False, None
        with self.lock:
            self.counts.clear()
            self.refusals.clear()

    def answer(self, request):
        operation = request.headers.get("X-Amz-Target", request.method).rpartition(".")[2]
        with self.lock:
            self.counts[operation] += 1
        try:
            if self.down:
                raise Refused(503, "ServiceUnavailable", "down")
            Signature(self, request.method, request.target, request.headers, request.body).check()
            if self.model:
                request.operation, request.members = self.model.check(request.headers, request.body)
            if self.observer:
                self.observer(request)
            return self.behind.answer(self, request)
        except Refused as refused:
            with self.lock:
                self.refusals[refused.code] += 1
            return self.format(refused)

    def format(self, refused):
        if self.service == "s3":
            text = (f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{refused.code}</Code>'
                    f"<Message>{escape(refused.message)}</Message></Error>")
            return refused.status, {"Content-Type": "application/xml"}, text.encode()
        text = json.dumps({"__type": "com.amazonaws#" + refused.code, "message": refused.message})
        return refused.status, {"Content-Type": JSON_TYPE[self.service]}, text.encode()


def admin_server(gate, port):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def send(self, text):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_GET(self):
            if self.path == "/__counts":
                self.send(json.dumps(gate.counts))
            else:
                self.send_error(404)

        def do_POST(self):
            path, _, query = self.path.partition("?")
            if path == "/__down":
                gate.down = query != "0"
                self.send(json.dumps({"down": gate.down}))
            else:
                self.send_error(404)

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main():
    parser = argparse.ArgumentParser(description="A gate that checks signatures as AWS does.")
    parser.add_argument("port", type=int)
    parser.add_argument("service", choices=["dynamodb", "logs", "s3"])
    parser.add_argument("region")
    parser.add_argument("keys", help="JSON file of those who may call")
    parser.add_argument("upstream", nargs="?", help="URL; needed for dynamodb")
    parser.add_argument("--admin", type=int, metavar="PORT")
    options = parser.parse_args()
    if options.upstream:
        behind = Upstream(options.upstream)
    elif options.service == "dynamodb":
        parser.error("dynamodb needs an upstream")
    else:
        behind = Logs() if options.service == "logs" else Objects()
    gate = Gate(options.service, options.region, Keys(options.keys), behind, options.port)
    if options.admin:
        threading.Thread(target=admin_server(gate, options.admin).serve_forever, daemon=True).start()
    gate.server.serve_forever()


if __name__ == "__main__":
    main()
