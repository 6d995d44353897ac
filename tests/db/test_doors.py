"""Doors by post: what each post may write in each table past the program, tried out as the service's login."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from ledger.db.logins import OWNER, ROLES
from ledger.db.roles import POSTER

EXPECTED: Final = Path(__file__).with_name("doors.tsv")
REGION: Final = 420100
POSTS: Final = (
    "admin", "audit_admin", "intake", "maker", "checker", "cashier", "accountant", "chief", "reviewer", "system",
)  # fmt: skip
VALUES: Final = {
    "integer": "1", "bigint": "1", "smallint": "310", "text": "x", "bytea": r"\x00", "date": "2026-10-13", "boolean": "f",
    "jsonb": "{}", "timestamp with time zone": "2026-10-13", "timestamp without time zone": "2026-10-13", "character": "x",
    "uuid": "00000000-0000-0000-0000-000000000000",
}  # fmt: skip
"""A value of each type, for the one row of each table that is there to be changed. Arrays are empty."""


TRY: Final = """
CREATE FUNCTION public.tried(statements text[]) RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE one text; came bigint; found boolean[] := '{}';
BEGIN
    FOREACH one IN ARRAY statements LOOP
        BEGIN
            EXECUTE one;
            GET DIAGNOSTICS came = ROW_COUNT;
            RAISE EXCEPTION USING ERRCODE = 'UNDO0';
        EXCEPTION
            WHEN SQLSTATE 'UNDO0' THEN found := found || (came > 0);
            WHEN insufficient_privilege THEN found := found || false;
            WHEN integrity_constraint_violation THEN found := found || true;   -- the door was open: the row did not fit
        END;
    END LOOP;
    RETURN found;
END $$;
GRANT EXECUTE ON FUNCTION public.tried(text[]) TO PUBLIC;
"""
GRANTED: Final = """
SELECT c.oid::regclass::text, command, array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE command = 'DELETE'
           OR has_column_privilege(%(login)s, c.oid, a.attnum, CASE command WHEN 'DELETE' THEN 'SELECT' ELSE command END))
  FROM pg_class c CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE']) AS k (command)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace::regnamespace::text IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
   AND CASE command WHEN 'DELETE' THEN has_table_privilege(%(login)s, c.oid, 'DELETE')
                    ELSE has_any_column_privilege(%(login)s, c.oid, command) END
 GROUP BY 1, 2 ORDER BY 1, 2
"""
"""What a login is granted at all, whoever acts: (table, command, the columns)."""


@pytest.fixture(scope="module")
def doors(cluster: Any) -> Iterator[psycopg.Connection[Any]]:
    """One connection to a clone with a user a post and a made-up row where one may be changed; guards and checks off."""
    name = f"t_doors_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}"
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE fundledger STRATEGY FILE_COPY")
    with psycopg.connect(cluster.admin_url(name)) as connection:
        connection.execute("SET session_replication_role = replica")  # neither guards nor foreign keys
        for post in POSTS:
            connection.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", [f"u.{post}", post, post])
            connection.execute(
                "INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", [REGION, f"u.{post}", post]
            )
        connection.execute(TRY)
        changed = {table for table, command, _ in granted(connection) if command != "INSERT"}
        for table in sorted(changed):
            fill(connection, table)
        yield connection
        connection.rollback()
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def granted(
    connection: psycopg.Connection[Any], login: str = "fundledger_service"
) -> list[tuple[str, str, list[str]]]:
    return connection.execute(GRANTED, {"login": login}).fetchall()


def fill(connection: psycopg.Connection[Any], table: str) -> None:
    """One row of the region, whatever the table's own checks say."""
    checks = connection.execute(
        "SELECT string_agg(format('DROP CONSTRAINT %%I', conname), ', ') FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype = 'c'",
        [table],
    ).fetchone()
    if checks and checks[0]:
        connection.execute(f"ALTER TABLE {table} {checks[0]}".encode())
    there = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum",
        [table],
    ).fetchall()
    values = [
        str(REGION)
        if name == "region"
        else "310"
        if name == "fund"
        else "{}"
        if kind.endswith("[]")
        else VALUES[kind]
        for name, kind in there
    ]
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.SQL(table),
            sql.SQL(", ").join(sql.Identifier(name) for name, _ in there),
            sql.SQL(", ").join(map(sql.Literal, values)),
        )
    )


def trial(table: str, command: str, columns: list[str]) -> str:
    """A statement of that kind on the region's row: the least that meets row security."""
    if command == "DELETE":
        return f"DELETE FROM {table} WHERE region = {REGION}"
    if command == "UPDATE":
        return f"UPDATE {table} SET {columns[0]} = {columns[0]} WHERE region = {REGION}"
    values = {"region": REGION, "fund": 310}
    names = [name for name in columns if name in values]
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(str(values[name]) for name in names)})"
    )


