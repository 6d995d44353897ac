"""Many drafts looked at as one list and approved under one digest, by a checker who drafted none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ledger.access.signing.signing import signed
from ledger.books.attached import attachments_of
from ledger.books.journal import post
from ledger.books.manual import ManualContent, ManualVoucher, entry_of, legs_of
from ledger.books.papers import papers_of
from ledger.core.entries import Book, Posted
from ledger.core.errors import NotFound
from ledger.core.words import evidence_named
from ledger.db.unit_of_work import Transaction


class BatchException(NamedTuple):
    """A draft that waits and is not on the list, with the rule that keeps it off."""

    voucher_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class DraftList:
    """The drafts a person can approve, by id, with what their debits come to; and those they cannot."""

    voucher_ids: Sequence[str]
    amount_fen: int
    digest: bytes
    exceptions: Sequence[BatchException]

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "count": len(self.voucher_ids),
            "amount_fen": str(self.amount_fen),
            "digest": self.digest.hex() if self.voucher_ids else "",
            "drafts": list(self.voucher_ids),
            "exceptions": [one._asdict() for one in self.exceptions],
        }


def waiting_batch(tx: Transaction, book: Book, day: date, file_sha256: bytes | None = None) -> DraftList:
    """What waits in a book, or of one imported file, for the acting user to approve on `day`."""
    rows = tx.rows(
        # from the file's rows to their drafts, each by its key (LIMIT and OFFSET keep it so): of rows of minutes ago a planner has no
        # statistics, and it read the whole file's for each draft
        """WITH asked AS MATERIALIZED (
               SELECT x.* FROM books.import_row r
                CROSS JOIN LATERAL (SELECT w.* FROM books.voucher w
                                     WHERE w.region = r.region AND w.fund = r.fund AND w.voucher_id = r.voucher_id LIMIT 1) x
                WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.sha256 = %(file)s::bytea
               UNION ALL
               SELECT w.* FROM books.voucher w WHERE %(file)s::bytea IS NULL AND w.region = %(region)s AND w.fund = %(fund)s)
           SELECT v.voucher_id, v.prepared_by, v.business_date,
                  access.person(v.prepared_by) IS NOT DISTINCT FROM (SELECT access.person(%(user)s)),
                  (SELECT sum(l.amount_fen) FROM books.voucher_line l
                    WHERE l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id AND l.side = 1)
             FROM asked v
            WHERE NOT EXISTS (SELECT 1 FROM books.voucher_decision d
                               WHERE d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id OFFSET 0)
            ORDER BY v.voucher_id COLLATE "C" """,
        region=book.region,
        fund=book.fund,
        user=tx.user,
        file=file_sha256,
    )
    beside: dict[str, str] = dict(
        tx.rows(
            "SELECT voucher_id, receipt FROM books.beside_papers(%(region)s, %(fund)s::smallint, %(ids)s::text[])",
            region=book.region,
            fund=book.fund,
            ids=[row[0] for row in rows],
        )
    )
    ids, total, exceptions = [], 0, []
    for voucher_id, drafter, business, own, fen in rows:
        if own:
            message = f"由{drafter}制单，须由另一人复核"
            exceptions.append(BatchException(voucher_id, "voucher.same_person", message))
        elif business > day:
            message = f"业务日期{business}晚于办理日期{day}"
            exceptions.append(BatchException(voucher_id, "voucher.future", message))
        elif voucher_id in beside:
            message = f"有同方向同金额的挂账回单{evidence_named(beside[voucher_id])}：须注明所依据的回单"
            exceptions.append(BatchException(voucher_id, "voucher.paper_waits", message))
        else:
            ids.append(voucher_id)
            total += int(fen)
    digest = tx.value(
        "SELECT books.list_digest(%(region)s, %(fund)s::smallint, %(ids)s::text[])",
        region=book.region,
        fund=book.fund,
        ids=ids,
    )
    return DraftList(ids, total, bytes(digest), exceptions)


def approve_batch(
    tx: Transaction, book: Book, digest: bytes, day: date, file_sha256: bytes | None = None
) -> tuple[DraftList, list[Posted]]:
    """Approve and post the list that `digest` stands for, all of it or nothing; what was not on it is named beside.

    Raises NotFound `voucher.batch_empty`; Conflict `voucher.batch_changed`, `voucher.date_backwards`; Forbidden
    `access.role_missing`; and what posting raises.
    """
    batch = waiting_batch(tx, book, day, file_sha256)
    if not batch.voucher_ids:
        raise NotFound(
            "voucher.batch_empty", f"账套{book}没有您可以复核的手工凭证", exceptions=len(batch.exceptions)
        )
    if tx.signer is not None and digest == batch.digest:  # what is not that list any more the database says
        signed(tx, "voucher.approve_list", str(book), digest.hex(), day, _shown(tx, book, batch.voucher_ids))
    tx.run(
        "SELECT books.approve_vouchers(%(region)s, %(fund)s::smallint, %(ids)s::text[], %(digest)s, %(day)s)",
        region=book.region,
        fund=book.fund,
        ids=list(batch.voucher_ids),
        digest=digest,
        day=day,
    )
    return batch, post(
        tx, book, day, [entry_of(one) for one in _just_approved(tx, book, batch.voucher_ids, day)]
    )


def _shown(tx: Transaction, book: Book, voucher_ids: Sequence[str]) -> str:
    """The text of a list's digest: id and what a person answers for, a line each, by id."""
    lines = tx.rows(
        "SELECT v.voucher_id || '|' || encode(books.shown_digest(v.digest, books.attachments_digest(v.region, v.fund, v.voucher_id)), 'hex')"
        " FROM books.voucher v WHERE v.region = %(region)s AND v.fund = %(fund)s AND v.voucher_id = ANY(%(ids)s)"
        ' ORDER BY v.voucher_id COLLATE "C"',
        region=book.region,
        fund=book.fund,
        ids=list(voucher_ids),
    )
    return "\n".join(line for (line,) in lines)


def _just_approved(tx: Transaction, book: Book, voucher_ids: Sequence[str], day: date) -> list[ManualVoucher]:
    """Many drafts the acting user approved in this transaction, by id: read without asking what became of each."""
    heads = tx.rows(
        """SELECT voucher_id, business_date, summary, evidence, attachments, reverses_seq, correction, corrects_seq,
                  prepared_by, prepared_on, digest
             FROM books.voucher WHERE region = %(region)s AND fund = %(fund)s AND voucher_id = ANY(%(ids)s)
            ORDER BY prepared_on, voucher_id""",
        region=book.region,
        fund=book.fund,
        ids=list(voucher_ids),
    )
    legs, attached = legs_of(tx, book, voucher_ids), attachments_of(tx, book, voucher_ids)
    papers = papers_of(tx, book, voucher_ids)
    found = []
    for key, business, summary, evidence, attachments, reverses, correction, corrects, *rest in heads:
        said = (business, summary, evidence, tuple(legs[key]), attachments, reverses, correction, corrects)
        content = ManualContent(*said, papers=tuple(papers.get(key, ())))
        prepared_by, prepared_on, digest = rest
        drafted = (book, key, content, prepared_by, prepared_on, bytes(digest))
        found.append(ManualVoucher(*drafted, "approved", tx.user, day, "", "", attached.get(key, ())))
    return found
