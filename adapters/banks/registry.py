"""Which banks there are: the key in a bank account's row → its formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankFormat
from ledger.core.errors import NotFound

FORMATS: Final[Mapping[str, Callable[[frozenset[str]], BankFormat]]] = {
    "iso20022": Iso20022Format,
    "iso20022-gbk": partial(Iso20022Format, charset="gbk"),
}


def make_format(bank: str, own_accounts: frozenset[str]) -> BankFormat:
    """The formats of `bank` for files about `own_accounts`; raises NotFound `bank.unknown`."""
    try:
        return FORMATS[bank](own_accounts)
    except KeyError:
        raise NotFound("bank.unknown", f"没有银行“{bank}”的文件格式", bank=bank) from None
