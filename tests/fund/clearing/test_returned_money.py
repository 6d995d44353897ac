"""Returned money that deductions, late declaration or an older debt eat (docs/adr/0013), lived through the bank, both policies."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

POLICIES = pytest.mark.parametrize("policy", ["P1", "P2"])
INPATIENT, OUTPATIENT, RECOVERED, HELD, ADVANCE = 50010101, 50010103, 45010101, 200104, 110105
MONEY = 10_000_000
OCTOBER, NOVEMBER = date(2026, 10, 13), date(2026, 11, 25)


def begin(year: Any, policy: str) -> None:
    year.choose("daily_accounting", policy, date(2026, 1, 1))
    year.allot(date(2026, 10, 12), MONEY)


def of(year: Any, *accounts: int) -> tuple[int, ...]:
    """Balances on their normal sides; verify must be clean wherever a test looks."""
    assert year.verify() == []
    balances = year.balances()
    return tuple(balances.get(account, 0) for account in accounts)


def outpatient(year: Any, setl_id: str, fen: int, day: str, booked: date) -> None:
    """Money that goes by the month alone."""
    year.take(setl_id, fen, day, med_type="11", clr_type="11")
    assert year.pay_daily(booked) == []


def paid_and_returned(year: Any, policy: str, day: str = "2026-10-12", paid: date = OCTOBER) -> None:
    """1,000.00 of fund money; 600.00 went out the next day and came back a week later."""
    begin(year, policy)
    year.take("R1", 100_000, day)
    orders = year.pay_daily(paid)
    year.receipts(orders, paid.replace(day=paid.day + 7), back="MS03")
    held = (60_000, 60_000, 0) if policy == "P2" else (0, 0, 0)
    assert of(year, HELD, INPATIENT, ADVANCE) == held


@POLICIES
def test_partly_eaten_by_an_audit_deduction_and_the_rest_paid_again(year: Any, policy: str) -> None:
    paid_and_returned(year, policy)
    year.finding("F1", "R1", 50_000, date(2026, 11, 2))
    year.declare(202610, date(2026, 11, 10))
    # 950.00 − 500.00 is still owed: of the 600.00 that came back 150.00 are owed to nobody.
    assert year.settle(202610, NOVEMBER).result_fen == 45_000
    assert of(year, HELD, INPATIENT, 9103) == ((45_000, 45_000, 45_000) if policy == "P2" else (0, 0, 45_000))
    year.pay_month(date(2026, 12, 7))
    assert of(year, HELD, INPATIENT, 9202, 1004) == (0, 45_000, 45_000, MONEY - 45_000)


@POLICIES
def test_all_eaten_beside_an_overpayment_that_the_next_month_nets(year: Any, policy: str) -> None:
    begin(year, policy)
    year.take("R1", 100_000, "2026-10-12")
    first = year.pay_daily(OCTOBER)
    year.take("R2", 100_000, "2026-10-13")
    year.pay_daily(date(2026, 10, 14))
    year.receipts(first, date(2026, 10, 20), back="MS03")
    year.finding("F1", "R1", 100_000, date(2026, 11, 2))
    year.finding("F2", "R2", 90_000, date(2026, 11, 2))
    year.declare(202610, date(2026, 11, 10))
    # 1,900.00 − 1,900.00 − R2's 600.00: nothing is owed, 600.00 were paid too much, and R1's 600.00 are nobody's.
    assert year.settle(202610, NOVEMBER).result_fen == -60_000
    expense, advance = (60_000, 0) if policy == "P2" else (0, 60_000)
    assert of(year, HELD, INPATIENT, ADVANCE, 9103, 9201) == (0, expense, advance, -60_000, 60_000)
    year.take("R3", 200_000, "2026-11-20")
    year.pay_daily(date(2026, 11, 26))
    year.declare(202611, date(2026, 12, 8))
    assert year.settle(202611, date(2026, 12, 22)).result_fen == 10_000
    year.pay_month(date(2026, 12, 23))
    assert of(year, HELD, INPATIENT, ADVANCE, 9103, 1004) == (0, 190_000, 0, 0, MONEY - 190_000)


@POLICIES
def test_what_is_eaten_of_an_earlier_service_year_is_income(year: Any, policy: str) -> None:
    paid_and_returned(year, policy, "2026-12-16", date(2026, 12, 17))
    year.finding("F1", "R1", 50_000, date(2027, 1, 5))
    year.declare(202612, date(2027, 1, 8))
    assert year.settle(202612, date(2027, 1, 26)).result_fen == 45_000
    held, expense, recovered = (45_000, 60_000, 15_000) if policy == "P2" else (0, 0, 0)
    assert of(year, HELD, INPATIENT, RECOVERED, 9103) == (held, expense, recovered, 45_000)
    year.pay_month(date(2027, 2, 5))
    assert of(year, HELD, 9103, 9202, 1004) == (0, 0, 45_000, MONEY - 45_000)
    assert of(year, INPATIENT, RECOVERED) == ((60_000, 15_000) if policy == "P2" else (45_000, 0))


@POLICIES
def test_a_daily_payment_that_returns_after_an_overpaid_month_first_makes_up_for_the_debt(
    year: Any, policy: str
) -> None:
    begin(year, policy)
    year.take("R1", 100_000, "2026-10-12")
    orders = year.pay_daily(OCTOBER)
    year.finding("F1", "R1", 70_000, date(2026, 11, 2))
    year.declare(202610, date(2026, 11, 10))
    # 950.00 − 700.00 = 250.00 of the 600.00 paid: 350.00 too much.
    assert year.settle(202610, NOVEMBER).result_fen == -35_000
    assert of(year, INPATIENT, ADVANCE) == ((60_000, 0) if policy == "P2" else (25_000, 35_000))
    year.receipts(orders, date(2026, 11, 27), back="MS03")
    assert of(year, HELD, INPATIENT, ADVANCE, 9103, 1004) == (25_000, 25_000, 0, 25_000, MONEY)
    rule = "RTN.netted@1" if policy == "P2" else "RTN.overpaid@1"
    assert year.month.asked("SELECT rule FROM books.entry WHERE event = 'RTN'") == [
        (f"RTN.settled@1+{rule}",)
    ]
    year.pay_month(date(2026, 12, 7))
    assert of(year, HELD, INPATIENT, ADVANCE, 9103, 1004) == (0, 25_000, 0, 0, MONEY - 25_000)


@POLICIES
def test_a_returned_month_payment_is_eaten_by_a_later_finding(year: Any, policy: str) -> None:
    begin(year, policy)
    year.take("R1", 100_000, "2026-10-12")
    year.pay_daily(OCTOBER)
    year.declare(202610, date(2026, 11, 10))
    year.settle(202610, NOVEMBER)
    month = year.pay_month(date(2026, 12, 7))
    year.receipts(month, date(2026, 12, 9), back="MS03")
    assert of(year, HELD, INPATIENT, 9103) == (35_000, 95_000, 35_000)
    year.finding("F1", "R1", 20_000, date(2026, 12, 9))
    outpatient(year, "R2", 100_000, "2026-11-20", date(2026, 12, 9))
    year.declare(202611, date(2026, 12, 9), "11")
    # October: 350.00 came back, 200.00 of them are deducted now. November: 950.00, nothing paid daily.
    assert year.settle(202611, date(2026, 12, 22)).result_fen == 15_000 + 95_000
    assert of(year, HELD, INPATIENT, ADVANCE) == (15_000, 75_000, 0)
    year.pay_month(date(2026, 12, 23))
    assert of(year, HELD, INPATIENT, OUTPATIENT, 9103, 1004) == (0, 75_000, 95_000, 0, MONEY - 170_000)


@POLICIES
def test_the_letter_eats_a_returned_month_payment_and_pays_the_rest(year: Any, policy: str) -> None:
    begin(year, policy)
    year.take("R1", 100_000, "2026-10-12")
    year.pay_daily(OCTOBER)
    year.declare(202610, date(2026, 11, 10))
    year.settle(202610, NOVEMBER)
    year.receipts(year.pay_month(date(2026, 12, 7)), date(2026, 12, 9), back="MS03")
    year.finding("F1", "R1", 20_000, date(2027, 2, 20))
    letter = year.clear(date(2027, 3, 20))
    assert {row: letter.rows[row] for row in (1, 2, 6, 7, 9)} == {
        1: 100_000,
        2: 20_000,
        6: 80_000,
        7: 60_000,
        9: 20_000,
    }
    # 350.00 lie in 2001 and 200.00 are owed: 150.00 of 2026's expense are income of 2027.
    assert of(year, HELD, INPATIENT, RECOVERED, 9106) == (20_000, 95_000, 15_000, 20_000)
    year.pay_clearing(date(2027, 3, 26))
    assert of(year, HELD, INPATIENT, RECOVERED, 9106, 1004) == (0, 95_000, 15_000, 0, MONEY - 80_000)


@POLICIES
def test_returned_daily_money_of_undeclared_costs_is_nobodys(year: Any, policy: str) -> None:
    paid_and_returned(year, policy)
    letter = year.clear(date(2027, 3, 20))
    assert letter.rows[9] == 0
    expense = 60_000 if policy == "P2" else 0
    assert of(year, HELD, INPATIENT, RECOVERED, 9304, 9106, 1004) == (0, expense, expense, 100_000, 0, MONEY)


@POLICIES
def test_a_debt_of_last_years_letter_is_income_when_this_years_nets_it(year: Any, policy: str) -> None:
    begin(year, policy)
    year.take("R1", 100_000, "2026-10-12")
    year.pay_daily(OCTOBER)
    year.declare(202610, date(2026, 11, 10))
    year.settle(202610, NOVEMBER)
    year.pay_month(date(2026, 12, 7))
    year.finding("F1", "R1", 45_000, date(2027, 2, 20))
    assert year.clear(date(2027, 3, 20)).rows[9] == 5_000 - 45_000
    outpatient(year, "R2", 1_000_000, "2027-03-10", date(2027, 4, 8))
    year.declare(202703, date(2027, 4, 8), "11")
    year.settle(202703, date(2027, 4, 20))
    outpatient(year, "R3", 20_000, "2027-04-12", date(2027, 5, 10))
    year.declare(202704, date(2027, 5, 10), "11")
    year.settle(202704, date(2027, 5, 20))
    year.pay_month(date(2027, 5, 21))
    year.finding("F2", "R3", 3_000, date(2028, 2, 20))
    # 2027: 510.00 retained − 30.00; its own red line (R3: 10.00 − 30.00) stays a red expense, 400.00 are income.
    assert year.clear(date(2028, 3, 20), 2027).rows[9] == 51_000 - 3_000 - 40_000
    before = year.balances()
    year.pay_clearing(date(2028, 3, 27), 2027)
    assert of(year, 9106, RECOVERED) == (0, 40_000)
    assert year.balances()[OUTPATIENT] - before[OUTPATIENT] == 48_000
    assert before[1004] - year.balances()[1004] == 8_000
    statutory = year.month.asked(
        "SELECT l.account, l.amount_fen FROM books.leg l JOIN books.entry e USING (region, fund, period, seq)"
        " WHERE e.rule = 'RCV.clearing@1' AND l.account < 9000 OR e.rule = 'RCV.clearing@1' AND l.account > 9999"
        " ORDER BY 1, 2"
    )
    assert statutory == [(1004, 8_000), (45010101, 40_000), (OUTPATIENT, -2_000), (OUTPATIENT, 50_000)]


def test_verify_finds_returned_money_that_nobody_is_owed(year: Any) -> None:
    """As if R1 had been settled without releasing what its settlement ate."""
    paid_and_returned(year, "P2")
    year.month.pretend("UPDATE fund.payable SET settled_by = 'YJ-elsewhere'")
    found = [f for f in year.verify() if f.promise == "T8"]
    assert [(f.book, f.entry) for f in found] == [
        ("420100-310", "200104 H42010000001/pool/2026/202610/inpatient")
    ]
    assert found[0].message == "退汇待付600.00元，退回后仍应付的为0.00至0.00元"
