"""Every question asked of all at once is as quick where the planner knows nothing: a day just taken in, autovacuum not come yet.

A rule once paired all records with all for 300 seconds. A day of 20,000 records is taken in, booked, approved and filed; then what the
server knows of every table is taken away, and each question has a time within which it must answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from adapters.banks.formats.statements.read import read_written
from adapters.banks.formats.statements.table import Stated
from adapters.banks.registry import make_format
from ledger.books.manual import ManualContent
from ledger.books.search import take_in
from ledger.control.alarms.standing import Moment, standing
from ledger.control.monitor.coverage import covered
from ledger.control.monitor.keep import keep_figures
from ledger.control.risk.catalogue import RULES
from ledger.control.risk.run import asked_of, terms_of
from ledger.control.snapshot import open_snapshot
from ledger.control.verify import CHECKS
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.connections import direct
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.founding import book_by_hand, bring_in_institutions
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.master import read_institutions
from ledger.fund.intake.file import load_file
from ledger.fund.month.handback import hand_back_in
from ledger.fund.record.judge import IntakeRules
from ledger.fund.region.retention import read_retention
from ledger.payments.orders.approve import approve
from ledger.payments.out.ask import ask_in
from ledger.payments.out.files import file
from ledger.payments.statements.matching import match
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from ledger.simulation.platform.day import generate

pytestmark = pytest.mark.slow

DAY, PAY, LATER = date(2026, 10, 12), date(2026, 10, 13), date(2026, 11, 3)
RECORDS: Final = 20_000
LIMIT: Final = "20s"
"""What answers within half a second when the machine has nothing else to do; what pairs all with all takes minutes."""

ASKED: dict[str, tuple[str, Callable[[Transaction], object]]] = {
    "monitor": ("xitong", lambda tx: keep_figures(tx, PAY, "20:00")),
    "coverage": ("li", lambda tx: covered(tx, 202610, PAY)),
    "alarms": ("li", lambda tx: standing(tx, Moment(datetime(2026, 10, 20, 9, tzinfo=SHANGHAI), 1.8e9))),
    "overdue": ("xitong", lambda tx: ask_in(tx, date(2026, 10, 20))),
    "handback 310": ("li", lambda tx: hand_back_in(tx, 310, 202610, LATER)),
    "handback 390": ("li", lambda tx: hand_back_in(tx, 390, 202610, LATER)),
    "matching": ("li", lambda tx: match(tx, EXPENDITURE_ACCOUNT.number, LATER)),
    "retention": ("guan", lambda tx: read_retention(tx, LATER)),
}
"""Each asked as who may, by the transaction's login."""


class _Bank:
    """Files are written for it, and not sent."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.format = make_format("iso20022", frozenset({account}))


@pytest.fixture(scope="module")
def kept_day(keep: Any, founded: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The founded region with its day, up to the payment files."""

    def fill(settings: Any) -> None:
        engine = direct(settings)
        made = generate(RECORDS, 150, DAY, 3, tmp_path_factory.mktemp("day"))
        bring_in_institutions(engine, "zhao", "qian", DEMO_REGION, DAY, read_institutions(made.institutions))
        money = (debit(1004, 10**14, Dimensions(EXPENDITURE_ACCOUNT.number)), credit(41010101, 10**14))
        for fund in (310, 390):
            content = ManualContent(DAY, "财政专户拨入支出户", "缴拨凭证", money)
            book_by_hand(engine, "li", "qian", Book(DEMO_REGION, fund), DAY, content)
        for path in made.settlements:
            load_file(engine, "jieru", path, IntakeRules())
        for batch in run_daily(engine, "zhao", DEMO_REGION, PAY).batches:
            approve(engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
            file(
                engine, "zhao", DEMO_REGION, batch.batch_id, _Bank, datetime(2026, 10, 13, 9, tzinfo=SHANGHAI)
            )  # type: ignore[arg-type]
        _statement(engine)
        engine.dispose()

    return str(keep(f"{founded}_day", founded, fill))


def _statement(engine: Any) -> None:
    """The expenditure account's, with what was put in: from then on verify asks which of the books' lines are on no statement; not for five days."""
    put_in = f"{2 * 10**12}.00"
    content = (
        "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要\n"
        f"{DAY},,{put_in},,S1,,,,,缴拨凭证\n"
    ).encode()
    stated = Stated(EXPENDITURE_ACCOUNT.number, "", date(2026, 10, 1), date(2026, 10, 16), 0, 2 * 10**14)
    read = replace(read_written("t.csv", content, stated), form="csv")
    with unit_of_work(engine, "li", DEMO_REGION) as tx:
        load(tx, EXPENDITURE_ACCOUNT.number, StatementFile("t.csv", content), [read], LATER)


@pytest.fixture
def unknown(kept_day: str, world: Any) -> Any:
    """A clone of it of which the server knows nothing."""
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET allow_system_table_mods = on")
        for (table,) in admin.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text"
            " IN ('access', 'books', 'fund', 'jobs', 'payments')"
        ).fetchall():
            admin.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
        admin.execute("DELETE FROM pg_statistic")
        admin.execute("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relkind IN ('r', 'i')")
    return world


def test_questions_are_quick_without_statistics(unknown: Any) -> None:
    """The rules of risk, the monitor, the alarms, the jobs of deadlines; the next day's run and the search."""
    slow = []
    questions = {
        f"risk {rule.code}": ("xitong", lambda tx, rule=rule: _ask_rule(tx, rule)) for rule in RULES.values()
    } | ASKED
    for name, (user, ask) in questions.items():
        try:
            with unit_of_work(unknown.service_engine, user, DEMO_REGION) as tx:
                tx.connection.execute(f"SET LOCAL statement_timeout = '{LIMIT}'".encode())
                ask(tx)
        except (LedgerError, psycopg.Error) as problem:
            slow.append(f"{name}: {problem}")
    assert slow == []
    run_daily(unknown.service_engine, "zhao", DEMO_REGION, date(2026, 10, 14))
    for fund in (310, 390):
        take_in(unknown.service_engine, "xitong", Book(DEMO_REGION, fund))


def _ask_rule(tx: Transaction, rule: Any) -> None:
    terms = terms_of(tx, rule, DAY)
    assert terms is not None
    tx.rows(rule.query, **asked_of(rule, tx.region, DAY, terms, [10**6, 10**6]))


def test_verify_is_quick_without_statistics(unknown: Any, tmp_path: Path) -> None:
    """Every check of verify, and nothing found."""
    with open_snapshot(unknown.auditor_engine, unknown.settings.home, []) as snapshot:
        for connection in (snapshot.connection, *snapshot.streams):
            connection.execute(f"SET LOCAL statement_timeout = '{LIMIT}'".encode())
        assert [one for _, check in CHECKS for one in check(snapshot)] == []


def test_what_pairs_all_with_all_would_be_seen(unknown: Any) -> None:
    """The limit is one that a question of the wrong shape does not keep."""
    with (
        psycopg.connect(unknown.admin_url) as admin,
        pytest.raises(psycopg.errors.QueryCanceled),
    ):
        admin.execute(
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET statement_timeout = '3s'"
        )
        admin.execute(
            "SELECT count(*) FROM fund.record a JOIN fund.record b ON a.psn_no || a.region <> b.psn_no || b.region AND a.setl_time < b.setl_time"
        )
