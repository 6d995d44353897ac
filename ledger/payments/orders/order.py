"""Orders as the other modules of this room see them: read, and locked in one order so that nobody deadlocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString

from adapters.banks.ports import BankAccount
from ledger.core.persons import PERSON
from ledger.db.safekeeping.fields import fields, masked_field
from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class Order:
    """One payment order; amounts in fen."""

    order_no: str
    fund: int
    batch_id: str
    kind: str
    pay_date: date
    institution: str
    amount_fen: int
    account: str
    """Ours."""
    payee: BankAccount
    purpose: str
    replaces: str
    state: str
    file_id: str
    sent_on: date | None
    bank_reference: str
    approved_by: str
    """Empty for a draft."""

    @property
    def shown_payee(self) -> BankAccount:
        """The payee as lists, pages and prints show it: a person's name and account with their middle hidden."""
        if self.institution != PERSON:
            return self.payee
        name, number = masked_field(self.payee.name), masked_field(self.payee.number)
        return BankAccount(name, number, self.payee.bank_name, self.payee.cnaps)


_SELECT: Final = (
    "SELECT o.order_no, o.fund, o.batch_id, b.kind, b.pay_date, o.institution, o.amount_fen, o.account, o.payee_name,"
    " o.payee_number, o.payee_bank, o.payee_cnaps, o.purpose, o.replaces, o.state, o.file_id, o.sent_on,"
    " o.bank_reference, coalesce(a.approved_by, '')"
    " FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
    " LEFT JOIN payments.approval a ON a.region = o.region AND a.batch_id = o.batch_id"
    " WHERE o.region = %(region)s AND "
)
_TAIL: Final = " ORDER BY o.order_no"
_LOCK: Final = " ORDER BY o.order_no FOR UPDATE OF o"


def read_orders(tx: Transaction, order_nos: Sequence[str]) -> list[Order]:
    """The named orders that exist, by number."""
    return _read(tx, _SELECT + "o.order_no = ANY(%(key)s)" + _TAIL, list(order_nos))


def lock_orders(tx: Transaction, order_nos: Sequence[str]) -> list[Order]:
    """The named orders that exist, locked until the end of the transaction."""
    return _read(tx, _SELECT + "o.order_no = ANY(%(key)s)" + _LOCK, list(order_nos))


def lock_batch(tx: Transaction, batch_id: str) -> list[Order]:
    """All orders of a batch, locked."""
    return _read(tx, _SELECT + "o.batch_id = %(key)s" + _LOCK, batch_id)


def lock_file(tx: Transaction, file_id: str) -> list[Order]:
    """All orders that stand in a file, locked."""
    return _read(tx, _SELECT + "o.file_id = %(key)s" + _LOCK, file_id)


def _read(tx: Transaction, query: LiteralString, key: object) -> list[Order]:
    return [
        Order(*(*row[:8], opened_account(tx, *row[8:12]), *row[12:]))
        for row in tx.rows(query, region=tx.region, key=key)
    ]


def opened_account(tx: Transaction, name: str, number: str, bank_name: str, cnaps: str) -> BankAccount:
    """A payee's account as it is told to the bank: a person's is stored sealed. Raises NotFound `data.key_missing`."""
    if "~" not in name + number:
        return BankAccount(name, number, bank_name, cnaps)
    return BankAccount(fields(tx).open(name), fields(tx).open(number), bank_name, cnaps)
