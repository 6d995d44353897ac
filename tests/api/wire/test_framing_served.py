"""The same requests against the running service, on each of its ways: what is refused before the service is refused on every one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from tests.api.wire.requests import GET, REFUSED, answers, told
from tests.scenes.served import served

INTAKE = "/api/v1/settlements"
WAYS = {
    "intake": INTAKE,
    "reads": "/api/v1/books",
    "acts": "/api/v1/acts/period/close",
    "pages": "/desk/login",
    "open": "/health/live",
    "nowhere": "/nowhere",
}


@pytest.fixture
def wide(world: Any) -> Iterator[Any]:
    """The service, which tells every stranger at once what was wrong."""
    many = world.settings.model_copy(update={"strangers_per_second": 100_000})
    with served(make_service(many, Remote)) as made:
        made.port = int(made.address.rpartition(":")[2])
        yield made


def of(raw: bytes, path: str, key: str | None = None) -> bytes:
    """A request of the table, for another address, by a caller with a key."""
    raw = raw.replace(b"/a", path.encode(), 1)
    if key is None:
        return raw
    return raw.replace(b"host: x\r\n", b"host: x\r\nauthorization: Bearer " + key.encode() + b"\r\n", 1)


@pytest.mark.fault(69)
@pytest.mark.parametrize("keyed", [False, True])
def test_every_way_refuses_what_can_be_read_in_two_ways(world: Any, wide: Any, keyed: bool) -> None:
    """One answer, and nothing behind it is read; nothing is stored of a body that was not framed."""
    key = world.keys["intake"] if keyed else None
    wrong = []
    for name, path in WAYS.items():
        for what, raw, status in REFUSED:
            found = told(wide.port, of(raw, path, key), GET)
            codes = [(code, body["code"].partition(".")[0]) for code, body in found]
            if codes != [(status, "http")]:
                wrong.append((name, what, status, codes))
    assert wrong == []
    assert world.count("fund.record") == 0


@pytest.mark.fault(69)
def test_it_is_refused_on_a_connection_that_is_known(world: Any, wide: Any) -> None:
    """After a record that was stored; what follows is answered once, and never taken for a second record."""
    [body, other] = world.originals(2)
    head = of(
        b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n", INTAKE, world.keys["intake"]
    )
    good = head + b"content-length: %d\r\n\r\n" % len(body) + body
    smuggled = head + b"content-length: %d\r\n\r\n" % len(other) + other
    assert told(wide.port, good.replace(b"host: x\r\n", b"host: x\r\nconnection: close\r\n", 1))[0][0] == 201
    for what, raw, status in REFUSED:
        with socket.create_connection(("127.0.0.1", wide.port), 10) as line:
            line.sendall(good)
            assert line.recv(65_536).startswith(b"HTTP/1.1 200 "), what
            line.sendall(of(raw, INTAKE, world.keys["intake"]) + smuggled)
            assert [code for code, _ in answers(line)] == [status], what
    assert world.count("fund.record") == 1


@pytest.mark.fault(69)
def test_a_credential_in_a_trailer_opens_nothing(world: Any, wide: Any) -> None:
    [body] = world.originals(1)
    trailer = f"authorization: Bearer {world.keys['intake']}\r\n\r\n".encode()
    chunks = b"%x\r\n%s\r\n0\r\n" % (len(body), body) + trailer
    head = f"POST {INTAKE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    [(status, said)] = told(wide.port, head.encode() + b"connection: close\r\n\r\n" + chunks)
    assert (status, said["code"]) == (401, "key.missing")
    assert world.count("fund.record") == 0


@pytest.mark.fault(69)
def test_records_in_every_right_framing_are_stored_once(world: Any, wide: Any) -> None:
    """By length, with spaces about it, in chunks of odd sizes with extensions and trailers; by both ways of intake."""
    bodies = world.originals(4)
    head = of(
        b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n", INTAKE, world.keys["intake"]
    )

    def chunked(body: bytes) -> bytes:
        parts = [body[start : start + 97] for start in range(0, len(body), 97)]
        return b"".join(b"%04X;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nx: y\r\n\r\n"

    framed = [
        b"content-length: %d\r\n\r\n" % len(bodies[0]) + bodies[0],
        b"content-length: \t %d \t\r\nconnection: close\r\n\r\n" % len(bodies[1]) + bodies[1],
        b"transfer-encoding: chunked\r\n\r\n" + chunked(bodies[2]),
        b"Transfer-Encoding:Chunked\r\nconnection: close\r\n\r\n" + chunked(bodies[3]),
    ]
    # two by two: before its key is found good, a connection may send no more than two ahead of an answer
    for two in (framed[:2], framed[2:]):
        assert [status for status, _ in told(wide.port, *(head + one for one in two))] == [201] * 2
    assert world.count("fund.record") == 4
