"""Designated institutions: master data, enrolment, payee accounts. A payee account needs a second person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from adapters.banks.ports import BankAccount
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_ratio
from ledger.core.text import bearable
from ledger.fund.institutions.judge import judge

FAR_DAY: Final = date(9999, 12, 31)
_TYPES: Final = {"hospital": "1", "pharmacy": "2", "both": "3"}
AGREEMENT_STATES: Final = frozenset({"active", "suspended", "ended"})


@dataclass(frozen=True, slots=True)
class Institution:
    """One line of an institution file."""

    code: str
    name: str
    type: str
    level: str
    agreement_state: str
    agreement_from: date
    agreement_to: date
    mode: str
    cycle: str
    ratio: int
    month_ratio: int
    enrolled_from: date
    payee_name: str
    payee_number: str
    payee_bank: str
    payee_cnaps: str
    payee_reason: str = ""
    """Why an account that was in force once and was stopped comes back."""
    enrolment_correction: str = ""
    """Why the enrolment takes the place of one in force from the same day."""

    @property
    def payee(self) -> BankAccount:
        """Where it wants to be paid."""
        return BankAccount(self.payee_name, self.payee_number, self.payee_bank, self.payee_cnaps)


def read_institutions(path: Path) -> Iterator[Institution]:
    """The institutions of a JSON-lines file (the shape `generate` writes).

    Raises InvalidInput `institution.format` naming file, line and field: master data is taken whole or not at all;
    what `judge` raises, with the line; `institution.twice` for an institution with two lines, `institution.empty` for a file
    without a line, OSError for one that cannot be read.
    """
    number = 0
    seen: set[str] = set()
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                item = _institution(json.loads(raw.decode("utf-8-sig")))
            except (KeyError, TypeError, ValueError, InvalidInput) as error:
                field = error.args[0] if isinstance(error, KeyError) else ""
                reason = error.message if isinstance(error, InvalidInput) else f"字段{field}缺失或不合规"
                raise InvalidInput(
                    "institution.format",
                    f"{path.name}第{number}行：{reason}",
                    file=path.name,
                    line=number,
                    field=field,
                ) from error
            try:
                judge(item.code, item.name, item.type, item.level, item.mode)
            except InvalidInput as error:
                raise InvalidInput(
                    error.code, f"{path.name}第{number}行：{error.message}", file=path.name, line=number
                ) from error
            if item.code in seen:
                raise InvalidInput(
                    "institution.twice",
                    f"{path.name}第{number}行：机构{item.code}在文件中列了两次，以哪一行为准不明",
                    file=path.name,
                    line=number,
                )
            seen.add(item.code)
            yield item
    if not number:
        raise InvalidInput("institution.empty", f"文件{path.name}没有内容，应每行一家机构", file=path.name)


def _institution(row: dict[str, Any]) -> Institution:
    enrolment, payee = row["enrolment"], row["payee"]
    if row["status"] not in AGREEMENT_STATES:
        raise InvalidInput("institution.format", f"协议状态“{row['status']}”不在字典内")
    return Institution(
        code=row["code"],
        name=bearable(row["name"], "机构名称"),
        type=_TYPES[row["type"]],
        level=row["level"],
        agreement_state=row["status"],
        agreement_from=parse_day(row["agreement_start"]),
        agreement_to=parse_day(row["agreement_end"]),
        mode=enrolment["mode"],
        cycle=enrolment["cycle"],
        ratio=parse_ratio(enrolment["ratio"]),
        month_ratio=parse_ratio(enrolment["month_ratio"]),
        enrolled_from=parse_day(enrolment["start"]),
        payee_name=bearable(payee["name"], "收款户名"),
        payee_number=payee["account"],
        payee_bank=bearable(payee["bank_name"], "开户行"),
        payee_cnaps=payee["cnaps"],
        payee_reason=str(payee.get("reason", "")).strip(),
        enrolment_correction=str(enrolment.get("correction", "")).strip(),
    )
