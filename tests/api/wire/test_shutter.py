"""Addresses in a flood are not heard by the kernel for a while; nobody else notices, and later they are heard again."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire import shutter
from ledger.api.wire.lobby import Purse
from ledger.api.wire.shutter import FilterStep, Shutter, attach, program
from ledger.cli.remote import Remote
from tests.scenes.served import served

ASKED = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
PATIENCE = 0.4
"""A dropped packet is sent anew after a second."""


class Loop:
    """An event loop and its clock, which go on when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], object]]] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        self.due.append((self.now + delay, callback))

    def clock(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        ready, self.due = (
            [c for at, c in self.due if at <= self.now],
            [(at, c) for at, c in self.due if at > self.now],
        )
        for callback in ready:
            callback()


def turned_away(one: Shutter, address: str, times: int) -> None:
    for _ in range(times):
        one.turned_away(address)


def heard(to: tuple[Any, ...], source: str) -> bool:
    """Whether a connection from this address comes to be."""
    with closing(socket.socket()) as line:
        line.bind((source, 0))
        line.settimeout(PATIENCE)
        try:
            line.connect(to)
        except TimeoutError:
            return False
        return True


def listening(address: str = "127.0.0.1") -> socket.socket:
    one = socket.socket()
    one.bind((address, 0))
    one.listen(32)
    return one


def dropped(family: int, steps: list[FilterStep], source: str) -> bool:
    """What the kernel makes of a packet of this source, step by step; so that no machine needs IPv6 for it."""
    network = 0xFFF00000 + (8 if family == socket.AF_INET6 else 12)
    packet, loaded, at = socket.inet_pton(family, source), 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x20:
            start = operand - network
            loaded = int.from_bytes(packet[start : start + 4], "big")
        elif code == 0x15:
            at += if_true if loaded == operand else if_false
        else:
            assert code == 0x06
            return operand == 0


def test_a_filter_drops_its_places_and_no_others() -> None:
    places = ["127.0.9.1", "2001:db8:0:5::/64", "127.0.9.3", "2001:db8::/64"]
    four, six = (program(family, places) for family in (socket.AF_INET, socket.AF_INET6))
    sources = ["127.0.9.1", "127.0.9.2", "127.0.9.3"]
    assert [dropped(socket.AF_INET, four, source) for source in sources] == [True, False, True]
    sources = ["2001:db8:0:5::9", "2001:db8:0:6::9", "2001:db8::1", "2001:db9::1", "::1"]
    assert [dropped(socket.AF_INET6, six, source) for source in sources] == [True, False, True, False, False]


def test_the_kernel_drops_what_comes_from_these_addresses_and_no_others() -> None:
    with closing(listening()) as one:
        attach(one, program(socket.AF_INET, ["127.0.9.1", "2001:db8::/64", "127.0.9.3"]))
        sources = ["127.0.9.1", "127.0.9.2", "127.0.9.3", "127.0.0.1"]
        assert [heard(one.getsockname(), source) for source in sources] == [False, True, False, True]
        attach(one, program(socket.AF_INET, [f"127.0.9.{number}" for number in range(2, 200)] * 2))
        assert [heard(one.getsockname(), source) for source in sources] == [True, False, False, True]
        attach(one, [])
        attach(one, [])
        assert heard(one.getsockname(), "127.0.9.3")


def test_an_address_turned_away_too_often_is_shut_out_for_a_while() -> None:
    with closing(listening()) as one:
        loop = Loop()
        made = Shutter(loop, [one], loop.clock)
        turned_away(made, "127.0.9.1", shutter.TURNED_AWAY_MAX)
        turned_away(made, "127.0.9.2", shutter.TURNED_AWAY_MAX)
        turned_away(made, "", 1_000)
        assert made.places == ()
        loop.now += shutter.COUNTED_SECONDS + 1
        turned_away(made, "127.0.9.1", shutter.TURNED_AWAY_MAX)
        assert made.places == ()
        turned_away(made, "127.0.9.1", 1)
        assert made.places == ("127.0.9.1",)
        assert heard(one.getsockname(), "127.0.9.1")  # a crowd is shut out in one, a moment later
        loop.go_on(shutter.LATER_SECONDS)
        assert not heard(one.getsockname(), "127.0.9.1")
        assert heard(one.getsockname(), "127.0.9.2")
        loop.go_on(shutter.SHUT_SECONDS)
        assert made.places == ()
        assert heard(one.getsockname(), "127.0.9.1")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_crowd_s_filter_is_one_the_kernel_takes(family: int) -> None:
    with closing(listening()) as one:
        loop = Loop()
        made = Shutter(loop, [one], loop.clock)
        for number in range(shutter.ADDRESSES_MAX + 10):
            of = f"10.1.{number // 250}.{number % 250}" if family == socket.AF_INET else f"2001:{number:x}::1"
            turned_away(made, of, shutter.TURNED_AWAY_MAX + 1)
        loop.go_on(shutter.LATER_SECONDS)
        steps = program(family, made.places)
        assert (len(made.places), len(steps) > shutter.ADDRESSES_MAX) == (shutter.ADDRESSES_MAX, True)
        attach(one, steps)  # it looks at no family: whoever listens has packets of its own only


def test_where_no_filter_can_be_had_all_is_as_without() -> None:
    one = listening()
    loop = Loop()
    made = Shutter(loop, [one], loop.clock)
    one.close()  # refused, as where the system has no such filter
    turned_away(made, "127.0.9.1", 200)
    loop.go_on(1.0)
    assert made.places == ()
    turned_away(made, "127.0.9.1", 200)
    assert loop.due == []


@pytest.fixture
def beset(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A service whose lobby has nothing to give: whoever is a stranger waits, and soon there is no room."""
    monkeypatch.setattr(shutter, "SHUT_SECONDS", 3.0)
    with served(make_service(world.settings, Remote)) as made:
        yield made


@pytest.mark.fault(69)
def test_a_flood_is_shut_out_and_callers_are_not(
    world: Any, beset: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one address connection after connection; at another, where a good key was shown, as many: only the first is not heard."""
    to = ("127.0.0.1", int(beset.address.rpartition(":")[2]))
    monkeypatch.setattr(Purse, "until", lambda _self, _seconds: 0.001)

    def answer(source: str) -> bytes:
        key = f"authorization: {world.auth()['authorization']}\r\n\r\n".encode()
        with closing(socket.create_connection(to, 20, (source, 0))) as line:
            line.sendall(b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + key)
            return line.recv(65_536)[:12]

    assert answer("127.0.9.7") == b"HTTP/1.1 200"
    monkeypatch.setattr(Purse, "left", lambda _self: -1.0 if _self is beset.lobby._purse else 1.0)
    flooding, calling = "127.0.9.8", "127.0.9.7"
    kept = []
    deadline = time.monotonic() + 30
    while heard(to, flooding):
        assert time.monotonic() < deadline
        for source in (flooding, calling):
            for _ in range(60):
                line = socket.socket()
                line.setblocking(False)
                line.bind((source, 0))
                line.connect_ex(to)
                kept.append(line)
    assert heard(to, calling)
    assert answer(calling) == b"HTTP/1.1 200"
    for line in kept:
        line.close()
    monkeypatch.undo()
    deadline = time.monotonic() + 30
    while not heard(to, flooding):
        assert time.monotonic() < deadline
