"""The confirmation letter on a real ledger: the worked year, example 7D, V4, V5, and every refusal."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from ledger.closing import checks
from ledger.closing.lines import CheckLine
from ledger.core.entries import Book
from ledger.fund.clearing.cases import approve_cases, assess
from ledger.fund.clearing.confirm import sign_institution, write_off_notice
from ledger.fund.clearing.letter import void_letter
from ledger.fund.clearing.plan import set_grade
from ledger.fund.clearing.store import read_letter, read_paper
from ledger.fund.month.orders import draft_month_orders
from ledger.fund.refunds.left import RefundLine
from ledger.fund.refunds.refund import RefundRequest, approve_refund, request_refund
from ledger.simulation.people import DEMO_REGION, FISCAL_ACCOUNT

FUND, HOSPITAL = 310, "H42010000001"
CLEARING = date(2027, 3, 20)
WORKED = {1: 1_099_999, 2: 35_000, 4: 5_500, 5: 1_000, 6: 1_058_499, 7: 1_014_999, 8: 0, 9: 43_500}


def grade(year: Any, ratio: int = 1_000) -> None:
    with year.tx() as tx:
        set_grade(tx, FUND, 2026, "良好", ratio, "市医保〔2026〕9号")
        assess(tx, FUND, 2026, HOSPITAL, "良好", "考核通报1号")
        assess(tx, FUND, 2026, HOSPITAL, "良好", "考核通报1号")
    with year.tx("qian") as tx:
        assert approve_cases(tx, FUND, 2026, HOSPITAL, CLEARING) == 1


def ready(year: Any) -> Any:
    """Event 19's inputs: 50 by sample audit, 55 of the deposit, 10 otherwise."""
    year.finding("F2", "R1", 5_000, date(2027, 3, 1))
    year.deduct("D1", 202612, 1_000)
    grade(year)
    return year


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_the_worked_years_letter_to_the_fen(year: Any, live: Any, policy: str) -> None:
    year.choose("daily_accounting", policy, date(2026, 10, 1))
    ready(live(year))
    before = year.balances()
    assert (before[9105], before[9202], before[9301]) == (55_000, 354_999, 30_000)
    letter = year.clear(CLEARING)
    assert letter.rows == WORKED
    assert (letter.grade, letter.state, letter.parts[6, "pool"], letter.parts[9, "acct"]) == (
        "良好",
        "confirmed",
        1_058_499,
        0,
    )
    after = year.balances()
    assert (after[9106], after[9301], after[9302], after[9303]) == (43_500, 35_000, 5_500, 1_000)
    assert not [code for code in (9101, 9102, 9103, 9105) if code in after]
    [entry] = year.month.asked(
        "SELECT source_key, series, prepared_by, reviewed_by, evidence, evidence_digest, business_date FROM books.entry WHERE event = 'CLR'"
    )
    assert entry[:5] == (
        f"CLR:{letter.letter_id}",
        "备",
        f"rule:CLR.{policy}@1" if policy == "P1" else entry[2],
        "qian",
        letter.letter_id,
    )
    assert (bytes(entry[5]), entry[6]) == (letter.digest, CLEARING)
    [order_no] = year.pay_clearing(date(2027, 3, 26))
    paid = year.balances()
    assert (paid[9203], paid[50010101], paid.get(9106)) == (43_500, 1_058_499, None)
    assert paid[9001] == 660_000 + 354_999 + 43_500 + 35_000 + 5_500 + 1_000
    with year.tx() as tx:
        done = read_letter(tx, letter.letter_id)
        notice = write_off_notice(tx, letter.letter_id)
    assert (done.state, done.order_no, done.cleared_on) == ("paid", order_no, date(2027, 3, 26))
    assert "审核扣款\t350.00" in notice
    assert "合计\t415.00" in notice
    assert year.month.asked("SELECT amount_fen FROM fund.finding_taken WHERE sheet_id LIKE 'CL%%'") == [
        (5_000,)
    ]
    assert year.verify() == []


def test_the_letter_as_printed_and_archived(worked: Any) -> None:
    letter = ready(worked).draft(CLEARING)
    worked.approve(letter, CLEARING)
    text = worked.send(letter, CLEARING).decode()
    for line in (
        "共计清算资金435.00元", "3\t根据协议约定年度考核等级\t良好", "6\t统筹基金支付\t10,584.99", "6\t个人账户支付\t0.00",
        "7\t已拨付（含日拨付、月结算、季度清算、抵扣结清）\t10,149.99", "9\t清算应付费用\t435.00", f"摘要：{letter.digest.hex()}",
    ):  # fmt: skip
        assert line in text
    worked.sign(letter, CLEARING, b"%PDF stamped")
    with worked.tx() as tx:
        assert read_paper(tx, letter.letter_id, "institution") == b"%PDF stamped"
    [(stored, short)] = worked.month.asked(
        "SELECT sha256, length(sm3) FROM fund.letter_paper WHERE kind = 'institution'"
    )
    assert (bytes(stored), short) == (sha256(b"%PDF stamped").digest(), 32)


