"""A natural person's sealed name and account, opened by a person with a reason that stands in the operator log."""

from __future__ import annotations

from typing import NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction


class OpenedPayee(NamedTuple):
    """Whom a payment names, and what an approval of it signs over; where nothing of it is approved, no more than the name."""

    name: str
    number: str
    bank: str = ""
    amount_fen: int = 0
    of: str = ""
    """What is approved: the batch of an order, a payment to a person."""
    digest: str = ""
    """Of what is approved as it stands now: SHA-256, hexadecimal. What is sealed in it opens to this name and account only."""


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
        """SELECT payee_name, payee_number, payee_bank, amount_fen, batch_id, encode(payments.batch_digest(region, batch_id), 'hex')
             FROM payments.pay_order WHERE region = %(region)s AND order_no = %(key)s
           UNION ALL
           SELECT p.payee_name, p.payee_number, p.payee_bank, p.amount_fen, p.payment_id, s.digest
             FROM fund.person_payment p CROSS JOIN access.to_sign(p.region, 'fund.person_payment', ARRAY[p.payment_id]) s
            WHERE p.region = %(region)s AND p.payment_id = %(key)s
           UNION ALL
           SELECT a.payee_name, a.payee_number, a.payee_bank, p.amount_fen, a.account_id, s.digest
             FROM fund.person_account a JOIN fund.person_payment p ON p.region = a.region AND p.payment_id = a.payment_id
            CROSS JOIN access.to_sign(a.region, 'fund.person_account', ARRAY[a.account_id]) s
            WHERE a.region = %(region)s AND a.account_id = %(key)s AND a.payee_name <> ''
           UNION ALL
           SELECT other_name, other_account, '', 0, '', '' FROM payments.evidence
            WHERE region = %(region)s AND kind = %(kind)s AND receipt_no = %(number)s
           UNION ALL
           SELECT y.name, '', '', 0, y.party, s.digest
             FROM fund.party y CROSS JOIN access.to_sign(y.region, 'fund.party', ARRAY[y.party]) s
            WHERE y.region = %(region)s AND y.party = %(key)s LIMIT 1""",
        region=tx.region,
        key=key,
        kind=kind,
        number=number,
    )
    if row is None:
        raise NotFound("data.no_payee", f"没有拨付单、个人付款或回单{key[:60]}")
    show = fields(tx).open if clear else fields(tx).shown
    return OpenedPayee(show(row[0]), show(row[1]), *row[2:])
