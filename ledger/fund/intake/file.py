"""Loading a file of settlement records: bounded memory, resumable, its sums proven against what is stored."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from ledger.access.operator_log import append_line
from ledger.core.errors import Conflict, Forbidden, InvalidInput
from ledger.core.os_errors import os_refusal
from ledger.core.text import file_name
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.intake.chunks import Chunk, line_of
from ledger.fund.intake.loads import complete_load, open_load
from ledger.fund.intake.read_ahead import read_ahead
from ledger.fund.intake.regional_codes import regional_rules
from ledger.fund.intake.take import take_gists
from ledger.fund.intake.values import Load, Tally
from ledger.fund.record.judge import IntakeRules

BESIDE_BYTES: Final = 4 << 20
"""From some 2,500 lines on it pays to judge them in another process, beside the one that stores."""
_HASH_BLOCK: Final = 1 << 20
_UTF8_BOM: Final = b"\xef\xbb\xbf"
_UTF16_BOMS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file; amounts in fen. `lines` = accepted + duplicate + quarantined (blank lines apart)."""

    load_id: int
    file: str
    accepted: int
    duplicate: int
    quarantined: int
    accepted_fen: int
    payable_fen: int


def _silent(_done: int, _total: int) -> None:
    """No progress wanted."""


def load_file(
    engine: Engine,
    user: str,
    path: Path,
    rules: IntakeRules,
    *,
    once: bool = False,
    progress: Callable[[int, int], None] = _silent,
) -> FileResult:
    """Load a JSON-lines file. `progress` gets (bytes done, bytes in all) after every chunk.

    A load that was cut off goes on where it stopped and gives the whole file's result. A file that was loaded whole
    is read again, and its records come out as duplicates; with `once` the first answer is given back instead.
    Raises what `os_refusal` makes of a file that cannot be read, InvalidInput `file.encoding` (UTF-16), `file.empty`;
    Forbidden `intake.no_role` before anything is stored; Conflict `intake.sums` if what is stored and kept does not add up
    to what was counted, `file.changed` if the file is not what it was when its digest was taken.
    """
    file_name(path.name)
    digest, size, first = _known(path)
    load, done, tally, complete = _begin(engine, user, path, digest, size, once=once)
    if complete:
        return _result(load, path, tally)
    with path.open("rb") as file:
        start = max(done.bytes, first)
        rules = regional_rules(engine, user, rules)
        refused = _refused_before(engine, user, load, done)
        ahead = read_ahead(path, start, done.lines, size, rules, beside=size - start > BESIDE_BYTES)
        with _no_collector(), ahead as chunks:
            for chunk in chunks:
                _require_unchanged(path, start, chunk.starts[0])
                raw_of = partial(line_of, file, chunk)

                def advance(tx: Transaction, done: Tally, chunk: Chunk = chunk) -> None:
                    _advance(tx, load, chunk, tally, done)

                read = [result for result in chunk.read if result.line not in refused]
                tally.quarantined += len(chunk.read) - len(read)
                tally.add(take_gists(engine, user, load, read, raw_of, last=advance, each=False))
                progress(chunk.end, size)
                start = chunk.end
    _require_unchanged(path, start, size)
    _finish(engine, user, load)
    return _result(load, path, tally)


def _require_unchanged(path: Path, done: int, following: int) -> None:
    """Each chunk begins where the one before it ended, the file ends where its digest did."""
    if done != following:
        raise Conflict(
            "file.changed", f"文件{path.name}在读取过程中被改动，请换回原文件后重新执行", file=path.name
        )


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python's search for objects that hold each other costs a quarter here, and a load makes none: chunks die by count."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Done:
    lines: int
    bytes: int


class _Known(NamedTuple):
    """The file as it is now: what comes after its `size` bytes is another file."""

    digest: bytes
    size: int
    start: int
    """The byte after a UTF-8 BOM."""


