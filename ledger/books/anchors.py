"""Anchors: the ends of the chains, written outside the database after each run.

Who can rewrite the database can rewrite a whole chain or cut its tail, and nothing inside shows it (INV-12);
an anchored (book, block, hash) that is no longer there does. Keep a copy of the file on another machine.
Which blocks were anchored is noted in the database, so that a lost file is missed. The chains of traces (`access.trace`)
are anchored with the books, as fund 0 of their region; region 0 is that of users and keys.

A line of version 2 names the home it is of, by the first link of its traces; lines without a version are read as ever.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, cast

import psycopg
from psycopg.rows import TupleRow

from ledger.core.errors import InvalidInput, Unavailable
from ledger.core.os_errors import os_reason
from ledger.core.private import private_folder
from ledger.db.connections import Engine, Lent, driver_of
from ledger.db.unit_of_work import NO_REGION, Transaction

_HEADS: Final = (
    "SELECT region, fund, block, seq, (extract(epoch FROM recorded_at) * 1000000)::bigint, encode(hash, 'hex')"
    " FROM books.head WHERE block > 0 AND (%(region)s = 0 OR region = %(region)s) ORDER BY region, fund"
)
_TRACES: Final = (
    "SELECT h.region, 0, h.seq, h.seq, (extract(epoch FROM t.recorded_at) * 1000000)::bigint, encode(h.hash, 'hex')"
    " FROM access.trace_head h JOIN access.trace t ON t.region = h.region AND t.seq = h.seq"
    " WHERE %(region)s = 0 OR h.region IN (0, %(region)s) ORDER BY h.region"
)
_HOME: Final = "SELECT left(encode(hash, 'hex'), 16) FROM access.trace WHERE region = 0 AND seq = 1"
VERSION: Final = 2
TRACES: Final = 0
"""The fund under which the chain of a region's traces is anchored."""
USERS: Final = -1
"""The fund under which a freeze names the chain of users and keys, which is no region's."""
_TAIL: Final = 64 * 1024
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of one chain at some time; `recorded_at` in microseconds since 1970, `hash` in hex.

    `fund` TRACES: of the region's traces, whose blocks are single. `home` is "" in a line of before version 2.
    """

    region: int
    fund: int
    block: int
    seq: int
    recorded_at: int
    hash: str
    home: str = ""


def anchors_path(home: Path) -> Path:
    """Where the anchors of an installation are."""
    return home / "anchors" / "anchors.jsonl"


def write_anchors(source: Engine | Transaction, home: Path) -> list[Anchor]:
    """Append the present heads to the anchors file, on disk when this returns; the anchors written.

    `source` is a transaction, for the books its user sees, which also notes them in the database; or the auditor's engine,
    for all books. Call it after the run has committed, never inside it: an anchor of a block that is rolled back would
    be a false alarm for ever. Raises Unavailable `anchor.not_written`.
    """
    if isinstance(source, Transaction):
        anchors = _heads(source.connection, source.region)
    else:
        lent = source.connect()
        with lent:
            anchors = _heads(driver_of(lent), NO_REGION)
    append_anchors(home, anchors)
    if isinstance(source, Transaction):
        source.run(
            "INSERT INTO fund.anchored (region, fund, block, made_by) SELECT %(region)s, a.*, %(user)s"
            " FROM unnest(%(funds)s::smallint[], %(blocks)s::bigint[]) AS a ON CONFLICT DO NOTHING",
            region=source.region,
            user=source.user,
            funds=[anchor.fund for anchor in anchors if anchor.fund != TRACES],
            blocks=[anchor.block for anchor in anchors if anchor.fund != TRACES],
        )
        source.run(
            "INSERT INTO access.trace_anchored (region, seq, made_by) SELECT a.*, %(user)s"
            " FROM unnest(%(regions)s::integer[], %(seqs)s::bigint[]) AS a ON CONFLICT DO NOTHING",
            user=source.user,
            regions=[anchor.region for anchor in anchors if anchor.fund == TRACES],
            seqs=[anchor.seq for anchor in anchors if anchor.fund == TRACES],
        )
    return anchors


def all_anchored(tx: Transaction) -> bool:
    """Whether every end of a chain that the user sees was anchored already: one question of two small indexes."""
    return not tx.value(
        """SELECT EXISTS (SELECT FROM books.head h WHERE h.region = %(region)s AND h.block > 0 AND NOT EXISTS (
               SELECT FROM fund.anchored a WHERE a.region = h.region AND a.fund = h.fund AND a.block = h.block))""",
        region=tx.region,
    )


def append_anchors(home: Path, anchors: Sequence[Anchor]) -> None:
    """Append anchors to the home's file. Raises Unavailable `anchor.not_written`, naming the file and why."""
    path = anchors_path(home)
    try:
        if anchors:
            _append(path, "".join(json.dumps({"v": VERSION} | asdict(anchor)) + "\n" for anchor in anchors))
    except OSError as error:
        raise Unavailable(
            "anchor.not_written",
            f"账链锚定未能写入{path}：{os_reason(error)}；账务不受影响，排除后执行 fundledger worker --once anchors 补做",
            path=str(path),
        ) from error


