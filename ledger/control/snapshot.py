"""One moment of the database, read as the auditor through a few connections that share one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from ledger.books.anchors import Anchor
from ledger.control.breach import Breach
from ledger.core.entries import Book
from ledger.core.errors import NotFound
from ledger.db.connections import Engine, driver_of
from ledger.db.safekeeping.fields import Fields, fields_of
from ledger.db.safekeeping.places import Place

STREAMS: Final = 2
FETCH: Final = 2_000
PAPERS: Final = 4
_SESSION: Final = (
    "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex';"
    " SET LOCAL client_encoding = 'UTF8'; SET LOCAL jit = off;"
    # Checks read whole tables, and tables filled since their last statistics look empty to the planner: as nested
    # loops its joins once took forty times as long. A merge by region and fund with the rest as a filter is the same trap:
    # a month of 250,000 vouchers by hand took more than ten minutes. Joined by hash, all of the key counts.
    " SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off;"
    # Hashes of a month's lines: with the server's 4 MB they go to disk and back.
    " SET LOCAL work_mem = '64MB'"
)


@dataclass
class Snapshot:
    """What a check reads from. `home` and `anchors` lie outside the database; `anchors` was read first."""

    connection: psycopg.Connection[TupleRow]
    streams: tuple[psycopg.Connection[TupleRow], ...]
    home: Path
    anchors: list[Anchor] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)
    """Named lines that are no breaches: records and payables that no entry has taken up yet."""
    rewritten: set[tuple[Book, int]] = field(default_factory=set)
    """Books and months (0: the whole chain) whose lines are not the ones sealed: found by the checks of the chain, which run
    first, and asked by those that see that two figures differ and have to say which is wrong."""
    entries: int = 0
    lines: int = 0
    checking: str = ""
    """The name of the check at work."""
    passed_over: dict[str, int] = field(default_factory=dict)
    """By check, how much of it was not checked because the key that opens it is not in the home."""
    _keys_missing: set[str] = field(default_factory=set)

    def rows(self, query: LiteralString, **params: object) -> list[TupleRow]:
        """All rows of a query whose answer is small: counts, offenders."""
        return self.connection.execute(query, params or None).fetchall()

    def each(self, query: LiteralString, **params: object) -> Iterator[TupleRow]:
        """The rows of a large answer, some thousands at a time."""
        with self.connection.cursor(name="each") as cursor:
            cursor.itersize = FETCH
            cursor.execute(query, params or None)
            yield from cursor

    def papers(self, query: LiteralString) -> Iterator[TupleRow]:
        """The rows of a query whose rows may have megabytes each, a few at a time."""
        with self.connection.cursor(name="papers") as cursor:
            cursor.itersize = PAPERS
            cursor.execute(query)
            yield from cursor

    def copy(self, stream: int, query: LiteralString, **params: int) -> Iterator[bytes]:
        """The COPY text lines of a query, `|`-delimited, newline included; one open copy per stream at a time."""
        body = sql.SQL(query).format(**{name: sql.Literal(value) for name, value in params.items()})
        with (
            self.streams[stream].cursor() as cursor,
            cursor.copy(sql.SQL("COPY ({}) TO STDOUT (DELIMITER '|')").format(body)) as lines,
        ):
            for line in lines:
                yield bytes(line)

    def filled(self, tables: Iterable[str]) -> set[str]:
        """Which of these tables have anything on the disk, asked at once: most of a small region's have nothing, and to ask each costs more."""
        return {
            name
            for (name,) in self.rows(
                "SELECT t FROM unnest(%(tables)s::text[]) AS t"
                " WHERE pg_relation_size(t::regclass) > 0"
                " OR EXISTS (SELECT FROM pg_partition_tree(t::regclass) p WHERE pg_relation_size(p.relid) > 0)",
                tables=sorted(set(tables)),
            )
        }

    @property
    def fields(self) -> Fields:
        """What opens the sealed fields and bytes of this database."""
        return fields_of(self.connection, self.home)

    def open(self, text: str) -> str | None:
        """`text` with what is sealed in it opened; None for want of the key: whoever cannot check without says so (`pass_over`)."""
        try:
            return self.fields.open(text)
        except NotFound as missing:
            self._keys_missing.add(str(missing.details.get("key", "")))
            return None

    def open_bytes(self, content: bytes, where: Place) -> bytes | None:
        """The same for what is sealed whole, for its place."""
        try:
            return self.fields.open_bytes(content, where)
        except NotFound as missing:
            self._keys_missing.add(str(missing.details.get("key", "")))
            return None

    def open_row(self, row: Sequence[Any]) -> tuple[Any, ...] | None:
        """A row with every text opened; None for want of the key."""
        opened = tuple(self.open(cell) if isinstance(cell, str) else cell for cell in row)
        return None if any(cell is None and row[n] is not None for n, cell in enumerate(opened)) else opened

    def miss(self, missing: NotFound) -> None:
        """Something of the check at work is not checked for want of the key that is named."""
        self._keys_missing.add(str(missing.details.get("key", "")))
        self.pass_over()

    def pass_over(self) -> None:
        """Something of the check at work was not checked for want of a key."""
        self.passed_over[self.checking] = self.passed_over.get(self.checking, 0) + 1

    def without_key(self) -> list[Breach]:
        """What was not checked for want of a key, as one line; nothing where all was."""
        if not self.passed_over:
            return []
        keys = "、".join(sorted(self._keys_missing))
        what = "、".join(f"{name}{count}处" for name, count in self.passed_over.items())
        said = f"数据目录中没有密钥{keys}，以下没有核验：{what}。其余已核验。请将其密钥文件放回keys目录再核验"
        return [Breach("INV-12", "", "keys", said, "key.missing")]

    def books(self) -> list[Book]:
        """Every book there is, whatever table speaks of it: a book whose row is gone is still checked."""
        found = self.rows(
            "SELECT region, fund FROM books.book UNION SELECT region, fund FROM books.head"
            " UNION SELECT DISTINCT region, fund FROM books.block UNION SELECT DISTINCT region, fund FROM books.source"
            " ORDER BY 1, 2"
        )
        return [Book(*row) for row in found]


@contextmanager
def open_snapshot(engine: Engine, home: Path, anchors: list[Anchor]) -> Iterator[Snapshot]:
    """A snapshot of this moment through the auditor's `engine`; nothing can be written through it."""
    with ExitStack() as stack:
        connections = [_begin(stack, engine) for _ in range(STREAMS + 1)]
        row = connections[0].execute("SELECT pg_export_snapshot()").fetchone()
        name = cast("tuple[Any, ...]", row)[0]
        for connection in connections[1:]:
            connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(name)))
        for connection in connections:
            connection.execute(_SESSION)
        yield Snapshot(connections[0], tuple(connections[1:]), home, anchors)


def _begin(stack: ExitStack, engine: Engine) -> psycopg.Connection[TupleRow]:
    lent = engine.connect()
    stack.enter_context(lent)
    connection = driver_of(lent)
    stack.callback(connection.rollback)
    connection.rollback()
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return connection


def seq_label(period: object, seq: object, series: object = "", vno: object = "") -> str:
    """How a breach names an entry."""
    return f"seq {seq} ({series}-{period}-{vno})" if series else f"seq {seq} ({period})"
