"""What a record owes: pooled money by the ratio of its own day, a reversal exactly the opposite of its original.

Worked by hand from procedure.md 2.2 and 7A (arts. 3, 9 of the daily-payout measures). Every case once with the records
inside the statement and once through COPY, which are two ways into one table.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.core.money import share
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import FAR_DAY, Institution
from ledger.fund.intake.file import FileResult, load_file
from ledger.fund.record.judge import IntakeRules

NEW = "H42010000003"
PLAIN = Institution(
    NEW, "第3医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
    date(2026, 10, 1), "第3医院", "620000000003", "模拟银行", "102421000009",
)  # fmt: skip
INPATIENT: dict[str, Any] = {"med_type": "21", "clr_type": "21"}
OUTPATIENT: dict[str, Any] = {"med_type": "11", "clr_type": "11"}

pytestmark = pytest.mark.usefixtures("way")


@pytest.fixture(params=["in the statement", "by COPY"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by COPY":
        monkeypatch.setattr("ledger.fund.intake.payables.FEW", 0)


def enrol(month: Any, *institutions: Institution) -> None:
    bring_in_institutions(month.engine, "zhao", "qian", 420100, date(2026, 10, 1), institutions)


def owed(month: Any, *setl_ids: str) -> list[tuple[Any, ...]]:
    """Per record and sub-fund: (setl_id, subfund, fund_fen, daily_fen, ratio)."""
    asked = "', '".join(setl_ids)
    return [
        tuple(row)
        for row in month.asked(
            f"SELECT setl_id, subfund, fund_fen, daily_fen, ratio FROM fund.payable WHERE setl_id IN ('{asked}') ORDER BY 1, 2 DESC"
        )
    ]


def take(month: Any, *bills: dict[str, Any], name: str = "x") -> FileResult:
    """A file of these, whatever becomes of them."""
    path = month.folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in bills), encoding="utf-8")
    return load_file(month.engine, "jieru", path, IntakeRules())


def refusals(month: Any) -> list[tuple[Any, ...]]:
    return [
        tuple(row) for row in month.asked("SELECT line, setl_id, code FROM fund.quarantine ORDER BY line")
    ]


@pytest.mark.fault(55)
def test_the_database_rounds_as_the_ledger_does(month: Any) -> None:
    """Every ratio there is at a few amounts, and amounts up to 10^14 yuan at any ratio; a reversal gives the negative."""
    edges = (
        0, 1, 2, 5, 8, 49, 50, 99, 111, 4_999, 5_000, 5_001, 9_999, 10_000, 33_333, 123_456, 2**31, 2**63 // 10_000,
        9_007_199_254_740_993, 10**15 + 5, 10**16 - 1, 10**16,
    )  # fmt: skip
    pairs = [(fen, ratio) for fen in (1, 8, 123_456, 10**16 - 1) for ratio in range(10_001)]
    pairs += [
        (fen, ratio)
        for fen in edges
        for ratio in (0, 1, 4_999, 5_000, 5_001, 5_500, 6_000, 9_500, 9_999, 10_000)
    ]
    pairs += [
        (n * 7_046_029_254_386_353_087 % 10**16 // 10 ** (n % 16), n * 7_919 % 10_001) for n in range(10_000)
    ]
    pairs += [(-fen, ratio) for fen, ratio in pairs]
    with month.tx() as tx:
        asked = tx.rows(
            """SELECT fund.share(fen, ratio) FROM unnest(%(fens)s::bigint[], %(ratios)s::integer[])
                      WITH ORDINALITY AS p (fen, ratio, n) ORDER BY n""",
            fens=[fen for fen, _ in pairs],
            ratios=[ratio for _, ratio in pairs],
        )
    assert [found for (found,) in asked] == [share(fen, ratio) for fen, ratio in pairs]
    with month.tx() as tx:
        assert tx.row("SELECT fund.share(123456, 6000), fund.share(-1, 6000), fund.share(333, 5000)") == (
            74_074,
            -1,
            167,
        )


def test_worked_numbers_of_7a_are_what_the_payables_say(month: Any, bill: Any) -> None:
    """0.60 of 1,234.56, 0.01, 333.33, 1.11 and of −1,234.56: rounded record by record."""
    bills = [bill(f"S{n}", fund=fen) for n, fen in enumerate((123_456, 1, 33_333, 111))]
    done = take(month, *bills, bill("S5", fund=-123_456, cash=-20_000, init="S0"))
    assert owed(month, "S0", "S1", "S2", "S3", "S5") == [
        ("S0", "pool", 123_456, 74_074, 6_000),
        ("S1", "pool", 1, 1, 6_000),
        ("S2", "pool", 33_333, 20_000, 6_000),
        ("S3", "pool", 111, 67, 6_000),
        ("S5", "pool", -123_456, -74_074, 6_000),
    ]
    assert (done.accepted, done.payable_fen) == (5, 94_142 - 74_074)


def test_only_inpatient_pooled_money_is_owed_daily(month: Any, bill: Any) -> None:
    """Outpatient, chronic and pharmacy care and the personal account wait for the month; 52 生育住院 is inpatient."""
    done = take(
        month,
        bill("A1", fund=100_000, acct=3_000, **INPATIENT),
        bill("A2", fund=100_000, acct=3_000, **OUTPATIENT),
        bill("A3", fund=100_000, med_type="52", clr_type="21"),
        bill("A4", fund=100_000, med_type="14", clr_type="11"),
        bill("A5", fund=0, acct=3_000, **INPATIENT),
        bill("A6", fund=0, acct=0, cash=500, **INPATIENT),
        bill("A7", fund=100_000, insutype="390", **INPATIENT),
    )
    assert owed(month, *(f"A{n}" for n in range(1, 8))) == [
        ("A1", "pool", 100_000, 60_000, 6_000),
        ("A1", "acct", 3_000, 0, 0),
        ("A2", "pool", 100_000, 0, 0),
        ("A2", "acct", 3_000, 0, 0),
        ("A3", "pool", 100_000, 60_000, 6_000),
        ("A4", "pool", 100_000, 0, 0),
        ("A5", "acct", 3_000, 0, 0),
        ("A7", "pool", 100_000, 60_000, 6_000),
    ]
    assert month.asked("SELECT setl_id, fund, category, service_year, term, day, institution FROM fund.payable WHERE daily_fen <> 0 ORDER BY 1") == [
        (name, fund, category, 2026, 202610, date(2026, 10, 12), month.hospital)
        for name, fund, category in (("A1", 310, "inpatient"), ("A3", 310, "maternity"), ("A7", 390, "inpatient"))
    ]  # fmt: skip
    assert (done.accepted, done.payable_fen) == (7, 180_000)


def test_an_institution_paid_by_the_month_is_owed_nothing_daily(month: Any, bill: Any) -> None:
    enrol(month, replace(PLAIN, mode="monthly"))
    done = take(
        month, bill("B1", institution=NEW, **INPATIENT), bill("B2", institution=NEW, **OUTPATIENT), bill("B3")
    )
    assert owed(month, "B1", "B2", "B3") == [
        ("B1", "pool", 100_000, 0, 0),
        ("B2", "pool", 100_000, 0, 0),
        ("B3", "pool", 100_000, 60_000, 6_000),
    ]
    assert done.payable_fen == 60_000


def test_before_the_first_and_after_the_last_day_of_an_enrolment_nothing_is_owed_daily(
    month: Any, bill: Any
) -> None:
    enrol(month, PLAIN)
    month.pretend(f"UPDATE fund.enrolment SET to_day = '2026-10-20' WHERE institution = '{NEW}'")
    days = ("2026-09-30", "2026-10-01", "2026-10-20", "2026-10-21")
    done = take(month, *(bill(f"C{n}", institution=NEW, day=day) for n, day in enumerate(days)))
    assert owed(month, "C0", "C1", "C2", "C3") == [
        ("C0", "pool", 100_000, 0, 0),
        ("C1", "pool", 100_000, 60_000, 6_000),
        ("C2", "pool", 100_000, 60_000, 6_000),
        ("C3", "pool", 100_000, 0, 0),
    ]
    assert done.payable_fen == 120_000


def test_an_institution_never_enrolled_is_known_and_owed_nothing_daily(month: Any, bill: Any) -> None:
    enrol(month, PLAIN)
    month.pretend(f"DELETE FROM fund.enrolment WHERE institution = '{NEW}'")
    done = take(month, bill("D1", institution=NEW), bill("D2", institution="H42010000009"))
    assert owed(month, "D1") == [("D1", "pool", 100_000, 0, 0)]
    assert (done.accepted, done.quarantined, done.payable_fen) == (1, 1, 0)
    assert refusals(month) == [(2, "D2", "institution.unknown")]


def test_of_several_enrolments_the_newest_that_covers_the_day_decides(month: Any, bill: Any) -> None:
    """0.60 from 1 October, 0.55 from the 10th (which ends the first), and one that covers the 12th to 14th only."""
    enrol(month, PLAIN)
    enrol(month, replace(PLAIN, enrolled_from=date(2026, 10, 10), ratio=5_500))
    month.pretend(
        f"""INSERT INTO fund.enrolment VALUES (420100, '{NEW}', '2026-10-12', '2026-10-12', 'daily', 'daily', 4500, 9500, 8),
                (420100, '{NEW}', '2026-10-13', '2026-10-14', 'monthly', 'daily', 9000, 9500, 9)"""
    )
    days = range(8, 16)
    take(month, *(bill(f"E{day:02d}", institution=NEW, day=f"2026-10-{day:02d}") for day in days))
    found = {
        setl_id: (daily, ratio) for setl_id, _, _, daily, ratio in owed(month, *(f"E{d:02d}" for d in days))
    }
    assert found == {
        "E08": (60_000, 6_000),
        "E09": (60_000, 6_000),
        "E10": (55_000, 5_500),
        "E11": (55_000, 5_500),
        "E12": (45_000, 4_500),
        "E13": (0, 0),
        "E14": (0, 0),
        "E15": (55_000, 5_500),
    }
    assert month.asked(f"SELECT max(to_day) FROM fund.enrolment WHERE institution = '{NEW}'") == [(FAR_DAY,)]


@pytest.mark.parametrize("since", ["other ratio", "by the month", "not enrolled"])
def test_a_reversal_owes_the_opposite_of_what_its_original_did_whatever_holds_now(
    month: Any, bill: Any, since: str
) -> None:
    """Of 2026 and reversed in 2027: the original's service year, kind of care, money and ratio; its own 期号 and day."""
    enrol(month, PLAIN)
    original = {"fund": 33_333, "acct": 777, "institution": NEW, "med_type": "52", "clr_type": "21"}
    month.take(bill("F1", day="2026-12-31", **original))
    new = {
        "other ratio": "ratio = 5000",
        "by the month": "mode = 'monthly'",
        "not enrolled": "to_day = '2026-12-31'",
    }
    month.pretend(f"UPDATE fund.enrolment SET {new[since]} WHERE institution = '{NEW}'")
    back = {**original, "fund": -33_333, "acct": -777, "cash": -20_000}
    done = take(month, bill("F2", day="2027-01-05", init="F1", **back))
    assert (done.accepted, done.payable_fen) == (1, -20_000)
    columns = "subfund, fund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio"
    assert month.asked(f"SELECT {columns} FROM fund.payable WHERE setl_id = 'F2' ORDER BY subfund DESC") == [
        ("pool", 310, NEW, 2026, 202701, "maternity", date(2027, 1, 5), -33_333, -20_000, 6_000),
        ("acct", 310, NEW, 2026, 202701, "maternity", date(2027, 1, 5), -777, 0, 0),
    ]
    # And an original of that day is owed by what holds now.
    take(month, bill("F3", day="2027-01-05", **original), name="after")
    assert owed(month, "F3")[0][3:] == {"other ratio": (16_667, 5_000)}.get(since, (0, 0))


