"""Who stands behind a fund_pay_type, per region and date (platform-fields.md 4.6): the region's rows, else the national table."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple

from ledger.core.errors import Conflict, InvalidInput
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

PAYERS: Final[Mapping[str, str]] = words_of("layer.payer")
"""The parts of one bill, in the order they are shown."""

MAPPED: Final = frozenset(
    {
        "basic_310",
        "basic_390",
        "large",
        "civil",
        "assistance",
        "commercial",
        "other_fund",
        "outside",
        "account",
        "wallet",
        "hospital",
        "undecided",
        "unknown",
    }
)
"""What a fund_pay_type may be mapped to. `undecided`: fund or hospital, by amount; `unknown`: no longer known there."""

_BY_PREFIX: Final[Mapping[str, str]] = {
    "3101": "basic_310",
    "3901": "basic_390",
    "5101": "basic_310",
    "3103": "large",
    "3301": "large",
    "3902": "large",
    "3903": "large",
    "3201": "civil",
    "6101": "assistance",
    "3701": "commercial",
    "3904": "commercial",
}
"""Payers of the national fund rows; every other fund row is `other_fund`."""

_BY_KIND: Final[Mapping[str, str]] = {
    "account": "account",
    "hospital": "hospital",
    "undecided": "undecided",
    "outside": "outside",
    "fund": "other_fund",
}


class MapRow(NamedTuple):
    """One line of a map; `code` has 6 digits where `match` is exact, 4 where it is prefix."""

    match: str
    code: str
    payer: str
    source: str


@dataclass(frozen=True, slots=True)
class LayerMap:
    """The map of one region: exact before prefix, the region's own before the national, the latest row up to the day."""

    own: Mapping[tuple[str, str], Sequence[tuple[date, MapRow]]]
    """The region's rows by (match, code), each with the day it holds from, latest first."""

    def of(self, code: str, day: date) -> MapRow:
        """The row that decides a code; raises InvalidInput `layers.unknown_type` where none does on that day."""
        found = None
        if self.own:
            found = self._on("exact", code, day) or self._on("prefix", code[:4], day)
        if found is None:
            found = _national(code)
        if found is None or found.payer == "unknown":
            raise InvalidInput(
                "layers.unknown_type",
                f"基金支付类型{code[:20]}在{day}没有对应的资金承担方，请先登记本统筹区的对照",
                field="setldetail.fund_pay_type",
                fund_pay_type=code[:20],
                day=day.isoformat(),
            )
        return found

    def on(self, day: date) -> list[MapRow]:
        """The region's own rows in force on a day, prefixes first: a later one goes before an earlier."""
        rows = [self._on(match, code, day) for match, code in self.own]
        return sorted((row for row in rows if row is not None), key=lambda row: row.match, reverse=True)

    def touches(self, details: str) -> bool:
        """Whether a record's fund rows have a code the region maps itself, on whatever day."""
        return any(
            ("exact", row[:6]) in self.own or ("prefix", row[:4]) in self.own for row in details.split(";")
        )

    def _on(self, match: str, code: str, day: date) -> MapRow | None:
        rows = self.own.get((match, code), ())
        return next((row for from_day, row in rows if from_day <= day), None)


@cache
def national_map() -> tuple[Mapping[str, MapRow], Mapping[str, MapRow]]:
    """(exact, prefix) of the packaged `fund_pay_type.csv`."""
    exact: dict[str, MapRow] = {}
    prefix: dict[str, MapRow] = {}
    text = resources.files("ledger.fund").joinpath("data", "fund_pay_type.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        payer = _BY_PREFIX.get(row["code"][:4], _BY_KIND[row["kind"]])
        into = exact if row["match"] == "exact" else prefix
        into[row["code"]] = MapRow(row["match"], row["code"], payer, "国家医保信息平台基金支付类型")
    return exact, prefix


@lru_cache(1_024)
def _national(code: str) -> MapRow | None:
    exact, prefix = national_map()
    return exact.get(code) or prefix.get(code[:4])


def read_map(tx: Transaction) -> LayerMap:
    """The map of the transaction's region, of all days."""
    own: dict[tuple[str, str], list[tuple[date, MapRow]]] = {}
    for match, code, from_day, payer, source in tx.rows(
        """SELECT match, code, from_day, payer, source FROM fund.layer_map
            WHERE region = %(region)s ORDER BY match, code, from_day DESC""",
        region=tx.region,
    ):
        own.setdefault((match, code), []).append((from_day, MapRow(match, code, payer, source)))
    return LayerMap(own)


def map_type(tx: Transaction, code: str, payer: str, from_day: date, source: str) -> None:
    """Map a fund_pay_type (6 digits, or its first 4) to a payer from a day on; the same row again changes nothing.

    Raises InvalidInput `layers.map` for an unknown payer, a code of another length, or no source; Conflict
    `layers.mapped` where that code has another payer from that very day, `layers.already_split` where a record of that
    day or later was split by it already; Forbidden `access.role_missing` (accountant).
    """
    if payer not in MAPPED or len(code) not in (4, 6) or not code.isdigit() or not source.strip():
        raise InvalidInput(
            "layers.map", f"对照“{code[:20]}→{payer[:20]}”不合规：代码4或6位，承担方应在字典内，须写明依据"
        )
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{accountant,system}')",
        region=tx.region,
    )
    row = {"match": "exact" if len(code) == 6 else "prefix", "code": code, "day": from_day}
    stored = tx.value(
        """SELECT payer FROM fund.layer_map
            WHERE region = %(region)s AND match = %(match)s AND code = %(code)s AND from_day = %(day)s""",
        region=tx.region,
        **row,
    )
    if stored is None:
        tx.run(
            """INSERT INTO fund.layer_map
               VALUES (%(region)s, %(match)s, %(code)s, %(day)s, %(payer)s, %(source)s, %(user)s)""",
            region=tx.region,
            payer=payer,
            source=source.strip(),
            user=tx.user,
            **row,
        )
    elif stored != payer:
        raise Conflict(
            "layers.mapped",
            f"{code}自{from_day}起已对照为{stored}，改变对照请另定起始日",
            fund_pay_type=code,
        )


def map_text(rows: Sequence[tuple[str, MapRow]]) -> str:
    """What a bill was split by, for its digest: `code>payer>source` joined by `;`, in the order of the fund rows."""
    return ";".join(f"{code}>{row.payer}>{row.source}" for code, row in rows)
