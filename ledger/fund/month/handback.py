"""Hand-back of art. 12: by the 3rd, finance tells business what it paid by the day in the month before, frozen.

By bank date. A receipt that comes after its own month's hand-back was made stands in the next one made, under its own
month: every receipt of a daily order is told once (fund.handback_receipt).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.core.dates import next_month
from ledger.core.errors import Conflict
from ledger.db.connections import Engine
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.month.due import term_days

HAND_BACK_BY: Final = 3
"""Day of the next month."""


class HandBackLine(NamedTuple):
    """Daily money of one institution and 期号 by the bank's month, in fen."""

    booked_month: int
    """yyyymm of the bank's date: the hand-back's own month, or an earlier one for what came late."""
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
    """Made after the 3rd."""
    digest: bytes
    lines: Sequence[HandBackLine]

    @property
    def paid_fen(self) -> int:
        """What left the bank, that of earlier months which came late included."""
        return sum(line.paid_fen for line in self.lines)

    @property
    def returned_fen(self) -> int:
        """What came back (退汇), of whatever month's payments."""
        return sum(line.returned_fen for line in self.lines)

    @property
    def late_lines(self) -> list[HandBackLine]:
        """What belongs to earlier months, whose hand-back was made before the receipts came."""
        return [line for line in self.lines if line.booked_month < self.month]


def hand_back(engine: Engine, user: str, region: int, fund: int, month: int, day: date) -> HandBack:
    """Total the daily payments of `month` (yyyymm) and what came late of earlier ones from their receipts, and freeze the
    list; asked again, the first answer comes back.

    Raises Conflict `handback.month_open` before the month is over; Forbidden `access.role_missing` (accountant,
    system); InvalidInput `month.term`.
    """
    with unit_of_work(engine, user, region) as tx:
        return hand_back_in(tx, fund, month, day)


def hand_back_in(tx: Transaction, fund: int, month: int, day: date) -> HandBack:
    """`hand_back` within a transaction of its region."""
    _, last = term_days(month)
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant,system}')",
        region=tx.region,
        fund=fund,
    )
    hold(tx, Lock.HANDBACK, f"{tx.region}-{fund}-{month}")
    known = _stored(tx, fund, month)
    if known is not None:
        return known
    if day <= last:
        raise Conflict("handback.month_open", f"{month}尚未结束，{last}之后才能汇总日拨付", month=month)
    lines = _tell(tx, fund, month)
    limit = next_month(last).replace(day=HAND_BACK_BY)
    made = HandBack(fund, month, tx.user, day, day > limit, _digest(tx.region, fund, month, lines), lines)
    _store_head(tx, made)
    return made


def _tell(tx: Transaction, fund: int, month: int) -> list[HandBackLine]:
    """Take the receipts that are due, and add them up."""
    key = {"region": tx.region, "fund": fund, "month": month}
    tx.run(
        "INSERT INTO fund.handback_receipt SELECT %(region)s, %(fund)s, %(month)s, d.account, d.kind, d.receipt_no,"
        " d.direction FROM fund.handback_due(%(region)s, %(fund)s::smallint, %(month)s) d",
        **key,
    )
    tx.run(
        "INSERT INTO fund.handback_line SELECT %(region)s, %(fund)s, %(month)s, t.*"
        " FROM fund.handback_totals(%(region)s, %(fund)s::smallint, %(month)s) t",
        **key,
    )
    return _lines(tx, fund, month)


def _digest(region: int, fund: int, month: int, lines: Sequence[HandBackLine]) -> bytes:
    text = "".join("|".join(map(str, line)) + "\n" for line in lines)
    return sha256(f"{region}|{fund}|{month}\n{text}".encode()).digest()


def _store_head(tx: Transaction, made: HandBack) -> None:
    """Last, because the database asks it whether the receipts and lines above are all."""
    tx.run(
        "INSERT INTO fund.handback VALUES (%(region)s, %(fund)s, %(month)s, %(user)s, %(day)s, %(late)s, %(paid)s,"
        " %(returned)s, %(digest)s)",
        region=tx.region,
        fund=made.fund,
        month=made.month,
        user=made.made_by,
        day=made.made_on,
        late=made.late,
        paid=made.paid_fen,
        returned=made.returned_fen,
        digest=made.digest,
    )


def _stored(tx: Transaction, fund: int, month: int) -> HandBack | None:
    head = tx.row(
        "SELECT made_by, made_on, late, digest FROM fund.handback"
        " WHERE region = %(region)s AND fund = %(fund)s AND month = %(month)s",
        region=tx.region,
        fund=fund,
        month=month,
    )
    if head is None:
        return None
    made_by, made_on, late, digest = head
    return HandBack(fund, month, made_by, made_on, late, bytes(digest), _lines(tx, fund, month))


def _lines(tx: Transaction, fund: int, month: int) -> list[HandBackLine]:
    return [
        HandBackLine(*row)
        for row in tx.rows(
            "SELECT booked_month, institution, term, paid_fen, returned_fen FROM fund.handback_line"
            " WHERE region = %(region)s AND fund = %(fund)s AND month = %(month)s"
            ' ORDER BY booked_month DESC, institution COLLATE "C", term',
            region=tx.region,
            fund=fund,
            month=month,
        )
    ]
