"""Account names for hledger, ledger and beancount: code and dimensions in letters all three read, and back again.

`Assets:110105:Party-H42010000001:Sub-pool:Year-2026:Term-202610:Cat-inpatient`. A value's characters other than
ASCII letters and digits stand as their code point in hexadecimal between hyphens, so `市-A` is `-5E02--2D-A`.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.core.entries import Dimensions

_ROOTS: Final = {
    "资产": "Assets",
    "负债": "Liabilities",
    "净资产": "Equity",
    "收入": "Income",
    "支出": "Expenses",
    "备查": "Equity:Memorandum",
}
_LABELS: Final = ("Party", "Sub", "Year", "Term", "Cat")


def account_name(class_: str, account: int, asked: int, dims: Dimensions) -> str:
    """The name of a leaf; memorandum accounts stand below `Equity:Memorandum` and balance there by themselves."""
    parts = [_ROOTS[class_], str(account)]
    for bit, (label, value) in enumerate(zip(_LABELS, dims, strict=True)):
        if asked >> bit & 1:
            parts.append(f"{label}-{_escape(str(value))}")
    return ":".join(parts)


def parse_account_name(name: str) -> tuple[int, Dimensions]:
    """The code and the dimensions of a name made by `account_name`; raises ValueError for any other."""
    match = re.fullmatch(r"(?:[A-Z][a-z]+:)+([0-9]{4,8})((?::[A-Z][a-z]+-[A-Za-z0-9-]*)*)", name, re.ASCII)
    if match is None:
        raise ValueError(name)
    values: dict[str, str] = {}
    for part in match.group(2).split(":")[1:]:
        label, _, escaped = part.partition("-")
        values[label] = re.sub("-([0-9A-F]+)-", lambda hexed: chr(int(hexed.group(1), 16)), escaped)
    party, sub, year, term, cat = (values.pop(label, "") for label in _LABELS)
    if values:
        raise ValueError(name)
    return int(match.group(1)), Dimensions(party, sub, int(year or 0), int(term or 0), cat)


def _escape(value: str) -> str:
    return re.sub("[^A-Za-z0-9]", lambda other: f"-{ord(other.group()):X}-", value, flags=re.ASCII)
