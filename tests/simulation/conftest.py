"""A region lived in an empty home, and its recomputation in DuckDB."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from adapters.banks.simulator.faults import Fault
from ledger.cli.line.acting import close_apps
from ledger.core.entries import FUNDS, Book
from ledger.db.cluster import DATABASE
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings
from ledger.simulation.life.run import run
from ledger.simulation.odds import WEIGHTS
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.town import Asked
from reports.export import ExportFormat, export
from tests.scenes.databases import copy_database, drop_database
from tests.scenes.passwords import passwords_of

SQL = Path(__file__).with_name("recompute.sql")
FROM_THE_WORLD = ("bill", "payee", "decided", "link", "taken_by", "sheet", "letter")
OFTEN = {
    **WEIGHTS, "reversal": 20, "hold": 250, "suspend": 12, "payee_change": 12, "surprise": 60, "finding": 120, "deduction": 400,
    "difference": 250, "prepayment": 400, "bank_fee": 150, "person": 300, "refund": 300, "part_grant": 300,
}  # fmt: skip
ERRS = {
    Fault.REJECT_NAME: 150, Fault.RETURN: 150, Fault.RETURN_BEFORE_RECEIPT: 80, Fault.DELAY: 800, Fault.FILE_TWICE: 200,
    Fault.RECEIPT_TWICE: 200, Fault.CUT_ON_WIRE: 100, Fault.CUT_AT_SOURCE: 200, Fault.WRONG_AMOUNT: 60, Fault.UNKNOWN_ORDER: 60,
    Fault.OTHER_ACCOUNT: 60, Fault.STATUS_LOST: 500, Fault.RECEIPT_BEFORE_STATUS: 300,
}  # fmt: skip
Live = Callable[[Asked], dict[str, Any]]
Recompute = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def often(request: pytest.FixtureRequest) -> tuple[dict[str, int], dict[Fault, int]]:
    """Weights and bank faults under which a short time has everything in it."""
    return OFTEN, ERRS


@pytest.fixture
def live(cluster: Any, database: Any, home: Path) -> Live:
    """Simulate in an empty home, on a database of its own."""

    def lived(asked: Asked) -> dict[str, Any]:
        settings = Settings(
            home=home,
            database_url=database.admin_url,
            **passwords_of(cluster.home, home),
        )
        try:
            return run(settings, asked, lambda _done, _days: None)
        finally:
            close_apps()

    return lived


@pytest.fixture
def afresh(cluster: Any, database: Any) -> Callable[[], None]:
    """Make the test's database anew, as if nothing had happened."""

    def made() -> None:
        drop_database(cluster, database.name)
        copy_database(cluster, DATABASE, database.name)

    return made


@pytest.fixture
def duck(database: Any, home: Path, tmp_path: Path) -> Recompute:
    """The lines of recompute.sql's `different`, in DuckDB over what the lived region left, after `spoil` changed an input.

    The platform's and the people's side comes from `simulate/export.sqlite`, the bank's from its own books, ours from
    `fundledger export` of both books.
    """

    inputs: list[Callable[[duckdb.DuckDBPyConnection], object]] = []

    def different(spoil: str = "") -> list[tuple[Any, ...]]:
        if not inputs:
            with closing(sqlite3.connect(home / "simulate" / "export.sqlite")) as world:
                inputs.extend(_copied(world, table, table, tmp_path) for table in FROM_THE_WORLD)
            with closing(sqlite3.connect(home / "demo" / "bank" / "books.sqlite")) as bank:
                inputs.append(_copied(bank, "movement", "bank", tmp_path))
            inputs.append(_exported(database, tmp_path))
        with closing(duckdb.connect()) as con:
            for load in inputs:
                load(con)
            if spoil:
                assert con.execute(spoil).fetchone() != (0,), spoil
            con.execute(SQL.read_text(encoding="utf-8"))
            return con.execute("FROM different").fetchall()

    return different


def _copied(
    source: sqlite3.Connection, table: str, name: str, folder: Path
) -> Callable[[duckdb.DuckDBPyConnection], object]:
    """Write one table of a SQLite file down; how to load it: text stays text, days become dates."""
    columns = source.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
    kinds = {
        column: "DATE"
        if column == "day" or column.endswith("_on")
        else {"INTEGER": "BIGINT"}.get(kind, "VARCHAR")
        for column, kind in columns
    }
    texts = ", ".join(
        column for column, kind in kinds.items() if kind == "VARCHAR" and column != "gives_back"
    )
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(source.execute(f"SELECT * FROM {table}"))

    def load(con: duckdb.DuckDBPyConnection) -> None:
        con.execute(
            f"CREATE TABLE {name} ({', '.join(f'{column} {kind}' for column, kind in kinds.items())})"
        )
        con.execute(
            f"COPY {name} FROM '{path}' (FORMAT csv, HEADER false, AUTO_DETECT false, FORCE_NOT_NULL ({texts}))"
        )

    return load


def _exported(database: Any, folder: Path) -> Callable[[duckdb.DuckDBPyConnection], object]:
    """Export both books; how to load the lines of the files."""
    paths = {fund: folder / f"{fund}.journal" for fund in FUNDS}
    for fund, path in paths.items():
        with unit_of_work(database.service_engine, "zhou", DEMO_REGION) as tx:
            export(tx, Book(DEMO_REGION, fund), ExportFormat.HLEDGER, path)

    def load(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("CREATE TABLE export_line (fund INTEGER, n BIGINT, line VARCHAR)")
        for fund, path in paths.items():
            con.execute(
                f"INSERT INTO export_line SELECT {fund}, row_number() OVER (), line FROM read_csv('{path}', header = false,"
                " columns = {'line': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', parallel = false)"
            )

    return load
