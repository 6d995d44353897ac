"""The demo's region and its people, one a post; remembered in the home so that a newcomer need not name one."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Final

import psycopg

from ledger.access.links import give_link
from ledger.access.proposals import confirm, propose_link
from ledger.access.sessions import choose_password
from ledger.access.users import Person
from ledger.core.accounts import FISCAL_KIND, SPENDING_KIND
from ledger.db.connections import direct
from ledger.db.engine import admin_url
from ledger.db.unit_of_work import unit_of_work
from ledger.db.urls import libpq_url
from ledger.founding import Founding, found
from ledger.payments.orders.own_accounts import OwnAccount
from ledger.rules.policy import RULES_SIGNER
from ledger.settings import USERS_FILE, Settings

DEMO_REGION: Final = 420100

DEMO_REGION_NAME: Final = "示例市"

DEMO_PEOPLE: Final = (
    Person("guan", "person-admin", "安全管理员", "admin"),
    Person("shen", "person-audit-admin", "审计管理员", "audit_admin"),
    Person("jieru", "person-intake", "数据接入", "intake"),
    Person("zhao", "person-maker", "赵制单", "maker"),
    Person("qian", "person-checker", "钱复核", "checker"),
    Person("sun", "person-cashier", "孙出纳", "cashier"),
    Person("li", "person-accountant", "李会计", "accountant"),
    Person("wu", "person-chief", "吴主管", "chief"),
    Person("zhou", "person-reviewer", "周内控", "reviewer"),
    Person("xitong", "person-system", "系统接口", "system"),
    Person(RULES_SIGNER, "person-rules", "规则审定人", "reviewer"),
)
"""One person a post. The last put the rules in force and signs as reviewer what they book unasked."""

FISCAL_ACCOUNT: Final = OwnAccount(
    FISCAL_KIND,
    "4200000000001003",
    "示例市社会保障基金财政专户",
    "iso20022",
    "模拟银行营业部",
    "102421000001",
)

EXPENDITURE_ACCOUNT: Final = OwnAccount(
    SPENDING_KIND,
    "4200000000001004",
    "示例市医疗保险基金支出户",
    "iso20022",
    "模拟银行营业部",
    "102421000001",
)


PASSWORD: Final = "Yanshi-2026"  # noqa: S105 told to whoever runs a demo
"""By which everybody of a demo home comes in at the pages. A real home's people choose their own by their links."""


def give_logins(settings: Settings, today: date) -> None:
    """A password to everybody of a demo home who has none, in the way of a real one: by links, then chosen by its holder."""
    engine = direct(settings)
    try:
        with unit_of_work(engine, "guan", DEMO_REGION) as tx:
            there = {user for (user,) in tx.rows("SELECT user_name FROM access.password")}
        with psycopg.connect(libpq_url(admin_url(settings)), autocommit=True) as admin:
            for person in DEMO_PEOPLE:
                if person.user in there or person.user == RULES_SIGNER:
                    continue
                if person.role in ("admin", "audit_admin"):
                    codes = give_link(admin, DEMO_REGION, person.user, today).code, ""
                else:
                    with unit_of_work(engine, "guan", DEMO_REGION) as tx:
                        asked, made = propose_link(tx, person.user, today)
                    with unit_of_work(engine, "shen", DEMO_REGION) as tx:
                        _, second = confirm(tx, asked.n, asked.digest, today)
                    codes = made.code, second
                choose_password(engine, person.user, codes, PASSWORD, today, "demo")
    finally:
        engine.dispose()


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
