"""Advances 暂付款: yearly prepayment 预付金, monthly pre-allocation 按月预拨, suppliers paid for an institution.

Asked for by a maker, approved by a checker, ordered and received through `ledger.payments` like everything else. What
was paid lies in 1101 until a settlement offsets it (`advances_offset`) or the institution gives it back (`refunds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.text import bearable
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.offset import KIND_ACCOUNTS, KIND_NAMES, Offset, due_offsets, take_offsets
from ledger.fund.advances.quota import Quota, month_quota, prepayment_quota
from ledger.fund.region.policy import choice
from ledger.fund.signed.request import decide, key_of, require_amount, require_same, require_text

__all__ = [
    "KIND_ACCOUNTS",
    "KIND_NAMES",
    "Advance",
    "AdvanceRequest",
    "Offset",
    "approve_advance",
    "due_offsets",
    "read_advances",
    "refuse_advance",
    "request_advance",
    "take_offsets",
]

NO_PAYEE: Final = BankAccount("", "", "", "")


@dataclass(frozen=True, slots=True)
class AdvanceRequest:
    """What a maker asks for. `term` is the 期号 of a pre-allocation or supplier payment; a prepayment has its year."""

    fund: int
    institution: str
    kind: str
    amount_fen: int
    document: str
    due_on: date
    year: int = 0
    term: int = 0
    supplier: BankAccount = NO_PAYEE


@dataclass(frozen=True, slots=True)
class Advance:
    """A stored advance. `paid` once its order has its receipt; fen."""

    advance_id: str
    fund: int
    institution: str
    kind: str
    year: int
    term: int
    recovery: str
    amount_fen: int
    quota_fen: int
    conditions: str
    document: str
    supplier: BankAccount
    due_on: date
    state: str
    prepared_by: str
    approved_by: str
    order_no: str
    order_state: str
    offset_fen: int
    returned_fen: int

    @property
    def paid_fen(self) -> int:
        """What went out and did not come back through the bank."""
        return self.amount_fen if self.order_state == "paid" else 0

    @property
    def left_fen(self) -> int:
        """Paid, neither offset nor returned: the advance in 1101."""
        return self.paid_fen - self.offset_fen - self.returned_fen


def request_advance(tx: Transaction, asked: AdvanceRequest, day: date) -> Advance:
    """Ask for an advance as maker; the same document again gives the first answer (procedure.md 1, 101号).

    Raises InvalidInput `advance.kind`, `advance.term`, `advance.supplier`, `text.unbearable`, `request.*`; Conflict `advance.condition`,
    `advance.no_history`, `advance.above_quota`, `advance.agreement`, `advance.term_settled`, `request.document_used`,
    `db.duplicate` (a second prepayment of the year, a second pre-allocation of the 期号); Forbidden
    `access.role_missing`.
    """
    year, term, recovery = _check(tx, asked, day)
    document = require_text(asked.document, "文号")
    key = key_of("ADV", tx.region, asked.fund, asked.institution, asked.kind, document)
    known = read_advances(tx, key=key)
    if known:
        first = known[0]
        stored = (first.amount_fen, first.year, first.term, first.supplier)
        require_same(key, stored, (asked.amount_fen, year, term, asked.supplier))
        return first
    quota = _quota(tx, asked.fund, asked.institution, asked.kind, year, day)
    _within(tx, quota, asked.fund, asked.institution, asked.kind, term, asked.amount_fen, but="")
    tx.run(
        """INSERT INTO fund.advance (region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen,
               conditions, document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(institution)s, %(kind)s, %(year)s, %(term)s, %(recovery)s, %(amount)s,
               %(quota)s, %(conditions)s, %(document)s, %(name)s, %(number)s, %(bank)s, %(cnaps)s, %(due)s, %(user)s, %(day)s)""",
        region=tx.region,
        fund=asked.fund,
        key=key,
        institution=asked.institution,
        kind=asked.kind,
        year=year,
        term=term,
        recovery=recovery,
        amount=asked.amount_fen,
        quota=quota.quota_fen,
        conditions=quota.text,
        document=document,
        name=asked.supplier.name,
        number=asked.supplier.number,
        bank=asked.supplier.bank_name,
        cnaps=asked.supplier.cnaps,
        due=asked.due_on,
        user=tx.user,
        day=day,
    )
    return read_advances(tx, key=key)[0]


def approve_advance(tx: Transaction, advance_id: str, day: date) -> Advance:
    """Approve as checker, another person than the maker; quota and conditions are asked of the books once more.

    Raises what `request_advance` raises for them; NotFound `request.unknown`; Conflict `request.decided`; Forbidden
    `request.same_person`, `access.role_missing`.
    """
    if decide(tx, "advance", advance_id, day):
        [found] = read_advances(tx, key=advance_id)
        quota = _quota(tx, found.fund, found.institution, found.kind, found.year, day)
        amount = found.amount_fen
        _within(tx, quota, found.fund, found.institution, found.kind, found.term, amount, but=advance_id)
    return read_advances(tx, key=advance_id)[0]


def refuse_advance(tx: Transaction, advance_id: str, day: date, reason: str) -> Advance:
    """Refuse as checker, with a reason; raises as `approve_advance`."""
    decide(tx, "advance", advance_id, day, refusal=require_text(reason, "理由"))
    return read_advances(tx, key=advance_id)[0]


def read_advances(
    tx: Transaction, *, fund: int = 0, key: str = "", institution: str = "", year: int = 0
) -> list[Advance]:
    """Advances by id, or by fund, institution and year; empty means all."""
    rows = tx.rows(
        """SELECT a.advance_id, a.fund, a.institution, a.kind, a.year, a.term, a.recovery, a.amount_fen, a.quota_fen,
                  a.conditions, a.document, a.payee_name, a.payee_number, a.payee_bank, a.payee_cnaps, a.due_on, a.state,
                  a.prepared_by, a.approved_by, a.order_no, coalesce(o.state, CASE WHEN a.order_no LIKE 'OPEN:%%' THEN 'paid' ELSE '' END), a.offset_fen, a.returned_fen
             FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
            WHERE a.region = %(region)s AND %(fund)s IN (0, a.fund) AND %(key)s IN ('', a.advance_id)
              AND %(institution)s IN ('', a.institution) AND %(year)s IN (0, a.year)
            ORDER BY a.fund, a.institution, a.year, a.term, a.advance_id""",
        region=tx.region,
        fund=fund,
        key=key,
        institution=institution,
        year=year,
    )
    return [Advance(*(*row[:11], BankAccount(*row[11:15]), *row[15:])) for row in rows]


def _check(tx: Transaction, asked: AdvanceRequest, day: date) -> tuple[int, int, str]:
    """The year, first 期号 and recovery of what is asked."""
    require_amount(asked.amount_fen)
    if asked.kind not in KIND_NAMES:
        raise InvalidInput("advance.kind", f"没有预付种类“{asked.kind[:20]}”，应为{'、'.join(KIND_NAMES)}")
    if (asked.kind == "supplier") != (asked.supplier != NO_PAYEE):
        raise InvalidInput("advance.supplier", "集采直接结算须写明供应商收款账户，其余种类付机构自己的账户")
    if asked.kind == "supplier":
        bearable(asked.supplier.name, "收款户名")
        bearable(asked.supplier.bank_name, "开户行")
    if not tx.value(
        """SELECT EXISTS (SELECT 1 FROM fund.institution WHERE region = %(region)s AND institution = %(code)s
               AND agreement_state = 'active' AND %(day)s BETWEEN agreement_from AND agreement_to)""",
        region=tx.region,
        code=asked.institution,
        day=day,
    ):
        raise Conflict("advance.agreement", f"机构{asked.institution}不存在，或协议已中止、终止，不能预付")
    if asked.kind == "prepayment":
        if not 2000 <= asked.year <= 2099 or asked.term:
            raise InvalidInput("advance.term", "预付金按年度申请，须写明年度，不写期号")
        recovery = choice(tx, "prepayment_recovery", day, "offset")
        # November's settlement is approved in December: recovered within its year.
        return asked.year, asked.year * 100 + 11, recovery
    if not (200001 <= asked.term <= 209912 and 1 <= asked.term % 100 <= 12) or asked.year:
        raise InvalidInput("advance.term", f"{KIND_NAMES[asked.kind]}须写明期号yyyymm，不写年度")
    if tx.value(
        """SELECT EXISTS (SELECT 1 FROM fund.settled_term WHERE region = %(region)s AND fund = %(fund)s
               AND institution = %(code)s AND term = %(term)s)""",
        region=tx.region,
        fund=asked.fund,
        code=asked.institution,
        term=asked.term,
    ):
        raise Conflict("advance.term_settled", f"机构{asked.institution}的{asked.term}期已月结，不能再预付")
    return asked.term // 100, asked.term, "offset"


def _quota(tx: Transaction, fund: int, institution: str, kind: str, year: int, day: date) -> Quota:
    if kind == "prepayment":
        return prepayment_quota(tx, fund, institution, year, day)
    return month_quota(tx, fund, institution, day)


def _within(
    tx: Transaction,
    quota: Quota,
    fund: int,
    institution: str,
    kind: str,
    term: int,
    amount_fen: int,
    *,
    but: str,
) -> None:
    """All live advances of the kind and 期号 together stay within the quota: suppliers have several."""
    others = int(
        tx.value(
            """SELECT coalesce(sum(amount_fen), 0)::bigint FROM fund.advance WHERE region = %(region)s AND fund = %(fund)s
                  AND institution = %(code)s AND kind = %(kind)s AND term = %(term)s AND state <> 'refused'
                  AND advance_id <> %(but)s""",
            region=tx.region,
            fund=fund,
            code=institution,
            kind=kind,
            term=term,
            but=but,
        )
    )
    if kind != "supplier":
        others = 0  # one a year or 期号, by the table's own index
    if others + amount_fen > quota.quota_fen:
        raise Conflict(
            "advance.above_quota",
            f"{FUND_NAMES[fund]}{KIND_NAMES[kind]}额度{yuan_grouped(quota.quota_fen)}元，已有{yuan_grouped(others)}元，"
            f"申请{yuan_grouped(amount_fen)}元超过额度",
            quota_fen=quota.quota_fen,
        )


def link_orders(tx: Transaction, links: Sequence[Mapping[str, object]]) -> None:
    """Which order pays which advance: `region`, `order`, `key` of each."""
    tx.run_many(
        "UPDATE fund.advance SET order_no = %(order)s WHERE region = %(region)s AND advance_id = %(key)s",
        links,
    )
