"""A small region lived day by day against the bank simulator: three sides agree to the fen, repeatably."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.banks.simulator.faults import Fault
from ledger.cli.context import close_apps
from ledger.cli.simulate import run
from ledger.cli.simulate_agree import disagreements
from ledger.cli.simulate_town import WEIGHTS, Asked
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.cluster import DATABASE
from ledger.db.passwords import Passwords
from ledger.db.roles import grant_database
from ledger.settings import Settings

OFTEN = {
    **WEIGHTS, "reversal": 20, "hold": 250, "suspend": 12, "payee_change": 12, "surprise": 60, "finding": 120, "deduction": 400,
    "difference": 250, "prepayment": 400, "bank_fee": 150, "person": 300, "refund": 300, "part_grant": 300,
}  # fmt: skip
ERRS = {
    Fault.REJECT_NAME: 150, Fault.RETURN: 150, Fault.RETURN_BEFORE_RECEIPT: 80, Fault.DELAY: 800, Fault.FILE_TWICE: 200,
    Fault.RECEIPT_TWICE: 200, Fault.CUT_ON_WIRE: 100, Fault.WRONG_AMOUNT: 60, Fault.RECEIPT_BEFORE_STATUS: 300,
}  # fmt: skip
Live = Callable[[Asked], dict[str, Any]]


@pytest.fixture
def live(cluster: Any, database: Any, home: Path) -> Live:
    """Simulate in an empty home, on a database of its own."""
    known = Passwords(cluster.home)

    def lived(asked: Asked) -> dict[str, Any]:
        settings = Settings(
            home=home,
            database_url=database.admin_url,
            service_password=known.read("service"),
            auditor_password=known.read("auditor"),
        )
        try:
            return run(settings, asked, lambda _done, _days: None)
        finally:
            close_apps()

    return lived


def test_forty_days_with_everything_in_them(live: Live, home: Path, database: Any) -> None:
    asked = Asked(420100, date(2026, 9, 20), date(2026, 10, 29), 11, 30, 10, OFTEN, ERRS)
    done = live(asked)
    assert (done["bank_agrees"], done["differences"], done["findings"]) == (True, [], [])
    assert (done["recomputation_agrees"], done["verify"], done["days"]) == (True, "clean", 40)
    events = done["events"]
    happened = {
        "bank_pay", "bank_reject", "bank_return", "blocked_suspended", "declarations", "deductions", "differences", "finding_final",
        "findings", "held", "month_orders", "payee_change", "payee_repair", "quarantined", "reversals", "settlements", "suspensions",
    }  # fmt: skip
    assert happened <= events.keys(), sorted(happened - events.keys())
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("SELECT count(*) FROM fund.record").fetchone() == (done["records"],)
        assert admin.execute(
            "SELECT count(*) FROM fund.conservation WHERE difference_fen <> 0"
        ).fetchone() == (0,)
        assert admin.execute("SELECT count(*) FROM fund.conservation_broken").fetchone() == (0,)
    # What agrees must be able to disagree: one fen anywhere is found.
    path = home / "simulate" / "export.sqlite"
    for change in (
        "UPDATE record SET fen = fen + 1 WHERE rowid = 100",
        "UPDATE movement SET fen = fen - 1 WHERE rowid = 7",
        "UPDATE taken SET fen = fen + 1 WHERE rowid = 1",
        "UPDATE booked SET fen = fen + 1 WHERE account = 9105",
        "DELETE FROM settled WHERE rowid = 3",
    ):
        kept = path.read_bytes()
        with sqlite3.connect(path) as out:
            assert out.execute(change).rowcount
        out.close()
        assert disagreements(path), change
        path.write_bytes(kept)
    assert disagreements(path) == []


def test_the_same_seed_gives_the_same_entries(live: Live, home: Path, cluster: Any, database: Any) -> None:
    asked = Asked(420100, date(2026, 10, 9), date(2026, 10, 16), 5, 12, 3, OFTEN, ERRS)
    books = "SELECT fund, seq, source_key, encode(content_digest, 'hex') FROM books.source ORDER BY fund, seq"
    first = live(asked)
    with pytest.raises(Conflict) as used:
        live(asked)
    assert used.value.code == "simulate.home"
    with psycopg.connect(database.admin_url) as admin:
        told = admin.execute(books).fetchall()
    assert len(told) == first["entries"] > 50
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        name = sql.Identifier(database.name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(DATABASE)))
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        grant_database(admin)
    for folder in ("anchors", "demo", "simulate"):
        shutil.rmtree(home / folder)
    again = live(asked)
    assert (again["events"], again["verify"]) == (first["events"], "clean")
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute(books).fetchall() == told


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"region": 420200}, "simulate.region"),
        ({"last": date(2026, 10, 1)}, "simulate.period"),
        ({"last": date(2027, 1, 2)}, "calendar.unknown_year"),
    ],
)
def test_what_cannot_be_simulated_is_refused(live: Live, said: dict[str, Any], code: str) -> None:
    asked = {"region": 420100, "first": date(2026, 10, 9), "last": date(2026, 10, 16)} | said
    with pytest.raises(InvalidInput) as refused:
        live(Asked(asked["region"], asked["first"], asked["last"], 1, 10, 2))
    assert refused.value.code == code


def test_a_real_installation_is_left_alone(live: Live, home: Path, database: Any) -> None:
    (home / "pg").mkdir()
    with pytest.raises(Conflict) as refused:
        live(Asked(420100, date(2026, 10, 9), date(2026, 10, 16), 1, 10, 2))
    assert refused.value.code == "simulate.home"
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute("SELECT count(*) FROM access.app_user").fetchone() == (0,)
    (home / "pg").rmdir()


@pytest.mark.slow
def test_a_year_of_a_small_region_and_its_clearing(live: Live) -> None:
    done = live(Asked(420100, date(2025, 1, 1), date(2026, 4, 10), 3, 200, 20))
    assert (done["bank_agrees"], done["differences"], done["findings"]) == (True, [], [])
    assert {"letters", "clearing_orders", "panels", "declared_late", "advance_orders"} <= done[
        "events"
    ].keys()
    print(f"{done['days']} days, {done['records']} records, {done['seconds']} s")  # noqa: T201 the measure asked for
