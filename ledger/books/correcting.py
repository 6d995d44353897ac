"""Posted vouchers are corrected, never changed (会计基础工作规范 51(五)): red and blue copies prefilled from the voucher's number.

This year's voucher: a red copy, line for line, `注销某月某日某号凭证`, and a blue one, `订正…`; or, where only an amount was
wrong, the difference. An earlier year's: a blue one alone. Drafted by one person, approved by another (`manual`); the database
holds the red one to its original and opens again what the original settled (books.check_red, fund.open_again).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.books.manual import ManualContent, ManualVoucher, draft_voucher
from ledger.books.papers import PaperName
from ledger.books.vouchers import Voucher, voucher
from ledger.core.entries import Book, Leg, Side
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction

RED, BLUE, DIFFERENCE = "red", "blue", "difference"
_VERBS: Final = {RED: "注销", BLUE: "订正", DIFFERENCE: "订正"}


class Correction(NamedTuple):
    """One correcting voucher of an entry: its draft, and its number once posted."""

    kind: str
    draft: str
    state: str
    prepared_by: str
    voucher: str


class Correctable(NamedTuple):
    """A posted voucher, what corrects it already, and why it cannot be reversed: code and sentence, empty where it can."""

    original: Voucher
    corrections: list[Correction]
    code: str
    why: str

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "voucher": self.original.number,
            "seq": self.original.seq,
            "event": self.original.event,
            "summary": self.original.summary,
            "reversible": not self.code,
            "refusal": {"code": self.code, "message": self.why} if self.code else None,
            "corrections": [one._asdict() for one in self.corrections],
        }


def correctable(tx: Transaction, book: Book, reference: str, day: date) -> Correctable:
    """How a posted voucher stands to correction on `day`. Raises InvalidInput `voucher.format`, NotFound `voucher.unknown`."""
    original = voucher(tx, book, reference)
    refusal = tx.row(
        "SELECT refusal, why FROM books.red_refusal(%(region)s, %(fund)s::smallint, %(seq)s, %(day)s)",
        region=book.region,
        fund=book.fund,
        seq=original.seq,
        day=day,
    )
    found = tx.rows(
        """SELECT CASE v.correction WHEN 'before' THEN 'red' ELSE v.correction END, v.voucher_id, coalesce(d.decision, 'drafted'),
                  v.prepared_by, coalesce(e.series || '-' || e.period || '-' || e.vno, '')
             FROM books.voucher v
             LEFT JOIN books.voucher_decision d ON d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id
             LEFT JOIN books.source s ON s.region = v.region AND s.fund = v.fund AND s.source_key = 'MAN:' || v.voucher_id
             LEFT JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.period = s.period AND e.seq = s.seq
            WHERE v.region = %(region)s AND v.fund = %(fund)s AND greatest(v.reverses_seq, v.corrects_seq) = %(seq)s
            ORDER BY v.prepared_on, v.voucher_id""",
        region=book.region,
        fund=book.fund,
        seq=original.seq,
    )
    code, why = refusal or ("", "")
    return Correctable(original, [Correction(*row) for row in found], code, why)


def draft_red(
    tx: Transaction, book: Book, reference: str, day: date, *, reason: str = "", evidence: str = ""
) -> ManualVoucher:
    """The original's lines in red, memorandum lines too, drafted under one's own name.

    Raises NotFound `voucher.unknown`; Conflict `correct.reversal`, `correct.own_way`, `correct.earlier_year`, `correct.already`,
    `correct.difference_stands`; and what drafting raises.
    """
    original = voucher(tx, book, reference)
    legs = [Leg(line.account, Side(line.side), -line.amount_fen, line.dims) for line in original.lines]
    said = ManualContent(
        day, _summary(original, RED, reason), _evidence(original, evidence), legs, reverses_seq=original.seq
    )
    return draft_voucher(tx, book, said, day)


def draft_replacement(
    tx: Transaction,
    book: Book,
    reference: str,
    kind: str,
    legs: Sequence[Leg],
    day: date,
    *,
    business: date | None = None,
    reason: str = "",
    evidence: str = "",
    attachments: int | None = None,
    papers: Sequence[PaperName] = (),
) -> ManualVoucher:
    """The blue one or the difference with the lines given; evidence, papers and number of papers as the original's.

    Raises InvalidInput `correct.blue_letters`, `correct.difference_lines`, `correct.no_change` (blue lines that are the
    original's); Conflict `correct.red_first`, `correct.already`, `correct.earlier_year`, `correct.reversal`; and what
    drafting raises.
    """
    original = voucher(tx, book, reference)
    before = [(line.account, line.side, line.amount_fen, line.dims) for line in original.lines]
    if kind == BLUE and sorted(before) == sorted(
        (leg.account, int(leg.side), leg.amount_fen, leg.dims) for leg in legs
    ):
        raise InvalidInput("correct.no_change", f"所填分录与凭证{original.number}的完全相同，没有订正")
    said = ManualContent(
        business or (day if kind == DIFFERENCE else min(original.business_date, day)),
        _summary(original, kind, reason),
        _evidence(original, evidence),
        legs,
        original.attachments if attachments is None else attachments,
        correction=kind,
        corrects_seq=original.seq,
        papers=papers,
    )
    return draft_voucher(tx, book, said, day)


def _summary(original: Voucher, kind: str, reason: str) -> str:
    """`注销10月14日记-202610-3号凭证`, with the reason after it."""
    on = original.voucher_date
    year = "" if kind == RED else f"{on.year}年"
    said = f"{_VERBS[kind]}{year}{on.month}月{on.day}日{original.number}号凭证"
    return f"{said}：{reason.strip()}" if reason.strip() else said


def _evidence(original: Voucher, evidence: str) -> str:
    return evidence.strip() or original.evidence or f"凭证{original.number}"
