"""Locks that wait, sessions without a name, texts that are SQL, what the working login must not: at the database itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.journal import post
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, EntryDraft, credit, debit
from ledger.core.errors import InFlight, LedgerError, Unavailable
from ledger.db.connections import direct
from ledger.db.engine import login_url
from ledger.db.unit_of_work import unit_of_work
from reports.books.find import Wanted, find
from reports.export import ExportFormat, export
from reports.trial_balance import trial_balance

REGION = 420100
BOOK = Book(REGION, 310)
DAY = date(2026, 10, 14)


def draft(key: str, fen: int = 100) -> EntryDraft:
    return EntryDraft(
        "MAN", key, DAY, "调整", (debit(1001, fen), credit(1005, fen)), "MAN@1", "rule:MAN@1", "qian"
    )


def posted(world: Any) -> list[tuple[int, int]]:
    """Every entry's voucher number and the fen of its first line."""
    with psycopg.connect(world.admin_url) as admin:
        rows = admin.execute("SELECT vno, amounts[1] FROM books.entry WHERE fund = 310 ORDER BY seq")
        return [(int(number), int(fen)) for number, fen in rows]


@pytest.mark.fault(18)
def test_two_hundred_posts_at_once_on_one_account(world: Any) -> None:
    todo, many = iter(range(200)), 8
    lock = threading.Lock()

    def work(_number: int) -> None:
        engine = direct(world.settings)
        while True:
            with lock:
                key = next(todo, None)
            if key is None:
                break
            while True:
                try:
                    with unit_of_work(engine, "li", REGION) as tx:
                        post(tx, BOOK, DAY, [draft(f"K{key}", key + 1)])
                    break
                except InFlight:
                    continue
        engine.dispose()

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(work, range(many)))
    there = posted(world)
    assert [number for number, _ in there] == list(range(1, 201))
    assert sorted(fen for _, fen in there) == list(range(1, 201))
    with psycopg.connect(world.admin_url) as admin:
        balance = admin.execute(
            "SELECT sum(debit), sum(credit) FROM books.balance WHERE fund = 310 AND account IN (1001, 1005)"
        ).fetchone()
    assert balance == (20100, 20100)


@pytest.mark.fault(15)
def test_who_idles_with_a_books_lock_is_thrown_out_and_others_go_on(world: Any) -> None:
    engine = direct(world.settings)
    with pytest.raises(Unavailable) as late, unit_of_work(engine, "li", REGION) as tx:
        tx.run("SET LOCAL idle_in_transaction_session_timeout = '100ms'")
        post(tx, BOOK, DAY, [draft("held")])
        with unit_of_work(engine, "li", REGION) as other:
            post(other, BOOK, DAY, [draft("waits")])  # it waits for the lock, and gets it
        tx.value("SELECT 1")
    assert late.value.code in ("db.timeout", "db.unreachable")
    engine.dispose()
    assert [fen for _, fen in posted(world)] == [100]


@pytest.mark.fault(17, 19)
def test_a_forced_deadlock_tells_one_to_begin_again(world: Any) -> None:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("CREATE TABLE meta.pair (id int PRIMARY KEY, n int)")
        admin.execute("INSERT INTO meta.pair VALUES (1, 0), (2, 0)")
        admin.execute("GRANT SELECT, UPDATE ON meta.pair TO fundledger_service")
    both = threading.Barrier(2)
    again = []

    def cross(first: int) -> None:
        engine = direct(world.settings)
        meet = True
        while True:
            try:
                with unit_of_work(engine, "li", REGION) as tx:
                    tx.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
                    tx.run("UPDATE meta.pair SET n = n + 1 WHERE id = %(id)s", id=first)
                    if meet:
                        both.wait(5)
                    meet = False
                    tx.run("UPDATE meta.pair SET n = n + 1 WHERE id = %(id)s", id=3 - first)
                break
            except InFlight as told:
                again.append(told.code)
        engine.dispose()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(cross, (1, 2)))
    assert set(again) == {"db.retry"}
    with psycopg.connect(world.admin_url) as admin:
        assert admin.execute("SELECT array_agg(n) FROM meta.pair").fetchone() == ([2, 2],)


@pytest.mark.fault(61)
def test_a_session_that_says_nobody_sees_and_writes_nothing(world: Any) -> None:
    engine = direct(world.settings)
    with unit_of_work(engine, "li", REGION) as tx:
        post(tx, BOOK, DAY, [draft("there")])
    with engine.connect() as lent:  # the connection of li, given back: nothing of li is left on it
        service: Any = lent.connection.driver_connection
        for table in (
            "books.entry",
            "books.balance",
            "payments.pay_order",
            "fund.record",
            "access.operator_log",
        ):
            assert service.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
            service.rollback()
        with pytest.raises(psycopg.Error):
            service.execute(
                "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
                " VALUES (420100, 'li', 'x', 'y', 'done', '')"
            )
        service.rollback()
    engine.dispose()


