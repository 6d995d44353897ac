"""The house keeps its own rules for SQL in Python, and each rule finds a made-up offence."""

from __future__ import annotations

import re

import pytest

from ledger.db.identity import present_files
from ledger.db.statements import statements
from tests.db.test_catalogue import REFERENCE
from tests.docs.rooms import ROOT, house
from tests.lint.rules import UP_READ, allowed, check, read_owners, sql_clocks
from tests.lint.source import House
from tests.lint.statements import is_sql, names

OWNERS = {
    "fund.record": "ledger/fund/intake",
    "books.entry": "ledger/books",
    "payments.batch": "ledger/payments/orders",
}


def found(path: str, code: str, **others: str) -> list[tuple[str, str]]:
    files = {path: code} | {name.replace("__", "/") + ".py": text for name, text in others.items()}
    return [(one.rule, one.what) for one in check(House(files), OWNERS, {"payments.state"})]


def test_the_house_keeps_its_rules() -> None:
    offences = check(House.at(ROOT, house()), read_owners(), REFERENCE)
    reasons = allowed()
    new = [one for one in offences if (one.rule, one.path, one.what) not in reasons]
    assert not new, "\n".join(f"{one.path}:{one.line}: {one.rule} {one.what}" for one in new)
    asked = {
        name
        for text in House.at(ROOT, [path for path in house() if path.parts[1] == "payments"]).texts()
        if is_sql(text.text)
        for name in names(text.text)
    }
    assert set(UP_READ) <= asked, "a look up that nobody takes"
    assert set(reasons) == {(one.rule, one.path, one.what) for one in offences}, "an exception nobody needs"


def test_every_table_has_one_owner() -> None:
    sql = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ledger/db/sql").rglob("*.sql"))
    tables = set(
        re.findall(
            r"^CREATE TABLE (?:IF NOT EXISTS )?((?:access|books|fund|jobs|payments)\.\w+)", sql, re.MULTILINE
        )
    )
    assert tables == set(read_owners())
    rooms = {path.parent.as_posix() for path in house()}
    assert set(read_owners().values()) <= rooms


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ('Q = "SELECT 1 FROM fund.record WHERE region = %(region)s"', "fund.record"),
        ('tx.value("SELECT payments.held_for(%(region)s)", region=1)', "payments.held_for"),
        ('F = "FROM fund.record r"\nQ = "SELECT 1 " + F + " WHERE r.region = 1"', "fund.record"),
    ],
)
def test_a_floor_that_looks_up_is_found(code: str, what: str) -> None:
    assert ("layer", what) in found("ledger/books/x.py", code)
    assert ("layer", what) not in found("ledger/fund/x/y.py", code)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO fund.record (region, setl_id) VALUES (%(region)s, '')",
        "UPDATE fund.record r SET setl_id = '' WHERE r.region = %(region)s",
        "WITH gone AS (DELETE FROM fund.record WHERE region = %(region)s RETURNING 1) SELECT count(*) FROM gone",
        "SELECT 1; UPDATE fund.record SET setl_id = '' WHERE region = {region}",
    ],
)
def test_a_stranger_who_writes_is_found(sql: str) -> None:
    assert found("ledger/fund/month/x.py", f'tx.run("{sql}")') == [("owner", "fund.record")]
    assert found("ledger/fund/intake/x.py", f'tx.run("{sql}")') == []
    read = "SELECT 1 FROM fund.record WHERE region = 1 FOR UPDATE"
    assert found("ledger/fund/month/x.py", f'tx.run("{read}")') == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM fund.record WHERE setl_id = 'x'",
        "SELECT 1 FROM books.entry e WHERE e.region = 1 AND EXISTS (SELECT 1 FROM fund.record r WHERE r.setl_id = e.s)",
        "SELECT 1 FROM payments.batch b JOIN fund.record r ON r.setl_id = b.batch_id WHERE b.region = %(region)s",
        "SELECT region, setl_id FROM fund.record ORDER BY 1",
        "SELECT (SELECT count(*) FROM fund.record) FROM payments.batch WHERE region = 1",
    ],
)
def test_a_statement_without_its_region_is_found(sql: str) -> None:
    assert found("ledger/fund/intake/x.py", f'tx.run("{sql}")') == [("region", "fund.record")]


@pytest.mark.parametrize(
    "code",
    [
        'R = " WHERE r.region = %(region)s"\ntx.run("SELECT 1 FROM fund.record r" + R)',
        'F = "SELECT 1 FROM fund.record r"\ntx.run(F + " WHERE r.region = 1")',
        'tx.run("SELECT 1 FROM payments.state s JOIN fund.record r USING (region, setl_id)")',
    ],
)
def test_a_region_in_any_piece_counts(code: str) -> None:
    assert found("ledger/fund/intake/x.py", code) == []


