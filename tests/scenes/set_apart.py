"""Closing entries and closed months where a test looks at what they do to reports, not at who may make them (tests/closing)."""

from __future__ import annotations

import psycopg
from psycopg import sql


def let_closing_entries_in(admin_url: str) -> None:
    """Who may make an opening or a closing entry, and when, is not asked in this database any more."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        for guard in ("books.check_closing_posts", "fund.check_opening"):
            row = admin.execute("SELECT pg_get_function_arguments(%s::regproc)::text", [guard]).fetchone()
            assert row is not None
            admin.execute(
                sql.SQL(
                    "CREATE OR REPLACE FUNCTION {}({}) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'"
                ).format(sql.SQL(guard), sql.SQL(row[0]))
            )


def close_month(admin_url: str, region: int, fund: int, period: int) -> None:
    """The month stands closed, as if it had gone its way."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.period SET state = 'closed' WHERE region = %s AND fund = %s AND period = %s",
            (region, fund, period),
        )
