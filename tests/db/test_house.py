"""What `verify` expects of a database is what the revisions make: house.tsv is current, and the traces' triggers are those listed."""

from __future__ import annotations

from typing import Any

import psycopg

from ledger.db.house import SHIPPED
from ledger.db.identity import PRESENT
from ledger.db.traced import TRACED, triggers
from tests.db.house import current, text_of


def test_what_is_expected_is_what_the_revisions_make(database: Any) -> None:
    assert current(), "python -m tests.db.house"
    assert SHIPPED.read_text(encoding="utf-8") == text_of(database.admin_url)


def test_the_traced_tables_are_those_with_the_triggers(database: Any) -> None:
    assert triggers() in (PRESENT / "traces.sql").read_text(encoding="utf-8")
    with psycopg.connect(database.admin_url) as admin:
        keys = dict(
            admin.execute(
                "SELECT i.indrelid::regclass::text, array_agg(a.attname::text ORDER BY k.n) FROM pg_index i"
                " CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (num, n)"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num WHERE i.indisprimary GROUP BY 1"
            ).fetchall()
        )
    for table, one in TRACED.items():
        assert set(keys[table]) == {*(["region"] if one.region else []), *one.keys}, table
