"""请款 by a month's plan and as a float: the region's choice, two persons, the entry, what daily payouts may draw on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ledger.cli import cash
from ledger.core.errors import LedgerError
from ledger.fund.cash.fund_request import approve_request, float_fen, grant, refuse_request, request_funds
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.persons import approve_person, request_person
from ledger.fund.cash.plans import PlanLine, request_float, request_plan, shown
from ledger.fund.daily.run import run_daily
from ledger.fund.ordering.forecast import Reserved, reserved_before
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose, refuse
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from tests.fund.cash.test_cash import DAY, PERSON
from tests.fund.cash.test_cash_commands import command
from tests.scenes.papers import PaperSaid, keep_paper

__all__ = ["command"]
OCTOBER = date(2026, 10, 1)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerError) as refusal:
        act()
    assert refusal.value.message
    return refusal.value.code


def asked(town: Any, act: Callable[..., Any], *given: Any, user: str = "zhao") -> Any:
    with town.tx(user) as tx:
        return act(tx, *given)


def granted(town: Any, made: Any, receipt: str, fen: int = 0) -> None:
    asked(town, approve_request, made.request_id, DAY, user="qian")
    asked(town, grant, made.request_id, receipt, fen or made.amount_fen, DAY, DAY, user="li")


def test_a_float_is_for_daily_payouts_and_is_made_whole_again(town: Any, bill: Any) -> None:
    town.begin(fen=0)
    assert (
        refused(lambda: asked(town, request_float, 310, 60_000, DAY)) == "cash.basis"
    )  # not chosen: due alone
    town.choose("fund_request_basis", "due,float", OCTOBER)
    assert refused(lambda: asked(town, request_float, 310, 60_000, DAY)) == "cash.float_limit"  # none set
    town.choose("float_limit", "1000", OCTOBER)
    made = asked(town, request_float, 310, 60_000, DAY)
    assert asked(town, request_float, 310, 60_000, DAY) == made
    assert refused(lambda: asked(town, request_float, 310, 40_001, DAY)) == "cash.float_limit"
    granted(town, made, "ZZ1")
    assert (town.balance(1004), town.balance(1003), asked(town, float_fen, 310)) == (60_000, -60_000, 60_000)
    assert refused(lambda: asked(town, request_float, 310, 40_001, DAY)) == "cash.float_limit"
    with town.tx("qian") as tx:
        assert (
            refuse_request(tx, asked(town, request_float, 310, 40_000, DAY).request_id, DAY, "不必").state
            == "refused"
        )

    person = asked(town, request_person, PERSON, DAY)
    asked(town, approve_person, person.payment_id, DAY, user="qian")
    with town.tx() as tx:  # what is no daily payout leaves the float
        assert reserved_before(tx, 310, "person", DAY) == (Reserved("float", 60_000),)
        assert [one.reason for one in order_persons(tx, 310, DAY).skipped] == ["over_available"]
    town.month.take(bill("a1"))
    [order] = town.pay_daily(DAY)  # 600.00, out of the float
    assert (order.amount_fen, town.balance(1004)) == (60_000, 0)
    town.month.take(bill("a2"))
    assert [one.reason for one in run_daily(town.engine, "zhao", DEMO_REGION, DAY).blocked] == [
        "over_available"
    ]
    need = asked(town, request_funds, 310, DAY, DAY)
    # 600.00 due by the second bill, 12,800.00 to the person, and the float to be made whole
    assert (need.basis, need.available_fen, need.amount_fen) == ("due", -60_000, 60_000 + 1_280_000 + 60_000)
    granted(town, need, "ZZ2")
    assert (town.balance(1004), asked(town, float_fen, 310)) == (1_400_000, 60_000)
    with town.tx() as tx:
        [batch] = order_persons(
            tx, 310, DAY
        ).batches  # 14,000.00 less the float and 600.00 for daily payouts: just 12,800.00
        assert batch.total_fen == 1_280_000
    town.verified()


def test_a_float_goes_back_to_the_fiscal_account_and_no_more(town: Any) -> None:
    town.begin(fen=0)
    town.choose("fund_request_basis", "float", OCTOBER)
    town.choose("float_limit", "1000", OCTOBER)
    assert refused(lambda: asked(town, request_funds, 310, DAY, DAY, 1)) in ("cash.basis", "cash.enough")
    granted(town, asked(town, request_float, 310, 60_000, DAY), "ZZ1")
    for number, fen in (("S1", 20_000), ("S2", 40_001)):
        with town.tx("li") as tx:
            said = PaperSaid(number, "debit", DAY, fen, other="1003")
            keep_paper(tx, EXPENDITURE_ACCOUNT.number, said, "suspense", "unknown_order")

    def back(number: str) -> str:
        paper = SuspensePaper(310, EXPENDITURE_ACCOUNT.number, "bker", number, "float_back", "", "缴回通知")
        return str(asked(town, propose, paper, DAY, user="li").resolution_id)

    key = back("S1")
    assert asked(town, confirm, key, DAY, user="qian") == asked(town, confirm, key, DAY, user="qian")
    assert (town.balance(1004), town.balance(1003), asked(town, float_fen, 310)) == (40_000, -40_000, 40_000)
    assert refused(lambda: back("S2")) == "suspense.float"
    town.verified()

    # the fiscal account's paper came first: booked by it, once; the 支出户's own explains itself by that
    own, fiscal = EXPENDITURE_ACCOUNT.number, FISCAL_ACCOUNT.number
    with town.tx("li") as tx:
        for number, direction, account, fen in (
            ("S3", "debit", own, 15_000), ("F3", "credit", fiscal, 15_000), ("F4", "credit", fiscal, 25_001),
        ):  # fmt: skip
            said = PaperSaid(number, direction, DAY, fen)
            keep_paper(
                tx, account, said, "suspense", "unknown_order" if direction == "debit" else "other_credit"
            )

    def told(account: str, number: str, what: str, reference: str) -> str:
        paper = SuspensePaper(310, account, "bker", number, what, reference, "缴回通知")
        return str(asked(town, propose, paper, DAY, user="li").resolution_id)

    first, second = told(fiscal, "F3", "from_own", own), back("S3")
    asked(town, confirm, first, DAY, user="qian")
    assert (town.balance(1004), town.balance(1003), asked(town, float_fen, 310)) == (25_000, -25_000, 25_000)
    assert refused(lambda: asked(town, confirm, second, DAY, user="qian")) == "suspense.own_booked"
    asked(town, refuse, second, DAY, "已凭财政专户回单记账", user="qian")
    assert refused(lambda: back("S3")) == "suspense.own_booked"
    asked(town, confirm, told(own, "S3", "other_side", first), DAY, user="qian")
    assert refused(lambda: told(fiscal, "F4", "from_own", own)) == "suspense.float"
    assert (town.balance(1004), asked(town, float_fen, 310)) == (25_000, 25_000)
    town.verified()


def test_a_months_plan_is_asked_for_once_and_shown_beside_what_was_paid(town: Any, bill: Any) -> None:
    town.begin(fen=20_000)
    planned = {"daily": 100_000, "month": 50_000}
    assert refused(lambda: asked(town, request_plan, 310, 202610, planned, DAY)) == "cash.basis"
    town.choose("fund_request_basis", "plan", OCTOBER)
    made = asked(town, request_plan, 310, 202610, planned, DAY)
    assert asked(town, request_plan, 310, 202610, planned, DAY) == made
    assert (made.upto, made.forecast_fen, made.available_fen, made.amount_fen) == (
        date(2026, 10, 31), 150_000, 20_000, 130_000,
    )  # fmt: skip
    for month, by_kind, fen, code in (
        (202610, {"daily": 1_000_000}, 0, "db.duplicate"),
        (202611, {"gift": 1}, 0, "cash.plan"),
        (202611, {"daily": 0}, 0, "cash.plan"),
        (202609, {"daily": 1_000_000}, 0, "cash.plan"),
        (202611, {"daily": 150_000}, 0, "cash.enough"),
        (202611, {"daily": 1_000_000}, 1_000_000, "cash.above_need"),
        (202613, {"daily": 1}, 0, "period.format"),
    ):
        assert refused(lambda m=month, k=by_kind, f=fen: asked(town, request_plan, 310, m, k, DAY, f)) == code
    town.month.take(bill("a1"), bill("a2"))
    assert refused(lambda: asked(town, request_funds, 310, DAY, DAY)) in ("cash.basis", "cash.enough")
    granted(town, made, "ZZ1", 120_000)
    assert town.balance(1004) == 140_000
    [order] = town.pay_daily(DAY)
    found = asked(town, shown, 310, 202610)
    assert (found.state, found.asked_fen, found.granted_fen, found.float_fen) == (
        "granted",
        130_000,
        120_000,
        0,
    )
    assert found.lines == (PlanLine("daily", 100_000, order.amount_fen), PlanLine("month", 50_000, 0))
    # as the service's role, past the program: above the plan, a month's end that is none
    row = (
        "INSERT INTO fund.fund_request (region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen, amount_fen,"
        " prepared_by, prepared_on, basis, month) SELECT region, fund, 'REQ-RAW001', account, fiscal_account, %(upto)s, 10, 0, %(fen)s,"
        " 'zhao', prepared_on, %(basis)s, %(month)s FROM fund.fund_request WHERE request_id = %(key)s"
    )
    good = {"upto": date(2026, 11, 30), "fen": 10, "basis": "plan", "month": 202611, "key": made.request_id}
    for change, code in (
        ({"fen": 11}, "cash.plan"), ({"upto": DAY}, "db.constraint"), ({"basis": "float", "month": 0}, "cash.basis"),
    ):  # fmt: skip

        def raw(change: dict[str, Any] = change) -> None:
            with town.tx() as tx:
                tx.run(row, **good | change)

        assert refused(raw) == code
    town.verified()


def test_the_commands(town: Any, command: Any) -> None:
    town.begin(fen=0)
    town.choose("fund_request_basis", "plan,float", OCTOBER)
    town.choose("float_limit", "1000", OCTOBER)
    day = ("--fund", "310", "--date", "2026-10-13")
    made = command(cash.app, "zhao", "request-float", *day, "--amount", "500.00")
    assert (made["basis"], made["amount_fen"]) == ("float", "50000")
    plan = command(
        cash.app,
        "zhao",
        "request-plan",
        *day,
        "--month",
        "202610",
        "--planned",
        "daily=100.00",
        "--planned",
        "month=1.00",
    )
    assert (plan["basis"], plan["month"], plan["amount_fen"]) == ("plan", 202610, "10100")
    wrong = command(cash.app, "zhao", "request-plan", *day, "--month", "202610", "--planned", "daily")
    assert wrong == "cash.plan"
    told = command(cash.app, "sun", "plan", "--fund", "310", "--month", "202610")
    assert told["lines"][0] == {"kind": "daily", "planned_fen": "10000", "paid_fen": "0"}
