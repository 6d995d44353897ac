"""What a bank's reason says about the payee's account (ISO 20022 external reason codes, and what receipts print)."""

from __future__ import annotations

import re
from collections.abc import Collection
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


_DUPLICATE_WORDS: Final = re.compile(
    "重复|已存在|已受理|已处理|已提交|已记账|已付款|duplicat|already|twice|repeated", re.IGNORECASE
)
_REFUSAL_WORDS: Final = re.compile("余额不足|超.{0,4}限额|止付|权限|签约|不支持|金额.{0,4}(?:错误|有误)")
_CODE: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{2}", re.ASCII)
_WORDS_FOLLOW: Final = frozenset({"NARR", "MS02", "MS03"})
"""Not specified by the customer's or the bank's agent, or told in words: the code itself says nothing."""
_KNOWN_FAMILIES: Final = frozenset({"AC", "AG", "AM", "BE", "CH", "CN", "DT", "FF", "RC", "RF", "RR", "TM"})
"""The standard's families that name what is wrong with the order or its account: the bank did not carry it out."""


def is_duplicate(codes: Collection[str], text: str) -> bool:
    """Whether the bank refuses what it believes to have already, wherever and however it says so."""
    if any(code.upper() in DUPLICATES for code in codes):
        return True
    own_words = " ".join(code for code in codes if not _CODE.fullmatch(code))
    return _DUPLICATE_WORDS.search(f"{own_words} {text}") is not None


def is_account_fault(codes: Collection[str], text: str) -> bool:
    """Whether the payee's account itself is at fault, definitely: any code says so, or words where no code says anything."""
    if any(code.upper() in ACCOUNT_FAULTS for code in codes):
        return True
    said = [code for code in codes if _CODE.fullmatch(code) and code not in _WORDS_FOLLOW]
    return not said and _ACCOUNT_WORDS.search(" ".join([*codes, text])) is not None


def is_understood(codes: Collection[str], text: str) -> bool:
    """Whether a refusal's reason is one somebody knows: no reason at all is none to puzzle over."""
    if not codes and not text:
        return True
    if any(code[:2] in _KNOWN_FAMILIES and _CODE.fullmatch(code) for code in codes):
        return True
    words = " ".join([*codes, text])
    return _ACCOUNT_WORDS.search(words) is not None or _REFUSAL_WORDS.search(words) is not None


def fault_words(kept: str) -> str:
    """Of a stored reason (`reason_text`) what may be shown of a person's account: the code in our own words, never the bank's text."""
    code = kept.partition(" ")[0]
    if _CODE.fullmatch(code):
        return f"{_NAMED_FAULTS.get(code, '收款账户有误')}（{code}）"
    return "收款账户有误"


def reason_text(reason_code: str, reason: str) -> str:
    """Code and text as one line for people."""
    return " ".join(filter(None, (reason_code, reason or _NAMED_FAULTS.get(reason_code, ""))))
