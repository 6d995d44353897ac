"""What a seal holds of a book and period, read from the books part by part: memory holds some thousand entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction

ENTRIES_PER_READ: Final = 2_000
_BLOCKS_PER_READ: Final = 500


def accounts(tx: Transaction, book: Book) -> Iterator[dict[str, Any]]:
    """The chart."""
    for row in tx.rows(
        "SELECT account, name, section, class, normal_side, leaf, dims FROM books.account"
        ' WHERE region = %(region)s AND fund = %(fund)s ORDER BY account::text COLLATE "C"',
        region=book.region,
        fund=book.fund,
    ):
        yield dict(
            zip(("account", "name", "section", "class", "normal_side", "leaf", "dims"), row, strict=True)
        )


def dims(tx: Transaction, book: Book, last: int) -> Iterator[dict[str, Any]]:
    """The region's dimensions from the first on: their chain is proven only whole."""
    names = ("dim", "counterparty", "subfund", "service_year", "term", "category")
    for row in tx.rows(
        "SELECT dim, counterparty, subfund, service_year, term, category FROM books.dim"
        " WHERE region = %(region)s AND dim <= %(last)s ORDER BY dim",
        region=book.region,
        last=last,
    ):
        yield dict(zip(names, row, strict=True))


def span(tx: Transaction, book: Book, period: int) -> tuple[int, int, int]:
    """First and last block of the period and the last dimension they name; zeros where nothing was booked."""
    row = tx.row(
        "SELECT coalesce(min(block), 0), coalesce(max(block), 0), coalesce(max(dim_last), 0) FROM books.block"
        " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    assert row is not None  # noqa: S101 - an aggregate has a row
    return row[0], row[1], row[2]


def blocks(tx: Transaction, book: Book, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The chain from block to block, those of other periods between them too: their rows and digests, not their entries."""
    names = (
        *("block", "period", "voucher_date", "first_seq", "last_seq", "legs", "recorded_at", "actor"),
        *("dim_last", "dim_hash", "prev", "hash", "digests"),
    )
    while first <= last:
        for row in tx.rows(
            "SELECT block, period, voucher_date::text, first_seq, last_seq, legs,"
            " (extract(epoch FROM recorded_at) * 1000000)::bigint, actor, dim_last, encode(dim_hash, 'hex'),"
            " encode(prev, 'hex'), encode(hash, 'hex'), encode(digests, 'hex') FROM books.block"
            " WHERE region = %(region)s AND fund = %(fund)s AND block BETWEEN %(first)s AND %(until)s ORDER BY block",
            region=book.region,
            fund=book.fund,
            first=first,
            until=min(last, first + _BLOCKS_PER_READ - 1),
        ):
            yield dict(zip(names, row, strict=True))
        first += _BLOCKS_PER_READ


def entries(tx: Transaction, book: Book, period: int) -> Iterator[dict[str, Any]]:
    """Every entry of the period in the order of the chain, with all its digest is made of."""
    names = (
        *(
            "seq",
            "series",
            "vno",
            "voucher_date",
            "recorded_at",
            "rule",
            "prepared_by",
            "reviewed_by",
            "event",
        ),
        *(
            "source_key",
            "business_date",
            "reverses_seq",
            "summary",
            "evidence",
            "evidence_digest",
            "attachments",
        ),
        *("accounts", "dims", "amounts"),
    )
    last = 0
    while True:
        rows = tx.rows(
            "SELECT seq, series, vno, voucher_date::text, (extract(epoch FROM recorded_at) * 1000000)::bigint, rule,"
            " prepared_by, reviewed_by, event, source_key, business_date::text, reverses_seq, summary, evidence,"
            " encode(evidence_digest, 'hex'), attachments, accounts, dims, amounts FROM books.entry"
            " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s AND seq > %(last)s"
            " ORDER BY seq LIMIT %(most)s",
            region=book.region,
            fund=book.fund,
            period=period,
            last=last,
            most=ENTRIES_PER_READ,
        )
        if not rows:
            return
        last = rows[-1][0]
        for row in rows:
            yield dict(zip(names, row, strict=True))


def balances(tx: Transaction, book: Book, period: int) -> Iterator[dict[str, Any]]:
    """Every account × dimension with an opening or a movement: debit-positive opening and closing, from the posting lists."""
    for account, dim, opening, debit, credit in tx.rows(
        "SELECT account, dim, coalesce(sum(debit - credit) FILTER (WHERE period < %(period)s), 0)::bigint,"
        " coalesce(sum(debit) FILTER (WHERE period = %(period)s), 0)::bigint,"
        " coalesce(sum(credit) FILTER (WHERE period = %(period)s), 0)::bigint FROM books.posting"
        " WHERE region = %(region)s AND fund = %(fund)s AND period <= %(period)s GROUP BY account, dim"
        " HAVING sum(debit - credit) FILTER (WHERE period < %(period)s) <> 0 OR bool_or(period = %(period)s)"
        ' ORDER BY account::text COLLATE "C", dim',
        region=book.region,
        fund=book.fund,
        period=period,
    ):
        closing = opening + debit - credit
        yield {
            "account": account,
            "dim": dim,
            "opening_fen": opening,
            "debit_fen": debit,
            "credit_fen": credit,
            "closing_fen": closing,
        }
