"""The simulated year's clearing: letters after the cut-off, signed by both, paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict
from ledger.fund.clearing.confirm import confirm_letter, sign_institution
from ledger.fund.clearing.letter import approve_letter, draft_letter, send_letter
from ledger.fund.clearing.orders import draft_clearing_orders
from ledger.simulation.life.day import pay
from ledger.simulation.life.plan import PLAN_FROM, make_plan
from ledger.simulation.town import Town

CLEAR_FROM: Final = (3, 1)
"""Month and day of the next year: after the cut-off of 10 February and the settlement of January, in which records of the year are reversed."""
_WAIT: Final = frozenset({"clearing.in_flight", "clearing.months_open", "clearing.sheet_draft"})
_NOTHING: Final = "clearing.nothing"


@dataclass(slots=True)
class Year:
    """A service year to be cleared."""

    year: int
    waiting: set[tuple[int, str]] = field(default_factory=set)
    """Book and institution without a confirmed letter."""
    planned: bool = False


def close_year(town: Town, year: int) -> Year:
    """Every institution with records of the year."""
    return Year(
        year,
        {
            (bill.fund, bill.institution.code)
            for day, bill in town.bills.values()
            if day.year == year and not bill.out_of_region
        },
    )


def live_year(town: Town, year: Year, day: date) -> None:
    """What is due on a working day: the plan, letters that can be made, then their orders."""
    if not year.planned and day >= date(year.year + 1, *PLAN_FROM):
        make_plan(town, year.year, day)
        year.planned = True
    if day < date(year.year + 1, *CLEAR_FROM):
        return
    for fund, institution in sorted(year.waiting):
        if _clear(town, year.year, fund, institution, day):
            year.waiting.discard((fund, institution))
    for fund in FUNDS:
        with town.tx("maker") as tx:
            drafted = draft_clearing_orders(tx, fund, year.year, day)
        if drafted.batch is not None:
            town.count("clearing_orders", len(drafted.batch.order_nos))
            pay(town, drafted.batch.batch_id, drafted.batch.digest, day)


def _clear(town: Town, year: int, fund: int, institution: str, day: date) -> bool:
    try:
        with town.tx("maker") as tx:
            letter = draft_letter(tx, fund, institution, year, day)
    except Conflict as refused:
        if refused.code == _NOTHING:
            return True
        if refused.code not in _WAIT:
            raise
        town.count("letters_waited")
        return False
    with town.tx("checker") as tx:
        approve_letter(tx, letter.letter_id, letter.digest, day)
    with town.tx("maker") as tx:
        content = send_letter(tx, letter.letter_id, day)
        sign_institution(tx, letter.letter_id, letter.digest, content + "机构签章".encode(), institution, day)
    with town.tx("checker") as tx:
        confirm_letter(tx, letter.letter_id, content + "双方签章".encode(), "示例市医保中心", day)
    town.count("letters")
    return True
