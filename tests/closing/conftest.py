"""Two books with an October of vouchers by hand that `verify` finds clean; every test has a clone of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from ledger.books.manual import ManualContent
from ledger.closing import close as closing
from ledger.closing.status import PeriodStatus, status
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.entries import Book, Leg, Posted, credit, debit
from ledger.db.cluster import DATABASE
from ledger.db.engine import auditor_engine, login_url, service_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.db.urls import libpq_url
from ledger.founding import book_by_hand
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from ledger.settings import Settings
from ledger.simulation.people import found_demo
from tests.scenes.databases import copy_database, drop_database

BOOK, RESIDENT = Book(420100, 310), Book(420100, 390)
OPENED, OCT, LAST, NOV = date(2025, 10, 1), date(2025, 10, 14), date(2025, 10, 31), date(2025, 11, 2)


@dataclass
class Agency:
    """An agency with its accountant li, its chief wu, and its checker qian."""

    settings: Settings
    service: Engine
    auditor: Engine
    home: Path
    names: Iterator[int] = field(default_factory=lambda: itertools.count(101))

    @property
    def admin_url(self) -> str:
        return str(self.settings.database_url)

    @property
    def service_url(self) -> str:
        return libpq_url(login_url(self.settings, "service"))

    def tx(self, user: str = "li") -> Any:
        return unit_of_work(self.service, user, 420100)

    def book(self, day: date, *legs: Leg, book: Book = BOOK, summary: str = "入账") -> Posted:
        content = ManualContent(day, f"{summary}{next(self.names)}", f"单据{next(self.names)}", legs)
        return book_by_hand(self.service, "li", "qian", book, day, content)

    def close(self, period: int = 202510, on: date = NOV, book: Book = BOOK, user: str = "li") -> bytes:
        return closing.close(self.service, closing.verifier(self.auditor, self.home), user, book, period, on)

    def confirm(
        self, digest: bytes, period: int = 202510, on: date = NOV, book: Book = BOOK, user: str = "wu"
    ) -> list[Posted]:
        with self.tx(user) as tx:
            return closing.confirm(tx, book, period, digest, on)

    def shut(self, period: int = 202510, on: date = NOV, book: Book = BOOK) -> list[Posted]:
        return self.confirm(self.close(period, on, book), period, on, book)

    def reopen(self, reason: str = "", period: int = 202510, user: str = "wu", on: date = NOV) -> str:
        with self.tx(user) as tx:
            return closing.reopen(tx, BOOK, period, reason, on)

    def refuse_line(self, line: int) -> None:
        """A line of a load that was refused, kept as the intake keeps it."""
        with self.tx("jieru") as tx:
            tx.run(
                "INSERT INTO fund.quarantine VALUES (420100, '\\x00', %(line)s, 's1', 'f', 'c', 'm', 1, 'FUNDLEDGER-SEAL1')",
                line=line,
            )

    def status(self, period: int = 202510, on: date = NOV, book: Book = BOOK) -> PeriodStatus:
        breaches = self.verify()
        with self.tx() as tx:
            return status(tx, book, period, on, breaches)

    def verify(self) -> list[Breach]:
        return verify(self.auditor, self.home)

    def state(self, period: int = 202510, fund: int = 310) -> str:
        found = self.rows(
            f"SELECT state FROM books.period WHERE region = 420100 AND fund = {fund} AND period = {period}"
        )
        return str(found[0][0]) if found else ""

    def rows(self, query: str) -> Sequence[Any]:
        with psycopg.connect(self.admin_url) as admin:
            return admin.execute(query.encode()).fetchall()

    def break_it(self, *statements: str) -> None:
        """As a superuser whose triggers are off."""
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            for statement in statements:
                assert admin.execute(statement.encode()).rowcount != 0, statement

    def balance(self, account: int, period: int = 209912) -> int:
        """Credit balance of an account and all below it up to a period, in fen."""
        [[fen]] = self.rows(
            f"SELECT coalesce(sum(credit - debit), 0)::bigint FROM books.balance WHERE region = 420100 AND fund = 310"
            f" AND account::text LIKE '{account}%' AND period <= {period}"
        )
        return int(fen)


def method(agency: Agency, value: str, begun: date = date(2025, 1, 1)) -> None:
    """The region's choice between 账结 and 表结."""
    with agency.tx("li") as tx:
        propose_choice(tx, "closing_method", value, begun, "市局发文", begun)
    with agency.tx("qian") as tx:
        confirm_choices(tx, read_choices(tx).digest, begun)


@pytest.fixture(scope="session")
def kept_october(keep: Any) -> str:
    """The template with the region and its October."""
    return str(keep("october", DATABASE, _live_october))


def _live_october(settings: Settings) -> None:
    found_demo(settings, OPENED)
    engine = service_engine(settings)
    made = Agency(settings, engine, engine, settings.home, itertools.count(1))
    made.book(OCT, debit(1005, 900_000), credit(400101, 600_000), credit(400102, 300_000))
    made.book(OCT, debit(1005, 70_000), credit(41010101, 70_000))
    made.book(OCT, debit(1005, 11_000), credit(4601, 11_000))
    made.book(OCT, debit(5101, 20_000), credit(1005, 20_000))
    made.book(OCT, debit(5201, 5_000), credit(1005, 5_000))
    made.book(OCT, debit(540101, -300), credit(1005, -300), summary="退回")
    made.book(OCT, debit(1005, 5_000), credit(4001, 5_000), book=RESIDENT)
    engine.dispose()


@pytest.fixture
def agency(cluster: Any, kept_october: str, new_database_name: str, tmp_path: Path) -> Iterator[Agency]:
    url = copy_database(cluster, kept_october, new_database_name)
    settings = Settings(home=cluster.home, database_url=url)
    made = Agency(settings, service_engine(settings), auditor_engine(settings), tmp_path)
    yield made
    made.service.dispose()
    made.auditor.dispose()
    drop_database(cluster, new_database_name)
