"""Opening a book with a confirmed set: sub-ledgers by the database, the entry through the one posting door, in one transaction."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import Book, Dimensions, EntryDraft, Side
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.cutover.store import Cutover, cutover_of, decide
from ledger.rules.opening import OPENING_EVENT, OPENING_RULE, OPENING_SUMMARY, Opened, opening_entries


class OpenedBook(NamedTuple):
    """What a confirmation did."""

    cutover: Cutover
    vouchers: list[str]
    lines: int


def confirm_cutover(tx: Transaction, book: Book, day: date, digest: str, on: date) -> OpenedBook:
    """Open the book with the proposed set of that digest and day, as checker and another person; whole or not at all.

    Raises as `decide`, and Conflict `cutover.other_day`; what `post` raises.
    """
    proposed = cutover_of(tx, book, "confirmed" if _is_open(tx, book) else "proposed")
    if proposed.day != day:
        raise Conflict("cutover.other_day", f"待复核的接转日为{proposed.day}，不是{day}")
    version = decide(tx, book, digest, "", on)
    entries = opening_entries(_lines(tx, book, version))
    open_period(tx, book, period_of(day))
    drafts = [
        EntryDraft(
            OPENING_EVENT, f"{OPENING_EVENT}:{int(section)}", day, OPENING_SUMMARY, entry.legs, OPENING_RULE,
            proposed.proposed_by, tx.user, bytes.fromhex(digest), f"接转{day}",
        )
        for section, entry in entries.items()
    ]  # fmt: skip
    posted = post(tx, book, day, drafts)
    return OpenedBook(
        cutover_of(tx, book, "confirmed"),
        [one.voucher for one in posted],
        sum(len(draft.legs) for draft in drafts),
    )


def refuse_cutover(tx: Transaction, book: Book, digest: str, reason: str, on: date) -> None:
    """Refuse the proposed set with a reason; raises as `decide`, and InvalidInput `cutover.reason`."""
    if not reason.strip():
        raise InvalidInput("cutover.reason", "退回接转资料须写明理由")
    decide(tx, book, digest, reason.strip(), on)


def _is_open(tx: Transaction, book: Book) -> bool:
    return bool(
        tx.value(
            "SELECT EXISTS (SELECT 1 FROM fund.cutover WHERE region = %(region)s AND fund = %(fund)s AND state = 'confirmed')",
            region=book.region,
            fund=book.fund,
        )
    )


def _lines(tx: Transaction, book: Book, version: int) -> list[Opened]:
    return [
        Opened(account, Side(side), fen, Dimensions(*dims))
        for account, side, fen, *dims in tx.rows(
            """SELECT l.account, a.normal_side, l.balance_fen, l.counterparty, l.subfund, l.service_year, l.term, l.category
                 FROM fund.cutover_line l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
                WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.version = %(version)s AND l.posted AND l.balance_fen <> 0
                ORDER BY l.account, l.file COLLATE "C", l.line""",
            region=book.region,
            fund=book.fund,
            version=version,
        )
    ]
