"""Whose turn it is while strangers want more of the loop's time than they may have."""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire import guard
from ledger.api.wire import lobby as rules
from ledger.api.wire.lobby import Lobby, Purse
from ledger.cli.remote import Remote
from tests.scenes.served import served

PORTION = rules.BURST_SECONDS


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_purse_fills_with_its_share_of_the_time_and_owes_so_much_at_most() -> None:
    clock = Clock()
    purse = Purse(0.2, clock)
    assert purse.left() == PORTION
    purse.pay(1_000.0)
    assert purse.left() == -rules.DEBT_SECONDS
    assert purse.until(0.0) == pytest.approx(rules.DEBT_SECONDS / 0.2)
    clock.now += rules.DEBT_SECONDS / 0.2 + 0.05
    assert purse.left() == pytest.approx(0.01)
    clock.now += 1_000.0
    assert purse.left() == PORTION


def turns(waiting: list[tuple[str, str]], good: tuple[str, ...] = ()) -> list[str]:
    """In which order those who wait have their turn."""
    had: list[str] = []

    async def run() -> None:
        lobby = Lobby()
        for address in good:
            lobby.good(address)
        lobby.pay(PORTION + 0.001)
        for address, who in waiting:
            lobby.wait(address, lambda who=who: had.append(who), lambda: had.append("out"))  # type: ignore[misc]
        async with asyncio.timeout(20):
            while len(lobby):
                await asyncio.sleep(0.001)

    asyncio.run(run())
    return had


def test_one_turn_for_one_address_after_the_other() -> None:
    flood = [("a", f"a{number}") for number in range(50)]
    assert turns([*flood, ("b", "b0"), ("c", "c0")])[:4] == ["a0", "b0", "c0", "a1"]


def test_where_a_good_key_was_shown_they_go_first_but_not_always() -> None:
    flood = [("a", f"a{number}") for number in range(50)]
    had = turns([*flood, *(("b", f"b{number}") for number in range(6))], good=("b",))
    assert had[:8] == ["b0", "b1", "b2", "a0", "b3", "b4", "b5", "a1"]


def test_so_many_wait_and_no_more() -> None:
    """Of an address where a good key was shown the one who waits longest is asked to go; of another nobody more is heard."""

    async def run() -> None:
        lobby, out = Lobby(), []
        lobby.pay(PORTION + 10.0)
        lobby.good("b")
        for number in range(rules.WAITING_MAX + 3):
            lobby.wait("b", lambda: None, lambda number=number: out.append(number))  # type: ignore[misc]
        assert (out, lobby.pushed_out) == ([0, 1, 2], 3)
        assert not lobby.full("b")
        for _ in range(rules.STRANGERS_OF_ONE_MAX):
            assert not lobby.full("a")
            lobby.wait("a", lambda: None, lambda: None)
        assert lobby.full("a")
        assert not lobby.full("c")

    asyncio.run(run())


@pytest.fixture
def beset(world: Any) -> Iterator[Any]:
    """A service whose lobby has nothing to give: whoever is a stranger waits for as long as the test lasts."""
    with served(make_service(world.settings, Remote)) as made:
        yield made


@pytest.mark.fault(69)
def test_a_caller_who_comes_anew_does_not_wait_with_strangers(
    world: Any, beset: Any, monkeypatch: Any
) -> None:
    """At the strangers' own address, on a new connection, whose key was seen before: answered. A stranger there: not yet."""
    [body] = world.originals(1)
    head = f"POST /api/v1/settlements HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\nauthorization: {world.auth()['authorization']}\r\n"
    request = head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body

    def answer(sent: bytes, patience: float) -> bytes:
        with socket.create_connection(("127.0.0.1", int(beset.address.rpartition(":")[2])), patience) as line:
            line.sendall(sent)
            try:
                return line.recv(65_536)[:12]
            except TimeoutError:
                return b""

    assert answer(request, 20) == b"HTTP/1.1 201"
    monkeypatch.setattr(Purse, "left", lambda _self: -1.0)
    monkeypatch.setattr(Purse, "until", lambda _self, _seconds: 0.001)
    asked = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    assert answer(asked, 0.5) == b""
    assert answer(request, 20) == b"HTTP/1.1 200"
    monkeypatch.undo()
    deadline = time.monotonic() + 20
    while answer(asked, 20) != b"HTTP/1.1 200":
        assert time.monotonic() < deadline


def crowd(port: int, addresses: int, seconds: float) -> int:
    """How many keyless requests a crowd is answered, each asking again as soon as it was."""
    asked, answered = b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\n\r\n", 0
    with selectors.DefaultSelector() as ready:
        lines = [
            socket.create_connection(("127.0.0.1", port), 10, (f"127.0.5.{number + 1}", 0))
            for number in range(addresses)
        ]
        for line in lines:
            line.sendall(asked)
            ready.register(line, selectors.EVENT_READ)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for key, _ in ready.select(0.05):
                line = key.fileobj  # type: ignore[assignment]
                said = line.recv(65_536)
                answered += said.count(b"HTTP/1.1 401 ")
                if said.endswith(b"}"):
                    line.sendall(asked)
        for line in lines:
            line.close()
    return answered


@pytest.mark.fault(69)
@pytest.mark.parametrize("guarded", [True, False])
def test_a_crowd_has_its_part_of_the_time_and_no_more(
    beset: Any, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each address stays within its own rate; all together have what the purse pays for. Without a purse there is no end to it."""
    seconds, share = 1.5, 0.02
    monkeypatch.setattr(beset.lobby, "_purse", Purse(share))
    if not guarded:
        monkeypatch.setattr(Purse, "left", lambda _self: 1.0)
    most = (PORTION + rules.DEBT_SECONDS + share * seconds) / guard.REQUEST_COST
    answered = crowd(int(beset.address.rpartition(":")[2]), 40, seconds)
    assert (answered <= most) is guarded, (answered, most)
