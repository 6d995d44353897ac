"""The files of a year's clearing: the plan with its dated choices and cases, and the rates of one class (JSON, yuan as text).

A file is taken whole or not at all; loading it again changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final, TypeVar

from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import parse_fen, parse_ratio
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.cases import assess, propose_late, propose_special
from ledger.fund.clearing.plan import (
    Budget,
    ClearingPlan,
    read_plan,
    set_bands,
    set_budget,
    set_grade,
    set_rates,
)
from ledger.fund.clearing.rates import Band, Volume

_T = TypeVar("_T")
_FOUR: Final = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,4}))?", re.ASCII)


def four_decimals(text: str) -> int:
    """A weight, point or ratio with at most four decimals to ten-thousandths; raises InvalidInput `clearing.format`."""
    match = _FOUR.fullmatch(text)
    if match is None:
        raise InvalidInput("clearing.format", f"数值“{text[:20]}”不合规：应为非负数，最多四位小数")
    return int(match.group(1)) * 10_000 + int((match.group(2) or "").ljust(4, "0"))


def load_plan(tx: Transaction, fund: int, year: int, name: str, content: bytes) -> ClearingPlan:
    """Load `{document, budgets, bands, grades, assessments, special_cases, late_cases}` (budgets required, others not).

    Raises InvalidInput `clearing.format` naming file and field, and what storing the parts raises.
    """
    document = _object(name, content)

    def load() -> ClearingPlan:
        if "budgets" in document:
            budgets = [
                Budget(
                    _text(row, "class"), parse_fen(_text(row, "amount")), parse_fen(row.get("reserve", "0"))
                )
                for row in document["budgets"]
            ]
            set_budget(tx, fund, year, _text(document, "document"), budgets)
        _load_dated(tx, fund, document)
        for row in document.get("assessments", ()):
            assess(tx, fund, year, _text(row, "institution"), _text(row, "grade"), _text(row, "document"))
        for row in document.get("special_cases", ()):
            propose_special(
                tx, fund, year, _text(row, "setl_id"), parse_fen(_text(row, "amount")), _text(row, "document")
            )
        for row in document.get("late_cases", ()):
            propose_late(tx, fund, year, _text(row, "setl_id"), _text(row, "document"))
        return read_plan(tx, fund, year)

    return _checked(name, load)


def _load_dated(tx: Transaction, fund: int, document: Mapping[str, Any]) -> None:
    for row in document.get("bands", ()):
        bands = [Band(*(four_decimals(edge) for edge in band)) for band in row["bands"]]
        set_bands(tx, fund, int(row["from_year"]), _text(row, "kind"), bands, _text(row, "source"))
    for row in document.get("grades", ()):
        set_grade(
            tx, fund, int(row["from_year"]), _text(row, "grade"), parse_ratio(_text(row, "forfeit")), _text(row, "source")
        )  # fmt: skip


def load_rates(tx: Transaction, fund: int, year: int, name: str, content: bytes) -> Fraction:
    """Load `{class, method, published?, volumes: [{institution, cases, units, personal?, standard?}]}`.

    Standards, where printed, must be printed for all. Returns the exact rate in fen per ten-thousandth. Raises
    InvalidInput `clearing.format`, `clearing.rate_budget` and what `set_rates` raises.
    """
    document = _object(name, content)

    def load() -> Fraction:
        rows = document["volumes"]
        volumes = [
            Volume(
                _text(row, "institution"),
                int(row["cases"]),
                four_decimals(_text(row, "units")),
                parse_fen(row.get("personal", "0")),
            )
            for row in rows
        ]
        printed = {_text(row, "institution"): parse_fen(row["standard"]) for row in rows if "standard" in row}
        method = document["method"]
        if method not in ("DRG", "DIP"):
            raise InvalidInput("clearing.method", f"付费方式“{method}”应为DRG或DIP")
        return set_rates(
            tx,
            fund,
            year,
            _text(document, "class"),
            method,
            volumes,
            published=document.get("published", ""),
            shares=printed or None,
        )

    return _checked(name, load)


def _object(name: str, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("clearing.format", f"{name}不是UTF-8的JSON对象", file=name)
    return found


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row[field]
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput("clearing.format", f"字段{field}应为非空文字", field=field)
    return value


def _checked(name: str, load: Callable[[], _T]) -> _T:
    try:
        return load()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        field = str(error.args[0]) if isinstance(error, KeyError) else ""
        raise InvalidInput(
            "clearing.format", f"{name}：字段{field}缺失或不合规", file=name, field=field
        ) from error
    except Conflict as refused:
        if refused.code != "db.duplicate":
            raise
        raise Conflict(
            "clearing.set_already", f"{name}：同一年度起的分段、等级或个案已有记载", file=name
        ) from refused
