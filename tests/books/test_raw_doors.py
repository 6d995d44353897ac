"""INV-01, 02, 05, 11 at every other door: raw SQL as the service, as the owner, as a superuser with triggers on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.books.conftest import for_a_while

JOURNAL = (
    "entry",
    "source",
    "posting",
    "balance",
    "block",
    "head",
    "dim",
    "dim_head",
    "counter",
    "period",
    "account",
    "book",
)
PARTITIONS = ("entry_202610", "posting_202610")
TABLES = tuple(f"books.{name}" for name in JOURNAL + PARTITIONS)
REFUSALS = ("FL002", "FL003")
STAGE = "SELECT books.stage(420100, 310::smallint, '{\"\"}', '{\"\"}', '{0}', '{0}', '{\"\"}')"
ENTRY = "SELECT * FROM books.entry LIMIT 1"
NO_DIM = "(SELECT dim FROM books.dim WHERE region = 420100 AND counterparty = '' AND category = '' LIMIT 1)"

# Each is a script; its last statement must be refused by privilege (42501) to the service's login.
SERVICE = {
    "insert an entry into the partition": f"INSERT INTO books.entry_202610 {ENTRY}",
    "change a line": "UPDATE books.entry SET amounts[1] = amounts[1] + 1",
    "change a line in the partition": "UPDATE books.entry_202610 SET amounts[1] = amounts[1] + 1",
    "insert an entry": "INSERT INTO books.entry SELECT * FROM books.entry",
    "copy into the journal": "COPY books.entry FROM STDIN",
    "copy into a partition": "COPY books.entry_202610 FROM STDIN",
    "read a partition past row security": "SELECT * FROM books.entry_202610",
    "move the head": "UPDATE books.head SET seq = 0",
    "lock the head": "SELECT 1 FROM books.head FOR UPDATE",
    "reopen a period": "UPDATE books.period SET state = 'open'",
    "become the owner": "SET ROLE fundledger_owner",
    "become the poster": "SET ROLE fundledger_poster",
    "become the auditor": "SET ROLE fundledger_auditor",
    "be another session user": "SET SESSION AUTHORIZATION fundledger_owner",
    "switch triggers off": "SET session_replication_role = replica",
    "disable a trigger": "ALTER TABLE books.entry DISABLE TRIGGER ALL",
    "own a table": "ALTER TABLE books.entry OWNER TO fundledger_service",
    "drop a partition": "DROP TABLE books.entry_202610",
    "detach a partition": "ALTER TABLE books.entry DETACH PARTITION books.entry_202610",
    "add a policy": "CREATE POLICY mine ON books.entry USING (true)",
    "grant itself": "GRANT fundledger_owner TO fundledger_service",
    "replace the door": "CREATE OR REPLACE FUNCTION books.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
    "make a function in a schema": "CREATE FUNCTION books.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "make a table in a schema": "CREATE TABLE books.t (a int)",
    "make a table in public": "CREATE TABLE public.t (a int)",
    "intern by hand": "SELECT books.intern(420100, 310::smallint, '{}', '{}', '{}', '{}', '{}')",
    "digest by hand": "SELECT books.digest_contents()",
    "make partitions by hand": "SELECT books.make_partitions(202611)",
    "take the guards off by hand": "SELECT books.guard('books.entry', false)",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "see others' rows": "ALTER ROLE fundledger_service BYPASSRLS",
    "approve by hand": "INSERT INTO payments.approval VALUES (420100, 'B', '', 'maker', 'checker', '2026-10-14')",
    "make a user": "INSERT INTO access.app_user VALUES ('mallory', 'p99', 'm')",
    "give a role": "INSERT INTO access.user_role VALUES (420100, 'cash', 'accountant', 0)",
    "make a key": "INSERT INTO access.api_key VALUES ('\\x00', 420100, 'acc', '', '2026-12-31')",
    "change a record": "UPDATE fund.record SET hifp_pay = 0",
    "change a payable": "UPDATE fund.payable SET fund_fen = 0",
    "change an order": "UPDATE payments.pay_order SET payee_number = 'x'",
    "change a receipt": "UPDATE payments.evidence SET amount_fen = 1",
    "delete the operator log": "DELETE FROM access.operator_log",
    "read what the door prepared": f"{STAGE}; SELECT * FROM pg_temp.b_new",
    "say it is prepared": f"{STAGE}; INSERT INTO pg_temp.b_new VALUES (420100, 310, 'acc', 1, '{{t}}', NULL, '')",
    "vouch for a dimension": f"{STAGE}; INSERT INTO pg_temp.d_in VALUES (420100, 0, '', '', 0, 0, '', 0, 1)",
    "add a movement": f"{STAGE}; INSERT INTO pg_temp.p_new VALUES (1001, 1, 5, 0, '{{0}}')",
    "change what is staged": f"{STAGE}; UPDATE pg_temp.e_in SET amounts[1] = 1",
    "take away what is staged": f"{STAGE}; DELETE FROM pg_temp.e_in",
    "place by hand": "SELECT books.place('{t}', NULL)",
    "gather by hand": "SELECT books.gather(NULL)",
    "register a key by hand": "SELECT books.write_sources(420100, 310::smallint, 202610, 0, '', '{0}')",
    "take over the stage": f"{STAGE}; DROP TABLE pg_temp.e_in",
    "put a trigger on the stage": f"{STAGE}; CREATE TRIGGER t BEFORE INSERT ON pg_temp.e_in FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "put a rule on the stage": f"{STAGE}; CREATE RULE r AS ON INSERT TO pg_temp.e_in DO INSTEAD NOTHING",
    "inherit from the stage": f"{STAGE}; CREATE TEMP TABLE heir () INHERITS (pg_temp.e_in)",
    "index the stage with a function": f"{STAGE}; CREATE INDEX ON pg_temp.e_in (event)",
}  # fmt: skip


@pytest.fixture
def service(ledger: Any) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger.service_url) as connection:
        connection.execute("SET LOCAL app.actor = 'acc'; SET LOCAL app.region = '420100'")
        yield connection
        connection.rollback()


@pytest.mark.fault(53, 65)
@pytest.mark.parametrize("door", SERVICE)
def test_the_service_is_refused(service: psycopg.Connection, door: str) -> None:
    *before, last = SERVICE[door].split("; ")
    for statement in before:
        service.execute(statement)
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(last)


@pytest.mark.fault(53, 65)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET region = region"])
def test_the_service_changes_no_journal_table(service: psycopg.Connection, table: str, change: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(change.format(table))


@pytest.mark.parametrize(
    "trick",
    [
        "CREATE TEMP TABLE e_in (pos int)",
        "CREATE TEMP VIEW e_in AS SELECT 1 AS pos",
        "CREATE TEMP TABLE b_new (fund smallint, staged int, statutory boolean[], places books.places, contents bytea)",
        "CREATE TEMP TABLE p_new (account int, dim int, debit bigint, credit bigint, offs int[])",
        "CREATE TEMP TABLE d_in (k int)",
    ],
)
def test_a_stage_of_the_callers_own_is_refused(service: psycopg.Connection, trick: str) -> None:
    service.execute(trick)
    with pytest.raises(psycopg.Error) as refused:
        service.execute(STAGE)
    assert refused.value.sqlstate in ("42501", "FL002", "42809")


def test_posting_without_the_stage_is_refused(service: psycopg.Connection) -> None:
    with pytest.raises(psycopg.Error) as refused:
        service.execute("SELECT * FROM books.post(420100, 310::smallint, '2026-10-14')")
    assert refused.value.sqlstate == "FL002"


def _staged(
    key: str, pos: int = 0, accounts: str = "{1001,-1005}", dims: str = "", amounts: str = "{5,5}"
) -> str:
    dims = dims or f"ARRAY[{NO_DIM},{NO_DIM}]"
    return (
        f"INSERT INTO pg_temp.e_in VALUES ({pos}, 'TRY', 'TRY@1', '{key}', '2026-10-14', 0, 's', '', '', 0, 'rule:TRY@1', 'checker',"
        f" '{accounts}', {dims}, '{amounts}')"
    )


STAGED = {
    "a dimension nobody numbered": ([_staged("d", dims="'{999,999}'")], "dimension.unknown"),
    "a dimension of others": ([_staged("d", dims=f"ARRAY[{NO_DIM} + 1,{NO_DIM}]")], "dimension.unknown"),
    "no amount": ([_staged("d", amounts="{5,NULL}")], "entry.line_amount"),
    "fewer amounts than accounts": ([_staged("d", amounts="{5}")], "entry.uneven_lines"),
    "more amounts than accounts": ([_staged("d", amounts="{5,5,5}")], "entry.uneven_lines"),
    "fewer dimensions than accounts": ([_staged("d", dims=f"ARRAY[{NO_DIM}]")], "entry.uneven_lines"),
    "no dimension": ([_staged("d", dims=f"ARRAY[{NO_DIM},NULL]")], "null value in column"),
    "account nought": ([_staged("d", accounts="{0,-1005}")], "account.unknown"),
    "a fen too many beyond 2^53": ([_staged("d", amounts="{9007199254740993,9007199254740992}")], "entry.unbalanced"),
    "a place twice": ([_staged("a"), _staged("b")], "entry."),
    "a place left out": ([_staged("a"), _staged("b", 2)], "entry.place"),
    "a place below nought": ([_staged("a", -1)], "entry.place"),
    "unbalanced behind the check": (
        [_staged("a"), "SELECT books.prepare(420100, 310::smallint)", _staged("b", 1, amounts="{5,6}")],
        "entry.unbalanced",
    ),
    "unbalanced, the check rolled back": (
        ["SAVEPOINT s", _staged("a"), "SELECT books.prepare(420100, 310::smallint)", "ROLLBACK TO s", _staged("a", amounts="{5,6}")],
        "entry.unbalanced",
    ),
    "prepared for another book": (
        [_staged("a", accounts="{1999,-1005}"), "SELECT books.prepare(420100, 390::smallint)"], "account.unknown",
    ),
}  # fmt: skip


@pytest.mark.fault(53)
@pytest.mark.parametrize("case", STAGED)
def test_what_the_program_would_never_stage_is_refused(service: psycopg.Connection, case: str) -> None:
    statements, code = STAGED[case]
    service.execute(STAGE)
    with pytest.raises(psycopg.Error, match=code):
        for statement in [*statements, "SELECT * FROM books.post(420100, 310::smallint, '2026-10-14')"]:
            service.execute(statement)


@pytest.mark.parametrize("prepared", [False, True])
def test_what_was_staged_for_one_region_is_not_posted_in_another(ledger: Any, prepared: bool) -> None:
    """By somebody with a post in both: the dimension numbers of one region mean others' in the next."""
    before = ledger.count()
    with (
        for_a_while(ledger.admin_url, "far", "accountant"),
        psycopg.connect(ledger.service_url) as connection,
    ):
        connection.execute("SET LOCAL app.actor = 'far'; SET LOCAL app.region = '420100'")
        connection.execute(STAGE)
        connection.execute(_staged(f"between-{prepared}"))
        if prepared:
            connection.execute("SELECT books.prepare(420100, 310::smallint)")
        connection.execute("SET LOCAL app.region = '420200'")
        with pytest.raises(psycopg.Error, match=r"dimension\.unknown"):
            connection.execute("SELECT * FROM books.post(420200, 310::smallint, '2026-10-14')")
        connection.rollback()
    assert ledger.count() == before