FORBIDDEN = (
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY books.source TO '/tmp/x'",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/hostname')",
    "SET session_replication_role = replica",
    "SET ROLE fundledger_owner",
    "SET SESSION AUTHORIZATION fundledger_admin",
    "ALTER TABLE books.entry DISABLE TRIGGER ALL",
    "ALTER ROLE fundledger_service BYPASSRLS",
    "ALTER TABLE access.operator_log NO FORCE ROW LEVEL SECURITY",
    "CREATE FUNCTION public.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION dblink",
    "TRUNCATE access.operator_log",
    "UPDATE access.operator_log SET detail = 'x'",
    "DELETE FROM access.operator_log",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fundledger_admin'",
)


@pytest.mark.fault(65, 67)
def test_the_working_login_gets_nowhere_else(world: Any) -> None:
    with psycopg.connect(world.service_url) as service, psycopg.connect(world.admin_url):
        for statement in FORBIDDEN:
            service.rollback()
            service.execute("SET LOCAL app.actor = 'guan'")
            service.execute("SET LOCAL app.region = '420100'")
            with pytest.raises(psycopg.Error) as denied:
                service.execute(statement)  # type: ignore[call-overload] # words of this test's
            assert denied.value.sqlstate in ("42501", "FL002", "FL005", "0A000", "FL003"), statement
        service.rollback()
        service.autocommit = True
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("ALTER SYSTEM SET fsync = off")


@pytest.mark.fault(67)
@pytest.mark.parametrize("login", ["service", "intake", "books", "payments", "read", "auditor"])
def test_no_working_login_touches_a_line_of_the_log(world: Any, login: Any) -> None:
    """Nor may it put one in for a place between two others: numbers are the database's."""
    engine = direct(world.settings)
    with unit_of_work(engine, "li", REGION) as tx:
        tx.run(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
            " VALUES (%(region)s, 'li', 'test', 'x', 'done', '')", region=REGION
        )  # fmt: skip
    engine.dispose()
    lines = "SELECT array_agg(l::text ORDER BY id) FROM access.operator_log l"
    with psycopg.connect(world.admin_url) as admin:
        before = admin.execute(lines).fetchone()
    url = login_url(world.settings, login).render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(url) as working:
        for statement in (
            "UPDATE access.operator_log SET detail = 'x'",
            "DELETE FROM access.operator_log",
            "TRUNCATE access.operator_log",
            "INSERT INTO access.operator_log (region, id, user_name, action, object, outcome, detail) OVERRIDING SYSTEM VALUE"
            " VALUES (420100, 0, 'li', 'test', 'x', 'done', '')",
            "SELECT setval(pg_get_serial_sequence('access.operator_log', 'id'), 1)",
        ):
            working.rollback()
            if login != "auditor":
                working.execute("SET LOCAL app.actor = 'li'; SET LOCAL app.region = '420100'")
            with pytest.raises(psycopg.Error) as denied:
                working.execute(statement)
            assert denied.value.sqlstate in ("42501", "FL002", "FL003", "25006"), (statement, denied.value)
    with psycopg.connect(world.admin_url) as admin:
        assert admin.execute(lines).fetchone() == before


INJECTED = (
    "' OR '1'='1",
    "'; DROP TABLE books.entry; --",
    "%' UNION SELECT 1 --",
    "\\'; SELECT pg_sleep(9) --",
    "${x}{0}%s",
    "$$x$$",
)


@pytest.mark.fault(57)
@pytest.mark.parametrize("field", ["number", "words", "party", "account", "evidence", "maker"])
def test_sql_in_a_filter_is_a_value(world: Any, field: str) -> None:
    engine = direct(world.settings)
    with unit_of_work(engine, "li", REGION) as tx:
        post(tx, BOOK, DAY, [draft("there")])
    for text in INJECTED:
        told = ""
        try:
            with unit_of_work(engine, "li", REGION) as tx:
                assert find(tx, BOOK, Wanted(**{field: text})) == []
        except LedgerError as refused:
            told = refused.code
        assert told not in ("internal", "db.timeout"), (field, text)
    with pytest.raises(LedgerError) as user, unit_of_work(engine, "li'; --", REGION):
        pass
    assert user.value.code == "user.format"
    engine.dispose()
    assert posted(world) == [(1, 100)]


