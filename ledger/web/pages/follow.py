"""One thing followed both ways: a settlement record from discharge to receipt on a line of time, an order or voucher back to it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.access.listing import names_of
from ledger.core.errors import LedgerError
from ledger.core.words import said, words_of
from ledger.web.show import address, page
from ledger.web.sitting import Desk
from reports.explain.chain import Chain, explain
from reports.explain.words import persons, row_words

_SHOWN: Final = 50
_ALIKE: Final = 4
"""Of one station on one day, on the line of time."""


def follow(desk: Desk, _request: Request) -> Response:
    """The chain of what `subject` names; an empty form without one."""
    subject = desk.query.get("subject", "").strip()
    chain, problem = None, ""
    names: dict[str, str] = {}
    if subject:
        try:
            with desk.tx() as tx:
                chain = explain(tx, subject)
                names = names_of(tx, persons(chain))
        except LedgerError as error:
            if error.status != 404:
                raise
            problem = error.message
    parts = []
    for name, title in words_of("explain.part").items() if chain else ():
        rows = getattr(chain, name)
        count = chain.counts.get(name, 0) if chain else 0
        shown = [
            (_opens(desk, row, subject), list(row_words(name, _without(row), names))) for row in rows[:_SHOWN]
        ]
        if count:
            parts.append((title, count, shown))
    return page(
        desk, "follow.html", 404 if problem else 200, title="追踪", subject=subject, problem=problem, parts=parts,
        line=_line(chain, names) if chain else [], shown_most=_SHOWN,
    )  # fmt: skip


def _opens(desk: Desk, row: dict[str, Any], subject: str) -> str:
    """Where a row leads: its own chain."""
    next_one = str(row.get("explain", ""))
    return address("follow", region=desk.region, subject=next_one) if next_one not in ("", subject) else ""


def _without(row: dict[str, Any]) -> dict[str, Any]:
    """What opens a row is its link."""
    return {name: value for name, value in row.items() if name != "explain"}


def _line(chain: Chain, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(day, station, what) in the order of days: discharge, recognition, order, file, bank's papers, voucher."""
    told: list[tuple[str, str, str]] = []
    for row in chain.records[:_SHOWN]:
        told.append((str(row["setl_time"])[:10], "出院结算", f"{row['setl_id']}，{row['institution']}"))
    for row in chain.steps[:_SHOWN]:
        told.append((str(row["business_date"]), said("order.event", str(row["event"])),
                     f"{row['order_no']}：{said('order.state', str(row['to_state']))}（{names.get(str(row['user_name']), row['user_name'])}）"))  # fmt: skip
    for row in chain.evidence[:_SHOWN]:
        told.append((str(row["booking_date"]), said("paper.kind", str(row["kind"])), f"{row['receipt_no']}"))
    for row in chain.entries[:_SHOWN]:
        told.append((str(row["business_date"]), "记账", f"{row['voucher']}：{row['summary']}"))
    told.sort(key=lambda one: one[0])  # stable: within a day in the order of the stations
    line = []
    for (day, station), group in groupby(told, key=lambda one: one[:2]):
        ones = list(group)
        line += ones[:_ALIKE]
        if len(ones) > _ALIKE:
            line.append((day, station, f"……另有{len(ones) - _ALIKE}项，见下"))
    return line
