"""The repeatable step: after every revision the database's functions, views, guards, rights and row security are made what
`sql/` says they are, and nothing else of their kinds stays.

A function, view or trigger is replaced where the digest of its text differs from the one it was made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import psycopg

from ledger.db.identity import present_files
from ledger.db.statements import Statement, statements

SCHEMAS: Final = ("access", "books", "fund", "payments", "jobs")
_MADE: Final = """
CREATE TABLE IF NOT EXISTS meta.made_of (object text PRIMARY KEY, digest bytea NOT NULL)
"""
# Tables of a period (partitions) are made at run time with guards of their own: their parents' rights are theirs.
_CLEAN: Final = """
SET LOCAL check_function_bodies = off;
GRANT CREATE ON SCHEMA books, payments TO fundledger_poster;
DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, fundledger_service, fundledger_auditor, fundledger_poster, fundledger_intake, fundledger_books, fundledger_payments, fundledger_read', t);
    END LOOP;
    FOR t IN SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs')
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, fundledger_service, fundledger_auditor, fundledger_intake, fundledger_books, fundledger_payments, fundledger_read', t);
    END LOOP;
    FOR t IN SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs')
                AND p.proowner <> 'fundledger_poster'::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM fundledger_poster', t);
    END LOOP;
END $$;
"""
_TRIGGERS: Final = """
SELECT t.tgname || ' ON ' || c.oid::regclass::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%s) AND NOT t.tgisinternal AND NOT c.relispartition
"""
_FUNCTIONS: Final = """
SELECT n.nspname || '.' || p.proname, p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = ANY (%s)
"""
_WRITTEN: Final = """
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = %s AND p.proname = %s ORDER BY age(p.xmin), p.cmin::text::bigint DESC
"""
_ORDER: Final = ("function", "view", "trigger")


@dataclass(slots=True)
class SchemaStep:
    """What the step replaces and takes away: objects by name."""

    replaced: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def present() -> list[Statement]:
    """Every statement of `sql/`, in the order of the files."""
    return [
        statement for path in present_files() for statement in statements(path.read_text(encoding="utf-8"))
    ]


def digest_of(statement: Statement) -> bytes:
    """What an object is made of."""
    return sha256(statement.text.encode()).digest()


def plan(connection: psycopg.Connection[Any], wanted: Iterable[Statement]) -> SchemaStep:
    """What `apply` would do to this database now."""
    wanted = list(wanted)
    made = _made_of(connection)
    changed = [s.name for s in wanted if s.name and made.get(f"{s.kind} {s.name}") != digest_of(s)]
    return SchemaStep(
        changed, [*_overloaded(connection, wanted), *(name for name, _ in _strays(connection, wanted))]
    )


def apply(connection: psycopg.Connection[Any]) -> SchemaStep:
    """Make functions, views, triggers, rights and policies those of `sql/`, in the caller's transaction, as the owner."""
    wanted = present()
    connection.execute(_MADE)
    made = _made_of(connection)
    step = SchemaStep()
    connection.execute("SET LOCAL check_function_bodies = off")
    for statement in sorted((s for s in wanted if s.name), key=lambda s: _ORDER.index(s.kind)):
        if made.get(f"{statement.kind} {statement.name}") == digest_of(statement):
            continue
        if statement.text.lstrip().startswith("CREATE CONSTRAINT") or "\nCREATE CONSTRAINT" in statement.text:
            name, _, table = statement.name.partition(" ON ")  # these cannot be replaced
            connection.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}".encode())
        connection.execute(statement.text.encode())
        step.replaced.append(statement.name)
    for name in _overloaded(connection, wanted):
        _keep_one(connection, next(s for s in wanted if (s.kind, s.name) == ("function", name)))
        step.removed.append(name)
    for name, drop in _strays(connection, wanted):
        connection.execute(drop.encode())
        step.removed.append(name)
    _secure(connection, wanted)
    _note(connection, wanted)
    return step


def _secure(connection: psycopg.Connection[Any], wanted: list[Statement]) -> None:
    """Rights and row security, made anew exactly."""
    secure = present_files()[-1].read_text(encoding="utf-8")
    own = {statement.text for statement in statements(secure)}
    rights = [s.text for s in wanted if s.kind == "grant" and s.text not in own]
    connection.execute(_CLEAN.encode())
    connection.execute("\n".join(rights).encode())
    connection.execute("REVOKE CREATE ON SCHEMA books, payments FROM fundledger_poster")
    connection.execute(secure.encode())


def _strays(connection: psycopg.Connection[Any], wanted: list[Statement]) -> list[tuple[str, str]]:
    """Triggers and functions of ours that `sql/` does not have, each with the statement that takes it away."""
    names = {(s.kind, s.name) for s in wanted}
    triggers = [row[0] for row in connection.execute(_TRIGGERS, [list(SCHEMAS)])]
    functions = connection.execute(_FUNCTIONS, [list(SCHEMAS)]).fetchall()
    found = [(t, f"DROP TRIGGER {t}") for t in triggers if ("trigger", t) not in names]
    found += [(f, f"DROP FUNCTION {whole}") for f, whole in functions if ("function", f) not in names]
    return found


def _overloaded(connection: psycopg.Connection[Any], wanted: list[Statement]) -> list[str]:
    """Functions of ours with arguments of an earlier release beside today's: a call with fewer arguments could mean either."""
    names = {s.name for s in wanted if s.kind == "function"}
    there = Counter(name for name, _ in connection.execute(_FUNCTIONS, [list(SCHEMAS)]))
    return sorted(name for name, count in there.items() if count > 1 and name in names)


def _keep_one(connection: psycopg.Connection[Any], function: Statement) -> None:
    """Of several of one name only the one that `sql/` has: made once more, it is the last that was written."""
    connection.execute(function.text.encode())
    _, *others = connection.execute(_WRITTEN, function.name.split(".")).fetchall()
    for (whole,) in others:
        connection.execute(f"DROP FUNCTION {whole}".encode())


def _made_of(connection: psycopg.Connection[Any]) -> Mapping[str, bytes]:
    if connection.execute("SELECT to_regclass('meta.made_of')").fetchone() == (None,):
        return {}
    return dict(connection.execute("SELECT object, digest FROM meta.made_of").fetchall())


def _note(connection: psycopg.Connection[Any], wanted: list[Statement]) -> None:
    named = [s for s in wanted if s.name]
    connection.execute("DELETE FROM meta.made_of")
    connection.execute(
        "INSERT INTO meta.made_of SELECT * FROM unnest(%s::text[], %s::bytea[])",
        [[f"{s.kind} {s.name}" for s in named], [digest_of(s) for s in named]],
    )
