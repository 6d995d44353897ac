"""The statements' check of `verify`: a code without a row is shouted, a closing that changes a statement is named."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from ledger.books.chart import chart
from ledger.control.checks.journal.forms import WAITING, _part
from ledger.control.verify import examine
from ledger.core.entries import credit, debit
from tests.reports.statements.conftest import (
    BANK,
    CARE,
    CLOSE_NOVEMBER,
    CLOSE_OCTOBER,
    FISCAL,
    desk_of,
    employees,
)

__all__ = ["desk_of", "employees"]


def found(database):
    done = examine(database.auditor_engine, database.settings.home)
    wrong = {
        (one.entry, one.message)
        for one in done.breaches
        if one.promise == "INV-07" and ("报表" in one.message or "待转" in one.message)
    }
    return wrong, done.waiting.get(WAITING, 0)


@pytest.mark.parametrize("fund", [310, 390])
def test_every_leaf_of_the_chart_has_its_row(fund):
    assert [
        one.account
        for one in chart(fund)
        if one.leaf and str(one.account)[0] != "9" and _part(fund, one.account) is None
    ] == []


def test_closed_months_change_no_statement_and_one_that_does_is_named(employees, database):
    for entry in CLOSE_OCTOBER:
        employees.post(date(2026, 10, 31), *entry, event="CLOSE-M")
    for entry in CLOSE_NOVEMBER:
        employees.post(date(2026, 11, 30), *entry, event="CLOSE-M")
    assert found(database) == (set(), 0)
    # blue on the other side of a one-side row: named, no breach
    employees.post(date(2026, 12, 2), debit(1003, 50, FISCAL), credit(5101, 50))
    assert found(database) == (set(), 1)
    # the pool's surplus closed to the personal accounts' balance: every entry balances, the statements do not stay as they were
    posted = employees.post(date(2026, 12, 31), debit(42010202, 10), credit(300101, 10), event="CLOSE-M")
    (wrong,) = found(database)[0]
    assert wrong[0] == f"seq {posted.seq} (202612)"
    assert "统筹基金-10分" in wrong[1]


def test_a_code_without_a_row_is_shouted(employees, database):
    with psycopg.connect(employees.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO books.account VALUES (420100, 310, 3101, '风险基金结余', 1, '净资产', -1, true, 0),"
            " (420100, 310, 50010106, '社会保险待遇支出—统筹基金—其他', 1, '支出', 1, true, 0)"
        )
    employees.post(date(2026, 11, 20), debit(1003, 500, FISCAL), credit(3101, 500))
    employees.post(date(2026, 11, 20), debit(50010106, 80), credit(1004, 80, BANK))
    employees.post(date(2026, 11, 20), debit(50010101, 1, CARE), credit(1004, 1, BANK))
    assert {entry for entry, _ in found(database)[0]} == {"account 3101", "account 50010106"}
