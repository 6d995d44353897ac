"""Files of the tax office and the fiscal office taken in: the good rows drafted at once, the bad ones kept beside them.

The same bytes again get the first answer; a row's own key drafts once over all files of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from ledger.books.templates.file_rows import (
    BYTES_MAX,
    HEADINGS,
    KINDS,
    BadRow,
    GoodRow,
    Rows,
    read_rows,
    table,
)
from ledger.books.templates.fill import ground
from ledger.books.templates.own import forms_on
from ledger.books.templates.workbook import template_workbook, workbook_text
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.text import file_name
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction


class ImportRow(NamedTuple):
    """A row as it was judged: its draft, or what is wrong."""

    line: int
    key: str
    voucher_id: str
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that was taken in."""

    sha256: bytes
    kind: str
    name: str
    imported_by: str
    imported_on: date
    good: int
    bad: int
    amount_fen: int
    """What the debits of its drafts come to."""

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "sha256": self.sha256.hex(),
            "kind": self.kind,
            "name": self.name,
            "imported_by": self.imported_by,
            "imported_on": self.imported_on.isoformat(),
            "good": self.good,
            "bad": self.bad,
            "amount_fen": str(self.amount_fen),
        }


def template_text() -> str:
    """The heading and an example row."""
    return "\r\n".join(",".join(row) for row in (HEADINGS, _example())) + "\r\n"


def template_bytes(name: str) -> bytes:
    """The same as a file of that name: a workbook where it ends in .xlsx."""
    if name.lower().endswith(".xlsx"):
        return template_workbook(_example())
    return "\ufeff".encode() + template_text().encode()


def _example() -> list[str]:
    example = {
        "key": "342016261000000001", "date": "2026-10-14", "template": "A1", "open": "100.00", "document": "342016261000000001",
    }  # fmt: skip
    return [example.get(name, "") for name in HEADINGS]


def take_file(
    tx: Transaction, book: Book, kind: str, name: str, content: bytes, day: date
) -> tuple[Imported, bool]:
    """Take a file in; False where it was here before and the first answer is given.

    Raises InvalidInput `voucher_file.kind`, `voucher_file.name`, `voucher_file.size`, `voucher_file.encoding`,
    `voucher_file.workbook`, `voucher_file.heading`, `voucher_file.rows`; Conflict `voucher_file.key_known`,
    `voucher.date_backwards`; Forbidden `access.role_missing`, `access.cashier_posts`.
    """
    text = _text(kind, name, content)
    digest = sha256(content).digest()
    if known := imported(tx, book, digest):
        return known[0], False
    parties = {row[HEADINGS.index("party")] for _, row in table(text) if len(row) == len(HEADINGS)}
    known_parties: dict[str, bool] = dict(
        tx.rows(
            "SELECT party, known FROM books.known_parties(%(region)s, %(parties)s::text[])",
            region=book.region,
            parties=sorted(parties - {""}),
        )
    )
    rows = read_rows(text, kind, forms_on(tx, book, day), ground(tx, book), day, known_parties)
    rows = _without_known(tx, book, kind, rows)
    _store(tx, book, (kind, name, content, day), rows)
    return imported(tx, book, digest)[0], True


def imported(tx: Transaction, book: Book, digest: bytes | None = None) -> list[Imported]:
    """The files of a book, newest first, or the one of a digest."""
    return [
        Imported(bytes(row[0]), *row[1:])
        for row in tx.rows(
            """SELECT sha256, kind, name, imported_by, imported_on, good, bad, amount_fen FROM books.import_file
                WHERE region = %(region)s AND fund = %(fund)s AND (%(sha)s::bytea IS NULL OR sha256 = %(sha)s)
                ORDER BY imported_on DESC, sha256""",
            region=book.region,
            fund=book.fund,
            sha=digest,
        )
    ]


def import_rows(tx: Transaction, book: Book, digest: bytes, *, bad_only: bool) -> list[ImportRow]:
    """The rows of a file in their order. Raises NotFound `voucher_file.unknown`."""
    if not imported(tx, book, digest):
        raise NotFound("voucher_file.unknown", f"账套{book}没有收过文件{digest.hex()[:16]}")
    known = fields(tx)
    return [
        ImportRow(line, key, draft, field, code, known.open(message))
        for line, key, draft, field, code, message in tx.rows(
            """SELECT line, key, coalesce(voucher_id, ''), field, code, message FROM books.import_row
                WHERE region = %(region)s AND fund = %(fund)s AND sha256 = %(sha)s AND (NOT %(bad)s OR voucher_id IS NULL)
                ORDER BY line""",
            region=book.region,
            fund=book.fund,
            sha=digest,
            bad=bad_only,
        )
    ]