@pytest.mark.fault(72)
@pytest.mark.parametrize("first", ["original", "reversal"])
def test_a_reversal_may_come_in_one_file_with_its_original(month: Any, bill: Any, first: str) -> None:
    pair = [bill("G1", fund=111), bill("G2", fund=-111, cash=-20_000, init="G1", day="2026-10-13")]
    lines = pair if first == "original" else pair[::-1]
    done = take(month, bill("G0"), *lines)
    assert (done.accepted, done.quarantined, done.payable_fen) == (3, 0, 60_000)
    assert owed(month, "G1", "G2") == [("G1", "pool", 111, 67, 6_000), ("G2", "pool", -111, -67, 6_000)]
    # The same lines in another file: nothing new, nothing owed again.
    again = take(month, bill("G9"), *lines, name="again")
    assert (again.accepted, again.duplicate, again.payable_fen) == (1, 2, 60_000)
    assert owed(month, "G1", "G2") == [("G1", "pool", 111, 67, 6_000), ("G2", "pool", -111, -67, 6_000)]


@pytest.mark.fault(72)
def test_settled_reversed_and_settled_again_on_one_day(month: Any, bill: Any) -> None:
    pair = [bill("G1", fund=111), bill("G2", fund=-111, cash=-20_000, init="G1")]
    done = take(month, *pair, bill("G3", fund=111))
    assert (done.accepted, done.quarantined, done.payable_fen) == (3, 0, 67)
    assert owed(month, "G1", "G2", "G3") == [
        ("G1", "pool", 111, 67, 6_000),
        ("G2", "pool", -111, -67, 6_000),
        ("G3", "pool", 111, 67, 6_000),
    ]


