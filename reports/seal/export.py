"""`seal export`: the closed period of a book as one signed file of canonical JSON lines.

A line each: the head, the chart, the dimensions, the blocks of the chain, the entries, the balances, the manifest with the
digests of all of it, the signature over the manifest. The file appears only when it is whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger.access.signing.pair import KeyPair
from ledger.books.reading import cut, require_period
from ledger.core.entries import Book
from ledger.core.errors import Conflict
from ledger.core.private import opened
from ledger.db.unit_of_work import Transaction
from reports.seal import contents
from reports.seal.digests import SECTIONS, Twice, line

VERSION: Final = 1
_SEALABLE: Final = frozenset({"closed", "sealed"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was written."""

    manifest: Mapping[str, Any]
    sha256: str
    """Of the manifest's line: what the signature is over."""


def export_seal(tx: Transaction, book: Book, period: int, today: date, key: KeyPair, path: Path) -> Sealed:
    """Seal a period that is over and closed.

    Raises NotFound `book.unknown`, `period.unknown`; Conflict `seal.not_over`, `seal.not_closed`; OSError.
    """
    cut(tx, book, None)
    require_period(tx, book, period)
    state = require_sealable(tx, book, period, today)
    partial = path.with_name(f"{path.name}.part")
    try:
        with opened(partial) as out:
            done = _write(tx, book, period, state, today, key, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return done


def require_sealable(tx: Transaction, book: Book, period: int, today: date) -> str:
    """The period's state; raises unless its last day is before `today` and nothing can be booked in it any more."""
    after = date(period // 100 + period % 100 // 12, period % 100 % 12 + 1, 1)
    if today < after:
        last = after - timedelta(days=1)
        raise Conflict("seal.not_over", f"会计期间{period}到{last}才终了，不能封存", period=period)
    state: str = tx.value(
        "SELECT state FROM books.period WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    if state not in _SEALABLE:
        raise Conflict("seal.not_closed", f"账套{book}会计期间{period}尚未结账，不能封存", period=period)
    return state


def _write(
    tx: Transaction, book: Book, period: int, state: str, today: date, key: KeyPair, out: BinaryIO
) -> Sealed:
    first, last, last_dim = contents.span(tx, book, period)
    parts: dict[str, Iterable[Mapping[str, Any]]] = {
        "account": contents.accounts(tx, book),
        "dim": contents.dims(tx, book, last_dim),
        "block": contents.blocks(tx, book, first, last) if first else (),
        "entry": contents.entries(tx, book, period),
        "balance": contents.balances(tx, book, period),
    }
    head = line({"t": "seal", "version": VERSION, "book": str(book), "period": period})
    out.write(head)
    told: dict[str, Any] = {"head": _digest([head])}
    ends = ["", ""]
    counts = {"entries": 0, "lines": 0}
    for name in SECTIONS:
        digest = Twice()
        for row in parts[name]:
            text = line({"t": name, **row})
            digest.update(text)
            out.write(text)
            if name == "block":
                ends = [ends[0] or row["prev"], row["hash"]]
            elif name == "entry":
                counts["entries"] += 1
                counts["lines"] += len(row["accounts"])
        told[name] = digest.told()
    manifest = {
        "t": "manifest",
        "version": VERSION,
        "book": str(book),
        "book_name": tx.value(
            "SELECT name FROM books.book WHERE region = %(region)s AND fund = %(fund)s",
            region=book.region,
            fund=book.fund,
        ),
        "period": period,
        "state": state,
        "sealed_on": today.isoformat(),
        "sealed_by": tx.user,
        "first_block": first,
        "last_block": last,
        "prev_hash": ends[0],
        "last_hash": ends[1],
        **counts,
        "sections": told,
        "key_id": key.id,
    }
    signed = line(manifest)
    out.writelines([signed, line({"t": "signature", **key.signature(signed)})])
    return Sealed(manifest, str(_digest([signed])["sha256"]))


def _digest(lines: Iterable[bytes]) -> dict[str, str | int]:
    digest = Twice()
    for one in lines:
        digest.update(one)
    return digest.told()
