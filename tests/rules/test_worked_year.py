"""The worked year of the memorandum chart, posted event by event on a real database under both policies."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.core.entries import Dimensions
from ledger.rules import Item, Sheet
from ledger.rules.worked_year import worked_year

H = "H42010000001"
OCT = Dimensions(H, "pool", 2026, 202610, "inpatient")
DEC = Dimensions(H, "pool", 2026, 202612, "inpatient")
INPATIENT = 50010101
RECOVERED = 45010101
NOV = Dimensions(H, "pool", 2026, 202611, "inpatient")
OCTOBER_SHEET = Sheet(
    OCT, waiting_fen=413_332, retained_fen=1_033_332 - 981_665, audit_fen=30_000, advance_fen=620_000
)

YEAR = {event.seq: event for event in worked_year()}
YEAR_END = {9102: 26_667, 9105: 51_667, 9201: 660_000, 9202: 331_665, 9301: 30_000}
"""Balances on 31 December 2026 that both policies share, on their normal sides."""
END = {
    1003: -2_000_000,
    1004: 941_501,
    INPATIENT: 1_058_499,
    9001: 1_099_999,
    9201: 660_000,
    9202: 354_999,
    9203: 43_500,
    9301: 35_000,
    9302: 5_500,
    9303: 1_000,
}
"""Balances after the last event under both policies (memorandum.md 3), on their normal sides."""


def day(text: str) -> date:
    return date.fromisoformat(text)


class Story:
    """Posts an event, then compares every balance of the book with the running expectation and checks the ties."""

    def __init__(self, world):
        self.world = world
        self.expected: dict[int, int] = {}

    def step(self, when, event, items, series, changed, *, p1=None, p2=None):
        answer = self.world.event(day(when), event, items)
        self.expected |= changed | ((p1 if self.world.policy == "P1" else p2) or {})
        assert answer.series == series
        assert self.world.balances() == {code: fen for code, fen in self.expected.items() if fen}
        self.world.check_ties()

    def told(self, seq, series, changed, *, p1=None, p2=None):
        """The same with the event as the worked year's own file tells it."""
        event = YEAR[seq]
        self.step(event.day.isoformat(), event.event, event.items, series, changed, p1=p1, p2=p2)


def october(story: Story) -> None:
    """Events 0 to 8."""
    told = story.told
    told(0, "记", {1004: 2_000_000, 1003: -2_000_000})
    told(1, "备", {9001: 156_789, 9101: 94_074, 9102: 62_715})
    told(2, "备", {9001: 1_033_332, 9101: 620_000, 9102: 413_332})
    told(3, "备", {9101: 525_926, 9104: 94_074})
    told(4, "记", {9104: 0, 9201: 94_074, 1004: 1_905_926}, p1={110105: 94_074}, p2={INPATIENT: 94_074})
    told(5, "备", {9101: 0, 9104: 525_926})
    told(6, "备", {9101: 525_926, 9104: 0})
    told(7, "备", {9101: 0, 9104: 525_926})
    told(8, "记", {9104: 0, 9201: 620_000, 1004: 1_380_000}, p1={110105: 620_000}, p2={INPATIENT: 620_000})


def november(story: Story) -> None:
    """Events 9 to 11: the month of October settled, ordered and paid."""
    told = story.told
    told(
        9,
        "记" if story.world.policy == "P1" else "备",
        {9102: 0, 9105: 51_667, 9301: 30_000, 9103: 331_665},
        p1={110105: 0, INPATIENT: 620_000},
    )
    told(10, "备", {9103: 0, 9104: 331_665})
    told(11, "记", {9104: 0, 9202: 331_665, 1004: 1_048_335, INPATIENT: 951_665})


