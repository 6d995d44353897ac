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
    tx.value("SELECT fund.open_banks(%(region)s, %(fund)s::smallint)", region=book.region, fund=book.fund)
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
    """The set's posted lines; a bank account's without its open items first, then each of those as a line of its own."""
    return [
        Opened(account, Side(side), fen, Dimensions(*dims))
        for account, side, fen, *dims in tx.rows(
            """WITH item AS (
                   SELECT k.kind::integer AS code, k.kind = '1005' AS whole, b.account, b.line,
                          CASE b.kind WHEN 'book_in' THEN b.amount_fen ELSE -b.amount_fen END AS fen
                     FROM fund.cutover_bank b JOIN payments.bank_account k ON k.region = b.region AND k.account = b.account
                    WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.version = %(version)s AND b.kind IN ('book_in', 'book_out')),
               line AS (
                   SELECT l.*, a.normal_side
                     FROM fund.cutover_line l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
                    WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.version = %(version)s AND l.posted)
               SELECT account, normal_side, fen, counterparty, subfund, service_year, term, category FROM (
                   SELECT l.*, 0 AS place, l.balance_fen - coalesce((SELECT sum(i.fen) FROM item i
                              WHERE i.code = l.account AND (i.whole OR i.account = l.counterparty)), 0)::bigint AS fen FROM line l
                   UNION ALL
                   SELECT l.*, i.line, i.fen FROM line l JOIN item i ON i.code = l.account AND (i.whole OR i.account = l.counterparty)) s
                WHERE fen <> 0 ORDER BY account, file COLLATE "C", line, place""",
            region=book.region,
            fund=book.fund,
            version=version,
        )
    ]
