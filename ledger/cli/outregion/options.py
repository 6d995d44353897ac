"""The options the `fundledger outregion` commands share."""

from __future__ import annotations

from typing import Annotated

import typer

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
PartyOption = Annotated[int, typer.Option("--with", help="对方统筹区，6位")]
TermOption = Annotated[int, typer.Option("--term", help="期号 yyyymm")]
