"""Hand-back of art. 12: by the 3rd, finance tells business what it paid by the day in the month before, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from sqlalchemy import Engine

from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.month_due import next_month, term_days

HAND_BACK_BY: Final = 3
"""Day of the next month."""


class HandBackLine(NamedTuple):
    """Daily money of one institution and 期号 by bank date of the month, in fen."""

    institution: str
    term: int
    paid_fen: int
    returned_fen: int


@dataclass(frozen=True, slots=True)
class HandBack:
    """What was handed back for one book and month, as it was then."""

    fund: int
    month: int
    made_by: str
    made_on: date
    late: bool
    digest: bytes
    lines: Sequence[HandBackLine]

    @property
    def paid_fen(self) -> int:
        """What left the bank in the month."""
        return sum(line.paid_fen for line in self.lines)

    @property
    def returned_fen(self) -> int:
        """What came back in the month (退汇), of whatever month's payments."""
        return sum(line.returned_fen for line in self.lines)


def hand_back(engine: Engine, user: str, region: int, fund: int, month: int, day: date) -> HandBack:
    """Total the daily payments of `month` (yyyymm) from their receipts and freeze the list; asked again, the first
    answer comes back.

    Raises Conflict `handback.month_open` before the month is over; Forbidden `access.role_missing` (accountant,
    system); InvalidInput `month.term`.
    """
    first, last = term_days(month)
    with unit_of_work(engine, user, region) as tx:
        tx.run(
            "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant,system}')",
            region=region,
            fund=fund,
        )
        tx.run(
            "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))",
            key=f"handback {region}-{fund}-{month}",
        )
        known = _stored(tx, fund, month)
        if known is not None:
            return known
        if day <= last:
            raise Conflict("handback.month_open", f"{month}尚未结束，{last}之后才能汇总日拨付", month=month)
        made = _total(tx, fund, month, day, first, last)
        _store(tx, made)
        return made


def _total(tx: Transaction, fund: int, month: int, day: date, first: date, last: date) -> HandBack:
    # By the order's items: their daily part per 期号 is the sum of its records (payments.draft).
    rows = tx.rows(
        """SELECT o.institution, i.term, coalesce(sum(i.amount_fen) FILTER (WHERE v.direction = 'debit'), 0)::bigint,
                  coalesce(sum(i.amount_fen) FILTER (WHERE v.direction = 'credit'), 0)::bigint
             FROM payments.evidence v
             JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
             JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.source = 9101
            WHERE v.region = %(region)s AND o.fund = %(fund)s AND v.outcome = 'posted'
              AND v.booking_date BETWEEN %(first)s AND %(last)s
            GROUP BY 1, 2 ORDER BY o.institution COLLATE "C", i.term""",
        region=tx.region,
        fund=fund,
        first=first,
        last=last,
    )
    lines = [HandBackLine(*row) for row in rows]
    text = "".join("|".join(map(str, line)) + "\n" for line in lines)
    digest = sha256(f"{tx.region}|{fund}|{month}\n{text}".encode()).digest()
    late = day > next_month(last).replace(day=HAND_BACK_BY)
    return HandBack(fund, month, tx.user, day, late, digest, lines)


def _store(tx: Transaction, made: HandBack) -> None:
    key = {"region": tx.region, "fund": made.fund, "month": made.month}
    tx.run_many(
        "INSERT INTO fund.handback_line VALUES (%(region)s, %(fund)s, %(month)s, %(institution)s, %(term)s,"
        " %(paid_fen)s, %(returned_fen)s)",
        [key | line._asdict() for line in made.lines],
    )
    tx.run(
        "INSERT INTO fund.handback VALUES (%(region)s, %(fund)s, %(month)s, %(user)s, %(day)s, %(late)s, %(paid)s,"
        " %(returned)s, %(digest)s)",
        **key,
        user=made.made_by,
        day=made.made_on,
        late=made.late,
        paid=made.paid_fen,
        returned=made.returned_fen,
        digest=made.digest,
    )


def _stored(tx: Transaction, fund: int, month: int) -> HandBack | None:
    key = {"region": tx.region, "fund": fund, "month": month}
    head = tx.row(
        "SELECT made_by, made_on, late, digest FROM fund.handback"
        " WHERE region = %(region)s AND fund = %(fund)s AND month = %(month)s",
        **key,
    )
    if head is None:
        return None
    lines = tx.rows(
        "SELECT institution, term, paid_fen, returned_fen FROM fund.handback_line WHERE region = %(region)s"
        ' AND fund = %(fund)s AND month = %(month)s ORDER BY institution COLLATE "C", term',
        **key,
    )
    made_by, made_on, late, digest = head
    return HandBack(fund, month, made_by, made_on, late, bytes(digest), [HandBackLine(*row) for row in lines])
