"""A seal held against the books of today: a chain that was rewritten since has other hashes than the sealed ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


def differences(tx: Transaction, book: Book, path: Path) -> Iterator[tuple[str, str]]:
    """(where, what) for every sealed block that the books do not have as it was sealed. The file was verified before."""
    with path.open("rb") as file:
        for raw in file:
            if not raw.startswith(b'{"actor"'):  # keys are sorted: only blocks begin so
                continue
            row = json.loads(raw)
            found = tx.value(
                "SELECT encode(hash, 'hex') FROM books.block"
                " WHERE region = %(region)s AND fund = %(fund)s AND block = %(block)s",
                region=book.region,
                fund=book.fund,
                block=row["block"],
            )
            if found is None:
                yield f"区块{row['block']}", "账中已不存在，账尾被截去"
            elif found != row["hash"]:
                yield f"区块{row['block']}", "账中的哈希与封存的不同，账链被改写"
