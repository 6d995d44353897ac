"""The voucher templates as data: what a line says, and which there are for a fund."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ledger.core.entries import FUND_NAMES, Side
from ledger.core.errors import NotFound

TOTAL: Final = "="
"""The part that is the sum of all others."""
LINE: Final = re.compile(r"(红?)(借|贷) ([0-9]{4,8}(?:\|[0-9]{4,8})*) (=|[a-z]{2,20})(\??)(±?)")


@dataclass(frozen=True, slots=True)
class TemplateLine:
    """One line: a side, the accounts it may stand on (each for all leaves under it), and the part of the amount it takes."""

    side: Side
    red: bool
    accounts: tuple[int, ...]
    part: str
    optional: bool
    either_sign: bool

    def __str__(self) -> str:
        marks = ("?" if self.optional else "") + ("±" if self.either_sign else "")
        side = "借" if self.side is Side.DEBIT else "贷"
        return f"{'红' if self.red else ''}{side} {'|'.join(map(str, self.accounts))} {self.part}{marks}"


@dataclass(frozen=True, slots=True)
class Template:
    """A voucher template: one kind of entry of a fund, with the articles it rests on. `by`: who books it instead of a hand, else empty; `version`: of a region's own one, 0 of a shipped one."""

    code: str
    fund: int
    title: str
    article: str
    summary: str
    by: str
    lines: tuple[TemplateLine, ...]
    version: int = 0

    @property
    def own_id(self) -> str:
        """What a voucher filled from a region's own one names for good, as `WH01@2`; empty of a shipped one."""
        return f"{self.code}@{self.version}" if self.version else ""

    @property
    def parts(self) -> tuple[TemplateLine, ...]:
        """The lines whose amounts are asked for."""
        return tuple(line for line in self.lines if line.part != TOTAL)

    def as_json(self) -> dict[str, object]:
        """For machines: lines as the data file writes them."""
        return {
            "code": self.code,
            "version": self.version,
            "fund": self.fund,
            "title": self.title,
            "article": self.article,
            "summary": self.summary,
            "by": self.by,
            "lines": [str(line) for line in self.lines],
        }


@cache
def templates(fund: int) -> Mapping[str, Template]:
    """All of a fund (310 职工, 390 居民) by code, in the order of the regulation; raises NotFound `fund.unknown`."""
    if fund not in FUND_NAMES:
        raise NotFound("fund.unknown", f"没有基金{fund}的凭证模板", fund=fund)
    found: dict[str, Template] = {}
    for one in tomllib.loads((files(__package__) / "entries.toml").read_text(encoding="utf-8"))["template"]:
        if fund in one["funds"]:
            found[one["code"]] = _template(fund, one)
    return found


def template(fund: int, code: str) -> Template:
    """One; raises NotFound `template.unknown`."""
    found = templates(fund).get(code)
    if found is None:
        raise NotFound("template.unknown", f"{FUND_NAMES[fund]}没有凭证模板“{code[:20]}”", template=code[:20])
    return found


def _template(fund: int, one: Mapping[str, Any]) -> Template:
    return Template(
        one["code"],
        fund,
        one["title"],
        one["article"],
        one["summary"],
        one.get("by", ""),
        tuple(line_of(text) for text in one["lines"]),
    )


def line_of(text: str) -> TemplateLine:
    """A line as the data file writes it; raises ValueError."""
    match = LINE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    red, side, accounts, part, optional, sign = match.groups()
    return TemplateLine(
        Side.DEBIT if side == "借" else Side.CREDIT,
        bool(red),
        tuple(map(int, accounts.split("|"))),
        part,
        bool(optional),
        bool(sign),
    )
