"""AccountStatement lines matched with the journal by what both carry: the receipt's number, the bank's serial, the order's number.

A group is everything open under one number in one direction; where both sides of it come to the same it is one match, be it
one to one, one to many or many to one. Nothing is matched by its amount: that only proposes (`proposing`). A voucher and
its red copy on the account match each other, no bank line is wanted for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.open import gather

_WHYS: Final = ("receipt", "serial", "order")
# What an entry's paper says of itself, in its own words or by the bank's paper it rests on.
_KEYS: Final[LiteralString] = """
CREATE TEMP TABLE leg_key ON COMMIT DROP AS
WITH paper AS MATERIALIZED (
    SELECT v.kind || ':' || v.receipt_no AS named, v.digest, v.receipt_no, v.bank_reference, v.order_no, v.matched_order
      FROM payments.evidence v WHERE v.region = %(region)s AND v.account = %(account)s),
token AS MATERIALIZED (
    SELECT DISTINCT g.fund, g.seq, g.leg, t.token[1] AS key FROM pg_temp.open_leg g
     CROSS JOIN LATERAL regexp_matches(g.evidence, '[0-9A-Za-z]+(?:[._#/-]+[0-9A-Za-z]+)*', 'g') AS t (token)),
stated AS MATERIALIZED (   -- entries that rest on lines of the statement itself
    SELECT * FROM payments.stated_entries(%(region)s, %(account)s)),
found AS (
    SELECT g.fund, g.seq, g.leg, p.* FROM pg_temp.open_leg g JOIN paper p ON p.named = g.evidence AND p.digest = g.digest)
SELECT DISTINCT fund, seq, leg, k.kind, k.key FROM (
    SELECT fund, seq, leg, 'paper' AS kind, unnest(ARRAY[receipt_no, bank_reference, split_part(bank_reference, '#', 1)]) AS key FROM found
    UNION ALL
    SELECT fund, seq, leg, 'order', unnest(ARRAY[order_no, matched_order]) FROM found
    UNION ALL
    SELECT fund, seq, leg, 'paper', key FROM token
    UNION ALL
    SELECT g.fund, g.seq, g.leg, 'paper', s.source_key FROM stated s
      JOIN pg_temp.open_leg g ON (g.fund, g.seq) = (s.fund, s.seq) AND (g.effect > 0) = (s.direction = 'credit')
    UNION ALL
    -- a receipt named by its number carries the bank's serial, if we have it
    SELECT t.fund, t.seq, t.leg, 'paper', p.bank_reference FROM token t JOIN paper p ON p.receipt_no = t.key) k
 WHERE k.key <> ''
"""
_LINE_KEYS: Final[LiteralString] = """
CREATE TEMP TABLE line_key ON COMMIT DROP AS
SELECT l.statement, l.n, k.why, k.key FROM pg_temp.open_line l
 CROSS JOIN LATERAL (VALUES ('receipt', l.receipt_no), ('serial', l.bank_reference), ('order', l.order_no)) AS k (why, key)
 WHERE k.key <> ''
 UNION
SELECT l.statement, l.n, 'receipt', s.source_key FROM payments.stated_entries(%(region)s, %(account)s) s
  JOIN pg_temp.open_line l ON l.statement || '-' || l.n = s.receipt_no
"""
_GROUPS: Final[LiteralString] = """
CREATE TEMP TABLE grouped ON COMMIT DROP AS
WITH bank AS (
    SELECT k.key, sign(l.effect) AS side, sum(l.effect) AS fen
      FROM pg_temp.line_key k JOIN pg_temp.open_line l USING (statement, n) WHERE k.why = %(why)s GROUP BY 1, 2),
book AS (
    SELECT k.key, sign(g.effect) AS side, sum(g.effect) AS fen
      FROM pg_temp.leg_key k JOIN pg_temp.open_leg g USING (fund, seq, leg) WHERE k.kind = %(kind)s GROUP BY 1, 2),
same AS (SELECT key, side FROM bank JOIN book USING (key, side, fen)),
member AS (
    SELECT g.fund, g.period, g.seq, g.leg, g.effect, s.key, s.side, min(s.key) OVER (PARTITION BY g.fund, g.seq, g.leg) AS first
      FROM same s JOIN pg_temp.leg_key k ON k.key = s.key AND k.kind = %(kind)s
      JOIN pg_temp.open_leg g USING (fund, seq, leg) WHERE sign(g.effect) = s.side),
