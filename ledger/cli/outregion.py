"""`fundledger outregion`: other regions' patients here, our patients elsewhere, and the money between regions."""

from __future__ import annotations

import typer

from ledger.cli import outregion_money, outregion_records, outregion_regions

app = typer.Typer(help="异地就医", no_args_is_help=True)
for commands in (outregion_regions.app, outregion_records.app, outregion_money.app):
    app.add_typer(commands)
