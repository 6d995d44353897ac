"""A schema as the catalogue tells it, whole: what two databases must agree on to be the same.

The order of a table's columns is left out: a column that a revision adds comes last, the readable present has it where
it belongs, and no statement of ours depends on the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from ledger.db.identity import present_files
from ledger.db.present import SCHEMAS, apply
from ledger.db.statements import statements

_ACL = "coalesce((SELECT string_agg(x, ' ' ORDER BY x) FROM (SELECT split_part(unnest({acl})::text, '/', 1)) AS a (x)), '{default}')"
_NS = "n.nspname = ANY (%(schemas)s)"
_QUESTIONS = {
    "schemas": f"SELECT nspname, {_ACL.format(acl='nspacl', default='')} FROM pg_namespace n WHERE {_NS}",
    "tables": f"""SELECT c.oid::regclass::text, c.relkind, c.relrowsecurity, pg_get_userbyid(c.relowner), pg_get_partkeydef(c.oid),
        c.reloptions::text, {_ACL.format(acl="c.relacl", default="")}
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_NS} AND c.relkind IN ('r', 'p', 'v', 'S', 'c')""",
    "columns": f"""SELECT c.oid::regclass::text, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
        a.attgenerated, a.attstorage, pg_get_expr(d.adbin, d.adrelid), {_ACL.format(acl="a.attacl", default="")}
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE {_NS} AND c.relkind IN ('r', 'p', 'v', 'c') AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraints": f"""SELECT k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid)
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE {_NS} AND k.contype <> 'n'""",
    "indexes": f"SELECT indexdef FROM pg_indexes, pg_namespace n WHERE n.nspname = schemaname AND {_NS}",
    "functions": f"""SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), {_ACL.format(acl="p.proacl", default="")}
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_NS}""",
    "views": f"SELECT c.oid::regclass::text, pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_NS} AND c.relkind = 'v'",
    "triggers": f"""SELECT pg_get_triggerdef(t.oid), t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_NS} AND NOT t.tgisinternal""",
    "policies": f"""SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check
        FROM pg_policies, pg_namespace n WHERE n.nspname = schemaname AND {_NS}""",
    "comments": f"SELECT c.oid::regclass::text, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_NS}",
}


def whole(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """Everything there is, by kind, each thing as one line; and every row that a schema begins with."""
    found = {
        kind: sorted(map(repr, connection.execute(question, {"schemas": list(SCHEMAS)})))
        for kind, question in _QUESTIONS.items()
    }
    tables = connection.execute(
        f"SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_NS} AND c.relkind = 'r'",
        {"schemas": list(SCHEMAS)},
    ).fetchall()
    for (table,) in tables:
        if table in ("access.trace", "access.trace_head", "fund.sealing_key"):
            continue  # when each table's traces began here: no two homes have the same
        rows = connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t".encode()).fetchall()
        found[f"rows of {table}"] = sorted(row[0] for row in rows)
    return found


def differences(one: dict[str, list[str]], other: dict[str, list[str]]) -> list[str]:
    """What only one of two has."""
    found = []
    for kind in sorted(one.keys() | other.keys()):
        mine, theirs = set(one.get(kind, [])), set(other.get(kind, []))
        found += [f"- {kind}: {line}" for line in sorted(mine - theirs)]
        found += [f"+ {kind}: {line}" for line in sorted(theirs - mine)]
    return found


def build_present(connection: psycopg.Connection[Any]) -> None:
    """The schema from its readable files alone, in the caller's transaction, as the owner.

    A statement that refers to what another file makes waits until it is there.
    """
    connection.execute("SET LOCAL check_function_bodies = off")
    waiting = [
        s.text
        for path in present_files()
        if path.stem != "secure"
        for s in statements(path.read_text(encoding="utf-8"))
        if s.kind in ("once", "function")
    ]
    while waiting:
        left = [text for text in waiting if not _done(connection, text)]
        if len(left) == len(waiting):
            connection.execute(left[0].encode())  # nothing moves: its error says why
        waiting = left
    apply(connection)


def _done(connection: psycopg.Connection[Any], statement: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.errors.Error:
        return False
    return True


def run(connection: psycopg.Connection[Any], scripts: Sequence[str]) -> None:
    """Scripts one after the other, as they stand."""
    for script in scripts:
        connection.execute(script.encode())
