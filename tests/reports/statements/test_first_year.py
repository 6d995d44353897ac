"""The statements of the year a book was taken over in are those of a book that lived it: figures typed from the worked example."""

from __future__ import annotations

import csv
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.fund.cutover.files import FILES
from ledger.fund.cutover.opening import confirm_cutover
from ledger.fund.cutover.read import read_set
from ledger.fund.cutover.store import differences, propose, stage
from reports.statements.explain import explain
from reports.statements.rows import Form
from tests.reports.statements.conftest import BANK, CARE, CLOSE_NOVEMBER, CLOSE_OCTOBER, RECEIPTS, Desk
from tests.reports.statements.test_statements import (
    NOVEMBER_FUNDS,
    NOVEMBER_INCOME,
    OCTOBER_INCOME,
    OCTOBER_SHEET,
    failing,
)

DAY, ON = date(2026, 10, 31), date(2026, 11, 2)
Set = dict[str, list[list[str]]]
# The October of `employees`, as the old books' trial balance has it (yuan).
BALANCES = [
    ["1003", "42002", "10000.00", "5712.34", "7300.00", "8412.34"],
    ["1004", "42001", "0", "7050.00", "1440.00", "5610.00"],
    ["1005", "", "0", "5000.00", "5000.00", "0"],
    ["110101", "430000", "0", "300.00", "0", "300.00"],
    ["110105", "", "0", "600.00", "550.00", "50.00"],
    ["300101", "", "6000.00", "0", "0", "6000.00"],
    ["300102", "", "4000.00", "0", "0", "4000.00"],
    ["400101", "", "0", "200.00", "3000.00", "2800.00"],
    ["400102", "", "0", "0", "1500.00", "1500.00"],
    ["41010101", "", "0", "0", "900.00", "900.00"],
    ["42010101", "", "0", "0", "10.00", "10.00"],
    ["42010202", "", "0", "0", "2.34", "2.34"],
    ["4601", "", "0", "0", "500.00", "500.00"],
    ["50010101", "", "0", "950.00", "50.00", "900.00"],
    ["50010203", "", "0", "70.00", "0", "70.00"],
    ["5101", "", "0", "370.00", "0", "370.00"],
]
FLOWS = [line for line in BALANCES if line[0][0] in "45"]
SET: Set = {
    "balances": BALANCES,
    "history": [
        ["2025", "400101", "", "30.00", "9030.00"],
        ["2025", "50010101", "", "3000.00", "0"],
        ["202510", "5101", "", "12.00", "0"],
        ["202511", "5101", "", "13.00", "0"],
        *(["202610", code, "", *moved] for code, _, _, *moved, _ in FLOWS if code != "4601"),
    ],
    "open_items": [
        ["110105", "H42010000001", "pool", "2026", "202610", "inpatient", "50.00", "", "", "", ""],
    ],
    "orders": [],
    "bank": [],
    "records": [],
    "trial_balance": [[code, "原名", *fen] for code, _, *fen in BALANCES],
}  # fmt: skip
LAST_YEAR = {
    "pool_income": 900_000,
    "pool_premium": 900_000,
    "pool_expense": 302_500,
    "pool_benefits": 300_000,
    "pool_inpatient": 300_000,
    "pool_serious": 2_500,
    "surplus": 597_500,
    "surplus_pool": 597_500,
}


def closed(content: Set) -> Set:
    """The same books where the old system closes every month: nothing is left on income and expense but 4601."""
    shut = deepcopy(content)
    shut["balances"] = []
    for code, party, opening, *moved, _ in content["balances"]:
        if code[0] in "45" and code != "4601":
            most = max(moved, key=float)
            shut["balances"].append([code, party, opening, most, most, "0"])
        elif code == "300101":  # 3,710.00 of income, 1,270.00 of expense
            shut["balances"].append([code, party, "6000.00", "1270.00", "3710.00", "8440.00"])
        elif code == "300102":
            shut["balances"].append([code, party, "4000.00", "70.00", "1502.34", "5432.34"])
        else:
            shut["balances"].append([code, party, opening, *moved, _])
    shut["history"] += [["2026", code, "", *moved] for code, _, _, *moved, _ in FLOWS if code != "4601"]
    shut["trial_balance"] = [[code, "原名", *fen] for code, _, *fen in shut["balances"]]
    return shut


def told_of(desk: Desk, folder: Path, content: Set) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, heads in FILES.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([heads, *content[name]])
    found, wrong = read_set(folder, desk.book, DAY)
    assert wrong == []
    with desk.tx() as tx:
        version = stage(tx, desk.book, DAY, found, ON, lambda _done, _total: None)
        said = [one.code for one in differences(tx, desk.book, version)]
        if said:
            raise _Differs(said)
        digest = propose(tx, desk.book, version, found.digest(desk.book, DAY))
    with desk.tx("zhang") as tx:
        confirm_cutover(tx, desk.book, DAY, digest, ON)
    return said


class _Differs(Exception):
    """What does not tie; rolls the staging back."""


