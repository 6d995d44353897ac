"""A deduction larger than its month is taken as far as it goes, and the rest on the next sheets (art. 19)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.cli.words.month import sheet_json, sheet_words
from ledger.core.errors import Conflict, LedgerError
from ledger.fund.month.other_deductions import (
    OtherDeduction,
    approve_deduction,
    propose_deduction,
    take_deductions,
)
from ledger.fund.month.read import MonthScope
from ledger.fund.month.sheet import KindDue, SheetDue
from ledger.fund.month.store import MonthSheet
from ledger.simulation.people import DEMO_REGION
from tests.fund.month.test_month_settlement import HOSPITAL, Story
from tests.fund.month.test_month_settlement import story as story  # the fixture

NOV, DEC, JAN = date(2026, 11, 25), date(2026, 12, 21), date(2027, 1, 25)


def deduct(story: Story, fen: int, name: str = "KK-1", term: int = 202610) -> None:
    asked = OtherDeduction(name, MonthScope(310, HOSPITAL, term), "违约金文件1号", fen)
    propose_deduction(story.engine, "zhao", DEMO_REGION, asked)
    approve_deduction(story.engine, "qian", DEMO_REGION, name, NOV)


def kinds(sheet: MonthSheet) -> dict[str, tuple[int, ...]]:
    """Brought forward, new, taken, left over of each kind that there is."""
    found: dict[str, tuple[int, ...]] = {k.kind: tuple(k[1:]) for k in sheet.figures.by_kind() if any(k[1:])}
    for brought, new, taken, left in found.values():
        assert brought + new == taken + left
    return found


@pytest.fixture
def owing(story: Story, bill: Any) -> Story:
    """100.00 of an outpatient month, so nothing is paid by the day, and 5,000.00 to deduct; more months behind it."""
    story.begin("P1", 20_000_000)
    story.month.take(
        bill("a", fund=10_000, med_type="11", clr_type="11"),
        bill("b", fund=400_000, med_type="11", clr_type="11", day="2026-11-05"),
        bill("c", fund=600_000, med_type="11", clr_type="11", day="2026-12-05"),
    )
    for day in (date(2026, 10, 13), date(2026, 11, 6), date(2026, 12, 7)):
        story.open(day)
        story.draft_daily(day)
    deduct(story, 500_000)
    return story


def test_five_thousand_against_a_month_of_a_hundred(owing: Story) -> None:
    owing.declare(202610, date(2026, 11, 9), "11")
    first = owing.settle(202610, NOV)
    # 100.00 × 0.95 is taken whole; nothing is left to pay, and there is a sheet that says so.
    assert (first.result_fen, first.state) == (0, "approved")
    assert first.figures.dues == (SheetDue("other", "KK-1", False, 500_000, 0, 9_500),)
    assert kinds(first) == {"other": (0, 500_000, 9_500, 490_500)}
    assert owing.draft_month(date(2026, 12, 8)).batch is None
    owing.verified()

    owing.declare(202611, date(2026, 12, 9), "11")
    second = owing.settle(202611, DEC)
    assert second.result_fen == 0
    assert kinds(second) == {"other": (490_500, 0, 380_000, 110_500)}
    assert second.figures.dues == (SheetDue("other", "KK-1", True, 500_000, 9_500, 380_000),)
    told = sheet_json(second)
    assert told["dues"][0] | {"left_fen": "110500", "brought": True} == told["dues"][0]
    assert told["deductions"][1] == {
        "kind": "other", "brought_fen": "490500", "new_fen": "0", "taken_fen": "380000", "left_fen": "110500",
    }  # fmt: skip
    words = "\n".join(sheet_words(second))
    assert "其他扣款：上期转入4,905.00，本期新增0.00，本期扣3,800.00，结转下期1,105.00" in words
    assert "KK-1（其他扣款）应扣5,000.00，已扣3,895.00，尚余1,105.00结转下期" in words

    owing.open(JAN)
    owing.declare(202612, date(2027, 1, 8), "11")
    third = owing.settle(202612, JAN)
    assert kinds(third) == {"other": (110_500, 0, 110_500, 0)}
    assert third.result_fen == 570_000 - 110_500
    assert owing.month.asked("SELECT amount_fen FROM fund.deduction_taken ORDER BY paper") == [
        (9_500,), (380_000,), (110_500,),
    ]  # fmt: skip
    assert owing.balances()[9303] == 500_000
    owing.verified()


def test_findings_come_before_other_deductions_and_daily_money_after(story: Story, bill: Any) -> None:
    story.begin("P1", 20_000_000)
    story.month.take(bill("a", fund=100_000), bill("b", fund=300_000, day="2026-11-05"))
    story.pay_daily(date(2026, 10, 13))
    story.draft_daily(date(2026, 11, 9))
    story.declare(202610, date(2026, 11, 9))
    story.find("F1", "a", 90_000, date(2026, 11, 10))
    deduct(story, 40_000)
    first = story.settle(202610, NOV)
    # 950.00: 900.00 of the finding, then 50.00 of the deduction; the 600.00 paid by the day is carried.
    assert kinds(first) == {
        "finding": (0, 90_000, 90_000, 0), "other": (0, 40_000, 5_000, 35_000), "daily": (0, 60_000, 0, 60_000),
    }  # fmt: skip
    assert first.result_fen == -60_000
    story.declare(202611, date(2026, 12, 9))
    second = story.settle(202611, DEC)
    assert kinds(second) == {"other": (35_000, 0, 35_000, 0), "daily": (60_000, 0, 60_000, 0)}
    assert second.result_fen == 285_000 - 35_000 - 60_000
    story.verified()


def test_the_maker_s_choice_of_findings_does_not_make_a_large_deduction_a_refusal(owing: Story) -> None:
    owing.declare(202610, date(2026, 11, 9), "11")
    assert kinds(owing.prepare(202610, NOV, deduct={})) == {"other": (0, 500_000, 9_500, 490_500)}


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
def test_a_deduction_approved_after_the_draft_is_not_passed_over(owing: Story) -> None:
    owing.declare(202610, date(2026, 11, 9), "11")
    sheet = owing.prepare(202610, NOV)
    deduct(owing, 700, "KK-2")
    with pytest.raises(Conflict) as refused:
        owing.approve(sheet, NOV)
    assert refused.value.code == "month.changed"
    with pytest.raises(Conflict) as refused, owing.month.tx("qian") as tx:
        tx.run("UPDATE fund.sheet SET state = 'approved', approved_by = 'qian', approved_on = '2026-11-25'")
    assert refused.value.code == "month.changed"
    assert kinds(owing.settle(202610, NOV)) == {"other": (0, 500_700, 9_500, 491_200)}


SHEET = """INSERT INTO fund.sheet (region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on, records,
    records_digest, result_fen, prepared_by, prepared_on, state) VALUES (420100, 310, 'YJ-RAW-00001', 'H42010000001', 202610, 9,
    9500, '2026-11-10', '2026-12-08', 1, sha256(''), {result}, 'zhao', '2026-11-25', 'draft')"""
LINE = """INSERT INTO fund.sheet_line VALUES (420100, 310, 'YJ-RAW-00001', 1, 'pool', 2026, 202610, 'outpatient', '11', 1, 10000,
    9500, 9500, 500, 0, {taken}, 0, 0, 10000, 0, 0, {result})"""
TAKING = "INSERT INTO fund.sheet_taking VALUES (420100, 310, 'YJ-RAW-00001', 'other', 'KK-1', 1, {taken})"
DUE = "INSERT INTO fund.sheet_due VALUES (420100, 310, 'YJ-RAW-00001', 1, 'other', 'KK-1', {brought}, {due}, 0, {taken}, {left})"


@pytest.mark.parametrize(
    ("taken", "due", "said", "brought", "wanted"),
    [
        (9_500, 500_000, 9_500, False, ""),
        (0, 0, 0, False, "month.deductions"),  # left out in silence, as the shown fault
        (0, 500_000, 0, False, "month.deductions"),  # named, but the money would be paid
        (4_000, 500_000, 4_000, False, "month.deductions"),  # not as far as it goes
        (9_500, 500_000, 9_000, False, "month.deductions"),  # says another figure than its lines bear
        (9_500, 400_000, 9_500, False, "month.deductions"),  # less than was decided
        (9_500, 500_000, 9_500, True, "month.deductions"),  # never stood on a sheet before
    ],
)
def test_raw_sql_makes_no_sheet_that_leaves_a_deduction_out(
    owing: Story, taken: int, due: int, said: int, brought: bool, wanted: str
) -> None:
    owing.declare(202610, date(2026, 11, 9), "11")

    def write() -> None:
        with owing.month.tx() as tx:
            tx.connection.execute(LINE.format(taken=taken, result=9_500 - taken))
            if taken:
                tx.connection.execute(TAKING.format(taken=taken))
            if due:
                tx.connection.execute(DUE.format(brought=brought, due=due, taken=said, left=due - said))
            tx.connection.execute(SHEET.format(result=9_500 - taken))

    if not wanted:
        write()
        return
    with pytest.raises(Conflict) as refused:
        write()
    assert refused.value.code == wanted


def test_the_table_itself_wants_taken_and_left_to_be_what_was_decided(owing: Story) -> None:
    for bad in (
        DUE.format(brought=False, due=500_000, taken=9_500, left=0),
        DUE.format(brought=False, due=500_000, taken=500_001, left=-1),
    ):
        with pytest.raises(LedgerError) as refused, owing.month.tx() as tx:
            tx.run(bad)
        assert refused.value.code == "db.constraint"


def test_raw_sql_takes_no_other_amount_than_the_sheet_lists(owing: Story) -> None:
    owing.declare(202610, date(2026, 11, 9), "11")
    sheet = owing.settle(202610, NOV)
    for fen in (1, 9_500, 490_500, -1):
        with pytest.raises(Conflict) as refused, owing.month.tx("qian") as tx:
            take_deductions(tx, sheet.sheet_id, {"KK-1": fen})
        assert refused.value.code == "deduction.taken"
    for forbidden in (
        "UPDATE fund.other_deduction SET taken_fen = amount_fen",
        f"INSERT INTO fund.deduction_taken VALUES (420100, 310, 'KK-1', '{sheet.sheet_id}X', 5, 'qian')",
        "DELETE FROM fund.sheet_due",
        "UPDATE fund.sheet_due SET left_fen = 0",
    ):
        with pytest.raises(LedgerError), owing.month.tx("qian") as tx:
            tx.run(forbidden)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE fund.deduction_taken SET amount_fen = 9000", "各单据已扣9000分"),
        ("UPDATE fund.other_deduction SET taken_fen = 500000", "所记已扣500000分"),
        ("DELETE FROM fund.deduction_taken", "所记为0分"),
        ("UPDATE fund.sheet_taking SET amount_fen = 9400", "所列本期扣不等于各行所扣"),
        (
            "UPDATE fund.sheet_line SET other_fen = 9400, result_fen = result_fen + 100",
            "本期尚有余额而未扣足",
        ),
        ("DELETE FROM fund.sheet_due", "与其摘要不符"),
    ],
)
def test_verify_finds_a_deduction_that_was_changed(owing: Story, damage: str, words: str) -> None:
    from ledger.control.verify import verify

    owing.declare(202610, date(2026, 11, 9), "11")
    owing.settle(202610, NOV)
    owing.verified()
    owing.month.pretend(damage)
    found = "\n".join(map(str, verify(owing.month.database.auditor_engine, owing.home)))
    assert words in found


def test_every_kind_stands_in_its_order() -> None:
    from ledger.fund.month.sheet import SheetFigures

    empty = SheetFigures(9_500, NOV, NOV, 0, b"", (), ())
    assert empty.by_kind() == [
        KindDue(kind, 0, 0, 0, 0)
        for kind in ("finding", "other", "daily", "preallocation", "supplier", "prepayment")
    ]
