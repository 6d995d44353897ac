"""Money an institution pays back (REF): by one door, the fiscal special account, each kind with its own entry.

accounting.md A11, A12, 3d; memorandum.md 2 REF. A payment that the bank gives back is no refund but a 退汇 (RTN); a
reversal after payout nets in the next payout; a final finding is netted by the month. Fines are the treasury's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.advance import read_advances
from ledger.fund.advances.offset import KIND_ACCOUNTS
from ledger.fund.refunds.left import BENEFITS, KINDS, RefundLine, require_left
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.fund.signed.request import decide, key_of, require_amount, require_same, require_text, row_digest
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

__all__ = [
    "KINDS",
    "ORDERED_BY",
    "Refund",
    "RefundLine",
    "RefundRequest",
    "approve_refund",
    "read_refunds",
    "refuse_refund",
    "request_refund",
]

ORDERED_BY: Final = words_of("refund.ordered_by")

_RULES: Final = {
    "same_year": "REF.same_year",
    "earlier_year": "REF.earlier_year",
    "daily_advance": "REF.advance",
    "prepaid": "REF.prepaid",
    "penalty": "REF.penalty",
}


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What a maker hands in when money has come back; `account` is where it came in."""

    fund: int
    institution: str
    kind: str
    ordered_by: str
    account: str
    received_on: date
    amount_fen: int
    document: str
    receipt_no: str
    lines: Sequence[RefundLine] = ()
    advance_id: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """A stored refund; its entry's source key is `REF:` and the id."""

    refund_id: str
    fund: int
    institution: str
    kind: str
    ordered_by: str
    account: str
    received_on: date
    amount_fen: int
    document: str
    receipt_no: str
    advance_id: str
    state: str
    prepared_by: str
    approved_by: str
    lines: tuple[RefundLine, ...]

    @property
    def digest(self) -> bytes:
        """Evidence digest of its entry: `row_digest("REF", …)` over the columns above to `advance_id`, then the lines."""
        facts = (self.refund_id, self.fund, self.institution, self.kind, self.ordered_by, self.account)
        more = (self.received_on, self.amount_fen, self.document, self.receipt_no, self.advance_id)
        return row_digest("REF", *facts, *more, *(field for line in self.lines for field in line))


def request_refund(tx: Transaction, asked: RefundRequest, day: date) -> Refund:
    """Hand in a refund as maker; the same document again gives the first answer.

    Raises InvalidInput `refund.kind`, `refund.fine`, `refund.lines`, `refund.wrong_door` (any account but the book's
    own 1003), `request.*`; Conflict `refund.not_expensed`, `refund.receipt_used`, `request.document_used`,
    `advance.over_paid`, `advance.not_paid`; Forbidden `access.role_missing`.
    """
    _check(asked, day)
    document = require_text(asked.document, "文号")
    receipt_no = require_text(asked.receipt_no, "缴款凭证号")
    key = key_of("REF", tx.region, asked.fund, asked.institution, asked.kind, document)
    known = read_refunds(tx, key=key)
    again = 0
    while known and known[0].state == "reversed":  # its entry was corrected: the paper is booked anew
        again += 1
        key = key_of("REF", tx.region, asked.fund, asked.institution, asked.kind, document, f"again {again}")
        known = read_refunds(tx, key=key)
    if known:
        [first] = known
        stored = (first.amount_fen, first.receipt_no, first.received_on, first.advance_id, first.lines)
        require_same(
            key,
            stored,
            (asked.amount_fen, receipt_no, asked.received_on, asked.advance_id, tuple(asked.lines)),
        )
        return first
    if tx.value(
        "SELECT EXISTS (SELECT 1 FROM fund.refund WHERE region = %(region)s AND account = %(account)s"
        " AND receipt_no = %(receipt)s AND state NOT IN ('refused', 'reversed'))",
        region=tx.region,
        account=asked.account,
        receipt=receipt_no,
    ):
        raise Conflict("refund.receipt_used", f"缴款凭证{receipt_no}已用于另一笔退款", receipt_no=receipt_no)
    require_left(tx, asked.fund, asked.institution, asked.kind, asked.lines, asked.received_on.year, but=key)
    _require_advance(tx, asked)
    _store(tx, asked, key, document, receipt_no, day)
    return read_refunds(tx, key=key)[0]


def approve_refund(tx: Transaction, refund_id: str, day: date) -> Refund:
    """Approve as checker, another person than the maker, and post the entry under `day`.

    Raises what `request_refund` raises for what is left to give back (asked again), `request.decided`,
    `request.same_person`, `request.unknown`, and what posting raises.
    """
    if not decide(tx, "refund", refund_id, day):
        return read_refunds(tx, key=refund_id)[0]
    [refund] = read_refunds(tx, key=refund_id)
    require_left(
        tx, refund.fund, refund.institution, refund.kind, refund.lines, refund.received_on.year, but=refund_id
    )
    ruled = apply(
        _RULES[refund.kind],
        policy_on(tx, tx.region, refund.received_on),
        refund.fund,
        _items(tx, refund),
        fiscal_account=refund.account,
        year=refund.received_on.year,
    )
    paper = SignedEntry(
        fund=refund.fund,
        source_key=f"REF:{refund_id}",
        business_date=refund.received_on,
        summary=f"{KINDS[refund.kind]}{FUND_NAMES[refund.fund]}{refund.institution}",
        prepared_by=refund.prepared_by,
        reviewed_by=refund.approved_by,
        digest=refund.digest,
        evidence=f"缴款凭证{refund.receipt_no}，{refund.document}",
        attachments=2,
    )
    post_signed(tx, paper, ruled, day)
    return refund


