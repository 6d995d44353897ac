"""What was matched and why, what was taken back, and what is open, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger.db.safekeeping.fields import read_shown
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.open import gather


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match with its parts (`3:7` of the bank, `310:45:2` of the journal)."""

    account: str
    n: int
    why: str
    reason: str
    made_by: str
    made_on: date
    undone_by: str
    undone_on: date | None
    undone_why: str
    lines: Sequence[str]
    legs: Sequence[str]
    amount_fen: int
    """What its journal lines come to, positive where money came in."""


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A line not matched: `side` is bank or book."""

    side: str
    reference: str
    day: date
    effect_fen: int
    paper: str
    summary: str


def matches(tx: Transaction, account: str, *, limit: int = 1000) -> list[MatchRow]:
    """The newest matches of an account, undone ones among them."""
    return [
        MatchRow(*row)
        for row in tx.rows(
            "SELECT m.account, m.n, m.why, m.reason, m.made_by, m.made_on, m.undone_by, m.undone_on, m.undone_why,"
            "       ARRAY(SELECT l.statement || ':' || l.n FROM payments.match_line l WHERE l.region = %(region)s"
            "               AND l.account = m.account AND l.match = m.n ORDER BY l.statement, l.n),"
            "       ARRAY(SELECT g.fund || ':' || g.seq || ':' || g.leg FROM payments.match_leg g WHERE g.region = %(region)s"
            "               AND g.account = m.account AND g.match = m.n ORDER BY g.fund, g.seq, g.leg),"
            "       (SELECT coalesce(sum(g.effect_fen), 0)::bigint FROM payments.match_leg g WHERE g.region = %(region)s"
            "           AND g.account = m.account AND g.match = m.n)"
            "  FROM payments.statement_match m WHERE m.region = %(region)s AND m.account = %(account)s ORDER BY m.n DESC LIMIT %(limit)s",
            region=tx.region,
            account=account,
            limit=limit,
        )
    ]


def open_rows(
    tx: Transaction, account: str, *, limit: int = 1000, side: str = "", skip: int = 0
) -> list[OpenRow]:
    """What is open on both sides of an account, or on one, oldest first; `skip` of them left out."""
    gather(tx, account)
    return [
        OpenRow(*row)
        for row in read_shown(
            tx,
            "SELECT * FROM (SELECT 'bank' AS side, statement || ':' || n AS reference, booked_on AS day, effect,"
            "                      coalesce(nullif(receipt_no, ''), nullif(bank_reference, ''), order_no) AS paper, summary FROM pg_temp.open_line"
            "               UNION ALL SELECT 'book', fund || ':' || seq || ':' || leg, day, effect, evidence, summary FROM pg_temp.open_leg) o"
            " WHERE %(side)s IN ('', side) ORDER BY day, side, reference LIMIT %(limit)s OFFSET %(skip)s",
            limit=limit,
            side=side,
            skip=skip,
        )
    ]
