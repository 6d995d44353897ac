"""INV-12 and INV-06: blocks follow one another without gap, in time, hash to hash, up to the head."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book


def check_links(snapshot: Snapshot) -> Iterator[Breach]:
    """Numbers, previous hashes, times, the first block's root and the head of every book."""
    for book in snapshot.books():
        yield from _links(snapshot, book)
        yield from _head(snapshot, book)


def _root(book: Book) -> bytes:
    return sha256(f"fundledger book {book}".encode()).digest()


def _links(snapshot: Snapshot, book: Book) -> Iterator[Breach]:
    rows = snapshot.rows(
        """
        SELECT * FROM (
            SELECT block, first_seq, last_seq, period,
                   block = lag(block, 1, 0::bigint) OVER w + 1 AS dense,
                   first_seq = lag(last_seq, 1, 0::bigint) OVER w + 1 AND last_seq >= first_seq AS covered,
                   prev = lag(hash, 1, %(root)s::bytea) OVER w AS linked,
                   recorded_at > lag(recorded_at, 1, to_timestamp(0)) OVER w AS later,
                   dim_last >= lag(dim_last, 1, 0) OVER w AS dims,
                   period = extract(year FROM voucher_date) * 100 + extract(month FROM voucher_date) AS dated
              FROM books.block WHERE region = %(region)s AND fund = %(fund)s
            WINDOW w AS (ORDER BY block)) b
         WHERE NOT (dense AND covered AND linked AND later AND dims AND dated) ORDER BY block
        """,
        region=book.region,
        fund=book.fund,
        root=_root(book),
    )
    words = (
        "编号不连续",
        "凭证序号不连续",
        "前一区块的哈希对不上",
        "记账时间没有晚于前一区块",
        "辅助核算编号倒退",
        "期间与填制日期不符",
    )
    for block, first, last, period, *good in rows:
        wrong = "、".join(word for word, right in zip(words, good, strict=True) if not right)
        yield Breach("INV-12", str(book), f"seq {first}–{last} ({period})", f"区块{block}：{wrong}")


def _head(snapshot: Snapshot, book: Book) -> Iterator[Breach]:
    tip = snapshot.rows(
        "SELECT last_seq, block, recorded_at, hash FROM books.block"
        " WHERE region = %(region)s AND fund = %(fund)s ORDER BY block DESC LIMIT 1",
        region=book.region,
        fund=book.fund,
    )
    head = snapshot.rows(
        "SELECT seq, block, recorded_at, hash FROM books.head WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    if tip and head != tip:
        yield Breach("INV-12", str(book), f"seq {tip[0][0]}", "账套链尾与最后一个区块不符")
    elif not tip and (not head or head[0][:2] != (0, 0) or head[0][3] != _root(book)):
        yield Breach("INV-12", str(book), "seq 0", "账套没有区块，链尾却不是起点")
