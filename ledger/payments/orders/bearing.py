"""Whether an order can stand in a payment file: asked when it is drafted, of the format of the bank that will pay it.

A name that entered before names were judged, or one that this bank cannot write, blocks its own payment with a reason and
nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.banks.ports import BankAccount, BankFormat
from ledger.core.errors import NotFound
from ledger.core.text import flaw
from ledger.db.unit_of_work import Transaction

CanBear = Callable[[BankAccount, str], str]
"""(payee, purpose) → why no file of the bank can hold it, in a Chinese sentence; "" where it can."""
BearsOf = Callable[[Transaction, str], CanBear]
"""What the bank of an own account can hold."""
FormatOf = Callable[[str, frozenset[str]], BankFormat]
"""The formats of a bank by its key, for files about these own accounts (the adapters' registry)."""


def any_bank(_tx: Transaction, _account: str) -> CanBear:
    """What no bank at all can hold, for who has no bank at hand: the bank is asked again when the file is made."""
    return unbearable


def unbearable(payee: BankAccount, purpose: str) -> str:
    """The first flaw of the texts of an order, "" if they are clean."""
    texts = ((payee.name, "收款户名"), (payee.bank_name, "收款开户行"), (purpose, "摘要"))
    found = (flaw(text, field) for text, field in texts)
    return next((one.words for one in found if one is not None), "")


def asking(format_of: FormatOf) -> BearsOf:
    """Each own account's bank, by the key in its row. Raises NotFound `account.unknown`, `bank.unknown`."""

    def bears(tx: Transaction, account: str) -> CanBear:
        bank = tx.value(
            "SELECT bank FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
            region=tx.region,
            account=account,
        )
        if bank is None:
            raise NotFound("account.unknown", f"统筹区{tx.region}没有账户{account}", account=account)
        return format_of(bank, frozenset({account})).can_bear

    return bears
