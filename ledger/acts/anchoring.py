"""Anchors after an act that booked: the act is done whatever becomes of them, so what hinders them is a warning."""

from __future__ import annotations

import typer

from ledger.books.anchors import write_anchors
from ledger.bootstrap import App
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work


def anchor(running: App, region: int) -> list[dict[str, str]]:
    """Anchor the region's books; the warnings for the answer (`code`, `message`), also told on standard error."""
    try:
        with unit_of_work(running.engine, running.user, region) as tx:
            write_anchors(tx, running.settings.home)
    except LedgerError as problem:
        typer.echo(f"警告（{problem.code}）：{problem.message}", err=True)
        return [{"code": problem.code, "message": problem.message}]
    return []
