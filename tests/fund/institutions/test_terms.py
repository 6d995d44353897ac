"""How an institution is paid changes by two persons only, never over records that are there, and never in silence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.fund.institutions.load import Loaded, load_institutions
from ledger.fund.institutions.master import FAR_DAY, Institution
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting, refuse_waiting
from ledger.fund.institutions.read import read_standing, read_terms
from ledger.fund.institutions.terms import set_agreement
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules

DAY = date(2026, 10, 12)
H = "H42010000001"
BASE = Institution(
    H, "第1医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
    date(2026, 10, 1), "第1医院", "620000000001", "模拟银行", "102421000009",
)  # fmt: skip


def load(month: Any, day: date = DAY, correction: str = "", **other: Any) -> Loaded:
    with month.tx() as tx:
        return load_institutions(tx, [replace(BASE, **other)], day, "", correction)


def confirm(month: Any, day: date = DAY) -> None:
    with month.tx("qian") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, day)


def versions(month: Any, code: str = H) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in month.asked(
            f"SELECT from_day, to_day, ratio FROM fund.enrolment WHERE institution = '{code}' ORDER BY 1"
        )
    ]


def ratios(month: Any, *setl_ids: str) -> list[tuple[int, int]]:
    rows = month.asked("SELECT setl_id, ratio, daily_fen FROM fund.payable WHERE subfund = 'pool'")
    found = {setl_id: (ratio, fen) for setl_id, ratio, fen in rows}
    return [found[setl_id] for setl_id in setl_ids]


def breaches(month: Any, tmp_path: Any) -> set[tuple[str, str]]:
    """What `verify` finds but traces, which name whatever a test plants past the guards."""
    found = verify(month.database.auditor_engine, tmp_path)
    return {(one.promise, one.entry) for one in found if not one.code.startswith("trace.")}


def test_a_ratio_of_the_makers_own_pays_nothing_before_another_person_confirms_it(
    month: Any, bill: Any, tmp_path: Any
) -> None:
    """The fault shown: 0.6 to 1 by the maker alone, printed 变更0家, the next 100,000.00 paid whole."""
    done = load(month, ratio=10_000, enrolled_from=date(2026, 10, 13))
    assert (done.terms.enrolments, done.as_json()["enrolments_proposed"]) == ([H], 1)
    month.take(bill("A1", fund=10_000_000, day="2026-10-13"))
    assert ratios(month, "A1") == [(6_000, 6_000_000)]
    with pytest.raises(Conflict, match=r"terms\.records_taken.*2026-10-13"):
        confirm(month)
    assert load(month, ratio=10_000, enrolled_from=date(2026, 10, 14)).terms.enrolments == [H]
    with month.tx("qian") as tx:
        [shown] = read_waiting(tx).proposals
        assert ((shown.in_force or {})["ratio"], shown.proposed["ratio"], shown.from_day) == (
            6_000,
            10_000,
            date(2026, 10, 14),
        )
    confirm(month)
    month.take(
        bill("A2", fund=10_000_000, day="2026-10-13", time="11:00:00"),
        bill("A3", fund=10_000_000, day="2026-10-14"),
    )
    assert ratios(month, "A2", "A3") == [(6_000, 6_000_000), (10_000, 10_000_000)]
    assert versions(month) == [
        (date(2026, 10, 1), date(2026, 10, 13), 6_000),
        (date(2026, 10, 14), FAR_DAY, 10_000),
    ]
    assert breaches(month, tmp_path) == set()


def test_terms_do_not_begin_before_records_of_their_period(month: Any, bill: Any) -> None:
    month.take(bill("B1", day="2026-10-20"))
    with pytest.raises(Conflict, match=r"terms\.records_taken.*H42010000001.*2026-10-05.*2026-10-20"):
        load(month, ratio=5_000, enrolled_from=date(2026, 10, 5))
    with pytest.raises(Conflict, match=r"terms\.records_taken.*2026-10-20"):
        load(month, ratio=5_000, enrolled_from=date(2026, 10, 20))
    assert load(month, ratio=5_000, enrolled_from=date(2026, 10, 21)).terms.enrolments == [H]
    confirm(month)
    # A period that ends before the record may still be set: it goes on to the next version only.
    load(month, ratio=4_000, enrolled_from=date(2026, 9, 1))
    confirm(month)
    assert versions(month) == [
        (date(2026, 9, 1), date(2026, 9, 30), 4_000),
        (date(2026, 10, 1), date(2026, 10, 20), 6_000),
        (date(2026, 10, 21), FAR_DAY, 5_000),
    ]


def test_the_same_start_with_another_value_is_refused_or_says_that_it_corrects(month: Any, bill: Any) -> None:
    with pytest.raises(Conflict, match=r"terms\.same_start.*H42010000001.*2026-10-01"):
        load(month, ratio=10_000)
    done = load(month, ratio=5_500, correction="录入有误")
    assert (done.terms.corrections, done.terms.enrolments) == ([H], [])
    with month.tx("qian") as tx:
        [shown] = read_waiting(tx).proposals
        assert (shown.proposed["correction"], shown.why) == (True, "录入有误")
    confirm(month)
    assert versions(month) == [(date(2026, 10, 1), FAR_DAY, 5_500)]
    with month.tx() as tx:
        kept = [(one.version, one.state, one.ratio) for one in read_terms(tx, H) if one.kind == "enrolment"]
    assert kept == [(2, "confirmed", 5_500), (1, "corrected", 6_000)]
    month.take(bill("C1"))
    with pytest.raises(Conflict, match=r"terms\.records_taken"):
        load(month, ratio=10_000, correction="再更正")
    assert load(month, ratio=5_500).terms == ([], [], [], [], [])


def test_the_months_ratio_and_the_deposit_stay_once_a_sheet_rests_on_them(month: Any) -> None:
    month.pretend(
        "INSERT INTO fund.sheet (region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on, records,"
        " records_digest, result_fen, prepared_by, prepared_on, digest, state)"
        " VALUES (420100, 310, 'MON420100-310-1', 'H42010000001', 202610, 1, 9500, '2026-11-10', '2026-11-30', 0, sha256(''), 0, 'zhao',"
        " '2026-11-02', sha256(''), 'draft')"
    )
    with pytest.raises(Conflict, match=r"terms\.month_settled.*202610"):
        load(month, month_ratio=10_000, enrolled_from=date(2026, 10, 31))
    assert load(month, month_ratio=10_000, enrolled_from=date(2026, 11, 1)).terms.enrolments == [H]


def test_stopping_is_one_persons_and_at_once_going_on_takes_two(month: Any, tmp_path: Any) -> None:
    def state() -> str:
        with month.tx() as tx:
            return read_standing(tx, DAY, H)[0].agreement_state

    with month.tx() as tx:
        assert set_agreement(tx, H, "suspended", DAY)
    assert state() == "suspended"
    with month.tx() as tx:
        assert not set_agreement(tx, H, "active", DAY)
        assert not set_agreement(tx, H, "active", DAY)
    assert state() == "suspended"
    with month.tx("qian") as tx:
        refuse_waiting(tx, H, read_waiting(tx, H).digest, "整改未完成", DAY)
    assert state() == "suspended"
    # An old file says active: it is proposed, not done.
    assert load(month).terms.agreements == [H]
    assert state() == "suspended"
    confirm(month)
    assert state() == "active"
    assert load(month, agreement_state="ended").terms.stopped == [H]
    assert state() == "ended"
    with pytest.raises(Forbidden, match=r"terms\.two_persons"), month.tx() as tx:
        tx.run("SELECT fund.stop_agreement(420100, 'H42010000001', 'suspended', '2026-10-12')")
    with month.tx() as tx:
        kept = [(one.state, one.agreement_state) for one in read_terms(tx, H) if one.kind == "agreement"]
    assert kept == [
        ("stopped", "ended"), ("confirmed", "active"), ("refused", "active"), ("stopped", "suspended"), ("confirmed", "active")
    ]  # fmt: skip
    assert breaches(month, tmp_path) == set()


def test_a_stop_withdraws_what_would_go_on(month: Any) -> None:
    load(month, level="03")
    with month.tx() as tx:
        set_agreement(tx, H, "ended", DAY)
        assert read_waiting(tx).proposals == []


def test_who_has_no_post_for_it_is_refused_also_where_nothing_would_change(month: Any) -> None:
    with month.tx() as tx:
        set_agreement(tx, H, "ended", DAY)
    for state in ("ended", "active"):
        with pytest.raises(Forbidden) as refused, month.tx("sun") as tx:
            set_agreement(tx, H, state, DAY)
        assert refused.value.code == "access.role_missing"
    with month.tx() as tx:
        assert set_agreement(tx, H, "ended", DAY)


def test_an_agreement_renewed_ahead_does_not_stop_the_one_that_runs(month: Any, tmp_path: Any) -> None:
    load(month, agreement_from=date(2031, 1, 1), agreement_to=date(2035, 12, 31))
    confirm(month)
    with month.tx() as tx:
        [one] = read_standing(tx, DAY, H)
    assert (one.agreement_from, one.agreement_to) == (date(2020, 1, 1), date(2035, 12, 31))
    assert breaches(month, tmp_path) == set()


def test_nobody_is_designated_before_a_second_person_says_so(month: Any, bill: Any, tmp_path: Any) -> None:
    new = "H42010000003"
    with month.tx() as tx:
        done = load_institutions(tx, [replace(BASE, code=new, payee_number="620000000003")], DAY)
    assert (done.new, done.terms.agreements, done.terms.enrolments, done.payees.proposed) == ([new],) * 4
    path = tmp_path / "early.jsonl"
    path.write_text(json.dumps(bill("D1", institution=new)) + "\n", encoding="utf-8")
    assert load_file(month.engine, "jieru", path, IntakeRules()).quarantined == 1
    assert month.asked("SELECT code FROM fund.quarantine") == [("institution.unknown",)]
    confirm(month)
    month.take(bill("D2", institution=new))
    assert ratios(month, "D2") == [(6_000, 60_000)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fund.enrolment SET ratio = 10000",
        "UPDATE fund.enrolment SET to_day = '2026-12-31'",
        "INSERT INTO fund.enrolment VALUES (420100, 'H42010000001', '2027-01-01', '9999-12-31', 'daily', 'daily', 10000, 10000, 9)",
        "UPDATE fund.institution SET agreement_state = 'active'",
        "UPDATE fund.institution SET agreement_to = '2099-12-31'",
        "UPDATE fund.institution SET name = '别的医院'",
        "INSERT INTO fund.institution VALUES (420100, 'H42010000009', 'x', '1', '1', 'active', '2026-01-01', '2026-12-31', 1)",
        "UPDATE fund.terms SET state = 'confirmed', confirmed_by = 'qian'",
        "UPDATE fund.terms SET ratio = 10000",
        "DELETE FROM fund.terms",
        "INSERT INTO fund.terms (region, institution, kind, version, from_day, mode, cycle, ratio, month_ratio, state, proposed_by, confirmed_by)"
        " VALUES (420100, 'H42010000001', 'enrolment', 9, '2027-01-01', 'daily', 'daily', 10000, 10000, 'confirmed', 'zhao', 'qian')",
        "INSERT INTO fund.terms (region, institution, kind, version, from_day, mode, cycle, ratio, month_ratio, proposed_by)"
        " VALUES (420100, 'H42010000001', 'enrolment', 9, '2027-01-01', 'daily', 'daily', 10000, 10000, 'other')",
        "SELECT fund.put_enrolments_in_force(420100, '')",
        "SELECT fund.put_agreements_in_force(420100, '', '2026-10-12')",
    ],
)
@pytest.mark.parametrize("user", ["zhao", "qian"])
def test_past_the_program_nobody_changes_terms_alone(month: Any, statement: str, user: str) -> None:
    with month.tx() as tx:
        set_agreement(tx, H, "suspended", DAY)
    before = (
        month.asked("SELECT * FROM fund.enrolment ORDER BY 1, 2, 3"),
        month.asked("SELECT * FROM fund.institution ORDER BY 1, 2"),
    )
    with pytest.raises(LedgerError) as refused, month.tx(user) as tx:
        tx.connection.execute(statement)
    assert refused.value.code in ("db.permission", "business.writer")
    assert before == (
        month.asked("SELECT * FROM fund.enrolment ORDER BY 1, 2, 3"),
        month.asked("SELECT * FROM fund.institution ORDER BY 1, 2"),
    )


def test_periods_do_not_overlap_whoever_writes_them(month: Any) -> None:
    with pytest.raises(Exception, match=r"terms\.overlap"), month.admin.begin() as admin:
        admin.exec_driver_sql(
            "INSERT INTO fund.enrolment VALUES (420100, 'H42010000001', '2026-12-01', '9999-12-31', 'daily', 'daily', 10000, 10000, 9)"
        )


def test_impossible_terms_are_refused(month: Any) -> None:
    for other in ({"mode": "hourly"}, {"ratio": 10_001}, {"cycle": "never"}):
        with pytest.raises(InvalidInput, match=r"db\.constraint"):
            load(month, enrolled_from=date(2026, 12, 1), **other)


BROKEN = {
    "ratio in force": (
        "UPDATE fund.enrolment SET ratio = 10000 WHERE institution = 'H42010000001'",
        {("INV-11", "enrolment H42010000001 2026-10-01"), ("INV-11", "payable V1")},
    ),
    "version too": (
        "UPDATE fund.enrolment SET ratio = 10000 WHERE institution = 'H42010000001';"
        " UPDATE fund.terms SET ratio = 10000 WHERE institution = 'H42010000001' AND kind = 'enrolment'",
        {("INV-11", "payable V1"), ("INV-11", "fund.terms H42010000001/enrolment/1")},
    ),
    "one person": (
        "UPDATE fund.terms SET confirmed_by = 'sun' WHERE institution = 'H42010000001' AND kind = 'enrolment';"
        " UPDATE access.app_user SET person = (SELECT person FROM access.app_user WHERE user_name = 'zhao') WHERE user_name = 'sun'",
        {("INV-11", "enrolment H42010000001 2026-10-01"), ("INV-11", "fund.terms H42010000001/enrolment/1")},
    ),
    "not confirmed": (
        "UPDATE fund.terms SET state = 'proposed', confirmed_by = '' WHERE institution = 'H42010000001'",
        {("INV-11", "enrolment H42010000001 2026-10-01"), ("INV-11", "agreement H42010000001")},
    ),
    "overlap": (
        "INSERT INTO fund.enrolment SELECT region, institution, '2026-12-01', to_day, mode, cycle, ratio, month_ratio, version"
        " FROM fund.enrolment WHERE institution = 'H42010000001'",
        {("INV-11", "enrolment H42010000001 2026-10-01"), ("INV-11", "enrolment H42010000001 2026-12-01")},
    ),
    "resumed": (
        "UPDATE fund.institution SET level = '09' WHERE institution = 'H42010000002'",
        {("INV-11", "agreement H42010000002")},
    ),
    "renamed": (
        "UPDATE fund.institution SET name = '别的医院' WHERE institution = 'H42010000002'",
        {("INV-11", "agreement H42010000002")},
    ),
    "version renamed too": (
        "UPDATE fund.institution SET name = '别的医院' WHERE institution = 'H42010000002';"
        " UPDATE fund.terms SET name = '别的医院' WHERE institution = 'H42010000002' AND kind = 'agreement'",
        {("INV-11", "fund.terms H42010000002/agreement/1")},
    ),
    "version's name taken away": (
        "UPDATE fund.institution SET name = '别的医院' WHERE institution = 'H42010000002';"
        " UPDATE fund.terms SET name = NULL WHERE institution = 'H42010000002' AND kind = 'agreement'",
        {("INV-11", "fund.terms H42010000002/agreement/1")},
    ),
    "reversal": (
        "UPDATE fund.payable SET ratio = 5000 WHERE setl_id = 'V2'",
        {("INV-11", "payable V2")},
    ),
    "outpatient paid daily": (
        "UPDATE fund.payable SET ratio = 6000, daily_fen = 60000 WHERE setl_id = 'V3'",
        {("INV-11", "payable V3"), ("INV-09", "load 1")},  # the load's sum of it too
    ),
    "inpatient not paid daily": (
        "UPDATE fund.payable SET ratio = 0, daily_fen = 0 WHERE setl_id = 'V4'",
        {("INV-11", "payable V4"), ("INV-09", "load 1")},  # the load's sum of it too
    ),
    "policy": (
        "INSERT INTO fund.region_policy VALUES (420100, 'receipt_days', '2026-10-01', '9', '文', 'li', 'qian')",
        {("INV-11", "policy receipt_days 2026-10-01")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "what",  # who did not confirm did not sign either: with everybody signing two breaches are found
    [pytest.param(one, marks=pytest.mark.unsigned) if one == "one person" else one for one in BROKEN],
)
def test_what_two_persons_did_not_say_is_found(month: Any, bill: Any, tmp_path: Any, what: str) -> None:
    month.take(bill("V1"), bill("V3", med_type="11", clr_type="11"), bill("V4", institution="H42010000002"))
    month.take(bill("V2", init="V1", fund=-100_000, cash=-20_000))
    assert breaches(month, tmp_path) == set()
    statement, found = BROKEN[what]
    month.pretend(statement)
    assert breaches(month, tmp_path) == found
