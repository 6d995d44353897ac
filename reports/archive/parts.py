"""What an archive package is made of, read from the books: vouchers as printed, books, bank files with their original bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from ledger.books.vouchers import Voucher, VoucherLine
from ledger.core.entries import Book, Section
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from reports.render.books_grid import voucher_grid
from reports.render.grid import Grid
from reports.seal.contents import entries
from reports.voucher import PrintedVoucher
from reports.voucher_signers import chief_of, is_bank, senders


class ArchivedFile(NamedTuple):
    """A file that came from a bank or went to one."""

    folder: str
    account: str
    name: str
    kind: str
    day: date
    content: bytes


def vouchers(tx: Transaction, book: Book, period: int) -> Iterator[Grid]:
    """Every voucher of the period as its printed form, in the order of the chain; memory holds some thousand."""
    keys = {"region": book.region, "fund": book.fund, "period": period}
    name: str = tx.value("SELECT name FROM books.book WHERE region = %(region)s AND fund = %(fund)s", **keys)
    accounts: dict[int, Any] = {
        row[0]: row
        for row in tx.rows(
            "SELECT account, name, section, dims FROM books.account WHERE region = %(region)s AND fund = %(fund)s",
            **keys,
        )
    }
    dims: dict[int, Any] = {
        row[0]: row[1:]
        for row in tx.rows(
            "SELECT dim, counterparty, subfund, service_year, term, category FROM books.dim WHERE region = %(region)s",
            **keys,
        )
    }
    users: dict[str, str] = dict(tx.rows("SELECT user_name, display_name FROM access.app_user"))
    actors = iter(
        tx.rows(
            "SELECT first_seq, last_seq, actor FROM books.block"
            " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s ORDER BY first_seq",
            **keys,
        )
    )
    block = (0, 0, "")
    chief, sent = chief_of(tx, book, period), senders(tx, book, period)
    for entry in entries(tx, book, period):
        while entry["seq"] > block[1]:
            block = next(actors)
        made = _printed(book, name, period, entry, block[2], accounts, dims, users)
        cashier = sent.get(entry["seq"], "") if is_bank(entry["accounts"]) else ""
        yield voucher_grid(replace(made, chief=chief, cashier=cashier))


def _printed(
    book: Book,
    name: str,
    period: int,
    entry: Mapping[str, Any],
    actor: str,
    accounts: Mapping[int, Any],
    dims: Mapping[int, Any],
    users: Mapping[str, str],
) -> PrintedVoucher:
    lines, sums = [], dict.fromkeys(Section, (0, 0))
    for n, (signed, dim, fen) in enumerate(
        zip(entry["accounts"], entry["dims"], entry["amounts"], strict=True), 1
    ):
        account, called, section, asked = accounts[abs(signed)]
        line = VoucherLine._make(
            (n, account, called, section, asked, *dims[dim], 1 if signed > 0 else -1, fen)
        )
        debit, credit = sums[Section(section)]
        sums[Section(section)] = (debit + line.debit_fen, credit + line.credit_fen)
        lines.append(line)
    there = {line.section for line in lines}
    made = Voucher(
        book=book,
        book_name=name,
        period=period,
        seq=entry["seq"],
        series=entry["series"],
        vno=entry["vno"],
        voucher_date=date.fromisoformat(entry["voucher_date"]),
        business_date=date.fromisoformat(entry["business_date"]),
        recorded_at=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=entry["recorded_at"]),
        event=entry["event"],
        rule=entry["rule"],
        source_key=entry["source_key"],
        reverses_seq=entry["reverses_seq"],
        summary=entry["summary"],
        evidence=entry["evidence"],
        evidence_digest=bytes.fromhex(entry["evidence_digest"]),
        attachments=entry["attachments"],
        prepared_by=entry["prepared_by"],
        reviewed_by=entry["reviewed_by"],
        posted_by=actor,
        lines=tuple(lines),
    )
    return PrintedVoucher(made, {section: sums[section] for section in Section if section in there}, users)


def ledger_codes(tx: Transaction, book: Book, period: int) -> list[tuple[str, str]]:
    """First-level accounts (code, name) with a movement up to the end of the period."""
    return [
        (str(account), name)
        for account, name in tx.rows(
            "SELECT a.account, a.name FROM books.account a WHERE a.region = %(region)s AND a.fund = %(fund)s"
            " AND length(a.account::text) = 4 AND EXISTS (SELECT 1 FROM books.posting p WHERE p.region = %(region)s"
            "   AND p.fund = %(fund)s AND p.period <= %(period)s AND left(p.account::text, 4) = a.account::text)"
            ' ORDER BY a.account::text COLLATE "C"',
            region=book.region,
            fund=book.fund,
            period=period,
        )
    ]


def bank_statements(tx: Transaction, book: Book, period: int) -> Iterator[ArchivedFile]:
    """Statement files of the book's accounts, as taken in, that tell of a day of the month; one at a time."""
    first = date(period // 100, period % 100, 1)
    after = date(period // 100 + period % 100 // 12, period % 100 % 12 + 1, 1)
    found = tx.rows(
        "SELECT f.account, f.sha256, f.n FROM payments.statement_file f WHERE f.region = %(region)s AND f.state = 'taken'"
        " AND f.account IN (SELECT k.account FROM payments.book_account k WHERE k.region = %(region)s AND k.fund = %(fund)s)"
        " AND EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = f.region AND s.account = f.account"
        "    AND s.file_sha256 = f.sha256 AND s.first_day < %(after)s AND s.last_day >= %(first)s)"
        ' ORDER BY f.account COLLATE "C", f.prepared_on, f.name COLLATE "C", f.sha256',
        region=book.region,
        fund=book.fund,
        first=first,
        after=after,
    )
    for account, digest, n in found:
        for name, form, day, content in tx.rows(
            "SELECT name, form, prepared_on, content FROM payments.statement_file"
            " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s AND n = %(n)s",
            region=book.region,
            account=account,
            digest=digest,
            n=n,
        ):
            where = place("payments.statement_file.content", book.region, account, digest)
            yield ArchivedFile(
                "银行对账单", account, name, form, day, fields(tx).open_bytes(bytes(content), where)
            )


def kept_sheets(tx: Transaction, book: Book, period: int) -> list[tuple[str, int]]:
    """(account, version) of the newest 余额调节表 of each account of the book for the month."""
    return tx.rows(
        "SELECT account, max(version) FROM payments.reconciliation r WHERE region = %(region)s AND period = %(period)s"
        " AND account IN (SELECT k.account FROM payments.book_account k WHERE k.region = %(region)s AND k.fund = %(fund)s)"
        ' GROUP BY account ORDER BY account COLLATE "C"',
        region=book.region,
        fund=book.fund,
        period=period,
    )


def bank_papers(tx: Transaction, book: Book, period: int) -> Iterator[ArchivedFile]:
    """Files of the book's accounts: those whose movements were booked by the bank in the month, others by the day they came.

    What goes to the bank (payment files) by the day it was made. One at a time: a file may have megabytes.
    """
    first = date(period // 100, period % 100, 1)
    after = date(period // 100 + period % 100 // 12, period % 100 % 12 + 1, 1)
    keys = {"region": book.region, "fund": book.fund, "first": first, "after": after}
    came = tx.rows(
        "SELECT f.account, f.sha256 FROM payments.inbound_file f WHERE f.region = %(region)s"
        " AND f.account IN (SELECT k.account FROM payments.book_account k WHERE k.region = %(region)s AND k.fund = %(fund)s)"
        " AND CASE WHEN EXISTS (SELECT 1 FROM payments.evidence v WHERE v.region = f.region AND v.account = f.account"
        "                          AND v.file_sha256 = f.sha256)"
        "     THEN EXISTS (SELECT 1 FROM payments.evidence v WHERE v.region = f.region AND v.account = f.account"
        "                     AND v.file_sha256 = f.sha256 AND v.booking_date >= %(first)s AND v.booking_date < %(after)s)"
        "     ELSE f.received_on >= %(first)s AND f.received_on < %(after)s END ORDER BY f.account, f.received_on, f.name, f.sha256",
        **keys,
    )
    for account, digest in came:
        for name, kind, day, content in tx.rows(
            "SELECT name, kind, received_on, content FROM payments.inbound_file"
            " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s",
            region=book.region,
            account=account,
            digest=digest,
        ):
            where = place("payments.inbound_file.content", book.region, account, digest)
            yield ArchivedFile(
                "银行来文", account, name, kind, day, fields(tx).open_bytes(bytes(content), where)
            )
    sent = tx.rows(
        "SELECT b.file_id FROM payments.bank_file b WHERE b.region = %(region)s"
        " AND b.account IN (SELECT k.account FROM payments.book_account k WHERE k.region = %(region)s AND k.fund = %(fund)s)"
        " AND (b.created_at AT TIME ZONE 'Asia/Shanghai')::date >= %(first)s"
        " AND (b.created_at AT TIME ZONE 'Asia/Shanghai')::date < %(after)s ORDER BY b.file_id",
        **keys,
    )
    for (file_id,) in sent:
        for account, name, day, content in tx.rows(
            "SELECT account, name, (created_at AT TIME ZONE 'Asia/Shanghai')::date, content FROM payments.bank_file"
            " WHERE region = %(region)s AND file_id = %(file_id)s",
            region=book.region,
            file_id=file_id,
        ):
            where = place("payments.bank_file.content", book.region, file_id)
            yield ArchivedFile(
                "拨付文件", account, name, "pain.001", day, fields(tx).open_bytes(bytes(content), where)
            )
