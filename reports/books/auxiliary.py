"""Auxiliary balances 辅助余额表, by what an account is kept by (institution, party, sub-fund, service year, 期号, category); and 往来 by party."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ledger.books.reading import Cut, LeafRow, cut, leaf_rows, require_period
from ledger.core.entries import Book, Dimensions, Section
from ledger.core.errors import InvalidInput
from ledger.core.words import said
from ledger.db.safekeeping.fields import read_shown
from ledger.db.unit_of_work import Transaction
from reports.books.heading import SIGNERS, facts, heads, when
from reports.render.grid import Column, Grid, Line
from reports.wording import SECTION_NAMES, cut_text, direction

DEALINGS: Final = ("1101", "1201", "2001", "2101", "91")
"""暂付款, 债券投资, 暂收款, 借入款项, and what the memorandum section still owes: what stands open with somebody."""


class Dimension(StrEnum):
    """What balances are listed by."""

    PARTY = "counterparty"
    SUBFUND = "subfund"
    SERVICE_YEAR = "service_year"
    TERM = "term"
    CATEGORY = "category"


_BIT: Final = {one: 1 << bit for bit, one in enumerate(Dimension)}
_TITLES: Final[Mapping[Dimension, str]] = {
    Dimension.PARTY: "往来单位", Dimension.SUBFUND: "子基金", Dimension.SERVICE_YEAR: "服务年度",
    Dimension.TERM: "期号", Dimension.CATEGORY: "待遇类别",
}  # fmt: skip
_VALUE: Final[Mapping[Dimension, Callable[[Dimensions], str]]] = {
    Dimension.PARTY: lambda dims: dims.counterparty,
    Dimension.SUBFUND: lambda dims: dims.subfund,
    Dimension.SERVICE_YEAR: lambda dims: str(dims.service_year),
    Dimension.TERM: lambda dims: str(dims.term),
    Dimension.CATEGORY: lambda dims: dims.category,
}
_MONEY: Final = (
    Column("opening_debit_fen", "期初借方", "money", 16), Column("opening_credit_fen", "期初贷方", "money", 16),
    Column("debit_fen", "本期借方", "money", 16), Column("credit_fen", "本期贷方", "money", 16),
    Column("year_debit_fen", "本年累计借方", "money", 16), Column("year_credit_fen", "本年累计贷方", "money", 16),
    Column("carried_debit_fen", "结转借方", "money", 14), Column("carried_credit_fen", "结转贷方", "money", 14),
    Column("closing_debit_fen", "期末借方", "money", 16), Column("closing_credit_fen", "期末贷方", "money", 16),
)  # fmt: skip
_Key = tuple[int, str, int]
"""Section, value of the dimension, account."""
_Sums = list[int]


def auxiliary_grid(
    tx: Transaction,
    book: Book,
    by: Dimension,
    period: int,
    *,
    account: str = "",
    party: str = "",
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """A line a value and account, a total a value, a total a section. Accounts that are not kept by `by` are not in it.

    `account`: only codes that begin so; `party`: only this one. Raises NotFound `book.unknown`, `period.unknown`;
    InvalidInput `auxiliary.account` where no such account is kept by it.
    """
    known = cut(tx, book, known_at)
    require_period(tx, book, period)
    rows = _rows(tx, book, by, (account,), party, period, as_of, known)
    if account and not rows:
        _require_kept(tx, book, by, account)
    named = _names(tx, by, {key[1] for key in rows})
    heads_of = _accounts(tx, book)
    lines: list[Line] = []

    def shown_as(value: str) -> str:
        return said(by.value, value) if by in (Dimension.SUBFUND, Dimension.CATEGORY) else value

    for section in Section:
        of_section = {key: sums for key, sums in rows.items() if key[0] == section}
        for value in sorted({key[1] for key in of_section}):
            held = {key: sums for key, sums in of_section.items() if key[1] == value}
            for key in sorted(held, key=lambda one: str(one[2])):
                lines.append(Line((shown_as(value), named[value], str(key[2]), heads_of[key[2]], *held[key])))
            if len(held) > 1:
                lines.append(
                    Line((shown_as(value), named[value], "", "小计", *_added(held.values())), total=True)
                )
        if of_section:
            total = _added(of_section.values())
            lines.append(Line(("合计", "", "", SECTION_NAMES[section], *total), total=True))
    title = f"{_TITLES[by]}辅助余额表"
    columns = (
        Column("value", _TITLES[by], "text", 18), Column("value_name", "名称", "text", 20), Column("code", "科目编码", "text", 10),
        Column("name", "科目名称", "text", 26), *_MONEY,
    )  # fmt: skip
    shown = (
        f"{when(period, period)}" + (f"　科目{account}" if account else "") + (f"　{party}" if party else "")
    )
    return Grid(
        f"{book}-{period}-{title}", title, columns, lines, heads(tx, book, shown), [cut_text(known)], SIGNERS,
        facts(book, known, as_of, period=str(period), by=by.value, account=account, party=party),
    )  # fmt: skip


def dealings_grid(
    tx: Transaction,
    book: Book,
    period: int,
    *,
    account: str = "",
    party: str = "",
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """往来余额表: what stands open with each party, account by account, three columns and the side of the balance.

    Without `account`: 1101, 1201, 2001, 2101 and what 91xx owes. Raises as `auxiliary_grid`.
    """
    known = cut(tx, book, known_at)
    require_period(tx, book, period)
    rows = _rows(tx, book, Dimension.PARTY, (account,) if account else DEALINGS, party, period, as_of, known)
    if account and not rows:
        _require_kept(tx, book, Dimension.PARTY, account)
    named = _names(tx, Dimension.PARTY, {key[1] for key in rows})
    heads_of = _accounts(tx, book)
    columns = (
        Column("party", "往来单位", "text", 18), Column("party_name", "名称", "text", 22), Column("code", "科目编码", "text", 10),
        Column("name", "科目名称", "text", 26), Column("opening_side", "方向", "text", 4), Column("opening_fen", "期初余额", "money", 18),
        Column("debit_fen", "本期借方", "money", 18), Column("credit_fen", "本期贷方", "money", 18),
        Column("side", "方向", "text", 4), Column("closing_fen", "期末余额", "money", 18),
    )  # fmt: skip
    lines: list[Line] = []
    for section in Section:
        sums: dict[int, _Sums] = {}
        for key in sorted((key for key in rows if key[0] == section), key=lambda one: (one[1], str(one[2]))):
            lines.append(Line((key[1], named[key[1]], str(key[2]), heads_of[key[2]], *_three(rows[key]))))
            sums[key[2]] = _added([sums.get(key[2], [0] * len(_MONEY)), rows[key]])
        for code in sorted(sums, key=str):
            lines.append(Line(("合计", "", str(code), heads_of[code], *_three(sums[code])), total=True))
    shown = f"{when(period, period)}" + (f"　{party}" if party else "")
    return Grid(
        f"{book}-{period}-往来余额表", "往来余额表", columns, lines, heads(tx, book, shown), [cut_text(known)], SIGNERS,
        facts(book, known, as_of, period=str(period), account=account, party=party),
    )  # fmt: skip


def _rows(
    tx: Transaction,
    book: Book,
    by: Dimension,
    codes: Sequence[str],
    party: str,
    period: int,
    as_of: date | None,
    known: Cut,
) -> dict[_Key, _Sums]:
    """The ten figures of `_MONEY` by section, value and account; balances on the side each leaf stands."""
    found: dict[_Key, _Sums] = {}

    def sums_of(row: LeafRow) -> _Sums | None:
        if not row.asked & _BIT[by] or not str(row.account).startswith(tuple(codes)):
            return None
        if party and row.dims.counterparty != party:
            return None
        key = (row.section, _VALUE[by](row.dims), row.account)
        return found.setdefault(key, [0] * len(_MONEY))

    for month in range(period // 100 * 100 + 1, period + 1):
        for row in leaf_rows(tx, book, month, as_of, known):
            sums = sums_of(row)
            if sums is None:
                continue
            sums[4] += row.debit_fen
            sums[5] += row.credit_fen
            if month == period:
                figures = (
                    max(row.opening_fen, 0), max(-row.opening_fen, 0), row.debit_fen, row.credit_fen, 0, 0,
                    row.carried_debit_fen, row.carried_credit_fen, max(row.closing_fen, 0), max(-row.closing_fen, 0),
                )  # fmt: skip
                sums[:] = [a + b for a, b in zip(sums, figures, strict=True)]
    return {key: sums for key, sums in found.items() if any(sums)}


def _added(several: Iterable[_Sums]) -> _Sums:
    return [sum(column) for column in zip(*several, strict=True)]


def _three(sums: _Sums) -> tuple[str | int, ...]:
    opening, closing = sums[0] - sums[1], sums[8] - sums[9]
    moved = (sums[2] + sums[6], sums[3] + sums[7])
    return direction(opening), abs(opening), *moved, direction(closing), abs(closing)


def _accounts(tx: Transaction, book: Book) -> dict[int, str]:
    return dict(
        tx.rows(
            "SELECT account, name FROM books.account WHERE region = %(region)s AND fund = %(fund)s",
            region=book.region,
            fund=book.fund,
        )
    )


def _names(tx: Transaction, by: Dimension, values: set[str]) -> dict[str, str]:
    """What each value is called: codes in words, parties by the list they are kept in; nothing where it says itself."""
    named = dict.fromkeys(values, "")
    if by is Dimension.PARTY:
        named |= dict(
            read_shown(
                tx,
                "SELECT institution, name FROM fund.institution WHERE region = %(region)s AND institution = ANY(%(values)s)"
                " UNION ALL SELECT account, name FROM payments.bank_account WHERE region = %(region)s AND account = ANY(%(values)s)"
                " UNION ALL SELECT party, name FROM fund.party WHERE region = %(region)s AND party = ANY(%(values)s)",
                region=tx.region,
                values=list(values),
            )
        )
    return named


def _require_kept(tx: Transaction, book: Book, by: Dimension, account: str) -> None:
    """Raise InvalidInput `auxiliary.account` unless some leaf below `account` is kept by `by`."""
    found = tx.value(
        "SELECT 1 FROM books.account WHERE region = %(region)s AND fund = %(fund)s AND leaf AND dims & %(bit)s <> 0"
        " AND starts_with(account::text, %(account)s) LIMIT 1",
        region=book.region,
        fund=book.fund,
        bit=_BIT[by],
        account=account,
    )
    if found is None:
        raise InvalidInput(
            "auxiliary.account",
            f"账套{book}没有按{_TITLES[by]}核算的科目{account[:20]}",
            account=account[:20],
        )
