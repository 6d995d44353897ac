"""记账凭证: head, lines with full account names, totals in figures and in capital characters, signers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ledger.books.vouchers import Voucher, VoucherLine
from ledger.books.vouchers import voucher as read_voucher
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Section
from ledger.db.unit_of_work import Transaction
from reports.rmb import rmb_upper
from reports.wording import SECTION_KEYS, dimension_object

if TYPE_CHECKING:
    from moneyed import Money


class VoucherColumns(NamedTuple):
    """The two columns of money a line or a sum is shown with."""

    debit: Money
    credit: Money


def columns_of(line: VoucherLine) -> VoucherColumns:
    """A line's money as it is handed over to be shown."""
    return _columns(line.debit_fen, line.credit_fen)


def _columns(debit_fen: int, credit_fen: int) -> VoucherColumns:
    from ledger.core.cny import to_money

    return VoucherColumns(to_money(debit_fen), to_money(credit_fen))


@dataclass(frozen=True, slots=True)
class PrintedVoucher:
    """A voucher with the debit and credit sums of its sections and its signers' names."""

    voucher: Voucher
    sums: Mapping[Section, tuple[int, int]]
    names: Mapping[str, str]

    def signer(self, user: str) -> str:
        """The person's name; a rule's id stays what it is."""
        return self.names.get(user, user)

    def columns(self, section: Section) -> VoucherColumns:
        """A section's sums as they are handed over to be shown."""
        return _columns(*self.sums[section])

    def as_json(self) -> dict[str, object]:
        """Money as strings of integer fen; signers by user name and by display name."""
        posted = self.voucher
        return {
            "book": str(posted.book),
            "book_name": posted.book_name,
            "voucher": posted.number,
            "seq": posted.seq,
            "period": str(posted.period),
            "voucher_date": posted.voucher_date.isoformat(),
            "business_date": posted.business_date.isoformat(),
            "recorded_at": posted.recorded_at.astimezone(SHANGHAI).isoformat(timespec="microseconds"),
            "event": posted.event,
            "rule": posted.rule,
            "source_key": posted.source_key,
            "reverses_seq": posted.reverses_seq or None,
            "summary": posted.summary,
            "evidence": posted.evidence,
            "evidence_digest": posted.evidence_digest.hex(),
            "attachments": posted.attachments,
            "lines": [
                {
                    "line": line.n,
                    "code": str(line.account),
                    "name": line.name,
                    "dimensions": dimension_object(line.asked, line.dims),
                    "section": SECTION_KEYS[Section(line.section)],
                    "debit_fen": str(line.debit_fen),
                    "credit_fen": str(line.credit_fen),
                }
                for line in posted.lines
            ],
            "totals": {
                SECTION_KEYS[section]: {
                    "debit_fen": str(debit),
                    "credit_fen": str(credit),
                    "upper": rmb_upper(debit),
                }
                for section, (debit, credit) in self.sums.items()
            },
            "signers": {
                role: {"user": user, "name": self.signer(user)}
                for role, user in (
                    ("prepared", posted.prepared_by),
                    ("reviewed", posted.reviewed_by),
                    ("posted", posted.posted_by),
                )
            },
        }


def voucher(tx: Transaction, book: Book, reference: str) -> PrintedVoucher:
    """The voucher by number (`记-202610-12`) or seq. Raises as `ledger.books.vouchers.voucher`."""
    posted = read_voucher(tx, book, reference)
    sums: dict[Section, tuple[int, int]] = {}
    for line in posted.lines:
        section = Section(line.section)
        debit, credit = sums.get(section, (0, 0))
        sums[section] = (debit + line.debit_fen, credit + line.credit_fen)
    names: dict[str, str] = dict(
        tx.rows(
            "SELECT user_name, display_name FROM access.app_user WHERE user_name = ANY(%(users)s)",
            users=[posted.prepared_by, posted.reviewed_by, posted.posted_by],
        )
    )
    return PrintedVoucher(posted, sums, names)
