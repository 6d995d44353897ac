"""`fundledger statement`: an institution's year on one page; exit 1 if it is not conserved."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from ledger.cli.books.printing import OutOption, PaperOption, printed
from ledger.cli.line.context import app_for
from ledger.core.errors import Forbidden, NotFound
from ledger.db.unit_of_work import unit_of_work
from reports.institution_statement import InstitutionStatement, institution_statement
from reports.render import terminal, text_json
from reports.render.paper import Paper
from reports.render.statement_grid import statement_grids
from reports.render.statement_json import statement_document
from reports.render.statement_table import statement_tables


class StatementShape(StrEnum):
    """How the page is written."""

    TABLE = "table"
    JSON = "json"
    XLSX = "xlsx"
    PDF = "pdf"


def statement(
    institution: Annotated[str, typer.Option(help="定点医药机构编码")],
    fund: Annotated[int, typer.Option(help="基金：310职工，390居民")],
    year: Annotated[int, typer.Option(help="服务年度YYYY")],
    region: Annotated[int, typer.Option(help="统筹区，6位；缺省为操作人的统筹区")] = 0,
    shape: Annotated[
        StatementShape, typer.Option("--format", help="table、json、xlsx或pdf")
    ] = StatementShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """机构年度对账单：基金金额、已付、扣减、尚欠，一页列全并核对平衡；每个数可追到凭证、结算记录、回单。"""
    page = _page(region, fund, institution, year)
    if shape is StatementShape.JSON:
        typer.echo(text_json.render(statement_document(page)))
    elif shape in (StatementShape.XLSX, StatementShape.PDF):
        printed(statement_grids(page), shape, out, paper or Paper.A4, together=True)
    else:
        for table in statement_tables(page):
            terminal.show(table, sys.stdout)
    if not (page.conserved and page.records_agree and page.advances.agree):
        raise typer.Exit(1)


def _page(region: int, fund: int, institution: str, year: int) -> InstitutionStatement:
    """From the region named, or from the one of the user's regions that has the institution."""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user) as tx:
        regions: list[int] = [
            row[0] for row in tx.rows("SELECT access.regions_of(%(user)s)", user=running.user)
        ]
    if region and region not in regions:
        raise Forbidden("region.not_allowed", f"用户{running.user}在统筹区{region}没有角色", region=region)
    for one in [region] if region else regions:
        try:
            with unit_of_work(running.engine, running.user, one) as tx:
                return institution_statement(tx, fund, institution, year)
        except NotFound:
            continue
    raise NotFound("institution.unknown", f"没有定点医药机构{institution[:40]}", institution=institution[:40])
