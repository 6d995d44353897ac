"""The simulated year's clearing plan: budgets, DRG weights and DIP points, bands, grades, special and late cases."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.core.errors import Conflict
from ledger.fund.clearing.cases import approve_cases, assess, propose_late, propose_special
from ledger.fund.clearing.plan import (
    Budget,
    approve_plan,
    read_plan,
    set_bands,
    set_budget,
    set_grade,
    set_rates,
)
from ledger.fund.clearing.rates import Band, Method, Volume
from ledger.simulation.town import Decided, Town

PLAN_FROM: Final = (2, 12)
"""Month and day of the next year: after the cut-off, before the letters."""
SURPLUS: Final = (Band(8_000, 9_000, 3_000), Band(9_000, 10_000, 6_000))
OVERSPEND: Final = (Band(10_000, 11_000, 5_000), Band(11_000, 12_000, 10_000))
GRADES: Final = {"优秀": 0, "合格": 1_000, "不合格": 3_000}
"""Grade to the part of the deposit it forfeits, ten-thousandths."""
INPATIENT: Final = "21"
CLASS: Final = "A"
SOURCE: Final = "模拟〔清算〕1号"


@dataclass(slots=True)
class _Stay:
    """An institution's inpatients of a year."""

    cases: int = 0
    fen: int = 0
    personal_fen: int = 0


def make_plan(town: Town, year: int, day: date) -> None:
    """The year's plan of every book, assessed and with its cases, each by two persons."""
    for fund in FUNDS:
        stays = _stays(town, fund, year)
        if stays:
            _budget(town, fund, year, stays, day)
        _grades(town, fund, year)
        _cases(town, fund, year, stays)
        codes = sorted({bill.institution.code for _, bill in town.bills.values() if bill.fund == fund})
        with town.tx("checker") as tx:
            approved = sum(approve_cases(tx, fund, year, code, day) for code in codes)
        town.count("cases_approved", approved)


def _stays(town: Town, fund: int, year: int) -> dict[str, _Stay]:
    found: dict[str, _Stay] = defaultdict(_Stay)
    for day, bill in town.bills.values():
        own = bill.fund == fund and bill.med_type == INPATIENT and bill.pooled > 0 and day.year == year
        if own and bill.setl_id not in town.reversed:
            stay = found[bill.institution.code]
            stay.cases += 1
            stay.fen += bill.pooled
            stay.personal_fen += bill.amounts.psn_part_amt
    return dict(sorted(found.items()))


def _budget(town: Town, fund: int, year: int, stays: dict[str, _Stay], day: date) -> None:
    """Near what the year cost: by weights in the employee book, by points in the residents'."""
    dice = town.dice(day, f"plan {fund}")
    amount = sum(stay.fen for stay in stays.values()) * dice.randrange(92, 112) // 100 + 1
    reserve = amount // 50
    method: Method = "DRG" if fund == EMPLOYEE_FUND else "DIP"
    volumes = [
        Volume(
            code,
            stay.cases,
            max(1, stay.fen * dice.randrange(75, 130) // 10_000),
            0 if method == "DRG" else stay.personal_fen * dice.randrange(80, 101) // 1_000,
        )
        for code, stay in stays.items()
    ]
    with town.tx("maker") as tx:
        set_budget(tx, fund, year, SOURCE, [Budget(CLASS, amount, reserve)])
        set_rates(tx, fund, year, CLASS, method, volumes)
        digest = read_plan(tx, fund, year).digest
        if town.first("bands", fund):
            set_bands(tx, fund, year, "surplus", SURPLUS, SOURCE)
            set_bands(tx, fund, year, "overspend", OVERSPEND, SOURCE)
    with town.tx("checker") as tx:
        approve_plan(tx, fund, year, digest, day)
    town.count(f"plans_{method}")
    town.decided.append(Decided("budget", method, fund, "", "", year, 0, amount - reserve, CLASS))
    for one in volumes:
        units, personal = str(one.units), one.personal_fen
        town.decided.append(Decided("volume", units, fund, one.institution, "", year, 0, personal, method))


def _grades(town: Town, fund: int, year: int) -> None:
    """Every institution that had records is assessed."""
    with town.tx("maker") as tx:
        if town.first("grades", fund):
            for grade, ratio in GRADES.items():
                set_grade(tx, fund, year, grade, ratio, SOURCE)
        codes = {
            bill.institution.code
            for day, bill in town.bills.values()
            if bill.fund == fund and day.year == year
        }
        for code in sorted(codes):
            dice = town.dice(date(year, 12, 31), f"grade {fund} {code}")
            grade = dice.choice(tuple(GRADES))
            assess(tx, fund, year, code, grade, SOURCE)
            town.count("assessments")
            town.decided.append(Decided("grade", grade, fund, code, "", year, 0, GRADES[grade]))


def _cases(town: Town, fund: int, year: int, stays: dict[str, _Stay]) -> None:
    """特例单议 within the reserve, and reasons for records not declared in time."""
    day = date(year, 12, 31)
    for code in stays:
        dice = town.dice(day, f"special {fund} {code}")
        if not town.happens(dice, "special_case"):
            continue
        bill = next(
            bill for made, bill in town.bills.values()
            if made.year == year and bill.fund == fund and bill.institution.code == code
            and bill.med_type == INPATIENT and bill.pooled > 0 and bill.setl_id not in town.reversed
        )  # fmt: skip
        fen = max(1, bill.pooled // 20)
        with town.tx("maker") as tx:
            propose_special(tx, fund, year, bill.setl_id, fen, SOURCE)
        town.count("special_cases")
        town.decided.append(Decided("special", bill.setl_id, fund, code, "", year, 0, fen))
    for setl_id, service_year in sorted(town.too_late.items()):
        dice = town.dice(day, f"late {setl_id}")
        if service_year == year and town.bills[setl_id][1].fund == fund and town.happens(dice, "late_case"):
            _late(town, fund, year, setl_id)


def _late(town: Town, fund: int, year: int, setl_id: str) -> None:
    try:
        with town.tx("maker") as tx:
            propose_late(tx, fund, year, setl_id, SOURCE)
    except Conflict as refused:
        if refused.code != "clearing.settled":
            raise
        return
    town.count("late_cases")