@pytest.mark.parametrize(
    "code",
    [
        "OWED = 9103",
        'KIND = "1004"',
        'tx.run("SELECT 1 FROM books.entry WHERE region = 1 AND account IN (9103, 5)")',
        "PLACE = \"WHERE account::text LIKE '5001%'\"",
        'tx.run("SELECT 1 FROM fund.record WHERE region = 1 AND fund = 310")',
    ],
)
def test_an_account_written_out_is_found(code: str) -> None:
    assert [rule for rule, _ in found("ledger/fund/intake/x.py", code)] == ["code"]


def test_other_numbers_are_no_accounts() -> None:
    code = 'LIMIT = 9000\nSAID = "应付9103"\nQ = "SELECT 1 FROM fund.record WHERE region = 420100 AND v = \'x-9103\' LIMIT 500"'
    assert found("ledger/fund/intake/x.py", code) == []


def test_a_lock_taken_elsewhere_is_found() -> None:
    code = 'tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%(k)s, 0))", k="payments.receive 1")'
    assert found("ledger/fund/month/x.py", code) == [("lock", "pg_advisory_lock")]
    assert found("ledger/db/locks.py", code) == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("from ledger.core.dates import SystemClock\nday = SystemClock().today()", "SystemClock"),
        ("day = date.today()", "date.today"),
        ("now = datetime.now(SHANGHAI)", "datetime.now"),
        ("now = dt.datetime.now()", "datetime.now"),
        ("now = datetime.utcnow()", "datetime.utcnow"),
        ("day = time.localtime()", "time.localtime"),
        ("now = time.time()", "time.time"),
        ('tx.run("SELECT 1 FROM payments.state WHERE day < CURRENT_DATE")', "current_date"),
        ('tx.run("SELECT 1 FROM payments.state WHERE day < now()")', "now()"),
    ],
)
def test_the_machines_clock_is_found(code: str, what: str) -> None:
    assert ("clock", what) in found("ledger/fund/month/x.py", code)
    assert found("ledger/fund/month/x.py", "day = running.clock.today()\nnow = running.now()") == []


def test_no_function_of_the_database_asks_the_servers_day() -> None:
    asked = {
        path.name: said
        for path in (ROOT / "ledger/db/sql").rglob("*.sql")
        if (said := sql_clocks(path.read_text(encoding="utf-8")))
    }
    assert asked == {"region.sql": ["transaction_timestamp()"]}  # whether a run was claimed before: no day
    assert sql_clocks("DEFAULT clock_timestamp()") == []


def test_a_raw_code_in_a_sentence_is_found() -> None:
    code = 'line = f"拨付单{order.order_no} {order.state}"'
    assert found("ledger/cli/x.py", code) == [("raw", "order.state")]
    said = 'line = f"拨付单{order.order_no} {said(\'order.state\', order.state)}" + f"{order.state}:key"'
    assert found("ledger/cli/x.py", said) == []


def test_guards_ask_for_the_programs_logins_in_one_way() -> None:
    """A guard that names one login is open to the others: `access.working_login()` alone compares the current user with them."""
    told = re.compile(
        r"(?i)\b(?:current_user|current_role|session_user|pg_has_role)\b[^;]{0,80}?fundledger_(?!poster|owner)\w+"
    )
    found = [
        f"{path.name}: {statement.name or statement.text[:60]}"
        for path in present_files()
        for statement in statements(path.read_text(encoding="utf-8"))
        if told.search(statement.text) and statement.name != "access.working_login"
    ]
    assert found == []
    assert told.search("WHEN ((CURRENT_USER = 'fundledger_service'::name))")
    assert told.search("IF current_user IN ('fundledger_books') THEN")
    assert not told.search("WHEN (current_user <> 'fundledger_poster')")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("p.write_bytes(b'')", "write_bytes"),
        ("p.write_text('')", "write_text"),
        ("p.open('wb')", "open"),
        ("open(p, mode='a+')", "open"),
        ("os.open(p, os.O_WRONLY | os.O_CREAT, 0o644)", "os.open"),
    ],
)
def test_a_file_that_others_may_read_is_found(code: str, what: str) -> None:
    assert found("reports/x.py", code) == [("written", what)]
    assert found("ledger/simulation/x.py", code) == []


@pytest.mark.parametrize("code", ["p.mkdir(parents=True)", "p.mkdir(mode=0o755)", "p.mkdir()"])
def test_a_folder_that_others_may_enter_is_found(code: str) -> None:
    assert found("reports/x.py", code) == [("folder", "mkdir")]
    assert found("reports/x.py", "p.mkdir(mode=0o700)") == []
    assert found("ledger/simulation/x.py", code) == []


@pytest.mark.parametrize(
    "code",
    ["p.open()", "p.open('rb')", "opened(p, 'wb')", "write_private(p, b'')", "os.open(p, os.O_RDONLY)"],
)
def test_a_file_that_is_read_or_private_is_not(code: str) -> None:
    assert found("reports/x.py", code) == []