def heads_of(lent: Lent) -> dict[str, object]:
    """The ends of all chains as a backup's manifest keeps them (JSON values): the first anchors of a home restored into.

    None in a database that holds no books yet.
    """
    driver = driver_of(lent)
    if driver.execute("SELECT to_regclass('books.head')").fetchone() == (None,):
        return {"heads": []}
    return {"heads": [asdict(anchor) for anchor in _heads(driver, NO_REGION)]}


def anchors_in(facts: Mapping[str, object]) -> list[Anchor]:
    """What `heads_of` kept; [] in a manifest without it. Raises InvalidInput `anchor.format`."""
    heads = cast("list[object]", facts.get("heads", []))
    return [_parse(json.dumps(head).encode(), number) for number, head in enumerate(heads, 1)]


def read_anchors(home: Path) -> list[Anchor]:
    """All anchors in the order they were written; [] where none ever was.

    A last line without its newline is a write that a crash cut short, and is left out. Raises InvalidInput
    `anchor.format` for any other line that is not an anchor, `anchor.unreadable` where the file cannot be read.
    """
    path = anchors_path(home)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidInput(
            "anchor.unreadable", f"锚定文件{path}不能读取：{os_reason(error)}", path=str(path)
        ) from error
    return [_parse(line, number) for number, line in enumerate(lines, 1) if line]


def last_anchors(home: Path) -> list[Anchor]:
    """The last anchor of each book that the end of the file names; a few milliseconds, however long the file is.

    Raises what `read_anchors` raises.
    """
    path = anchors_path(home)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidInput(
            "anchor.unreadable", f"锚定文件{path}不能读取：{os_reason(error)}", path=str(path)
        ) from error
    if size > _TAIL:
        lines = lines[1:]  # begun before the tail
    found = {
        (anchor.region, anchor.fund): anchor
        for number, line in enumerate(lines, 1)
        if line
        for anchor in [_parse(line, number)]
    }
    return list(found.values())


def _heads(connection: psycopg.Connection[TupleRow], region: int) -> list[Anchor]:
    """Of one region and of users and keys; of all for NO_REGION, which only the auditor sees."""
    found = connection.execute(_HEADS, {"region": region}).fetchall()
    home = ""
    if connection.execute("SELECT to_regclass('access.trace')").fetchone() != (
        None,
    ):  # a backup before its upgrade
        found += connection.execute(_TRACES, {"region": region}).fetchall()
        home = home_of(connection)
    return [replace(Anchor(*row), home=home) for row in found]


def home_of(connection: psycopg.Connection[TupleRow]) -> str:
    """What lines of version 2 call the home of this database: the beginning of its first trace; "" where that is gone."""
    row = connection.execute(_HOME).fetchone()
    return "" if row is None else str(row[0])


def _parse(line: bytes, number: int) -> Anchor:
    try:
        said = json.loads(line)
        if said.pop("v", 1) > VERSION:
            raise InvalidInput(
                "anchor.format", f"锚定文件第{number}行由较新的程序写入，本程序不能读", line=number
            )
        anchor = Anchor(**said)
        whole = (anchor.region, anchor.fund, anchor.block, anchor.seq, anchor.recorded_at)
        if (
            all(type(value) is int for value in whole)
            and _HASH.fullmatch(anchor.hash)
            and isinstance(anchor.home, str)
        ):
            return anchor
    except (ValueError, TypeError, AttributeError):
        pass
    raise InvalidInput("anchor.format", f"锚定文件第{number}行不合规", line=number)


def _append(path: Path, text: str) -> None:
    new = not path.exists()
    private_folder(path.parent)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                _drop_torn_line(file.fileno(), path)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    if new:
        for folder in (path.parent, path.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _drop_torn_line(handle: int, path: Path) -> None:
    """Cut off what a crash left of a line, so that the next line does not grow out of it."""
    os.ftruncate(handle, path.read_bytes().rfind(b"\n") + 1)
