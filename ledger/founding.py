"""Preparing an installation: database, first users, region, calendar, books, own accounts. Safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.access.keys import joined
from ledger.access.proposals import confirm, propose_key
from ledger.access.signing.persons import demand_of
from ledger.access.users import Person, found_region
from ledger.books.manual import ManualContent, approve_voucher, draft_voucher
from ledger.books.setup import open_period
from ledger.bootstrap import App
from ledger.core.dates import period_of
from ledger.core.entries import FUNDS, Book, Posted
from ledger.core.errors import Unavailable
from ledger.db.connections import Engine
from ledger.db.engine import admin_engine
from ledger.db.migrate import MigrationPlan, migrate
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.region.calendar import import_shipped_calendar
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from ledger.fund.region.holidays import HolidayTable, confirm_calendar, propose_calendar
from ledger.fund.region.setup import set_up_region
from ledger.payments.orders.own_accounts import OwnAccount
from ledger.settings import Settings


@dataclass(frozen=True, slots=True)
class Founding:
    """What a region begins with."""

    region: int
    name: str
    people: tuple[Person, ...]
    accounts: tuple[OwnAccount, ...]
    opened_on: date
    signatures: bool = False
    """Whether approvals need their persons' signatures from the first day on; a practice home does without."""


def found(settings: Settings, founding: Founding) -> bool:
    """Migrate the database and set the region up as its accountant; `people` must include one.

    Whether the region demands signatures now: one that was founded before stays as it is, whatever the file says.
    """
    migrate(settings, before=_only_without_books)
    engine = admin_engine(settings)
    try:
        found_region(
            engine, founding.region, founding.people, founding.opened_on if founding.signatures else None
        )
        import_shipped_calendar(engine)
    finally:
        engine.dispose()
    accountant = next(person.user for person in founding.people if person.role == "accountant")
    app = App(settings, accountant)
    try:
        with unit_of_work(app.engine, accountant, founding.region) as tx:
            set_up_region(tx, founding.name, FUNDS, founding.accounts, founding.opened_on)
            return demand_of(tx).in_force
    finally:
        app.close()


def _only_without_books(found: MigrationPlan) -> None:
    """A home that holds books is upgraded by `db migrate` alone, which tells, backs up and verifies."""
    if found.holds_books:
        raise Unavailable(
            "db.not_migrated",
            "数据目录已有账套，结构须先升级：请执行 fundledger db migrate（先说明、先备份、后核验）",
            current=found.have and found.have.revision,
            head=found.want.revision,
        )


def book_by_hand(
    engine: Engine, drafter: str, checker: str, book: Book, day: date, content: ManualContent
) -> Posted:
    """A hand-written voucher from draft to entry, by its two persons one after the other, posted under `day`."""
    with unit_of_work(engine, drafter, book.region) as tx:
        open_period(tx, book, period_of(day))
        drafted = draft_voucher(tx, book, content, day)
    with unit_of_work(engine, checker, book.region) as tx:
        return approve_voucher(tx, book, drafted.voucher_id, drafted.digest, day)


def give_key(
    engine: Engine, administrators: tuple[str, str], region: int, user: str, expires_on: date, day: date
) -> str:
    """An API key from proposal to force, by security and audit administrator one after the other; the secret."""
    proposer, confirmer = administrators
    with unit_of_work(engine, proposer, region) as tx:
        asked, made = propose_key(tx, user, "接口", expires_on, day)
    with unit_of_work(engine, confirmer, region) as tx:
        _, second = confirm(tx, asked.n, asked.digest, day)
    return joined(made.secret, second)


def import_holidays(
    engine: Engine, maker: str, checker: str, region: int, day: date, table: HolidayTable
) -> None:
    """A year's holiday table from transcription to force, by its two persons one after the other."""
    with unit_of_work(engine, maker, region) as tx:
        digest = propose_calendar(tx, table, day)
    with unit_of_work(engine, checker, region) as tx:
        confirm_calendar(tx, table.year, digest, day)


def bring_in_institutions(
    engine: Engine, maker: str, checker: str, region: int, day: date, institutions: Iterable[Institution]
) -> None:
    """Institutions from a file to force, by their two persons one after the other, on business date `day`."""
    with unit_of_work(engine, maker, region) as tx:
        load_institutions(tx, institutions, day)
    with unit_of_work(engine, checker, region) as tx:
        waiting = read_waiting(tx)
        if waiting.digest:
            confirm_waiting(tx, waiting.digest, day)


def choose(
    engine: Engine,
    proposer: str,
    checker: str,
    region: int,
    key: str,
    value: str,
    from_day: date,
    source: str,
) -> None:
    """A region's choice from a document to force, by its two persons one after the other, on the day it begins."""
    with unit_of_work(engine, proposer, region) as tx:
        propose_choice(tx, key, value, from_day, source, from_day)
    with unit_of_work(engine, checker, region) as tx:
        confirm_choices(tx, read_choices(tx).digest, from_day)