def test_example_7d(year: Any) -> None:
    year.allot(date(2026, 10, 12), 2_000_000_000)
    year.take("B1", 1_200_000_000, "2026-10-12")
    year.pay_daily(date(2026, 10, 13))
    year.finding("F1", "B1", 18_000_000, date(2026, 11, 2))
    year.declare(202610, date(2026, 11, 10))
    assert year.settle(202610, date(2026, 11, 25)).figures.result_fen == 402_000_000
    year.pay_month(date(2026, 12, 7))
    asked = RefundRequest(
        FUND, HOSPITAL, "same_year", "institution", FISCAL_ACCOUNT.number, date(2026, 12, 20), 450_000, "退款函1号", "J001",
        (RefundLine(9103, "pool", 2026, 202610, "inpatient", 450_000),),
    )  # fmt: skip
    with year.tx() as tx:
        refund = request_refund(tx, asked, date(2026, 12, 20))
    year.refused("clearing.refund_open", year.draft, CLEARING)
    with year.tx("qian") as tx:
        approve_refund(tx, refund.refund_id, date(2026, 12, 20))
    year.deduct("D1", 202611, 1_500_000)
    grade(year)
    letter = year.clear(CLEARING)
    assert letter.rows == {
        1: 1_200_000_000, 2: 18_000_000, 4: 6_000_000, 5: 1_500_000, 6: 1_174_500_000, 7: 1_122_000_000, 8: 450_000, 9: 52_950_000,
    }  # fmt: skip
    year.pay_clearing(date(2027, 3, 26))
    found = year.balances()
    assert (found[9203], found[9209], found.get(9106)) == (52_950_000, 450_000, None)
    assert year.verify() == []


@pytest.mark.fault(34)
def test_v4_a_reversal_of_last_year_counts_in_last_years_letter(worked: Any) -> None:
    worked.take("R4R", -100_000, "2027-01-05", init="R4", cash=-20_000)
    worked.take("N1", 500_000, "2027-01-05")
    worked.pay_daily(date(2027, 2, 8))
    # Its month is still open: it waits for the next letter, this one is as without it.
    assert ready(worked).draft(CLEARING).rows == WORKED
    with worked.tx() as tx:
        void_letter(tx, worked.draft(CLEARING).letter_id, "等待一月月结")
    worked.declare(202701, date(2027, 2, 10))
    worked.settle(202701, date(2027, 2, 25))
    letter = worked.draft(CLEARING)
    assert letter.letter_id.endswith("-2")
    # −1,000.00 claimed, −600.00 netted in the payout, −350.00 in the month (95 %), −50.00 of the deposit. The month took
    # the deduction out of 2027's money, so that it is not in this letter.
    assert letter.rows == {1: 999_999, 2: 35_000, 4: 5_000, 5: 0, 6: 959_999, 7: 954_999, 8: 0, 9: 5_000}
    worked.approve(letter, CLEARING)


def test_v5_money_given_back_is_row_8_and_row_7_stays_gross(worked: Any) -> None:
    asked = RefundRequest(
        FUND, HOSPITAL, "earlier_year", "regulator", FISCAL_ACCOUNT.number, date(2027, 2, 20), 450, "责令1号", "J002",
        (RefundLine(9103, "pool", 2026, 202610, "inpatient", 450),),
    )  # fmt: skip
    with worked.tx() as tx:
        refund = request_refund(tx, asked, date(2027, 2, 20))
    with worked.tx("qian") as tx:
        approve_refund(tx, refund.refund_id, date(2027, 2, 20))
    letter = ready(worked).clear(CLEARING)
    assert letter.rows == WORKED | {8: 450, 9: 43_950}


def test_replays_give_the_first_answer(worked: Any) -> None:
    letter = ready(worked).draft(CLEARING)
    assert worked.draft(CLEARING) == letter
    first = worked.approve(letter, CLEARING)
    assert worked.approve(letter, CLEARING) == first
    assert worked.send(letter, CLEARING) == worked.send(letter, date(2027, 3, 22))
    signed = worked.sign(letter, CLEARING)
    assert worked.sign(letter, CLEARING) == signed
    worked.refused("letter.signed_otherwise", worked.sign, letter, CLEARING, b"another paper")
    done = worked.confirm(letter, CLEARING)
    assert worked.confirm(letter, CLEARING) == done
    worked.refused("letter.signed_otherwise", worked.confirm, letter, CLEARING, b"another paper")
    assert worked.draft(date(2027, 4, 1)) == done
    assert worked.month.asked("SELECT count(*) FROM books.entry WHERE event = 'CLR'") == [(1,)]
    orders = worked.orders(date(2027, 3, 26))
    assert orders.letters == [letter.letter_id]
    again = worked.orders(date(2027, 3, 26))
    assert (again.batch, [b.reason for b in again.blocked]) == (None, ["ordered"])


