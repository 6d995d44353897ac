"""A durable server of the benchmark's own in a home of its own, and a fresh database for every measure."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from ledger.books.manual import ManualContent
from ledger.core.entries import EMPLOYEE_FUND, RESIDENT_FUND, Book, Dimensions, credit, debit
from ledger.db.cluster import Cluster
from ledger.db.engine import admin_engine, auditor_engine, service_engine
from ledger.db.roles import grant_database
from ledger.founding import book_by_hand, bring_in_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, found_demo

OPENED_ON: Final = date(2026, 1, 1)
DAY: Final = date(2026, 10, 12)
PAY_DAY: Final = date(2026, 10, 13)
BOOK: Final = Book(DEMO_REGION, EMPLOYEE_FUND)
TEMPLATE: Final = "bench_template"
PLENTY: Final = 10**14
"""Fen on the 支出户: enough that no order is blocked for want of money."""


@dataclass(frozen=True)
class World:
    """One founded database. Picklable: measures run in processes of their own, so that memory is theirs alone."""

    home: Path
    name: str

    @cached_property
    def settings(self) -> Settings:
        """Settings that lead every engine builder to this database."""
        return Settings(home=self.home, database_url=Cluster(self.home).admin_url(self.name))

    @cached_property
    def service(self) -> Engine:
        """The service's engine."""
        return service_engine(self.settings)

    @cached_property
    def auditor(self) -> Engine:
        """The auditor's engine."""
        return auditor_engine(self.settings)

    @cached_property
    def admin(self) -> Engine:
        """The administrator's engine."""
        return admin_engine(self.settings)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A plain administrator's connection, for what the benchmark compares with."""
        return psycopg.connect(str(self.settings.database_url))


@contextmanager
def server() -> Iterator[Path]:
    """A started, founded server in a temporary home; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="flb-"))
    home.chmod(0o755)  # the server's user must be able to pass through
    cluster = Cluster(home)
    try:
        cluster.start()
        found_demo(Settings(home=home), OPENED_ON)
        with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER DATABASE fundledger RENAME TO {}").format(sql.Identifier(TEMPLATE)))
        yield home
    finally:
        cluster.stop("immediate")
        shutil.rmtree(home)


@contextmanager
def fresh_world(home: Path, name: str) -> Iterator[World]:
    """A new database without statistics, a copy of the founded one; dropped afterwards."""
    cluster, made = Cluster(home), sql.Identifier(name)
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                made, sql.Identifier(TEMPLATE)
            )
        )
        with psycopg.connect(cluster.admin_url(name), autocommit=True) as granting:
            grant_database(granting)
        admin.execute("CHECKPOINT")
        try:
            yield World(home, name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


def take_institutions(world: World, path: Path) -> None:
    """Institutions with confirmed payee accounts, by two persons."""
    bring_in_institutions(world.service, "zhao", "qian", DEMO_REGION, DAY, read_institutions(path))


def allot(world: World) -> None:
    """Money from the 财政专户 into the 支出户 of both books."""
    own = Dimensions(EXPENDITURE_ACCOUNT.number)
    legs = (debit(1004, PLENTY, own), credit(41010101, PLENTY))
    content = ManualContent(DAY, "财政专户拨入支出户", "财政专户缴拨凭证", legs)
    for fund in (EMPLOYEE_FUND, RESIDENT_FUND):
        book_by_hand(world.service, "li", "qian", Book(DEMO_REGION, fund), DAY, content)
