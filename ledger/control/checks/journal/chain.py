"""INV-12, INV-01, INV-05: every entry is the one its block and its key sealed, and balances within each section.

Entries and blocks are read side by side in the order of their numbers, one book and month at a time, so memory holds
one block. The canonical texts are those of `books.digest_contents` and `books.post`, written a second
time here on purpose: a writer that digests wrongly must not agree with its own mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.entries import Book

_ENTRIES: Final = (
    "SELECT e.seq, e.series, e.vno, e.voucher_date, (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.rule,"
    " e.prepared_by, e.reviewed_by, e.event, e.source_key, e.business_date, e.reverses_seq, e.summary, e.evidence,"
    " encode(e.evidence_digest, 'hex'), e.attachments, array_to_string(e.accounts, ','), array_to_string(e.dims, ','),"
    " array_to_string(e.amounts, ','), encode(s.content_digest, 'hex')"
    " FROM books.entry e LEFT JOIN books.source s ON s.region = {region} AND s.fund = {fund}"
    " AND s.source_key = e.source_key AND s.period = e.period AND s.seq = e.seq"
    " WHERE e.region = {region} AND e.fund = {fund} AND e.period = {period} ORDER BY e.seq"
)
_BLOCKS: Final = (
    "SELECT block, period, voucher_date, first_seq, last_seq, legs, (extract(epoch FROM recorded_at) * 1000000)::bigint,"
    " actor, dim_last, encode(dim_hash, 'hex'), encode(prev, 'hex'), encode(hash, 'hex'), encode(digests, 'hex')"
    " FROM books.block WHERE region = {region} AND fund = {fund} AND period = {period} ORDER BY first_seq, block"
)
_HEAD_FIELDS: Final = 8
_CONTENT_END: Final = 19
_FIELD: Final = re.compile(rb"((?:[^|\\]|\\.)*)\|", re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPED: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class _Entry(NamedTuple):
    seq: int
    head: bytes
    """seq, series, vno, voucher_date, recorded_at, rule and signers, as digested."""
    content: bytes
    """event … attachments and lines, as digested."""
    accounts: bytes
    """Of the lines, comma between; negative on the credit side."""
    amounts: bytes
    source: bytes
    """The content digest its business key is registered with, in hex."""


def check_chain(snapshot: Snapshot) -> Iterator[Breach]:
    """Recompute content, entry and block digests; counts the snapshot's entries and lines on the way."""
    for book in snapshot.books():
        periods = snapshot.rows(
            "SELECT period FROM books.block WHERE region = %(region)s AND fund = %(fund)s"
            " UNION SELECT period FROM books.entry WHERE region = %(region)s AND fund = %(fund)s ORDER BY 1",
            region=book.region,
            fund=book.fund,
        )
        for (period,) in periods:
            yield from _Month(snapshot, book, period).check()


