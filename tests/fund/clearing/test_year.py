"""Around the letter: plan and shares, late costs, quarters, debts carried on, orders that come back, the plan's figures, doors."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import psycopg
import pytest

from adapters.banks.ports import BankAccount
from ledger.core.entries import Dimensions
from ledger.core.errors import LedgerError
from ledger.fund.clearing.cases import approve_cases, propose_late, propose_special
from ledger.fund.clearing.confirm import write_off_notice
from ledger.fund.clearing.file import load_plan, load_rates
from ledger.fund.clearing.plan import approve_plan, read_plan
from ledger.fund.clearing.targets import year_figures
from ledger.fund.refunds.left import RefundLine
from ledger.fund.refunds.refund import RefundRequest, approve_refund, request_refund
from ledger.payments.orders.approve import approve
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import BatchDraft, ItemDraft, OrderDraft
from ledger.simulation.people import DEMO_REGION, FISCAL_ACCOUNT

FUND, HOSPITAL = 310, "H42010000001"
CLEARING = date(2027, 3, 20)
PLAN: dict[str, Any] = {
    "document": "市医保〔2026〕12号",
    "budgets": [{"class": "3", "amount": "10000.00", "reserve": "500.00"}],
    "bands": [
        {"kind": "surplus", "from_year": 2026, "source": "同上", "bands": [["0.8", "1", "0.5"]]},
        {"kind": "overspend", "from_year": 2026, "source": "同上", "bands": [["1", "1.1", "0.4"]]},
    ],
}


def rates(units: str = "900.0000", other: str = "50.0000", **said: Any) -> bytes:
    volumes = [
        {"institution": HOSPITAL, "cases": 3, "units": units},
        {"institution": "H42010000002", "cases": 1, "units": other},
    ]
    return json.dumps({"class": "3", "method": "DRG", "volumes": volumes, **said}).encode()


def plan(year: Any, content: dict[str, Any] = PLAN, rate_file: bytes = rates()) -> None:
    with year.tx() as tx:
        load_plan(tx, FUND, 2026, "plan.json", json.dumps(content).encode())
        load_rates(tx, FUND, 2026, "rates.json", rate_file)
    with year.tx("qian") as tx:
        approve_plan(tx, FUND, 2026, read_plan(tx, FUND, 2026).digest, date(2027, 3, 1))


def set_choice(year: Any, key: str, value: str) -> None:
    year.choose(key, value, date(2026, 1, 1))


def refund(year: Any, fen: int, source: int, day: date, receipt: str) -> None:
    line = RefundLine(source, "pool", 2026, 202610, "inpatient", fen)
    asked = RefundRequest(
        FUND,
        HOSPITAL,
        "earlier_year",
        "agreement",
        FISCAL_ACCOUNT.number,
        day,
        fen,
        f"退款{receipt}",
        receipt,
        (line,),
    )
    with year.tx() as tx:
        asked_for = request_refund(tx, asked, day)
    with year.tx("qian") as tx:
        approve_refund(tx, asked_for.refund_id, day)


def test_overspend_above_the_standard_is_shared_by_band(worked: Any) -> None:
    plan(worked)
    # Standard 9,000.00 (900 of 950 weights of 9,500.00); actual 10,999.99 − 300.00 = 10,699.99: 900.00 in the band
    # at 40 %, 799.99 above it, borne whole.
    letter = worked.clear(CLEARING)
    assert letter.rows[5] == 36_000 + 79_999
    assert letter.rows[9] == 55_000 - 115_999
    assert worked.balances()[9304] == 115_999
    assert worked.balances()[9106] == -60_999
    orders = worked.orders(date(2027, 3, 26))
    assert (orders.batch, [(b.reason, b.amount_fen) for b in orders.blocked]) == (
        None,
        [("negative", -60_999)],
    )
    with worked.tx() as tx:
        assert "超支分担\t1,159.99" in write_off_notice(tx, letter.letter_id)
    # What is owed is given back, and so next year has nothing to net.
    refund(worked, 60_999, 9106, date(2027, 4, 2), "J1")
    assert worked.balances().get(9106) is None
    assert worked.verify() == []


def test_surplus_below_the_standard_is_kept_by_band_and_special_cases_raise_it(worked: Any) -> None:
    plan(
        worked,
        PLAN | {"budgets": [{"class": "3", "amount": "13000.00", "reserve": "500.00"}]},
        rates("1.2", "0.05"),
    )
    with worked.tx() as tx:
        propose_special(tx, FUND, 2026, "R3", 30_000, "专家评审1号")
    worked.refused("clearing.input_waiting", worked.draft, CLEARING)
    with worked.tx("qian") as tx:
        approve_cases(tx, FUND, 2026, HOSPITAL, CLEARING)
    # Standard 12,000.00 + 300.00; actual 10,699.99; half of 1,600.01 kept: 800.005 → 800.01.
    letter = worked.clear(CLEARING)
    assert (letter.rows[5], letter.rows[9]) == (-80_001, 55_000 + 80_001)
    assert worked.balances()[9002] == 80_001
    worked.pay_clearing(date(2027, 3, 26))
    assert worked.verify() == []


def test_rates_that_are_not_the_budget_are_refused(year: Any) -> None:
    with year.tx() as tx:
        load_plan(tx, FUND, 2026, "plan.json", json.dumps(PLAN).encode())
        shown = read_plan(tx, FUND, 2026).digest

    def load(content: bytes) -> None:
        with year.tx() as tx:
            load_rates(tx, FUND, 2026, "rates.json", content)

    assert "应为10.00元" in year.refused("clearing.rate_budget", load, rates(published="10.01")).message
    printed = [
        {"institution": HOSPITAL, "cases": 3, "units": "900", "standard": "9000.01"},
        {"institution": "H42010000002", "cases": 1, "units": "50", "standard": "500.00"},
    ]
    assert "相差0.01元" in year.refused("clearing.rate_budget", load, rates(volumes=printed)).message
    year.refused("clearing.format", load, b"[]")
    year.refused("clearing.format", load, rates(units="-1"))
    year.refused("clearing.no_budget", load, rates(**{"class": "9"}))
    load(rates(published="10.00"))
    # The database's own sum: a share changed by hand does not pass the approval, nor a plan other than as shown.
    with year.tx() as tx:
        tx.run("DELETE FROM fund.clearing_standard WHERE institution = 'H42010000002'")

    def approve(digest: bytes, user: str = "qian") -> None:
        with year.tx(user) as tx:
            approve_plan(tx, FUND, 2026, digest, date(2027, 3, 1))

    year.refused("clearing.plan_changed", approve, shown)
    with year.tx() as tx:
        now = read_plan(tx, FUND, 2026).digest
    year.refused("clearing.rate_budget", approve, now)
    load(rates())
    with year.tx() as tx:
        now = read_plan(tx, FUND, 2026).digest
    year.refused("access.role_missing", approve, now, "zhao")
    approve(now)
    approve(now)
    year.refused("clearing.plan_approved", load, rates("901"))
    with year.tx() as tx:
        assert (
            load_plan(tx, FUND, 2026, "plan.json", json.dumps({**PLAN, "bands": []}).encode()).digest == now
        )


def test_special_cases_never_exceed_the_reserve(worked: Any) -> None:
    plan(worked)
    with worked.tx() as tx:
        propose_special(tx, FUND, 2026, "R3", 50_001, "专家评审1号")

    def approve() -> None:
        with worked.tx("qian") as tx:
            approve_cases(tx, FUND, 2026, HOSPITAL, CLEARING)

    assert "预留500.00元" in worked.refused("clearing.over_reserve", approve).message


def late_year(year: Any) -> Any:
    """October settled and paid; a November record paid daily, never declared; another one with a document."""
    year.allot(date(2026, 10, 12), 5_000_000)
    year.take("R1", 1_000_000, "2026-10-12")
    year.pay_daily(date(2026, 10, 13))
    year.declare(202610, date(2026, 11, 10))
    year.take("L1", 200_000, "2026-11-20")
    year.take("L2", 100_000, "2026-11-20")
    year.pay_daily(date(2026, 11, 23))
    year.settle(202610, date(2026, 11, 25))
    year.pay_month(date(2026, 12, 7))
    return year


def test_costs_not_declared_by_10_february_are_borne_by_the_institution(year: Any) -> None:
    late_year(year)
    year.refused("clearing.before_cutoff", year.draft, date(2027, 2, 10))
    letter = year.clear(CLEARING)
    # 3,000.00 late; 1,800.00 of it was paid daily: the deposit of 500.00 less that is owed back.
    assert letter.rows == {
        1: 1_000_000,
        2: 0,
        4: 0,
        5: 0,
        6: 1_000_000,
        7: 950_000 + 180_000,
        8: 0,
        9: 50_000 - 180_000,
    }
    found = year.balances()
    assert (found[9304], found[9106], found.get(9102), found.get(110105)) == (300_000, -130_000, None, None)
    with year.tx() as tx:
        assert "逾期未申报\tL1\t统筹基金支付\t2,000.00" in write_off_notice(tx, letter.letter_id)
    assert year.month.asked("SELECT DISTINCT settled_by FROM fund.payable WHERE setl_id IN ('L1', 'L2')") == [
        (letter.letter_id,)
    ]
    assert year.verify() == []
    with pytest.raises(AssertionError, match="quarantined=1"):
        year.take("L3", 100, "2026-11-21")


def test_documented_late_costs_go_to_the_next_years_clearing(year: Any) -> None:
    late_year(year)

    def propose(setl_id: str) -> None:
        with year.tx() as tx:
            propose_late(tx, FUND, 2026, setl_id, "系统故障说明1号")

    propose("L2")
    year.refused("clearing.settled", propose, "R1")
    year.refused("clearing.unknown_record", propose, "none")
    year.refused("clearing.input_waiting", year.draft, CLEARING)
    with year.tx("qian") as tx:
        approve_cases(tx, FUND, 2026, HOSPITAL, CLEARING)
    letter = year.clear(CLEARING)
    # Only L1 is borne: 2,000.00, of which 1,200.00 was paid.
    assert (letter.rows[1], letter.rows[7], letter.rows[9]) == (
        1_000_000,
        950_000 + 120_000,
        50_000 - 120_000,
    )
    found = year.balances()
    assert (found[9304], found[9102], found[9106], found[110105]) == (200_000, 40_000, -70_000, 60_000)
    assert year.verify() == []
    # Next year: not declared again, so borne; the debt of this year is netted there.
    year.take("M1", 2_000_000, "2027-05-04")
    year.pay_daily(date(2027, 5, 6))
    year.declare(202705, date(2027, 6, 10))
    year.settle(202705, date(2027, 6, 25))
    year.pay_month(date(2027, 7, 8))
    again = year.clear(date(2028, 3, 20), 2027)
    assert again.rows[1] == 2_000_000
    assert again.rows[9] == 100_000 - 70_000 - 60_000
    assert year.balances()[9106] == -30_000
    assert year.balances()[9304] == 300_000
    assert year.verify() == []


def test_quarters_count_as_paid_in_their_year(worked: Any) -> None:
    worked.refused("clearing.no_quarters", worked.draft, CLEARING, 2026, "Q4")
    worked.refused("clearing.period", worked.draft, CLEARING, 2026, "Q5")
    set_choice(worked, "clearing_quarterly", "Y")
    quarter = worked.clear(CLEARING, 2026, "Q4")
    assert (quarter.letter_id, quarter.rows[9]) == ("CL420100-310-2026-Q4-H42010000001-1", 55_000)
    worked.refused("clearing.unpaid_letter", worked.draft, CLEARING)
    worked.pay_clearing(date(2027, 3, 23))
    worked.finding("F2", "R1", 5_000, date(2027, 3, 24))
    letter = worked.clear(date(2027, 3, 25))
    assert letter.rows == {
        1: 1_099_999, 2: 35_000, 4: 0, 5: 0, 6: 1_064_999, 7: 1_014_999 + 55_000, 8: 0, 9: -5_000,
    }  # fmt: skip
    assert worked.balances()[9106] == -5_000
    worked.refused("clearing.year_exists", worked.draft, date(2027, 3, 26), 2026, "Q3")
    assert worked.verify() == []


def test_a_clearing_payment_that_comes_back_is_issued_again(worked: Any) -> None:
    letter = worked.clear(CLEARING)
    [first] = worked.pay_clearing(date(2027, 3, 26))
    worked.receipts([first], date(2027, 3, 29), back="AC01")
    assert (worked.balances()[9106], worked.balances()[200104]) == (55_000, 55_000)
    batch = worked.orders(date(2027, 3, 30)).batch
    [second] = worked.pay(batch.batch_id, batch.digest, date(2027, 3, 30))
    found = worked.balances()
    assert (found.get(9106), found.get(200104), found[9203]) == (None, None, 55_000)
    assert worked.month.asked(f"SELECT replaces FROM payments.pay_order WHERE order_no = '{second}'") == [
        (first,)
    ]
    with worked.tx() as tx:
        assert year_figures(tx, FUND, 2026, date(2027, 4, 1)).reached_on == date(2027, 3, 30)
    assert letter.rows[9] == 55_000
    assert worked.verify() == []


def test_the_two_figures_of_the_three_year_plan(worked: Any) -> None:
    with worked.tx() as tx:
        open_year = year_figures(tx, FUND, 2026, date(2027, 5, 3))
    assert (open_year.institutions, open_year.cleared, open_year.reached_on) == (1, 0, None)
    assert (open_year.target.by, open_year.days_late) == (date(2027, 4, 30), 3)
    worked.clear(CLEARING)
    worked.pay_clearing(date(2027, 3, 26))
    with worked.tx() as tx:
        done = year_figures(tx, FUND, 2026, date(2027, 5, 3))
        other = year_figures(tx, 390, 2026, date(2027, 5, 3))
    assert (done.reached_on, done.days_late) == (date(2027, 3, 26), -35)
    assert (done.clearing_fen, done.payments_fen) == (55_000, 1_069_999)
    assert (done.share_ratio, done.share_over) == (514, 14)
    assert (other.institutions, other.reached_on, other.share) == (0, None, 0)
    set_choice(worked, "clearing_pilot", "Y")
    with worked.tx() as tx:
        targets = [year_figures(tx, FUND, y, date(2027, 5, 3)).target for y in (2025, 2026, 2027, 2030)]
    assert [(t.by, t.share_low, t.share_high) for t in targets] == [
        (date(2026, 3, 31), 0, 500), (date(2027, 3, 31), 300, 500), (date(2028, 3, 31), 0, 300), (date(2031, 3, 31), 0, 300),
    ]  # fmt: skip


DOORS: list[tuple[Any, str]] = [
    (
        "UPDATE fund.letter SET state = 'confirmed', confirmed_by = 'qian', confirmed_on = '2027-03-20'",
        "qian",
    ),
    (
        "UPDATE fund.letter SET state = 'approved', approved_by = 'zhao', approved_on = '2027-03-20'",
        "zhao",
    ),
    ("UPDATE fund.letter SET state = 'approved', approved_by = 'li', approved_on = '2027-03-20'", "qian"),
    ("UPDATE fund.letter SET state = 'sent', sent_by = 'zhao', sent_on = '2027-03-20'", "zhao"),
    ("UPDATE fund.letter SET row9_fen = 1", "qian"),
    ("UPDATE fund.letter_line SET audit_fen = 0", "zhao"),
    ("DELETE FROM fund.letter_row", "zhao"),
    ("DELETE FROM fund.letter", "zhao"),
    ("DELETE FROM fund.letter_paper", "zhao"),
    ("UPDATE fund.letter_paper SET content = 'x', sha256 = sha256('x')", "zhao"),
    (
        "INSERT INTO fund.letter_row SELECT region, fund, letter_id, 1, 'large', 5 FROM fund.letter ON CONFLICT DO NOTHING",
        "zhao",
    ),
    (
        "INSERT INTO fund.letter_paper SELECT region, fund, letter_id, 'agency', 'x', sha256('x'), sha256('x'), digest, 'a',"
        " '2027-03-20', 'qian' FROM fund.letter",
        "qian",
    ),
    (
        "INSERT INTO fund.letter_order SELECT l.region, l.fund, l.letter_id, o.order_no FROM fund.letter l, payments.pay_order o",
        "zhao",
    ),
    ("UPDATE fund.clearing_target SET share_high = 9000", "zhao"),
]


def test_raw_sql_finds_every_door_shut(drafted: Any) -> None:
    for statement, user in DOORS:
        with pytest.raises((LedgerError, psycopg.Error)), drafted.tx(user) as tx:
            assert tx.run(statement) > 0, statement
    assert drafted.month.asked("SELECT DISTINCT state FROM fund.letter") == [("draft",)]


@pytest.fixture
def drafted(worked: Any) -> Any:
    """The worked year with a draft letter."""
    worked.draft(CLEARING)
    return worked


def test_a_letter_changed_below_the_guards_is_not_approved(drafted: Any) -> None:
    letter = drafted.draft(CLEARING)
    with drafted.month.admin.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        admin.exec_driver_sql(
            "UPDATE fund.letter_row SET amount_fen = amount_fen + 1 WHERE row_no IN (1, 6, 9) AND part = 'other'"
        )
    drafted.refused("letter.changed", drafted.approve, letter, CLEARING)


def test_clearing_money_needs_a_confirmed_letter_behind_it(worked: Any) -> None:

    worked.clear(CLEARING)
    dims = Dimensions(HOSPITAL, "pool", 2026, 202610, "inpatient")
    payee = BankAccount("第1医院", "620000000001", "模拟银行", "102421000009")
    with worked.tx() as tx:
        order = OrderDraft(HOSPITAL, [ItemDraft(9106, dims, 100)], (), payee, "清算", "4200000000001004")
        day = date(2027, 3, 26)
        batch = create_batch(tx, BatchDraft(DEMO_REGION, FUND, "clearing", "X1", day, day, [order]))
    worked.refused(
        "order.no_letter",
        approve,
        worked.engine,
        "qian",
        DEMO_REGION,
        batch.batch_id,
        batch.digest,
        date(2027, 3, 26),
    )
