"""Requests as bytes, right and wrong ones, and how their answers are read. `/a` stands for the address that is asked."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, BinaryIO

HEAD = b"POST /a HTTP/1.1\r\nhost: x\r\n"
GET = b"GET /next HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


REFUSED = [
    (
        "a length beside chunks",
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunks beside a length",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("two lengths", HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400),
    ("two equal lengths", HEAD + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400),
    ("a list of lengths", HEAD + b"content-length: 5, 5\r\n\r\nhello", 400),
    ("a signed length", HEAD + b"content-length: +5\r\n\r\nhello", 400),
    ("a negative length", HEAD + b"content-length: -5\r\n\r\nhello", 400),
    ("a length in hexadecimal", HEAD + b"content-length: 0x5\r\n\r\nhello", 400),
    ("an empty length", HEAD + b"content-length: \r\n\r\nhello", 400),
    ("a length beyond all numbers", HEAD + b"content-length: 99999999999999999999999\r\n\r\n", 400),
    ("a length of twenty digits", HEAD + b"content-length: 00000000000000000005\r\n\r\nhello", 400),
    ("a chunk of no size", HEAD + b"transfer-encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk of negative size", HEAD + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 400),
    (
        "a chunk in C's hexadecimal",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    ("a chunk beyond all numbers", HEAD + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff1\r\nh", 400),
    (
        "a chunk longer than its size",
        HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    ("a chunk size ended by LF", HEAD + b"transfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
    ("a space after a chunk size", HEAD + b"transfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400),
    ("endless chunk extensions", HEAD + b"transfer-encoding: chunked\r\n\r\n5;" + b"a" * 40_000, 400),
    ("gzip and chunked", HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (
        "chunked twice",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("chunked, then identity", HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("an encoding alone", HEAD + b"transfer-encoding: gzip\r\n\r\n", 501),
    ("an encoding hidden by a tab", HEAD + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (
        "chunks in HTTP/1.0",
        b"POST /a HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("a header ended by LF", b"GET /a HTTP/1.1\r\nhost: x\nx: y\r\n\r\n", 400),
    ("a bare CR in a value", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\rb: c\r\n\r\n", 400),
    ("a NUL in a value", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n", 400),
    ("a folded line", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n", 400),
    ("a folded first line", b"GET /a HTTP/1.1\r\n host: x\r\n\r\n", 400),
    ("a space before the colon", b"GET /a HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    ("a header without colon", b"GET /a HTTP/1.1\r\nhost: x\r\nfoo\r\n\r\n", 400),
    ("a header without name", b"GET /a HTTP/1.1\r\nhost: x\r\n: foo\r\n\r\n", 400),
    ("no host", b"GET /a HTTP/1.1\r\nx: y\r\n\r\n", 400),
    ("two hosts", b"GET /a HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 400),
    ("an empty host", b"GET /a HTTP/1.1\r\nhost: \r\n\r\n", 400),
    ("two hosts in one", b"GET /a HTTP/1.1\r\nhost: x, y\r\n\r\n", 400),
    ("a host with a path", b"GET /a HTTP/1.1\r\nhost: x/y\r\n\r\n", 400),
    ("two hosts in HTTP/1.0", b"GET /a HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    ("an encoded slash", b"GET /a%2Fb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an encoded backslash", b"GET /a%5cb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a slash encoded twice", b"GET /a%252fb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a dot segment", b"GET /a/../b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a dot segment encoded", b"GET /a/%2e%2E/b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a segment of one dot", b"GET /./b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an empty segment", b"GET //a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a backslash", b"GET /a\\b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("half a percent", b"GET /a%2 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an encoded NUL", b"GET /a%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a path that is no UTF-8", b"GET /a%ff HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("another's address", b"GET http://other/a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a long target", b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    ("a long header", b"GET /a HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    ("many headers", b"GET /a HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 70 + b"\r\n", 431),
    ("an endless first line", b"GET /" + b"a" * 40_000, 431),
    ("an endless header", b"GET /a HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 40_000, 431),
    ("a tunnel", b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
    ("a websocket", b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 501),
    ("HTTP/2 offered", b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 501),
    ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /a\r\n\r\n", 505),
    ("HTTP/1.2", b"GET /a HTTP/1.2\r\nhost: x\r\n\r\n", 400),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, 400),
    ("no method", b" /a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("every address at once", b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a star for an address", b"GET * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("our own address in full", b"GET http://x/a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an address without its slash", b"GET a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("only a host for an address", b"GET x:80 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a first line ended by LF", b"GET /a HTTP/1.1\nhost: x\r\n\r\n", 400),
    ("lines ended by LF", b"GET /a HTTP/1.1\nhost: x\n\n", 400),
    ("a first line ended by CR", b"GET /a HTTP/1.1\rhost: x\r\n\r\n", 400),
    ("a tab in the first line", b"GET\t/a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a space after the version", b"GET /a HTTP/1.1 \r\nhost: x\r\n\r\n", 400),
    ("a version in small letters", b"GET /a http/1.1\r\nhost: x\r\n\r\n", 400),
    ("a method nobody knows", b"GRAB /a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a method in small letters", b"get /a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("bytes beyond ASCII in the address", b"GET /a\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a NUL in the address", b"GET /a\x00 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a slash written too long", b"GET /a%c0%afb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a backslash encoded twice", b"GET /a%255Cb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a slash encoded three times", b"GET /a%25252fb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an encoded line end", b"GET /a%0d%0ax HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a host with a name before it", b"GET /a HTTP/1.1\r\nhost: who@x\r\n\r\n", 400),
    ("a host whose port is none", b"GET /a HTTP/1.1\r\nhost: x:8a\r\n\r\n", 400),
    ("a header named in Latin", b"GET /a HTTP/1.1\r\nhost: x\r\nn\xe9: y\r\n\r\n", 400),
    ("a length of two words", HEAD + b"content-length: 5 5\r\n\r\nhello", 400),
    ("a length with a comma", HEAD + b"content-length: 5,\r\n\r\nhello", 400),
    ("a length with a point", HEAD + b"content-length: 5.0\r\n\r\nhello", 400),
    ("a length before a vertical tab", HEAD + b"content-length: 5\x0b\r\n\r\nhello", 400),
    ("a length in a folded line", HEAD + b"content-length:\r\n 5\r\n\r\nhello", 400),
    ("an encoding nearly chunked", HEAD + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("an encoding in quotes", HEAD + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n', 501),
    ("chunked twice in a line", HEAD + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    (
        "an encoding with a space before its colon",
        HEAD + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "a LF in a chunk extension",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    ("a chunk without its end", HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400),
    ("a chunk ended by LF", HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400),
    ("a plus before a chunk size", HEAD + b"transfer-encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400),
    ("endless trailers", HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 8_000, 400),
    ("a broken trailer", HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\nx y\r\n\r\n", 400),
]


ANSWERED = [
    ("more spaces in the first line", b"GET  /a   HTTP/1.1\r\nhost: x\r\n\r\n", ""),
    ("spaces after a value", b"GET /a HTTP/1.1\r\nhost: x \t\r\n\r\n", ""),
    ("a body by its length", HEAD + b"content-length: 5\r\n\r\nhello", "hello"),
    ("chunks", HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
    ("Chunked", HEAD + b"Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("a chunk extension", HEAD + b"transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "hello"),
    ("no body", HEAD + b"content-length: 0\r\n\r\n", ""),
    ("empty lines before", b"\r\n\r\n" + HEAD + b"content-length: 0\r\n\r\n", ""),
    ("a name in Chinese", b"GET /%E5%8C%BB HTTP/1.1\r\nhost: x:80\r\n\r\n", ""),
    ("a query with a slash", b"GET /a?b=%2F..%2F HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", ""),
    ("a length between spaces", HEAD + b"content-length: \t 5 \t\r\n\r\nhello", "hello"),
    ("a length with zeros before it", HEAD + b"content-length: 005\r\n\r\nhello", "hello"),
    (
        "an encoding between spaces",
        HEAD + b"transfer-encoding: \tchunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "hello",
    ),
    (
        "a chunk of size 00A",
        HEAD + b"transfer-encoding: chunked\r\n\r\n00A\r\nhellohello\r\n0\r\n\r\n",
        "hellohello",
    ),
]


def told(port: int, *parts: bytes, wait: float = 0.0) -> list[tuple[int, Any]]:
    """Every answer to these bytes, until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        for part in parts:
            raw.sendall(part)
            time.sleep(wait)
        return answers(raw)


def next_line(file: BinaryIO) -> bytes:
    """The first line of the next answer; nothing where the server let go, also of what it had not read any more."""
    try:
        return file.readline()
    except ConnectionResetError:
        return b""


def answers(raw: socket.socket) -> list[tuple[int, Any]]:
    found = []
    with raw.makefile("rb") as file:
        while line := next_line(file):
            status, length = int(line.split()[1]), 0
            while (line := file.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = file.read(length)
            found.append((status, json.loads(body) if body.startswith(b"{") else body))
    return found
