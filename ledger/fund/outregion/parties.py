"""The regions we clear with, and the account each is paid into: proposed by one person, confirmed by another."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from adapters.banks.ports import BankAccount
from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, NotFound
from ledger.core.text import bearable
from ledger.db.unit_of_work import Transaction


class Counterparty(NamedTuple):
    """Another pooling region and the account it is paid into; `confirmed_by` is "" until another person confirmed it."""

    counterparty: int
    name: str
    payee_name: str
    payee_number: str
    payee_bank: str
    payee_cnaps: str
    proposed_by: str
    confirmed_by: str

    @property
    def payee(self) -> BankAccount | None:
        """Where it is paid; None while nobody confirmed it."""
        if not self.confirmed_by:
            return None
        return BankAccount(self.payee_name, self.payee_number, self.payee_bank, self.payee_cnaps)


def add_counterparty(tx: Transaction, party: Counterparty) -> Counterparty:
    """Propose a region and its account, as maker; the same again gives the first answer.

    Raises InvalidInput `outregion.own_region` for a part of our own region, `text.unbearable`; Conflict `outregion.counterparty_known` if
    it is there with another account; Forbidden `access.role_missing`.
    """
    for text, field in (
        (party.name, "对方名称"),
        (party.payee_name, "收款户名"),
        (party.payee_bank, "开户行"),
    ):
        bearable(text, field)
    tx.run(
        """INSERT INTO fund.outregion_counterparty (region, counterparty, name, payee_name, payee_number, payee_bank, payee_cnaps,
               proposed_by)
           VALUES (%(region)s, %(counterparty)s, %(name)s, %(payee_name)s, %(payee_number)s, %(payee_bank)s, %(payee_cnaps)s,
               %(user)s) ON CONFLICT DO NOTHING""",
        region=tx.region,
        user=tx.user,
        **party._asdict(),
    )
    stored = next(one for one in read_counterparties(tx) if one.counterparty == party.counterparty)
    if stored[:6] != party[:6]:
        raise Conflict("outregion.counterparty_known", f"对方统筹区{party.counterparty}已登记，内容不同")
    return stored


def confirm_counterparty(tx: Transaction, counterparty: int, day: date) -> None:
    """Confirm a region's account, as checker and another person. Raises NotFound `outregion.counterparty_unknown`,
    Forbidden `request.same_person`, `access.role_missing`.
    """
    sign_decision(tx, "fund.outregion_counterparty", [counterparty], day)
    if not tx.run(
        """UPDATE fund.outregion_counterparty SET confirmed_by = %(user)s, confirmed_on = %(day)s
            WHERE region = %(region)s AND counterparty = %(counterparty)s""",
        region=tx.region,
        counterparty=counterparty,
        user=tx.user,
        day=day,
    ):
        raise NotFound("outregion.counterparty_unknown", f"没有登记对方统筹区{counterparty}")


def read_counterparties(tx: Transaction) -> list[Counterparty]:
    """The regions we clear with."""
    return [
        Counterparty(*row)
        for row in tx.rows(
            """SELECT counterparty, name, payee_name, payee_number, payee_bank, payee_cnaps, proposed_by, confirmed_by
                 FROM fund.outregion_counterparty WHERE region = %(region)s ORDER BY counterparty""",
            region=tx.region,
        )
    ]


def require_counterparty(tx: Transaction, counterparty: int) -> None:
    """Raises NotFound `outregion.counterparty_unknown` unless the region is there and confirmed."""
    if not any(one.counterparty == counterparty and one.confirmed_by for one in read_counterparties(tx)):
        raise NotFound("outregion.counterparty_unknown", f"没有已确认的对方统筹区{counterparty}")