def matrix(
    connection: psycopg.Connection[Any], login: str = "fundledger_service"
) -> dict[tuple[str, str], list[str]]:
    """(table, command) to the posts that have a door there, each tried under `login` in one round trip a post."""
    every = granted(connection, login)
    trials = [trial(*one) for one in every]
    found: dict[tuple[str, str], list[str]] = {}
    for post in POSTS:
        with connection.transaction(force_rollback=True):
            connection.execute(
                "SELECT set_config('app.actor', %s, true), set_config('app.region', %s, true)",
                [f"u.{post}", str(REGION)],
            )
            connection.execute(f"SET LOCAL ROLE {login}".encode())
            [came] = connection.execute("SELECT public.tried(%s)", [trials]).fetchone() or ([],)
            for (table, command, _), open_ in zip(every, came, strict=True):
                if open_:
                    found.setdefault((table, command), []).append(post)
    return found


def test_every_post_has_the_doors_that_are_written_down_and_no_other(doors: psycopg.Connection[Any]) -> None:
    expected = {
        (table, command): posts.split(",")
        for table, command, posts in (
            line.split("\t")
            for line in EXPECTED.read_text(encoding="utf-8").splitlines()
            if not line.startswith("#")
        )
    }
    assert matrix(doors) == expected


def test_columns_that_the_database_fills_are_in_no_grant(doors: psycopg.Connection[Any]) -> None:
    """Neither a number nor a time of its own can be chosen by who writes a row."""
    open_ones = doors.execute(
        "SELECT a.attrelid::regclass::text || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " WHERE c.relnamespace::regnamespace::text IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p')"
        " AND a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ 'clock_timestamp|now\\(')"
        " AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname = ANY (%s) AND (has_column_privilege(r.oid, a.attrelid, a.attnum, 'INSERT')"
        "      OR has_column_privilege(r.oid, a.attrelid, a.attnum, 'UPDATE')))",
        [list(ROLES.values())],
    ).fetchall()
    assert open_ones == [("access.alarm_notice.next_at",)]  # when to try again: an answer moves it


def test_the_logins_of_one_post_do_their_part_and_nothing_else(doors: psycopg.Connection[Any]) -> None:
    """Whoever acts: who looks writes nothing; who brings records in has those tables, the log and the keys of his requests."""
    assert granted(doors, "fundledger_read") == []
    assert {(table, command) for table, command, _ in granted(doors, "fundledger_intake")} == {
        ("access.idempotency", "INSERT"),
        ("access.operator_log", "INSERT"),
        ("fund.bill_layer", "INSERT"),
        ("fund.intake_load", "INSERT"),
        ("fund.intake_load", "UPDATE"),
        ("fund.payable", "INSERT"),
        ("fund.quarantine", "INSERT"),
        ("fund.record", "INSERT"),
    }
    found = matrix(doors, "fundledger_intake")
    assert found["fund.record", "INSERT"] == ["intake", "maker", "system"]
    assert calls(doors, "fundledger_read") == set()
    assert calls(doors, "fundledger_intake") == {"fund.intake_context"}


SHARED: Final = {
    "access.idempotency", "access.operator_log", "access.signature", "access.trace_anchored", "fund.anchored", "fund.party",
}  # fmt: skip
SHARED_CALLS: Final = {
    "books.stage", "books.prepare", "books.post", "books.open_period", "books.outer_day", "fund.lock_book", "fund.refresh_statistics",
    "payments.freeze_now", "access.demands_now", "access.latest_day", "access.require_signature",
    "jobs.require_lease",  # the last word of a job under way, by whichever login its act goes
    "payments.match_stated", "payments.take_line",  # a line of a statement a voucher names, or suspense takes up
}  # fmt: skip
ADMINISTERED: Final = {
    "access.alarm_notice", "access.alarm_seen", "access.app_user", "access.user_role", "fund.calendar_day", "fund.calendar_year",
    "fund.monitor_figure", "fund.monitor_tick", "fund.region", "fund.sealing_key", "jobs.asked", "jobs.job_run", "fund.add_sealing_key", "fund.decide_calendar", "fund.propose_calendar", "fund.decide_removal", "fund.propose_removal",
    "fund.decide_policies", "fund.propose_policy",
}  # fmt: skip
"""Users, keys, choices, calendars, regions, jobs, what jobs count: the service's alone."""


def calls(connection: psycopg.Connection[Any], login: str) -> set[str]:
    """The functions that change something and that the login may call."""
    found = connection.execute(
        "SELECT p.pronamespace::regnamespace::text || '.' || p.proname FROM pg_proc p WHERE p.provolatile = 'v'"
        " AND p.pronamespace::regnamespace::text IN ('access', 'books', 'fund', 'payments', 'jobs')"
        " AND p.prorettype <> 'trigger'::regtype AND has_function_privilege(%s, p.oid, 'EXECUTE')",
        [login],
    )
    return {name for (name,) in found}


