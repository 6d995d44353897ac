"""What a cell is made of: its formula, the accounts in it with what each puts in, and their entries with their papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ledger.books.account_lines import AccountLine, lines
from ledger.books.account_months import AccountMonths
from ledger.books.selection import BEFORE_ALL, NOTHING, Cursor, Selection
from ledger.books.sub_accounts import book_accounts
from ledger.core.entry_kinds import EntryKind
from ledger.core.errors import NotFound
from ledger.core.words import evidence_named
from ledger.db.unit_of_work import Transaction
from reports.statements.filling import Filled, amount
from reports.statements.rows import BALANCES, FillRule, Form
from reports.statements.span import FigureColumn
from reports.statements.statement import FilledForm, Statements
from reports.wording import dimension_object

ENTRIES: Final = 200
"""How many entries a page of an explanation has."""


def explain(
    tx: Transaction,
    told: Statements,
    form: Form,
    asked: str,
    after: Cursor = BEFORE_ALL,
    entries: int = ENTRIES,
) -> dict[str, object]:
    """One row opened, by its number or its printed name. Money as strings of integer fen.

    Raises NotFound `statement.row_unknown`. Sums are opened down to the rows that hold accounts.
    """
    shown = told.forms[form]
    filled = _row(shown, asked)
    held = _holding(shown, filled)
    months = told.months
    accounts = list(dict.fromkeys(account for row in held for account in months.accounts(row.row.codes)))
    names = {one.account: one.name for one in book_accounts(tx, told.book)}
    chosen = Selection(told.book, "", "", accounts, None, told.as_of, told.known)
    # a balance rests on everything up to its day, a turnover on its columns' months
    first = (
        0 if any(row.row.rule in BALANCES for row in held) else min(column.first for column in shown.columns)
    )
    found = lines(tx, chosen, None, after, entries + 1, months=(first, told.span.last))
    seqs = list(dict.fromkeys(line.seq for line in found))
    page = [line for line in found if line.seq in set(seqs[:entries])]
    return {
        "row": filled.n,
        "name": filled.row.name,
        "article": filled.row.article,
        "formula": _formula(shown, filled),
        "figures": _figures(shown, filled.fen),
        "rows": [
            {
                "row": one.n,
                "name": one.row.name,
                "article": one.row.article,
                "formula": _formula(shown, one),
                "figures": _figures(shown, one.fen),
                "accounts": [
                    {
                        "code": str(account),
                        "name": names.get(account, str(account)),
                        "figures": _figures(
                            shown,
                            [amount(months, one.row.rule, account, column) for column in shown.columns],
                        ),
                    }
                    for account in months.accounts(one.row.codes)
                ],
            }
            for one in held
        ],
        "brought": _brought(months, accounts, names),
        "entries": [_entry(line, _rule_of(held, line.account), months) for line in page],
        "next": str(Cursor(page[-1].voucher_date, page[-1].seq)) if len(seqs) > entries else None,
    }


def _brought(
    months: AccountMonths, accounts: Sequence[int], names: Mapping[int, str]
) -> list[dict[str, str]]:
    """What a cut-over's set says of the year before its day: in the figures, in no entry. Money as strings of integer fen."""
    taken = months.taken
    if taken is None:
        return []
    return [
        {
            "code": str(account),
            "name": names.get(account, str(account)),
            "month": str(taken.month),
            "year_open_fen": str(taken.year_open.get(account, 0)),
            "debit_fen": str(taken.moved.get(account, NOTHING).debit_fen),
            "credit_fen": str(taken.moved.get(account, NOTHING).credit_fen),
        }
        for account in accounts
        if account in taken.year_open or account in taken.moved
    ]


def _row(shown: FilledForm, asked: str) -> Filled:
    for filled in shown.rows:
        if asked in (str(filled.n), filled.row.key, filled.row.name):
            return filled
    raise NotFound("statement.row_unknown", f"会社保{shown.form}没有项目“{asked[:40]}”", row=asked[:40])


def _holding(shown: FilledForm, filled: Filled) -> list[Filled]:
    """The rows with accounts that a row is made of: itself, or those its sum goes down to."""
    if filled.row.rule is not FillRule.SUM:
        return [filled]
    of = {one.row.key: one for one in shown.rows}
    return [held for _, key in filled.row.formula for held in _holding(shown, of[key])]


def accounts_codes(
    shown: FilledForm, filled: Filled, column: FigureColumn
) -> tuple[tuple[str, ...], tuple[int, int]]:
    """The codes a cell is made of, and the months (yyyymm) whose vouchers move it: all before for a balance."""
    held = _holding(shown, filled)
    codes = tuple(dict.fromkeys(code for one in held for code in one.row.codes))
    first = 0 if any(one.row.rule in BALANCES for one in held) else column.first
    return codes, (first, column.last)


def _formula(shown: FilledForm, filled: Filled) -> str:
    """`本表第2行 + 第8行`, or `400101 贷方发生额减去借方发生额`."""
    if filled.row.rule is not FillRule.SUM:
        return f"{'、'.join(filled.row.codes)} {filled.row.reading}"
    of = {one.row.key: one for one in shown.rows}
    text = "".join(
        f" {'+' if sign > 0 else '-'} 第{of[key].n}行{of[key].row.name}" for sign, key in filled.row.formula
    )
    return text.removeprefix(" + ")


def _figures(shown: FilledForm, fen: Sequence[int]) -> dict[str, str]:
    return {column.key: str(one) for column, one in zip(shown.columns, fen, strict=True)}


def _rule_of(held: Sequence[Filled], account: int) -> FillRule:
    return next(one.row.rule for one in held if str(account).startswith(one.row.codes))


def counted_fen(rule: FillRule, line: AccountLine, *, taken_over: bool = False) -> int:
    """What a line puts into a row of this rule: nothing where the row takes the other side or the entry is no 发生额.

    `taken_over`: the turnover before an opening entry is told by the set it opened, not by that entry.
    """
    net = line.side * line.amount_fen
    if rule in BALANCES:
        return net if rule is FillRule.DEBIT_BALANCE else -net
    if line.kind is EntryKind.CLOSING or (taken_over and line.kind is EntryKind.OPENING):
        return 0
    match rule:
        case FillRule.DEBIT:
            return line.movement.debit_fen
        case FillRule.CREDIT:
            return line.movement.credit_fen
        case FillRule.NET_DEBIT:
            return net
        case _:
            return -net


def _entry(line: AccountLine, rule: FillRule, months: AccountMonths) -> dict[str, object]:
    return {
        "voucher": line.voucher,
        "seq": line.seq,
        "voucher_date": line.voucher_date.isoformat(),
        "period": str(line.period),
        "kind": line.kind.value,
        "summary": line.summary,
        "evidence": evidence_named(line.evidence),
        "code": str(line.account),
        "name": line.name,
        "dimensions": dimension_object(line.asked, line.dims),
        "side": "借" if line.side == 1 else "贷",
        "fen": str(line.amount_fen),
        "counted_fen": str(counted_fen(rule, line, taken_over=months.taken is not None)),
    }
