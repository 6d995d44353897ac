"""The tamper drill: what a dishonest database administrator could do, so that a reviewer can see `verify` find it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from ledger.core.errors import Forbidden, NotFound
from ledger.db.engine import admin_url
from ledger.db.urls import libpq_url
from ledger.settings import Settings


@dataclass(frozen=True, slots=True)
class Tampered:
    """Which line was changed, from what to what, in fen."""

    book: str
    period: int
    seq: int
    line: int
    before_fen: int
    after_fen: int


def tamper(settings: Settings) -> Tampered:
    """Add one fen to one posted line, as superuser, past the triggers. The embedded database only.

    Raises Forbidden `drill.external` where DATABASE_URL points elsewhere, NotFound `drill.nothing_posted`.
    """
    if settings.database_url is not None:
        raise Forbidden("drill.external", "篡改演练只在内嵌数据库的演示目录中进行")
    with psycopg.connect(libpq_url(admin_url(settings))) as admin:
        admin.execute("SET session_replication_role = replica")
        row = admin.execute(
            """WITH chosen AS (SELECT region, fund, period, seq FROM books.entry ORDER BY region, fund, seq DESC LIMIT 1)
               UPDATE books.entry e SET amounts[1] = e.amounts[1] + 1 FROM chosen c
                WHERE (e.region, e.fund, e.period, e.seq) = (c.region, c.fund, c.period, c.seq)
               RETURNING e.region, e.fund, e.period, e.seq, 1, e.amounts[1] - 1, e.amounts[1]"""
        ).fetchone()
    if row is None:
        raise NotFound("drill.nothing_posted", "账套中还没有凭证，无从演练")
    region, fund, period, seq, line, before, after = row
    return Tampered(f"{region}-{fund}", period, seq, line, before, after)
