"""The only writer of the journal: drafts go in by COPY, `books.post()` numbers, checks, chains and writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import psycopg

from ledger.core.entries import Book, Dimensions, EntryDraft, Posted, section_of
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction

ENTRIES_PER_BLOCK_MAX: Final = 50_000

_COPY_SPECIAL = re.compile(r"[\\\t\n\r]")
_E_IN: Final = (
    "e_in (pos, event, rule, source_key, business_date, reverses_seq, summary, evidence, evidence_digest,"
    " attachments, prepared_by, reviewed_by)"
)
_L_IN: Final = "l_in (pos, n, section, side, amount_fen, account, k)"
_D_IN: Final = "d_in (k, counterparty, subfund, service_year, term, category)"


def post(
    tx: Transaction, book: Book, voucher_date: date, drafts: Sequence[EntryDraft], *, partial: bool = False
) -> list[Posted]:
    """Post `drafts` to `book` under `voucher_date` in the open transaction; one answer per draft, in order.

    A draft whose source key is known with the same content is `replayed`: the answer is the first one (INV-05).
    Raises Conflict `source.key_reused` for a known key with other content (with `partial`, that draft's outcome is
    `conflict` and the others post), `period.not_open`, `voucher.date_backwards`; InvalidInput `entry.*`,
    `account.*`, `dimension.*` for a draft that breaks a rule; InFlight when another transaction holds the book.
    """
    answers: list[Posted] = []
    for start in range(0, len(drafts), ENTRIES_PER_BLOCK_MAX):
        answers += _post_block(
            tx, book, voucher_date, drafts[start : start + ENTRIES_PER_BLOCK_MAX], partial=partial
        )
    return answers


def _post_block(
    tx: Transaction, book: Book, voucher_date: date, drafts: Sequence[EntryDraft], *, partial: bool
) -> Iterator[Posted]:
    if tx.region != book.region:
        raise InvalidInput("book.other_region", f"账套{book}不属于当前统筹区{tx.region}", book=str(book))
    headers, legs, dims = _copy_text(drafts)
    tx.run("SELECT books.stage()")
    tx.copy_text(_D_IN, dims)
    tx.copy_text(_E_IN, headers)
    tx.copy_text(_L_IN, legs)
    try:
        rows = tx.rows(
            "SELECT pos, outcome, seq, series, vno, period FROM books.post(%(region)s, %(fund)s::smallint, %(day)s, %(partial)s) ORDER BY pos",
            region=book.region,
            fund=book.fund,
            day=voucher_date,
            partial=partial,
        )
    except psycopg.errors.UniqueViolation as error:
        raise Conflict(
            "entry.duplicate_key", "一批凭证中有两张使用同一业务键", detail=error.diag.message_detail
        ) from error
    return (
        Posted(outcome, seq, series, vno, period, drafts[pos].source_key)
        for pos, outcome, seq, series, vno, period in rows
    )


def _copy_text(drafts: Sequence[EntryDraft]) -> tuple[bytes, bytes, bytes]:
    """COPY text of headers, lines and distinct dimensions. No calls per line where it can be helped: the hot path."""
    numbers: dict[Dimensions, int] = {}
    sections: dict[int, int] = {}
    lines: list[str] = []
    for pos, draft in enumerate(drafts):
        last, k = None, 0
        for n, (account, side, amount_fen, dims) in enumerate(draft.legs, 1):
            if (
                dims is not last
            ):  # the lines of an entry mostly share theirs, and finding a number hashes five fields
                last, k = dims, numbers.setdefault(dims, len(numbers))
            section = sections.get(account)
            if section is None:
                section = sections[account] = int(section_of(account))
            lines.append(f"{pos}\t{n}\t{section}\t{1 if side > 0 else -1}\t{amount_fen}\t{account}\t{k}\n")
    keys = [
        f"{k}\t{_field(dims.counterparty)}\t{_field(dims.subfund)}\t{dims.service_year}\t{dims.term}\t{_field(dims.category)}\n"
        for dims, k in numbers.items()
    ]
    return _headers(drafts).encode(), "".join(lines).encode(), "".join(keys).encode()


def _headers(drafts: Sequence[EntryDraft]) -> str:
    """COPY text of the headers. A stray separator is looked for in the whole, and only if there is one, in each."""
    text = "".join(
        [
            f"{pos}\t{d.event}\t{d.rule}\t{d.source_key}\t{d.business_date}\t{d.reverses_seq}\t{d.summary}\t{d.evidence}"
            f"\t\\\\x{d.evidence_digest.hex()}\t{d.attachments}\t{d.prepared_by}\t{d.reviewed_by}\n"
            for pos, d in enumerate(drafts)
        ]
    )
    count = len(drafts)
    found = (text.count("\t"), text.count("\n"), text.count("\\"), text.count("\r"))
    if found != (11 * count, count, 2 * count, 0):
        for d in drafts:
            free = (d.source_key, d.summary, d.evidence, d.event, d.rule, d.prepared_by, d.reviewed_by)
            if _COPY_SPECIAL.search("".join(free)):
                raise InvalidInput("entry.character", f"凭证{d.source_key!r}的文字含有制表、换行或反斜杠字符")
    return text


def _field(text: str) -> str:
    if _COPY_SPECIAL.search(text):
        raise InvalidInput("dimension.character", f"辅助核算值{text!r}含有制表、换行或反斜杠字符")
    return text