def test_a_reversal_that_does_not_fit_its_original_is_refused_with_the_reason(month: Any, bill: Any) -> None:
    month.take(bill("K1"), bill("K2"), bill("K3"))
    back = {"fund": -100_000, "cash": -20_000}
    done = take(
        month,
        bill("R1", init="K9", **back),
        bill("R2", init="K1", fund=-99_999, cash=-20_000),
        bill("R3", init="K1", institution=month.other_hospital, **back),
        bill("R4", init="K1", insutype="390", **back),
        bill("R5", init="K2", **back),
        bill("R6", init="K2", **back),
        bill("R7", init="R5", **back),
        bill("R8", init="K3", institution="H42010000009", **back),
    )
    assert refusals(month) == [
        (1, "R1", "reversal.unknown_original"),
        (2, "R2", "reversal.amount"),
        (3, "R3", "reversal.other_party"),
        (4, "R4", "reversal.other_party"),
        (6, "R6", "reversal.already"),
        (7, "R7", "reversal.unknown_original"),
        (8, "R8", "institution.unknown"),
    ]
    assert (done.accepted, done.quarantined, done.payable_fen) == (1, 7, -60_000)
    later = take(month, bill("R9", init="R5", **back), name="later")
    assert (later.accepted, later.quarantined) == (0, 1)
    assert ("R9", "reversal.of_reversal") in [row[1:] for row in refusals(month)]


