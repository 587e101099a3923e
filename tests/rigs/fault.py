"""An HTTP proxy that fails as it is told, which a test puts between a client and a service.

Bytes pass unchanged, the Host header included, so signatures that were made for the proxy's address hold.
Every request is noted in proxy.seen. Each connection has a thread and a connection to the upstream of its
own, as if the proxy were not there.

    proxy = Proxy("127.0.0.1", 8000).start()
    proxy.fail(answer(500), times=3)            # the next three requests
    proxy.fail(CUT, every=4, match=lambda request: request.method == "PUT")
    proxy.clear(); proxy.refuse(); proxy.accept(); proxy.stop()
"""

import email.utils
import json
import socket
import struct
import threading
import time

HEAD_MAX_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024


# ---- faults ----

class Fault:
    """kind is pass, delay, answer, half, cut, hang or trickle, and the other values depend on it."""

    def __init__(self, kind, data=b"", seconds=0):
        self.kind, self.data, self.seconds = kind, data, seconds


CUT = Fault("cut")  # The connection is reset when half of the body has come, and the upstream sees nothing.
HALF = Fault("half")  # The upstream does what it was asked, but only half of its answer comes back.
HANG = Fault("hang")  # No answer comes until clear() or stop().
TRICKLE = Fault("trickle")  # The upstream does what it was asked, but its answer comes at a byte a second.


def delay(seconds):
    return Fault("delay", seconds=seconds)


def answer(status, body=b"", **headers):
    """Makes an answer of the proxy's own. Retry_After=2 becomes the header Retry-After; Date is this
    machine's unless it is given."""
    headers = {"Content-Length": str(len(body)), "Date": email.utils.formatdate(usegmt=True)} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()}
    head = f"HTTP/1.1 {status} Fault\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
    return Fault("answer", head.encode() + b"\r\n" + body)


def s3_error(status, code, message="", more="", **headers):
    body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}'
            f"</Message>{more}<RequestId>FAULT</RequestId></Error>").encode()
    return answer(status, body, Content_Type="application/xml", **headers)


def json_error(status, code, message="", **headers):
    body = json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message})
    return answer(status, body.encode(), Content_Type="application/x-amz-json-1.0", **headers)


def slow_down(retry_after_s=None):
    headers = {} if retry_after_s is None else {"Retry_After": retry_after_s}
    return s3_error(503, "SlowDown", "Please reduce your request rate.", **headers)


def throughput_exceeded():
    return json_error(400, "ProvisionedThroughputExceededException",
                      "The level of configured provisioned throughput for the table was exceeded.")


def too_skewed(offset_s):
    """Makes S3's answer to a client whose clock is wrong by offset_s."""
    return s3_error(403, "RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.",
                    Date=email.utils.formatdate(time.time() + offset_s, usegmt=True))


# ---- messages ----

class Closed(Exception):
    """The other end has closed the connection."""


class Stream:
    """Reads a socket up to a line's end or by a count, and what is read can be passed on unchanged."""

    def __init__(self, connection):
        self.socket, self.waiting = connection, b""

    def fill(self):
        piece = self.socket.recv(PIECE_BYTES)
        if not piece:
            raise Closed
        self.waiting += piece

    def read_past(self, mark):
        while mark not in self.waiting:
            if len(self.waiting) > HEAD_MAX_BYTES:
                raise Closed
            self.fill()
        end = self.waiting.index(mark) + len(mark)
        data, self.waiting = self.waiting[:end], self.waiting[end:]
        return data

    def read(self, count):
        while len(self.waiting) < count:
            self.fill()
        data, self.waiting = self.waiting[:count], self.waiting[count:]
        return data

    def read_chunked(self):
        data = b""
        while True:
            line = self.read_past(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data += line
            if size == 0:
                break
            data += self.read(size + 2)
        while True:  # This reads trailers and the empty line.
            line = self.read_past(b"\r\n")
            data += line
            if line == b"\r\n":
                return data

    def read_all(self):
        try:
            while True:
                self.fill()
        except Closed:
            data, self.waiting = self.waiting, b""
            return data


def parse_head(head):
    """Returns (first line's words, {lower-case name: value})."""
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:] if line)
    return lines[0].split(" ", 2), {name.lower(): value.strip() for name, _, value in pairs}


class Seen:
    """A request that came has its time (monotonic) and the status of its answer (None if none came whole). It
    is over when it was answered or when the client gave it up."""

    def __init__(self, head):
        (self.method, self.path, _), self.headers = parse_head(head)
        self.operation = self.headers.get("x-amz-target", self.method).rpartition(".")[2]
        self.time_s = time.monotonic()
        self.status = None
        self.over = False

    def __repr__(self):
        return f"{self.operation} {self.path} -> {self.status}"


