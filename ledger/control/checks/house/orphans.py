"""INV-12: no row speaks of one that is gone, or of another fund's. Every foreign key is looked at again, and what is meant as one and is none.

A key is held by triggers, which an administrator can switch off. The keys are read from the catalogue; that it holds the ones
this program ships is for `shipped` to say. Both sides of a key are read once and joined by hash: the cost grows with the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from psycopg import sql

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.house import SCHEMAS

SHOWN: Final = 20
"""Rows named that are gone of one key; of the others only their number."""

# The tables that the auditor's login does not read (passwords, links) speak of users alone, and those leave traces.
_DECLARED: Final = """
    SELECT n.nspname || '.' || t.relname, pn.nspname || '.' || p.relname, f.conrelid, f.confrelid, f.conkey::integer[], f.confkey::integer[]
      FROM pg_constraint f
      JOIN pg_class t ON t.oid = f.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
      JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
     WHERE f.contype = 'f' AND f.conparentid = 0 AND n.nspname = ANY (%(schemas)s)
       AND has_table_privilege(t.oid, 'SELECT') AND has_table_privilege(p.oid, 'SELECT')
"""
# Put together here: joined by hash as everything of a snapshot is, the catalogue would be read once for each key.
_COLUMNS: Final = """
    SELECT a.attrelid, array_agg(a.attnum::integer), array_agg(a.attname::text) FROM pg_attribute a
      JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = ANY (%(schemas)s) AND t.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid
"""
_GONE: Final = """
    SELECT {columns}, count(*) FROM {child} c
     WHERE {said} AND NOT EXISTS (SELECT FROM {parent} p WHERE {same}) GROUP BY {columns} ORDER BY {columns}
"""
_OTHER_FUND: Final = """
    SELECT {columns}, count(*) FROM {child} c JOIN {parent} p ON {same} WHERE c.fund <> p.fund GROUP BY {columns} ORDER BY {columns}
"""


class Reference(NamedTuple):
    """Rows of `child` speak of a row of `parent`: `columns` there are `others` here, in one order.

    A key that is NULL in a part, or '' in its last where the schema declares no key, speaks of nothing.
    """

    child: str
    parent: str
    columns: tuple[str, ...]
    others: tuple[str, ...]
    declared: bool = True
    of_fund: bool = False
    """Whether both say a fund and the key does not: a part is of the fund of the whole."""


UNDECLARED: Final = tuple(
    Reference(child, parent, key, key, declared=False)
    for child, parent, key in (
        ("fund.declared", "fund.declaration", ("region", "fund", "declaration_id")),
        ("fund.declared", "fund.record", ("region", "setl_id")),
        ("payments.pay_order", "payments.bank_file", ("region", "file_id")),
    )
)
"""Meant as keys, and declared in the schema as none: the column may be '', or the order of writing forbids it."""
OF_A_BOOK: Final = tuple(
    Reference(child, "books.book", ("region", "fund"), ("region", "fund"))
    for child in ("books.account_block", "books.balance", "books.posting")
)
"""Likewise, for the sake of speed: the rows that a report adds up are of a book that there is."""


def check_orphans(snapshot: Snapshot) -> Iterator[Breach]:
    """The rows that others speak of and that are gone, key by key."""
    known = references(snapshot)
    filled = snapshot.filled(one.child for one in known)
    for one in known:
        if one.child in filled:
            yield from check_reference(snapshot, one)


def references(snapshot: Snapshot) -> list[Reference]:
    """Every key there is, the declared ones as the catalogue has them."""
    schemas = list(SCHEMAS)
    names = {
        table: dict(zip(numbers, columns, strict=True))
        for table, numbers, columns in snapshot.rows(_COLUMNS, schemas=schemas)
    }
    declared = []
    for child, parent, here, there, keys, others in snapshot.rows(_DECLARED, schemas=schemas):
        columns = tuple(names[here][n] for n in keys)
        of_fund = "fund" not in columns and all("fund" in names[table].values() for table in (here, there))
        declared.append(
            Reference(child, parent, columns, tuple(names[there][n] for n in others), of_fund=of_fund)
        )
    return [*sorted(declared), *UNDECLARED, *OF_A_BOOK]


def check_reference(snapshot: Snapshot, one: Reference) -> Iterator[Breach]:
    """The rows that one key speaks of and that are gone."""
    here = [sql.Identifier("c", name) for name in one.columns]
    said = [sql.SQL("{} IS NOT NULL").format(column) for column in here]
    if not one.declared:
        said.append(sql.SQL("{} <> ''").format(here[-1]))
    same = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("p", other), column)
        for other, column in zip(one.others, here, strict=True)
    )
    parts = {
        "columns": sql.SQL(", ").join(here),
        "child": sql.Identifier(*one.child.split(".")),
        "parent": sql.Identifier(*one.parent.split(".")),
        "said": sql.SQL(" AND ").join(said),
        "same": same,
    }
    found = iter(snapshot.connection.execute(sql.SQL(_GONE).format(**parts)).fetchall())
    for row in islice(found, SHOWN):
        *key, rows = row
        message = f"{one.parent}的{_named(key)}已不存在，而{one.child}有{rows}行属于它：被删除或改了编号"
        yield Breach("INV-12", _book(one.columns, key), f"{one.parent} {_named(key)}", message, "orphan.gone")
    if more := len(list(found)):
        message = f"{one.parent}另有{more}行已不存在，而{one.child}还有属于它们的行"
        yield Breach("INV-12", "", one.parent, message, "orphan.gone")
    if one.of_fund:
        for row in snapshot.connection.execute(sql.SQL(_OTHER_FUND).format(**parts)).fetchmany(SHOWN):
            *key, rows = row
            message = f"{one.child}有{rows}行属于{one.parent}的{_named(key)}，而险种不同：被改动"
            yield Breach(
                "INV-12", _book(one.columns, key), f"{one.child} {_named(key)}", message, "orphan.other_fund"
            )


def _named(key: list[object]) -> str:
    return "/".join(value.hex() if isinstance(value, bytes) else str(value) for value in key)


def _book(columns: tuple[str, ...], key: list[object]) -> str:
    where = dict(zip(columns, key, strict=True))
    return "-".join(str(where[name]) for name in ("region", "fund") if name in where)
