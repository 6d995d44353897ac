"""Each rule finds what it is for, to the ten-thousandth, once; what it found is found again by `verify`, or was changed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.control.alarms.standing import Moment, standing
from ledger.control.alarms.words import in_words
from ledger.control.risk.cases import read_case, read_cases
from ledger.control.risk.catalogue import RULES
from ledger.control.risk.run import asked_of, run_rules, terms_of
from ledger.core.dates import SHANGHAI
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Forbidden, InvalidInput
from ledger.core.words import words_of
from ledger.founding import choose
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.payments.orders.approve import approve
from ledger.simulation.people import DEMO_REGION
from tests.scenes.month import HOSPITAL, OTHER_HOSPITAL
from tests.scenes.risk import AMOUNT, COUNT, LOOKED, READMISSION, REVERSAL, TODAY, TOMORROW

pytestmark = pytest.mark.usefixtures("kept_risk")


def run(month: Any, day: date = LOOKED, today: date = TODAY) -> list[tuple[str, str, int]]:
    with month.tx("xitong") as tx:
        return [(one.rule, one.institution, one.figure) for one in run_rules(tx, day, today)]


def test_each_rule_finds_what_it_is_for(month: Any) -> None:
    with month.tx("zhou") as tx:
        found = {one.n: one for one in read_cases(tx)}
    # 20 records and 12,000.00 on the day, 5 and 3,000.00 on the mean day of the six before: four times
    for n in (AMOUNT, COUNT):
        case = found[n]
        assert (case.rule, case.institution, case.figure, case.threshold) == (
            ("amount", "count")[n - 1],
            HOSPITAL,
            40_000,
            30_000,
        )
        assert [(row["records"], row["fen"]) for row in case.evidence] == [(5, 300_000)] * 6 + [
            (20, 1_200_000)
        ]
    # 6 of the 50 stays of the month began within ten days of the same person's discharge
    case = found[READMISSION]
    assert (case.institution, case.period, case.figure, len(case.evidence)) == (HOSPITAL, "2026-10", 1_200, 6)
    # 3 reversals of 35 settlements: 8.57 %
    case = found[REVERSAL]
    assert (case.institution, case.figure, [row["setl_id"] for row in case.evidence]) == (
        OTHER_HOSPITAL,
        857,
        ["R51", "R52", "R53"],
    )
    assert set(words_of("risk.rule")) == set(RULES)


def test_what_was_found_is_found_once(month: Any) -> None:
    assert run(month) == []
    # the month's rules find nothing new on another day of the month, the day's rules nothing where nothing happened
    assert run(month, LOOKED - timedelta(days=1)) == []
    assert month.asked("SELECT count(*) FROM fund.risk_case")[0][0] == 4


def test_a_day_that_is_not_over_and_a_stranger_are_refused(month: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(month, TODAY)
    assert refused.value.code == "risk.future"
    with pytest.raises(Forbidden), month.tx("zhou") as tx:
        run_rules(tx, LOOKED, TODAY)


def test_a_threshold_is_the_region_s_of_the_day(month: Any) -> None:
    month.pretend("DELETE FROM fund.risk_case")
    choose(month.engine, "li", "qian", DEMO_REGION, "risk_amount", "401", LOOKED, "测试文件〔2026〕2号")
    choose(month.engine, "li", "qian", DEMO_REGION, "risk_count", "400", LOOKED, "测试文件〔2026〕2号")
    choose(month.engine, "li", "qian", DEMO_REGION, "risk_reversal", "off", LOOKED, "测试文件〔2026〕2号")
    choose(month.engine, "li", "qian", DEMO_REGION, "risk_again_days", "5", LOOKED, "测试文件〔2026〕2号")
    assert run(month) == [("count", HOSPITAL, 40_000)]
    with month.tx("xitong") as tx:
        assert terms_of(tx, RULES["count"], LOOKED - timedelta(days=1)) == {
            "history": 30,
            "least": 20,
            "threshold": 30_000,
        }
    for key, value in (
        ("risk_amount", "99"),
        ("risk_reversal", "0"),
        ("risk_history", "six"),
        ("job_at_risk", "24:00"),
    ):
        with pytest.raises(InvalidInput):
            choose(month.engine, "li", "qian", DEMO_REGION, key, value, TOMORROW, "测试文件〔2026〕2号")


def test_money_ordered_to_an_account_just_changed(month: Any) -> None:
    with month.tx("zhao") as tx:
        tx.run(
            "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, proposed_on)"
            " VALUES (420100, 'H42010000002', 2, '第2医院', '620000009999', '模拟银行', '102421000009', 'proposed', 'zhao', '2026-10-13')"
        )
    with month.tx("qian") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, TODAY)
    month.pretend(
        "UPDATE payments.pay_order o SET payee_number = '620000009999' WHERE institution = 'H42010000002'"
    )
    [(batch, digest)] = month.asked(
        "SELECT batch_id, payments.batch_digest(region, batch_id) FROM payments.batch"
    )
    month.pretend(f"UPDATE payments.batch SET digest = '\\x{bytes(digest).hex()}'")
    approve(month.engine, "qian", DEMO_REGION, batch, bytes(digest), TODAY)
    # five days of 3,000.00 after the first, 3,000.00 of the day less three reversals
    fen = month.asked("SELECT amount_fen FROM payments.pay_order WHERE institution = 'H42010000002'")[0][0]
    assert run(month, TODAY, TOMORROW) == [("payee", OTHER_HOSPITAL, fen)]
    with month.tx("zhou") as tx:
        [row] = read_cases(tx, rule="payee")[0].evidence
    assert row["changed"] == TODAY.isoformat()
    month.pretend("DELETE FROM fund.risk_case WHERE rule = 'payee'")
    choose(month.engine, "li", "qian", DEMO_REGION, "risk_payee_days", "off", TODAY, "测试文件〔2026〕2号")
    assert run(month, TODAY, TOMORROW) == []


def test_more_claimed_than_the_year_s_pace(month: Any) -> None:
    # 50 records of 1,000.00 by day 285 of 365: 50,000.00 × 365 ÷ (standard × 285)
    month.pretend(
        "INSERT INTO fund.clearing_plan VALUES (420100, 310, 2026, '方案', 'zhao', 'qian', '2026-01-05', sha256('x'));"
        "INSERT INTO fund.clearing_budget (region, fund, year, class, amount_fen, reserve_fen) VALUES (420100, 310, 2026, 'A', 10000000, 0);"
        "INSERT INTO fund.clearing_standard VALUES (420100, 310, 2026, 'H42010000001', 'A', 10, 10, 0, 5000000),"
        " (420100, 310, 2026, 'H42010000002', 'A', 10, 10, 0, 5000000)"
    )
    assert run(month) == [("budget", HOSPITAL, 12_807)]
    month.pretend(
        "UPDATE fund.clearing_plan SET approved_by = '', approved_on = NULL, digest = ''; DELETE FROM fund.risk_case"
    )
    assert [rule for rule, _, _ in run(month)] == ["amount", "count", "readmission", "reversal"]


def test_the_year_s_pace_counts_what_the_books_knew(town: Any) -> None:
    """Records not booked yet, and those booked after the entries that are asked for, are none of the year's."""
    from tests.scenes.month import bill_line

    town.month.pretend(
        "INSERT INTO fund.clearing_plan VALUES (420100, 310, 2026, '方案', 'zhao', 'qian', '2026-01-05', sha256('x'));"
        "INSERT INTO fund.clearing_budget (region, fund, year, class, amount_fen, reserve_fen) VALUES (420100, 310, 2026, 'A', 10000000, 0);"
        "INSERT INTO fund.clearing_standard VALUES (420100, 310, 2026, 'H42010000001', 'A', 10, 10, 0, 100)"
    )
    rule = RULES["budget"]

    def tips() -> list[int]:
        with town.tx("zhou") as tx:
            return [
                int(tx.value("SELECT fund.risk_known(420100, %(fund)s::smallint)", fund=fund))
                for fund in FUND_NAMES
            ]

    def claimed(seqs: list[int]) -> int:
        with town.tx("zhou") as tx:
            rows = tx.rows(rule.query, **asked_of(rule, DEMO_REGION, LOOKED, {"threshold": 1}, seqs))
        return int(rows[0][2][0]["fen"]) if rows else 0

    before = tips()
    known = claimed(before)
    assert known == 5_000_000
    town.month.take(*(bill_line(f"L{n}", day="2026-10-05") for n in range(30)))
    assert claimed(tips()) == known
    town.pay_daily(TOMORROW)
    assert (claimed(before), claimed(tips())) == (known, known + 30 * 100_000)
    assert claimed([0] * len(before)) == 0