def test_what_one_user_prepared_is_judged_anew_when_another_posts_it(service: psycopg.Connection) -> None:
    """Who reviews by acting must be a checker, whoever prepared."""
    service.execute(STAGE)
    service.execute(_staged("handover").replace("'checker'", "'acc'"))
    with pytest.raises(psycopg.Error, match=r"entry\.signers"):
        service.execute("SELECT books.prepare(420100, 310::smallint)")
    service.rollback()
    service.execute("SET LOCAL app.actor = 'maker'; SET LOCAL app.region = '420100'")
    service.execute(STAGE)
    service.execute(_staged("handover").replace("'checker'", "'acc'"))
    service.execute("SELECT books.prepare(420100, 310::smallint)")
    service.execute("SET LOCAL app.actor = 'acc'")
    with pytest.raises(psycopg.Error, match=r"entry\.signers"):
        service.execute("SELECT * FROM books.post(420100, 310::smallint, '2026-10-14')")


def test_a_function_in_the_callers_temp_schema_is_not_called(service: psycopg.Connection) -> None:
    """Names the door uses resolve in pg_catalog first, and never to a function of pg_temp."""
    service.execute(
        "CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT ''::bytea $$;"
        " CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT to_timestamp(0) $$;"
        " CREATE TEMP TABLE pg_class (relname name); SET search_path = pg_temp, pg_catalog, public"
    )
    service.execute(STAGE)
    service.execute(_staged("temp-trick"))
    service.execute("SELECT * FROM books.post(420100, 310::smallint, '2026-10-14')")
    row = service.execute(
        "SELECT length(content_digest), recorded_at > '2026-01-01' FROM books.source JOIN books.entry USING (region, fund, seq)"
        " WHERE books.source.source_key = 'temp-trick'"
    ).fetchone()
    assert row == (32, True)


