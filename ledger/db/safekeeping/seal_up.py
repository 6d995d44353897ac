"""What lay in clear before it had to be sealed, sealed by `db migrate`: table by table, some hundred rows at a time, in its transaction.

A row that is sealed is not touched again, so whatever a killed upgrade left is finished by the next. The guards that keep these rows
from change are off for the owner meanwhile; traces are not: the chain shows what the upgrade changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from ledger.db.safekeeping.fields import MAGIC, UNBOUND, Fields
from ledger.db.safekeeping.places import KEYS, place
from ledger.db.safekeeping.told import is_person

_ROWS: Final = 200
_PAPERS: Final = 4  # of up to 20 MB each
_CLEAR_TEXT: Final = "{column} <> '' AND {column} !~ '^~[0-9a-f]{{8}}[.][A-Za-z0-9_-]{{22,}}~$'"
_CLEAR_BYTES: Final = "{column} <> '' AND substring({column} FROM 1 FOR 16) NOT IN ({magic}, {unbound})"


class SealedPart(NamedTuple):
    """Columns of a table that are sealed, and of which rows."""

    table: str
    columns: tuple[str, ...]
    content: bool = False
    """Whether the columns are bytes."""
    rows: str = "true"
    at_once: int = _ROWS
    """How many are held in memory."""


PARTS: Final = (
    SealedPart("access.idempotency", ("response",), content=True, rows="route <> 'POST /api/v1/settlements'"),
    SealedPart("payments.inbound_file", ("content",), content=True),
    SealedPart("payments.handed_file", ("content",), content=True),
    SealedPart("payments.bank_file", ("content",), content=True),
    SealedPart("payments.statement_file", ("content",), content=True, rows="form <> 'cutover'"),
    SealedPart("books.attached_file", ("content",), content=True, at_once=_PAPERS),
    SealedPart("books.import_file", ("content",), content=True, at_once=_PAPERS),
    SealedPart("books.import_row", ("raw", "message")),
    SealedPart("fund.finding_evidence", ("content",), content=True, at_once=_PAPERS),
    SealedPart("fund.finding_evidence", ("name",)),
    SealedPart("fund.letter_paper", ("content",), content=True, at_once=_PAPERS),
    SealedPart("fund.reconcile_run", ("content",), content=True, at_once=_PAPERS),
    SealedPart("fund.person_payment", ("payee_name", "payee_number")),
    SealedPart("payments.pay_order", ("payee_name", "payee_number"), rows="institution = 'PERSON'"),
    SealedPart("fund.party", ("name",), rows="kind = 'person'"),
    SealedPart("fund.cutover_order", ("payee_name", "payee_number"), rows="source = 5001"),
)
_PERSONS: Final = "EXISTS (SELECT 1 FROM payments.pay_order o WHERE (o.region, o.order_no, o.institution) = (t.region, {}, 'PERSON'))"
PARTS_OF_ORDERS: Final = (
    SealedPart("payments.bank_word", ("reasons",), rows=_PERSONS.format("t.order_no")),
    SealedPart(
        "payments.order_event",
        ("reason",),
        rows="t.event IN ('accept', 'reject', 'return') AND " + _PERSONS.format("t.order_no"),
    ),
)
# What the bank told of movements: the other side's account and name, and its words.
TOLD: Final = (
    ("payments.evidence", ("account", "kind", "receipt_no", "direction"), "reason", "t.matched_order"),
    ("payments.statement_line", ("account", "statement", "n"), "summary", "t.order_no"),
)
_KNOWN: Final = """
    SELECT region, number FROM fund.payee_account UNION SELECT region, payee_number FROM fund.outregion_counterparty
    UNION SELECT region, payee_number FROM fund.advance WHERE payee_number <> '' UNION SELECT region, account FROM payments.bank_account
"""
# What nobody has approved yet is approved by the digest of what stands there now.
_DRAFTS: Final = """
    UPDATE payments.batch b SET digest = payments.batch_digest(b.region, b.batch_id)
     WHERE b.kind = 'person' AND b.digest <> payments.batch_digest(b.region, b.batch_id)
       AND NOT EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = b.region AND a.batch_id = b.batch_id)
