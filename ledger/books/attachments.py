"""Papers attached to drafts of hand-written vouchers: kept by their SHA-256, counted as 附件, fixed once the draft is decided."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Final

from ledger.books.attached import Attachment
from ledger.books.manual import ManualVoucher, manual_voucher
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.text import file_name
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction

BYTES_MAX: Final = 20 * 1024 * 1024


def attach(
    tx: Transaction, book: Book, voucher_id: str, name: str, content: bytes, day: date
) -> ManualVoucher:
    """Attach a file to one's own draft that nobody decided yet; the same bytes again change nothing.

    Raises InvalidInput `attachment.name`, `attachment.size`; NotFound `voucher.draft_unknown`; Conflict `voucher.decided`;
    Forbidden `voucher.not_drafter`, `access.role_missing`; NotFound `data.key_missing`, since it is kept sealed.
    """
    file_name(name, "attachment.name")
    if not 1 <= len(content) <= BYTES_MAX:
        raise InvalidInput(
            "attachment.size", f"附件{name}有{len(content)}字节，应为1到{BYTES_MAX}字节", field="file"
        )
    sha = sha256(content).digest()
    tx.run(
        "SELECT books.attach_file(%(region)s, %(fund)s::smallint, %(id)s, %(name)s, %(sha)s, %(content)s, %(day)s)",
        region=book.region,
        fund=book.fund,
        id=voucher_id,
        name=name,
        sha=sha,
        content=fields(tx).seal_bytes(
            content, place("books.attached_file.content", book.region, book.fund, sha)
        ),
        day=day,
    )
    return manual_voucher(tx, book, voucher_id)


def attachment(tx: Transaction, book: Book, voucher_id: str, n: int) -> tuple[Attachment, bytes]:
    """One attached paper with its bytes. Raises NotFound `voucher.draft_unknown`, `attachment.unknown`, `data.key_missing`."""
    of = manual_voucher(tx, book, voucher_id)
    found = next((one for one in of.attached if one.n == n), None)
    if found is None:
        raise NotFound("attachment.unknown", f"手工凭证{voucher_id}没有第{n}个附件", n=n)
    content = tx.value(
        "SELECT content FROM books.attached_file WHERE region = %(region)s AND fund = %(fund)s AND sha256 = %(sha)s",
        region=book.region,
        fund=book.fund,
        sha=found.sha256,
    )
    where = place("books.attached_file.content", book.region, book.fund, found.sha256)
    return found, fields(tx).open_bytes(bytes(content), where)