def december(story: Story) -> None:
    """Events 12 to 15: a reversal after the month, netted in a payout of the same year."""
    told = story.told
    told(12, "备", {9001: 999_999, 9101: -20_000, 9102: -13_333})
    told(13, "备", {9001: 1_099_999, 9101: 40_000, 9102: 26_667})
    told(14, "备", {9101: 0, 9104: 40_000})
    told(
        15,
        "记",
        {9104: 0, 9201: 660_000, 1004: 1_008_335},
        p1={110105: 40_000},
        p2={INPATIENT: 991_665},
    )


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_worked_year_to_31_december_and_the_last_month(book_world, policy):
    world = book_world(policy)
    story = Story(world)
    october(story)
    november(story)
    december(story)
    found = world.balances()
    assert found[9001] == 1_099_999 == 26_667 + 51_667 + 660_000 + 331_665 + 30_000
    assert {code: found.get(code, 0) for code in YEAR_END} == YEAR_END
    assert (found[INPATIENT], found.get(110105, 0)) == ((951_665, 40_000) if policy == "P1" else (991_665, 0))

    told = story.told
    told(
        16,
        "记" if policy == "P1" else "备",
        {9102: 0, 9105: 55_000, 9103: 23_334},
        p1={110105: 0, INPATIENT: 991_665},
    )
    told(17, "备", {9103: 0, 9104: 23_334})
    told(18, "记", {9104: 0, 9202: 354_999, 1004: 985_001, INPATIENT: 1_014_999})
    told(19, "备", {9105: 0, 9301: 35_000, 9302: 5_500, 9303: 1_000, 9106: 43_500})
    told(20, "备", {9106: 0, 9104: 43_500})
    told(21, "记", {9104: 0, 9203: 43_500, 1004: 941_501, INPATIENT: 1_058_499})
    assert 1_099_999 == 660_000 + 354_999 + 43_500 + 35_000 + 5_500 + 1_000
    assert not [code for code in world.balances() if 9101 <= code <= 9106]
    assert world.balances() == END, "what `rules worked-year` prints is what the book holds"


@pytest.mark.parametrize("policy", ["P1", "P2"])
@pytest.mark.parametrize("again", ["2026-12-14", "2027-01-08"])
def test_v3_month_payment_returned_and_paid_again_leaves_the_expense_alone(book_world, policy, again):
    story = Story(book_world(policy))
    october(story)
    november(story)
    step = story.step
    returned = [Item(OCT, 331_665, source=9103)]
    step(
        "2026-12-11",
        "RTN.settled",
        returned,
        "记",
        {9202: 0, 9103: 331_665, 1004: 1_380_000, 200104: 331_665},
    )
    step(again, "ORD", returned, "备", {9103: 0, 9104: 331_665})
    step(again, "RCV.reissue", returned, "记", {9104: 0, 9202: 331_665, 1004: 1_048_335, 200104: 0})


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_daily_payment_returned_before_its_month_is_settled(book_world, policy):
    story = Story(book_world(policy))
    october(story)
    item = [Item(OCT, 525_926, source=9101)]
    story.step(
        "2026-10-19",
        "RTN.open",
        item,
        "记",
        {9201: 94_074, 9101: 525_926, 1004: 1_905_926},
        p1={110105: 94_074},
        p2={200104: 525_926},
    )
    story.step("2026-10-20", "ORD", item, "备", {9101: 0, 9104: 525_926})
    story.step(
        "2026-10-20",
        "RCV.reissue",
        item,
        "记",
        {9104: 0, 9201: 620_000, 1004: 1_380_000},
        p1={110105: 620_000},
        p2={200104: 0},
    )


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_daily_payment_returned_after_its_month_was_settled_is_month_money(book_world, policy):
    story = Story(book_world(policy))
    october(story)
    november(story)
    story.step(
        "2026-12-09",
        "RTN.settled",
        [Item(OCT, 525_926, source=9101)],
        "记",
        {9201: 94_074, 9103: 525_926, 1004: 1_574_261, 200104: 525_926},
    )
    again = [Item(OCT, 525_926, source=9103)]
    story.step("2026-12-10", "ORD", again, "备", {9103: 0, 9104: 525_926})
    story.step("2026-12-10", "CAN", again, "备", {9103: 525_926, 9104: 0})
    story.step("2026-12-10", "ORD", again, "备", {9103: 0, 9104: 525_926})
    story.step(
        "2026-12-11",
        "RCV.reissue",
        again,
        "记",
        {9104: 0, 9202: 857_591, 1004: 1_048_335, 200104: 0},
    )


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_v4_reversal_of_last_year_netted_in_a_payout_of_this_year(book_world, policy):
    story = Story(book_world(policy))
    october(story)
    november(story)
    december(story)
    jan = Dimensions(H, "pool", 2027, 202701, "inpatient")
    back = Dimensions(H, "pool", 2026, 202701, "inpatient")
    step = story.step
    step(
        "2027-01-05",
        "REV",
        [Item(back, -100_000, -60_000)],
        "备",
        {9001: 999_999, 9101: -60_000, 9102: -13_333},
    )
    step(
        "2027-01-06",
        "REC",
        [Item(jan, 200_000, 120_000)],
        "备",
        {9001: 1_199_999, 9101: 60_000, 9102: 66_667},
    )
    netted = [Item(jan, 120_000, source=9101), Item(back, -60_000, source=9101)]
    step("2027-01-07", "ORD", netted, "备", {9101: 0, 9104: 60_000})
    step(
        "2027-01-07",
        "RCV.daily",
        netted,
        "记",
        {9104: 0, 9201: 720_000, 1004: 948_335},
        p1={110105: 100_000},
        p2={INPATIENT: 991_665 + 120_000, RECOVERED: 60_000},
    )
    paid = {dims: fen for code, dims, fen in story.world.lines() if code == 9001}
    assert paid[back] == -100_000
    assert (paid[jan], paid[DEC]) == (200_000, 66_667)


