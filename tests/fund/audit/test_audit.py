"""Audit and appeal on a real database: the path to final, severities, holds, evidence, samples, trace codes, the doors."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.journal import post
from ledger.control.verify import verify
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.db.safekeeping.fields import MAGIC, TOKEN, fields
from ledger.db.safekeeping.places import place
from ledger.fund.audit.appeal import (
    Act,
    act,
    attach_evidence,
    findings,
    history,
    read_finding,
    set_appeal_days,
)
from ledger.fund.audit.findings import (
    FindingDraft,
    FindingTarget,
    LoadedFindings,
    enter_finding,
    load_findings,
)
from ledger.fund.audit.sample import SampleAsk, check_sample, draw, draw_sample
from ledger.fund.audit.taken import final_untaken, take
from ledger.fund.audit.trace import TraceCode, load_codes, read_codes
from ledger.fund.daily.run import DailyRun, run_daily
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.payments.orders.approve import approve_in
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from tests.scenes.people import admit, give

HOSPITAL = "H42010000001"
ON, LATE = date(2026, 11, 2), date(2026, 12, 1)
UNTIL = date(2026, 11, 16)
PANEL = ("zhao", "qian", "li")
SEALED = f"\\x{(MAGIC + bytes(40)).hex()}"
NAMED = f"~{'0' * 8}.{'A' * 22}~"
"""What only looks sealed: the database cannot tell, `verify` does."""


def line(jr_id: str, setl_id: str, yuan: object = "100.00", sev: str = "2", **said: Any) -> dict[str, Any]:
    return {
        "jr_id": jr_id, "rule_id": "R01", "rule_name": "超限定频次", "vola_cont": "同日重复收费", "setl_id": setl_id,
        "vola_amt": yuan, "sev_deg": sev, **said,
    }  # fmt: skip


def load(month: Any, *lines: dict[str, Any], on: date = ON, user: str = "zhao") -> LoadedFindings:
    content = "\n".join(json.dumps(one, ensure_ascii=False) for one in lines).encode()
    with month.tx(user) as tx:
        return load_findings(tx, "findings.jsonl", content, on)


def do(month: Any, user: str, finding_id: str, event: str, on: date = LATE, **said: Any) -> str:
    with month.tx(user) as tx:
        return act(tx, finding_id, Act(event, on, **{"reason": "经查", **said}))


def code_of(month: Any, *args: Any, **said: Any) -> str:
    with pytest.raises(LedgerError) as refused:
        do(month, *args, **said)
    return refused.value.code


@pytest.fixture
def audited(month: Any, bill: Any) -> Any:
    month.take(bill("S1"), bill("S2"), bill("S3", fund=5_000), bill("S4"), bill("S5", insutype="390"))
    month.take(bill("S4R", fund=-100_000, cash=-20_000, init="S4"))
    return month


def test_the_whole_path_to_final_with_everyone_in_their_place(audited: Any) -> None:
    assert load(audited, line("F1", "S1")) == (1, 0, 0)
    with audited.tx() as tx:
        found = read_finding(tx, "F1")
    assert found.target == FindingTarget(310, HOSPITAL, "S1", "pool", 2026, 202610, "inpatient")
    assert (found.state, found.severity, found.amount_fen, found.detd_stas) == (
        "first",
        "middle",
        10_000,
        "10",
    )
    assert found.appeal_until == UNTIL
    assert do(audited, "jieru", "F1", "appeal", UNTIL) == "appealed"
    with audited.tx() as tx:
        assert final_untaken(tx, 310, HOSPITAL, 202612) == []
    assert do(audited, "zhao", "F1", "review", amount_fen=9_000) == "review"
    assert do(audited, "zhao", "F1", "panel", members=PANEL) == "panel"
    assert do(audited, "qian", "F1", "decide", amount_fen=8_000, reason="部分成立") == "final"
    with audited.tx() as tx:
        assert [(e.event, e.amount_fen, e.user) for e in history(tx, "F1")] == [
            ("find", 10_000, "zhao"), ("appeal", 10_000, "jieru"), ("review", 9_000, "zhao"), ("panel", 9_000, "zhao"), ("decide", 8_000, "qian"),
        ]  # fmt: skip
        assert history(tx, "F1")[3].members == sorted(PANEL)
        (left,) = final_untaken(tx, 310, HOSPITAL, 202610)
        assert (left.finding_id, left.amount_fen, left.left_fen) == ("F1", 8_000, 8_000)
        assert final_untaken(tx, 310, HOSPITAL, 202609) == []
        assert final_untaken(tx, 390, HOSPITAL, 202610) == []


def test_every_act_is_repeatable_and_answered_as_before(audited: Any) -> None:
    assert load(audited, line("F1", "S1")).new == 1
    assert load(audited, line("F1", "S1")) == (0, 1, 0)
    with pytest.raises(Conflict, match="内容不同"):
        load(audited, line("F1", "S1", "100.01"))
    assert do(audited, "qian", "F1", "lapse") == do(audited, "qian", "F1", "lapse") == "final"
    assert len(audited.asked("SELECT 1 FROM fund.finding_event")) == 2
    assert load(audited, line("F1", "S1")).known == 1


def test_the_time_for_appeal_is_counted_in_working_days(audited: Any) -> None:
    load(audited, line("F1", "S1"), line("F2", "S2"))
    assert code_of(audited, "qian", "F1", "lapse", UNTIL) == "finding.appeal_open"
    assert code_of(audited, "jieru", "F1", "appeal", date(2026, 11, 17)) == "finding.appeal_late"
    assert do(audited, "qian", "F1", "lapse", date(2026, 11, 17)) == "final"
    assert do(audited, "qian", "F2", "accept", ON) == "final"
    with audited.tx() as tx:
        set_appeal_days(tx, 1, date(2026, 11, 6), "市医保〔2026〕1号")
    load(audited, line("F3", "S3", "1"), on=date(2026, 11, 6))
    with audited.tx() as tx:
        assert read_finding(tx, "F3").appeal_until == date(2026, 11, 9)
    with pytest.raises(InvalidInput) as unknown:
        load(audited, line("F4", "S3", "1"), on=date(2031, 1, 6))
    assert unknown.value.code == "calendar.unknown_year"
    with pytest.raises(InvalidInput), audited.tx() as tx:
        set_appeal_days(tx, 0, date(2026, 11, 7), "无")


def test_who_may_do_what_and_from_where(audited: Any) -> None:
    load(audited, line("F1", "S1"))
    assert code_of(audited, "zhao", "F9", "review") == "finding.unknown"
    assert code_of(audited, "zhao", "F1", "review") == "finding.state"
    assert code_of(audited, "zhao", "F1", "decide") == "finding.state"
    assert code_of(audited, "zhao", "F1", "settle") == "finding.state"
    assert code_of(audited, "zhao", "F1", "lapse") == "access.role_missing"
    assert code_of(audited, "sun", "F1", "cancel") == "access.role_missing"
    assert code_of(audited, "qian", "F1", "accept", reason=" ") == "finding.reason"
    assert code_of(audited, "qian", "F1", "accept", date(2026, 11, 1)) == "finding.date"
    assert code_of(audited, "qian", "F1", "lapse", amount_fen=1) == "finding.amount"
    assert code_of(audited, "qian", "F1", "lapse", severity="low") == "finding.grade"
    assert code_of(audited, "qian", "F1", "lapse", members=PANEL) == "finding.members"
    do(audited, "zhao", "F1", "appeal", ON)
    assert code_of(audited, "zhao", "F1", "review", amount_fen=10_001) == "finding.amount"
    assert code_of(audited, "zhao", "F1", "review", amount_fen=0) == "finding.amount"
    do(audited, "zhao", "F1", "review")
    assert code_of(audited, "zhao", "F1", "panel", members=("zhao", "qian")) == "finding.panel_small"
    assert code_of(audited, "zhao", "F1", "panel", members=("zhao", "zhao", "qian")) == "finding.panel_small"
    assert (
        code_of(audited, "zhao", "F1", "panel", members=("zhao", "qian", "nobody")) == "finding.panel_member"
    )
    do(audited, "zhao", "F1", "panel", members=("zhao", "li", "zhou"))
    assert code_of(audited, "qian", "F1", "decide") == "finding.not_member"
    assert do(audited, "qian", "F1", "cancel") == "cancelled"
    assert code_of(audited, "qian", "F1", "cancel", reason="再") == "finding.state"


def test_a_second_person_even_under_two_names(audited: Any) -> None:
    admit(audited.engine, "zhao2", "person-maker", "赵二", "checker")
    load(audited, line("F1", "S1"))
    assert code_of(audited, "zhao2", "F1", "accept") == "finding.same_person"
    give(audited.engine, "qian", "maker")
    do(audited, "zhao", "F1", "appeal", ON)
    do(audited, "qian", "F1", "review")
    do(audited, "zhao", "F1", "panel", members=PANEL)
    assert code_of(audited, "qian", "F1", "decide") == "finding.same_person"


def test_low_is_a_notice_until_regraded(audited: Any) -> None:
    load(audited, line("F1", "S1", sev="3"))
    assert code_of(audited, "qian", "F1", "lapse") == "finding.severity"
    assert code_of(audited, "qian", "F1", "regrade") == "finding.grade"
    assert code_of(audited, "qian", "F1", "regrade", severity="worst") == "finding.grade"
    assert do(audited, "qian", "F1", "regrade", severity="middle") == "first"
    assert do(audited, "qian", "F1", "lapse") == "final"


BAD_FINDINGS: list[tuple[Any, str]] = [
    (line("F1", "S1", "1000.01"), "finding.over_record"),
    (line("F1", "S4"), "finding.reversed"),
    (line("F1", "S4R"), "finding.reversed"),
    (line("F1", "S9"), "finding.no_record"),
    (line("F1", "S1", subfund="acct"), "finding.no_record"),
    (line("F1", "S1", "0"), "findings.format"),
    (line("F1", "S1", "-1"), "findings.format"),
    (line("F1", "S1", "1.005"), "findings.format"),
    (line("F1", "S1", True), "findings.format"),
    (line("F1", "S1", None), "findings.format"),
    (line("F1", "S1", sev="9"), "findings.format"),
    (line("F1", "S1", det_type="30"), "findings.format"),
    (line("F1", "S1", subfund="x"), "findings.format"),
    (line("F1", "S1", rule_name=""), "findings.format"),
    (line("F1", "S1", rule_name=["a"]), "findings.format"),
    (line("F1", "S1", rule_name="x" * 2_001), "findings.format"),
    (line("F 1", "S1"), "db.constraint"),
    (["no object"], "findings.format"),
]


def test_bad_findings_are_refused_with_their_line_and_nothing_is_kept(audited: Any) -> None:
    for said, code in BAD_FINDINGS:
        with pytest.raises(LedgerError) as refused:
            load(audited, line("GOOD", "S1"), said)
        assert refused.value.code == code, said
        assert "findings.jsonl第2行" in refused.value.message
    assert audited.asked("SELECT count(*) FROM fund.finding") == [(0,)]


def test_bytes_that_are_no_json_are_refused(audited: Any) -> None:
    for content in (
        b"{",
        '{"a": "张"}'.encode("gb18030"),
        b"[" * 100_000,
        b'{"a": ' + b"1" * (1 << 20) + b"}",
    ):
        with pytest.raises(InvalidInput), audited.tx() as tx:
            load_findings(tx, "f.jsonl", content, ON)


def test_finals_of_one_record_never_exceed_what_the_fund_paid(audited: Any) -> None:
    load(audited, line("F1", "S1", "600"), line("F2", "S1", "600"), line("F3", "S1", "400"))
    assert do(audited, "qian", "F1", "lapse") == "final"
    assert code_of(audited, "qian", "F2", "lapse") == "finding.over_record"
    assert do(audited, "qian", "F3", "lapse") == "final"


def test_a_record_reversed_on_the_way_ends_its_finding(audited: Any, bill: Any) -> None:
    load(audited, line("F1", "S1"), line("F2", "S2"), line("F3", "S2", "1"))
    do(audited, "qian", "F1", "lapse")
    do(audited, "qian", "F3", "lapse")
    assert code_of(audited, "qian", "F1", "cancel") == "finding.final"
    audited.take(
        bill("S1R", fund=-100_000, cash=-20_000, init="S1"),
        bill("S2R", fund=-100_000, cash=-20_000, init="S2"),
    )
    assert code_of(audited, "qian", "F2", "lapse") == "finding.reversed"
    with audited.tx() as tx:
        assert final_untaken(tx, 310, HOSPITAL, 202610) == []
    with pytest.raises(Conflict, match="已冲正"), audited.tx() as tx:
        take(tx, "F1", "SHEET", 1)
    assert do(audited, "qian", "F1", "cancel", reason="结算已冲正") == "cancelled"
    assert do(audited, "qian", "F2", "cancel") == "cancelled"


def signed_sheet(
    month: Any, sheet_id: str, version: int, institution: str = HOSPITAL, by: str = "qian"
) -> None:
    """A month sheet as the settlement leaves it: approved, or a draft without an approver."""
    state, on = ("approved", "'2026-11-20'") if by else ("draft", "NULL")
    month.pretend(
        f"INSERT INTO fund.sheet VALUES (420100, 310, '{sheet_id}', '{institution}', 202610, {version}, 9500, '2026-11-10',"
        f" '2026-12-08', 1, sha256('a'), 1, 'zhao', '2026-11-19', sha256('b'), '{state}', '{by}', {on})"
    )


def test_only_an_approved_sheet_of_the_same_institution_takes(audited: Any) -> None:
    load(audited, line("F1", "S1"))
    do(audited, "qian", "F1", "lapse")
    signed_sheet(audited, "M-DRAFT1", 1, by="")
    signed_sheet(audited, "M-OTHER1", 2, institution=audited.other_hospital)
    for taker in ("M-DRAFT1", "M-OTHER1", "M-NOWHERE"):
        with pytest.raises(Conflict) as refused, audited.tx() as tx:
            take(tx, "F1", taker, 1)
        assert refused.value.code == "finding.no_sheet"


def test_a_finding_is_taken_over_months_and_never_more(audited: Any) -> None:
    load(audited, line("F1", "S1"), line("F2", "S2"))
    signed_sheet(audited, "M-202610", 1)
    signed_sheet(audited, "M-202611", 2)
    with pytest.raises(Conflict, match="只有终审"), audited.tx() as tx:
        take(tx, "F1", "M-202610", 1)
    do(audited, "qian", "F1", "lapse")
    with audited.tx() as tx:
        assert take(tx, "F1", "M-202610", 4_000) == 6_000
        assert take(tx, "F1", "M-202610", 4_000) == 6_000
        assert read_finding(tx, "F1").detd_stas == "20"
        assert final_untaken(tx, 310, HOSPITAL, 202610)[0].left_fen == 6_000
    for sheet, fen, code in (
        ("M-202610", 3_999, "finding.taken_otherwise"), ("M-202611", 6_001, "finding.over_taken"),
        ("M-202611", 0, "finding.over_taken"), ("M-202611", -1, "finding.over_taken"),
    ):  # fmt: skip
        with pytest.raises(Conflict) as refused, audited.tx() as tx:
            take(tx, "F1", sheet, fen)
        assert refused.value.code == code
    with pytest.raises(Forbidden), audited.tx("sun") as tx:
        take(tx, "F1", "M-202611", 1)
    with pytest.raises(NotFound), audited.tx() as tx:
        take(tx, "F9", "M-202611", 1)
    with audited.tx("qian") as tx:
        assert take(tx, "F1", "M-202611", 6_000) == 0
        assert read_finding(tx, "F1").detd_stas == "30"
        assert final_untaken(tx, 310, HOSPITAL, 202611) == []


def allot(month: Any, day: date) -> None:
    own = Dimensions(EXPENDITURE_ACCOUNT.number)
    legs = (debit(1004, 10**9, own), credit(41010101, 10**9))
    with month.tx("li") as tx:
        post(
            tx,
            Book(DEMO_REGION, 310),
            day,
            [EntryDraft("ALLOT", "ALLOT:1", day, "拨入", legs, "ALLOT@1", "rule:ALLOT@1", "qian")],
        )


def pay(month: Any, day: date) -> DailyRun:
    return run_daily(month.engine, "zhao", DEMO_REGION, day)


def test_high_holds_the_record_until_released_and_deducts_nothing(audited: Any) -> None:
    day = date(2026, 10, 13)
    allot(audited, day)
    assert load(audited, line("F1", "S1", sev="1"), on=day).held == 1
    run = pay(audited, day)
    assert {(b.fund, b.reason, b.amount_fen) for b in run.blocked} == {
        (310, "held", 60_000),
        (390, "over_available", 60_000),
    }
    assert [batch.total_fen for batch in run.batches] == [63_000]
    assert audited.asked("SELECT reason FROM payments.blocked WHERE fund = 310") == [("held",)]
    assert audited.asked("SELECT setl_id FROM payments.order_payable ORDER BY 1") == [
        ("S2",),
        ("S3",),
        ("S4",),
        ("S4R",),
    ]
    with audited.tx() as tx:
        assert read_finding(tx, "F1").held
        assert final_untaken(tx, 310, HOSPITAL, 202610) == []
    assert code_of(audited, "zhao", "F1", "release") == "access.role_missing"
    assert do(audited, "qian", "F1", "release", day, reason="材料齐全") == "first"
    assert audited.asked("SELECT released_by, released_on FROM fund.held") == [("qian", day)]
    again = pay(audited, date(2026, 10, 14))
    assert [batch.total_fen for batch in again.batches] == [60_000]


def test_the_reversal_of_a_held_record_waits_with_it(audited: Any, bill: Any) -> None:
    """Else the institution would pay back out of its other records what it has never been paid."""
    day = date(2026, 10, 13)
    allot(audited, day)
    load(audited, line("F1", "S1", sev="1"), on=day)
    audited.take(bill("S1R", fund=-100_000, cash=-20_000, init="S1"))
    run = pay(audited, day)
    assert [batch.total_fen for batch in run.batches] == [63_000]
    assert ("held", 0) in {(b.reason, b.amount_fen) for b in run.blocked}


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
def test_a_hold_that_comes_after_the_draft_stops_the_approval(audited: Any) -> None:
    day = date(2026, 10, 13)
    allot(audited, day)
    (batch,) = pay(audited, day).batches
    load(audited, line("F1", "S1", sev="1"), on=day)
    with pytest.raises(Conflict) as held, audited.tx("qian") as tx:
        tx.run(
            "SELECT payments.approve(420100, %(b)s, %(d)s, %(on)s)",
            b=batch.batch_id,
            d=batch.digest,
            on=day,
        )
    assert held.value.code == "batch.held"
    assert do(audited, "qian", "F1", "regrade", day, severity="middle") == "first"
    with audited.tx("qian") as tx:
        assert approve_in(tx, batch.batch_id, batch.digest, day).orders == 1


@pytest.mark.parametrize("event", ["cancel", "accept", "regrade"])
def test_a_hold_ends_with_its_finding(audited: Any, event: str) -> None:
    load(audited, line("F1", "S1", sev="1"))
    do(audited, "qian", "F1", event, severity="low" if event == "regrade" else "")
    with audited.tx() as tx:
        assert not read_finding(tx, "F1").held
    if event == "regrade":
        do(audited, "qian", "F1", event, severity="high", reason="复核属实")
        assert audited.asked("SELECT released_by, reason FROM fund.held") == [("", "复核属实")]


def test_a_finding_about_the_institution_itself(audited: Any) -> None:
    target = FindingTarget(310, HOSPITAL, "", "pool", 2026, 202610, "inpatient")
    draft = FindingDraft("V1", target, 5_000_00, "high", "V", "现场检查", "串换药品", kind="20")
    with audited.tx() as tx:
        assert enter_finding(tx, draft, ON)
        assert not enter_finding(tx, draft, ON)
        assert not read_finding(tx, "V1").held
    do(audited, "qian", "V1", "accept", ON)
    with audited.tx() as tx:
        assert final_untaken(tx, 310, HOSPITAL, 202610)[0].kind == "20"
        assert [f.finding_id for f in findings(tx, state="final")] == ["V1"]
    with pytest.raises(Forbidden), audited.tx("sun") as tx:
        enter_finding(tx, FindingDraft("V2", target, 1, "low", "V", "现场检查", "串换药品"), ON)


def test_evidence_is_kept_once_and_for_good(audited: Any) -> None:
    load(audited, line("F1", "S1"))
    with audited.tx() as tx:
        digest = attach_evidence(tx, "F1", "病历.pdf", b"%PDF", ON)
        assert attach_evidence(tx, "F1", "病历.pdf", b"%PDF", ON) == digest
    with audited.tx() as tx:
        [(name, content, added_by)] = tx.rows("SELECT name, content, added_by FROM fund.finding_evidence")
        assert TOKEN.fullmatch(name)
        assert bytes(content).startswith(MAGIC)
        assert (
            fields(tx).open(name),
            fields(tx).open_bytes(content, place("fund.finding_evidence.content", 420100, "F1", digest)),
            added_by,
        ) == (
            "病历.pdf",
            b"%PDF",
            "zhao",
        )
    with psycopg.connect(audited.database.service_url) as raw:
        raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
        raw.execute(
            f"INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('b'), '{NAMED}', '{SEALED}', 'zhao', '2026-11-03')".encode()
        )
    [found] = [
        one
        for one in verify(audited.database.auditor_engine, audited.database.settings.home)
        if "证据附件" in one.message
    ]
    assert (found.promise, found.entry) == ("INV-12", "finding F1")
    for finding_id, name, content, error in (
        ("F9", "a", b"x", NotFound), ("F1", " ", b"x", InvalidInput), ("F1", "a", b"", InvalidInput),
        ("F1", "a", bytes((16 << 20) + 1), InvalidInput),
    ):  # fmt: skip
        with pytest.raises(error), audited.tx() as tx:
            attach_evidence(tx, finding_id, name, content, ON)


def test_a_sample_can_be_drawn_again_by_anyone(audited: Any, bill: Any) -> None:
    ask = SampleAsk("P1", ReconcileScope(310, HOSPITAL, 202610, "21"), "2026-11-02开奖号", 2)
    with audited.tx() as tx:
        made = draw_sample(tx, ask, ON)
        assert draw_sample(tx, ask, ON) == made
        assert check_sample(tx, "P1") == made
    assert made.frame_size == 3
    assert made.setl_ids == draw(["S3", "S1", "S2"], ask.seed, 2)
    for wrong, error in (
        (ask._replace(seed="x"), Conflict), (ask._replace(sample_id="P2", size=4), InvalidInput),
        (ask._replace(sample_id="P2", size=0), InvalidInput), (ask._replace(sample_id="P2", seed=""), InvalidInput),
    ):  # fmt: skip
        with pytest.raises(error), audited.tx() as tx:
            draw_sample(tx, wrong, ON)
    with pytest.raises(NotFound), audited.tx() as tx:
        check_sample(tx, "P9")
    audited.take(bill("S6"))
    with pytest.raises(Conflict, match="有变化"), audited.tx() as tx:
        check_sample(tx, "P1")


@given(st.sets(st.text(min_size=1), min_size=1), st.text(), st.data())
def test_a_draw_depends_on_the_seed_and_the_frame_alone(
    frame: set[str], seed: str, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(frame)))
    listed = data.draw(st.permutations(sorted(frame)))
    chosen = draw(list(listed), seed, size)
    assert chosen == draw(sorted(frame), seed, size)
    assert len(set(chosen)) == size
    assert set(chosen) <= frame
    assert draw(sorted(frame), seed, len(frame))[:size] == chosen


def test_a_trace_code_paid_twice_is_a_finding_by_itself(audited: Any) -> None:
    content = (
        "S1\tA001\t阿司匹林\t12.345000\t0\nS2\tA001\t阿司匹林\t12.345\t0\nS3\tB001\t头孢\t9999\t0\nS2\tB001\t头孢\t9999\tnull\n"
        "S1\tC001\t拆零药\t1\t1\nS2\tC001\t拆零药\t1\t1\nS4\tD001\t退药\t1\t0\nS1\tD001\t退药\t1\t0\n"
    )
    codes = read_codes("trace.txt", content.encode())
    assert codes[0] == TraceCode("S1", "A001", "阿司匹林", 1_235, "0")
    with audited.tx() as tx:
        done = load_codes(tx, codes, ON)
        assert (done.new, done.known, len(done.findings)) == (8, 0, 2)
        assert load_codes(tx, codes, ON) == (0, 8, ())
        made = {f.target.setl_id: f for f in findings(tx)}
    assert {key: f.amount_fen for key, f in made.items()} == {"S2": 1_235, "S3": 5_000}
    assert {f.severity for f in made.values()} == {"middle"}
    assert "S1" in made["S2"].content
    assert audited.asked("SELECT DISTINCT source, rule_id FROM fund.finding") == [("trace", "TRACE-TWICE")]
    with audited.tx() as tx:
        third = load_codes(tx, [TraceCode("S5", "A001", "阿司匹林", 100, "0")], ON)
        assert len(third.findings) == 1
        assert read_finding(tx, third.findings[0]).target.fund == 390


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("S1\tA\tx\t1", ""),
        ("\tA\tx\t1\t0", "setl_id"),
        ("S1\tA-1\tx\t1\t0", "drug_trac_codg"),
        ("S1\t" + "1" * 101 + "\tx\t1\t0", "drug_trac_codg"),
        ("S1\tA\t \t1\t0", "drug_name"),
        ("S1\tA\tx\t-1\t0", "finl_trns_pric"),
        ("S1\tA\tx\t1.0000001\t0", "finl_trns_pric"),
        ("S1\tA\tx\tNaN\t0", "finl_trns_pric"),
        ("S1\tA\tx\t1\t2", "trdn_flag"),
    ],
)
def test_bad_trace_lines_are_refused(text: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_codes("t.txt", ("S1\tA\tx\t1\t0\n" + text).encode())
    assert refused.value.details["line"] == 2
    assert refused.value.details.get("field", "") == field


def test_trace_codes_of_unknown_records_and_encodings_are_refused(audited: Any) -> None:
    with pytest.raises(InvalidInput, match="尚未收到"), audited.tx() as tx:
        load_codes(tx, [TraceCode("S9", "A", "x", 1, "0")], ON)
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_codes("t.txt", "头孢".encode("gb18030"))


def test_raw_sql_cannot_make_a_finding_final_nor_change_its_amount(audited: Any) -> None:
    load(audited, line("F1", "S1", sev="1"), line("F2", "S2"))
    do(audited, "qian", "F2", "lapse")
    columns = "region, finding_id, fund, institution, setl_id, subfund, service_year, term, category, kind, severity, found_fen, amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest"
    copy = f"INSERT INTO fund.finding ({columns}, state, final_on) SELECT {columns}, 'first', NULL::date FROM fund.finding WHERE finding_id = 'F1'".replace(
        "SELECT region, finding_id", "SELECT region, 'X'"
    )
    attempts = {
        "UPDATE fund.finding SET state = 'final', final_on = '2026-12-01'": "42501",
        "UPDATE fund.finding SET amount_fen = 1": "42501",
        "UPDATE fund.finding SET taken_fen = amount_fen": "42501",
        "INSERT INTO fund.finding_taken VALUES (420100, 'F2', 'M', 1, 'zhao')": "42501",
        "UPDATE fund.held SET released_by = 'zhao', released_on = '2026-11-02'": "42501",
        "DELETE FROM fund.held": "42501",
        "DELETE FROM fund.finding": "42501",
        "INSERT INTO fund.finding_event VALUES (420100, 'F1', 9, 'decide', '', 'final', 'high', 1, 'qian', '2026-12-01', '')": "42501",
        "SELECT fund.move_finding(420100, 'F1', 'accept', '2026-11-03', '绕过', NULL, '{}', '')": "FL003",
        "SELECT fund.move_finding(420100, 'F1', 'review', '2026-11-03', '绕过', NULL, '{}', '')": "FL005",
        "UPDATE fund.finding_transition SET roles = '{maker}'": "42501",
        copy.replace("'first', NULL::date", "'final', '2026-12-01'::date"): "FL005",
        copy.replace("found_by, found_on", "'qian', found_on").replace(f"({columns.replace('found_by, found_on', chr(39) + 'qian' + chr(39) + ', found_on')}", f"({columns}"): "FL003",
        copy.replace("category, kind, severity, found_fen, amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest, 'first'", "category, kind, severity, 100001, 100001, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest, 'first'"): "FL001",
        copy.replace("service_year, term, category, kind, severity, found_fen, amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest, 'first'", "2025, term, category, kind, severity, found_fen, amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest, 'first'"): "FL001",
        "INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('b'), 'n', 'b', 'zhao', '2026-11-03')": "FL002",
        f"INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('b'), 'n', '{SEALED}', 'zhao', '2026-11-03')": "FL002",
        f"INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('b'), '{NAMED}', 'b', 'zhao', '2026-11-03')": "FL002",
        f"INSERT INTO fund.finding_evidence VALUES (420100, 'F1', 'b', '{NAMED}', '{SEALED}', 'zhao', '2026-11-03')": "23514",
        f"INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('b'), '{NAMED}', '{SEALED}', 'qian', '2026-11-03')": "FL003",
        "INSERT INTO fund.audit_policy VALUES (420100, 'appeal_days', '2026-01-01', 1, 'x', 'qian')": "FL003",
    }  # fmt: skip
    for attempt, state in attempts.items():
        with psycopg.connect(audited.database.service_url) as raw:
            raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
            with pytest.raises(psycopg.Error) as no:
                raw.execute(attempt)
            assert no.value.sqlstate == state, (attempt, no.value)
    with psycopg.connect(audited.database.service_url) as raw:
        raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
        into = "COPY fund.finding_evidence FROM STDIN"
        with pytest.raises(psycopg.Error, match="row-level security"), raw.cursor().copy(into) as rows:
            rows.write_row((420100, "F1", sha256(b"b").digest(), "n", b"b", "zhao", "2026-11-03"))
    # The time for appeal is the calendar's, whatever the writer says.
    with psycopg.connect(audited.database.service_url) as raw:
        raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
        raw.execute(
            copy.replace("found_on, appeal_until, digest, 'first'", "found_on, found_on, digest, 'first'")
        )
        raw.commit()
    assert audited.asked("SELECT appeal_until FROM fund.finding WHERE finding_id = 'X'") == [(UNTIL,)]
    for attempt in (
        "UPDATE fund.finding SET found_fen = 1",
        "DELETE FROM fund.finding",
        "UPDATE fund.finding_event SET reason = 'x'",
        "DELETE FROM fund.finding_taken",
    ):
        with pytest.raises(psycopg.Error) as frozen, psycopg.connect(audited.database.admin_url) as raw:
            raw.execute(attempt)
        assert frozen.value.sqlstate == "FL002"
