"""What lies sealed, as a test looks at it: opened wherever it lies, and by which key."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from ledger.db.safekeeping.fields import MAGIC, fields_of
from ledger.db.safekeeping.places import KEYS, Place, place
from ledger.db.safekeeping.seal_up import key_of_place


def places(connection: Any, column: str) -> list[tuple[str, Place, bytes]]:
    """(ctid, place, content) of every row of a sealed column that holds something."""
    table, _, name = column.rpartition(".")
    query = sql.SQL("SELECT ctid::text, {}, {column} FROM {} WHERE {column} <> '' ORDER BY ctid").format(
        key_of_place(table, name), sql.Identifier(*table.split(".")), column=sql.Identifier(name)
    )
    return [(at, place(column, *key), bytes(content)) for at, key, content in connection.execute(query)]


def opened(connection: Any, content: bytes) -> bytes:
    """Bytes as they came, of what one of the sealed columns has."""
    assert content.startswith(MAGIC)
    for column in KEYS:
        table = column.rpartition(".")[0]
        [(may,)] = connection.execute("SELECT has_table_privilege(%s, 'SELECT')", [table]).fetchall()
        for _, where, there in places(connection, column) if may else ():
            if there == content:
                return fields_of(connection).open_bytes(content, where)
    raise AssertionError("no row holds it")
