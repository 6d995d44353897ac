"""Preparing an installation: database, first users, region, calendar, books, own accounts. Safe to repeat."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from ledger.access.users import Person, found_region
from ledger.books.manual import ManualContent, approve_voucher, draft_voucher
from ledger.books.setup import open_period
from ledger.bootstrap import App
from ledger.cli.context import USERS_FILE
from ledger.core.dates import period_of
from ledger.core.entries import EMPLOYEE_FUND, RESIDENT_FUND, Book, Posted
from ledger.db.engine import admin_engine
from ledger.db.migrate import migrate
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.calendar import import_shipped_calendar
from ledger.fund.calendar_import import HolidayTable, confirm_calendar, propose_calendar
from ledger.fund.recognise import RULES_SIGNER
from ledger.fund.regions import OwnAccount, set_up_region
from ledger.settings import Settings

DEMO_REGION: Final = 420100
DEMO_REGION_NAME: Final = "示例市"

DEMO_PEOPLE: Final = (
    Person("guan", "person-admin", "管理员", "admin"),
    Person("jieru", "person-intake", "数据接入", "intake"),
    Person("zhao", "person-maker", "赵制单", "maker"),
    Person("qian", "person-checker", "钱复核", "checker"),
    Person("sun", "person-cashier", "孙出纳", "cashier"),
    Person("li", "person-accountant", "李会计", "accountant"),
    Person("zhou", "person-reviewer", "周内控", "reviewer"),
    Person("xitong", "person-system", "系统接口", "system"),
    Person(RULES_SIGNER, "person-rules", "规则审定人", "reviewer"),
)
"""One person a post. The last put the rules in force and signs as reviewer what they book unasked."""

FUNDS: Final = (EMPLOYEE_FUND, RESIDENT_FUND)
FISCAL_ACCOUNT: Final = OwnAccount(
    "1003", "4200000000001003", "示例市社会保障基金财政专户", "iso20022", "模拟银行营业部", "102421000001"
)
EXPENDITURE_ACCOUNT: Final = OwnAccount(
    "1004", "4200000000001004", "示例市医疗保险基金支出户", "iso20022", "模拟银行营业部", "102421000001"
)


@dataclass(frozen=True, slots=True)
class Founding:
    """What a region begins with."""

    region: int
    name: str
    people: tuple[Person, ...]
    accounts: tuple[OwnAccount, ...]
    opened_on: date


def found(settings: Settings, founding: Founding) -> None:
    """Migrate the database and set the region up as its accountant; `people` must include one."""
    migrate(settings)
    engine = admin_engine(settings)
    try:
        found_region(engine, founding.region, founding.people)
        import_shipped_calendar(engine)
    finally:
        engine.dispose()
    accountant = next(person.user for person in founding.people if person.role == "accountant")
    app = App(settings, accountant)
    try:
        with unit_of_work(app.engine, accountant, founding.region) as tx:
            set_up_region(tx, founding.name, FUNDS, founding.accounts, founding.opened_on)
    finally:
        app.close()


def found_demo(settings: Settings, opened_on: date) -> None:
    """The demo's region with one person a post, remembered in the home so that commands need no --as."""
    found(
        settings,
        Founding(
            DEMO_REGION, DEMO_REGION_NAME, DEMO_PEOPLE, (FISCAL_ACCOUNT, EXPENDITURE_ACCOUNT), opened_on
        ),
    )
    path: Path = settings.home / USERS_FILE
    users = {person.role: person.user for person in DEMO_PEOPLE if person.user != RULES_SIGNER}
    path.write_text(json.dumps(users, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def book_by_hand(
    engine: Engine, drafter: str, checker: str, book: Book, day: date, content: ManualContent
) -> Posted:
    """A hand-written voucher from draft to entry, by its two persons one after the other, posted under `day`."""
    with unit_of_work(engine, drafter, book.region) as tx:
        open_period(tx, book, period_of(day))
        drafted = draft_voucher(tx, book, content, day)
    with unit_of_work(engine, checker, book.region) as tx:
        return approve_voucher(tx, book, drafted.voucher_id, drafted.digest, day)


def import_holidays(
    engine: Engine, maker: str, checker: str, region: int, day: date, table: HolidayTable
) -> None:
    """A year's holiday table from transcription to force, by its two persons one after the other."""
    with unit_of_work(engine, maker, region) as tx:
        digest = propose_calendar(tx, table, day)
    with unit_of_work(engine, checker, region) as tx:
        confirm_calendar(tx, table.year, digest, day)
