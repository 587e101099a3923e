"""A FastCGI client that speaks to tintyped without a web server, a piece at a time where a test wants to stop
in the middle."""

import contextlib
import socket
import struct

import openapi

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7


def record(kind, body=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(body), 0) + body


def pair(name, value):
    name, value = name.encode(), value.encode()
    lengths = b"".join(struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 0x80000000)
                       for n in (len(name), len(value)))
    return lengths + name + value


class Call:
    """A call is one request on one connection. A test opens it, sends pieces of the body, and then calls
    finish()."""

    def __init__(self, path, method="POST", uri="/api/images", kind="application/octet-stream",
                 length=None, **params):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        environment = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "SERVER_PROTOCOL": "HTTP/1.1",
                       "QUERY_STRING": uri.partition("?")[2], "SCRIPT_NAME": uri.partition("?")[0],
                       "CONTENT_TYPE": kind, "GATEWAY_INTERFACE": "CGI/1.1", **params}
        if length is not None:
            environment["CONTENT_LENGTH"] = str(length)
        self.method, self.path = method, uri.partition("?")[0]
        body = b"".join(pair(*item) for item in environment.items())
        self.socket.sendall(record(BEGIN, struct.pack(">HB5x", 1, 0)) + record(PARAMS, body)
                            + record(PARAMS))

    def send(self, body):
        for start in range(0, len(body), 32768):
            self.socket.sendall(record(STDIN, body[start:start + 32768]))

    def close(self):
        self.socket.close()

    def finish(self):
        """Ends the body and returns the answer()."""
        with contextlib.suppress(BrokenPipeError):
            self.socket.sendall(record(STDIN))
        return self.answer()

    def answer(self):
        """Returns (status, headers as a dict of lower-case names, body). The status is 0 when the connection
        ended without an answer. An answer must be as www/openapi.yaml describes it."""
        try:
            out = self._read()
        except ConnectionResetError:
            out = b""
        finally:
            self.close()
        if not out:
            return 0, {}, b""
        head, _, body = out.partition(b"\r\n\r\n")
        headers = openapi.join_headers(head.decode("latin-1").split("\r\n"))
        status = int(headers.pop("status").split()[0])
        # A web server that needs Location under another name restores the name before clients see the answer
        # (deploy/apache-fcgid.conf).
        seen = {"location" if name == "content-location" else name: value for name, value in headers.items()}
        openapi.judge(self.method, self.path, status, seen, body)
        return status, headers, body

    def _read(self):
        stream, out = self.socket.makefile("rb"), b""
        while header := stream.read(8):
            if len(header) < 8:
                break
            _, kind, _, length, padding = struct.unpack(">BBHHBx", header)
            body = stream.read(length + padding)[:length]
            if kind == STDOUT:
                out += body
            if kind == END:
                break
        return out


def call(path, body=b"", **options):
    """Sends a whole request at once."""
    one = Call(path, length=options.pop("length", len(body)), **options)
    one.send(body)
    return one.finish()
