"""What the catalogue of a database says it is: the proof that a home without an identity is one of release 0.2."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import psycopg

FROZEN: Final = "0a193210e80f2457b7e26ca2d6aae6f875df380c837f0f5c9c33860b42058a22"
"""Of the schema that `alembic/versions/r0001` makes, on every PostgreSQL supported."""

# Columns with their types, the text of every function, every guard, key, check and index, the table of states; nothing a server writes in its own way (defaults,
# checks), no partition, which are made month by month.
_CATALOGUE: Final = """
SELECT 'c', n.nspname || '.' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || a.attnotnull
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'f', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', md5(p.prosrc)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%(schemas)s)
UNION ALL
SELECT 't', n.nspname || '.' || c.relname || '.' || t.tgname, p.proname || t.tgtype
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE n.nspname = ANY (%(schemas)s) AND NOT t.tgisinternal AND NOT c.relispartition
UNION ALL
SELECT 'k', k.conrelid::regclass::text || '.' || k.conname, k.contype::text FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
  JOIN pg_class c ON c.oid = k.conrelid WHERE n.nspname = ANY (%(schemas)s) AND k.contype IN ('p', 'u', 'f', 'c') AND NOT c.relispartition
UNION ALL
SELECT 'i', n.nspname || '.' || c.relname, i.indkey::text || i.indisunique FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%(schemas)s) AND NOT c.relispartition
UNION ALL
SELECT 'r', 'payments.transition', md5(string_agg(concat_ws('|', from_state, event, to_state, posts), ',' ORDER BY from_state COLLATE "C", event COLLATE "C"))
  FROM payments.transition
 ORDER BY 1, 2
"""


def fingerprint(connection: psycopg.Connection[Any]) -> str:
    """SHA-256 over the catalogue of our schemas, in hex."""
    rows = connection.execute(
        _CATALOGUE, {"schemas": ["access", "books", "fund", "payments", "jobs"]}
    ).fetchall()
    return sha256("\n".join("|".join(row) for row in sorted(rows)).encode()).hexdigest()
