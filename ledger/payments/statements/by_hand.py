"""Lines matched because a person says so, with the reason; and any match taken back, kept with who, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.open import gather
from ledger.payments.statements.take import lock_of_account


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
    lock_of_account(tx, account)
    gather(tx, account)
    _require_open(tx, account, lines, legs)
    number: int = tx.value(
        "SELECT payments.next_match(%(region)s, %(account)s)", region=tx.region, account=account
    )
    tx.run(
        "WITH line AS ("
        " INSERT INTO payments.match_line (region, account, match, statement, n) SELECT %(region)s, %(account)s, %(number)s, s, n"
        " FROM unnest(%(statements)s::integer[], %(ns)s::integer[]) AS x (s, n)), leg AS ("
        " INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
        " SELECT %(region)s, %(account)s, %(number)s, g.fund, g.period, g.seq, g.leg, g.effect FROM pg_temp.open_leg g"
        " JOIN unnest(%(funds)s::smallint[], %(seqs)s::bigint[], %(legs)s::smallint[]) AS x (fund, seq, leg) USING (fund, seq, leg))"
        " INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " VALUES (%(region)s, %(account)s, %(number)s, 'hand', %(reason)s, %(user)s, %(day)s)",
        region=tx.region,
        account=account,
        number=number,
        statements=[one.statement for one in lines],
        ns=[one.n for one in lines],
        funds=[one.fund for one in legs],
        seqs=[one.seq for one in legs],
        legs=[one.leg for one in legs],
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
