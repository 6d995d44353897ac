"""Simulated advances: pre-allocations and suppliers paid for an institution, offset by the settlement of their month."""

from __future__ import annotations

from datetime import date
from typing import Final

from adapters.banks.ports import Account
from ledger.cli.simulate_day import pay
from ledger.cli.simulate_town import Town
from ledger.cli.world import FUNDS
from ledger.core.dates import period_of
from ledger.core.errors import Conflict
from ledger.fund.advances import AdvanceRequest, approve_advance, request_advance
from ledger.fund.advances_quota import month_quota
from ledger.fund.cash_orders import order_advances

ADVANCE_FROM: Final = 12
"""Day of the month: its own 期号 is settled the month after."""


def live_advances(town: Town, day: date) -> None:
    """Once a month, some institutions are advanced a part of an average month; what failed is ordered again."""
    if day.day < ADVANCE_FROM:
        return
    term = period_of(day)
    if term not in town.advanced:
        town.advanced.add(term)
        for made in town.institutions:
            dice = town.dice(day, f"advance {made.code}")
            if made.code not in town.suspended and town.happens(dice, "advance"):
                kind = dice.choice(("preallocation", "supplier"))
                _ask(town, made.code, kind, dice.randrange(5, 40), day)
    for fund in FUNDS:
        with town.tx("maker") as tx:
            ordered = order_advances(tx, fund, day)
        for batch in ordered.batches:
            town.count("advance_orders", len(batch.order_nos))
            pay(town, batch.batch_id, batch.digest, day)


def _ask(town: Town, institution: str, kind: str, percent: int, day: date) -> None:
    """Asked for by one, approved by another; without a month of history there is no quota."""
    fund, term = FUNDS[0], period_of(day)
    supplier = Account("", "", "", "")
    if kind == "supplier":
        number = f"6299{town.asked.region:06d}{institution[-5:]}"
        town.payees[number] = institution
        supplier = Account("示例药业公司", number, "模拟银行", "102421000003")
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
