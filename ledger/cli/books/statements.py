"""`fundledger report balance-sheet` and `income-statement`: 会社保01 and 02; exit 1 where they do not tie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.books.selection import BEFORE_ALL, parse_cursor
from ledger.cli.books.printing import OutOption, PaperOption
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out
from ledger.cli.line.context import app_for
from ledger.core.dates import parse_day
from ledger.db.unit_of_work import unit_of_work
from reports.render import text_json
from reports.render.paper import Paper
from reports.statements.explain import ENTRIES, explain
from reports.statements.grids import failures, flat_grid, statement_grid
from reports.statements.rows import Form
from reports.statements.span import span_of
from reports.statements.statement import statements

BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
PeriodOption = Annotated[str | None, typer.Option(help="月报：会计期间YYYYMM")]
YearOption = Annotated[int | None, typer.Option(help="年报：年度YYYY")]
AsOfOption = Annotated[str | None, typer.Option(help="只取凭证日期不晚于此日的凭证，YYYY-MM-DD")]
KnownAtOption = Annotated[
    str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601；报表印出的记录时间可再次使用，数字不变")
]
ExplainOption = Annotated[
    str | None, typer.Option("--explain", help="展开一项（行次或项目名）：公式、科目、凭证及其依据")
]
AfterOption = Annotated[str | None, typer.Option(help="展开时的续页标记，取自上一页的next")]
LimitOption = Annotated[int, typer.Option(min=1, max=100_000, help="展开时每页凭证数")]


def balance_sheet(
    book: BookOption,
    period: PeriodOption = None,
    year: YearOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    row: ExplainOption = None,
    after: AfterOption = None,
    limit: LimitOption = ENTRIES,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """会社保01 资产负债表：月报（--period）或年报（--year），与收支表勾稽；不符则说明并以1退出。"""
    _statement(Form.SHEET, book, (period, year), (as_of, known_at), (row, after, limit), shape, (out, paper))


def income_statement(
    book: BookOption,
    period: PeriodOption = None,
    year: YearOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    row: ExplainOption = None,
    after: AfterOption = None,
    limit: LimitOption = ENTRIES,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """会社保02 收支表：月报（--period）或年报（--year），与资产负债表勾稽；不符则说明并以1退出。"""
    _statement(Form.INCOME, book, (period, year), (as_of, known_at), (row, after, limit), shape, (out, paper))


def _statement(
    form: Form,
    book: str,
    when: tuple[str | None, int | None],
    cut: tuple[str | None, str | None],
    opened: tuple[str | None, str | None, int],
    shape: GridShape,
    print_to: tuple[Path | None, Paper | None],
) -> None:
    running = app_for("reviewer")
    chosen = parse_book(book)
    span = span_of(parse_period(when[0]) if when[0] else None, when[1])
    as_of, known_at = cut
    row, after, limit = opened
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        told = statements(
            tx,
            chosen,
            span,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
        cell = (
            explain(tx, told, form, row, parse_cursor(after) if after else BEFORE_ALL, limit) if row else None
        )
    if cell is not None:
        typer.echo(text_json.render(cell))
        return
    if shape is GridShape.JSON:
        typer.echo(text_json.render(told.as_json(form)))
    else:
        out, paper = print_to
        hand_out(statement_grid(told, form), shape, flat_grid(told, form), out=out, paper=paper)
    if not told.holds:
        for line in failures(told):
            typer.echo(f"勾稽不符：{line}", err=True)
        raise typer.Exit(1)
