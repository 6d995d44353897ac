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

from ledger.core.errors import Conflict, InvalidInput
from ledger.simulation.compare.agree import disagreements
from ledger.simulation.town import Asked

Live = Callable[[Asked], dict[str, Any]]
Recompute = Callable[..., list[tuple[Any, ...]]]


@pytest.mark.slow
def test_six_weeks_with_everything_in_them(
    live: Live,
    duck: Recompute,
    often: tuple[Any, Any],
    home: Path,
    database: Any,
) -> None:
    """The default group lives ten weeks with less in them (tests/control/conservation)."""
    asked = Asked(420100, date(2026, 9, 20), date(2026, 11, 3), 11, 30, 10, *often)
    done = live(asked)
    assert (done["bank_agrees"], done["differences"], done["findings"]) == (True, [], [])
    assert (done["recomputation_agrees"], done["verify"], done["days"]) == (True, "clean", 45)
    events = done["events"]
    happened = {
        "bank_pay", "bank_reject", "bank_return", "blocked_suspended", "declarations", "deductions", "differences", "finding_final",
        "findings", "held", "month_orders", "payee_change", "payee_repair", "quarantined", "reversals", "settlements", "suspensions",
        "fee", "fund_requests", "guest_orders", "guests", "interest", "interest_out", "late_grants", "orders_unknown", "part_grants",
        "person_orders", "blocked_not_due",
    }  # fmt: skip
    assert happened <= events.keys(), sorted(happened - events.keys())
    assert (events["months_closed"], events["reconciliations"]) == (4, 4)
    with psycopg.connect(database.admin_url) as admin:
        assert admin.execute(
            "SELECT fund, period, state FROM books.period WHERE state <> 'open' ORDER BY 1, 2"
        ).fetchall() == [(fund, month, "closed") for fund in (310, 390) for month in (202609, 202610)]
        assert admin.execute("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M'").fetchone() == (
            events["closing_vouchers"],
        )
        assert admin.execute("SELECT min(closed_by), max(closed_by) FROM books.closing").fetchone() == (
            "wu",
            "wu",
        )
        assert admin.execute("SELECT count(*) FROM fund.record").fetchone() == (done["records"],)
        assert admin.execute(
            "SELECT count(*) FROM fund.conservation WHERE difference_fen <> 0"
        ).fetchone() == (0,)
        assert admin.execute("SELECT count(*) FROM fund.conservation_broken").fetchone() == (0,)
    assert duck() == []
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
    for spoil in (
        "UPDATE bill SET pooled = pooled + 1 WHERE setl_id = (SELECT min(setl_id) FROM bill WHERE pooled > 0)",
        "UPDATE bill SET ratio = '0.55' WHERE institution = 'H42010000001'",
        "UPDATE bank SET amount_fen = amount_fen - 1 WHERE id = 30",
        "UPDATE taken_by SET fen = fen + 1 WHERE reference = (SELECT min(reference) FROM taken_by WHERE what = 'audit')",
        "UPDATE decided SET fen = fen + 1 WHERE what = 'interest' AND fund = 390",
        "DELETE FROM link WHERE setl_id = (SELECT max(setl_id) FROM link)",
        "UPDATE export_line SET line = regexp_replace(line, '  -?[0-9.]+ CNY', '  0.01 CNY') WHERE line LIKE '    %:9105:%'",
    ):
        assert duck(spoil), spoil


@pytest.mark.slow
def test_the_same_seed_gives_the_same_entries(
    live: Live, often: tuple[Any, Any], home: Path, database: Any, afresh: Callable[[], None]
) -> None:
    asked = Asked(420100, date(2026, 10, 9), date(2026, 10, 16), 5, 12, 3, *often)
    books = "SELECT fund, seq, source_key, encode(content_digest, 'hex') FROM books.source ORDER BY fund, seq"
    first = live(asked)
    with pytest.raises(Conflict) as used:
        live(asked)
    assert used.value.code == "simulate.home"
    with psycopg.connect(database.admin_url) as admin:
        told = admin.execute(books).fetchall()
    assert len(told) == first["entries"] > 50
    afresh()
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
def test_a_year_of_a_small_region_and_its_clearing(live: Live, duck: Recompute) -> None:
    done = live(Asked(420100, date(2025, 1, 1), date(2026, 4, 10), 3, 200, 20))
    assert (done["bank_agrees"], done["differences"], done["findings"]) == (True, [], [])
    assert duck() == []
    happened = {
        "advance_orders", "assessments", "bill_orders", "bills_out", "cases_approved", "reconciliations", "clearing_orders", "declared_late", "letters",
        "panels", "plans_DIP", "years_closed", "plans_DRG", "prepayments", "refund_same_year", "special_cases",
    }  # fmt: skip
    assert happened <= done["events"].keys(), sorted(happened - done["events"].keys())
    first, last = done["seconds_a_day"][0], done["seconds_a_day"][-1]
    told = f"{done['days']} days, {done['records']} records, {done['seconds']} s; a day {first} s at first, {last} s at last"
    print(told)  # noqa: T201 the measure asked for
