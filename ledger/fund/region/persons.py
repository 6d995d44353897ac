"""A natural person's sealed name and account, opened by a person with a reason that stands in the operator log."""

from __future__ import annotations

from typing import NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction


class OpenedPayee(NamedTuple):
    """A name and an account number."""

    name: str
    number: str


def open_payee(tx: Transaction, key: str, reason: str, *, clear: bool) -> OpenedPayee:
    """Who an order, a payment to a person, a party or a bank's paper (`bker:R1`) names, whole or masked; the caller's act logs who and why.

    Raises InvalidInput `data.reason`, NotFound `data.no_payee`, `data.key_missing`; Forbidden `access.role_missing`.
    """
    if len(reason.strip()) < 4:
        raise InvalidInput("data.reason", "查看明文须写明理由（至少4个字）")
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{maker,checker,accountant,reviewer}')",
        region=tx.region,
    )
    kind, _, number = key.partition(":")
    row = tx.row(
        """SELECT payee_name, payee_number FROM payments.pay_order WHERE region = %(region)s AND order_no = %(key)s
           UNION ALL
           SELECT payee_name, payee_number FROM fund.person_payment WHERE region = %(region)s AND payment_id = %(key)s
           UNION ALL
           SELECT other_name, other_account FROM payments.evidence
            WHERE region = %(region)s AND kind = %(kind)s AND receipt_no = %(number)s
           UNION ALL
           SELECT name, '' FROM fund.party WHERE region = %(region)s AND party = %(key)s LIMIT 1""",
        region=tx.region,
        key=key,
        kind=kind,
        number=number,
    )
    if row is None:
        raise NotFound("data.no_payee", f"没有拨付单、个人付款或回单{key[:60]}")
    show = fields(tx).open if clear else fields(tx).shown
    return OpenedPayee(show(row[0]), show(row[1]))
