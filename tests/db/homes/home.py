"""A kept home brought back: the schema as its release left it, its rows, its anchors; and what its books must say for ever."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from ledger.db.identity import revisions, script_location
from ledger.db.roles import grant_database, prepare
from ledger.settings import Settings
from tests.conftest import own_settings
from tests.db.catalogue import run

FOLDER = Path(__file__).resolve().parent
TABLES = """
SELECT c.oid::regclass::text, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 GROUP BY c.oid ORDER BY 1
"""


def facts(connection: psycopg.Connection[Any]) -> dict[str, object]:
    """What an upgrade must not change: the ends of the chains, and every balance by account as its lines say."""
    heads = connection.execute(
        "SELECT region, fund, to_jsonb(h) - 'region' - 'fund' - 'recorded_at' FROM books.head h ORDER BY 1, 2"
    ).fetchall()
    sums = connection.execute(
        "SELECT region, fund, account, sum(CASE side WHEN 1 THEN amount_fen ELSE 0 END)::text,"
        " sum(CASE side WHEN 1 THEN 0 ELSE amount_fen END)::text, count(*) FROM books.leg GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).fetchall()
    return {"heads": [list(row) for row in heads], "trial_balance": [list(row) for row in sums]}


def kept() -> list[Path]:
    """Every home kept, oldest release first."""
    return sorted(FOLDER.glob("*.txt.xz"))


def read(path: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The head and (table with columns, rows) of a kept home."""
    text = lzma.decompress(path.read_bytes()).decode()
    first, _, rest = text.partition("\n")
    blocks = ("\n" + rest).split("\n@")[1:]
    return json.loads(first), [(b.partition("\n")[0], b.partition("\n")[2]) for b in blocks]


def fill(connection: psycopg.Connection[Any], path: Path) -> dict[str, Any]:
    """Fill an empty schema of the home's revision, in the caller's transaction, as a superuser; the head comes back."""
    head, tables = read(path)
    connection.execute("SET LOCAL session_replication_role = replica")
    for period in head["periods"]:
        connection.execute("SELECT books.make_partitions(%s)", [period])
    for target, rows in tables:
        table = target.partition("(")[0]
        connection.execute(
            f"DELETE FROM {table}".encode()
        )  # the rows a schema begins with are among those kept
        with connection.cursor().copy(f"COPY {target} FROM STDIN".encode()) as copy:
            copy.write(rows.rstrip("\n") + "\n")
    for name, value in head["sequences"].items():
        connection.execute("SELECT setval(%s::regclass, %s)", [name, value])
    return head


@contextmanager
def as_left(cluster: Any, name: str, path: Path) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A database `name` with a kept home as its release left it: its revision's schema, its rows, its anchors; dropped after."""
    url = cluster.admin_url(name)
    prepare(Settings(home=cluster.home, database_url=url))
    settings = own_settings(cluster, name, url)
    with psycopg.connect(url, autocommit=True) as admin:
        grant_database(admin)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA meta AUTHORIZATION fundledger_owner")
        connection.execute("SET LOCAL ROLE fundledger_owner")
        versions = script_location() / "versions"
        run(connection, [p.read_text(encoding="utf-8") for p in sorted((versions / "r0001").glob("*.sql"))])
        connection.execute("CREATE TABLE meta.alembic_version (version_num text PRIMARY KEY)")
        connection.execute("INSERT INTO meta.alembic_version VALUES ('0001')")
        connection.execute("RESET ROLE")
        head = fill(connection, path)
        assert head["revision"] == revisions()[0]
        assert facts(connection) == head["facts"]
    anchors = settings.home / "anchors" / "anchors.jsonl"
    anchors.parent.mkdir()
    anchors.write_text(head["anchors"], encoding="utf-8")
    yield settings, head
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
