"""Intake on the wire: however the bytes come, every request is answered once, in order, after it is stored."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
import pytest

URL = "/api/v1/settlements"
HEAD_END = b"\r\n\r\n"


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A socket to the service and what it said."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.file = raw.makefile("rb")

    def send(self, *parts: bytes) -> None:
        self.raw.sendall(b"".join(parts))

    def answer(self) -> Answered:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name] = value.strip()
        return Answered(status, headers, self.file.read(int(headers.get("content-length", 0))))

    def closed(self) -> bool:
        return self.file.read(1) == b""


@pytest.fixture
def wires(service: Any) -> Callable[[], Any]:
    host, _, port = service.address.removeprefix("http://").partition(":")

    @contextmanager
    def made() -> Iterator[Wire]:
        with socket.create_connection((host, int(port)), 20) as raw:
            wire = Wire(raw)
            with wire.file:
                yield wire

    return made


def asked(world: Any, body: bytes, *more: str, version: str = "1.1", path: str = URL) -> bytes:
    lines = [f"POST {path} HTTP/{version}", "host: x", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in world.auth().items()]
    return "\r\n".join([*lines, f"content-length: {len(body)}", *more]).encode() + HEAD_END + body


def setl_id(answer: Answered) -> str:
    return str(json.loads(answer.body)["setl_id"])


def id_of(body: bytes) -> str:
    document = json.loads(body)
    return str(document.get("output", document)["setlinfo"]["setl_id"])


def test_record_after_record_over_one_connection(world: Any, wires: Callable[[], Any]) -> None:
    one, two, three = world.originals(3)
    with wires() as wire:
        for body in (one, two, three):
            wire.send(asked(world, body))
            answer = wire.answer()
            assert (answer.status, setl_id(answer)) == (201, id_of(body))
            assert answer.headers["content-type"] == "application/json"
            assert "date" in answer.headers
        wire.send(asked(world, two))
        assert wire.answer().status == 200
    assert world.count("fund.record") == 3


def test_what_is_refused_is_refused_in_the_same_words(world: Any, wires: Callable[[], Any]) -> None:
    """Before the key is known, and after."""
    bodies = [b"", b'{"records": []}', b'{"setlinfo": {}}', b"{", b'{"records": [{}']
    told: list[list[tuple[int, Any]]] = []
    with wires() as wire:
        for _ in range(2):
            found = []
            for body in bodies:
                wire.send(asked(world, body))
                answer = wire.answer()
                assert answer.headers["content-type"] == "application/problem+json"
                found.append((answer.status, json.loads(answer.body)))
            told.append(found)
        for more, status in (
            ("content-type: text/plain", 415),
            ("authorization: Bearer other", 400),
            ("idempotency-key: a b", 400),
            ("content-encoding: gzip", 415),
        ):
            wire.send(asked(world, world.originals(1)[0], more))
            assert wire.answer().status == status
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == [400, 422, 422, 422, 400]
    assert world.count("fund.record") == 0


@pytest.mark.fault(69)
def test_a_body_in_pieces(world: Any, wires: Callable[[], Any]) -> None:
    for body in world.originals(2):
        request = asked(world, body)
        with wires() as wire:
            for start in range(0, len(request), 400):
                wire.send(request[start : start + 400])
                time.sleep(0.005)
            assert setl_id(wire.answer()) == id_of(body)
            wire.send(asked(world, body))
            assert wire.answer().status == 200


def test_requests_sent_together_are_answered_in_order(world: Any, wires: Callable[[], Any]) -> None:
    """Intake, another route and refusals in one packet, the last cut in the middle."""
    bodies = world.originals(6)
    health = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with wires() as wire:
        wire.send(asked(world, bodies[0]))
        assert wire.answer().status == 201
        last = asked(world, bodies[5])
        packet = [
            asked(world, bodies[1]),
            health,
            asked(world, bodies[2]),
            asked(world, b"{"),
            asked(world, bodies[3]),
        ]
        wire.send(*packet, asked(world, bodies[4], "idempotency-key: k"), last[:-100])
        answers = [wire.answer() for _ in packet]
        keyed = wire.answer()
        wire.send(last[-100:])
        assert setl_id(wire.answer()) == id_of(bodies[5])
        assert [answer.status for answer in answers] == [201, 200, 201, 422, 201]
        assert [setl_id(answers[i]) for i in (0, 2, 4)] == [id_of(body) for body in bodies[1:4]]
        assert (keyed.status, setl_id(keyed)) == (201, id_of(bodies[4]))
        wire.send(asked(world, bodies[4], "idempotency-key: k"))
        again = wire.answer()
        assert (again.status, again.body) == (201, keyed.body)
        assert again.headers["idempotency-replayed"] == "true"
    assert world.count("fund.record") == 6


@pytest.mark.parametrize(("version", "more"), [("1.1", ["connection: close"]), ("1.0", [])])
def test_who_wants_to_go_is_let_go(
    world: Any, wires: Callable[[], Any], version: str, more: list[str]
) -> None:
    first, body = world.originals(2)
    with wires() as wire:
        wire.send(asked(world, first))
        assert wire.answer().status == 201
    with wires() as wire:
        wire.send(asked(world, body, *more, version=version))
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (201, "close")
        assert wire.closed()


def test_who_asks_first_is_told_to_go_on(world: Any, wires: Callable[[], Any]) -> None:
    first, body = world.originals(2)
    with wires() as wire:
        wire.send(asked(world, first))
        assert wire.answer().status == 201
        request = asked(world, body, "expect: 100-continue")
        wire.send(request[: -len(body)])
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().status == 201


def until_waiting(service: Any, records: int) -> None:
    """Until so many records are in the batcher's hands, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while service.batcher._records < records:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_hangs_up_has_its_record_stored_and_hurts_nobody(
    world: Any, service: Any, wires: Callable[[], Any]
) -> None:
    first, gone, stays = world.originals(3)
    with wires() as wire, psycopg.connect(world.database.admin_url) as hostage:
        wire.send(asked(world, first))
        assert wire.answer().status == 201
        hostage.execute("LOCK TABLE fund.record IN ACCESS EXCLUSIVE MODE")
        with wires() as other:
            other.send(asked(world, gone))
            wire.send(asked(world, stays))
            until_waiting(service, 2)
        hostage.rollback()
        assert wire.answer().status == 201
        wire.send(asked(world, gone))
        assert wire.answer().status == 200


def test_a_stopping_service_answers_what_it_took(world: Any, service: Any, wires: Callable[[], Any]) -> None:
    """The stop comes while the record is being stored: answered, then closed."""
    first, body = world.originals(2)
    with wires() as wire, psycopg.connect(world.database.admin_url) as hostage:
        wire.send(asked(world, first))
        assert wire.answer().status == 201
        hostage.execute("LOCK TABLE fund.record IN ACCESS EXCLUSIVE MODE")
        wire.send(asked(world, body))
        until_waiting(service, 1)
        service.stop()
        threading.Timer(0.5, hostage.rollback).start()
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (201, "close")
        assert wire.closed()
    assert world.count("fund.record") == 2
