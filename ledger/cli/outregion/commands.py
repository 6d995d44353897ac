"""`fundledger outregion`: other regions' patients here, our patients elsewhere, and the money between regions."""

from __future__ import annotations

import typer

from ledger.cli.outregion import money, records, regions

app = typer.Typer(help="异地就医", no_args_is_help=True)
for commands in (regions.app, records.app, money.app):
    app.add_typer(commands)
