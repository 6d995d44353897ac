"""Keeping a filled home as a fixture: `python -m tests.db.homes.keep RELEASE` lives some weeks of a small region with every
kind of event in them, and writes its rows, its anchors and what its books say into `RELEASE.txt.xz`.

Run once when a release is made, by that release's own program; the file is never made anew.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from ledger.db.cluster import cluster_of
from ledger.db.identity import carried
from ledger.settings import Settings
from ledger.simulation.life.run import run
from ledger.simulation.town import Asked
from tests.db.homes.home import FOLDER, TABLES, facts

ASKED = Asked(420100, date(2026, 3, 1), date(2026, 4, 28), 3, 4, 5)


def keep(release: str) -> Path:
    """Live the weeks, write the file, say where it is."""
    home = Path(tempfile.mkdtemp(prefix="flk-", dir="/tmp"))
    home.chmod(0o755)
    settings = Settings(home=home)
    cluster = cluster_of(settings)
    try:
        run(settings, ASKED, lambda *_: None)
        with psycopg.connect(cluster.start()) as connection:
            text = written(connection, home, release)
    finally:
        cluster.stop()
    path = FOLDER / f"{release}.txt.xz"
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    return path


def written(connection: psycopg.Connection[Any], home: Path, release: str) -> str:
    """A head of one JSON line, then each table with its columns and its rows as COPY writes them."""
    periods = [row[0] for row in connection.execute("SELECT DISTINCT period FROM books.period ORDER BY 1")]
    head = {
        "release": release,
        "revision": carried().revision,
        "periods": periods,
        "sequences": {
            name: connection.execute(f"SELECT last_value FROM {name}".encode()).fetchone()[0]  # type: ignore[index]
            for (name,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind = 'S' AND n.nspname = ANY (%s)",
                [["access", "books", "fund", "payments", "jobs"]],
            ).fetchall()
        },
        "anchors": (home / "anchors" / "anchors.jsonl").read_text(encoding="utf-8"),
        "facts": facts(connection),
    }
    parts = [json.dumps(head, ensure_ascii=False)]
    for table, columns in connection.execute(TABLES).fetchall():
        with connection.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT".encode()) as copy:
            rows = b"".join(bytes(row) for row in copy).decode()
        if rows:
            parts.append(f"@{table}({columns})\n{rows}".rstrip("\n"))
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(f"{keep(sys.argv[1])}\n")
