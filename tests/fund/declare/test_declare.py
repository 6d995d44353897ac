"""Declaration on a real database: the window, the gates, the totals, withdrawal, the doors."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.control.checks.fund.declarations import check_declarations
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.fund.declare.claim import Claim, Declaration, claim_request, declarations, read_declaration
from ledger.fund.declare.declaration import declare, due_days
from ledger.fund.declare.lists import UploadedList, list_med_types, read_lists, record_lists
from ledger.fund.declare.states import move
from ledger.fund.institutions.terms import set_agreement
from ledger.fund.reconcile.decisions import confirm_decisions, propose_decision
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope

ON = date(2026, 11, 10)
HOSPITAL = "H42010000001"
SCOPE = ReconcileScope(310, HOSPITAL, 202610, "21")
CLAIM = Claim(3, 241_007, 0, 180_007, 60_000, 1_000)


def reconcile(month: Any, scope: ReconcileScope = SCOPE, without: str = "") -> str:
    with month.tx() as tx:
        rows = [row for row in our_details(tx, scope) if row.setl_id != without]
        return compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), ON).run_id


def upload(month: Any, *setl_ids: str, on: date = ON) -> int:
    with month.tx() as tx:
        return record_lists(tx, [UploadedList(setl_id, f"L{setl_id}", on) for setl_id in setl_ids])


def claim(
    month: Any, scope: ReconcileScope = SCOPE, on: date = ON, user: str = "zhao", **said: Any
) -> Declaration:
    with month.tx(user) as tx:
        return declare(tx, scope, on, **said)


def refused(code: str, month: Any, *args: Any, **said: Any) -> LedgerError:
    with pytest.raises(LedgerError) as error:
        claim(month, *args, **said)
    assert error.value.code == code, error.value
    return error.value


@pytest.fixture
def ready(month: Any, bill: Any) -> Any:
    """Three records and a reversed pair, reconciled, their lists uploaded."""
    month.take(
        bill("S1"),
        bill("S2", fund=80_000, acct=1_000),
        bill("S3", fund=7, insutype="510", med_type="52"),
        bill("S4"),
    )
    month.take(bill("S4R", fund=-100_000, cash=-20_000, init="S4"))
    reconcile(month)
    upload(month, "S1", "S2", "S3")
    return month


def test_a_month_is_declared_with_its_records_sums(ready: Any) -> None:
    refused("access.role_missing", ready, user="jieru")
    made = claim(ready)
    assert made.claim == CLAIM
    assert (made.records, made.state, made.late, made.withdrawn) == (5, "10", False, False)
    assert (made.pool_fen, made.book_acct_fen) == (180_007, 1_000)
    assert made.declaration_id == "CLR420100-310-H42010000001-202610-21-1"
    assert ready.asked("SELECT setl_id FROM fund.declared ORDER BY 1") == [
        ("S1",),
        ("S2",),
        ("S3",),
        ("S4",),
        ("S4R",),
    ]
    with ready.tx() as tx:
        assert declarations(tx, 310, HOSPITAL, 202610) == [made]
        assert declarations(tx, 310, HOSPITAL, 202609) == []
    assert refused("declare.already", ready).status == 409


@pytest.mark.parametrize(
    ("term", "due", "last"),
    [
        (202610, date(2026, 11, 10), date(2027, 1, 10)),
        (202601, date(2026, 2, 10), date(2026, 4, 10)),
        (202611, date(2026, 12, 10), date(2027, 2, 10)),
        (202612, date(2027, 1, 10), date(2027, 2, 10)),
    ],
)
def test_the_tenth_two_months_and_the_clearings_cut_off(term: int, due: date, last: date) -> None:
    assert due_days(term) == (due, last)


def test_the_window(ready: Any) -> None:
    refused("declare.term_not_over", ready, on=date(2026, 10, 31))
    refused("declare.term_not_over", ready, on=date(2026, 9, 1))
    refused("declare.too_late", ready, on=date(2027, 1, 11))
    assert claim(ready, on=date(2027, 1, 10)).late
    with ready.tx() as tx:
        move(tx, "CLR420100-310-H42010000001-202610-21-1", "withdraw", date(2027, 1, 10), "误报")
    assert not claim(ready, on=date(2026, 11, 10)).late
    refused("declare.not_reconciled", ready, SCOPE._replace(term=202611), date(2026, 12, 1))


def test_nothing_is_declared_before_reconciliation_or_with_open_differences(month: Any, bill: Any) -> None:
    month.take(bill("S1"), bill("S2"))
    upload(month, "S1", "S2")
    assert "尚未对账" in refused("declare.not_reconciled", month).message
    run_id = reconcile(month, without="S2")
    error = refused("declare.not_reconciled", month)
    assert error.details["differences"] == ["S2 CENTER_ONLY 中心1200.00/1000.00/0.00 机构无/无/无"]
    assert "S2" in error.message
    with month.tx() as tx:
        propose_decision(tx, run_id, "S2", "out", "机构称未结算", ON)
    refused("declare.not_reconciled", month)
    with month.tx("qian") as tx:
        confirm_decisions(tx, run_id, ["S2"], ON)
    assert claim(month).records == 1
    assert month.asked("SELECT setl_id FROM fund.declared") == [("S1",)]
    assert "没有可" in refused("declare.already", month).message or month.asked(
        "SELECT count(*) FROM fund.declaration"
    ) == [(1,)]


def test_a_difference_decided_for_us_is_declared(month: Any, bill: Any) -> None:
    month.take(bill("S1"), bill("S2"))
    upload(month, "S1", "S2")
    run_id = reconcile(month, without="S2")
    with month.tx() as tx:
        propose_decision(tx, run_id, "S2", "ours", "机构漏传", ON)
    with month.tx("qian") as tx:
        confirm_decisions(tx, run_id, ["S2"], ON)
    assert claim(month).records == 2


def test_records_that_came_after_the_agreement_need_another(ready: Any, bill: Any) -> None:
    claim(ready)
    ready.take(bill("S5"))
    refused("declare.stale", ready)
    reconcile(ready)
    refused("declare.list_missing", ready)
    upload(ready, "S5")
    second = claim(ready)
    assert (second.records, second.declaration_id[-2:]) == (1, "-2")


def test_the_list_is_a_gate_for_what_needs_one(month: Any, bill: Any) -> None:
    assert {"21", "52", "14"} <= list_med_types()
    assert not {"11", "41"} & list_med_types()
    month.take(bill("S1"), bill("S2"), bill("S3", clr_type="11", med_type="11"))
    reconcile(month)
    error = refused("declare.list_missing", month)
    assert (error.details["missing"], error.details["count"]) == (["S1", "S2"], 2)
    upload(month, "S1")
    upload(month, "S2", on=date(2026, 11, 11))
    assert refused("declare.list_missing", month).details["missing"] == ["S2"]
    assert claim(month, on=date(2026, 11, 11)).records == 2
    outpatient = SCOPE._replace(clr_type="11")
    reconcile(month, outpatient)
    assert claim(month, outpatient).records == 1


def test_a_suspended_institution_a_settled_term_and_an_empty_month_are_refused(ready: Any) -> None:
    with ready.tx() as tx:
        set_agreement(tx, HOSPITAL, "suspended", date(2026, 11, 2))
    refused("declare.suspended", ready)
    with ready.tx() as tx:
        set_agreement(tx, HOSPITAL, "ended", date(2026, 11, 2))
    ready.pretend("INSERT INTO fund.settled_term VALUES (420100, 310, 'H42010000001', 202610, 'M1')")
    refused("declare.settled", ready)
    empty = ReconcileScope(390, HOSPITAL, 202610, "21")
    reconcile(ready, empty)
    refused("declare.nothing", ready, empty)


def request_of(**said: Any) -> Any:
    data = {
        "clr_type": "21", "clr_way": "1", "setlym": "202610", "psntime": 3, "medfee_sumamt": "2410.07", "med_sumfee": 0,
        "fund_appy_sum": "1800.07", "cash_payamt": 600, "acct_pay": "10.00", "begndate": "2026-10-01", "enddate": "2026-10-31",
        **said,
    }  # fmt: skip
    return claim_request(310, HOSPITAL, data, "H42010000001202611100001")


def test_a_3203_request_must_tell_our_sums_and_is_answered_once(ready: Any) -> None:
    wrong = refused("declare.totals", ready, request=request_of(fund_appy_sum="1800.08"))
    assert "1800.08" in wrong.message
    assert "1800.07" in wrong.message
    made = claim(ready, request=request_of())
    assert made.clr_way == "1"
    assert claim(ready, request=request_of()) == made
    refused("declare.other_content", ready, request=request_of(cash_payamt="600.01"))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"fund_appy_sum": 1.5}, "fund_appy_sum"),
        ({"fund_appy_sum": "1e3"}, "fund_appy_sum"),
        ({"acct_pay": None}, "acct_pay"),
        ({"setlym": "2026-10"}, "setlym"),
        ({"setlym": "202613"}, "setlym"),
        ({"psntime": "x"}, "psntime"),
        ({"begndate": "2026-10-02"}, "begndate"),
        ({"enddate": "2026-10-30"}, "enddate"),
    ],
)
def test_bad_3203_requests_are_refused(said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as bad:
        request_of(**said)
    assert bad.value.code == "declare.field"
    assert bad.value.details["field"] == field


def test_withdrawal_before_acceptance_frees_the_records(ready: Any) -> None:
    first = claim(ready).declaration_id
    with pytest.raises(InvalidInput, match="原因"), ready.tx() as tx:
        move(tx, first, "withdraw", ON)
    with ready.tx() as tx:
        assert move(tx, first, "withdraw", ON, "漏报一笔") == "10"
    with ready.tx() as tx:
        assert move(tx, first, "withdraw", ON, "漏报一笔") == "10"
        assert read_declaration(tx, first).withdrawn
    assert ready.asked("SELECT n, event, released FROM fund.declaration_event ORDER BY n") == [
        (1, "apply", []),
        (2, "withdraw", ["S1", "S2", "S3", "S4", "S4R"]),
    ]
    with pytest.raises(Conflict, match="已撤销"), ready.tx("qian") as tx:
        move(tx, first, "accept", ON)
    second = claim(ready).declaration_id
    assert second != first
    with pytest.raises(Forbidden), ready.tx() as tx:
        move(tx, second, "accept", ON)
    with pytest.raises(InvalidInput, match="早于"), ready.tx("qian") as tx:
        move(tx, second, "accept", date(2026, 11, 9))
    with ready.tx("qian") as tx:
        assert move(tx, second, "accept", ON) == "20"
    with pytest.raises(Conflict, match="不能撤回"), ready.tx() as tx:
        move(tx, second, "withdraw", ON, "晚了")


def test_the_states_run_to_paid_and_rejection_frees(ready: Any) -> None:
    first = claim(ready).declaration_id
    with pytest.raises(NotFound), ready.tx() as tx:
        move(tx, "none", "audit", ON)
    with ready.tx("qian") as tx:
        move(tx, first, "accept", ON)
        assert move(tx, first, "reject", ON, "清单不符") == "70"
    assert ready.asked("SELECT count(*) FROM fund.declared") == [(0,)]
    second = claim(ready).declaration_id
    with ready.tx("qian") as tx:
        assert [move(tx, second, event, ON) for event in ("accept", "audit", "audited")] == ["20", "30", "40"]
    with pytest.raises(Conflict, match="未结算的应付款"), ready.tx("qian") as tx:
        move(tx, second, "settle", ON)
    ready.pretend("UPDATE fund.payable SET settled_by = 'M-1'")
    with ready.tx("qian") as tx:
        assert move(tx, second, "settle", ON) == "50"
    # Paid is what the bank says of the month's order, not what somebody enters.
    with pytest.raises(Forbidden, match=r"access\.role_missing"), ready.tx("qian") as tx:
        move(tx, second, "pay", ON, "FL420100-310-20261207-00001")
    with pytest.raises(Conflict, match=r"declare\.no_payment"), ready.tx("li") as tx:
        move(tx, second, "pay", ON, "FL420100-310-20261207-00001")
    with pytest.raises(Conflict), ready.tx("qian") as tx:
        move(tx, second, "reject", ON, "太晚")


def test_lists_are_read_whole_or_not_at_all(month: Any, bill: Any) -> None:
    month.take(bill("S1"))
    assert read_lists("l.txt", b"S1\tL1\t2026-11-01\n") == [UploadedList("S1", "L1", date(2026, 11, 1))]
    bad = {
        b"S1\tL1\n": "lists.format",
        b"S1\tL1\t2026-13-01": "lists.format",
        b"S1\t\t2026-11-01": "lists.format",
        b"S1\tL1\t2026-11-01\nS1\tL1\t2026-11-01": "lists.duplicate",
        "张\tL\t2026-11-01".encode("gb18030"): "lists.encoding",
    }
    for content, code in bad.items():
        with pytest.raises(InvalidInput) as wrong:
            read_lists("l.txt", content)
        assert wrong.value.code == code
    assert upload(month, "S1") == 1
    assert upload(month, "S1") == 0
    for lists, code in (
        ([UploadedList("S9", "L", ON)], "lists.unknown_record"),
        ([UploadedList("S1", "L2", ON)], "lists.other_id"),
    ):
        with pytest.raises(Conflict) as other, month.tx() as tx:
            record_lists(tx, lists)
        assert other.value.code == code


def test_raw_sql_cannot_declare_around_the_gates(ready: Any, bill: Any) -> None:
    ready.take(bill("T1", institution=ready.other_hospital))
    made = claim(ready).declaration_id
    columns = (
        "region, fund, declaration_id, institution, term, clr_type, clr_way, setlym, late, withdrawn, psntime, records, medfee_fen,"
        " med_sumfee_fen, fund_appy_fen, cash_fen, acct_fen, pool_fen, book_acct_fen, begndate, enddate, run_id, digest, declared_by, declared_on"
    )
    copy = f"INSERT INTO fund.declaration ({columns}) SELECT {columns} FROM fund.declaration"
    attempts = {
        "UPDATE fund.declaration SET state = '50'": "42501",
        "UPDATE fund.declaration SET pool_fen = 1": "42501",
        "DELETE FROM fund.declared": "42501",
        "DELETE FROM fund.declaration": "42501",
        copy.replace("SELECT region, fund, declaration_id", "SELECT region, fund, 'X'"): "FL005",
        copy.replace("SELECT region, fund, declaration_id", "SELECT region, fund, 'X'").replace(
            "digest, declared_by, declared_on FROM", "digest, 'qian', declared_on FROM"
        ): "FL003",
        f"INSERT INTO fund.declared VALUES (420100, 310, 'T1', '{made}')": "FL005",
        "INSERT INTO fund.declared VALUES (420100, 310, 'T1', 'none')": "FL005",
        "INSERT INTO fund.declaration_event VALUES (420100, 'x', 1, 'e', '', '', 'zhao', '2026-11-01', '')": "42501",
    }
    for attempt, state in attempts.items():
        with psycopg.connect(ready.database.service_url) as raw:
            raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
            # deferred checks speak at the end of a transaction; here, at the end of the statement
            raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
            with pytest.raises(psycopg.Error) as no:
                raw.execute(attempt)
            assert no.value.sqlstate == state, (attempt, no.value)


def test_a_record_added_to_a_complete_declaration_is_refused(ready: Any, bill: Any) -> None:
    made = claim(ready).declaration_id
    ready.take(bill("S5"))
    with psycopg.connect(ready.database.service_url) as raw:
        raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
        with pytest.raises(psycopg.Error) as no:
            raw.execute(f"INSERT INTO fund.declared VALUES (420100, 310, 'S5', '{made}')")
    assert no.value.diag.message_primary == "declare.complete"


def test_a_record_put_in_another_s_place_past_the_guards_is_named(
    ready: Any, bill: Any, tmp_path: Any
) -> None:
    """As many as before: only the digest of the declaration tells that they are not the same."""
    made = claim(ready).declaration_id
    ready.take(bill("S5"))

    def found() -> list[str]:
        with open_snapshot(ready.database.auditor_engine, tmp_path, []) as snapshot:
            return [one.entry for one in check_declarations(snapshot)]

    assert found() == []
    ready.pretend("UPDATE fund.declared SET setl_id = 'S5' WHERE setl_id = 'S1'")
    assert found() == [f"declaration {made}"]
