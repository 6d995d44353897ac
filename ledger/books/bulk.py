"""Many batches into one book: while one is being written, the next is staged and checked on a second connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Final

from ledger.books.journal import dimensions_of, intern, prepare, write
from ledger.core.entries import Book, Dimensions, EntryDraft, Posted
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work

LANES: Final = 2
"""The head of a book lets one batch write at a time, so a third lane would only wait."""


def post_batches(
    engine: Engine, user: str, book: Book, voucher_date: date, batches: Iterable[Sequence[EntryDraft]]
) -> Iterator[list[Posted]]:
    """Post each batch in a transaction of its own, in order; yields the answers batch by batch.

    A batch is at most `journal.ENTRIES_PER_BLOCK_MAX` entries. Batches are numbered in their order, as if posted one
    after another; a batch that is refused stops those behind it, and what was yielded is posted. Repeating the whole
    is safe: what is posted is replayed (INV-05). Raises what `journal.post` raises.
    """
    with ThreadPoolExecutor(LANES, thread_name_prefix="posting") as lanes:
        before: Future[list[Posted]] | None = None
        waiting: list[Future[list[Posted]]] = []
        known: set[Dimensions] = set()
        for drafts in batches:
            # New dimensions are numbered under the book's lock: in a transaction of their own, or a batch that waits
            # for the one before it would hold what that one waits for.
            if new := dimensions_of(drafts) - known:
                with unit_of_work(engine, user, book.region) as tx:
                    intern(tx, book, new)
                known |= new
            before = lanes.submit(_post, engine, user, book, voucher_date, drafts, before)
            waiting.append(before)
            if len(waiting) > LANES:
                yield waiting.pop(0).result()
        for answer in waiting:
            yield answer.result()


def _post(
    engine: Engine,
    user: str,
    book: Book,
    voucher_date: date,
    drafts: Sequence[EntryDraft],
    before: Future[list[Posted]] | None,
) -> list[Posted]:
    with unit_of_work(engine, user, book.region) as tx:
        prepare(tx, book, drafts)
        if before is not None:
            before.result()
        return write(tx, book, voucher_date, drafts)
