"""工作台: alarms first, what waits for whom, the day's payout from draft to receipt, and the day's three acts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.control.alarms.standing import Moment, standing
from ledger.control.alarms.table import table
from ledger.control.alarms.words import in_words
from ledger.core.dates import machine_seconds, moment_of, parse_day
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.day_list import day_list
from ledger.payments.out.ask import receipt_days
from ledger.web.pages.watch.flow import flow
from ledger.web.pages.watch.waits import waits
from ledger.web.show import page
from ledger.web.sitting import Desk

SEERS: Final = ("admin", "reviewer", "chief", "accountant", "checker", "cashier", "maker")
"""Whose form says that an alarm was seen."""


def today(desk: Desk, _request: Request) -> Response:
    """What there is to do now."""
    day = parse_day(desk.query["day"]) if desk.query.get("day") else desk.today
    with desk.tx() as tx:
        moment = Moment(moment_of(desk.house.settings.clock()), machine_seconds())
        alarms = [(one, table()[one.kind], *in_words(one)) for one in standing(tx, moment)]
        mine, others = waits(desk, tx)
        steps = flow(tx, day)
        clocks = _clocks(tx, desk.today)
        found = (
            day_list(tx, day) if desk.can("checker", "maker", "cashier", "reviewer", "accountant") else None
        )
    return page(
        desk, "today.html", title="工作台", day=day, alarms=alarms, mine=mine,
        others=others, flow=steps, clocks=clocks, found=found,
        most=max([one.fen for one in steps] + [1]), sees=desk.can(*SEERS),
    )  # fmt: skip


def _clocks(tx: Transaction, on: date) -> list[tuple[date, date, int, int, bool]]:
    """(sent on, receipt due by, orders, fen, late) of what the bank has not answered for."""
    days = receipt_days(tx, on)
    return [
        (sent, sent + timedelta(days=days), count, fen, sent + timedelta(days=days) < on)
        for sent, count, fen in tx.rows(
            "SELECT sent_on, count(*), sum(amount_fen)::bigint FROM payments.pay_order WHERE region = %(region)s"
            " AND state IN ('sending', 'sent', 'accepted', 'unknown') AND sent_on IS NOT NULL GROUP BY 1 ORDER BY 1",
            region=tx.region,
        )
    ]
