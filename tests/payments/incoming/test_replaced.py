"""A file the bank writes anew under its name and with its length is read; what lies there unchanged costs next to nothing."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.ports import RemoteFile
from ledger.control.verify import verify
from ledger.core.errors import Unavailable
from ledger.payments.incoming.seen import ASKED_PER_POLL
from tests.payments.conftest import FolderChannel

OWN = "4200000000001"
NAME = "STATUS.xml"


class Counting(FolderChannel):
    """The folder, and what was asked of it; `frozen` keeps every time as it is, `silent` tells no times at all."""

    frozen = silent = False

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []
        self.fetched: list[str] = []
        self.listings = 0

    def waiting(self) -> list[RemoteFile]:
        self.listings += 1
        found = super().waiting()
        if self.silent:
            return [RemoteFile(file.name, file.size) for file in found]
        return [RemoteFile(file.name, file.size, "1-1-1") for file in found] if self.frozen else found

    def stated(self, name: str) -> bytes | None:
        self.asked.append(name)
        self._cut(f"stated {name}")
        return super().stated(name)

    def fetch(self, name: str) -> bytes:
        self.fetched.append(name)
        return super().fetch(name)

    def forget(self) -> None:
        self.asked, self.fetched, self.listings = [], [], 0


@pytest.fixture
def counted(bank: Any) -> Any:
    bank.channel = Counting(bank.root)
    return bank


@pytest.fixture
def two(world: Any, counted: Any, sent: Any) -> tuple[Any, bytes, bytes]:
    """An order, and two words on it of the same length: taken on, then refused."""
    [order] = sent(10000)
    taken = counted.status(order.file_id, {order.order_no: ("ACSP", "NARR")})
    refused = taken.replace(b"ACSP", b"RJCT").replace(b"NARR", b"AC04")
    assert len(taken) == len(refused)
    return order, taken, refused


@pytest.mark.parametrize("times", ["told", "frozen", "silent"])
def test_both_words_are_read_and_kept(
    world: Any, counted: Any, two: tuple[Any, bytes, bytes], times: str, database: Any
) -> None:
    order, taken, refused = two
    counted.channel.frozen, counted.channel.silent = times == "frozen", times == "silent"
    counted.put(taken, NAME)
    world.receive(counted)
    assert world.state(order.order_no) == "accepted"
    counted.put(refused, NAME)
    done = world.receive(counted)
    assert (world.state(order.order_no), done.files) == ("rejected", 1)
    assert [problem.code for problem in done.problems] == ["file.name_reused"]
    kept = world.rows("SELECT sha256 FROM payments.inbound_file WHERE name = %(n)s", n=NAME)
    assert {bytes(digest) for (digest,) in kept} == {sha256(taken).digest(), sha256(refused).digest()}
    counted.put(taken, NAME)  # and back again: known bytes, no second word
    done = world.receive(counted)
    assert (done.files, done.repeated, world.state(order.order_no)) == (0, 1, "rejected")
    found = verify(database.auditor_engine, database.settings.home)
    assert not any(NAME in breach.message + breach.entry for breach in found)


def test_a_thousand_old_files_cost_a_listing_and_a_few_small_reads(world: Any, counted: Any) -> None:
    for n in range(1000):
        counted.put(b"<x>%04d</x>" % n, f"{n:04d}.xml")
    world.receive(counted)
    assert len(counted.channel.fetched) == 1000
    for _ in range(3):
        counted.channel.forget()
        done = world.receive(counted)
        assert (counted.channel.listings, counted.channel.fetched, done.files) == (1, [], 0)
        assert len(counted.channel.asked) == ASKED_PER_POLL
    # all of them come round
    counted.channel.forget()
    for _ in range(-(-1000 // ASKED_PER_POLL)):
        world.receive(counted)
    assert len(set(counted.channel.asked)) == 1000
    assert counted.channel.fetched == []


def test_another_time_alone_fetches_nothing(world: Any, counted: Any, two: tuple[Any, bytes, bytes]) -> None:
    _, taken, _ = two
    counted.put(taken, NAME)
    world.receive(counted)
    for second in (1, 2):
        counted.channel.forget()
        os.utime(counted.root / "outbox" / NAME, (second, second))
        world.receive(counted)
        assert (counted.channel.asked, counted.channel.fetched) == ([NAME], [])


@pytest.mark.fault(42)
@pytest.mark.parametrize("code", ["bank.denied", "bank.truncated"])
def test_a_file_still_being_written_waits_and_the_others_are_taken(
    world: Any, counted: Any, two: tuple[Any, bytes, bytes], code: str
) -> None:
    order, taken, refused = two
    counted.put(taken, NAME)
    world.receive(counted)
    counted.put(refused, NAME)
    half = Unavailable(code, "还没有写完")
    counted.channel.breaks = {f"stated {NAME}": half, f"fetch {NAME}": half}
    counted.put(b"<x/>", "other.xml")
    done = world.receive(counted)
    assert ([failure.name for failure in done.failures], done.files) == ([NAME], 1)
    assert world.state(order.order_no) == "accepted"
    counted.channel.breaks = {}
    world.receive(counted)
    assert world.state(order.order_no) == "rejected"


def test_what_could_not_be_booked_is_not_taken_for_seen(
    world: Any, counted: Any, two: tuple[Any, bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books refused it: the next poll takes it, though its name and time are the same."""
    order, taken, refused = two
    counted.put(taken, NAME)
    world.receive(counted)
    counted.put(refused, NAME)
    with monkeypatch.context() as broken:
        broken.setattr(
            "ledger.payments.incoming.receive.apply_statuses",
            lambda *_: (_ for _ in ()).throw(Unavailable("db.unreachable", "数据库不可用")),
        )
        with pytest.raises(Unavailable):
            world.receive(counted)
    world.receive(counted)
    assert world.state(order.order_no) == "rejected"


def test_a_home_from_before_asks_once_and_fetches_nothing(
    world: Any, counted: Any, two: tuple[Any, bytes, bytes]
) -> None:
    """Only names and sizes were kept then: the digests the bank states are compared, a replaced file is found."""
    order, taken, refused = two
    counted.put(taken, NAME)
    counted.put(b"<x/>", "other.xml")
    world.receive(counted)
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM payments.inbound_seen")
    counted.channel.forget()
    world.receive(counted)
    assert (sorted(counted.channel.asked), counted.channel.fetched) == ([NAME, "other.xml"], [])
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM payments.inbound_seen")
    counted.put(refused, NAME)
    world.receive(counted)
    assert world.state(order.order_no) == "rejected"


def test_what_was_seen_points_at_kept_bytes_and_is_not_taken_away(
    world: Any, counted: Any, two: tuple[Any, bytes, bytes]
) -> None:
    counted.put(two[1], NAME)
    world.receive(counted)
    with pytest.raises(Exception, match=r"file\.not_taken|db\.constraint"), world.tx() as tx:
        tx.run("UPDATE payments.inbound_seen SET sha256 = sha256('x')")
    with pytest.raises(Exception, match=r"frozen|permission|不允许"), world.tx() as tx:
        tx.run("DELETE FROM payments.inbound_seen")
