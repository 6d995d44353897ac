"""Payments to persons: 零星报销 of costs paid out of pocket, 生育津贴. Orders and receipts go the way of all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.core.persons import mask
from ledger.core.words import said, words_of
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.person_payee import person_payee
from ledger.fund.signed.request import decide, key_of, require_amount, require_same, require_text
from ledger.payments.orders.order import opened_account
from ledger.rules.interpret import place_account

KINDS: Final = words_of("person_payment.kind")
ALLOWANCE: Final = "maternity_allowance"
YEARS_BACK: Final = 10
"""A claim older than that is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """What is to be paid to whom; `category` decides the leaf of 5001 (an allowance is a category of its own)."""

    fund: int
    kind: str
    psn_no: str
    subfund: str
    service_year: int
    term: int
    category: str
    amount_fen: int
    document: str
    payee: BankAccount
    due_on: date


@dataclass(frozen=True, slots=True)
class PersonPayment:
    """A stored payment to a person; `masked` is how lists show it."""

    payment_id: str
    fund: int
    kind: str
    psn_no: str
    subfund: str
    service_year: int
    term: int
    category: str
    amount_fen: int
    document: str
    payee: BankAccount
    due_on: date
    state: str
    prepared_by: str
    approved_by: str
    order_no: str
    order_state: str

    @property
    def masked(self) -> tuple[str, str, str]:
        """Person's number, name and bank account, each with its middle hidden."""
        return mask(self.psn_no), mask(self.payee.name, head=1, tail=0), mask(self.payee.number)


def request_person(tx: Transaction, asked: PersonRequest, day: date) -> PersonPayment:
    """Ask as maker; the same document of the same person again gives the first answer.

    Raises InvalidInput `person.kind`, `person.category` (no leaf of 5001 for it in that fund), `person.period`,
    `person.account_number`, `request.*`, `db.constraint` (CNAPS code); Conflict `request.document_used`; Forbidden `access.role_missing`.
    """
    require_amount(asked.amount_fen)
    if asked.kind not in KINDS or (asked.kind == ALLOWANCE) != (asked.category == ALLOWANCE):
        raise InvalidInput(
            "person.kind", f"个人付款种类应为{'、'.join(KINDS)}，生育津贴的类别即为{ALLOWANCE}"
        )
    if place_account("benefit", asked.fund, asked.subfund, asked.category) is None:
        raise InvalidInput(
            "person.category",
            f"{FUND_NAMES.get(asked.fund, asked.fund)}没有“{said('subfund', asked.subfund)}/{said('category', asked.category)}”的待遇支出科目",
            category=asked.category,
        )
    _require_period(asked.service_year, asked.term, day)
    psn_no, document = require_text(asked.psn_no, "人员编号"), require_text(asked.document, "文号")
    payee = person_payee(asked.payee)
    key = key_of("PER", tx.region, asked.fund, asked.kind, psn_no, document)
    known = read_persons(tx, key=key)
    given = (asked.amount_fen, payee, asked.subfund, asked.service_year, asked.term, asked.category)
    if known:
        [first] = known
        stored = (
            first.amount_fen,
            first.payee,
            first.subfund,
            first.service_year,
            first.term,
            first.category,
        )
        require_same(key, stored, given)
        return first
    tx.run(
        """INSERT INTO fund.person_payment (region, fund, payment_id, kind, psn_no, subfund, service_year, term, category,
               amount_fen, document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(kind)s, %(psn)s, %(subfund)s, %(year)s, %(term)s, %(category)s, %(fen)s,
               %(document)s, %(name)s, %(number)s, %(bank)s, %(cnaps)s, %(due)s, %(user)s, %(day)s)""",
        region=tx.region,
        fund=asked.fund,
        key=key,
        kind=asked.kind,
        psn=psn_no,
        subfund=asked.subfund,
        year=asked.service_year,
        term=asked.term,
        category=asked.category,
        fen=asked.amount_fen,
        document=document,
        name=fields(tx).seal(payee.name),
        number=fields(tx).seal(payee.number),
        bank=payee.bank_name,
        cnaps=payee.cnaps,
        due=asked.due_on,
        user=tx.user,
        day=day,
    )
    return read_persons(tx, key=key)[0]


def _require_period(year: int, term: int, day: date) -> None:
    """What is paid is of a year and a 期号 that have begun, and not of long ago; raises InvalidInput `person.period`."""
    past = 1 <= term % 100 <= 12 and term <= day.year * 100 + day.month
    if not (day.year - YEARS_BACK <= year <= day.year and past and day.year - YEARS_BACK <= term // 100):
        raise InvalidInput(
            "person.period",
            f"服务年度{year}、期号{term}不合规：应不晚于业务日期{day}的年、月，且不早于{YEARS_BACK}年前",
            year=year,
            term=term,
        )


def approve_person(tx: Transaction, payment_id: str, day: date) -> PersonPayment:
    """Approve as checker, another person than the maker; ordering is `ledger.fund.cash.orders.order_persons`."""
    decide(tx, "person_payment", payment_id, day)
    return read_persons(tx, key=payment_id)[0]


def refuse_person(tx: Transaction, payment_id: str, day: date, reason: str) -> PersonPayment:
    """Refuse as checker, with a reason."""
    decide(tx, "person_payment", payment_id, day, refusal=require_text(reason, "理由"))
    return read_persons(tx, key=payment_id)[0]


def read_persons(tx: Transaction, *, fund: int = 0, key: str = "") -> list[PersonPayment]:
    """Payments to persons by id or fund."""
    rows = tx.rows(
        """SELECT p.payment_id, p.fund, p.kind, p.psn_no, p.subfund, p.service_year, p.term, p.category, p.amount_fen,
                  p.document, p.payee_name, p.payee_number, p.payee_bank, p.payee_cnaps, p.due_on, p.state, p.prepared_by,
                  p.approved_by, p.order_no, coalesce(o.state, '')
             FROM fund.person_payment p
             LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
            WHERE p.region = %(region)s AND %(fund)s IN (0, p.fund) AND %(key)s IN ('', p.payment_id)
            ORDER BY p.due_on, p.payment_id""",
        region=tx.region,
        fund=fund,
        key=key,
    )
    return [PersonPayment(*(*row[:10], opened_account(tx, *row[10:14]), *row[14:])) for row in rows]
