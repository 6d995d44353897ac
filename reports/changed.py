"""What changed in a report since it was printed, and why: each changed cell, and the vouchers recorded later that moved it.

A report is a function of its questions, a voucher date and a cut of the chain: the one printed at T comes out again for ever by
asking as known at T. What differs now was recorded since, by somebody, resting on something: those entries are the why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, NamedTuple

from ledger.books.entry_lines import EntryLine, entry_lines
from ledger.books.reading import Cut, cut
from ledger.core.entries import Book
from ledger.core.words import evidence_named, said
from ledger.db.unit_of_work import Transaction
from reports.books.heading import facts, heads
from reports.catalogue import FORMS, ReportAsked, grid_of, told_statements
from reports.render.grid import Cell, Column, Grid, Line
from reports.statements.explain import accounts_codes
from reports.wording import cut_object, cut_text, kind_mark

LATER_MAX: Final = 20_000
"""Later vouchers looked through; where there are more, the oldest of them, and it is said."""
NAMED: Final = 20
_Key = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class MoneyCell:
    """A cell of money: where it stands, and which lines of which months can move it."""

    row: str
    column: str
    fen: int
    codes: tuple[str, ...] = ("",)
    months: tuple[int, int] = (0, 999_999)
    wanted: Mapping[str, str] = field(default_factory=dict)
    """Values of dimensions that a line must have."""

    def moved_by(self, line: EntryLine) -> bool:
        """Whether a line is of its accounts, months and dimensions."""
        return (
            str(line.account).startswith(self.codes)
            and self.months[0] <= line.period <= self.months[1]
            and all(
                value == _in_words(name, str(getattr(line.dims, name))) for name, value in self.wanted.items()
            )
        )


def _in_words(name: str, value: str) -> str:
    """A dimension's value as a book shows it."""
    return said(name, value) if name in ("subfund", "category") else value