def test_late_records_change_no_case(town: Any) -> None:
    from tests.scenes.month import bill_line

    town.month.take(*(bill_line(f"L{n}", day="2026-10-05") for n in range(30)))
    town.pay_daily(TOMORROW)
    with town.tx("zhou") as tx:
        assert read_case(tx, AMOUNT).figure == 40_000
    town.verified()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fund.risk_case SET figure = figure - 1 WHERE n = 1",
        "UPDATE fund.risk_case SET evidence = evidence - 0 WHERE n = 3",
        "UPDATE fund.risk_case SET terms = jsonb_set(terms, '{history}', '8') WHERE n = 2",
        "UPDATE fund.risk_case SET period = '2026-10-11' WHERE n = 1",
        "UPDATE fund.payable SET daily_fen = daily_fen - 100 WHERE setl_id = 'S31'",
    ],
)
def test_a_case_that_was_changed_is_named(town: Any, change: str) -> None:
    town.month.pretend(change)
    # its digest made to fit again: only the rule itself can tell
    town.month.pretend("UPDATE fund.risk_case c SET digest = fund.risk_digest(c)")
    with pytest.raises(AssertionError, match="风险事项的数"):
        town.verified()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fund.risk_case SET threshold = 20000, terms = jsonb_set(terms, '{threshold}', '20000') WHERE n = 1",
        "UPDATE fund.risk_case SET terms = terms || '{\"more\": 1}' WHERE n = 2",
        "INSERT INTO fund.region_policy VALUES (420100, 'risk_amount', '2026-10-01', '400', '文件1号', 'li', 'qian')",
    ],
)
def test_a_case_rests_on_the_region_s_choices_of_its_day(town: Any, change: str) -> None:
    """Its figure is found again, by terms the region did not choose: only the choices can tell."""
    town.month.pretend(change)
    town.month.pretend("UPDATE fund.risk_case c SET digest = fund.risk_digest(c)")
    with pytest.raises(AssertionError, match="不是统筹区在2026-10-12的选择"):
        town.verified()


def test_what_was_chosen_since_changes_no_case(town: Any) -> None:
    choose(town.engine, "li", "qian", DEMO_REGION, "risk_amount", "500", TOMORROW, "测试文件〔2026〕3号")
    town.verified()


def test_a_case_that_waits_is_an_alarm(month: Any) -> None:
    from datetime import datetime, time

    def kinds(day: date) -> list[tuple[str, str]]:
        moment = Moment(datetime.combine(day, time(12), SHANGHAI), 0.0)
        with month.tx("zhou") as tx:
            return [(one.subject, in_words(one)[1]) for one in standing(tx, moment) if one.kind == "risk"]

    assert kinds(TODAY) == []
    assert kinds(TOMORROW) == [
        ("1", "日拨付额突增"),
        ("2", "日结算笔数突增"),
        ("3", "重复住院"),
        ("4", "冲销率"),
    ]
