"""Filling the rows of a form from what the accounts moved, by the rule of each row (28号, part five)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ledger.books.account_months import AccountMonths
from ledger.books.selection import Turnover
from reports.statements.rows import BALANCES, FillRule, Row
from reports.statements.span import FigureColumn


class Filled(NamedTuple):
    """A row with its number on the form (from 1) and its figures in fen, one a column."""

    n: int
    row: Row
    fen: tuple[int, ...]


def fill(rows: Sequence[Row], columns: Sequence[FigureColumn], months: AccountMonths) -> tuple[Filled, ...]:
    """Every row filled, in printed order; sums after what they are made of, wherever they are printed."""
    known = {row.key: row for row in rows}
    done: dict[str, tuple[int, ...]] = {}

    def figures(key: str) -> tuple[int, ...]:
        if key not in done:
            row = known[key]
            if row.rule is FillRule.SUM:
                parts = [(sign, figures(part)) for sign, part in row.formula]
                done[key] = tuple(
                    sum(sign * part[place] for sign, part in parts) for place in range(len(columns))
                )
            else:
                accounts = months.accounts(row.codes)
                done[key] = tuple(
                    sum(amount(months, row.rule, account, column) for account in accounts)
                    for column in columns
                )
        return done[key]

    return tuple(Filled(n, row, figures(row.key)) for n, row in enumerate(rows, 1))


def amount(months: AccountMonths, rule: FillRule, account: int, column: FigureColumn) -> int:
    """What one leaf account puts into a row of this rule in a column, in fen."""
    if rule in BALANCES:
        balance = balance_in(months, account, column)
        return balance if rule is FillRule.DEBIT_BALANCE else -balance
    moved = turnover_in(months, account, column)
    match rule:
        case FillRule.DEBIT:
            return moved.debit_fen
        case FillRule.CREDIT:
            return moved.credit_fen
        case FillRule.NET_DEBIT:
            return moved.net_fen
        case _:
            return -moved.net_fen


def turnover_in(months: AccountMonths, account: int, column: FigureColumn) -> Turnover:
    """发生额 in a column: ours, and of a book taken over what its set says of the time before."""
    moved = months.turnover(account, column.first, column.last)
    if months.taken is not None:
        return moved.plus(
            months.taken.turnover(account, column.first, column.last, from_start=column.from_start)
        )
    if column.from_start and is_flow(account):
        moved = moved.plus(months.opened(account, column.first, column.last))
    return moved


def balance_in(months: AccountMonths, account: int, column: FigureColumn) -> int:
    """Debit-positive balance at the end of a column. 年初 (which ends before it begins) of the year of a cut-over is the set's."""
    if column.last >= column.first:
        return months.balance_fen(account, column.last)
    return year_open_fen(months, account, column.first, column.last)


def year_open_fen(months: AccountMonths, account: int, first: int, before: int) -> int:
    """年初余额, debit-positive, of the year from month `first` (yyyymm); `before` is the month before it.

    What opening entries brought without a set stands there as it is, but for income and expense.
    """
    balance = months.balance_fen(account, before)
    taken = months.taken
    if taken is not None and taken.year == first // 100 and account in taken.year_open:
        return balance + taken.year_open[account]
    return balance if is_flow(account) else balance + months.opened(account, first, first + 11).net_fen


def is_flow(account: int) -> bool:
    """Income or expense: accounts whose turnovers are statements' rows."""
    return str(account)[0] in "45"