def test_books_and_payments_share_nothing_but_what_both_need(doors: psycopg.Connection[Any]) -> None:
    """Each door of the service is one login's or on a list; column for column the service's, and no login has one it has not."""
    parts = {
        login: {
            (table, command): columns for table, command, columns in granted(doors, f"fundledger_{login}")
        }
        for login in ("service", "intake", "books", "payments")
    }
    for login in ("intake", "books", "payments"):
        wider = {
            door: more
            for door, columns in parts[login].items()
            if (more := set(columns) - set(parts["service"].get(door, [])))
        }
        assert wider == {}, login
    books, payments, intake = ({table for table, _ in parts[one]} for one in ("books", "payments", "intake"))
    assert books & payments == SHARED
    assert not (books & intake) - SHARED
    assert (payments & intake) - SHARED == {"fund.payable"}  # comes in by one, is marked as paid by the other
    assert ("fund.payable", "INSERT") not in parts["payments"]
    assert {table for table, _ in parts["service"]} - books - payments - intake == {
        name for name in ADMINISTERED if name in {table for table, _ in parts["service"]}
    }
    assert {table for table in books - SHARED if not table.startswith(("fund.cutover_", "payments.statement_"))} == {
        "fund.control_draft", "fund.control_report", "fund.control_sum", "fund.control_way", "payments.bank_statement", "payments.match_leg", "payments.match_line",
        "payments.reconciliation", "payments.reconciliation_item",
    }  # fmt: skip


def test_books_and_payments_call_their_own_functions(doors: psycopg.Connection[Any]) -> None:
    service, books, payments = (
        calls(doors, f"fundledger_{login}") for login in ("service", "books", "payments")
    )
    assert books & payments == SHARED_CALLS
    assert {name for name in payments if name.startswith("books.")} <= SHARED_CALLS
    assert {name for name in books - SHARED_CALLS if not name.startswith("books.")} == {
        "fund.begin_cutover", "fund.propose_cutover", "fund.decide_cutover", "fund.open_banks", "payments.next_match",
        "payments.undo_match", "payments.withdraw_statements",
    }  # fmt: skip
    left = service - books - payments - {"fund.intake_context"}
    assert {name for name in left if not name.startswith("access.")} <= ADMINISTERED
    assert {name for name in books | payments if name.startswith("access.")} == {
        name for name in SHARED_CALLS if name.startswith("access.")
    }


def test_one_test_tells_the_logins_of_the_program(doors: psycopg.Connection[Any]) -> None:
    """Guards ask `access.working_login()`: true for every login of the program, false for who acts for it inside a function."""
    for role, works in {**dict.fromkeys(ROLES.values(), True), OWNER: False, POSTER: False}.items():
        with doors.transaction(force_rollback=True):
            doors.execute(f"SET LOCAL ROLE {role}".encode())
            assert doors.execute("SELECT access.working_login()").fetchone() == (works,), role


@pytest.mark.parametrize(
    ("login", "least"), [("intake", 7), ("books", 16), ("payments", 16), ("read", 0), ("auditor", 0)]
)
def test_a_post_has_no_door_more_by_another_login(
    doors: psycopg.Connection[Any], login: str, least: int
) -> None:
    """Row security holds for each login as for the service: whoever acts has there at most what he has under the service."""
    whole = matrix(doors)
    found = matrix(doors, f"fundledger_{login}")
    assert found == {door: whole[door] for door in found}
    assert len(found) >= least
    assert least or found == {}  # who looks has none


LOOKED_AT: Final = """
SELECT r.rolname, c.oid::regclass::text, a.attname
  FROM pg_roles r CROSS JOIN pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.rolname = ANY (%(logins)s) AND c.relnamespace::regnamespace::text IN ('access', 'books', 'fund', 'payments', 'jobs')
   AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
"""


def test_no_login_by_post_looks_at_more_than_the_service(doors: psycopg.Connection[Any]) -> None:
    """Of passwords the one that shows the pages sees whose is there and whether it is locked, never what it is made of."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for login, table, column in doors.execute(LOOKED_AT, {"logins": list(ROLES.values())}):
        seen.setdefault(login, set()).add((table, column))
    for login in ("intake", "books", "payments", "read"):
        assert seen[f"fundledger_{login}"] - seen["fundledger_service"] == set(), login
    secret = {"access.password", "access.link", "access.session"}
    assert {one for one in seen["fundledger_read"] if one[0] in secret} == {
        ("access.password", "user_name"), ("access.password", "locked_until"),
    }  # fmt: skip
    for login in ("intake", "books", "payments"):
        assert not {table for table, _ in seen[f"fundledger_{login}"]} & secret, login
