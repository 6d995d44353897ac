"""The bank as a process of its own: its settings file, its clock, and the loop that lives day after day by it.

Settings (JSON): `folder` (inbox, outbox, archive), `books` (SQLite file), `keys` (host key), `client_key` (public line),
`username`, `port` (0 for any), `every_seconds`, and `accounts`: name, number, bank_name, cnaps, opening_fen, day.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from threading import Event
from typing import Any, Final, TypeVar

from adapters.banks.ports import BankAccount
from adapters.banks.simulator.bank import Opening, SimulatedBank
from adapters.banks.simulator.server import DemoServer
from ledger.core.dates import SHANGHAI, Clock, moment_of, parse_day
from ledger.core.errors import InvalidInput

_Made = TypeVar("_Made")
_EVENING: Final = time(20)
"""When a day that was passed over is lived: after everything that came on it."""


@dataclass(frozen=True, slots=True)
class BankSettings:
    """What the bank's settings file says; paths as they stand there."""

    folder: Path
    books: Path
    keys: Path
    client_key: str
    username: str
    port: int
    every_seconds: float
    accounts: tuple[Opening, ...]


def read_settings(file: Path) -> BankSettings:
    """Read a settings file; raises InvalidInput `bank.settings` naming the field, OSError where it cannot be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _bad(file, "JSON", str(error)) from error
    if not isinstance(found, dict):
        raise _bad(file, "JSON", "应为一个对象")
    rows = _read(file, found, "accounts", list)
    return BankSettings(
        folder=_read(file, found, "folder", Path),
        books=_read(file, found, "books", Path),
        keys=_read(file, found, "keys", Path),
        client_key=_read(file, found, "client_key", _public_key),
        username=_read(file, found, "username", str),
        port=_read(file, found, "port", int),
        every_seconds=_read(file, found, "every_seconds", float),
        accounts=tuple(_opening(file, row) for row in rows),
    )


def _opening(file: Path, row: Any) -> Opening:
    if not isinstance(row, dict):
        raise _bad(file, "accounts", "每个账户应为一个对象")
    words = [_read(file, row, name, str) for name in ("name", "number", "bank_name", "cnaps")]
    return Opening(
        BankAccount(*words),
        _read(file, row, "opening_fen", int),
        _read(file, row, "day", parse_day),
    )


def _public_key(line: str) -> str:
    """A line as OpenSSH writes public keys; raises ValueError for anything else."""
    kind, body, *_ = line.split()
    if not base64.b64decode(body, validate=True)[4:].startswith(kind.encode()):
        raise ValueError(kind)
    return line


def _read(file: Path, found: Mapping[str, Any], name: str, made: Callable[[Any], _Made]) -> _Made:
    try:
        return made(found[name])
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        raise _bad(file, name, "没有此项" if name not in found else "值不合规") from error


def _bad(file: Path, field: str, why: str) -> InvalidInput:
    return InvalidInput("bank.settings", f"银行设置文件{file}的{field}：{why}", file=str(file), field=field)


class Days:
    """Which moments the bank has to live at a reading of its clock: every day it passed over, then now.

    The clock may be set forward by weeks; the bank still executes, answers and returns on each day between. Set
    backwards it waits: no bank books on a day before its last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: date | None = None

    def due(self) -> Iterator[datetime]:
        """The moments to step at, in order; none while the clock stands before the last day lived."""
        now = moment_of(self._clock)
        last = self._last or now.date()
        if now.date() < last:
            return
        for passed in range(1, (now.date() - last).days):
            yield datetime.combine(last + timedelta(days=passed), _EVENING, SHANGHAI)
        self._last = now.date()
        yield now


@contextmanager
def opened(settings: BankSettings) -> Iterator[tuple[SimulatedBank, DemoServer]]:
    """The bank with its books, and its SFTP front."""
    with (
        SimulatedBank(settings.folder, settings.books, settings.accounts) as bank,
        DemoServer(
            settings.folder, settings.keys, settings.username, settings.client_key, port=settings.port
        ) as server,
    ):
        yield bank, server


def serve(settings: BankSettings, clock: Clock, stopping: Event) -> None:
    """Serve SFTP and step the bank by `clock` until told to stop; prints one JSON line with the port and host key.

    Raises InvalidInput `clock.file` if the clock is a file that names no day when the bank starts; a file that is being
    written is read again a moment later.
    """
    days = Days(clock)
    clock.today()
    with opened(settings) as (bank, server):
        sys.stdout.write(json.dumps({"port": server.port, "host_key": server.host_key}) + "\n")
        sys.stdout.flush()
        while not stopping.wait(settings.every_seconds):
            try:
                for moment in days.due():
                    bank.step(moment)
            except InvalidInput as error:
                if error.code != "clock.file":
                    raise
                sys.stderr.write(f"{error.message}\n")
