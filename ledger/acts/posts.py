"""Whose login in the database does an act: by the first word of its name in the operator log.

Used where logins are split by post (`FUNDLEDGER_SPLIT_LOGINS`): the act of one post then cannot write what another's may,
whatever it is made to do (the end of ledger/db/sql/secure.sql). What stands here under no login is the service's: users,
roles, keys, choices, calendars, alarms, what comes in by file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.db.passwords import Working

_WORDS: Final[Mapping[Working, str]] = {
    "books": "account balance control correct cutover period reconciliation statement voucher",
    "payments": "advance audit bank cash clear confirm daily day declare institution layers month outregion payments"
    " reconcile refund suspense",
}
_LOGIN: Final = {word: login for login, words in _WORDS.items() for word in words.split()}


def login_of(action: str) -> Working:
    """The login of an act by its name, as `month.approve`."""
    return _LOGIN.get(action.partition(".")[0], "service")
