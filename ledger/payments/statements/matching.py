"""AccountStatement lines matched with the journal by what both carry: the receipt's number, the bank's serial, the order's number.

A group is everything open under one number in one direction; where both sides of it come to the same it is one match, be it
one to one, one to many or many to one. Nothing is matched by its amount: that only proposes (`proposing`). A voucher and
its red copy on the account match each other, no bank line is wanted for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString

from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.open import gather
from ledger.payments.statements.take import lock_of_account

_WHYS: Final = ("receipt", "serial", "order")
# What an entry's paper says of itself, in its own words or by the bank's paper it rests on.
_KEYS: Final[LiteralString] = """
CREATE TEMP TABLE leg_key ON COMMIT DROP AS
WITH paper AS MATERIALIZED (
    SELECT v.kind || ':' || v.receipt_no AS named, v.digest, v.receipt_no, v.bank_reference, v.order_no, v.matched_order
      FROM payments.evidence v WHERE v.region = %(region)s AND v.account = %(account)s),
token AS MATERIALIZED (
    SELECT g.fund, g.seq, g.leg, t.token[1] AS key FROM pg_temp.open_leg g
     CROSS JOIN LATERAL regexp_matches(g.evidence, '[0-9A-Za-z]+(?:[._#/-]+[0-9A-Za-z]+)*', 'g') AS t (token)),
stated AS MATERIALIZED (   -- entries that rest on lines of the statement itself
    SELECT * FROM payments.stated_entries(%(region)s, %(account)s)),
found AS (
    SELECT g.fund, g.seq, g.leg, p.* FROM pg_temp.open_leg g JOIN paper p ON p.named = g.evidence AND p.digest = g.digest)
