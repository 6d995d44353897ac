"""A durable server of the benchmark's own in a home of its own, and a fresh database for every measure.

`BENCH_HOME=FOLDER` keeps the home, and in it the databases that took long to fill: the next run measures in them again.
"""

from __future__ import annotations

import os
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
from ledger.db.migrate import migrate
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
_FILLED: Final = "filled"
"""A kept database's comment once it is filled; one that was not finished is dropped."""
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


def kept_home() -> Path | None:
    """Where the filled databases stay, if anywhere."""
    named = os.environ.get("BENCH_HOME")
    return Path(named).absolute() if named else None


@contextmanager
def server() -> Iterator[Path]:
    """A started, founded server in a temporary home, gone afterwards; in `BENCH_HOME` it is only stopped."""
    kept = kept_home()
    if kept:
        kept.mkdir(exist_ok=True)
    home = kept or Path(tempfile.mkdtemp(prefix="flb-"))
    home.chmod(0o755)  # the server's user must be able to pass through
    cluster = Cluster(home)
    try:
        cluster.start()
        with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
            if not _comment(admin, TEMPLATE):
                found_demo(Settings(home=home), OPENED_ON)
                admin.execute(
                    sql.SQL("ALTER DATABASE fundledger RENAME TO {}").format(sql.Identifier(TEMPLATE))
                )
                _remark(admin, TEMPLATE)
        yield home
    finally:
        cluster.stop("fast" if kept else "immediate")
        if not kept:
            shutil.rmtree(home)


@contextmanager
def fresh_world(home: Path, name: str) -> Iterator[World]:
    """A new database without statistics, a copy of the founded one; dropped afterwards unless it was marked as filled."""
    cluster, made, world = Cluster(home), sql.Identifier(name), World(home, name)
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        if is_filled(world):
            migrate(world.settings)
        else:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(made))
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    made, sql.Identifier(TEMPLATE)
                )
            )
            with psycopg.connect(cluster.admin_url(name), autocommit=True) as granting:
                grant_database(granting)
        admin.execute("CHECKPOINT")
        try:
            yield world
        finally:
            if not is_filled(world):
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


def is_filled(world: World) -> bool:
    """Whether this database was filled by a run before and kept."""
    with psycopg.connect(Cluster(world.home).admin_url("postgres"), autocommit=True) as admin:
        return _comment(admin, world.name) == _FILLED


def keep_filled(world: World) -> None:
    """The measure has filled this database: where homes are kept, so is it."""
    if kept_home():
        with psycopg.connect(Cluster(world.home).admin_url("postgres"), autocommit=True) as admin:
            _remark(admin, world.name)


def _comment(admin: psycopg.Connection[tuple[object, ...]], database: str) -> object:
    """A database's comment; None where there is no such database or it has none."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    row = admin.execute(query, (database,)).fetchone()
    return row[0] if row else None


def _remark(admin: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), _FILLED))


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
