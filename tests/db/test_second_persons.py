"""Every place where a second person answers is signed, or stands in the list with the reason why not; a new one fails here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg

HERE = Path(__file__).parent
LEDGER = HERE.parents[1] / "ledger"
_PERSONS = r"access\.person\(|require_second\("
_FUNCTIONS = """
    SELECT DISTINCT n.nspname || '.' || p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname IN ('access', 'fund', 'books', 'payments', 'jobs')
"""
_CHECKED = """
    SELECT c.conrelid::regclass::text FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
     WHERE c.contype = 'c' AND c.conparentid = 0 AND pg_get_constraintdef(c.oid) ~ '[a-z]+_by <> [a-z]+_by'
       AND n.nspname IN ('access', 'fund', 'books', 'payments', 'jobs')
"""
BY_FUNCTION = {
    "access.person_key": "key.confirm",
    "access.proposal": "role.confirm",
    "access.signing_demand": "signing.demand",
    "books.closing": "period.confirm",
    "fund.payee_account": "institution.confirm",
    "fund.policy_proposal": "policy.confirm",
    "books.voucher_template": "template.confirm",
    "fund.removal": "retention.confirm",
    "fund.sheet": "month.approve",
    "fund.terms": "institution.confirm",
    "payments.approval": "payments.approve",
}
"""Tables whose decision a function signs, not their own trigger."""
UNSIGNED = {"fund.difference"}


def listed() -> dict[str, list[str]]:
    rows = [line.split("\t") for line in (HERE / "second_persons.tsv").read_text("utf-8").splitlines()[1:]]
    assert all(len(row) == 3 and row[2] for row in rows)
    return {name: [] if acts == "-" else acts.split() for name, acts, _ in rows}


def test_who_answers_second_signs(database: Any) -> None:
    with psycopg.connect(database.admin_url) as admin:
        functions = admin.execute(_FUNCTIONS).fetchall()
        checked = {table for (table,) in admin.execute(_CHECKED).fetchall()}
        decided = dict(admin.execute("SELECT noun, arguments FROM access.decided_tables()").fetchall())
        columns: dict[str, set[str]] = {}
        for table, column in admin.execute(
            "SELECT table_schema || '.' || table_name, column_name::text FROM information_schema.columns"
        ).fetchall():
            columns.setdefault(table, set()).add(column)
    asking = {name for name, source in functions if re.search(_PERSONS, source)}
    assert asking == set(listed()), (
        "a function compares persons: sign it, or say in second_persons.tsv why not"
    )
    by_function = {
        act
        for _, source in functions
        for act in re.findall(r"(?:require_signature|has_signed)\([^']*'([a-z_.]+)'", source)
    }
    signed = by_function | {arguments[0] for arguments in decided.values()}
    assert {act for acts in listed().values() for act in acts} <= signed
    assert signed <= {act for acts in listed().values() for act in acts}
    assert checked == (set(BY_FUNCTION) | UNSIGNED | set(decided)) & checked
    assert set(BY_FUNCTION.values()) <= by_function
    for table, (_, keys, by, on, shown, _) in decided.items():
        named = {*keys.split(","), by, on, *(shown.lstrip("*").split(",") if shown else ["digest"])}
        assert named <= columns[table], table


def test_each_decision_is_offered_to_its_person_to_sign(database: Any) -> None:
    with psycopg.connect(database.admin_url) as admin:
        decided = dict(admin.execute("SELECT noun, arguments FROM access.decided_tables()").fetchall())
    source = "\n".join(path.read_text("utf-8") for path in LEDGER.rglob("*.py"))
    requests = {
        f"fund.{name}" for name in re.findall(r'^    "(\w+)": "UPDATE fund\.\1 SET state', source, re.M)
    }
    assert 'sign_decision(tx, f"fund.{table}", [key], day)' in source
    assert len(requests) == 6
    for table, arguments in decided.items():
        own = f'sign_decision(tx, "{table}"' in source or f'signed(tx, "{arguments[0]}"' in source
        assert own or table in requests or f"SELECT '{table}'" in source, table