SELECT DISTINCT l.fund, l.period, l.seq, l.leg, l.effect, k.kind, k.key FROM (
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
  JOIN pg_temp.open_leg l USING (fund, seq, leg)
 WHERE k.key <> '' AND k.key IN (SELECT key FROM pg_temp.line_key)   -- no group without a line of the bank's
"""
_LINE_KEYS: Final[LiteralString] = """
CREATE TEMP TABLE line_key ON COMMIT DROP AS
SELECT l.statement, l.n, l.effect, k.why, k.key FROM pg_temp.open_line l
 CROSS JOIN LATERAL (VALUES ('receipt', l.receipt_no), ('serial', l.bank_reference), ('order', l.order_no)) AS k (why, key)
 WHERE k.key <> ''
 UNION
SELECT l.statement, l.n, l.effect, 'receipt', s.source_key FROM payments.stated_entries(%(region)s, %(account)s) s
  JOIN pg_temp.open_line l ON l.statement || '-' || l.n = s.receipt_no
"""
_GROUPS: Final[LiteralString] = """
CREATE TEMP TABLE grouped ON COMMIT DROP AS
WITH bank AS (
    SELECT key, effect > 0 AS side, sum(effect) AS fen FROM pg_temp.line_key WHERE why = %(why)s GROUP BY 1, 2),
book AS (SELECT key, effect > 0 AS side, sum(effect) AS fen FROM pg_temp.leg_key WHERE kind = %(kind)s GROUP BY 1, 2),
same AS (SELECT key, side FROM bank JOIN book USING (key, side, fen)),
member AS MATERIALIZED (
    SELECT k.fund, k.period, k.seq, k.leg, k.effect, s.key, s.side
      FROM same s JOIN pg_temp.leg_key k ON k.key = s.key AND k.kind = %(kind)s AND (k.effect > 0) = s.side),
first AS (SELECT fund, seq, leg, min(key) AS key FROM member GROUP BY 1, 2, 3 HAVING count(*) > 1),
-- a line of the journal with two numbers belongs to the first; a group that lost one of its lines so is none
mixed AS (SELECT DISTINCT m.key, m.side FROM member m JOIN first f USING (fund, seq, leg) WHERE f.key <> m.key)
SELECT key, side, dense_rank() OVER (ORDER BY key, side) AS rank, fund, period, seq, leg, effect FROM member
 WHERE NOT EXISTS (SELECT 1 FROM mixed x WHERE x.key = member.key AND x.side = member.side)
"""
_TAKEN: Final[LiteralString] = """
CREATE TEMP TABLE taken ON COMMIT DROP AS
SELECT k.statement, k.n, q.rank
  FROM (SELECT DISTINCT key, side, rank FROM pg_temp.grouped) q
  JOIN pg_temp.line_key k ON k.key = q.key AND k.why = %(why)s AND (k.effect > 0) = q.side
"""
_DONE: Final[tuple[LiteralString, ...]] = (
    "DELETE FROM pg_temp.line_key WHERE (statement, n) IN (SELECT statement, n FROM pg_temp.taken)",
    "DELETE FROM pg_temp.leg_key WHERE (fund, seq, leg) IN (SELECT fund, seq, leg FROM pg_temp.grouped)",
)


@dataclass(frozen=True, slots=True)
class Matched:
    """What a run matched: groups by why."""

    account: str
    groups: dict[str, int]
    open_lines: int
    open_legs: int


def match(tx: Transaction, account: str, day: date) -> Matched:
    """Match everything that carries the same number on both sides, as accountant; again finds nothing more.

    Raises NotFound `account.unknown`; Forbidden `access.role_missing`.
    """
    tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{accountant,system}')", region=tx.region)
    lock_of_account(tx, account)
    gather(tx, account)
    tx.run("SET LOCAL enable_nestloop = off")  # between rows just gathered a planner compares each with each
    groups = {"reversal": _match_reversals(tx, account, day)}
    tx.run("DROP TABLE IF EXISTS pg_temp.leg_key, pg_temp.line_key")
    tx.run(_LINE_KEYS, region=tx.region, account=account)
    tx.run("ANALYZE pg_temp.line_key")
    tx.run(_KEYS, region=tx.region, account=account)
    tx.run("ANALYZE pg_temp.leg_key")
    present = {why for (why,) in tx.rows("SELECT DISTINCT why FROM pg_temp.line_key")}
    for why in _WHYS:
        groups[why] = _match_by(tx, account, why, day) if why in present else 0
        present.discard(why)
        if groups[why] and present:
            for statement in _DONE:
                tx.run(statement)
    left = tx.row("SELECT (SELECT count(*) FROM pg_temp.open_line), (SELECT count(*) FROM pg_temp.open_leg)")
    lines, legs = left or (0, 0)
    return Matched(account, groups, lines, legs)


def _match_by(tx: Transaction, account: str, why: str, day: date) -> int:
    tx.run("DROP TABLE IF EXISTS pg_temp.grouped, pg_temp.taken")
    tx.run(_GROUPS, why=why, kind="order" if why == "order" else "paper")
    tx.run(_TAKEN, why=why)
    base = tx.value(
        "SELECT payments.next_match(%(region)s, %(account)s) - 1", region=tx.region, account=account
    )
    made = tx.run(
        "WITH line AS ("
        " INSERT INTO payments.match_line (region, account, match, statement, n)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, statement, n FROM pg_temp.taken ORDER BY rank), leg AS ("
        " INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, fund, period, seq, leg, effect FROM pg_temp.grouped)"
        " INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " SELECT DISTINCT %(region)s::integer, %(account)s, %(base)s + rank, %(why)s, key, %(user)s, %(day)s::date"
        "   FROM pg_temp.grouped ORDER BY 3",  # in order: an index grows at its end, and is read again without leaping
        region=tx.region,
        account=account,
        base=base,
        why=why,
        user=tx.user,
        day=day,
    )
    tx.run("DELETE FROM pg_temp.open_line WHERE (statement, n) IN (SELECT statement, n FROM pg_temp.taken)")
    tx.run(
        "DELETE FROM pg_temp.open_leg WHERE (fund, seq, leg) IN (SELECT fund, seq, leg FROM pg_temp.grouped)"
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
    made = tx.run(
        "WITH leg AS ("
        " INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(base)s + rank, fund, red_period, red, red_leg, effect FROM pg_temp.undone"
        " UNION ALL SELECT %(region)s, %(account)s, %(base)s + rank, fund, period, seq, leg, -effect FROM pg_temp.undone)"
        " INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
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
