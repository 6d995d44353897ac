"""INV-12: every anchored end of a chain is still in it, so that a cut tail or a rewritten chain is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ledger.books.anchors import Anchor, anchors_path
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book


def check_anchors(snapshot: Snapshot) -> Iterator[Breach]:
    """The block of each anchor, its hash and its last entry, the first broken anchor of a book speaking for the rest;
    then the anchors that were written and are not in the file any more.
    """
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
        lost = _given_up(snapshot, book)
        for anchor in sorted(anchors, key=lambda anchor: anchor.block):
            found = there.get(anchor.block)
            if found != (anchor.seq, anchor.hash):
                if (anchor.block, anchor.hash) in lost:
                    continue
                snapshot.rewritten.add((book, 0))
                wrong = "已不存在，账尾被截去" if found is None else "的哈希已不同，账链被整体改写"
                yield Breach("INV-12", str(book), f"seq {anchor.seq}", f"已锚定的区块{anchor.block}{wrong}")
                break
    yield from _gone(snapshot)


def _given_up(snapshot: Snapshot, book: Book) -> set[tuple[int, str]]:
    """(block, hash) of the ends that a restore lost and two persons gave up when they lifted its freeze (payments.freezing)."""
    return {
        (block, digest)
        for block, digest in snapshot.rows(
            "SELECT (a ->> 'block')::bigint, a ->> 'hash' FROM payments.freezing f"
            " CROSS JOIN LATERAL jsonb_array_elements(f.anchors) AS a"
            " WHERE f.region = %(region)s AND f.state = 'lifted' AND (a ->> 'fund')::smallint = %(fund)s",
            region=book.region,
            fund=book.fund,
        )
    }


def _gone(snapshot: Snapshot) -> Iterator[Breach]:
    """The last anchor noted of each book, or a later one, is in the file. A book never anchored waits for its first."""
    last: dict[Book, int] = {}
    for anchor in snapshot.anchors:
        book = Book(anchor.region, anchor.fund)
        last[book] = max(last.get(book, 0), anchor.block)
    waiting = 0
    for region, fund, noted in snapshot.rows(
        "SELECT h.region, h.fund, max(a.block) FROM books.head h LEFT JOIN fund.anchored a USING (region, fund)"
        " WHERE h.block > 0 OR a.block IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    ):
        book = Book(region, fund)
        if noted is None:
            waiting += book not in last
        elif last.get(book, 0) < noted:
            there = f"只到区块{last[book]}" if book in last else "没有此账套"
            yield Breach(
                "INV-12",
                str(book),
                f"anchor {noted}",
                f"区块{noted}曾经锚定，而{anchors_path(snapshot.home)}中{there}：锚定文件被删除、调换或截短。"
                "请从另一机器上的副本放回；没有副本的，先与银行及打印的账簿核对，再执行 fundledger worker --once anchors 重新锚定",
            )
    if waiting:
        snapshot.waiting["尚未锚定的账套（日拨付后或由worker锚定）"] = waiting
