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


def match_parts(tx: Transaction, match: MatchRow) -> list[OpenRow]:
    """The lines of a match on both sides, as they were when they were open."""
    return [
        OpenRow(*row)
        for row in read_shown(
            tx,
            "SELECT 'bank', l.statement || ':' || l.n, l.booked_on, CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END,"
            "       coalesce(nullif(l.receipt_no, ''), nullif(l.bank_reference, ''), l.order_no), l.summary"
            "  FROM payments.match_line m JOIN payments.statement_line l USING (region, account, statement, n)"
            " WHERE m.region = %(region)s AND m.account = %(account)s AND m.match = %(match)s"
            " UNION ALL SELECT 'book', g.fund || ':' || g.seq || ':' || g.leg, coalesce(o.day, b.voucher_date), g.effect_fen,"
            "       coalesce(o.reference, e.evidence), coalesce(nullif(o.summary, ''), e.summary)"
            "  FROM payments.match_leg g JOIN books.entry e USING (region, fund, period, seq)"
            "  JOIN books.block b ON b.region = g.region AND b.fund = g.fund AND b.period = g.period"
            "       AND g.seq BETWEEN b.first_seq AND b.last_seq"
            "  LEFT JOIN payments.opened_leg o ON o.region = g.region AND o.fund = g.fund AND o.seq = g.seq AND o.leg = g.leg"
            " WHERE g.region = %(region)s AND g.account = %(account)s AND g.match = %(match)s ORDER BY 1, 3, 2",
            region=tx.region,
            account=match.account,
            match=match.n,
        )
    ]


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a statement and the match it stands in, 0 where it is open."""

    n: int
    day: date
    effect_fen: int
    balance_fen: int | None
    paper: str
    summary: str
    match: int


def statement_lines(tx: Transaction, account: str, statement: int) -> list[LineRow]:
    """Every line of a statement of an account, in the bank's order."""
    return [
        LineRow(*row)
        for row in read_shown(
            tx,
            "SELECT l.n, l.booked_on, CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END, l.balance_fen,"
            "       coalesce(nullif(l.receipt_no, ''), nullif(l.bank_reference, ''), l.order_no),"
            "       concat_ws(' ', nullif(l.summary, ''), nullif(l.other_name, '')),"
            "       coalesce((SELECT m.match FROM payments.match_line m WHERE m.region = l.region AND m.account = l.account"
            "                    AND m.statement = l.statement AND m.n = l.n AND m.live), 0)"
            "  FROM payments.statement_line l"
            " WHERE l.region = %(region)s AND l.account = %(account)s AND l.statement = %(statement)s ORDER BY l.n",
            region=tx.region,
            account=account,
            statement=statement,
        )
    ]
