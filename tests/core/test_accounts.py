"""The program's own account codes against the charts, and SQL that names them."""

from __future__ import annotations

import csv
from importlib import resources

import pytest

from ledger.core import accounts
from ledger.core.accounts import ADVANCES, CONSERVED, KNOWN, OFFSETS, coded
from ledger.core.entries import EMPLOYEE_FUND, FUNDS, Section, Side

EMPLOYEES_ONLY = {
    accounts.TRANSFERS_IN,
    accounts.UNSPLIT_CONTRIBUTIONS,
    accounts.UNSPLIT_INTEREST,
    accounts.TRANSFERS_OUT,
}


def chart(fund: int) -> dict[int, dict[str, str]]:
    data = resources.files("ledger.books") / "data" / f"chart_{fund}.csv"
    return {int(row["account"]): row for row in csv.DictReader(data.read_text(encoding="utf-8").splitlines())}


@pytest.mark.parametrize("fund", FUNDS)
def test_every_known_account_is_the_charts(fund: int) -> None:
    rows = chart(fund)
    for known in KNOWN:
        if known.code in EMPLOYEES_ONLY and fund != EMPLOYEE_FUND:
            assert known.code not in rows
            continue
        row = rows[known.code]
        side = Side.DEBIT if row["normal_side"] == "借" else Side.CREDIT
        section = Section.MEMORANDUM if row["class"] == "备查" else Section.STATUTORY
        assert (row["name"].split("—")[-1], side, section) == (known.name, known.side, known.section), known


def test_a_code_has_one_name() -> None:
    named = [
        value
        for name, value in vars(accounts).items()
        if name.isupper() and isinstance(value, int) and name[0] != "_"
    ]
    codes = [value for value in named if value not in FUNDS]
    assert sorted(codes) == sorted(known.code for known in KNOWN)


@pytest.mark.parametrize("fund", FUNDS)
def test_groups_are_whole(fund: int) -> None:
    leaves = [code for code, row in chart(fund).items() if row["leaf"] == "Y"]
    assert set(CONSERVED) == {code for code in leaves if 90 <= int(str(code)[:2]) <= 93}
    assert list(OFFSETS) == [code for code in leaves if str(code).startswith("9204")]
    names = {known.code: known.name for known in KNOWN}
    assert [names[code] for code in ADVANCES] == [names[code] for code in OFFSETS]


def test_sql_names_its_accounts() -> None:
    assert coded(
        "a IN ({OWED}) AND f IN ({FUNDS}) AND t = '{}' AND p = %(x)s AND b::text LIKE '{BENEFITS}%'"
    ) == ("a IN (9101, 9103, 9106) AND f IN (310, 390) AND t = '{}' AND p = %(x)s AND b::text LIKE '5001%'")
    with pytest.raises(KeyError):
        coded("account = {HELD}")
