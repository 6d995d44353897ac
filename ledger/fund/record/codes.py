"""What a settlement record is to this region's books: dictionaries, book, category, payable. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from ledger.core.entries import EMPLOYEE_FUND

OUTSIDE_FLAGS: Final = frozenset({"1", "2"})
OUTSIDE_PAY_LOCS: Final = frozenset({"3", "4"})


class MedicalType(NamedTuple):
    """What a med_type means: its benefit category ("" = not this fund's), and whether it is inpatient."""

    category: str
    inpatient: bool


class FundRow(NamedTuple):
    """What a fund_pay_type of `setldetail` stands for (platform-fields.md 4.6)."""

    kind: str
    """`fund`, `account`, `hospital`, `outside` (a fund of another region) or `undecided` (fund or hospital)."""
    fields: tuple[str, ...]
    """The setlinfo columns that may hold it."""
    book: int
    """Whose pooled money it is (310, 390), 0 for none."""


@dataclass(frozen=True, slots=True)
class Codes:
    """The dictionaries a record is checked against; national by default, a region may bring its own."""

    insutype: Mapping[str, int]
    """Insurance kind → fund of the book; 0 for kinds that are known but kept elsewhere."""
    med_type: Mapping[str, MedicalType]
    fund_pay_type: Mapping[str, FundRow]
    values: Mapping[str, frozenset[str]]
    """Field → its known values, for the plain dictionaries (clr_type, pay_loc, out_flag, flags)."""


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("ledger.fund").joinpath("data", name).read_text(encoding="utf-8")
    return iter(csv.DictReader(text.splitlines()))


def _fund_rows() -> dict[str, FundRow]:
    """Codes match on the first four digits (the tail is the region's), an exact code goes before (4.6)."""
    by_code: dict[str, FundRow] = {}
    exact: dict[str, FundRow] = {}
    for row in _rows("fund_pay_type.csv"):
        fund = FundRow(row["kind"], tuple(filter(None, row["field"].split("|"))), int(row["book"] or 0))
        if row["match"] == "exact":
            exact[row["code"]] = fund
        else:
            by_code.update((f"{row['code']}{tail:02d}", fund) for tail in range(100))
    return by_code | exact


@cache
def national_codes() -> Codes:
    """The national dictionaries of `ledger/fund/data` (platform-fields.md 4)."""
    values: dict[str, set[str]] = {}
    for row in _rows("code.csv"):
        values.setdefault(row["field"], set()).add(row["code"])
    return Codes(
        insutype={row["code"]: int(row["book"] or 0) for row in _rows("insutype.csv")},
        med_type={
            row["code"]: MedicalType(row["category"], row["inpatient"] == "1")
            for row in _rows("med_type.csv")
        },
        fund_pay_type=_fund_rows(),
        values={name: frozenset(codes) for name, codes in values.items()},
    )


@cache
def code_names(field: str) -> dict[str, str]:
    """What people call the codes of `insutype` or `med_type`, by the national dictionaries; a local code has no name there."""
    return {row["code"]: row["name"] for row in _rows(f"{field}.csv")}


def covers(pooling_region: str, place: str) -> bool:
    """Whether the insured place (6 digits) lies in the pooling region.

    Pooling is by city (xxxx00, xxxx99 市本级), by province (xx0000), or by a county of its own (all six digits).
    """
    if pooling_region.endswith("0000"):
        return place[:2] == pooling_region[:2]
    if pooling_region[4:] in {"00", "99"}:
        return place[:4] == pooling_region[:4]
    return place == pooling_region


def is_out_of_region(pay_loc: str, out_flag: str, region: str, insu_admdvs: str) -> bool:
    """Somebody else's patient, or ours treated elsewhere: cleared between regions, never paid here (platform-fields.md 6).

    Any one sign is enough: a wrong payout costs more than a late one. An unknown insured place ("") is no sign.
    """
    return (
        pay_loc in OUTSIDE_PAY_LOCS
        or out_flag in OUTSIDE_FLAGS
        or (insu_admdvs != "" and not covers(region, insu_admdvs))
    )


def own_account_fen(book: int, acct_pay: int, mulaid: int, *, mulaid_inside: bool) -> int:
    """Personal-account money of the insured person's own account, in fen; employee book only.

    A relative's account money (共济) stands in its own column of the record and is not this person's sub-fund.
    """
    if book != EMPLOYEE_FUND:
        return 0
    return acct_pay - mulaid if mulaid_inside else acct_pay
