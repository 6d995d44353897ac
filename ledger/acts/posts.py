"""Whose login in the database does an act: by the first word of its name in the operator log.

Where logins are split by post (`FUNDLEDGER_SPLIT_LOGINS`, as ever unless turned off) the act of one post cannot write what
another's may, whatever it is made to do (the end of ledger/db/sql/secure.sql). Every word stands here, the service's too: an
act of another name is not begun, so that none falls to the service unseen. Nothing acts by `read` or `auditor`: those look.

Reviewers have no login of their own, since what they do lies with what they judge: `control.sign` writes the control report
beside the books it compares, `audit.*` (findings, appeals, decisions) moves money that payments then withhold. What a reviewer
may not write under either login the row's own guard refuses, as it refuses a checker's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.db.passwords import Working

WORDS: Final[Mapping[Working, str]] = {
    "intake": "intake",
    "books": "account balance control correct cutover party period reconciliation search statement voucher",
    "payments": "advance audit bank batch cash clear daily day declare institution layers month outregion payments reconcile"
    " refund risk suspense",
    "service": "access alarms calendar data jobs key login logout policy user",
}
"""Login to the words of its acts."""
_LOGIN: Final = {word: login for login, words in WORDS.items() for word in words.split()}


def login_of(action: str) -> Working:
    """The login of an act by its name, as `month.approve`; raises LookupError for one that no post does."""
    login = _LOGIN.get(action.partition(".")[0])
    if login is None:
        raise LookupError(f"no post does {action}: its first word is not in ledger.acts.posts")
    return login
