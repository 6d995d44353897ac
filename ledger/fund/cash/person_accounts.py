"""Accounts of persons that a bank said are wrong: the payment waits until two persons say where it is paid instead.

What the bank said is written down when its paper is taken in (`fund.fail_persons`); a payment's latest row counts, and the
database lets no order of it go elsewhere (`fund.check_person_held`). The same account again is an answer too, on a document.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.errors import Conflict, NotFound
from ledger.core.words import said
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.person_payee import person_payee
from ledger.fund.signed.request import decide, require_text
from ledger.payments.incoming.faults import fault_words

WAITING: Final = ("failed", "refused")
"""States in which another account is to be proposed."""


@dataclass(frozen=True, slots=True)
class PersonAccount:
    """What became of a person's faulty account; name, number and bank proposed are empty where nothing was yet, and masked."""

    account_id: str
    payment_id: str
    fund: int
    order_no: str
    failed_on: date
    why: str
    """The bank's code in our words; its own text may name the person."""
    name: str
    number: str
    bank: str
    document: str
    state: str
    prepared_by: str
    approved_by: str
    reason: str


def propose_account(
    tx: Transaction, payment_id: str, payee: BankAccount, document: str, day: date
) -> PersonAccount:
    """Say as maker where a held payment is to be paid, by which document; another person decides.

    Raises NotFound `person.not_held`; Conflict `person.account_waits`; InvalidInput `request.text`, `text.unbearable`,
    `person.account_number`, `db.constraint`; Forbidden `access.role_missing`.
    """
    found = read_person_accounts(tx, payment=payment_id)
    if not found or found[0].state == "approved":
        raise NotFound(
            "person.not_held",
            f"个人付款{payment_id[:60]}没有经银行退回、待更正的收款账户",
            key=payment_id[:60],
        )
    held = found[0]
    if held.state not in WAITING:
        raise Conflict(
            "person.account_waits",
            f"个人付款{payment_id}的收款账户已由{held.prepared_by}提出更正，待另一人复核",
            key=payment_id,
        )
    payee = person_payee(payee)
    tx.run(
        """UPDATE fund.person_account SET payee_name = %(name)s, payee_number = %(number)s, payee_bank = %(bank)s,
                  payee_cnaps = %(cnaps)s, document = %(document)s, state = 'requested', prepared_by = %(user)s,
                  prepared_on = %(day)s, approved_by = '', approved_on = NULL, reason = ''
            WHERE region = %(region)s AND account_id = %(key)s""",
        region=tx.region,
        key=held.account_id,
        name=fields(tx).seal(payee.name),
        number=fields(tx).seal(payee.number),
        bank=payee.bank_name,
        cnaps=payee.cnaps,
        document=require_text(document, "依据"),
        user=tx.user,
        day=day,
    )
    return read_person_accounts(tx, key=held.account_id)[0]


def approve_account(tx: Transaction, account_id: str, day: date) -> PersonAccount:
    """Approve as checker, another person than the maker: the payment is ordered to it from now on; raises as `decide`."""
    decide(tx, "person_account", account_id, day)
    return read_person_accounts(tx, key=account_id)[0]


def refuse_account(tx: Transaction, account_id: str, day: date, reason: str) -> PersonAccount:
    """Refuse as checker, with a reason: another may be proposed; raises as `decide`."""
    decide(tx, "person_account", account_id, day, refusal=require_text(reason, "理由"))
    return read_person_accounts(tx, key=account_id)[0]


def read_person_accounts(
    tx: Transaction, *, key: str = "", payment: str = "", open_only: bool = False
) -> list[PersonAccount]:
    """By id, of a payment, or all, the latest first; `open_only`: those that hold an unpaid payment now."""
    rows = tx.rows(
        """SELECT a.account_id, a.payment_id, a.fund, a.order_no, a.failed_on,
                  coalesce((SELECT e.reason FROM payments.order_event e WHERE e.region = a.region AND e.order_no = a.order_no
                              AND e.event IN ('reject', 'return') ORDER BY e.n DESC LIMIT 1), ''),
                  a.payee_name, a.payee_number, a.payee_bank, a.document, a.state, a.prepared_by, a.approved_by, a.reason
             FROM fund.person_account a
             JOIN fund.person_payment p ON p.region = a.region AND p.payment_id = a.payment_id
            WHERE a.region = %(region)s AND %(key)s IN ('', a.account_id) AND %(payment)s IN ('', a.payment_id)
              AND (NOT %(open)s OR a.state <> 'approved' AND p.order_no = a.order_no AND NOT EXISTS (
                   SELECT 1 FROM payments.pay_order o WHERE o.region = a.region AND o.order_no = a.order_no AND o.state = 'paid'))
            ORDER BY a.failed_on DESC, a.payment_id, a.n DESC""",
        region=tx.region,
        key=key,
        payment=payment,
        open=open_only,
    )
    return [
        PersonAccount(*(*row[:5], _why(tx, row[5]), *map(fields(tx).shown, row[6:8]), *row[8:]))
        for row in rows
    ]


def _why(tx: Transaction, kept: str) -> str:
    """What the bank said is wrong, in our words; without the home's key no more than that it is."""
    try:
        return fault_words(fields(tx).open(kept))
    except NotFound:
        return fault_words("")


def account_words(one: PersonAccount) -> str:
    """A held payment in one line."""
    return f"{one.account_id} 个人付款{one.payment_id} {one.failed_on}经银行退回：{one.why}；{said('person_account.state', one.state)}"
