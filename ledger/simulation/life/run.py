"""The days, months and the year of a simulated region, one after the other; at the end three sides must agree to the fen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any, Final

from adapters.banks.simulator.faults import FaultPlan
from ledger.control.verify import examine
from ledger.core.dates import Calendar
from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.private import private_folder
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import choose
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.region.calendar import read_calendar
from ledger.settings import USERS_FILE, Settings
from ledger.simulation.bank import demo_bank
from ledger.simulation.compare.agree import bank_agrees, disagreements
from ledger.simulation.compare.export import export
from ledger.simulation.grant import allot, allotment_fen, grant_money
from ledger.simulation.life.advances import live_advances
from ledger.simulation.life.cash import enter_rest, live_cash
from ledger.simulation.life.chase import chase
from ledger.simulation.life.closing import close_months
from ledger.simulation.life.day import answer, book_rest, live_morning, open_month, take_records
from ledger.simulation.life.month import Month, close_month, live_month, pay_months
from ledger.simulation.life.outregion import book_guests, live_outregion
from ledger.simulation.life.persons import live_persons
from ledger.simulation.life.refunds import live_refunds
from ledger.simulation.life.risk import watch
from ledger.simulation.life.statements import match_statements, take_statement
from ledger.simulation.life.year import Year, close_year, live_year
from ledger.simulation.people import DEMO_REGION, found_demo
from ledger.simulation.platform.institutions import MadeInstitution, make_institutions
from ledger.simulation.staff import Staff, staffed
from ledger.simulation.town import Asked, Decided, Town

POLICY_BY_SEED: Final = ("P2", "P1")
"""Even seeds live under P2, odd ones under P1."""

LAST_RECEIPTS: Final = 8
"""Days after the last in which the bank still answers: late receipts and returns."""

FIRST_GRANT: Final = 40
"""Part of the subsidy that is in the 支出户 on the first day: about a quarter of what is spent; the rest is asked for."""

CYCLES: Final = ("daily", "daily", "daily", "second_day", "weekly")

SPAN: Final = 30
"""Days of one figure of `seconds_a_day`."""

Progress = Callable[[int, int], None]


def run(settings: Settings, asked: Asked, progress: Progress) -> dict[str, Any]:
    """Live the days of `asked` in the empty home of `settings`; the answer is what `--json` prints.

    Raises InvalidInput `simulate.region` (only the demo's region founds itself), `simulate.period`,
    `calendar.unknown_year`; Conflict `simulate.home` if the home is in use.
    """
    _check(asked)
    if (settings.home / "pg").exists() and not (settings.home / USERS_FILE).is_file():
        raise _used_home()  # somebody's real installation: no demo people go in there
    opened_on = asked.first.replace(day=1)
    found_demo(settings, opened_on)
    with staffed(settings) as staff:
        return _lived(settings, asked, staff, opened_on, progress)


def _lived(
    settings: Settings, asked: Asked, staff: Staff, opened_on: date, progress: Progress
) -> dict[str, Any]:
    """What `run` promises, with the people there."""
    started = time.monotonic()
    days = (asked.last - asked.first).days + 1
    subsidy = allotment_fen(asked.records_per_day * days)
    granted = subsidy // FIRST_GRANT
    calendar = _calendar(staff, asked)
    policy = POLICY_BY_SEED[asked.seed % len(POLICY_BY_SEED)]
    choose(
        staff.accountant.engine, staff.accountant.user, staff.checker.user, asked.region, "daily_accounting", policy, opened_on,
        "模拟：按种子选定",
    )  # fmt: skip
    grant_money(staff, granted, opened_on, subsidy_fen=subsidy)
    with demo_bank(
        staff.accountant,
        staff.checker,
        granted * len(FUNDS),
        opened_on,
        FaultPlan(asked.seed, asked.bank_rates),
    ) as bank:
        allot(bank, subsidy, granted, opened_on)
        town = Town(
            asked,
            settings.home,
            staff,
            bank,
            calendar,
            make_institutions(asked.institutions, asked.region),
            {},
        )
        for fund in FUNDS:
            town.decided.append(Decided("subsidy", "", fund, "", "", opened_on.year, 0, subsidy))
            town.decided.append(Decided("grant", "", fund, "", "", opened_on.year, 0, granted))
        settle_in(town)
        seconds_a_day = live(town, progress)
        agrees = bank_agrees(town)
        path = settings.home / "simulate" / "export.sqlite"
        export(town, path)
        different = disagreements(path)
    verification = examine(staff.accountant.auditor, settings.home)
    return {
        "days": days,
        "records": town.records,
        "bank_agrees": agrees,
        "recomputation_agrees": not different,
        "verify": "clean" if not verification.breaches else f"{len(verification.breaches)} findings",
        "policy": policy,
        "seconds": round(time.monotonic() - started, 1),
        "seconds_a_day": seconds_a_day,
        "entries": verification.entries,
        "lines": verification.lines,
        "events": dict(sorted(town.events.items())),
        "differences": different[:20],
        "findings": [f"{f.promise} {f.book} {f.entry}：{f.message}" for f in verification.breaches[:20]],
    }


def live(town: Town, progress: Progress) -> list[float]:
    """The days, as below; returns the mean seconds a day of every thirty, by which growth is seen."""
    moments = [time.monotonic()]

    def noted(done: int, days: int) -> None:
        moments.append(time.monotonic())
        progress(done, days)

    _days(town, noted)
    spans = [later - sooner for sooner, later in pairwise(moments)]
    return [round(mean(spans[start : start + SPAN]), 2) for start in range(0, len(spans), SPAN)]


def _days(town: Town, progress: Progress) -> None:
    """Day after day: mornings on working days, records every night, months and years when their day has come."""
    asked = town.asked
    day, months, years = asked.first, list[Month](), list[Year]()
    days = (asked.last - asked.first).days + 1
    while day <= asked.last:
        if day.day == 1 or day == asked.first:
            open_month(town, day)
        take_statement(town, day)
        if town.calendar.is_working_day(day):
            live_cash(town, day)
            live_morning(town, day)
            chase(town, day)
            for month in months:
                live_month(town, month, day)
            months = [month for month in months if not month.done]
            if town.events["settlements"]:
                pay_months(town, day)
            live_advances(town, day)
            live_persons(town, day)
            live_refunds(town, day)
            live_outregion(town, day)
            for year in years:
                live_year(town, year, day)
            close_months(town, day, years)
            watch(town, day)
        take_records(town, day)
        following = day + timedelta(days=1)
        if following.day == 1:
            months.append(close_month(town, day))
        if following.year > day.year:
            years.append(close_year(town, day.year))
        progress((day - asked.first).days + 1, days)
        day = following
    for number in range(LAST_RECEIPTS):
        later = day + timedelta(days=number)
        if later.day == 1 or number == 0:
            open_month(town, later)
        if number == 0:
            book_rest(town, later)
            book_guests(town, asked.last, later)
        answer(town, later)
        chase(town, later)
    enter_rest(town, later)
    last = later + timedelta(days=1)
    take_statement(town, last)
    match_statements(town, last)
    close_months(town, last, years)


def _check(asked: Asked) -> None:
    if asked.region != DEMO_REGION:
        raise InvalidInput(
            "simulate.region",
            f"模拟在演示统筹区{DEMO_REGION}内进行，不能用{asked.region}",
            region=asked.region,
        )
    if asked.last < asked.first:
        raise InvalidInput("simulate.period", f"起止日{asked.first}至{asked.last}颠倒")


def _calendar(staff: Staff, asked: Asked) -> Calendar:
    """The holidays; refuses years without a table, and a home that has records."""
    with unit_of_work(staff.accountant.engine, staff.accountant.user, asked.region) as tx:
        calendar = read_calendar(tx)
        for year in range(asked.first.year, asked.last.year + 1):
            calendar.is_working_day(date(year, 1, 1))
        if tx.value("SELECT EXISTS (SELECT 1 FROM fund.record WHERE region = %(region)s)", region=tx.region):
            raise _used_home()
    return calendar


def _used_home() -> Conflict:
    return Conflict("simulate.home", "数据目录已在使用；模拟须在空的数据目录中进行（设FUNDLEDGER_HOME）")


def settle_in(town: Town) -> None:
    """Institutions and their accounts, by two persons."""
    path: Path = town.home / "simulate" / "institutions.jsonl"
    private_folder(path.parent)
    path.write_text("".join(f"{_master_line(town, made)}\n" for made in town.institutions), encoding="utf-8")
    for item in read_institutions(path):
        town.master[item.code] = item
        town.payees[item.payee_number] = item.code
    with town.tx("maker") as tx:
        load_institutions(tx, town.master.values(), town.asked.first)
    with town.tx("checker") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, town.asked.first)


def _master_line(town: Town, made: MadeInstitution) -> str:
    """As generated, but not all are paid every day."""
    line = json.loads(made.line(town.asked.first))
    line["enrolment"]["cycle"] = CYCLES[made.serial % len(CYCLES)]
    return json.dumps(line, ensure_ascii=False)


RECORDS_MAX: Final = 20_000

INSTITUTIONS_MAX: Final = 500