class Rule:
    def __init__(self, fault, times, every, match):
        self.fault, self.times, self.every, self.match = fault, times, every, match
        self.matched = 0

    def take(self, seen):
        """Returns the fault when it is this request's turn, and None otherwise."""
        if self.times == 0 or (self.match and not self.match(seen)):
            return None
        self.matched += 1
        if self.matched % self.every:
            return None
        if self.times is not None:
            self.times -= 1
        return self.fault


# ---- the proxy ----

class Proxy:
    def __init__(self, upstream_host, upstream_port, port=0):
        self.upstream = (upstream_host, upstream_port)
        self.lock = threading.Lock()
        self.rules, self.seen, self.sockets = [], [], set()
        self.released = threading.Event()  # Setting it ends what hangs.
        self.listener = None
        self.port = port

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.accept()
        return self

    def accept(self):
        """Listens, also again, on the same port as before."""
        if self.listener:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port, self.listener = listener.getsockname()[1], listener
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def refuse(self):
        """Refuses new connections and resets those there are."""
        if self.listener:
            # A thread in accept(2) does not notice close(2).
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        with self.lock:
            for one in self.sockets:
                reset(one)

    def stop(self):
        self.clear()
        self.refuse()

    def fail(self, fault, times=None, every=1, match=None):
        """From now on the fault meets each request that match(seen) accepts (all by default), or every one in
        `every` of them, `times` times. Rules are asked in their order, and the first that accepts a request
        decides."""
        with self.lock:
            self.rules.append(Rule(fault, times, every, match))

    def clear(self):
        """Ends all faults. What hangs is let go and reset."""
        with self.lock:
            self.rules = []
            self.released.set()
            self.released = threading.Event()

    def forget(self):
        with self.lock:
            self.seen = []

    def count(self, operation=None):
        with self.lock:
            return sum(operation in (None, seen.operation) for seen in self.seen)

    def statuses(self):
        with self.lock:
            return [seen.status for seen in self.seen]

    # ---- connections ----

    def serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.handle, args=(client,), daemon=True).start()

    def handle(self, client):
        upstream = None
        with self.lock:
            self.sockets.add(client)
        try:
            upstream = socket.create_connection(self.upstream)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.sockets.add(upstream)
            ends = Stream(client), Stream(upstream)
            while self.exchange(*ends):
                pass
        except (OSError, Closed, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets -= {client, upstream}
            client.close()
            if upstream:
                upstream.close()

    def exchange(self, client, upstream):
        """Passes on one request and its answer. Returns whether the connection goes on."""
        head = client.read_past(b"\r\n\r\n")
        if not self.listener:
            return False
        with self.lock:
            seen = Seen(head)
            self.seen.append(seen)
            released = self.released
            fault = next(filter(None, (rule.take(seen) for rule in self.rules)), Fault("pass"))
        try:
            return self.carry(seen, head, fault, released, client, upstream)
        finally:
            seen.over = True

    def carry(self, seen, head, fault, released, client, upstream):
        size = int(seen.headers.get("content-length", 0))
        if "100-continue" in seen.headers.get("expect", "").lower():
            client.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if fault.kind == "cut":
            client.read(size // 2)
            reset(client.socket)
            return False
        body = client.read(size)
        if fault.kind == "hang":
            released.wait()
            reset(client.socket)
            return False
        if fault.kind == "answer":
            seen.status = int(fault.data.split(b" ", 2)[1])
            client.socket.sendall(fault.data if seen.method != "HEAD"
                                  else fault.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            return True
        if fault.kind == "delay":
            released.wait(fault.seconds)
        upstream.socket.sendall(head + body)
        status, data, goes_on = read_answer(upstream, seen.method)
        if fault.kind == "half":
            client.socket.sendall(data[:len(data) // 2])
            return False
        if fault.kind == "trickle":
            for place in range(len(data)):
                client.socket.sendall(data[place:place + 1])
                if released.wait(1):
                    reset(client.socket)
                    return False
        else:
            client.socket.sendall(data)
        seen.status = status
        return goes_on


def read_answer(upstream, method):
    """Returns (status, the whole answer, whether the connection goes on), and passes over 100 Continue."""
    status = 100
    while status < 200:
        head = upstream.read_past(b"\r\n\r\n")
        (_, code, *_), headers = parse_head(head)
        status = int(code)
    goes_on = headers.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304):
        return status, head, goes_on
    if "content-length" in headers:
        return status, head + upstream.read(int(headers["content-length"])), goes_on
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return status, head + upstream.read_chunked(), goes_on
    return status, head + upstream.read_all(), False


def reset(connection):
    """Sends RST instead of FIN, and wakes whoever waits on the socket."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
    except OSError:
        pass  # The connection is closed already.