def test_of_two_lines_with_one_id_the_first_is_stored_and_the_other_is_told_apart(
    month: Any, bill: Any
) -> None:
    """In one chunk as in two: the same content is a duplicate, another is refused; its money is counted once."""
    done = take(month, bill("L1"), bill("L1"), bill("L1", fund=50_000), bill("L0"))
    assert (done.accepted, done.duplicate, done.quarantined) == (2, 1, 1)
    assert (done.accepted_fen, done.payable_fen) == (240_000, 120_000)
    assert refusals(month) == [(3, "L1", "record.other_content")]
    assert month.asked("SELECT setl_id, line FROM fund.record ORDER BY 1") == [("L0", 4), ("L1", 1)]


def test_a_reversal_with_the_money_of_its_original_in_other_sub_funds_is_refused(
    month: Any, bill: Any
) -> None:
    """The sum alone would fit; pooled and personal-account money are counted apart."""
    month.take(bill("K1", fund=100_000, acct=5_000))
    done = take(month, bill("R1", init="K1", fund=-95_000, acct=-10_000, cash=-20_000))
    assert (done.accepted, refusals(month)) == (0, [(1, "R1", "reversal.amount")])
    again = take(month, bill("R2", init="K1", fund=-100_000, acct=-5_000, cash=-20_000), name="again")
    assert (again.accepted, owed(month, "R2")) == (
        1,
        [("R2", "pool", -100_000, -60_000, 6_000), ("R2", "acct", -5_000, 0, 0)],
    )


@pytest.fixture
def cut_off(month: Any, bill: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A load of these lines and one of another region, cut off after the records of our own region were stored."""

    def made(*bills: Any) -> Any:
        elsewhere = bill("X1")
        elsewhere["setlinfo"] |= {"poolarea_no": "429900", "insu_admdvs": "429901"}
        path = month.folder / "cut.jsonl"
        path.write_text("\n".join(map(json.dumps, (*bills, elsewhere))), encoding="utf-8")

        def lost(*_: object) -> None:
            raise ConnectionError("the machine is gone")

        with monkeypatch.context() as cut:
            cut.setattr("ledger.fund.intake.file._advance", lost)
            with pytest.raises(ConnectionError):
                load_file(month.engine, "jieru", path, IntakeRules())
        return path

    return made


def test_what_a_load_stored_before_its_month_was_settled_stays_taken(
    month: Any, bill: Any, cut_off: Any
) -> None:
    """Cut off between the records of a chunk's regions; the month is approved before the load goes on."""
    path = cut_off(bill("K1"))
    month.pretend(
        "INSERT INTO fund.settled_term SELECT region, fund, institution, term, 'by hand' FROM fund.payable"
    )
    done = load_file(month.engine, "jieru", path, IntakeRules())
    assert (done.accepted, done.quarantined, done.payable_fen) == (1, 1, 60_000)
    late = take(month, bill("K2"), name="late")
    assert (late.accepted, ("K2", "record.term_settled") in [row[1:] for row in refusals(month)]) == (0, True)


def test_what_a_load_refused_before_it_was_cut_off_stays_refused(month: Any, bill: Any, cut_off: Any) -> None:
    """Else one line would be both quarantined and accepted, and the load's sums never hold."""
    path = cut_off(bill("K1", institution=NEW), bill("K2"))
    enrol(month, PLAIN)
    done = load_file(month.engine, "jieru", path, IntakeRules())
    assert (done.accepted, done.duplicate, done.quarantined) == (1, 0, 2)
    assert [row[2] for row in refusals(month)] == ["institution.unknown", "region.not_allowed"]
    again = load_file(month.engine, "jieru", path, IntakeRules())
    assert (again.accepted, again.duplicate, again.quarantined) == (1, 1, 1)
