"""What may belong together by amount, account and date alone: proposed, never matched; a person confirms with a reason.

One to one within some days, the nearest dates first; a bank line and the vouchers of one day that come to it; a voucher and
the bank lines of one day that come to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, LiteralString

from ledger.core.errors import Conflict
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.by_hand import LegKey, LineKey, match_by_hand
from ledger.payments.statements.open import gather

DAYS: Final = 10
_SPLIT: Final = 200
"""Parts of one proposal: more is no proposal a person can look at."""

# The k-th line and the k-th voucher line of an amount, both by date; a pair too far apart is none. Every order is down to the key
# (two books have the same voucher numbers): a proposal looked at must be found again when it is confirmed.
_PAIRS: Final[LiteralString] = """
WITH bank AS (SELECT *, row_number() OVER (PARTITION BY effect ORDER BY booked_on, statement, n) AS k FROM pg_temp.open_line),
     book AS (SELECT *, row_number() OVER (PARTITION BY effect ORDER BY business_day, fund, seq, leg) AS k FROM pg_temp.open_leg)
SELECT ARRAY[b.statement || ':' || b.n], ARRAY[g.fund || ':' || g.seq || ':' || g.leg], b.effect, b.booked_on
  FROM bank b JOIN book g USING (effect, k)
 WHERE least(abs(b.booked_on - g.business_day), abs(b.booked_on - g.day)) <= %(days)s ORDER BY b.booked_on, b.statement, b.n
"""
_ONE_TO_MANY: Final[LiteralString] = """
WITH book AS (
    SELECT day, sign(effect) AS side, sum(effect)::bigint AS effect, array_agg(fund || ':' || seq || ':' || leg ORDER BY fund, seq, leg) AS parts
      FROM pg_temp.open_leg GROUP BY 1, 2 HAVING count(*) BETWEEN 2 AND %(split)s)
SELECT DISTINCT ON (g.day, g.side) ARRAY[b.statement || ':' || b.n], g.parts, b.effect, b.booked_on
  FROM book g JOIN pg_temp.open_line b USING (effect)
 WHERE abs(b.booked_on - g.day) <= %(days)s ORDER BY g.day, g.side, abs(b.booked_on - g.day), b.statement, b.n
"""
_MANY_TO_ONE: Final[LiteralString] = """
WITH bank AS (
    SELECT booked_on, sign(effect) AS side, sum(effect)::bigint AS effect, array_agg(statement || ':' || n ORDER BY statement, n) AS parts
      FROM pg_temp.open_line GROUP BY 1, 2 HAVING count(*) BETWEEN 2 AND %(split)s)
SELECT DISTINCT ON (b.booked_on, b.side) b.parts, ARRAY[g.fund || ':' || g.seq || ':' || g.leg], b.effect, b.booked_on
  FROM bank b JOIN pg_temp.open_leg g USING (effect)
 WHERE abs(b.booked_on - g.day) <= %(days)s ORDER BY b.booked_on, b.side, abs(b.booked_on - g.day), g.fund, g.seq, g.leg
"""


@dataclass(frozen=True, slots=True)
class MatchProposal:
    """Lines that may belong together; `key` names exactly these."""

    key: str
    why: str
    lines: tuple[LineKey, ...]
    legs: tuple[LegKey, ...]
    effect_fen: int
    day: date


def propose(tx: Transaction, account: str) -> list[MatchProposal]:
    """Proposals for what is open on an account, each line in one of them at most, the surest kind first."""
    gather(tx, account)
    found: list[MatchProposal] = []
    used: set[str] = set()
    for why, query in (("pair", _PAIRS), ("split", _ONE_TO_MANY), ("joined", _MANY_TO_ONE)):
        for lines, legs, effect, day in tx.rows(query, days=DAYS, split=_SPLIT):
            parts = {f"bank {one}" for one in lines} | {f"book {one}" for one in legs}
            if not parts & used:
                used |= parts
                key = sha256("|".join([account, *lines, *legs]).encode()).hexdigest()[:16]
                found.append(MatchProposal(f"PR-{key}", why, _lines(lines), _legs(legs), effect, day))
    return found


def confirm(tx: Transaction, account: str, key: str, reason: str, day: date) -> int:
    """Match what a proposal named, as long as it still stands; returns the match's number.

    Raises Conflict `reconciliation.proposal_gone`, and what `match_by_hand` raises.
    """
    for one in propose(tx, account):
        if one.key == key:
            words = reason.strip() or said("match.proposal", one.why)
            return match_by_hand(tx, account, one.lines, one.legs, words, day)
    raise Conflict(
        "reconciliation.proposal_gone",
        f"账户{account}没有勾对建议{key[:40]}：可能已勾对或已有变动",
        key=key[:40],
    )


def _lines(texts: list[str]) -> tuple[LineKey, ...]:
    return tuple(LineKey(*map(int, text.split(":"))) for text in texts)


def _legs(texts: list[str]) -> tuple[LegKey, ...]:
    return tuple(LegKey(*map(int, text.split(":"))) for text in texts)
