"""The account a person is paid at, as somebody named it: looked at before it is sealed, for the database cannot look at it then."""

from __future__ import annotations

from adapters.banks.ports import BankAccount
from ledger.core.errors import InvalidInput
from ledger.core.text import ACCOUNT_NUMBER, bearable
from ledger.fund.signed.request import require_text


def person_payee(named: BankAccount) -> BankAccount:
    """The account as it is kept; its bank's number is the database's to judge.

    Raises InvalidInput `request.text`, `text.unbearable`, `person.account_number`.
    """
    name, bank = require_text(named.name, "收款人"), require_text(named.bank_name, "开户行")
    if not ACCOUNT_NUMBER.fullmatch(named.number):
        raise InvalidInput("person.account_number", "收款账号不合规：应为5至34位数字、字母或短横")
    return BankAccount(bearable(name, "收款户名"), named.number, bank, named.cnaps)
