"""`fundledger report remittance`: what an order's money is made of, for the institution that receives it."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.books.printing import OutOption, PaperOption
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out
from ledger.cli.line.context import RegionOption, app_for
from ledger.db.unit_of_work import unit_of_work
from reports.remittance import remittance_grid


def remittance(
    order: Annotated[str, typer.Argument(help="拨付单号")],
    region: RegionOption,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """付款清单：一张拨付单的金额由哪些结算、扣款、抵扣、结转组成，合计等于拨付单；交收款机构。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        grid = remittance_grid(tx, order)
    hand_out(grid, shape, out=out, paper=paper)