def refuse_refund(tx: Transaction, refund_id: str, day: date, reason: str) -> Refund:
    """Refuse as checker, with a reason; nothing is posted."""
    decide(tx, "refund", refund_id, day, refusal=require_text(reason, "理由"))
    return read_refunds(tx, key=refund_id)[0]


def read_refunds(tx: Transaction, *, fund: int = 0, key: str = "", institution: str = "") -> list[Refund]:
    """Refunds by id, or by fund and institution; empty means all."""
    lines: dict[str, list[RefundLine]] = {}
    for refund_id, *line in tx.rows(
        """SELECT refund_id, source, subfund, service_year, term, category, amount_fen FROM fund.refund_line
            WHERE region = %(region)s AND %(key)s IN ('', refund_id) ORDER BY refund_id, n""",
        region=tx.region,
        key=key,
    ):
        lines.setdefault(refund_id, []).append(RefundLine(*line))
    rows = tx.rows(
        """SELECT refund_id, fund, institution, kind, ordered_by, account, received_on, amount_fen, document, receipt_no,
                  advance_id, state, prepared_by, approved_by FROM fund.refund
            WHERE region = %(region)s AND %(fund)s IN (0, fund) AND %(key)s IN ('', refund_id)
              AND %(institution)s IN ('', institution) ORDER BY received_on, refund_id""",
        region=tx.region,
        fund=fund,
        key=key,
        institution=institution,
    )
    return [Refund(*(*row, tuple(lines.get(row[0], ())))) for row in rows]


def _check(asked: RefundRequest, day: date) -> None:
    require_amount(asked.amount_fen)
    if asked.kind == "fine":
        raise InvalidInput("refund.fine", "罚款、没收款缴入国库，不是基金收入，不能记入基金账套")
    if asked.kind not in KINDS or asked.ordered_by not in ORDERED_BY:
        raise InvalidInput(
            "refund.kind", f"退款种类应为{'、'.join(KINDS)}，来由应为{'、'.join(ORDERED_BY)}", kind=asked.kind
        )
    if asked.received_on > day:
        raise InvalidInput("refund.date", f"到账日{asked.received_on}在办理日{day}之后")
    wanted = asked.amount_fen if asked.kind in BENEFITS else 0
    if sum(line.amount_fen for line in asked.lines) != wanted or any(
        li.amount_fen <= 0 for li in asked.lines
    ):
        raise InvalidInput(
            "refund.lines", "退回待遇须逐项写明账目、服务年度、期号、类别，合计等于退款金额；其余种类不写"
        )
    if len({line[:5] for line in asked.lines}) != len(asked.lines):
        raise InvalidInput("refund.lines", "同一账目、服务年度、期号、类别只写一行")
    if (asked.kind == "prepaid") != (asked.advance_id != ""):
        raise InvalidInput("refund.advance", "退回预付款项须写明是哪一笔，其余种类不写")


def _require_advance(tx: Transaction, asked: RefundRequest) -> None:
    if asked.kind != "prepaid":
        return
    found = read_advances(tx, fund=asked.fund, key=asked.advance_id, institution=asked.institution)
    if not found or not found[0].paid_fen:
        raise Conflict("advance.not_paid", f"机构{asked.institution}没有已付出的预付款项{asked.advance_id}")
    if asked.amount_fen > found[0].left_fen:
        raise Conflict(
            "advance.over_paid",
            f"预付款项{asked.advance_id}尚余{yuan_grouped(found[0].left_fen)}元，不能退回{yuan_grouped(asked.amount_fen)}元",
        )


def _items(tx: Transaction, refund: Refund) -> list[Item]:
    if refund.kind == "prepaid":
        [advance] = read_advances(tx, key=refund.advance_id)
        return [Item(Dimensions(refund.institution), refund.amount_fen, source=KIND_ACCOUNTS[advance.kind])]
    if refund.kind == "penalty":
        return [Item(Dimensions(refund.institution, "pool"), refund.amount_fen)]
    return [
        Item(
            Dimensions(refund.institution, line.subfund, line.service_year, line.term, line.category),
            line.amount_fen,
            source=line.source,
        )
        for line in refund.lines
    ]


def _store(
    tx: Transaction, asked: RefundRequest, key: str, document: str, receipt_no: str, day: date
) -> None:
    tx.run(
        """INSERT INTO fund.refund (region, fund, refund_id, institution, kind, ordered_by, account, received_on, amount_fen,
               document, receipt_no, advance_id, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(institution)s, %(kind)s, %(ordered_by)s, %(account)s, %(received)s,
               %(amount)s, %(document)s, %(receipt)s, %(advance)s, %(user)s, %(day)s)""",
        region=tx.region,
        fund=asked.fund,
        key=key,
        institution=asked.institution,
        kind=asked.kind,
        ordered_by=asked.ordered_by,
        account=asked.account,
        received=asked.received_on,
        amount=asked.amount_fen,
        document=document,
        receipt=receipt_no,
        advance=asked.advance_id,
        user=tx.user,
        day=day,
    )
    tx.run_many(
        """INSERT INTO fund.refund_line (region, refund_id, n, source, subfund, service_year, term, category, amount_fen)
           VALUES (%(region)s, %(key)s, %(n)s, %(source)s, %(subfund)s, %(service_year)s, %(term)s, %(category)s, %(amount_fen)s)""",
        [
            {"region": tx.region, "key": key, "n": n, **line._asdict()}
            for n, line in enumerate(asked.lines, 1)
        ],
    )
