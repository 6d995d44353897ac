"""The stand-alone bank's settings and clock: refused by name, lived day by day, never backwards; a month in a moment."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from adapters.banks.ports import OutgoingFile
from adapters.banks.simulator.books import BankBooks
from adapters.banks.simulator.serving import Days, opened, read_settings, serve
from adapters.banks.wire.control import describe, encode_control
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.core.dates import FileClock, FixedClock
from ledger.core.errors import InvalidInput
from tests.adapters.banks.simulator.conftest import PAYER
from tests.docs.rooms import ROOT

EXAMPLE = ROOT / "docs/bank-simulator.md"
DAY = date(2026, 10, 13)


def example() -> dict[str, Any]:
    """The settings file as the documentation shows it."""
    (block,) = re.findall(r"```json\n(.*?)```", EXAMPLE.read_text(encoding="utf-8"), re.DOTALL)
    document: dict[str, Any] = json.loads(block)
    return document


def written(home: Path, **other: Any) -> Path:
    said = example() | {
        "folder": str(home / "bank"),
        "books": str(home / "books.db"),
        "keys": str(home / "keys"),
        "every_seconds": 0.02,
        "port": 0,
        "client_key": ensure_ed25519_key(home / "client"),
    }
    account = said["accounts"][0] | {"name": PAYER.name, "number": PAYER.number, "day": DAY.isoformat()}
    account["opening_fen"] = 500_000
    path = home / "bank.json"
    path.write_text(json.dumps(said | {"accounts": [account]} | other), encoding="utf-8")
    return path


def test_the_documented_settings_are_taken(tmp_path: Path) -> None:
    assert set(example()) == {
        "folder", "books", "keys", "client_key", "username", "port", "every_seconds", "accounts",
    }  # fmt: skip
    (account,) = read_settings(written(tmp_path)).accounts
    assert (account.account.number, account.day, account.opening_fen) == (PAYER.number, DAY, 500_000)


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"accounts": 3}, "accounts"),
        ({"accounts": ["x"]}, "accounts"),
        ({"accounts": [{"name": "x"}]}, "number"),
        ({"port": "abc"}, "port"),
        ({"client_key": "ssh-ed25519 AAAA..."}, "client_key"),
        ({"folder": None}, "folder"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, other: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput, match=r"bank\.settings.*" + field):
        read_settings(written(tmp_path, **other))
    (tmp_path / "none.json").write_text("{", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"bank\.settings.*JSON"):
        read_settings(tmp_path / "none.json")


def test_the_days_between_are_lived_and_none_twice(tmp_path: Path) -> None:
    file = tmp_path / "day"
    days = Days(FileClock(file))

    def at(day: str) -> list[str]:
        file.write_text(day, encoding="utf-8")
        return [f"{moment:%m-%d}" for moment in days.due()]

    assert at("2026-10-13") == ["10-13"]
    assert at("2026-10-13") == ["10-13"]
    assert at("2026-10-14") == ["10-14"]
    assert at("2026-10-18") == ["10-15", "10-16", "10-17", "10-18"]
    assert at("2026-10-15") == []
    assert at("2026-10-19") == ["10-19"]
    assert [f"{moment:%Y-%m-%d}" for moment in Days(FixedClock(DAY)).due()] == ["2026-10-13"]


def lay(folder: Path, file: OutgoingFile, fen: int) -> None:
    """A payment file of one order with its control file, as the ledger delivers them."""
    (folder / "inbox").mkdir(parents=True, exist_ok=True)
    (folder / "inbox" / file.name).write_bytes(file.content)
    control = encode_control(describe(file.name, file.content, count=1, total_fen=fen))
    (folder / "inbox" / f"{file.name}.ctl").write_bytes(control)


def test_a_month_in_a_moment(
    world: Callable[..., Any], make_order: Callable[..., Any], tmp_path: Path
) -> None:
    """An order every third day, the clock set by hand: each is booked on its day, its receipt is out the day after."""
    settings = read_settings(written(tmp_path))
    file = tmp_path / "day"
    file.write_text(DAY.isoformat(), encoding="utf-8")
    clock, writer = Days(FileClock(file)), world()
    sent = [DAY + timedelta(days=n) for n in range(0, 30, 3)]
    receipts: dict[date, list[str]] = {}
    with opened(settings) as (bank, _):
        for number, day in enumerate([*sent, sent[-1] + timedelta(days=3)], start=1):
            if day in sent:
                batch = writer.batch([make_order(number, 1_00)], f"FLM{day:%Y%m%d}-0001", day=day)
                lay(settings.folder, writer.decoder.encode(batch), 1_00)
            file.write_text(day.isoformat(), encoding="utf-8")
            for moment in clock.due():
                receipts[moment.date()] = [name for name in bank.step(moment).sent if "pain002" not in name]
        booked = [line.movement.day for line in bank.books.statement(PAYER.number)]
        bank.books.check()
    assert [day for day in booked if day >= DAY][-len(sent) :] == sent
    assert [day for day, names in receipts.items() if names] == [day + timedelta(days=1) for day in sent]


def test_the_served_bank_follows_its_file(
    world: Callable[..., Any], make_order: Callable[..., Any], tmp_path: Path
) -> None:
    settings = read_settings(written(tmp_path))
    file = tmp_path / "day"
    with pytest.raises(InvalidInput, match=r"clock\.file"):
        serve(settings, FileClock(file), Event())
    writer, tomorrow = world(), DAY + timedelta(days=1)
    batch = writer.batch([make_order(1, 1_00)], f"FLM{tomorrow:%Y%m%d}-0001", day=tomorrow)
    lay(settings.folder, writer.decoder.encode(batch), 1_00)
    file.write_text(DAY.isoformat(), encoding="utf-8")
    stopping = Event()
    running = Thread(target=serve, args=(settings, FileClock(file), stopping))
    running.start()
    try:
        assert comes(settings.folder, "*pain002*")  # accepted: the order's day has not come
        file.write_text("", encoding="utf-8")  # being written: the bank looks again a moment later
        time.sleep(0.1)
        file.write_text((DAY + timedelta(days=2)).isoformat(), encoding="utf-8")
        assert comes(settings.folder, "*.zip") or comes(settings.folder, "*bker*")
    finally:
        stopping.set()
        running.join(10)
    books = BankBooks(settings.books)
    assert [line.movement.day for line in books.statement(PAYER.number)][-1] == tomorrow
    assert books.balance(PAYER.number) == 500_000 - 1_00
    books.close()


def comes(folder: Path, pattern: str) -> bool:
    """Whether such a file lies in the outbox within some seconds."""
    for _ in range(200):
        if list((folder / "outbox").glob(pattern)):
            return True
        time.sleep(0.02)
    return False
