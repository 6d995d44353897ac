"""The only writer of the journal: drafts go in by COPY, `books.post()` numbers, checks, chains and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import psycopg

from ledger.core.entries import Book, Dimensions, EntryDraft, Posted
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction

ENTRIES_PER_BLOCK_MAX: Final = 50_000

_COPY_SPECIAL = re.compile(r"[\\\t\n\r]")
_E_IN: Final = (
    "e_in (pos, event, rule, source_key, business_date, reverses_seq, summary, evidence, evidence_digest,"
    " attachments, prepared_by, reviewed_by, accounts, dims, amounts)"
)
_SENT_AT_ONCE: Final = 1_000
"""Entries a message: while the database takes one in, the next is made."""


def post(
    tx: Transaction, book: Book, voucher_date: date, drafts: Sequence[EntryDraft], *, partial: bool = False
) -> list[Posted]:
    """Post `drafts` to `book` under `voucher_date` in the open transaction; one answer per draft, in order.

    A draft whose source key is known with the same content is `replayed`: the answer is the first one (INV-05).
    Raises Conflict `source.key_reused` for a known key with other content (with `partial`, that draft's outcome is
    `conflict` and the others post), `period.closing`, `.closed`, `.sealed`, `.future`, `voucher.date_backwards`; InvalidInput `entry.*`,
    `account.*`, `dimension.*` for a draft that breaks a rule; NotFound `period.unknown`; InFlight when another transaction holds the book.
    """
    answers: list[Posted] = []
    for start in range(0, len(drafts), ENTRIES_PER_BLOCK_MAX):
        part = drafts[start : start + ENTRIES_PER_BLOCK_MAX]
        _stage(tx, book, part)
        answers += write(tx, book, voucher_date, part, partial=partial)
    return answers


def prepare(tx: Transaction, book: Book, drafts: Sequence[EntryDraft]) -> None:
    """Stage and check one block without locking the book; `write` posts it, in the same transaction. For bulk."""
    _stage(tx, book, drafts)
    tx.run("SELECT books.prepare(%(region)s, %(fund)s::smallint)", region=book.region, fund=book.fund)


def _stage(tx: Transaction, book: Book, drafts: Sequence[EntryDraft]) -> None:
    if tx.region != book.region:
        raise InvalidInput("book.other_region", f"账套{book}不属于当前统筹区{tx.region}", book=str(book))
    numbers = intern(tx, book, dimensions_of(drafts))
    tx.copy_text(_E_IN, _copy_text(drafts, numbers))


def write(
    tx: Transaction, book: Book, voucher_date: date, drafts: Sequence[EntryDraft], *, partial: bool = False
) -> list[Posted]:
    """Post the staged block of `drafts` (`prepare`). Raises and answers as `post`."""
    try:
        rows = tx.rows(
            "SELECT * FROM books.post(%(region)s, %(fund)s::smallint, %(day)s, %(partial)s) ORDER BY first_pos",
            region=book.region,
            fund=book.fund,
            day=voucher_date,
            partial=partial,
        )
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(
            "entry.duplicate_key", "一批凭证中有两张使用同一业务键", detail=error.diag.message_detail
        ) from error
    tx.booked = tx.booked or any(row[2] == "posted" for row in rows)
    return [
        Posted(outcome, seq + step, series, vno + step, period, drafts[first + step].source_key)
        for first, last, outcome, seq, series, vno, period in rows
        for step in range(last - first + 1)
    ]


def dimensions_of(drafts: Sequence[EntryDraft]) -> set[Dimensions]:
    """The distinct dimensions of all lines."""
    return {leg.dims for draft in drafts for leg in draft.legs}


def intern(tx: Transaction, book: Book, dimensions: Iterable[Dimensions]) -> dict[Dimensions, int]:
    """The numbers of distinct `dimensions`; those the region has not seen yet are numbered, under the book's lock.

    Opens the stage for one block.
    """
    distinct = sorted(dimensions)
    fields = list(zip(*distinct, strict=True)) or [()] * len(Dimensions._fields)
    numbers = tx.value(
        "SELECT books.stage(%(region)s, %(fund)s::smallint, %(counterparties)s::text[], %(subfunds)s::text[],"
        " %(years)s::integer[], %(terms)s::integer[], %(categories)s::text[])",
        region=book.region,
        fund=book.fund,
        **dict(
            zip(
                ("counterparties", "subfunds", "years", "terms", "categories"), map(list, fields), strict=True
            )
        ),
    )
    return dict(zip(distinct, numbers or (), strict=True))


def _copy_text(drafts: Sequence[EntryDraft], numbers: Mapping[Dimensions, int]) -> Iterator[bytes]:
    """COPY text of the drafts. No calls per line where it can be helped: the hot path."""
    for start in range(0, len(drafts), _SENT_AT_ONCE):
        part = drafts[start : start + _SENT_AT_ONCE]
        text = "".join([_line(pos, draft, numbers) for pos, draft in enumerate(part, start)])
        # A stray separator is looked for in the whole, and only if there is one, in each.
        count = len(part)
        found = (text.count("\t"), text.count("\n"), text.count("\\"), text.count("\r"))
        if found != (14 * count, count, 2 * count, 0):
            _refuse_separators(part)
        yield text.encode()


def _line(pos: int, d: EntryDraft, numbers: Mapping[Dimensions, int]) -> str:
    lines, dims, amounts = [], [], []
    last, number = None, 0
    for account, side, amount_fen, of in d.legs:
        if (
            of is not last
        ):  # the lines of an entry mostly share theirs, and finding a number hashes five fields
            last, number = of, numbers[of]
        lines.append(str(account) if side > 0 else f"-{account}")
        dims.append(str(number))
        amounts.append(str(amount_fen))
    return (
        f"{pos}\t{d.event}\t{d.rule}\t{d.source_key}\t{d.business_date}\t{d.reverses_seq}\t{d.summary}\t{d.evidence}"
        f"\t\\\\x{d.evidence_digest.hex()}\t{d.attachments}\t{d.prepared_by}\t{d.reviewed_by}"
        f"\t{{{','.join(lines)}}}\t{{{','.join(dims)}}}\t{{{','.join(amounts)}}}\n"
    )


def _refuse_separators(drafts: Sequence[EntryDraft]) -> None:
    for d in drafts:
        free = (d.source_key, d.summary, d.evidence, d.event, d.rule, d.prepared_by, d.reviewed_by)
        if _COPY_SPECIAL.search("".join(free)):
            raise InvalidInput("entry.character", f"凭证{d.source_key!r}的文字含有制表、换行或反斜杠字符")
