"""Reconciliation on a real database: totals, details, decisions, the period query, the doors."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.fund.reconcile.decisions import confirm_decisions, propose_decision
from ledger.fund.reconcile.details import (
    DetailFile,
    DetailResult,
    compare_details,
    differences,
    our_details,
    result_rows,
)
from ledger.fund.reconcile.file import DetailRow, write_detail
from ledger.fund.reconcile.period import PeriodQuery, settlements
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.fund.reconcile.totals import TotalsResult, compare_totals, totals_request
from tests.scenes.people import admit

ON = date(2026, 11, 3)
HOSPITAL = "H42010000001"
SCOPE = ReconcileScope(310, HOSPITAL, 202610, "21")


def totals(month: Any, **said: Any) -> TotalsResult:
    data = {
        "insutype": "310", "clr_type": "21", "setl_optins": "420106", "stmt_begndate": "2026-10-01", "stmt_enddate": "2026-10-31",
        "medfee_sumamt": "0", "fund_pay_sumamt": "0", "acct_pay": "0", "fixmedins_setl_cnt": "0", **said,
    }  # fmt: skip
    with month.tx() as tx:
        return compare_totals(tx, HOSPITAL, totals_request(data), ON)


def compare(month: Any, rows: list[DetailRow], scope: ReconcileScope = SCOPE, **how: Any) -> DetailResult:
    with month.tx() as tx:
        return compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt"), **how), ON)


def ours(month: Any, scope: ReconcileScope = SCOPE) -> list[DetailRow]:
    with month.tx() as tx:
        return our_details(tx, scope)


@pytest.fixture
def stocked(month: Any, bill: Any) -> Any:
    """Three plain records, one reversed on another day, one each of what is not in the scope."""
    month.take(
        bill("S1"),
        bill("S2", fund=50_000, acct=1_000, day="2026-10-31", time="23:59:59"),
        bill("S3", fund=7, day="2026-10-01", time="00:00:00", insutype="510", med_type="52"),
        bill("S4", fund=30_000),
        bill("S5-out", clr_type="11", med_type="11"),
        bill("S6-out", insutype="390"),
        bill("S7-out", day="2026-11-01", time="00:00:00"),
        bill("S8-out", institution=month.other_hospital),
        bill("S9-out", pay_loc="4", insu_admdvs="310101"),
    )
    month.take(bill("S4R", fund=-30_000, cash=-20_000, init="S4", day="2026-10-20"))
    return month


def test_totals_agree_or_show_both_sides(stocked: Any) -> None:
    good = totals(
        stocked,
        medfee_sumamt="1910.00",
        fund_pay_sumamt=Decimal("1500.00"),
        acct_pay=10,
        fixmedins_setl_cnt=2,
    )
    assert good.agrees
    assert good.description == "平"
    bad = totals(
        stocked, medfee_sumamt="1910.01", fund_pay_sumamt="1500", acct_pay="10", fixmedins_setl_cnt="2"
    )
    assert (bad.stmt_rslt, bad.ours.medfee_fen, bad.theirs.medfee_fen) == ("1", 191_000, 191_001)
    assert bad.description == "不平：医疗费总额中心1,910.00元、机构1,910.01元"
    assert stocked.asked("SELECT state FROM fund.reconciliation") == [("differs",)]
    mended = totals(
        stocked, medfee_sumamt="1910.00", fund_pay_sumamt="1500", acct_pay="10", fixmedins_setl_cnt="2"
    )
    assert mended.agrees
    assert stocked.asked("SELECT state FROM fund.reconciliation") == [("open",)], "sent anew and right"


def test_refunds_in_or_out_of_the_totals(stocked: Any) -> None:
    """In: the reversed pair counts +1 −1 and nets to nothing; by days the two halves show."""
    same = {"medfee_sumamt": "1910", "fund_pay_sumamt": "1500", "acct_pay": "10", "fixmedins_setl_cnt": "2"}
    for flag in ("1", "", "0", None):
        assert totals(stocked, refd_setl_flag=flag, **same).agrees
    day = {"stmt_begndate": "2026-10-20", "stmt_enddate": "2026-10-20"}
    half = {"medfee_sumamt": "-500", "fund_pay_sumamt": "-300", "acct_pay": "0", "fixmedins_setl_cnt": "-1"}
    assert totals(stocked, **day, **half).agrees
    assert totals(stocked, refd_setl_flag="0", **day).agrees
    assert not totals(stocked, refd_setl_flag="0", **day, **half).agrees
    twelfth = {"stmt_begndate": "2026-10-12", "stmt_enddate": "2026-10-12"}
    assert totals(
        stocked,
        refd_setl_flag="0",
        **twelfth,
        medfee_sumamt="1200",
        fund_pay_sumamt="1000",
        fixmedins_setl_cnt="1",
    ).agrees


def test_totals_alone_never_agree_a_line_and_a_replay_is_the_first_answer(stocked: Any) -> None:
    same = {"medfee_sumamt": "1910", "fund_pay_sumamt": "1500", "acct_pay": "10", "fixmedins_setl_cnt": "2"}
    assert totals(stocked, **same) == totals(stocked, **same)
    assert stocked.asked("SELECT state FROM fund.reconciliation") == [("open",)]
    assert stocked.asked("SELECT count(*) FROM fund.reconcile_total") == [(1,)]


BAD_TOTALS: list[tuple[dict[str, Any], str]] = [
    ({"medfee_sumamt": 1.5}, "reconcile.field"),
    ({"medfee_sumamt": "1.005"}, "amount.format"),
    ({"acct_pay": None}, "reconcile.field"),
    ({"stmt_begndate": "2026-13-01"}, "date.format"),
    ({"stmt_begndate": "2026-10-31", "stmt_enddate": "2026-10-01"}, "reconcile.field"),
    ({"stmt_begndate": "2026-09-30"}, "reconcile.period"),
    ({"refd_setl_flag": "2"}, "reconcile.field"),
    ({"fixmedins_setl_cnt": "x"}, "reconcile.field"),
    ({"insutype": "340"}, "reconcile.insutype"),
    ({"insutype": "xxx"}, "reconcile.insutype"),
    ({"clr_type": "88"}, "scope.clr_type"),
]


def test_bad_totals_requests_are_refused(month: Any) -> None:
    for said, code in BAD_TOTALS:
        with pytest.raises(InvalidInput) as refused:
            totals(month, **said)
        assert refused.value.code == code, said


def test_the_four_outcomes_with_both_sides_figures(stocked: Any) -> None:
    rows = ours(stocked)
    assert [row.setl_id for row in rows] == ["S1", "S2", "S3", "S4", "S4R"]
    assert [row.refd_setl_flag for row in rows] == ["0", "0", "0", "1", "1"]
    theirs = [
        rows[0],
        rows[1]._replace(fund_fen=50_001),
        rows[3],
        rows[4],
        DetailRow("X1", "", "", 5, 4, 0, "0"),
    ]
    found = compare(stocked, theirs)
    assert (found.matched, found.center_only, found.provider_only, found.amount_diff) == (3, 1, 1, 1)
    assert found.state == "differs"
    with stocked.tx() as tx:
        listed = {d.setl_id: (d.outcome, *d.sides) for d in differences(tx, found.run_id)}
        lines = {row.setl_id: row for row in result_rows(tx, found.run_id)}
    assert listed == {
        "S2": ("AMOUNT_DIFF", 71_000, 50_000, 1_000, 71_000, 50_001, 1_000),
        "S3": ("CENTER_ONLY", 20_007, 7, 0, None, None, None),
        "X1": ("PROVIDER_ONLY", None, None, None, 5, 4, 0),
    }
    assert {key: row.stmt_rslt for key, row in lines.items()} == {"S2": "3", "S3": "1", "X1": "2"}
    assert (lines["S2"].fund_fen, lines["X1"].fund_fen) == (50_000, 4)
    assert "500.01" in lines["S2"].memo


def test_new_data_resolve_differences_and_the_same_file_is_answered_as_before(stocked: Any) -> None:
    rows = ours(stocked)
    first = compare(stocked, rows[1:])
    assert compare(stocked, rows[1:]) == first
    assert stocked.asked("SELECT count(*) FROM fund.reconcile_run") == [(1,)]
    good = compare(stocked, rows)
    assert (good.state, good.center_only) == ("agreed", 0)
    assert stocked.asked("SELECT records, differences FROM fund.reconciliation") == [(5, 0)]
    assert compare(stocked, rows[1:]).state == "differs"


def test_a_file_without_refunds_or_of_one_office_does_not_settle_the_line(stocked: Any) -> None:
    rows = ours(stocked)
    part = compare(stocked, rows[:3], with_refunded=False)
    assert (part.matched, part.center_only, part.state) == (3, 0, "open")
    office = compare(stocked, rows, setl_optins="420106")
    assert (office.matched, office.state) == (5, "open")


def test_a_decision_takes_two_persons_and_stays(stocked: Any) -> None:
    rows = ours(stocked)
    run_id = compare(stocked, rows[1:]).run_id
    with pytest.raises(Conflict, match="还没有人提出"), stocked.tx("qian") as tx:
        confirm_decisions(tx, run_id, ["S1"], ON)
    with pytest.raises(InvalidInput, match="ours或out"), stocked.tx() as tx:
        propose_decision(tx, run_id, "S1", "maybe", "核实", ON)
    with pytest.raises(InvalidInput, match="理由"), stocked.tx() as tx:
        propose_decision(tx, run_id, "S1", "ours", "  ", ON)
    with pytest.raises(NotFound), stocked.tx() as tx:
        propose_decision(tx, run_id, "S9", "ours", "核实", ON)
    with pytest.raises(Forbidden) as refused, stocked.tx("jieru") as tx:
        propose_decision(tx, run_id, "S1", "ours", "核实", ON)
    assert refused.value.code == "access.role_missing"
    with stocked.tx() as tx:
        propose_decision(tx, run_id, "S1", "ours", "机构漏传，病历已核", ON)
    with pytest.raises(Forbidden), stocked.tx() as tx:
        confirm_decisions(tx, run_id, ["S1"], ON)
    with stocked.tx("qian") as tx:
        assert confirm_decisions(tx, run_id, ["S1"], ON).state == "agreed"
    with stocked.tx("qian") as tx:
        assert confirm_decisions(tx, run_id, ["S1"], ON).state == "agreed"
    with pytest.raises(Conflict) as decided, stocked.tx() as tx:
        propose_decision(tx, run_id, "S1", "out", "改判", ON)
    assert decided.value.code == "difference.decided"
    with stocked.tx() as tx:
        (kept,) = differences(tx, run_id)
        assert (kept.decision, kept.proposed_by, kept.confirmed_by, kept.resolved) == (
            "ours",
            "zhao",
            "qian",
            True,
        )
        assert differences(tx, run_id, unresolved=True) == []


def test_one_person_with_two_names_cannot_confirm_their_own(stocked: Any) -> None:
    run_id = compare(stocked, []).run_id
    admit(stocked.engine, "zhao2", "person-maker", "赵制单二", "checker")
    with stocked.tx() as tx:
        propose_decision(tx, run_id, "S1", "ours", "核实", ON)
    with pytest.raises(Forbidden) as refused, stocked.tx("zhao2") as tx:
        confirm_decisions(tx, run_id, ["S1"], ON)
    assert refused.value.code == "difference.same_person"


def test_an_impossible_scope_is_refused(month: Any) -> None:
    for scope, error in (
        (SCOPE._replace(fund=340), InvalidInput),
        (SCOPE._replace(term=202613), InvalidInput),
        (SCOPE._replace(clr_type="77"), InvalidInput),
        (SCOPE._replace(institution="H99999999999"), NotFound),
    ):
        with pytest.raises(error):
            compare(month, [], scope)


def test_the_period_query_pages_through_everything_once(stocked: Any) -> None:
    with stocked.tx() as tx:
        seen: list[dict[str, str]] = []
        after = ""
        while True:
            page = settlements(tx, PeriodQuery(HOSPITAL, date(2026, 10, 1), date(2026, 10, 31), after, 2))
            assert len(page.rows) <= 2
            seen += page.rows
            if not page.next:
                break
            after = page.next
    assert [row["setl_id"] for row in seen] == ["S3", "S1", "S4", "S5-out", "S6-out", "S9-out", "S4R", "S2"]
    reversed_, back = seen[2], seen[6]
    assert (reversed_["refd_setl_flag"], back["refd_setl_flag"], back["init_setl_id"]) == ("1", "1", "S4")
    assert (back["medfee_sumamt"], back["clr_flag"], seen[0]["refd_setl_flag"]) == ("-500.00", "0", "0")


def test_a_bad_period_query_is_refused(month: Any) -> None:
    first, second = date(2026, 10, 1), date(2026, 10, 2)
    for query, code in (
        (PeriodQuery(HOSPITAL, second, first), "period.dates"),
        (PeriodQuery(HOSPITAL, first, second, page_size=0), "period.page_size"),
        (PeriodQuery(HOSPITAL, first, second, page_size=1_001), "period.page_size"),
        (PeriodQuery(HOSPITAL, first, second, after="x"), "period.after"),
        (PeriodQuery(HOSPITAL, first, second, after="2026-10-99T00:00:00|S1"), "period.after"),
    ):
        with pytest.raises(InvalidInput) as refused, month.tx() as tx:
            settlements(tx, query)
        assert refused.value.code == code


def test_raw_sql_cannot_agree_a_line_nor_change_a_comparison(stocked: Any) -> None:
    run_id = compare(stocked, []).run_id
    attempts = {
        "UPDATE fund.reconciliation SET state = 'agreed'": "FL005",
        "UPDATE fund.reconcile_run SET center_only = 0": "42501",
        "DELETE FROM fund.difference": "42501",
        "UPDATE fund.difference SET our_fund_fen = 0": "42501",
        "UPDATE fund.difference SET decision='ours', reason='x', proposed_by='qian', proposed_on='2026-11-03'": "FL003",
        "UPDATE fund.difference SET decision='ours', reason='x', proposed_by='zhao', proposed_on='2026-11-03', "
        "confirmed_by='qian', confirmed_on='2026-11-03'": "FL003",
        f"INSERT INTO fund.difference VALUES (420100, 310, '{run_id}', 99, 'S', '', '', '0', 'CENTER_ONLY', 1, 1, 1, NULL, NULL, NULL, "
        "'ours', 'x', 'zhao', '2026-11-03', 'qian', '2026-11-03')": "FL005",
    }
    for attempt, state in attempts.items():
        with psycopg.connect(stocked.database.service_url) as raw:
            raw.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
            with pytest.raises(psycopg.Error) as refused:
                raw.execute(attempt)
            assert refused.value.sqlstate == state, attempt
    for attempt in (
        "UPDATE fund.reconcile_run SET center_only = 0",
        "DELETE FROM fund.difference",
        "DELETE FROM fund.reconcile_total",
    ):
        with pytest.raises(psycopg.Error) as frozen, psycopg.connect(stocked.database.admin_url) as raw:
            raw.execute(attempt)
        assert frozen.value.sqlstate == "FL002"


amounts = st.integers(1, 4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(theirs=st.dictionaries(st.sampled_from(["S1", "S2", "S3", "S4", "S4R", "X1", "X2"]), amounts))
def test_the_set_operation_is_the_naive_comparison(stocked: Any, theirs: dict[str, int]) -> None:
    mine = {row.setl_id: row for row in ours(stocked)}
    rows = [
        # 1 and 2: as ours where we have it; else another amount in one of the three columns
        mine[key] if n <= 2 and key in mine else (mine.get(key) or DetailRow(key, "", "", 1, 1, 1, "0"))._replace(
            medfee_fen=999 if n == 3 else 5, acct_fen=998
        )
        for key, n in theirs.items()
    ]  # fmt: skip
    naive: dict[str, list[str]] = {"MATCH": [], "CENTER_ONLY": [], "PROVIDER_ONLY": [], "AMOUNT_DIFF": []}
    sent = {row.setl_id: row for row in rows}
    for key in mine.keys() | sent.keys():
        if key not in sent:
            naive["CENTER_ONLY"].append(key)
        elif key not in mine:
            naive["PROVIDER_ONLY"].append(key)
        else:
            naive["MATCH" if mine[key][3:6] == sent[key][3:6] else "AMOUNT_DIFF"].append(key)
    found = compare(stocked, rows)
    assert (found.matched, found.center_only, found.provider_only, found.amount_diff) == tuple(
        map(len, naive.values())
    )
    assert found.state == ("agreed" if len(naive["MATCH"]) == len(mine | sent) else "differs")
    with stocked.tx() as tx:
        listed = {(d.outcome, d.setl_id) for d in differences(tx, found.run_id)}
    assert listed == {(kind, key) for kind, keys in naive.items() if kind != "MATCH" for key in keys}


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    "change",
    ["differences = 0", "records = records + 1", "run_id = ''", "run_id = 'other'", "total_id = 'other'"],
)
def test_a_line_says_what_its_comparison_found(stocked: Any, change: str) -> None:
    """By raw SQL, whoever asks: the differences found are not written away."""
    rows = ours(stocked)
    rows[0] = rows[0]._replace(fund_fen=1)
    compare(stocked, rows)
    for user in ("zhao", "qian", "li"):
        with pytest.raises(LedgerError) as refused, stocked.tx(user) as tx:
            tx.run(f"UPDATE fund.reconciliation SET {change}")
        assert refused.value.code == "reconcile.not_compared"
    assert stocked.asked("SELECT state, differences FROM fund.reconciliation WHERE run_id <> ''") == [
        ("differs", 1)
    ]
