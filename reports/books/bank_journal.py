"""银行日记账: a bank account by day, every movement with its paper and the other side, balanced every day (会计基础工作规范 art. 60)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from ledger.books.account_lines import lines as lines_of
from ledger.books.entry_lines import EntryLine, entry_lines
from ledger.books.selection import BEFORE_ALL, NOTHING, Cursor, Selection, Turnover, movements_up_to
from ledger.books.set_apart import set_apart
from ledger.core.accounts import FISCAL_KIND, SPENDING_KIND
from ledger.core.entries import Book, Dimensions
from ledger.core.errors import InvalidInput
from ledger.core.words import evidence_named
from ledger.db.safekeeping.fields import shown_rows
from ledger.db.unit_of_work import Transaction
from reports.books.heading import BALANCE_COLUMNS, LEDGER_COLUMNS, SIGNERS, facts, heads, when
from reports.books.sub_ledger import WHOLE
from reports.general_ledger import KIND_NAMES, Kind, LedgerLine, general_ledger
from reports.render.grid import Cell, Column, Grid, Line
from reports.wording import cut_text, direction, kind_mark

MONEY: Final = ("1001", "1002", FISCAL_KIND, SPENDING_KIND, "1005")
"""库存现金, 收入户, 财政专户, 支出户, 国库: accounts that have a journal balanced daily (28号, 1001 to 1005)."""
_COLUMNS: Final = (
    *LEDGER_COLUMNS,
    Column("other_accounts", "对方科目", "text", 24),
    Column("paper", "票据号", "text", 20),
    Column("other_name", "对方户名", "text", 20),
    *BALANCE_COLUMNS,
)


def bank_journal_grid(
    tx: Transaction,
    book: Book,
    code: str,
    number: str = "",
    *,
    period: int | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
    after: Cursor = BEFORE_ALL,
    entries: int = WHOLE,
) -> Grid:
    """The journal of a money account (`number`: only this bank account), each day ending with 本日合计 and its balance.

    A page of `entries` entries after a cursor: a day that goes on overleaf has its sum where it ends, of all of it; `next` in the
    facts continues. Raises InvalidInput `bank_journal.account` for an account that holds no money, and as `general_ledger`.
    """
    if code not in MONEY:
        raise InvalidInput(
            "bank_journal.account",
            f"科目{code[:20]}没有日记账：日记账用于{'、'.join(MONEY)}",
            account=code[:20],
        )
    told = general_ledger(
        tx,
        book,
        code,
        Dimensions(number),
        period=period,
        as_of=as_of,
        known_at=known_at,
        after=after,
        entries=entries,
    )
    places = list(dict.fromkeys((line.entry.period, line.entry.seq) for line in told.lines if line.entry))
    whole: dict[int, list[EntryLine]] = {}
    for line in entry_lines(tx, book, places):
        whole.setdefault(line.seq, []).append(line)
    names = _other_names(tx, book, told.lines)
    lines: list[Line] = []
    goes_on = _day_after(tx, told.chosen, period, told.next)
    for day, group in groupby(told.lines, key=lambda line: line.entry.voucher_date if line.entry else None):
        of_day = list(group)
        lines += [_line(line, whole, names) for line in of_day]
        if day is not None and day != goes_on:
            lines.append(_day(day, of_day, _of_day_before(tx, told.chosen, day, after)))
    chosen = told.chosen
    span = when(period, period) if period else "开账以来"
    return Grid(
        f"{book}-{period or '全部'}-日记账-{code}{number}", "银行存款日记账" if code != "1001" else "现金日记账", _COLUMNS,
        lines, heads(tx, book, f"{code} {chosen.name} {number}　{span}"), [cut_text(chosen.known)], (*SIGNERS, "出纳"),
        facts(book, chosen.known, as_of, code=code, account=number, next=None if told.next is None else str(told.next)), ("debit", "credit"), ("side", "balance"),
    )  # fmt: skip


def _line(
    line: LedgerLine, whole: Mapping[int, Sequence[EntryLine]], names: Mapping[tuple[str, str], str]
) -> Line:
    end = (direction(line.balance_fen), abs(line.balance_fen))
    moved = line.movement
    entry = line.entry
    if entry is None:
        sums: tuple[Cell, ...] = (None, None) if line.kind in (Kind.OPENING, Kind.CARRIED) else tuple(moved)
        start = (None, str(line.period or ""), KIND_NAMES[line.kind], "", "", "")
        return Line((*start, *sums, *end), total=line.kind in (Kind.MONTH, Kind.YEAR))
    others = dict.fromkeys(
        f"{other.account} {other.name}"
        for other in whole[entry.seq]
        if other.account != entry.account and str(other.account)[0] != "9"
    )
    return Line(
        (
            entry.voucher_date, entry.voucher, kind_mark(entry.kind) + entry.summary, "；".join(others),
            evidence_named(entry.evidence), names.get((entry.counterparty, entry.evidence), ""),
            moved.debit_fen or None, moved.credit_fen or None, *end,
        )
    )  # fmt: skip


def _day_after(tx: Transaction, chosen: Selection, period: int | None, end: Cursor | None) -> date | None:
    """The day of the first entry overleaf; None where the page is the last."""
    following = [] if end is None else lines_of(tx, chosen, period, end, 1)
    return following[0].voucher_date if following else None


def _of_day_before(tx: Transaction, chosen: Selection, day: date, after: Cursor) -> Turnover:
    """What of the day stands on pages before, without the opening entry's."""
    if after.voucher_date != day:
        return NOTHING
    total = NOTHING
    for line in set_apart(
        tx, chosen.book, chosen.known.block, day, accounts=chosen.accounts, dims=chosen.dims
    ):
        total = total.minus(Turnover(line.debit_fen, line.credit_fen))
    eve = day - timedelta(days=1)
    for line in set_apart(
        tx, chosen.book, chosen.known.block, eve, accounts=chosen.accounts, dims=chosen.dims
    ):
        total = total.plus(Turnover(line.debit_fen, line.credit_fen))
    for moved in movements_up_to(tx, chosen, after).values():
        total = total.plus(moved)
    for moved in movements_up_to(tx, chosen, Cursor(eve, 10**15)).values():
        total = total.minus(moved)
    return total


