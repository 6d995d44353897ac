"""Doors by post: what each post may write in each table past the program, tried out as the service's login."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

EXPECTED: Final = Path(__file__).with_name("doors.tsv")
REGION: Final = 420100
POSTS: Final = (
    "admin", "audit_admin", "intake", "maker", "checker", "cashier", "accountant", "chief", "reviewer", "system",
)  # fmt: skip
VALUES: Final = {
    "integer": "1", "bigint": "1", "smallint": "310", "text": "x", "bytea": r"\x00", "date": "2026-10-13", "boolean": "f",
    "jsonb": "{}", "timestamp with time zone": "2026-10-13", "timestamp without time zone": "2026-10-13", "character": "x",
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
    name = "t_doors"
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
        " AND (has_column_privilege('fundledger_service', a.attrelid, a.attnum, 'INSERT')"
        "      OR has_column_privilege('fundledger_service', a.attrelid, a.attnum, 'UPDATE'))"
    ).fetchall()
    assert open_ones == []


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
    writing = doors.execute(
        "SELECT r, p.oid::regprocedure::text FROM pg_proc p CROSS JOIN unnest(ARRAY['fundledger_read', 'fundledger_intake']) AS r"
        " WHERE p.pronamespace::regnamespace::text IN ('access', 'books', 'fund', 'payments', 'jobs') AND p.provolatile = 'v'"
        " AND has_function_privilege(r, p.oid, 'EXECUTE')"
    ).fetchall()
    assert [(login, name.partition("(")[0]) for login, name in writing] == [
        ("fundledger_intake", "fund.intake_context")
    ]