class _Month:
    """The blocks and entries of one book and month, read in step."""

    def __init__(self, snapshot: Snapshot, book: Book, period: int) -> None:
        self.snapshot = snapshot
        self.book = book
        self.period = period
        keys = {"region": book.region, "fund": book.fund, "period": period}
        self._blocks = snapshot.copy(0, _BLOCKS, **keys)
        self._entries = map(_read_entry, snapshot.copy(1, _ENTRIES, **keys))
        self._entry = next(self._entries, None)

    def check(self) -> Iterator[Breach]:
        for line in self._blocks:
            fields = _fields(line)
            yield from self._block([field.decode("utf-8", "replace") for field in fields[:12]], fields[12])
        yield from self._rest(None)

    def _finding(self, promise: str, seq: int, message: str, head: bytes = b"") -> Breach:
        if promise != "INV-05":  # the key's register, not the lines
            self.snapshot.rewritten.add((self.book, self.period))
        series, vno = "", ""
        if head:
            series, vno = (text.decode("utf-8", "replace") for text in head.split(b"|")[1:3])
        return Breach(promise, str(self.book), seq_label(self.period, seq, series, vno), message)

    def _block(self, block: list[str], stored_hex: bytes) -> Iterator[Breach]:
        first, last, legs_sealed = int(block[3]), int(block[4]), int(block[5])
        yield from self._rest(first)
        stored = bytes.fromhex(stored_hex.decode())
        if len(stored) != 32 * (last - first + 1):
            yield self._finding("INV-12", first, f"区块{block[0]}的摘要个数与其凭证个数不符")
        broken, legs = False, 0
        for seq in range(first, last + 1):
            place = 32 * (seq - first)
            entry = self._take(seq)
            if entry is None:
                broken = True
                yield self._finding("INV-02", seq, f"凭证已不存在，而区块{block[0]}记有其摘要")
                continue
            lines, problem = _unbalanced(entry)
            legs += lines
            if problem:
                yield self._finding("INV-01", seq, problem, entry.head)
            content = sha256(entry.content)
            if sha256(entry.head + content.digest()).digest() != stored[place : place + 32]:
                broken = True
                yield self._finding("INV-12", seq, "凭证或其分录行与记账时的摘要不符，已被改动", entry.head)
            if content.hexdigest().encode() != entry.source:
                yield self._finding(
                    "INV-05", seq, "凭证的业务键未登记，或登记的内容摘要与凭证不同", entry.head
                )
        if legs != legs_sealed and not broken:
            yield self._finding("INV-12", first, f"区块{block[0]}记有{legs_sealed}行，实有{legs}行")
        yield from self._seal(block, stored)

    def _seal(self, block: list[str], stored: bytes) -> Iterator[Breach]:
        """The hash over the block's own row, whatever became of its entries."""
        header = "|".join((str(self.book.region), str(self.book.fund), *block[:10])) + "\n"
        if sha256(bytes.fromhex(block[10]) + header.encode() + stored).hexdigest() != block[11]:
            yield self._finding("INV-12", int(block[3]), f"区块{block[0]}的哈希与其内容不符，区块已被改动")

    def _take(self, seq: int) -> _Entry | None:
        """The entry of that number, if it is next."""
        entry = self._entry
        if entry is None or entry.seq != seq:
            return None
        self._entry = next(self._entries, None)
        self.snapshot.entries += 1
        self.snapshot.lines += entry.accounts.count(b",") + 1
        return entry

    def _rest(self, before: int | None) -> Iterator[Breach]:
        """Entries below `before` (None: all that is left) that no block has sealed."""
        while (entry := self._entry) is not None and (before is None or entry.seq < before):
            yield self._finding("INV-12", entry.seq, "凭证不在任何区块中，不是由记账函数写入", entry.head)
            self._take(entry.seq)
            if problem := _unbalanced(entry)[1]:
                yield self._finding("INV-01", entry.seq, problem)


def _fields(line: bytes) -> list[bytes]:
    """The fields of a COPY line; a backslash, which no posted text has, is undone field by field."""
    if b"\\" not in line:
        return line[:-1].split(b"|")
    parts = _FIELD.findall(line[:-1] + b"|")
    return [_ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), part) for part in parts]


def _read_entry(line: bytes) -> _Entry:
    fields = _fields(line)
    head, content = b"|".join(fields[:_HEAD_FIELDS]), b"|".join(fields[_HEAD_FIELDS:_CONTENT_END])
    return _Entry(
        int(fields[0]),
        head,
        content,
        fields[_CONTENT_END - 3],
        fields[_CONTENT_END - 1],
        fields[_CONTENT_END],
    )


def _unbalanced(entry: _Entry) -> tuple[int, str]:
    """How many lines an entry has, and what is wrong with them; "" when they balance within each section."""
    accounts, amounts = entry.accounts.split(b","), entry.amounts.split(b",")
    statutory = memorandum = 0
    for account, amount in zip(accounts, amounts, strict=False):
        if account[:1] == b"-":
            fen, first = -int(amount), account[1:2]
        else:
            fen, first = int(amount), account[:1]
        if first == b"9":
            memorandum += fen
        else:
            statutory += fen
    lines = len(accounts)
    if lines < 2 or len(amounts) != lines:
        return lines, f"凭证只有{lines}行分录，或科目与金额个数不同"
    if statutory or memorandum:
        return lines, f"凭证借贷不平：会计账差{statutory}分，备查账差{memorandum}分"
    return lines, ""
