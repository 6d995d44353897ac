"""The statements as tables to print: the two-sided sheet and the income statement as the forms have them, and flat for files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from ledger.core.entries import EMPLOYEE_FUND
from ledger.core.money import yuan_grouped
from reports.render.grid import Cell, Column, Grid, Line
from reports.statements.filling import Filled
from reports.statements.rows import FORM_TITLES, Form
from reports.statements.statement import Statements
from reports.wording import cut_text

SIGNERS: Final = ("单位负责人", "会计主管", "复核", "制表")
_SCHEMES: Final = {True: "职工基本医疗保险基金", False: "城乡居民基本医疗保险基金"}
_STARRED: Final = "注：*为特定险种、制度或地区的专用项目，没有发生的列示为零。"
_HEADINGS: Final = {"cash": "一、资产：", "held": "二、负债：", "balance": "三、净资产："}
"""The sheet's three headings, each above the row of this key."""


def statement_grid(told: Statements, form: Form) -> Grid:
    """A form as it is printed."""
    shown = told.forms[form]
    titles = [column.title for column in shown.columns]
    if form is Form.SHEET:
        columns = [Column("assets", "资产"), *_money("assets", titles)]
        columns += [Column("claims", "负债和净资产"), *_money("claims", titles)]
        lines = _two_sided(shown.rows)
    else:
        columns = [Column("name", "项目"), *_money("", titles)]
        lines = [
            Line((filled.row.printed, *filled.fen), "total" in filled.row.flags, filled.row.level)
            for filled in shown.rows
        ]
    return _grid(told, form, columns, lines)


def flat_grid(told: Statements, form: Form) -> Grid:
    """A form as a file to compute with: one row a line, with its codes, reading and article."""
    shown = told.forms[form]
    columns = [Column("row", "行次", "count"), Column("name", "项目")]
    columns += [Column(column.key, column.title, "money") for column in shown.columns]
    columns += [Column("codes", "科目"), Column("reading", "取数"), Column("article", "依据")]
    lines = []
    for filled in shown.rows:
        row = filled.row
        basis = (" ".join(row.codes), row.reading, row.article)
        lines.append(Line((filled.n, row.name, *filled.fen, *basis), "total" in row.flags))
    return _grid(told, form, columns, lines)


def _money(side: str, titles: Sequence[str]) -> list[Column]:
    return [Column(f"{side}{n}", title, "money", 18) for n, title in enumerate(titles)]


def _two_sided(rows: Sequence[Filled]) -> list[Line]:
    """Assets on the left, claims on the right, both grand totals on the last line."""
    cut = next(place for place, filled in enumerate(rows) if filled.row.key == "assets") + 1
    left, right = _side(rows[:cut]), _side(rows[cut:])
    blank: tuple[Cell, ...] = ("", None, None)
    # beside a total nothing is no item
    body = zip_longest(left[:-1], right[:-1], fillvalue=Line(blank, total=True))
    lines = [Line((*one.cells, *other.cells), one.total and other.total) for one, other in body]
    return [*lines, Line((*left[-1].cells, *right[-1].cells), total=True)]


def _side(rows: Sequence[Filled]) -> list[Line]:
    lines = []
    for filled in rows:
        if heading := _HEADINGS.get(filled.row.key):
            lines.append(Line((heading, None, None)))
        name = "\u3000" * filled.row.level + filled.row.printed
        lines.append(Line((name, *filled.fen), "total" in filled.row.flags))
    return lines


def _grid(told: Statements, form: Form, columns: list[Column], lines: list[Line]) -> Grid:
    when = told.span.end if form is Form.SHEET else None
    day = f"{when.year}年{when.month}月{when.day}日" if when else told.span.text
    unclosed = [str(period) for period, state in told.states.items() if state not in ("closed", "sealed")]
    notes = [_STARRED, *(f"【勾稽不符】{line}" for line in failures(told))]
    notes += [f"附注（{note.part}）：{note.account} {note.name}，年初{yuan_grouped(note.opening_fen)}，"
              f"期末{yuan_grouped(note.closing_fen)}" for note in told.notes]  # fmt: skip
    notes += [one.words() for one in told.waived]
    if unclosed:
        notes.append(f"会计期间{'、'.join(unclosed)}尚未结账。")
    return Grid(
        f"{told.book}-{told.span.last if told.span.month else told.span.year}-会社保{form}",
        FORM_TITLES[form],
        columns,
        lines,
        (
            f"险种和制度：{_SCHEMES[told.book.fund == EMPLOYEE_FUND]}　会社保{form}表",
            f"编制单位：{told.book_name}　{day}　单位：元",
        ),
        [*notes, cut_text(told.known)],
        SIGNERS,
        told.as_json(form),
    )


def failures(told: Statements) -> list[str]:
    """What does not tie, a sentence each."""
    return [
        f"{check.name}：{yuan_grouped(check.left_fen)} ≠ {yuan_grouped(check.right_fen)}，"
        f"差{yuan_grouped(check.left_fen - check.right_fen)}"
        + (f"；{'；'.join(check.reasons)}" if check.reasons else "")
        for check in told.checks
        if not check.holds
    ]
