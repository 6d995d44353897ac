"""Whatever row of whatever table an administrator takes away, and whatever value is changed, `verify` says so; or it is told why not.

The tables and columns come from the catalogue: a new one is swept as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from ledger.books.anchors import read_anchors
from ledger.cli.line.acting import close_apps
from ledger.db.cluster import DATABASE
from ledger.db.house import SCHEMAS
from ledger.db.traced import TRACED
from ledger.settings import Settings
from ledger.simulation.life.run import run
from ledger.simulation.town import Asked
from tests.control.conftest import _clone, _drop
from tests.control.sweep import (
    Home,
    change,
    columns,
    found,
    read_of,
    row_of,
    seen,
    tables,
    take_away,
    undone,
)
from tests.scenes.passwords import passwords_of
from tests.simulation.conftest import ERRS, OFTEN

UNSEEN: Final = {
    "access.idempotency": "an answer kept for a caller who asks again; what it did stands in the books under its own key",
    "access.key_use": "on which day a key was last used: no act rests on it",
    "access.link": "a link for one person and one hour; the password that it sets is traced",
    "access.login_place": "tries of a user from an address: each is in the operator log or counted among the refused ones",
    "access.refused_login": "counts of refused log-ins, for the alarm of the day",
    "access.trace_anchored": "that the anchors' file has a line: while it has, the line itself is compared with the chain",
    "books.search_amount": "an index of the journal, made anew by `book index --anew` and compared as a whole",
    "fund.anchored": "likewise",
    "fund.monitor_figure": "figures of a day, counted again while it is new, at any time by hand; nothing is decided by them",
    "fund.monitor_tick": "likewise: how a day's figures grew",
    "meta.made_of": "what `db migrate` need not make again: what is missing is made again",
}
"""Tables a row of which may go unseen, and why that takes nothing away."""

UNFILLED: Final = (
    "access.signature", "books.attached_file", "books.correction", "books.import_file", "books.import_row", "books.period_seal",
    "books.search_run", "books.search_text", "books.voucher_paper", "fund.control_sum", "fund.control_way", "fund.cutover", "fund.cutover_advance", "fund.cutover_bank",
    "fund.cutover_deduction", "fund.cutover_history", "fund.cutover_line", "fund.cutover_order", "fund.cutover_record",
    "fund.cutover_trial", "fund.letter_deduction", "fund.letter_finding", "fund.letter_late", "fund.letter_offset",
    "fund.trace_code", "payments.opened_leg", "payments.statement_page", "payments.taken_order",
)  # fmt: skip
"""Tables that no simulated life fills and that leave no traces: their own checks' tests take rows away."""


def test_what_may_go_unseen_is_there_and_leaves_no_traces(house_of: Home) -> None:
    assert set(UNSEEN) <= set(tables(house_of.admin))
    assert not set(UNSEEN) & set(TRACED)


@pytest.fixture(scope="module")
def house_of(cluster: Any, town_template: str) -> Iterator[Home]:
    """The town with one day of everything in it."""
    name, settings = _clone(cluster, town_template)
    with psycopg.connect(str(settings.database_url)) as admin:
        home = Home(admin, settings.home, [])
        with undone(admin):
            home.readings += read_of(home)
        yield home
    _drop(cluster, name)


def test_before_anything_is_done_nothing_is_found(house_of: Home) -> None:
    with undone(house_of.admin):
        assert list(found(house_of, "")) == []


@pytest.mark.parametrize(
    "table",
    [
        "books.book",
        "books.dim_head",
        "books.period",
        "fund.intake_load",
        "fund.region",
        "meta.alembic_version",
        "payments.bank_file",
        "payments.batch",
    ],
)
def test_a_row_taken_away_is_named(house_of: Home, table: str) -> None:
    """One of each way of seeing it: by those that spoke of it, by its trace, by what is added up from below."""
    row = row_of(house_of.admin, table)
    assert row is not None
    with undone(house_of.admin):
        take_away(house_of.admin, table, row)
        one = seen(house_of, table)
    assert one is not None


FREE: Final = {
    line.split("\t")[0]: line.split("\t")[1]
    for line in Path(__file__).with_name("free.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
"""Columns whose value may be changed unseen, each with its reason."""


@pytest.fixture(scope="session")
def kept_life(keep: Any, cluster: Any) -> tuple[str, Path]:
    """Half a year of a small region with a year's clearing in it, under faults of the bank and of people; and its home."""
    home = cluster.home / "lived"

    def live(there: Settings) -> None:
        home.mkdir(mode=0o755)
        settings = Settings(home=home, database_url=there.database_url, **passwords_of(cluster.home, home))
        asked = Asked(420100, date(2025, 11, 20), date(2026, 4, 3), 5, 4, 6, OFTEN, ERRS)
        try:
            assert run(settings, asked, lambda *_: None)["findings"] == []
        finally:
            close_apps()

    return keep("lived", DATABASE, live), home


@pytest.fixture(scope="module")
def lived(cluster: Any, kept_life: tuple[str, Path]) -> Iterator[Home]:
    """That life, to be disturbed; what each check reads of it was counted before."""
    template, path = kept_life
    name, settings = _clone(cluster, template)
    with psycopg.connect(str(settings.database_url)) as admin:
        home = Home(admin, path, read_anchors(path))
        with undone(admin):
            home.readings += read_of(home)
        yield home
    _drop(cluster, name)


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_whatever_row_is_taken_away_it_is_named(lived: Home, schema: str) -> None:
    unseen, empty = [], []
    for table in tables(lived.admin, schema):
        row = row_of(lived.admin, table)
        if row is None:
            empty.append(table)
            continue
        with undone(lived.admin):
            take_away(lived.admin, table, row)
            if seen(lived, table) is None:
                unseen.append(table)
    assert set(unseen) - set(UNSEEN) == set()
    of_schema = {name for name in UNFILLED if name.startswith(f"{schema}.")}
    assert set(empty) - set(UNSEEN) - set(TRACED) == of_schema


@pytest.mark.slow
@pytest.mark.parametrize("schema", SCHEMAS)
def test_whatever_value_is_changed_it_is_named(lived: Home, schema: str) -> None:
    """Every column of every table that the life filled."""
    unseen = []
    for table in tables(lived.admin, schema):
        row = row_of(lived.admin, table)
        if row is None or table in UNSEEN:
            continue
        for column, kind in columns(lived.admin, table):
            if f"{table}.{column}" in FREE:
                continue
            with undone(lived.admin):
                if change(lived.admin, table, row, column, kind) and seen(lived, table) is None:
                    unseen.append(f"{table}.{column}")
    assert unseen == []


def test_what_is_free_is_there(house_of: Home) -> None:
    """Each named column exists, and what is not hashed of a traced row is free, or proven by what stands beside it."""
    there = {
        f"{table}.{name}" for table in tables(house_of.admin) for name, _ in columns(house_of.admin, table)
    }
    assert set(FREE) - there == set()
    assert all(FREE.values())