def _text(kind: str, name: str, content: bytes) -> str:
    if kind not in KINDS:
        raise InvalidInput(
            "voucher_file.kind", f"没有“{kind[:20]}”类文件，应为{'、'.join(KINDS)}", field="kind"
        )
    file_name(name, "voucher_file.name")
    if name.lower().endswith(".xls"):
        raise InvalidInput("voucher_file.workbook", "不能读取xls：请另存为xlsx或CSV（UTF-8）", field="file")
    if not 1 <= len(content) <= BYTES_MAX:
        raise InvalidInput(
            "voucher_file.size", f"文件有{len(content)}字节，应为1到{BYTES_MAX}字节", field="file"
        )
    if name.lower().endswith(".xlsx"):
        return workbook_text(name, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("voucher_file.encoding", f"{name}不是UTF-8编码的CSV", field="file") from error
    if "\x00" in text:
        raise InvalidInput("voucher_file.encoding", f"{name}含有空字符", field="file")
    return text


def _without_known(tx: Transaction, book: Book, kind: str, rows: Rows) -> Rows:
    """Rows whose key another file drafted already, and nobody turned down, are bad ones."""
    known: dict[str, str] = dict(
        tx.rows(
            """SELECT r.key, encode(r.sha256, 'hex') FROM books.import_row r
                WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.kind = %(kind)s AND r.voucher_id IS NOT NULL
                  AND r.key = ANY (%(keys)s::text[])
                  AND NOT EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.region = r.region AND d.fund = r.fund
                                     AND d.voucher_id = r.voucher_id AND d.decision <> 'approved')""",
            region=book.region,
            fund=book.fund,
            kind=kind,
            keys=[row.key for row in rows.good],
        )
    )
    bad = [
        BadRow(
            row.line, row.key, "key", "voucher_file.key_known", f"已由文件{known[row.key][:16]}制单", row.raw
        )
        for row in rows.good
        if row.key in known
    ]
    return Rows([row for row in rows.good if row.key not in known], sorted([*rows.bad, *bad]))


def _store(tx: Transaction, book: Book, file: tuple[str, str, bytes, date], rows: Rows) -> None:
    kind, name, content, day = file
    sha = sha256(content).digest()
    good, bad, known = rows.good, rows.bad, fields(tx)
    legs = [(of, leg) for of, row in enumerate(good, 1) for leg in row.content.legs]
    tx.run(
        """SELECT books.import_vouchers(%(region)s, %(fund)s::smallint, %(kind)s, %(name)s, %(sha)s, %(content)s, %(day)s,
                  %(lines)s::integer[], %(keys)s::text[], %(raws)s::text[],
                  %(business)s::date[], %(summaries)s::text[], %(evidences)s::text[], %(attachments)s::integer[],
                  %(of)s::integer[], %(sides)s::smallint[], %(amounts)s::bigint[], %(accounts)s::integer[],
                  %(parties)s::text[], %(subfunds)s::text[], %(years)s::smallint[], %(terms)s::integer[], %(categories)s::text[],
                  %(bad_lines)s::integer[], %(bad_keys)s::text[], %(fields)s::text[], %(codes)s::text[], %(messages)s::text[],
                  %(bad_raws)s::text[], %(templates)s::text[])""",
        region=book.region,
        fund=book.fund,
        kind=kind,
        name=name,
        sha=sha,
        content=known.seal_bytes(content, place("books.import_file.content", book.region, book.fund, sha)),
        day=day,
        lines=[row.line for row in good],
        keys=[row.key for row in good],
        raws=[known.seal(row.raw) for row in good],
        **_heads(good),
        of=[of for of, _ in legs],
        sides=[int(leg.side) for _, leg in legs],
        amounts=[leg.amount_fen for _, leg in legs],
        accounts=[leg.account for _, leg in legs],
        parties=[leg.dims.counterparty for _, leg in legs],
        subfunds=[leg.dims.subfund for _, leg in legs],
        years=[leg.dims.service_year for _, leg in legs],
        terms=[leg.dims.term for _, leg in legs],
        categories=[leg.dims.category for _, leg in legs],
        bad_lines=[row.line for row in bad],
        bad_keys=[row.key for row in bad],
        fields=[row.field for row in bad],
        codes=[row.code for row in bad],
        messages=[known.seal(row.message) for row in bad],
        bad_raws=[known.seal(row.raw) for row in bad],
        templates=[row.content.template or None for row in good],
    )


def _heads(good: Sequence[GoodRow]) -> dict[str, list[object]]:
    return {
        "business": [row.content.business_date for row in good],
        "summaries": [row.content.summary for row in good],
        "evidences": [row.content.evidence for row in good],
        "attachments": [row.content.attachments for row in good],
    }