-- by a window, not by a join with itself: of rows it has no statistics on, a planner compares each with each
pure AS (SELECT *, bool_or(first <> key) OVER (PARTITION BY key, side) AS mixed FROM member)
SELECT key, side, dense_rank() OVER (ORDER BY key, side) AS rank, fund, period, seq, leg, effect FROM pure WHERE NOT mixed
"""
_TAKEN: Final[LiteralString] = """
CREATE TEMP TABLE taken ON COMMIT DROP AS
SELECT l.statement, l.n, q.rank
  FROM (SELECT DISTINCT key, side, rank FROM pg_temp.grouped) q
  JOIN pg_temp.line_key k ON k.key = q.key AND k.why = %(why)s
  JOIN pg_temp.open_line l ON l.statement = k.statement AND l.n = k.n AND sign(l.effect) = q.side
"""


@dataclass(frozen=True, slots=True)
class Matched:
    """What a run matched: groups by why."""

    account: str
    groups: dict[str, int]
    open_lines: int
    open_legs: int


@dataclass(frozen=True, slots=True)
class LineKey:
    """A line of a statement: `3:7` is the seventh of the third."""

    statement: int
    n: int

    def __str__(self) -> str:
        return f"{self.statement}:{self.n}"


@dataclass(frozen=True, slots=True)
class LegKey:
    """A line of the journal: `310:45:2` is the second of entry 45 of the book of fund 310."""

    fund: int
    seq: int
    leg: int

    def __str__(self) -> str:
        return f"{self.fund}:{self.seq}:{self.leg}"


def match(tx: Transaction, account: str, day: date) -> Matched:
    """Match everything that carries the same number on both sides, as accountant; again finds nothing more.

    Raises NotFound `account.unknown`; Forbidden `access.role_missing`.
    """
    _begin(tx, account)
    gather(tx, account)
    groups = {"reversal": _match_reversals(tx, account, day)}
    tx.run("DROP TABLE IF EXISTS pg_temp.leg_key, pg_temp.line_key")
    tx.run(_LINE_KEYS, region=tx.region, account=account)
    tx.run(_KEYS, region=tx.region, account=account)
    tx.run("ANALYZE pg_temp.leg_key, pg_temp.line_key")
    for why in _WHYS:
        groups[why] = _match_by(tx, account, why, day)
    left = tx.row("SELECT (SELECT count(*) FROM pg_temp.open_line), (SELECT count(*) FROM pg_temp.open_leg)")
    lines, legs = left or (0, 0)
    return Matched(account, groups, lines, legs)


def match_by_hand(
    tx: Transaction, account: str, lines: Sequence[LineKey], legs: Sequence[LegKey], reason: str, day: date
) -> int:
    """Match what a person says belongs together, with the reason; returns the match's number.

    Raises InvalidInput `reconciliation.reason`, `.amount` (the sides differ: nothing is matched above its amount),
    `.other_account`; NotFound `reconciliation.not_open` (no such line on this account, or matched already); Forbidden
    `access.role_missing`.
    """
    if not 0 < len(reason.strip()) <= 120:
        raise InvalidInput("reconciliation.reason", "勾对的理由应为1到120字", field="reason")
    _begin(tx, account)
    gather(tx, account)
    _require_open(tx, account, lines, legs)
    number: int = tx.value(
        "SELECT payments.next_match(%(region)s, %(account)s)", region=tx.region, account=account
    )
    given = {"region": tx.region, "account": account, "number": number}
    tx.run(
        "INSERT INTO payments.match_line (region, account, match, statement, n) SELECT %(region)s, %(account)s, %(number)s, s, n"
        " FROM unnest(%(statements)s::integer[], %(ns)s::integer[]) AS x (s, n)",
        **given,
        statements=[one.statement for one in lines],
        ns=[one.n for one in lines],
    )
    tx.run(
        "INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(number)s, g.fund, g.period, g.seq, g.leg, g.effect FROM pg_temp.open_leg g"
        " JOIN unnest(%(funds)s::smallint[], %(seqs)s::bigint[], %(legs)s::smallint[]) AS x (fund, seq, leg) USING (fund, seq, leg)",
        **given,
        funds=[one.fund for one in legs],
        seqs=[one.seq for one in legs],
        legs=[one.leg for one in legs],
    )
    tx.run(
        "INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " VALUES (%(region)s, %(account)s, %(number)s, 'hand', %(reason)s, %(user)s, %(day)s)",
        **given,
        reason=reason.strip(),
        user=tx.user,
        day=day,
    )
    return number


def undo(tx: Transaction, account: str, number: int, reason: str, day: date) -> None:
    """Take a match back; it is kept, with who, when and why.

    Raises InvalidInput `reconciliation.reason`; NotFound `reconciliation.no_match`; Conflict `reconciliation.undone`; Forbidden
    `reconciliation.not_maker` (a person's match is that person's), `access.role_missing`.
    """
    if not 0 < len(reason.strip()) <= 120:
        raise InvalidInput("reconciliation.reason", "撤销的理由应为1到120字", field="reason")
    tx.run(
        "SELECT payments.undo_match(%(region)s, %(account)s, %(number)s, %(why)s, %(day)s)",
        region=tx.region,
        account=account,
        number=number,
        why=reason.strip(),
        day=day,
    )


def _begin(tx: Transaction, account: str) -> None:
    hold(tx, Lock.STATEMENT, f"{tx.region} {account}")
    if not tx.value(
        "SELECT count(*) FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    ):
        raise NotFound("account.unknown", f"统筹区{tx.region}没有账户{account[:40]}", account=account[:40])


def _match_by(tx: Transaction, account: str, why: str, day: date) -> int:
    tx.run("DROP TABLE IF EXISTS pg_temp.grouped, pg_temp.taken")
    tx.run(_GROUPS, why=why, kind="order" if why == "order" else "paper")
    tx.run(_TAKEN, why=why)
    base = tx.value(
        "SELECT payments.next_match(%(region)s, %(account)s) - 1", region=tx.region, account=account
    )
    tx.run(
        "INSERT INTO payments.match_line (region, account, match, statement, n)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, statement, n FROM pg_temp.taken",
        region=tx.region,
        account=account,
        base=base,
    )
    tx.run(
        "INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, fund, period, seq, leg, effect FROM pg_temp.grouped",
        region=tx.region,
        account=account,
        base=base,
    )
    made = tx.run(
        "INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " SELECT DISTINCT %(region)s::integer, %(account)s, %(base)s + rank, %(why)s, key, %(user)s, %(day)s::date FROM pg_temp.grouped",
        region=tx.region,
        account=account,
        base=base,
        why=why,
        user=tx.user,
        day=day,
    )
    tx.run(
        "DELETE FROM pg_temp.open_line l USING pg_temp.taken q WHERE q.statement = l.statement AND q.n = l.n"
    )
    tx.run(
        "DELETE FROM pg_temp.open_leg g USING pg_temp.grouped q WHERE q.fund = g.fund AND q.seq = g.seq AND q.leg = g.leg"
    )
    return made


def _match_reversals(tx: Transaction, account: str, day: date) -> int:
    """A voucher and its red copy: the k-th line of one beside the k-th of the other, of opposite effect."""
    tx.run("DROP TABLE IF EXISTS pg_temp.undone")
    tx.run(
        "CREATE TEMP TABLE undone ON COMMIT DROP AS"
        " SELECT row_number() OVER (ORDER BY r.fund, r.seq, r.leg) AS rank, r.fund, r.seq AS red, r.period AS red_period, r.leg AS red_leg,"
        "        r.effect, o.seq, o.period, o.leg"
        "   FROM (SELECT *, row_number() OVER (PARTITION BY fund, reverses, effect ORDER BY seq, leg) AS k FROM pg_temp.open_leg WHERE reverses > 0) r"
        "   JOIN (SELECT *, row_number() OVER (PARTITION BY fund, seq, effect ORDER BY leg) AS k FROM pg_temp.open_leg) o"
        "     ON o.fund = r.fund AND o.seq = r.reverses AND o.effect = -r.effect AND o.k = r.k"
    )
    base = tx.value(
        "SELECT payments.next_match(%(region)s, %(account)s) - 1", region=tx.region, account=account
    )
    tx.run(
        "INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, fund, red_period, red, red_leg, effect FROM pg_temp.undone"
        " UNION ALL SELECT %(region)s, %(account)s, %(base)s + rank, fund, period, seq, leg, -effect FROM pg_temp.undone",
        region=tx.region,
        account=account,
        base=base,
    )
    made = tx.run(
        "INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, 'reversal', fund || ':' || red, %(user)s, %(day)s::date FROM pg_temp.undone",
        region=tx.region,
        account=account,
        base=base,
        user=tx.user,
        day=day,
    )
    tx.run(
        "DELETE FROM pg_temp.open_leg g USING pg_temp.undone u"
        " WHERE g.fund = u.fund AND (g.seq, g.leg) IN ((u.red, u.red_leg), (u.seq, u.leg))"
    )
    return made


def _require_open(tx: Transaction, account: str, lines: Sequence[LineKey], legs: Sequence[LegKey]) -> None:
    there = {(s, n) for s, n in tx.rows("SELECT statement, n FROM pg_temp.open_line")}
    for line in lines:
        if (line.statement, line.n) not in there:
            raise NotFound(
                "reconciliation.not_open",
                f"账户{account}没有未勾对的对账单行{line}（没有此行，或已勾对）",
                line=str(line),
            )
    ours = {tuple(row) for row in tx.rows("SELECT fund, seq, leg FROM pg_temp.open_leg")}
    for leg in legs:
        if (leg.fund, leg.seq, leg.leg) not in ours:
            raise NotFound(
                "reconciliation.not_open",
                f"账户{account}没有未勾对的分录{leg}（不是此账户的，或已勾对）",
                leg=str(leg),
            )