@pytest.fixture
def empty(desk_of: Callable[[int], Desk], database: Any) -> Desk:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO fund.institution VALUES (420100, 'H42010000001', 'x', '1', '1', 'active', '2026-01-01', '2026-12-31', 1)"
        )
        admin.execute(
            "INSERT INTO fund.party VALUES (420100,'42001','支出户','other','taken_over','acc'),"
            "(420100,'42002','财政专户','other','taken_over','acc'),(420100,'430000','湖南','agency','taken_over','acc')"
        )
    return desk_of(310)


def november(desk: Desk) -> None:
    """As the November of `employees`."""
    day = date(2026, 11, 10)
    desk.post(day, debit(4601, 50_000), credit(400101, 30_000), credit(400102, 20_000))
    desk.post(day, debit(1002, 800, RECEIPTS), credit(4301, 800))
    desk.post(day, debit(5201, 300), credit(1004, 300, BANK))
    desk.post(day, debit(300102, 1_000), credit(300101, 1_000))
    desk.post(day, debit(1004, 9_000, BANK), credit(200103, 9_000, Dimensions("430000")))


@pytest.mark.parametrize("old_closes", [False, True])
def test_the_year_taken_over_reads_like_the_year_lived(empty: Desk, tmp_path: Path, old_closes: bool) -> None:
    told_of(empty, tmp_path / "set", closed(SET) if old_closes else SET)
    assert empty.sheet(2026, 10) == OCTOBER_SHEET
    assert empty.income(2026, 10) == OCTOBER_INCOME
    november(empty)
    assert empty.income(2026, 11) == NOVEMBER_INCOME
    assert NOVEMBER_FUNDS.items() <= empty.sheet(2026, 11).items()
    for span in ((2026, 10), (2026, 11), (2026, 12), (2026, 0), (2027, 1), (2027, 0)):
        assert failing(empty.told(*span)) == []
    year = empty.income(2026)
    assert year["pool_premium"] == (310_000, 900_000)
    assert {key: fen[1] for key, fen in year.items() if fen[1]} == LAST_YEAR
    assert {key: fen[0] for key, fen in year.items()} == {
        key: fen[1] for key, fen in NOVEMBER_INCOME.items()
    } | {"surplus": 437_734} | dict.fromkeys(LAST_YEAR.keys() - NOVEMBER_INCOME.keys(), 0)
    # 2026 as the year before: turnover to the day and of our own months together.
    assert empty.income(2027)["pool_expense"] == (0, 127_000)
    assert empty.sheet(2027, 1)["balance"] == (1_437_734, 1_437_734)


def test_closing_here_what_was_opened_changes_no_statement(empty: Desk, tmp_path: Path) -> None:
    told_of(empty, tmp_path / "set", SET)
    november(empty)
    spans = [(2026, 10), (2026, 11), (2026, 0), (2027, 1), (2027, 0)]
    before = [(empty.sheet(*span), empty.income(*span)) for span in spans]
    old = CARE._replace(counterparty="期初")
    drug = old._replace(category="pharmacy", subfund="acct")
    for legs in (*CLOSE_OCTOBER, *CLOSE_NOVEMBER):
        own = [
            leg._replace(dims=drug if leg.dims.subfund == "acct" else old) if leg.dims.counterparty else leg
            for leg in legs
        ]
        empty.post(date(2026, 12, 31), *own, event="CLOSE-Y")
    assert [(empty.sheet(*span), empty.income(*span)) for span in spans] == before
    assert failing(empty.told(2026)) == []


def test_notes_and_cells_say_what_was_brought(empty: Desk, tmp_path: Path) -> None:
    told_of(empty, tmp_path / "set", SET)
    told = empty.told(2026, 11)
    [advance] = [note for note in told.notes if (note.part, note.account) == ("项目构成", 110105)]
    assert advance[4:] == (0, 60_000, 55_000, 5_000)
    with empty.tx() as tx:
        opened = explain(tx, told, Form.INCOME, "pool_premium")
    [premium] = opened["brought"]
    assert premium == {
        "code": "400101", "name": "统筹基金", "month": "202610", "year_open_fen": "0", "debit_fen": "20000",
        "credit_fen": "300000",
    } | {"name": premium["name"]}  # fmt: skip
    assert [entry["counted_fen"] for entry in opened["entries"]] == ["0"]  # the opening entry is no turnover


def test_a_year_closed_before_and_not_told_is_refused(empty: Desk, tmp_path: Path) -> None:
    shut = closed(SET)
    shut["history"] = [line for line in shut["history"] if line[0] != "2026"]
    with pytest.raises(_Differs) as silent:
        told_of(empty, tmp_path / "set", shut)
    assert silent.value.args == (["cutover.closed_differs"],)
    off = closed(SET)
    off["history"][-1][3] = "370.01"
    with pytest.raises(_Differs) as by_a_fen:
        told_of(empty, tmp_path / "set", off)
    assert by_a_fen.value.args == (["cutover.closed_differs"],)
