"""A small ledger of two books, one a module: what its tests try is refused, or posts under a key of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.books.journal import post
from ledger.books.setup import open_book
from ledger.control.verify import verify
from ledger.core.entries import Book, EntryDraft, Leg, Posted, credit, debit
from ledger.db.cluster import DATABASE
from ledger.db.engine import auditor_engine, login_url, service_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.db.urls import libpq_url
from ledger.settings import Settings
from tests.scenes.databases import copy_database, drop_database

REGION = 420100
DAY = date(2026, 10, 14)
BOOK, OTHER_FUND, OTHER_REGION = Book(REGION, 310), Book(REGION, 390), Book(420200, 310)
USERS = {
    "acc": ("p1", ["accountant"]), "maker": ("p2", ["maker"]), "checker": ("p3", ["checker"]), "cash": ("p4", ["cashier"]),
    "adm": ("p5", ["admin"]), "maker2": ("p2", []), "rev": ("p6", ["reviewer"]),
}  # fmt: skip
_names = itertools.count(1)


@dataclass
class Ledger:
    """Two books of one region, one of another."""

    settings: Settings
    service: Engine
    auditor: Engine
    book: Book = BOOK
    other_fund: Book = OTHER_FUND
    other_region: Book = OTHER_REGION
    day: date = DAY
    keys: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def admin_url(self) -> str:
        return str(self.settings.database_url)

    @property
    def service_url(self) -> str:
        return libpq_url(login_url(self.settings, "service"))

    def draft(self, *legs: Leg, key: str | None = None, **changes: Any) -> EntryDraft:
        """A draft that posts, under a key nobody used, unless `changes` break it."""
        values: dict[str, Any] = {
            "event": "MAN", "source_key": key or f"K{next(self.keys)}", "business_date": DAY, "summary": "调整",
            "legs": legs or (debit(1001, 100), credit(1005, 100)), "rule": "MAN@1", "prepared_by": "rule:MAN@1",
            "reviewed_by": "checker", **changes,
        }  # fmt: skip
        return EntryDraft(**values)

    def post(
        self,
        *drafts: EntryDraft,
        user: str = "acc",
        book: Book | None = None,
        day: date = DAY,
        partial: bool = False,
    ) -> list[Posted]:
        target = book or self.book
        with unit_of_work(self.service, user, target.region) as tx:
            return post(tx, target, day, drafts, partial=partial)

    def count(self) -> int:
        with psycopg.connect(self.admin_url) as admin:
            row = admin.execute("SELECT count(*) FROM books.entry").fetchone()
            assert row is not None
            return int(row[0])

    def findings(self) -> Sequence[Any]:
        """What is wrong with the journal itself; these tests post lines that no record, sheet, order or draft stands behind."""
        about_business = ("T", "INV-08", "INV-09")
        undrafted = "手工凭证没有经另一人批准的草稿"
        return [
            f
            for f in verify(self.auditor, Path("/nonexistent"))
            if not f.promise.startswith(about_business)
            and f.message != undrafted
            and f.code != "trace.none"  # people, roles and parties put there past the guards
        ]


@contextmanager
def for_a_while(admin_url: str, user: str, role: str) -> Iterator[None]:
    """A post that somebody has and has no more, past the program and its traces: the house is as it was."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", [REGION, user, role])
        try:
            yield
        finally:
            admin.execute(
                "DELETE FROM access.user_role WHERE (region, user_name, role) = (%s, %s, %s)",
                [REGION, user, role],
            )


@pytest.fixture(scope="module")
def ledger(cluster: Any) -> Iterator[Ledger]:
    name = f"books_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}_{next(_names)}"
    url = copy_database(cluster, DATABASE, name)
    with psycopg.connect(url, autocommit=True) as admin:
        for user, (person, roles) in USERS.items():
            admin.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", [user, person, user])
            for role in roles:
                admin.execute("INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", [REGION, user, role])
        admin.execute(
            "INSERT INTO access.app_user VALUES ('far', 'p9', 'far', true), ('narrow', 'p8', 'narrow', true), ('left', 'p7', 'left', false)"
        )
        admin.execute(
            "INSERT INTO access.user_role VALUES (420200, 'far', 'accountant', 0), (420200, 'checker', 'checker', 0),"
            " (420100, 'narrow', 'accountant', 390)"
        )
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'left', 'accountant', 0)")
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO fund.party VALUES (420100, '6222000001', '支出户', 'other', 'taken_over', 'migration', '')"
        )
    settings = Settings(home=cluster.home, database_url=url)
    made = Ledger(settings, service_engine(settings), auditor_engine(settings))
    for book, user in ((made.book, "acc"), (made.other_fund, "acc"), (made.other_region, "far")):
        with unit_of_work(made.service, user, book.region) as tx:
            open_book(tx, book, "账套", date(2026, 10, 1))
    made.post(made.draft(key="first"))
    made.post(made.draft(key="first"), book=made.other_fund)
    made.post(made.draft(key="first"), user="far", book=made.other_region)
    yield made
    made.service.dispose()
    made.auditor.dispose()
    drop_database(cluster, name)
