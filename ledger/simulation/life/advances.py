"""Simulated advances: pre-allocations and suppliers paid for an institution, offset by the settlement of their month;
prepayments of the year, offset from November's.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.dates import period_of
from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict
from ledger.fund.advances.advance import AdvanceRequest, approve_advance, request_advance
from ledger.fund.advances.quota import month_quota, prepayment_quota
from ledger.fund.cash.orders import order_advances
from ledger.simulation.life.day import pay
from ledger.simulation.town import Town

ADVANCE_FROM: Final = 12
"""Day of the month: its own 期号 is settled the month after."""


def live_advances(town: Town, day: date) -> None:
    """Once a month, some institutions are advanced a part of an average month; what failed is ordered again."""
    if day.day < ADVANCE_FROM:
        return
    term = period_of(day)
    if town.first("advances", term):
        for made in town.institutions:
            dice = town.dice(day, f"advance {made.code}")
            if made.code not in town.suspended and town.happens(dice, "advance"):
                kind = dice.choice(("preallocation", "supplier"))
                _ask(town, made.code, kind, dice.randrange(5, 40), day)
            if made.code not in town.suspended and (day.year, made.code) not in town.prepaid:
                _prepay(town, made.code, day)
    for fund in FUNDS:
        with town.tx("maker") as tx:
            ordered = order_advances(tx, fund, day)
        for batch in ordered.batches:
            town.count("advance_orders", len(batch.order_nos))
            pay(town, batch.batch_id, batch.digest, day)


def _prepay(town: Town, institution: str, day: date) -> None:
    """Once a year some institutions ask for a 预付金; the books may say that the fund cannot afford it."""
    town.prepaid.add((day.year, institution))
    fund = FUNDS[0]
    dice = town.dice(date(day.year, 1, 1), f"prepayment {institution}")
    if not town.happens(dice, "prepayment"):
        return
    try:
        with town.tx("maker") as tx:
            quota = prepayment_quota(tx, fund, institution, day.year, day)
            fen = max(1, quota.quota_fen * dice.randrange(10, 60) // 100)
            paper = f"prepayment{day.year}-{institution}"
            asked = AdvanceRequest(fund, institution, "prepayment", fen, paper, day, year=day.year)
            advance = request_advance(tx, asked, day)
    except Conflict as refused:
        if refused.code not in {"advance.no_history", "advance.condition"}:
            raise
        town.prepaid.discard((day.year, institution))
        town.count("prepayments_refused")
        return
    with town.tx("checker") as tx:
        approve_advance(tx, advance.advance_id, day)
    town.count("prepayments")


def _ask(town: Town, institution: str, kind: str, percent: int, day: date) -> None:
    """Asked for by one, approved by another; without a month of history there is no quota."""
    fund, term = FUNDS[0], period_of(day)
    supplier = BankAccount("", "", "", "")
    if kind == "supplier":
        number = f"6299{town.asked.region:06d}{institution[-5:]}"
        town.payees[number] = institution
        supplier = BankAccount("示例药业公司", number, "模拟银行", "102421000003")
    try:
        with town.tx("maker") as tx:
            fen = month_quota(tx, fund, institution, day).quota_fen * percent // 100
            asked = AdvanceRequest(
                fund,
                institution,
                kind,
                max(1, fen),
                f"{kind}{term}-{institution}",
                day,
                term=term,
                supplier=supplier,
            )
            advance = request_advance(tx, asked, day)
    except Conflict as refused:
        if refused.code not in {"advance.no_history", "advance.above_quota"}:
            raise
        return
    with town.tx("checker") as tx:
        approve_advance(tx, advance.advance_id, day)
    town.count("advances")
