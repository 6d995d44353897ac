"""An administrator's sweep: one row taken away of every table there is, one value changed in every column, triggers off.

Each change is made in the administrator's own transaction, looked at as the auditor, and undone: a home is swept without a copy a
change. The checks that read the table are asked first (the server counts what each reads of the undisturbed home), the one that
found the last change before all; the first finding is enough. What none of them sees, the whole `verify` was asked about.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from ledger.books.anchors import Anchor
from ledger.control.breach import Breach
from ledger.control.checks.house.orphans import check_orphans, check_reference, references
from ledger.control.checks.house.shipped import check_house
from ledger.control.checks.house.traces import check_trace_chains, check_traced, check_traces
from ledger.control.snapshot import _SESSION, STREAMS, Snapshot
from ledger.control.verify import CHECKS, Check
from ledger.db.house import REFERENCE, SCHEMAS
from ledger.db.traced import TRACED

_TABLES: Final = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
_COLUMNS: Final = """
    SELECT a.attname, a.atttypid::regtype::text FROM pg_attribute a
     WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
"""
_SCANS: Final = """
    SELECT n.nspname || '.' || c.relname, sum(s.seq_scan + coalesce(s.idx_scan, 0))::bigint FROM pg_stat_xact_all_tables s
      LEFT JOIN pg_inherits i ON i.inhrelid = s.relid
      JOIN pg_class c ON c.oid = coalesce(i.inhparent, s.relid) JOIN pg_namespace n ON n.oid = c.relnamespace
     GROUP BY 1
"""
"""How often each table was scanned in this transaction; of a partitioned one, its partitions."""
_OTHER: Final[dict[str, tuple[str, ...]]] = {
    "text": ("{c} || 'x'", "{c} || '1'", "''"),
    "boolean": ("NOT {c}",),
    "date": ("{c} + 1", "{c} - 1", "DATE '2026-03-05'"),
    "timestamp with time zone": ("{c} + interval '1 hour'", "{c} - interval '1 hour'", "TIMESTAMPTZ '2026-03-05'"),
    "timestamp without time zone": ("{c} + interval '1 hour'", "{c} - interval '1 hour'", "TIMESTAMP '2026-03-05'"),
    "bytea": ("sha256({c})", "{c} || 'x'"),
    "jsonb": ("'{{\"x\": 1}}'", "'[{{\"x\": 1}}]'"),
    "text[]": ("{c} || 'x'::text",),
    "smallint": ("{c} + 1", "{c} - 1", "1", "0"),
    "integer": ("{c} + 1", "{c} - 1", "1", "0"),
    "bigint": ("{c} + 1", "{c} - 1", "1", "0"),
    "integer[]": ("({c})[1:cardinality({c}) - 1] || (({c})[cardinality({c})] + 1)",),
    "bigint[]": ("({c})[1:cardinality({c}) - 1] || (({c})[cardinality({c})] + 1)",),
    "smallint[]": ("({c})[1:cardinality({c}) - 1] || (({c})[cardinality({c})] + 1)::smallint",),
    "bytea[]": ("{c} || sha256('x')",),
}  # fmt: skip
"""What a column's value becomes, by its type: the first that the schema's CHECKs take."""


class Whole(Snapshot):
    """A snapshot of the administrator's own transaction: what is not committed is seen by no second connection."""

    def copy(self, stream: int, query: Any, **params: int) -> Iterator[bytes]:
        """As `Snapshot.copy`, all at once."""
        body = sql.SQL(query).format(**{name: sql.Literal(value) for name, value in params.items()})
        with (
            self.connection.cursor() as cursor,
            cursor.copy(sql.SQL("COPY ({}) TO STDOUT (DELIMITER '|')").format(body)) as lines,
        ):
            whole = [bytes(line) for line in lines]
        yield from whole


class Reading(NamedTuple):
    """What one check reads of the undisturbed home, and how long it takes."""

    check: Check
    tables: frozenset[str]
    seconds: float


@dataclass
class Home:
    """A home that is swept: the administrator's connection, and what lies outside the database."""

    admin: psycopg.Connection[Any]
    path: Path
    anchors: list[Anchor]
    readings: list[Reading] = field(default_factory=list)
    """Every check but those asked a table at a time; made by the first question."""
    found_by: dict[str, Check] = field(default_factory=dict)
    """By table, the check that found the last change there."""


def tables(admin: psycopg.Connection[Any], schema: str = "") -> list[str]:
    """Every table of a schema, or of all that the house is made of; a partitioned one once."""
    schemas = [schema] if schema else list(SCHEMAS)
    return [name for (name,) in admin.execute(_TABLES, {"schemas": schemas}).fetchall()]


def columns(admin: psycopg.Connection[Any], table: str) -> list[tuple[str, str]]:
    """The columns that hold something of their own, with their types."""
    return [(name, kind) for name, kind in admin.execute(_COLUMNS, [table]).fetchall()]


