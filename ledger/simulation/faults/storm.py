"""One run under faults: days of records, payouts and receipts, each act tried until it is done; then everything is compared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.banks.simulator.faults import FaultPlan
from ledger.control.verify import examine
from ledger.core.dates import Calendar
from ledger.core.entries import FUNDS
from ledger.fund.region.calendar import shipped_calendar
from ledger.settings import Settings
from ledger.simulation.bank import demo_bank
from ledger.simulation.compare.agree import bank_agrees, disagreements
from ledger.simulation.compare.export import export
from ledger.simulation.faults.draw import BANK, Act, Blow, drawn
from ledger.simulation.grant import allot, allotment_fen, grant_money
from ledger.simulation.life.day import book_rest, open_month
from ledger.simulation.life.outregion import book_guests
from ledger.simulation.life.run import settle_in
from ledger.simulation.platform.day import day_lines
from ledger.simulation.platform.institutions import make_institutions
from ledger.simulation.staff import staffed
from ledger.simulation.town import Asked, Decided, Town

FIRST: Final = date(2026, 10, 12)
RECORDS, INSTITUTIONS = 8, 5
FAULTS_AN_ACT: Final = 3
"""An act meets so many faults at most, then it is left in peace: what is looked for is what they leave behind."""
BACKWARDS: Final = ("voucher.date_backwards", "batch.approval_day")
"""How an act is refused whose day lies before the one that a clock ahead had come to."""
QUIET_DAYS: Final = 8
"""Days after the last in which the bank still answers, and nothing else goes wrong."""


@dataclass(slots=True)
class Stormed:
    """What one run was and what came of it: `wrong` is empty where all agree."""

    seed: int
    days: int
    records: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Hand:
    """The acting processes: one at a time, made by one that only makes them; where one was killed, the next goes on."""

    def __init__(self, settings: Settings) -> None:
        facts = {"home": str(settings.home), "database_url": settings.database_url}
        secrets = {
            "service_password": settings.service_password,
            "auditor_password": settings.auditor_password,
        }
        self._first = json.dumps({**facts, **secrets}) + "\n"
        self._process: subprocess.Popen[str] | None = None

    def do(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to one act, or None where the process died in it."""
        if self._process is None:
            command = [sys.executable, "-m", "ledger.simulation.faults.hand"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self._send(self._first)
        self._send(json.dumps(asked) + "\n")
        assert self._process.stdout is not None  # noqa: S101 opened as a pipe
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return None if answer.get("died") else answer

    def _send(self, text: str) -> None:
        assert self._process is not None  # noqa: S101 called by `do` alone
        assert self._process.stdin is not None  # noqa: S101 opened as a pipe
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process and wait for it."""
        if self._process is not None:
            with self._process as process:
                process.stdin.close() if process.stdin else None
                process.wait()
            self._process = None


@dataclass(slots=True)
class Storm:
    """One run under way."""

    town: Town
    hand: Hand
    told: Stormed
    ahead: date = FIRST
    """The latest day an act went by: after a clock that was ahead, vouchers are dated no earlier."""

    def do(self, act: Act, day: date, *, calm: bool = False, **more: Any) -> dict[str, Any]:
        """An act, tried until it is done, with the faults drawn for it on the way; what it refuses in peace is wrong."""
        for attempt in range(FAULTS_AN_ACT):
            blow = None if calm else drawn(self.told.seed, day, act, attempt)
            if blow is None:
                break
            self._struck(act, day, blow, more)
        answer = self.hand.do({"act": act, "day": day.isoformat(), "off": 0, "blow": {}, **more}) or {}
        if answer.get("code") in BACKWARDS and day < self.ahead:
            self.told.faults[f"{act} waited"] += 1  # for the day the clock had come to; done then
        elif not answer.get("ok"):
            self.told.wrong.append(f"{day} {act}：{answer.get('code', 'died')} {answer.get('said', '')}")
        return answer

    def _struck(self, act: Act, day: date, blow: Blow, more: dict[str, Any]) -> None:
        off = blow.days if blow.kind == "clock" else 0
        self.ahead = max(self.ahead, day + timedelta(days=off))
        answer = self.hand.do({"act": act, "day": day.isoformat(), "off": off, "blow": asdict(blow), **more})
        if answer is None or answer["fell"] or blow.kind in ("disk", "clock"):
            self.told.faults[f"{act} {blow.word}"] += 1


def storm(settings: Settings, seed: int, days: int) -> Stormed:
    """Live `days` days of a founded, empty region in the home and database of `settings` under the faults of `seed`."""
    calendar = shipped_calendar()
    last = FIRST + timedelta(days=days - 1)
    told = Stormed(seed, days)
    asked = Asked(420100, FIRST, last, seed, RECORDS, INSTITUTIONS)
    with _town(settings, asked, calendar) as town:
        hand = Hand(settings)
        try:
            _days(Storm(town, hand, told), last)
        finally:
            hand.close()
        _compare(town, told)
        told.records = town.records
    return told


@contextmanager
def _town(settings: Settings, asked: Asked, calendar: Calendar) -> Iterator[Town]:
    opened_on = asked.first.replace(day=1)
    money = allotment_fen(asked.records_per_day * 40)
    with staffed(settings) as staff:
        grant_money(staff, money, opened_on)
        plan = FaultPlan(asked.seed, BANK)
        with demo_bank(staff.accountant, staff.checker, money * len(FUNDS), opened_on, plan) as bank:
            allot(bank, money, money, opened_on)
            made = make_institutions(asked.institutions, asked.region)
            town = Town(asked, settings.home, staff, bank, calendar, made, {})
            for fund in FUNDS:
                town.decided.append(Decided("subsidy", "", fund, "", "", opened_on.year, 0, money))
                town.decided.append(Decided("grant", "", fund, "", "", opened_on.year, 0, money))
            settle_in(town)
            yield town


def _days(storm: Storm, last: date) -> None:
    town, day = storm.town, FIRST
    while day <= last:
        if day.day == 1 or day == FIRST:
            open_month(town, day)
        if town.calendar.is_working_day(day):
            storm.do("pay", day)
        town.bank.work(day)
        storm.do("take", day)
        _records(storm, day)
        storm.do("anchor", day)
        day += timedelta(days=1)
    for number in range(QUIET_DAYS):
        later = day + timedelta(days=number)
        if later.day == 1 or number == 0:
            open_month(town, later)
        if number == 0:
            book_rest(town, later)
            book_guests(town, last, later)
        town.bank.work(later)
        storm.do("take", later, calm=True)
    storm.do("anchor", later, calm=True)


def _records(storm: Storm, day: date) -> None:
    """The platform's file of the day; what of it is accepted is known before it is sent."""
    town = storm.town
    lines, bills = [], []
    for line in day_lines(town.asked.records_per_day, town.institutions, day, town.asked.seed):
        lines.append(line.content)
        if line.bill is not None:
            bills.append(line.bill)
    path: Path = town.home / "simulate" / f"records-{day:%Y%m%d}.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    storm.do("records", day, file=str(path))
    for bill in bills:
        town.bills[bill.setl_id] = (day, bill)
    town.records += len(bills)


def _compare(town: Town, told: Stormed) -> None:
    """Our books against the bank's own, and both against a recomputation that knows neither."""
    if not bank_agrees(town):
        told.wrong.append("银行账与本账不符")
    path = town.home / "simulate" / "export.sqlite"
    export(town, path)
    told.wrong += [f"独立重算：{line}" for line in disagreements(path)[:10]]
    breaches = examine(town.staff.accountant.auditor, town.home).breaches
    told.wrong += [f"verify：{f.promise} {f.book} {f.entry}：{f.message}" for f in breaches[:10]]
