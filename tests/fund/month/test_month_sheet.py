"""The month's arithmetic on values: rounding, deductions, offsets, carry, the advance that becomes expense; due dates."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.dates import Calendar
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import RATIO_ONE, share
from ledger.fund.month.due import cutoff_of, due_on, term_days
from ledger.fund.month.sheet import (
    AmountDue,
    Declared,
    FindingDue,
    Key,
    SheetLine,
    compute,
    expensed,
    lines_of,
)

INPATIENT = Key("pool", 2026, 202610, "inpatient")
OUTPATIENT = Key("pool", 2026, 202610, "outpatient")
EARLIER = Key("pool", 2026, 202609, "inpatient")
ACCOUNT = Key("acct", 2026, 202610, "outpatient")

KEYS = st.sampled_from([INPATIENT, OUTPATIENT, ACCOUNT, Key("pool", 2025, 202610, "inpatient")])
FEN = st.integers(-(10**9), 10**9)


@st.composite
def declared_rows(draw: st.DrawFn) -> list[Declared]:
    rows = []
    chosen = draw(
        st.lists(st.tuples(KEYS, st.sampled_from(["11", "21"])), unique=True, min_size=1, max_size=6)
    )
    for key, clr_type in chosen:
        pooled = key.subfund == "pool"
        opened, paid = (draw(FEN), draw(FEN)) if pooled else (0, 0)
        rows.append(Declared(key, clr_type, draw(st.integers(1, 9)), draw(FEN), opened, paid))
    return rows


@given(
    declared_rows(),
    st.integers(0, RATIO_ONE),
    st.dictionaries(KEYS, FEN),
    st.lists(st.integers(1, 10**9), max_size=4),
)
def test_the_formula_is_the_balancing_figure_and_nothing_is_taken_twice(
    rows: list[Declared], ratio: int, opening: dict[Key, int], wanted: list[int]
) -> None:
    findings = [FindingDue(f"F{n}", INPATIENT, fen) for n, fen in enumerate(wanted[:2])]
    amounts = (
        [AmountDue("other", "K1", wanted[0]), AmountDue("prepayment", "A1", wanted[-1])] if wanted else []
    )
    lines, takings = compute(rows, ratio, opening, findings, amounts, exact=False)
    for line in lines:
        assert line.posted_fen == line.result_fen - line.month_open_fen
        assert line.retained_fen + line.rounded_fen == line.fund_fen
    assert sum(line.month_open_fen for line in lines) == sum(opening.values())
    pooled = [line for line in lines if line.key.subfund == "pool"]
    taken = sum(t.amount_fen for t in takings)
    assert taken <= max(0, sum(line.rounded_fen for line in pooled))
    assert taken == sum(line.audit_fen + line.other_fen + line.offset_fen for line in lines)
    for reference in ("F0", "F1", "K1", "A1"):
        most = sum(f.amount_fen for f in [*findings] if f.finding_id == reference)
        most += sum(a.amount_fen for a in amounts if a.reference == reference)
        assert sum(t.amount_fen for t in takings if t.reference == reference) <= most
    groups = {(row.key.subfund, row.clr_type) for row in rows}
    for subfund, clr_type in groups:
        of_group = [line for line in lines if (line.key.subfund, line.clr_type) == (subfund, clr_type)]
        total = sum(line.fund_fen for line in of_group)
        assert sum(line.rounded_fen for line in of_group) == share(
            total, ratio if subfund == "pool" else RATIO_ONE
        )


@given(
    declared_rows(),
    st.integers(0, RATIO_ONE),
    st.dictionaries(KEYS.filter(lambda k: k.subfund == "pool"), FEN),
)
def test_what_becomes_expense_is_the_lesser_of_advance_and_share(
    rows: list[Declared], ratio: int, advance: dict[Key, int]
) -> None:
    lines = lines_of(rows, ratio)
    room = sum(line.room_fen for line in lines if line.key.subfund == "pool")
    assert sum(expensed(lines, advance).values()) == min(sum(advance.values()), room)


@pytest.mark.fault(55)
def test_a_sheet_is_rounded_per_clearing_kind_and_the_biggest_line_bears_the_difference() -> None:
    rows = [
        Declared(INPATIENT, "21", 1, 1_001, 0, 0),
        Declared(INPATIENT._replace(category="maternity"), "21", 1, 1_005, 0, 0),
    ]
    # Alone: 950.95 → 951 and 954.75 → 955, together 1,905.70 → 1,906.
    assert [line.rounded_fen for line in lines_of(rows, 9_500)] == [951, 955]
    rows[0] = rows[0]._replace(fund_fen=1_002)  # 951.9 → 952; together 1,906.65 → 1,907
    assert [line.rounded_fen for line in lines_of(rows, 9_500)] == [952, 955]
    rows[1] = rows[1]._replace(fund_fen=1_008)  # 957.6 → 958; together 1,909.5 → 1,910
    assert [line.rounded_fen for line in lines_of(rows, 9_500)] == [952, 958]
    rows = [
        Declared(Key("pool", 2026, 202610, c), "21", 1, 10, 0, 0) for c in "abc"
    ]  # 9.5 → 10 each, 28.5 → 29
    assert [line.rounded_fen for line in lines_of(rows, 9_500)] == [9, 10, 10]


def test_offsets_leave_what_was_paid_and_the_carried_debt() -> None:
    rows = [Declared(INPATIENT, "21", 1, 100_000, 0, 60_000)]
    lines, takings = compute(
        rows, 9_500, {EARLIER: -5_000}, [], [AmountDue("supplier", "A1", 99_999)], exact=False
    )
    assert [(t.kind, t.amount_fen) for t in takings] == [("supplier", 30_000)]
    assert sum(line.result_fen for line in lines) == 0
    with pytest.raises(Conflict) as refused:
        compute(rows, 9_500, {EARLIER: -5_000}, [], [AmountDue("supplier", "A1", 30_001)], exact=True)
    assert refused.value.code == "deduction.above_left"


def test_an_offset_never_draws_on_personal_accounts() -> None:
    rows = [Declared(ACCOUNT, "11", 1, 50_000, 0, 0), Declared(OUTPATIENT, "11", 1, 1_000, 0, 0)]
    lines, takings = compute(rows, 9_500, {}, [], [AmountDue("prepayment", "A1", 9_000)], exact=False)
    assert [t.amount_fen for t in takings] == [950]
    assert {line.key.subfund: line.offset_fen for line in lines} == {"pool": 950, "acct": 0}


def test_what_stays_an_advance_stays_where_too_much_was_paid() -> None:
    lines = [
        SheetLine(INPATIENT, "21", 9_500, 1, 100, 95, audit_fen=50, paid_daily_fen=60),
        SheetLine(OUTPATIENT, "11", 9_500, 1, 21, 20),
    ]
    # 60 advanced, 45 + 20 to be had: all of it is expense, and the payment nets −15 with +20.
    assert expensed(lines, {INPATIENT: 60}) == {INPATIENT: 60}
    assert expensed(lines[:1], {INPATIENT: 60}) == {INPATIENT: 45}
    assert expensed(lines[:1], {INPATIENT: 60, EARLIER: 15}) == {INPATIENT: 45}
    assert expensed(lines[1:], {EARLIER: 15}) == {EARLIER: 15}


def shipped() -> Calendar:
    rows = [
        line.split(",")
        for line in (files("ledger.fund") / "data" / "calendar.csv").read_text("utf-8").splitlines()[1:]
    ]
    return Calendar(
        frozenset(int(row[0]) for row in rows), {date.fromisoformat(row[1]): row[2] == "Y" for row in rows}
    )


@pytest.mark.parametrize(
    ("cutoff", "due"),
    [
        (date(2026, 9, 10), date(2026, 10, 8)),  # 20 working days: 14 Oct
        (date(2026, 4, 10), date(2026, 5, 8)),
        (date(2026, 1, 10), date(2026, 2, 6)),  # Sunday the 8th; 20 working days come first
        (date(2026, 10, 10), date(2026, 11, 6)),  # the 8th is a Sunday; 20 working days after the 10th
    ],
)
def test_due_dates(cutoff: date, due: date) -> None:
    assert due_on(shipped(), cutoff) == due


def test_twenty_working_days_after_the_tenth_of_september_are_the_fourteenth_of_october() -> None:
    """20 Sep and 10 Oct 2026 are worked to make up for the holidays; 25 Sep and 1 to 7 Oct are off."""
    assert shipped().after_working_days(date(2026, 9, 10), 20) == date(2026, 10, 14)
    assert shipped().after_working_days(date(2026, 9, 19), 1) == date(2026, 9, 20)
    assert shipped().after_working_days(date(2026, 9, 30), 3) == date(2026, 10, 10)


@pytest.mark.fault(26)
def test_a_due_date_in_a_year_without_a_holiday_table_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        due_on(shipped(), date(2026, 12, 10))
    assert refused.value.code == "calendar.unknown_year"


@pytest.mark.parametrize(
    ("term", "declared", "cutoff"),
    [
        (202608, date(2026, 9, 3), date(2026, 9, 10)),
        (202608, date(2026, 9, 10), date(2026, 9, 10)),
        (202608, date(2026, 9, 11), date(2026, 10, 10)),
        (202612, date(2027, 1, 8), date(2027, 1, 10)),
        (202611, date(2026, 12, 11), date(2027, 1, 10)),
    ],
)
def test_the_cut_off_of_a_late_declaration_is_the_next_tenth(term: int, declared: date, cutoff: date) -> None:
    assert cutoff_of(term, declared) == cutoff


@pytest.mark.parametrize("term", [202613, 202600, 0, 99999912, -1])
def test_a_term_is_a_month(term: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        term_days(term)
    assert refused.value.code == "month.term"