@contextmanager
def undone(admin: psycopg.Connection[Any]) -> Iterator[None]:
    """As an administrator whose triggers are off, for as long as it takes."""
    with admin.transaction(force_rollback=True):
        admin.execute("SET LOCAL session_replication_role = replica")
        yield


def row_of(admin: psycopg.Connection[Any], table: str) -> tuple[Any, ...] | None:
    """Where one row of a table is: always the same of the same home."""
    return admin.execute(
        sql.SQL("SELECT tableoid, ctid FROM {} AS r ORDER BY md5(r::text) LIMIT 1").format(_named(table))
    ).fetchone()


def take_away(admin: psycopg.Connection[Any], table: str, row: tuple[Any, ...]) -> None:
    """One row deleted."""
    gone = admin.execute(
        sql.SQL("DELETE FROM {} WHERE tableoid = %s AND ctid = %s").format(_named(table)), row
    )
    assert gone.rowcount == 1


def change(admin: psycopg.Connection[Any], table: str, row: tuple[Any, ...], column: str, kind: str) -> bool:
    """One value of that row made another; False where the schema's own CHECKs and keys take none of those tried."""
    name = sql.Identifier(column)
    others = sql.SQL("(SELECT o.{c} FROM {t} o WHERE o.{c} <> r.{c} ORDER BY o.{c} LIMIT 1)").format(
        c=name, t=_named(table)
    )
    tried = [
        sql.SQL(text).format(c=sql.SQL("coalesce(r.{}, {})").format(name, _empty(kind)))
        for text in _OTHER.get(kind, _OTHER["text"])
    ]
    for value in (*tried, others):
        try:
            with admin.transaction():
                done = admin.execute(
                    sql.SQL(
                        "UPDATE {t} AS r SET {c} = {v} WHERE r.tableoid = %s AND r.ctid = %s AND ({v}) IS DISTINCT FROM r.{c}"
                    ).format(t=_named(table), c=name, v=value),
                    row,
                )
                if done.rowcount == 1:
                    return True
        except (psycopg.errors.IntegrityError, psycopg.errors.DataError, psycopg.errors.GeneratedAlways):
            continue
    return False


def seen(home: Home, table: str) -> Breach | None:
    """The first thing that `verify` finds in the administrator's transaction, None where it finds nothing."""
    return next(found(home, table), None)


def found(home: Home, table: str) -> Iterator[Breach]:
    """What `verify` finds, the checks that look at the table first; objects and rights only where reference rows changed."""
    snapshot = looking(home)
    if table in REFERENCE or table.startswith("meta."):
        yield from check_house(snapshot, "row")
    if table in TRACED:
        yield from check_traced(snapshot, table)
    if table.startswith("access.trace"):
        yield from check_trace_chains(snapshot)
    for check in _in_turn(home, table):
        for breach in check(snapshot):
            home.found_by[table] = check
            yield breach
    for one in references(snapshot):
        if table in (one.child, one.parent):
            yield from check_reference(snapshot, one)
    for one in home.readings:
        if table not in one.tables:
            yield from one.check(snapshot)
    yield from check_traces(snapshot)


def read_of(home: Home) -> list[Reading]:
    """What each check reads of a home that nobody has disturbed, by the server's own count of scans."""
    snapshot, readings = looking(home), []
    home.admin.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    before = dict(home.admin.execute(_SCANS).fetchall())
    for _, check in CHECKS:
        if check in (check_house, check_traces, check_orphans):
            continue
        started = time.monotonic()
        assert list(check(snapshot)) == []
        seconds, after = time.monotonic() - started, dict(home.admin.execute(_SCANS).fetchall())
        readings.append(
            Reading(check, frozenset(name for name in after if after[name] != before.get(name, 0)), seconds)
        )
        before = after
    return readings


def _in_turn(home: Home, table: str) -> list[Check]:
    """The checks that read the table: the one that found the last change there, then the quick ones before the slow."""
    last = home.found_by.get(table)
    reading = sorted((one for one in home.readings if table in one.tables), key=lambda one: one.seconds)
    return sorted((one.check for one in reading), key=lambda check: check is not last)


def looking(home: Home) -> Whole:
    """What the auditor sees in the administrator's transaction, guards on again."""
    home.admin.execute("SET LOCAL session_replication_role = origin; SET LOCAL ROLE fundledger_auditor")
    home.admin.execute(_SESSION)
    return Whole(home.admin, (home.admin,) * STREAMS, home.path, home.anchors)


def _named(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _empty(kind: str) -> sql.SQL:
    """What stands for NULL when a value is made of it."""
    made = {
        "text": "''",
        "character varying": "''",
        "boolean": "false",
        "date": "DATE '2026-03-01'",
        "bytea": "''::bytea",
        "jsonb": "'{}'::jsonb",
    }
    stamp = "TIMESTAMPTZ '2026-03-01'"
    return sql.SQL(
        made.get(kind, stamp if kind.startswith("timestamp") else "'{}'" if kind.endswith("]") else "0")
    )  # type: ignore[arg-type]