INSERTS = {
    "books.entry": "INSERT INTO books.entry SELECT * FROM books.entry LIMIT 1",
    "books.entry_202610": "INSERT INTO books.entry_202610 SELECT * FROM books.entry LIMIT 1",
    "books.source": "INSERT INTO books.source VALUES (420100, 310, 'raw', 202610, 99, '')",
    "books.balance": "INSERT INTO books.balance VALUES (420100, 310, 202610, 1002, 1, 1, 0)",
    "books.block": "INSERT INTO books.block SELECT * FROM books.block LIMIT 1",
    "books.period": "INSERT INTO books.period VALUES (420100, 310, 202612, 'open')",
    "books.dim": "INSERT INTO books.dim SELECT * FROM books.dim LIMIT 1",
    "merge": "MERGE INTO books.balance b USING (SELECT 1) s ON b.account = 1001 WHEN MATCHED THEN UPDATE SET debit = 0",
    "on conflict": "INSERT INTO books.balance VALUES (420100, 310, 202610, 1001, 1, 1, 0) ON CONFLICT DO NOTHING",
}


@pytest.mark.fault(53)
@pytest.mark.parametrize("role", ["fundledger_owner", None])
@pytest.mark.parametrize(
    "door",
    [*INSERTS, *(f"{change} {table}" for table in TABLES for change in ("DELETE", "UPDATE", "TRUNCATE"))],
)
def test_owner_and_superuser_are_refused_while_triggers_are_on(
    ledger: Any, role: str | None, door: str
) -> None:
    change, _, table = door.partition(" ")
    statement = INSERTS.get(door) or {
        "DELETE": f"DELETE FROM {table}", "UPDATE": f"UPDATE {table} SET region = region", "TRUNCATE": f"TRUNCATE {table} CASCADE",
    }[change]  # fmt: skip
    with psycopg.connect(ledger.admin_url) as admin:
        if role:
            admin.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.Error) as refused:
            admin.execute(statement)
        assert refused.value.sqlstate in REFUSALS
        admin.rollback()


@pytest.mark.fault(53)
@pytest.mark.parametrize("table", ["books.entry", "books.entry_202610", "books.posting_202610"])
def test_a_superusers_copy_is_refused(ledger: Any, table: str) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        with pytest.raises(psycopg.Error) as refused, admin.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(b"")
        assert refused.value.sqlstate in REFUSALS
        admin.rollback()


def test_the_auditor_writes_nothing(ledger: Any) -> None:
    with ledger.auditor.connect() as pooled:
        driver = pooled.connection.driver_connection
        driver.execute("SET default_transaction_read_only = off")
        driver.commit()
        for statement in (
            "DELETE FROM books.entry",
            STAGE,
            "CREATE TEMP TABLE t (a int)",
            "SELECT * FROM access.idempotency",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                driver.execute(statement)
            driver.rollback()


def test_after_all_that_the_books_are_clean(ledger: Any) -> None:
    assert ledger.findings() == []