def test_v1_failed_order_swept_into_the_month_leaves_nothing_to_order_again(book_world):
    story = Story(book_world("P1"))
    step = story.step
    step("2026-10-12", "ALLOT", [Item(OCT, 2_000_000)], "记", {1004: 2_000_000, 1003: -2_000_000})
    step(
        "2026-10-13",
        "REC",
        [Item(OCT, 1_033_332, 620_000)],
        "备",
        {9001: 1_033_332, 9101: 620_000, 9102: 413_332},
    )
    step("2026-10-13", "ORD", [Item(OCT, 94_074, source=9101)], "备", {9101: 525_926, 9104: 94_074})
    step(
        "2026-10-13",
        "RCV.daily",
        [Item(OCT, 94_074)],
        "记",
        {9104: 0, 9201: 94_074, 1004: 1_905_926, 110105: 94_074},
    )
    step("2026-10-14", "ORD", [Item(OCT, 525_926, source=9101)], "备", {9101: 0, 9104: 525_926})
    step("2026-10-15", "REJ", [Item(OCT, 525_926, source=9101)], "备", {9101: 525_926, 9104: 0})
    step(
        "2026-11-25",
        "SET",
        [OCTOBER_SHEET._replace(open_daily_fen=525_926, advance_fen=94_074)],
        "记",
        {9101: 0, 9102: 0, 9105: 51_667, 9301: 30_000, 9103: 857_591, 110105: 0, INPATIENT: 94_074},
    )
    step("2026-12-07", "ORD", [Item(OCT, 857_591, source=9103)], "备", {9103: 0, 9104: 857_591})
    step(
        "2026-12-08",
        "RCV.month",
        [Item(OCT, 857_591)],
        "记",
        {9104: 0, 9202: 857_591, 1004: 1_048_335, INPATIENT: 951_665},
    )
    assert sum(story.world.moved) == 951_665


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_v2_negative_month_waits_for_no_receipt_and_is_netted_in_the_next(book_world, policy):
    story = Story(book_world(policy))
    step, p1 = story.step, policy == "P1"
    step("2026-10-12", "ALLOT", [Item(OCT, 20_000_000)], "记", {1004: 20_000_000, 1003: -20_000_000})
    for when, dims, fund, daily in (
        ("2026-10-20", OCT, 10_000_000, 6_000_000),
        ("2026-11-20", NOV, 8_000_000, 4_800_000),
    ):
        story.world.event(day(when), "REC", [Item(dims, fund, daily)])
        story.world.event(day(when), "ORD", [Item(dims, daily, source=9101)])
        story.world.event(day(when), "RCV.daily", [Item(dims, daily)])
    story.expected = {
        1004: 9_200_000,
        1003: -20_000_000,
        9001: 18_000_000,
        9102: 7_200_000,
        9201: 10_800_000,
        110105 if p1 else INPATIENT: 10_800_000,
    }
    month = Sheet(
        OCT, waiting_fen=4_000_000, retained_fen=500_000, audit_fen=5_000_000, advance_fen=4_500_000
    )
    step(
        "2026-11-25",
        "SET",
        [month],
        "记" if p1 else "备",
        {9102: 3_200_000, 9105: 500_000, 9301: 5_000_000, 9103: -1_500_000},
        p1={110105: 6_300_000, INPATIENT: 4_500_000},
    )
    step(
        "2026-12-25",
        "SET",
        [
            Sheet(NOV, waiting_fen=3_200_000, retained_fen=400_000, advance_fen=4_800_000),
            Sheet(OCT, advance_fen=1_500_000),
        ],
        "记" if p1 else "备",
        {9102: 0, 9105: 900_000, 9103: 1_300_000},
        p1={110105: 0, INPATIENT: 10_800_000},
    )
    both = [Item(NOV, 2_800_000, source=9103), Item(OCT, -1_500_000, source=9103)]
    step("2026-12-28", "ORD", both, "备", {9103: 0, 9104: 1_300_000})
    step(
        "2026-12-28",
        "RCV.month",
        both,
        "记",
        {9104: 0, 9202: 1_300_000, 1004: 7_900_000, INPATIENT: 12_100_000},
    )


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_v6_month_offset_against_an_advance(book_world, policy):
    story = Story(book_world(policy))
    step, p1 = story.step, policy == "P1"
    story.world.event(day("2026-10-12"), "ALLOT", [Item(OCT, 200_000_000)])
    step(
        "2026-10-12",
        "PAY-ADV",
        [Item(OCT, 10_000_000, source=110102)],
        "记",
        {1004: 190_000_000, 1003: -200_000_000, 110102: 10_000_000},
    )
    story.world.event(day("2026-10-20"), "REC", [Item(OCT, 100_000_000, 60_000_000)])
    story.world.event(day("2026-10-20"), "ORD", [Item(OCT, 60_000_000, source=9101)])
    story.world.event(day("2026-10-20"), "RCV.daily", [Item(OCT, 60_000_000)])
    month = Sheet(
        OCT, waiting_fen=40_000_000, retained_fen=5_000_000, audit_fen=2_000_000, advance_fen=60_000_000
    )
    story.expected |= {1004: 130_000_000, 9001: 100_000_000, 9201: 60_000_000}
    step(
        "2026-11-25",
        "SET",
        [month],
        "记" if p1 else "备",
        {9105: 5_000_000, 9301: 2_000_000, 9103: 33_000_000, INPATIENT: 60_000_000},
    )
    step(
        "2026-11-26",
        "SET",
        [Sheet(OCT, offset_fen=10_000_000, source=110102)],
        "记",
        {9103: 23_000_000, 920401: 10_000_000, 110102: 0, INPATIENT: 70_000_000},
    )


@pytest.mark.parametrize("policy", ["P1", "P2"])
@pytest.mark.parametrize(
    ("event", "changed"),
    [("REF.same_year", {INPATIENT: 501_665}), ("REF.earlier_year", {RECOVERED: 450_000})],
)
def test_v5_money_the_institution_pays_back_is_owed_to_it_again(book_world, policy, event, changed):
    story = Story(book_world(policy))
    october(story)
    november(story)
    story.step(
        "2026-12-20",
        event,
        [Item(OCT, 450_000, source=9103)],
        "记",
        {9209: 450_000, 9103: 450_000, 1003: -1_550_000} | changed,
    )


def test_advance_paid_back_leaves_the_prepayment_whatever_the_year(book_world):
    story = Story(book_world("P1"))
    october(story)
    november(story)
    december(story)
    story.step(
        "2027-01-04",
        "REF.advance",
        [Item(DEC, 40_000, source=9103)],
        "记",
        {9209: 40_000, 9103: 40_000, 1003: -1_960_000, 110105: 0},
    )
