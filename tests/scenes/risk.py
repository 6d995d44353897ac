"""Two hospitals with some days behind them, one of which did on 12 October what four rules of risk look for; its money drafted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from ledger.books.manual import ManualContent
from ledger.control.risk.cases import RiskCase, read_case
from ledger.control.risk.run import run_rules
from ledger.control.risk.steps import confirm_step, propose_step
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import book_by_hand
from ledger.fund.daily.run import run_daily
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from tests.scenes.month import HOSPITAL, OTHER_HOSPITAL, bill_line, closing_direct

FIRST, LOOKED, TODAY = date(2026, 10, 1), date(2026, 10, 12), date(2026, 10, 13)
TOMORROW = TODAY + timedelta(days=1)
DAYS: Final = 6
"""Days before, five records each at both hospitals."""
AMOUNT, COUNT, READMISSION, REVERSAL = 1, 2, 3, 4
"""The cases by their numbers, in the order of the rules."""


def bills() -> Iterator[dict[str, Any]]:
    """The records, each of a person of their own but six who come back after six days, and three reversals."""
    number = 0
    for hospital in (HOSPITAL, OTHER_HOSPITAL):
        for n in range(DAYS):
            for _ in range(5):
                number += 1
                yield _of(
                    bill_line(f"S{number}", day=str(FIRST + timedelta(days=n)), institution=hospital), number
                )
        for n in range(20 if hospital == HOSPITAL else 5):
            number += 1
            again = (
                number - 25
                if hospital == HOSPITAL and n < 5
                else number - 15
                if hospital == HOSPITAL and n == 10
                else number
            )
            yield _of(bill_line(f"S{number}", day=str(LOOKED), institution=hospital), again)
    for n in (51, 52, 53):
        reversal = bill_line(
            f"R{n}",
            fund=-100_000,
            cash=-20_000,
            day=str(LOOKED),
            institution=OTHER_HOSPITAL,
            init=f"S{n}",
            time="20:00:00",
        )
        yield _of(reversal, n)


def _of(bill: dict[str, Any], person: int) -> dict[str, Any]:
    bill["setlinfo"]["psn_no"] = f"4201000{person:07d}"
    return bill


def fill_risk(settings: Settings) -> None:
    """The records, booked and drafted on 13 October, and what the rules found of the day before."""
    with closing_direct(settings) as engine, tempfile.TemporaryDirectory() as folder:
        own = Dimensions(EXPENDITURE_ACCOUNT.number)
        money = ManualContent(LOOKED, "拨入", "测试单据", (debit(1004, 10**9, own), credit(1001, 10**9)))
        book_by_hand(engine, "li", "qian", Book(DEMO_REGION, 310), LOOKED, money)
        path = Path(folder, "bills.jsonl")
        made = list(bills())
        path.write_text("".join(json.dumps(bill) + "\n" for bill in made), encoding="utf-8")
        done = load_file(engine, "jieru", path, IntakeRules())
        assert done.accepted == len(made), done
        run_daily(engine, "zhao", DEMO_REGION, TODAY)
        with unit_of_work(engine, "xitong", DEMO_REGION) as tx:
            found = run_rules(tx, LOOKED, TODAY)
        assert [one.rule for one in found] == ["amount", "count", "readmission", "reversal"], found


def take(month: Any, case: int, step: str, day: date = TODAY, **lower: Any) -> RiskCase:
    """A step by its two persons."""
    with month.tx("zhao") as tx:
        propose_step(tx, case, step, f"{step}〔2026〕1号", day, **lower)
    with month.tx("qian") as tx:
        return confirm_step(tx, case, read_case(tx, case).digest, day)
