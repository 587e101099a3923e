#!/usr/bin/python3
"""Stands in tintyped's place on descriptor 0. It answers with what the web server passed on, or dies.

    /api/cut    gets a Content-Length of 1,000,000 and a third of that, before SIGKILL ends the process
    all else    gets the FastCGI variables and the length of the body, as JSON

Each connection has a process of its own, so that one that dies takes no other along.
"""

import json
import os
import signal
import socket
import struct

BEGIN, PARAMS, STDIN, STDOUT, END = 1, 4, 5, 6, 3


def read_exactly(stream, length):
    data = stream.read(length)
    if len(data) != length:
        os._exit(1)
    return data


def read_request(stream):
    """Returns the variables as a dict, and the length of the body."""
    streams, ended = {PARAMS: b"", STDIN: b""}, set()
    while len(ended) < 2:
        _, kind, _, length, padding = struct.unpack(">BBHHBx", read_exactly(stream, 8))
        data = read_exactly(stream, length + padding)[:length]
        if kind in streams:
            streams[kind] += data
            if length == 0:
                ended.add(kind)
    return dict(read_pairs(streams[PARAMS])), len(streams[STDIN])


def read_pairs(data):
    def length_at(at):
        if data[at] < 128:
            return data[at], at + 1
        return struct.unpack(">I", data[at:at + 4])[0] & 0x7fffffff, at + 4

    at = 0
    while at < len(data):
        name, at = length_at(at)
        value, at = length_at(at)
        yield data[at:at + name].decode(), data[at + name:at + name + value].decode("latin-1")
        at += name + value


def send(connection, kind, data=b""):
    for start in range(0, len(data), 32768) or (0,):
        piece = data[start:start + 32768]
        connection.sendall(struct.pack(">BBHHBx", 1, kind, 1, len(piece), 0) + piece)


def answer(connection):
    variables, size = read_request(connection.makefile("rb"))
    if variables["REQUEST_URI"] == "/api/cut":
        send(connection, STDOUT, b"Content-Type: image/png\r\nContent-Length: 1000000\r\n\r\n" + bytes(333333))
        os.kill(os.getpid(), signal.SIGKILL)
    body = json.dumps({"variables": variables, "body_bytes": size}).encode()
    send(connection, STDOUT, b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    send(connection, STDOUT)
    send(connection, END, bytes(8))


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(fileno=0)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            answer(connection)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    main()