def _day(day: date, lines: Sequence[LedgerLine], total: Turnover) -> Line:
    """本日合计 with the day's balance; `total` is what of it stands on pages before."""
    for line in lines:
        if line.entry is not None and not kind_mark(line.entry.kind):
            total = total.plus(line.movement)
    balance = lines[-1].balance_fen
    blank = ("", "", "")
    return Line((day, "", "本日合计", *blank, *total, direction(balance), abs(balance)), total=True)


def _other_names(tx: Transaction, book: Book, lines: Sequence[LedgerLine]) -> dict[tuple[str, str], str]:
    """The names on the papers the entries rest on, by bank account and paper (`bker:R2026...`)."""
    asked = dict.fromkeys(
        (line.entry.counterparty, line.entry.evidence)
        for line in lines
        if line.entry and ":" in line.entry.evidence
    )
    found = tx.rows(
        "SELECT w.account, w.paper, min(v.other_name) FROM unnest(%(accounts)s::text[], %(papers)s::text[]) AS w (account, paper)"
        " JOIN payments.evidence v ON v.region = %(region)s AND v.account = w.account"
        " AND v.kind = split_part(w.paper, ':', 1) AND v.receipt_no = substr(w.paper, strpos(w.paper, ':') + 1)"
        " GROUP BY 1, 2",
        region=book.region,
        accounts=[account for account, _ in asked],
        papers=[paper for _, paper in asked],
    )
    return {(account, paper): name for account, paper, name in shown_rows(tx, found)}