@pytest.mark.fault(60)
def test_without_the_programs_check_the_database_still_says_no(world: Any, tmp_path: Path) -> None:
    """What a caller could do if `scope.in_region` let everybody everywhere: nothing of a region without a role there."""
    engine = direct(world.settings)
    with unit_of_work(engine, "li", REGION) as tx:
        post(tx, BOOK, DAY, [draft("there")])
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('far', 'person-far', '外地', true)")
        admin.execute("INSERT INTO access.user_role VALUES (420200, 'far', 'accountant', 0)")
    with unit_of_work(engine, "far", REGION) as tx:
        assert find(tx, BOOK, Wanted(words="调整")) == []
        assert tx.value("SELECT count(*) FROM books.leg") == 0
        assert tx.value("SELECT count(*) FROM payments.bank_account") == 0
        with pytest.raises(LedgerError, match=r"book\.unknown"):
            export(tx, BOOK, ExportFormat.HLEDGER, tmp_path / "theirs")
        with pytest.raises(LedgerError, match=r"book\.unknown"):
            trial_balance(tx, BOOK)
    assert list(tmp_path.iterdir()) == []
    told = []
    for table in _filled(world):
        with unit_of_work(engine, "far", REGION) as tx:
            if not tx.value("SELECT has_table_privilege(%(t)s, 'SELECT')", t=table):
                continue
            told += [table] * bool(
                tx.connection.execute(
                    f"SELECT 1 FROM {table} WHERE region = 420100 LIMIT 1".encode()
                ).rowcount
            )
    assert told == []
    with pytest.raises(LedgerError) as refused, unit_of_work(engine, "far", REGION) as tx:
        post(tx, BOOK, DAY, [draft("mine")])
    assert refused.value.code == "access.role_missing"
    engine.dispose()
    assert posted(world) == [(1, 100)]


def _filled(world: Any) -> list[str]:
    """Every table with rows of the region."""
    with psycopg.connect(world.admin_url) as admin:
        found = admin.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region'"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace::regnamespace::text"
            " IN ('access', 'books', 'fund', 'jobs', 'payments') ORDER BY 1"
        ).fetchall()
        filled = [
            name
            for (name,) in found
            if admin.execute(f"SELECT 1 FROM {name} WHERE region = 420100 LIMIT 1".encode()).rowcount
        ]
    assert {"books.entry", "access.user_role", "payments.bank_account"} <= set(filled)
    return filled


@pytest.mark.fault(52)
def test_sums_beyond_sixty_four_bits_are_refused_whole(world: Any) -> None:
    """Lines are bounded, and so many of the largest that their sum would not fit are refused, not wrapped."""
    engine = direct(world.settings)
    largest = 10**15
    legs = [leg for _ in range(9300) for leg in (debit(1001, largest), credit(1005, largest))]
    with pytest.raises((LedgerError, psycopg.Error)) as refused, unit_of_work(engine, "li", REGION) as tx:
        post(
            tx,
            BOOK,
            DAY,
            [EntryDraft("MAN", "much", DAY, "调整", tuple(legs), "MAN@1", "rule:MAN@1", "qian")],
        )
    assert getattr(refused.value, "code", "") or getattr(refused.value, "sqlstate", "") == "22003"
    engine.dispose()
    assert posted(world) == []


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("2026-10-13T23:59:59.999+08:00", date(2026, 10, 13)),
        ("2026-10-13T15:59:59.999+00:00", date(2026, 10, 13)),
        ("2026-10-13T16:00:00+00:00", date(2026, 10, 14)),
        ("2026-12-31T16:00:00+00:00", date(2027, 1, 1)),
    ],
)
def test_a_moment_is_of_the_day_in_shanghai(world: Any, said: str, day: date) -> None:
    """Program and database agree on a moment's day whatever the machine's own zone, and no day begins an hour late."""
    assert datetime.fromisoformat(said).astimezone(SHANGHAI).date() == day
    with psycopg.connect(world.service_url) as service:
        for zone in ("UTC", "America/New_York", "Asia/Shanghai"):
            service.execute("SELECT set_config('timezone', %s, false)", [zone])
            [told] = service.execute(
                "SELECT (%s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date", [said]
            ).fetchone() or (None,)
            assert told == day
    midnight = datetime(
        1988, 4, 10, 0, 0, tzinfo=SHANGHAI
    )  # summer time began that year, at two in the morning
    assert midnight.date() == date(1988, 4, 10)
    assert date(1988, 4, 10).isoformat() == "1988-04-10"