def test_one_side_only_is_not_enough(worked: Any) -> None:
    letter = ready(worked).draft(CLEARING)
    worked.refused("letter.one_side", worked.confirm, letter, CLEARING)
    worked.refused("access.role_missing", worked.approve, letter, CLEARING, "zhao")
    worked.refused("letter.state", worked.sign, letter, CLEARING)
    worked.approve(letter, CLEARING)
    worked.refused("letter.one_side", worked.confirm, letter, CLEARING)
    worked.send(letter, CLEARING)
    worked.refused("letter.one_side", worked.confirm, letter, CLEARING)
    assert (worked.orders(date(2027, 3, 26)).batch, worked.balances()[9105]) == (None, 55_000)
    worked.sign(letter, CLEARING)
    worked.refused("access.role_missing", worked.confirm, letter, CLEARING, b"x", "li")
    assert worked.orders(date(2027, 3, 26)).batch is None
    assert worked.confirm(letter, CLEARING).state == "confirmed"


def test_the_institution_signs_the_letter_as_hashed(worked: Any) -> None:
    letter = ready(worked).draft(CLEARING)
    worked.approve(letter, CLEARING)
    worked.send(letter, CLEARING)

    def sign_another() -> None:
        with worked.tx() as tx:
            sign_institution(tx, letter.letter_id, b"\x01" * 32, b"scan", "第1医院", CLEARING)

    worked.refused("letter.other_digest", sign_another)
    assert worked.sign(letter, CLEARING).state == "confirmed_by_institution"


def test_refused_before_the_months_are_done(year: Any) -> None:
    year.allot(date(2026, 10, 12), 2_000_000)
    year.take("R1", 123_456, "2026-10-12")
    year.refused("clearing.not_over", year.draft, date(2026, 12, 31))
    year.refused("clearing.months_open", year.draft, CLEARING)
    batch = year.pay_daily(date(2026, 10, 13))
    assert len(batch) == 1
    year.refused("clearing.before_cutoff", year.draft, date(2027, 2, 10))
    year.declare(202610, date(2026, 11, 10))
    assert "202610" in year.refused("clearing.months_open", year.draft, CLEARING).message
    year.settle(202610, date(2026, 11, 25))
    drafted = draft_month_orders(year.engine, "zhao", DEMO_REGION, FUND, date(2026, 12, 7), year.of).batch
    assert drafted is not None
    year.refused("clearing.in_flight", year.draft, CLEARING)
    order_nos = year.approved(drafted.batch_id, drafted.digest, date(2026, 12, 7))
    assert order_nos[0] in year.refused("clearing.in_flight", year.draft, CLEARING).message
    year.receipts(order_nos, date(2026, 12, 8))
    assert year.draft(CLEARING).rows[9] == 123_456 - 117_283


def test_a_letter_overtaken_by_events_is_refused_and_made_anew(worked: Any) -> None:
    letter = ready(worked).draft(CLEARING)
    worked.finding("F3", "R3", 100, date(2027, 3, 21))
    worked.refused("letter.stale", worked.approve, letter, date(2027, 3, 22))
    with worked.tx() as tx:
        assert void_letter(tx, letter.letter_id, "补充审核扣款").state == "void"
    again = worked.draft(date(2027, 3, 22))
    assert (again.letter_id, again.rows[2], again.rows[9]) == (letter.letter_id[:-1] + "2", 35_100, 43_400)
    worked.approve(again, date(2027, 3, 22))


def test_the_year_s_end_is_tied_to_its_confirmed_letters(worked: Any) -> None:
    """December's check list: a letter on its way is named and hinders nothing; a confirmed one stands in the books to the fen."""

    def told(period: int) -> CheckLine:
        with worked.tx() as tx:
            return checks.line(checks.MonthAsked(tx, Book(DEMO_REGION, FUND), period, CLEARING), "clearing")

    letter = worked.draft(CLEARING)
    assert (told(202612).ok, told(202612).items) == (True, (letter.letter_id,))
    assert told(202612).note == "尚未确认的清算确认书1份"
    worked.clear(CLEARING)
    for december in (202612, 202712):  # of its service year, and of the year it was confirmed in
        assert (told(december).ok, told(december).items) == (True, ())
    assert told(202611).items == ()
    with worked.month.admin.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        admin.exec_driver_sql("UPDATE fund.letter SET source_key = 'CLR:nowhere'")
    for december in (202612, 202712):
        assert (told(december).ok, told(december).items) == (False, (letter.letter_id,))
    assert told(202812).ok


def test_books_and_tables_that_disagree_name_the_difference(worked: Any) -> None:
    with worked.month.admin.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        admin.exec_driver_sql(
            "UPDATE payments.order_item SET amount_fen = amount_fen + 1 WHERE source = 9103 AND term = 202612"
        )
    error = worked.refused("letter.books_differ", worked.draft, CLEARING)
    assert (error.details["row"], error.details["difference_fen"]) == (7, -1)
    assert "202612" in error.message
