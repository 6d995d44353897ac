"""INV-12: every anchored end of a chain is still in it, so that a cut tail or a rewritten chain is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ledger.books.anchors import TRACES, USERS, Anchor, anchors_path, home_of
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book


def check_anchors(snapshot: Snapshot) -> Iterator[Breach]:
    """The block of each anchor, its hash and its last entry, the first broken anchor of a book speaking for the rest;
    then the anchors that were written and are not in the file any more.
    """
    own, yours = _of_this_home(snapshot)
    yield from yours
    by_book: dict[Book, list[Anchor]] = defaultdict(list)
    for anchor in own:
        by_book[Book(anchor.region, anchor.fund)].append(anchor)
    for book, anchors in by_book.items():
        there = _there(snapshot, book, [anchor.block for anchor in anchors])
        lost = _given_up(snapshot, book)
        for anchor in sorted(anchors, key=lambda anchor: anchor.block):
            found = there.get(anchor.block)
            if found != (anchor.seq, anchor.hash):
                if (anchor.block, anchor.hash) in lost:
                    continue
                yield _not_there(snapshot, book, anchor, longer=found is None)
                break
    yield from _gone(snapshot, own)


def _of_this_home(snapshot: Snapshot) -> tuple[list[Anchor], list[Breach]]:
    """The anchors of this home; and what is said of lines that were written for another one."""
    home = home_of(snapshot.connection)
    own = [anchor for anchor in snapshot.anchors if anchor.home in ("", home)]
    foreign = len(snapshot.anchors) - len(own)
    if not foreign:
        return own, []
    said = f"{anchors_path(snapshot.home)}中有{foreign}行是另一数据目录的锚定：锚定文件被调换或混入他处的行"
    return own, [Breach("INV-12", "", "anchors", said, "anchor.foreign")]


def _there(snapshot: Snapshot, book: Book, blocks: list[int]) -> dict[int, tuple[int, str]]:
    """Block → its last entry and hash, of those of `blocks` that the database has."""
    if book.fund == TRACES:
        rows = snapshot.rows(
            "SELECT seq, seq, encode(hash, 'hex') FROM access.trace WHERE region = %(region)s AND seq = ANY (%(blocks)s)",
            region=book.region,
            blocks=blocks,
        )
    else:
        rows = snapshot.rows(
            "SELECT block, last_seq, encode(hash, 'hex') FROM books.block"
            " WHERE region = %(region)s AND fund = %(fund)s AND block = ANY (%(blocks)s)",
            region=book.region,
            fund=book.fund,
            blocks=blocks,
        )
    return {block: (last_seq, digest) for block, last_seq, digest in rows}


def _not_there(snapshot: Snapshot, book: Book, anchor: Anchor, *, longer: bool) -> Breach:
    code = "anchor.longer" if longer else "anchor.rewritten"
    if book.fund == TRACES:
        wrong = "已不存在，链尾被截去" if longer else "的哈希已不同，留痕链被整体改写"
        return Breach(
            "INV-12",
            str(book.region or ""),
            f"trace {anchor.seq}",
            f"已锚定的第{anchor.seq}条留痕{wrong}",
            code,
        )
    snapshot.rewritten.add((book, 0))
    wrong = "已不存在，账尾被截去" if longer else "的哈希已不同，账链被整体改写"
    return Breach("INV-12", str(book), f"seq {anchor.seq}", f"已锚定的区块{anchor.block}{wrong}", code)


def _given_up(snapshot: Snapshot, book: Book) -> set[tuple[int, str]]:
    """(block, hash) of the ends that a restore lost and two persons gave up when they lifted its freeze (payments.freezing)."""
    return {
        (block, digest)
        for block, digest in snapshot.rows(
            "SELECT (a ->> 'block')::bigint, a ->> 'hash' FROM payments.freezing f"
            " CROSS JOIN LATERAL jsonb_array_elements(f.anchors) AS a"
            " WHERE %(region)s IN (0, f.region) AND f.state = 'lifted' AND (a ->> 'fund')::smallint = %(fund)s",
            region=book.region,
            fund=book.fund if book.region else USERS,
        )
    }


def _gone(snapshot: Snapshot, own: list[Anchor]) -> Iterator[Breach]:
    """The last anchor noted of each chain, or a later one, is in the file. A book never anchored waits for its first."""
    last: dict[Book, int] = {}
    for anchor in own:
        book = Book(anchor.region, anchor.fund)
        last[book] = max(last.get(book, 0), anchor.block)
    waiting = 0
    for region, fund, noted in snapshot.rows(
        "SELECT h.region, h.fund, max(a.block) FROM books.head h LEFT JOIN fund.anchored a USING (region, fund)"
        " WHERE h.block > 0 OR a.block IS NOT NULL GROUP BY 1, 2"
        " UNION ALL SELECT region, 0, max(seq) FROM access.trace_anchored GROUP BY 1 ORDER BY 1, 2"
    ):
        book = Book(region, fund)
        if noted is None:
            waiting += book not in last
        elif last.get(book, 0) < noted:
            traces = fund == TRACES
            what, number = ("第{}条留痕", "这个统筹区的留痕") if traces else ("区块{}", "此账套")
            there = f"只到{what.format(last[book])}" if book in last else f"没有{number}"
            yield Breach(
                "INV-12",
                str(region or "") if traces else str(book),
                f"anchor {noted}",
                f"{what.format(noted)}曾经锚定，而{anchors_path(snapshot.home)}中{there}：锚定文件被删除、调换或截短。"
                "请从另一机器上的副本放回；没有副本的，先与银行及打印的账簿核对，再执行 fundledger worker --once anchors 重新锚定",
                "anchor.cut",
            )
    if waiting:
        snapshot.waiting["尚未锚定的账套（日拨付后或由worker锚定）"] = waiting
