"""明细账: one account by entry with running balance; and 多栏账, the same with a column for each kind of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ledger.books.account_lines import AccountLine
from ledger.core.entries import NO_DIMENSIONS, Book, Dimensions
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from reports.books.heading import BALANCE_COLUMNS, LEDGER_COLUMNS, SIGNERS, facts, heads, when
from reports.general_ledger import KIND_NAMES, GeneralLedger, Kind, LedgerLine, general_ledger
from reports.render.grid import Cell, Column, Grid, Line
from reports.wording import cut_text, dimension_text, direction, kind_mark

WHOLE: Final = 1_000_000
"""Entries on one page where nobody asked for pages."""
WIDEST: Final = 40
"""Kinds with a column of their own; the smaller ones stand together in the last."""


class By(StrEnum):
    """What a columnar ledger has a column for."""

    ACCOUNT = "account"
    CATEGORY = "category"
    PARTY = "counterparty"
    SUBFUND = "subfund"


_OF: Final[Mapping[By, Callable[[AccountLine], str]]] = {
    By.ACCOUNT: lambda line: f"{line.account} {line.name.rpartition('—')[2]}",
    By.CATEGORY: lambda line: said("category", line.category) or "未分类别",
    By.PARTY: lambda line: line.counterparty or "无往来单位",
    By.SUBFUND: lambda line: said("subfund", line.subfund) or "不分子基金",
}


def sub_ledger_grid(
    tx: Transaction,
    book: Book,
    code: str,
    dims: Dimensions = NO_DIMENSIONS,
    *,
    period: int | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """The whole sub-ledger of an account (or all leaves below it). Raises as `general_ledger`."""
    told = general_ledger(tx, book, code, dims, period=period, as_of=as_of, known_at=known_at, entries=WHOLE)
    columns = (
        *LEDGER_COLUMNS, Column("code", "科目编码", "text", 10), Column("dimensions", "辅助核算", "text", 24), *BALANCE_COLUMNS,
    )  # fmt: skip
    lines = []
    for line in told.lines:
        entry = line.entry
        between: tuple[Cell, ...] = ("", "")
        if entry is not None:
            between = (str(entry.account), dimension_text(entry.asked, entry.dims))
        lines.append(Line((*_start(line), *between, *_end(line)), total=line.kind in (Kind.MONTH, Kind.YEAR)))
    return _grid(tx, told, "明细账", columns, lines)


def columnar_grid(
    tx: Transaction,
    book: Book,
    code: str,
    by: By,
    *,
    period: int | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """The sub-ledger with the amount of each line in the column of its kind too, debit-positive for assets and expenses.

    Each row's kinds add up to its movement on the account's own side. Raises as `general_ledger`.
    """
    told = general_ledger(
        tx, book, code, NO_DIMENSIONS, period=period, as_of=as_of, known_at=known_at, entries=WHOLE
    )
    sign = 1 if code[:1] in ("1", "5") else -1
    sums: dict[str, int] = {}
    for line in told.lines:
        if line.entry is not None:
            kind = _OF[by](line.entry)
            sums[kind] = sums.get(kind, 0) + abs(line.movement.net_fen)
    own = sorted(sorted(sums, key=lambda kind: -sums[kind])[:WIDEST])
    rest = len(sums) > WIDEST
    names = [*own, f"其余{len(sums) - WIDEST}项"] if rest else own
    lines, running = [], [0] * len(names)
    month: list[int] = [0] * len(names)
    for line in told.lines:
        parts: list[Cell] = [None] * len(names)
        if line.entry is not None:
            kind = _OF[by](line.entry)
            place = own.index(kind) if kind in own else len(names) - 1
            parts[place] = sign * line.movement.net_fen
            if not kind_mark(line.entry.kind):
                month[place] += sign * line.movement.net_fen
                running[place] += sign * line.movement.net_fen
        elif line.kind is Kind.MONTH:
            parts, month = list(month), [0] * len(names)
        total = line.kind in (Kind.MONTH, Kind.YEAR)
        lines.append(Line((*_start(line), *_end(line), *parts), total))
    lines.append(Line((None, "", "各栏合计", None, None, "", None, *running), total=True))
    kinds = [Column(f"kind{n}", name, "money", 16) for n, name in enumerate(names)]
    return _grid(tx, told, "多栏账", (*LEDGER_COLUMNS, *BALANCE_COLUMNS, *kinds), lines, by=by.value)


def _start(line: LedgerLine) -> tuple[Cell, ...]:
    entry = line.entry
    if entry is None:
        return None, str(line.period or ""), KIND_NAMES[line.kind]
    return entry.voucher_date, entry.voucher, kind_mark(entry.kind) + entry.summary


def _end(line: LedgerLine) -> tuple[Cell, ...]:
    moved = line.movement
    shown = line.kind not in (Kind.OPENING, Kind.CARRIED)
    debit, credit = (moved.debit_fen, moved.credit_fen) if shown else (None, None)
    if line.entry is not None:
        debit, credit = debit or None, credit or None
    return debit, credit, direction(line.balance_fen), abs(line.balance_fen)


def _grid(
    tx: Transaction,
    told: GeneralLedger,
    title: str,
    columns: Sequence[Column],
    lines: Sequence[Line],
    **more: object,
) -> Grid:
    chosen = told.chosen
    span = when(told.period or 0, told.period or 1) if told.period else "开账以来"
    return Grid(
        f"{chosen.book}-{told.period or '全部'}-{title}-{chosen.code}", title, columns, lines,
        heads(tx, chosen.book, f"{chosen.code} {chosen.name}　{span}"), [cut_text(chosen.known)], SIGNERS,
        facts(chosen.book, chosen.known, chosen.as_of, code=chosen.code, name=chosen.name, **more),
        ("debit", "credit"), ("side", "balance"),
    )  # fmt: skip
