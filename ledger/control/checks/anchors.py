"""INV-12: every anchored end of a chain is still in it, so that a cut tail or a rewritten chain is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ledger.books.seal import Anchor
from ledger.control.finding import Finding
from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book


def check_anchors(snapshot: Snapshot) -> Iterator[Finding]:
    """The block of each anchor, its hash and its last entry; the first broken anchor of a book speaks for the rest."""
    by_book: dict[Book, list[Anchor]] = defaultdict(list)
    for anchor in snapshot.anchors:
        by_book[Book(anchor.region, anchor.fund)].append(anchor)
    for book, anchors in by_book.items():
        there = {
            block: (last_seq, digest)
            for block, last_seq, digest in snapshot.rows(
                "SELECT block, last_seq, encode(hash, 'hex') FROM books.block"
                " WHERE region = %(region)s AND fund = %(fund)s AND block = ANY (%(blocks)s)",
                region=book.region,
                fund=book.fund,
                blocks=[anchor.block for anchor in anchors],
            )
        }
        for anchor in sorted(anchors, key=lambda anchor: anchor.block):
            found = there.get(anchor.block)
            if found != (anchor.seq, anchor.hash):
                wrong = "已不存在，账尾被截去" if found is None else "的哈希已不同，账链被整体改写"
                yield Finding("INV-12", str(book), f"seq {anchor.seq}", f"已锚定的区块{anchor.block}{wrong}")
                break
