"""Every night: each closed month as a signed file outside the database. Sealing it for good stays the chief's word."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ledger.access.signing.pair import algorithm_named
from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.closing.seal import closed_months
from ledger.core.entries import Book
from ledger.core.errors import Unavailable
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from reports.seal.export import export_seal
from reports.seal.key import ensure_key


def write_seals(app: App, book: Book, _moment: datetime) -> str:
    """How many files were written; one that is there is not made again, a month closed again after a reopening is.

    Raises Unavailable `seal.not_written` where the home cannot be written, InvalidInput `seal.key` and what `export_seal` raises.
    """
    today, home = app.clock.today(), app.settings.home
    with unit_of_work(app.engine, app.user, book.region) as tx:
        months = closed_months(tx, book, today)
    missing = [one for one in months if not seal_path(home, book, one.period, one.n).exists()]
    for one in missing:
        path = seal_path(home, book, one.period, one.n)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            key, _ = ensure_key(home, algorithm_named(app.settings.seal_algorithm))
            with acting(app, What(book.region, "period.seal_file", f"{book} {one.period}")) as doing:
                export_seal(doing.tx, book, one.period, today, key, path)
        except OSError as error:
            raise Unavailable(
                "seal.not_written", f"不能写入{path}：{os_reason(error)}", file=str(path)
            ) from error
    unsealed = sum(not one.sealed for one in months)
    return f"签名文件{len(missing)}份" + (f"，{unsealed}个月已结账未封存，待会计主管" if unsealed else "")


def seal_path(home: Path, book: Book, period: int, n: int) -> Path:
    """Where the signed file of a month's n-th closing lies."""
    return home / "seals" / f"{book}-{period}-{n}.seal"
