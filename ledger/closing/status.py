"""Where a month stands: its state, its check list as it is now or as it was shown, the close under way, what was waived."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ledger.books.reading import require_period
from ledger.closing.checks import MonthAsked, last_day, lines, verified
from ledger.closing.lines import CheckLine, link
from ledger.control.breach import Breach
from ledger.core.entries import Book
from ledger.core.errors import NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import choice

DEFAULT_METHOD = "monthly"
"""账结: the form of the balance sheet has no row for what is not carried yet (会社保01表)."""


@dataclass(frozen=True, slots=True)
class Closing:
    """One close of a month, under way or done."""

    n: int
    method: str
    state: str
    begun_by: str
    begun_on: date | None
    shown_by: str
    checks: str
    debit_fen: int
    credit_fen: int
    block: int
    head: bytes
    digest: bytes
    closed_by: str
    closed_on: date | None
    asked_by: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """For machines; money in fen as text."""
        return {
            "n": self.n,
            "method": self.method,
            "begun_by": self.begun_by,
            "begun_on": str(self.begun_on or ""),
            "shown_by": self.shown_by,
            "debit_fen": str(self.debit_fen),
            "credit_fen": str(self.credit_fen),
            "head": {"block": self.block, "hash": self.head.hex()},
            "digest": self.digest.hex(),
            "closed_by": self.closed_by,
            "closed_on": str(self.closed_on or ""),
            "reopening": {"asked_by": self.asked_by, "reason": self.reason} if self.asked_by else None,
        }


@dataclass(frozen=True, slots=True)
class PeriodStatus:
    """Where a month stands."""

    book: Book
    period: int
    state: str
    method: str
    checks: tuple[CheckLine, ...]
    closing: Closing | None
    waivers: tuple[dict[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "book": str(self.book),
            "period": self.period,
            "state": self.state,
            "method": self.method,
            "checks": [
                line.as_json() | {"command": link(line.code, self.book, self.period)} for line in self.checks
            ],
            "digest": self.closing.digest.hex() if self.closing else "",
            "closing": self.closing.as_json() if self.closing else None,
            "waivers": list(self.waivers),
        }

    def words(self) -> list[str]:
        """For people."""
        heading = (
            f"账套{self.book}会计期间{self.period}：{said('period.state', self.state)}"
            f"（{said('closing.method', self.method)}）"
        )
        found = [heading]
        for line in self.checks:
            found.append(line.words())
            if line.hinders:
                found.append(f"      见 {link(line.code, self.book, self.period)}")
        found += [
            f"放行  {said('closing.check', w['code'])}：{w['reason']}（{w['asked_by']}提出，{w['granted_by'] or '待会计主管同意'}）"
            for w in self.waivers
        ]
        if self.closing and self.closing.digest:
            found.append(
                f"发生额 借{yuan_grouped(self.closing.debit_fen)}元 贷{yuan_grouped(self.closing.credit_fen)}元，账链至区块{self.closing.block}；"
                f"摘要{self.closing.digest.hex()}"
            )
        return found


def state_of(tx: Transaction, book: Book, period: int) -> str:
    """A period's state. Raises NotFound `period.unknown`."""
    require_period(tx, book, period)
    return str(
        tx.value(
            "SELECT state FROM books.period WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
            region=book.region,
            fund=book.fund,
            period=period,
        )
    )


def next_to_close(tx: Transaction, book: Book) -> int:
    """The earliest period that is not closed, else the last. Raises NotFound `book.unknown`."""
    found = tx.value(
        "SELECT coalesce(min(period) FILTER (WHERE state IN ('open', 'closing')), max(period)) FROM books.period"
        " WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    if found is None:
        raise NotFound("book.unknown", f"账套{book}不存在，或不在您的权限内", book=str(book))
    return int(found)


def method_on(tx: Transaction, period: int) -> str:
    """`monthly` 账结 or `yearly` 表结: the region's choice in force on the period's last day."""
    return choice(tx, "closing_method", last_day(period), DEFAULT_METHOD)


def closing_of(tx: Transaction, book: Book, period: int) -> Closing | None:
    """The close under way or done, None while the month is open."""
    row = tx.row(
        """SELECT n, method, state, begun_by, begun_on, shown_by, checks, debit_fen, credit_fen, block, head, digest,
                  closed_by, closed_on, asked_by, reason FROM books.closing
            WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s AND state IN ('closing', 'closed')""",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    if row is None:
        return None
    values = list(row)
    values[10], values[11] = bytes(row[10]), bytes(row[11])
    return Closing(*values)


def with_waivers(tx: Transaction, book: Book, period: int, found: list[CheckLine]) -> tuple[CheckLine, ...]:
    """The lines, marked where two persons waived what they name."""
    return tuple(
        line
        if line.ok
        else replace(
            line,
            waived=bool(
                tx.value(
                    "SELECT books.waived(%(region)s, %(fund)s::smallint, %(period)s, %(code)s, %(items)s::jsonb)",
                    region=book.region,
                    fund=book.fund,
                    period=period,
                    code=line.code,
                    items=json.dumps(line.items, ensure_ascii=False),
                )
            ),
        )
        for line in found
    )


def shown_lines(closing: Closing) -> tuple[CheckLine, ...]:
    """The check list as the chief confirmed it."""
    return tuple(
        CheckLine(one["code"], one["ok"], tuple(one["items"]), one["note"], one["waived"])
        for one in json.loads(closing.checks or "[]")
    )


def status(
    tx: Transaction,
    book: Book,
    period: int,
    on: date,
    breaches: list[Breach] | None,
) -> PeriodStatus:
    """Where a month stands on a business date; a closed one shows what was confirmed, any other is computed anew.

    `breaches` is what `verify` found; None where it was not asked: its three lines are left out.
    Raises NotFound `period.unknown`.
    """
    state, closing = state_of(tx, book, period), closing_of(tx, book, period)
    waivers = tuple(
        {"code": code, "reason": reason, "asked_by": asked, "granted_by": granted}
        for code, reason, asked, granted in tx.rows(
            "SELECT code, reason, asked_by, granted_by FROM books.closing_waiver"
            " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s ORDER BY code, n",
            region=book.region,
            fund=book.fund,
            period=period,
        )
    )
    method = closing.method if closing else method_on(tx, period)
    if closing is not None and closing.state == "closed":
        return PeriodStatus(book, period, state, method, shown_lines(closing), closing, waivers)
    found = list(lines(MonthAsked(tx, book, period, on)))
    if breaches is not None:
        found += verified(book, breaches)
    return PeriodStatus(book, period, state, method, with_waivers(tx, book, period, found), closing, waivers)
