"""记账凭证: head, lines with full account names, totals in figures and in capital characters, signers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.access.display import display_names
from ledger.books.vouchers import Voucher, VoucherLine
from ledger.books.vouchers import voucher as read_voucher
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Section
from ledger.core.entry_kinds import entry_kind
from ledger.core.words import evidence_named
from ledger.db.unit_of_work import Transaction
from reports.rmb import rmb_upper
from reports.voucher_signers import chief_of, is_bank, senders
from reports.wording import SECTION_KEYS, dimension_object

if TYPE_CHECKING:
    from moneyed import Money


BY_MACHINE: Final = "机制凭证"
"""Where 制单 is a rule of the program: the voucher is machine-made (art. 53), the person stamps beside it."""


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
    chief: str = ""
    """Who closed its month as 会计主管; "" until then."""
    cashier: str = ""
    """Of a voucher on a bank account: who sent the order it books; "" where nobody did through these books."""

    def signer(self, user: str) -> str:
        """The person's name; what a rule prepared was made by the machine: no rule's id stands where a person signs."""
        return BY_MACHINE if user.startswith("rule:") else self.names.get(user, user)

    def signatures(self) -> list[tuple[str, str]]:
        """Who signs, in the order of the form, with the name if the books know it (会计基础工作规范 art. 51, 53)."""
        posted = self.voucher
        return [
            ("会计主管", self.signer(self.chief)),
            ("记账", self.signer(posted.posted_by)),
            ("复核", self.signer(posted.reviewed_by)),
            ("出纳", self.signer(self.cashier)),
            ("制单", self.signer(posted.prepared_by)),
        ]

    def word_number(self) -> str:
        """凭证字号: `记字第12号`."""
        return f"{self.voucher.series}字第{self.voucher.vno}号"

    def day(self) -> str:
        """填制日期: `2026年10月13日`."""
        made = self.voucher.voucher_date
        return f"{made.year}年{made.month:02d}月{made.day:02d}日"

    def ordered(self) -> Iterator[tuple[Section, list[VoucherLine]]]:
        """The lines as the form has them: the statutory section first, then the memorandum's, each as it was booked."""
        for section in self.sums:
            yield section, [line for line in self.voucher.lines if line.section == section]

    def footnotes(self) -> list[str]:
        """What stands in small print below the signatures: papers, then what the program needs to find it again."""
        posted = self.voucher
        reverses = f"　冲销链上第{posted.reverses_seq}号" if posted.reverses_seq else ""
        return [
            f"依据：{evidence_named(posted.evidence) or '无'}",
            f"凭证号 {posted.number}　链上第{posted.seq}号{reverses}　来源 {posted.source_key}　规则 {posted.rule}",
        ]

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
            "entry_kind": entry_kind(posted.event).value,
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
                    ("chief", self.chief),
                    ("cashier", self.cashier),
                )
                if user
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
    sums = {section: sums[section] for section in Section if section in sums}
    chief = chief_of(tx, book, posted.period)
    bank = is_bank([line.account for line in posted.lines])
    cashier = senders(tx, book, posted.period, posted.seq).get(posted.seq, "") if bank else ""
    names = display_names(tx, (posted.prepared_by, posted.reviewed_by, posted.posted_by, chief, cashier))
    return PrintedVoucher(posted, sums, names, chief, cashier)