"""


def seal_up(connection: psycopg.Connection[Any], fields: Fields) -> int:
    """Seal what lies in clear; how many rows. As the owner."""
    done = sum(_seal_part(connection, fields, part) for part in (*PARTS, *PARTS_OF_ORDERS))
    done += sum(_seal_told(connection, fields, *table) for table in TOLD)
    with unguarded(connection, "payments.batch"):
        connection.execute(_DRAFTS)
    return done


def _seal_part(connection: psycopg.Connection[Any], fields: Fields, part: SealedPart) -> int:
    clear = sql.SQL(" OR ").join(
        sql.SQL("(" + (_CLEAR_BYTES if part.content else _CLEAR_TEXT) + ")").format(
            column=sql.Identifier(column), magic=sql.Literal(MAGIC), unbound=sql.Literal(UNBOUND)
        )
        for column in part.columns
    )
    names = sql.SQL(", ").join(map(sql.Identifier, part.columns))
    table = sql.Identifier(*part.table.split("."))
    key = key_of_place(part.table, part.columns[0]) if part.content else sql.SQL("ARRAY[]::text[]")
    find = sql.SQL("SELECT t.ctid::text, {}, {} FROM {} t WHERE {} AND ({}) LIMIT {}").format(
        key, names, table, sql.SQL(part.rows), clear, sql.Literal(part.at_once)
    )
    write = sql.SQL("UPDATE {} SET {} WHERE ctid = %s::tid").format(
        table,
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in part.columns),
    )
    done = 0
    if not connection.execute(find).fetchone():
        return done
    with unguarded(connection, part.table):
        while found := connection.execute(find).fetchall():
            for at, keys, *values in found:
                sealed = [
                    fields.seal_bytes(bytes(value), place(f"{part.table}.{column}", *keys))
                    if part.content
                    else fields.seal(value)
                    for column, value in zip(part.columns, values, strict=True)
                ]
                connection.execute(write, [*sealed, at])
            done += len(found)
    return done


def key_of_place(table: str, column: str) -> sql.Composed:
    """What a row of `table` goes by, as `place` takes it: an array of texts, digests in hexadecimal digits."""
    return sql.SQL("ARRAY[{}]::text[]").format(sql.SQL(", ").join(map(_key, KEYS[f"{table}.{column}"])))


def _key(column: str) -> sql.Composed:
    name = sql.Identifier(column)
    return (
        sql.SQL("encode({}, 'hex')").format(name) if column == "sha256" else sql.SQL("{}::text").format(name)
    )


def _seal_told(
    connection: psycopg.Connection[Any],
    fields: Fields,
    table: str,
    keys: tuple[str, ...],
    words: str,
    order: str,
) -> int:
    """Seal the persons among the movements of a table, as new ones are (ledger.db.safekeeping.told)."""
    known = set(connection.execute(_KNOWN))
    name = sql.Identifier(*table.split("."))
    columns = ("region", *keys, "other_account", "other_name", words)
    find = sql.SQL("SELECT {}, {} FROM {} t WHERE t.other_account || t.other_name <> '' AND t.other_account || t.other_name NOT LIKE '%~%'").format(
        sql.SQL(", ").join(sql.Identifier("t", one) for one in columns), sql.SQL(_PERSONS.format(order)), name
    )  # fmt: skip
    write = sql.SQL("UPDATE {} SET other_account = %s, other_name = %s, {} = %s WHERE {}").format(
        name,
        sql.Identifier(words),
        sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(one)) for one in ("region", *keys)),
    )
    done = 0
    with unguarded(connection, table), connection.cursor(name="told") as cursor:
        cursor.itersize = _ROWS
        cursor.execute(find)
        for *key, account, other, said, person in cursor:
            if person or is_person(
                account, other, {number for number in [account] if (key[0], number) in known}
            ):
                connection.execute(write, [*map(fields.seal, (account, other, said)), *key])
                done += 1
        cursor.close()
    return done


@contextmanager
def unguarded(connection: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Without the guards of a table, its traces left on; nobody else is at work in the database."""
    name = sql.Identifier(*table.split("."))
    guards = [
        sql.Identifier(one)
        for (one,) in connection.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgenabled = 'O'"
            " AND tgname NOT LIKE 'trace\\_%%' ORDER BY 1",
            [table],
        )
    ]
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for COMMIT forbids the next statement
    for guard in guards:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(name, guard))
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for guard in guards:
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(name, guard))