class Change(NamedTuple):
    """A cell that was other; `before` 0 where it was not there. `vouchers` recorded since that can have moved it."""

    figure: MoneyCell
    before_fen: int
    now_fen: int
    vouchers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a report of then and of now differ in."""

    book: Book
    name: str
    then: Cut
    now: Cut
    changes: Sequence[Change]
    entries: Sequence[Sequence[EntryLine]]
    """The vouchers behind the changes, in the order they were recorded."""
    capped: bool

    def as_json(self) -> dict[str, object]:
        """Money as strings of integer fen."""
        return {
            "book": str(self.book),
            "report": self.name,
            "then": cut_object(self.then),
            "now": cut_object(self.now),
            "changes": [
                {"row": change.figure.row, "column": change.figure.column, "before_fen": str(change.before_fen),
                 "now_fen": str(change.now_fen), "difference_fen": str(change.now_fen - change.before_fen),
                 "vouchers": list(change.vouchers)}
                for change in self.changes
            ],
            "entries": [
                {"voucher": head.voucher, "voucher_date": head.voucher_date.isoformat(), "recorded_at": head.recorded_at.isoformat(),
                 "kind": head.kind.value, "prepared_by": head.prepared_by, "reviewed_by": head.reviewed_by, "summary": head.summary,
                 "evidence": head.evidence,
                 "lines": [[("借" if line.side == 1 else "贷"), str(line.account), str(line.amount_fen)] for line in lines]}
                for lines in self.entries for head in lines[:1]
            ],
            "capped": self.capped,
        }  # fmt: skip

    def grids(self, tx: Transaction) -> list[Grid]:
        """The changed cells, and the vouchers behind them."""
        columns = (
            Column("row", "项目", "text", 30), Column("column", "栏", "text", 14), Column("before_fen", "原数", "money", 18),
            Column("now_fen", "现数", "money", 18), Column("difference_fen", "差额", "money", 18),
            Column("vouchers", "其后记账的凭证", "text", 40),
        )  # fmt: skip
        cells = [
            Line((c.figure.row, c.figure.column, c.before_fen, c.now_fen, c.now_fen - c.before_fen, _named(c.vouchers)))
            for c in self.changes
        ]  # fmt: skip
        notes = [f"原：{cut_text(self.then)}", f"现：{cut_text(self.now)}"]
        if self.capped:
            notes.append(f"其后记账的凭证超过{LATER_MAX}张，只列最早的；请缩短期间")
        head = heads(tx, self.book, f"{self.name}自印出以来的变动")
        told = facts(self.book, self.now, changes=len(cells), report=self.name)
        return [
            Grid(f"{self.book}-{self.name}-变动", "账表变动", columns, cells, head, notes, (), told),
            Grid(f"{self.book}-{self.name}-变动凭证", "变动所依据的凭证", _WHY, [_why(lines) for lines in self.entries], head),
        ]  # fmt: skip


_WHY: Final = (
    Column("recorded_at", "记账时间", "text", 20), Column("voucher", "凭证", "text", 16), Column("voucher_date", "凭证日期", "day", 10),
    Column("prepared_by", "制单", "text", 10), Column("reviewed_by", "复核", "text", 8), Column("summary", "摘要", "text", 30),
    Column("evidence", "依据", "text", 24), Column("debit_fen", "借方合计", "money", 16), Column("accounts", "科目", "text", 30),
)  # fmt: skip


def _why(lines: Sequence[EntryLine]) -> Line:
    head = lines[0]
    accounts = dict.fromkeys(f"{'借' if line.side == 1 else '贷'}{line.account}" for line in lines)
    total = sum(line.debit_fen for line in lines)
    return Line((head.recorded_at.isoformat(timespec="seconds"), head.voucher, head.voucher_date, head.prepared_by, head.reviewed_by,
                 kind_mark(head.kind) + head.summary, evidence_named(head.evidence), total, " ".join(accounts)))  # fmt: skip


def _named(vouchers: Sequence[str]) -> str:
    said = "、".join(vouchers[:NAMED])
    return said if len(vouchers) <= NAMED else f"{said}等{len(vouchers)}张"


def changed(
    tx: Transaction,
    book: Book,
    name: str,
    asked: ReportAsked,
    since: datetime,
    known_at: datetime | None = None,
) -> Changed:
    """The report as known at `since` against as known at `known_at` (None: now); raises as `reports.catalogue.build`."""
    then, now = cut(tx, book, since), cut(tx, book, known_at)
    before = _figures(tx, book, name, asked, since)
    after = _figures(tx, book, name, asked, known_at)
    later, capped = _later(tx, book, then, now, asked)
    changes = []
    behind: dict[str, Sequence[EntryLine]] = {}
    for key in dict.fromkeys([*after, *before]):
        was, is_ = before.get(key), after.get(key)
        figure = is_ or was
        before_fen, now_fen = (was.fen if was else 0), (is_.fen if is_ else 0)
        if figure is None or before_fen == now_fen:
            continue
        moved = {lines[0].voucher: lines for lines in later if any(map(figure.moved_by, lines))}
        behind |= moved
        changes.append(Change(figure, before_fen, now_fen, list(moved)))
    entries = [lines for lines in later if lines[0].voucher in behind]
    return Changed(book, name, then, now, changes, entries, capped)


def _figures(
    tx: Transaction, book: Book, name: str, asked: ReportAsked, known_at: datetime | None
) -> dict[_Key, MoneyCell]:
    if form := FORMS.get(name):
        told = told_statements(tx, book, asked, known_at)
        shown = told.forms[form]
        return {
            (filled.row.key, column.key): MoneyCell(
                f"{filled.n} {filled.row.name}", column.title, fen, *accounts_codes(shown, filled, column)
            )
            for filled in shown.rows
            for column, fen in zip(shown.columns, filled.fen, strict=True)
        }
    return _of_grid(grid_of(tx, book, name, asked, known_at), asked)


def _of_grid(grid: Grid, asked: ReportAsked) -> dict[_Key, MoneyCell]:
    """Cells of money by the words of their row; rows with the same words by their order."""
    found: dict[_Key, MoneyCell] = {}
    seen: Counter[_Key] = Counter()
    places = {column.key: place for place, column in enumerate(grid.columns)}
    for line in grid.lines:
        words = tuple(
            cell
            for column, cell in zip(grid.columns, line.cells, strict=True)
            if column.kind != "money" and column.key not in ("side", "opening_side")
        )
        seen[words] += 1
        row = " ".join(str(cell) for cell in words if cell not in (None, ""))
        code = str(line.cells[places["code"]] or "") if "code" in places else ""
        codes = (code,) if code.isdigit() else (asked.account,)
        wanted = {name: str(line.cells[places[key]]) for name, key in _kept_by(asked, places) if line.cells[places[key]] not in ("", "合计")}  # fmt: skip
        for column, cell in zip(grid.columns, line.cells, strict=True):
            if column.kind == "money" and isinstance(cell, int):
                months = _months(column.key, asked)
                found[(*words, seen[words], column.key)] = MoneyCell(
                    row, column.title, cell, codes, months, wanted
                )
    return found


def _kept_by(asked: ReportAsked, places: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    """Which dimension a column of the grid names."""
    if "party" in places:
        yield "counterparty", "party"
    if "value" in places:
        yield asked.by or "counterparty", "value"


def _months(key: str, asked: ReportAsked) -> tuple[int, int]:
    """The months whose vouchers a column takes."""
    if asked.period is None:
        return (0, asked.year * 100 + 12) if asked.year else (0, 999_999)
    if key in ("debit_fen", "credit_fen"):
        return asked.period, asked.period
    if key.startswith("year_"):
        return asked.period // 100 * 100 + 1, asked.period
    return 0, asked.period


def _later(
    tx: Transaction, book: Book, then: Cut, now: Cut, asked: ReportAsked
) -> tuple[list[list[EntryLine]], bool]:
    """Whole vouchers of the blocks after `then` up to `now`, dated by `as_of`, in the order they were recorded."""
    places = tx.rows(
        "SELECT b.period, s.seq FROM books.block b CROSS JOIN LATERAL generate_series(b.first_seq, b.last_seq) AS s (seq)"
        " WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.block > %(then)s AND b.block <= %(now)s"
        " AND b.voucher_date <= %(as_of)s ORDER BY s.seq LIMIT %(most)s",
        region=book.region,
        fund=book.fund,
        then=then.block,
        now=now.block,
        as_of=asked.as_of or date(9999, 12, 31),
        most=LATER_MAX + 1,
    )
    whole: dict[int, list[EntryLine]] = {}
    for line in entry_lines(tx, book, places[:LATER_MAX]):
        whole.setdefault(line.seq, []).append(line)
    return [whole[seq] for seq in sorted(whole)], len(places) > LATER_MAX