def _known(path: Path) -> _Known:
    """SHA-256 and size of the file; refuses what cannot be read, UTF-16 and emptiness."""
    digest, size, start, blank = hashlib.sha256(), 0, 0, True
    try:
        with path.open("rb") as file:
            while block := file.read(_HASH_BLOCK):
                if not size and block.startswith(_UTF16_BOMS):
                    raise InvalidInput(
                        "file.encoding", f"文件{path.name}是UTF-16编码，应为UTF-8", file=path.name
                    )
                if not size and block.startswith(_UTF8_BOM):
                    start = len(_UTF8_BOM)
                blank = blank and (block[start:] if not size else block).strip() == b""
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise os_refusal(error) from error
    if blank:
        raise InvalidInput("file.empty", f"文件{path.name}是空的", file=path.name)
    return _Known(digest.digest(), size, start)


def _begin(
    engine: Engine, user: str, path: Path, digest: bytes, size: int, *, once: bool
) -> tuple[Load, _Done, Tally, bool]:
    """The load to go on with: an unfinished one of the same bytes, or a new one."""
    with unit_of_work(engine, user) as tx:
        if not tx.value("SELECT fund.may_bring_in()"):
            raise Forbidden("intake.no_role", f"用户{user}没有接入结算记录的角色")
        known = tx.row(
            """SELECT load_id, lines_done, bytes_done, accepted, duplicate, quarantined, accepted_fen, payable_fen, complete
                 FROM fund.intake_load WHERE region = 0 AND file_sha256 = %(digest)s AND (NOT complete OR %(once)s)
                ORDER BY complete DESC, load_id LIMIT 1""",
            digest=digest,
            once=once,
        )
        if known is not None:
            load_id, lines, done, accepted, duplicate, quarantined, accepted_fen, payable_fen, complete = (
                known
            )
            tally = Tally(accepted, duplicate, quarantined, accepted_fen, payable_fen)
            return Load(load_id, digest), _Done(lines, done), tally, complete
        load_id = open_load(tx, path.name, digest, size)
        append_line(tx, "intake.begun", str(load_id), "done", path.name)
        return Load(load_id, digest), _Done(0, 0), Tally(), False


def _refused_before(engine: Engine, user: str, load: Load, done: _Done) -> Set[int]:
    """The lines of the chunk in which a load was cut off that it has refused: they stay so, whatever has changed since."""
    with unit_of_work(engine, user) as tx:
        regions = tx.rows("SELECT 0 UNION SELECT access.regions_of(%(user)s)", user=user)
    found: set[int] = set()
    for (region,) in regions:
        with unit_of_work(engine, user, region) as tx:
            kept = tx.rows(
                "SELECT line FROM fund.quarantine WHERE region = %(region)s AND load_id = %(load)s AND line > %(done)s",
                region=region,
                load=load.load_id,
                done=done.lines,
            )
        found.update(line for (line,) in kept)
    return found


def _advance(tx: Transaction, load: Load, chunk: Chunk, before: Tally, done: Tally) -> None:
    """Remember how far the load is. A chunk whose regions are not all stored yet is taken again with the same outcome."""
    tx.run(
        """UPDATE fund.intake_load SET lines_done = %(lines)s, bytes_done = %(bytes)s, accepted = %(accepted)s,
               duplicate = %(duplicate)s, quarantined = %(quarantined)s, accepted_fen = %(accepted_fen)s,
               payable_fen = %(payable_fen)s WHERE region = 0 AND load_id = %(load_id)s""",
        lines=chunk.last_line,
        bytes=chunk.end,
        accepted=before.accepted + done.accepted,
        duplicate=before.duplicate + done.duplicate,
        quarantined=before.quarantined + done.quarantined,
        accepted_fen=before.accepted_fen + done.accepted_fen,
        payable_fen=before.payable_fen + done.payable_fen,
        load_id=load.load_id,
    )


def _finish(engine: Engine, user: str, load: Load) -> None:
    """The database counts what of the load is stored and kept before it is complete (fund.prove_load)."""
    with unit_of_work(engine, user) as tx:
        complete_load(tx, load.load_id)


def _result(load: Load, path: Path, tally: Tally) -> FileResult:
    return FileResult(
        load.load_id,
        path.name,
        tally.accepted,
        tally.duplicate,
        tally.quarantined,
        tally.accepted_fen,
        tally.payable_fen,
    )
