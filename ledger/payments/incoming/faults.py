"""What a bank's reason says about the payee's account (ISO 20022 external reason codes, and what receipts print)."""

from __future__ import annotations

import re
from typing import Final

ACCOUNT_FAULTS: Final = frozenset(
    {
        "AC01",
        "AC02",
        "AC03",
        "AC04",
        "AC05",
        "AC06",
        "AC07",
        "AC14",
        "BE01",
        "BE04",
        "BE06",
        "CNOR",
        "RC01",
        "RC04",
    }
)
"""Wrong, closed or blocked account, wrong name, unknown creditor or branch: sending again as it is fails again."""

DUPLICATES: Final = frozenset({"AM05", "DU01", "DU02", "DU03", "DU04", "DU05", "DUPL"})
"""The bank refuses what it believes to have already. That says nothing of the first one: it may well be paid."""

_ACCOUNT_WORDS: Final = re.compile(
    "户名.{0,6}不符|账号.{0,6}(?:不符|不存在|有误|错误)|账户.{0,6}(?:不存在|销户|冻结)|已销户|行号.{0,4}(?:不符|有误|错误)"
)
_NAMED_FAULTS: Final = {
    "AC01": "账号不存在",
    "AC04": "账户已销户",
    "BE01": "户名与账号不符",
    "RC01": "开户行号有误",
}


def is_account_fault(reason_code: str, reason: str) -> bool:
    """Whether the payee's account itself is at fault, definitely; the code decides, the text only without one."""
    if reason_code:
        return reason_code in ACCOUNT_FAULTS
    return _ACCOUNT_WORDS.search(reason) is not None


def reason_text(reason_code: str, reason: str) -> str:
    """Code and text as one line for people."""
    return " ".join(filter(None, (reason_code, reason or _NAMED_FAULTS.get(reason_code, ""))))
