"""What will have to be paid by when, and in which order when money is short (用款计划; dated choices of the region)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

KINDS: Final = ("daily", "month", "outregion", "clearing", "advance", "supplier", "person")
KIND_NAMES: Final = words_of("kind")


class Due(NamedTuple):
    """Money of one kind that falls due on a day; fen, positive."""

    kind: str
    due_on: date
    amount_fen: int


class Reserved(NamedTuple):
    """Money left for a kind that goes first; fen, positive."""

    kind: str
    amount_fen: int


def forecast(tx: Transaction, fund: int, day: date, upto: date) -> list[Due]:
    """What is owed on `day` and falls due up to `upto`, by kind and day; what is in an approved order is not in it.

    Daily money of discharges before `upto` (each institution's net, negatives carried), month and clearing results by
    institution, hospitals' money for guests and bills of other regions as far as our own money pays them, approved
    advances and person payments (fund.due).
    """
    rows = tx.rows(
        "SELECT kind, due_on, amount_fen FROM fund.due(%(region)s, %(fund)s::smallint, %(day)s, %(upto)s, true)",
        region=tx.region,
        fund=fund,
        day=day,
        upto=upto,
    )
    return sorted(Due(*row) for row in rows)


def kind_order(tx: Transaction, day: date) -> tuple[str, ...]:
    """The kinds in the order they are paid when money is short; raises InvalidInput `policy.kinds`."""
    return tuple(tx.value("SELECT fund.kind_order(%(region)s, %(day)s)", region=tx.region, day=day))


def reserved_before(tx: Transaction, fund: int, kind: str, day: date) -> tuple[Reserved, ...]:
    """Money to leave for the kinds that go before `kind` and are due by `day`, in their turn; drafts not counted.

    Raises InvalidInput `policy.kinds`. Approval asks the same of fund.reserved_before, drafts counted.
    """
    rows = tx.rows(
        "SELECT kind, amount_fen FROM fund.reserved_before(%(region)s, %(fund)s::smallint, %(kind)s, %(day)s, false)",
        region=tx.region,
        fund=fund,
        kind=kind,
        day=day,
    )
    return tuple(Reserved(*row) for row in rows)


def total(dues: Iterable[Due]) -> int:
    """Their sum in fen."""
    return sum(due.amount_fen for due in dues)
