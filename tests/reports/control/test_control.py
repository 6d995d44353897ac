"""The control report over a month that was paid by the day, settled, reversed and changed; and what is tampered shows in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from ledger.books.reading import cut
from ledger.books.setup import books_of
from ledger.control.verify import verify
from ledger.core.errors import Conflict, Forbidden, LedgerError, NotFound
from reports.control.brief import PRINTED, brief
from reports.control.due import ControlMonth
from reports.control.report import ControlReport, as_signed, control_report, sign, tips_of
from reports.control.three_ways import Ways, three_ways, ways_by_day
from reports.render.grid_json import document

H, OTHER = "H42010000001", "H42010000002"
OCTOBER, NOVEMBER = 202610, date(2026, 11, 3)


def told(town: Any, month: int = OCTOBER, seed: str = "s1", cases: int = 50) -> ControlReport:
    with town.tx("zhou") as tx:
        return control_report(tx, month, seed, cases=cases)


def part(report: ControlReport, name: str) -> dict[str, Any]:
    (grid,) = [grid for grid in report.grids if grid.name.endswith(f"-{name}")]
    return document(grid)


def rows(report: ControlReport, name: str) -> list[dict[str, Any]]:
    return [row for row in part(report, name)["rows"] if not row.get("total")]  # type: ignore[union-attr]


def test_business_equals_finance_by_day_and_what_was_paid_is_traced(busy: Any) -> None:
    report = told(busy)
    days = {
        row["day"]: (row["business_count"], row["business_fen"], row["business_daily_fen"], row["difference_fen"], row["agrees"])
        for row in rows(report, "business")
    }  # fmt: skip
    # 60 %, half up: 60 000.6 → 60 001, 20 001, 42 000; account money and outpatient care nothing by the day
    assert days["2026-10-12"] == (5, "212836", "122002", "0", "是")
    assert days["2026-10-13"] == (1, "40000", "24000", "0", "是")
    assert rows(report, "differences") == [
        row for row in rows(report, "differences") if "尚未入账" in row["what"]
    ]
    assert all(row["agrees"] == "是" for row in rows(report, "receipts"))
    cases = {row["setl_id"]: row for row in rows(report, "sample")}
    assert set(cases) == {"a1", "a2", "b1", "b2", "b1r"}
    assert {row["wrong"] for row in cases.values()} == {""}
    assert cases["a1"]["due_fen"] == cases["a1"]["payable_fen"] == "60001"
    assert cases["a1"]["terms"] == "第1版 赵制单 钱复核"
    assert cases["a1"]["payee"] == "第1版 赵制单 钱复核"
    assert cases["a1"]["receipt"].startswith("入账通知")
    assert part(report, "sample")["error_rate"] == "0.00%"
    [settled] = [row for row in rows(report, "link") if row["institution"] == H]
    assert (settled["paid_fen"], settled["deducted_fen"], settled["difference_fen"], settled["open_fen"]) == ("80002", "80002", "0", "0")  # fmt: skip
    assert part(report, "link")["differences"] == 0
    [reversal] = rows(report, "reversals")
    assert (reversal["setl_id"], reversal["original"], reversal["daily_fen"]) == ("b1r", "b1", "-42000")
    [paper] = rows(report, "suspense")
    assert (paper["amount_fen"], paper["days"], paper["state"]) == ("777", 11, "挂账")
    changes = rows(report, "changes")
    assert {(row["what"], row["proposed_by"], row["confirmed_by"]) for row in changes} >= {("收款账户", "赵制单", "钱复核"), ("参加方式", "赵制单", "钱复核")}  # fmt: skip


def test_the_seed_draws_the_same_cases_and_another_seed_others(busy: Any) -> None:
    drawn = [[row["setl_id"] for row in rows(told(busy, seed=seed, cases=2), "sample")] for seed in ("x", "x", "y", "z", "w")]  # fmt: skip
    assert drawn[0] == drawn[1]
    assert len({tuple(one) for one in drawn}) > 1
    assert all(len(one) == 2 for one in drawn)
    assert part(told(busy, seed="x", cases=2), "sample")["population"] == 5
    assert told(busy, seed="x").digest == told(busy, seed="x").digest != told(busy, seed="y").digest


TAMPERED = [
    ("UPDATE fund.payable SET daily_fen = daily_fen + 100 WHERE setl_id = 'a1' AND subfund = 'pool'", "a1", "日拨付额"),
    ("UPDATE fund.payable SET ratio = 7000 WHERE setl_id = 'a1' AND subfund = 'pool'", "a1", "日拨付额"),
    ("UPDATE fund.payable SET fund_fen = fund_fen + 100 WHERE setl_id = 'a1' AND subfund = 'pool'", "a1", "基金金额"),
    ("DELETE FROM fund.payable WHERE setl_id = 'b2'", "b2", "没有应付明细"),
    ("UPDATE payments.pay_order SET payee_number = '6200000009' WHERE order_no = (SELECT order_no FROM payments.order_payable WHERE setl_id = 'a2')", "a2", "收款账户"),
    ("UPDATE payments.order_payable SET daily_fen = 1 WHERE setl_id = 'a2'", "a2", "拨付单所列"),
    ("DELETE FROM payments.evidence WHERE matched_order = (SELECT order_no FROM payments.order_payable WHERE setl_id = 'b1')", "b1", "没有回单"),
    ("UPDATE fund.terms SET confirmed_by = 'zhao', proposed_by = 'zhao.x' WHERE institution = 'H42010000002' AND kind = 'enrolment'", "b2", "两人"),
    ("UPDATE fund.record SET hifp_pay = hifp_pay + 333 WHERE setl_id = 'a1'", "a1", "基金金额"),
]  # fmt: skip


def test_what_was_tampered_shows(busy: Any) -> None:
    with busy.month.admin.begin() as admin:
        admin.exec_driver_sql(
            "INSERT INTO access.app_user VALUES ('zhao.x', 'person-maker', '赵制单（另名）')"
        )
    for done, setl_id, named in TAMPERED:
        busy.month.pretend(done)
        report = told(busy)
        wrong = {row["setl_id"]: row["wrong"] for row in rows(report, "sample") if row["wrong"]}
        assert named in wrong[setl_id], (done, wrong)
        assert part(report, "sample")["error_rate"] != "0.00%"
        if "fund.payable" in done:
            assert setl_id in {row["setl_id"] for row in rows(report, "differences")}
    assert [
        row for row in rows(told(busy), "business") if row["agrees"] == "否"
    ]  # the record is no longer what was booked


def ways(town: Any, institution: str = "", day: date | None = None) -> dict[Any, Any]:
    with town.tx("zhou") as tx:
        month = ControlMonth(420100, OCTOBER, day=day)
        tips = tips_of(tx, {book: cut(tx, book, None) for book, _ in books_of(tx)})
        if not institution:
            return {one.of: one for one in three_ways(tx, month, tips)}
        each = [one for one in ways_by_day(tx, month, tips) if one.institution == institution]
        return {one.day: Ways(one.day, "", *one[3:]) for one in each}


def test_business_finance_and_bank_side_by_side(busy: Any) -> None:
    found = ways(busy)
    # records: 60 % of 100 001 and 33 335; of 70 000 and 40 000 less the 70 000 reversed
    assert {of: one[2:] for of, one in found.items()} == {
        H: (4, 80_002, 80_002, 80_002, 80_002, 80_002), OTHER: (3, 24_000, 24_000, 42_000, 42_000, 42_000),
    }  # fmt: skip
    assert not any(one.differs for one in found.values())
    days = ways(busy, OTHER)
    assert {str(day): (one.business_fen, one.paid_fen) for day, one in days.items()} == {
        "2026-10-12": (42_000, 42_000), "2026-10-13": (24_000, 0), "2026-10-15": (-42_000, 0),
    }  # fmt: skip
    busy.month.pretend("UPDATE fund.record SET hifp_pay = hifp_pay + 1000 WHERE setl_id = 'b2'")
    busy.month.pretend(
        "DELETE FROM payments.evidence WHERE matched_order = (SELECT order_no FROM payments.order_payable WHERE setl_id = 'a2')"
    )
    found = ways(busy)
    assert (found[H].differs, found[H].told_fen, found[H].paid_fen) == (
        True,
        80_002,
        0,
    )  # both were in one order
    assert (found[OTHER].differs, found[OTHER].business_fen - found[OTHER].finance_fen) == (True, 600)


def test_a_day_is_checked_alone_and_the_days_are_the_month(busy: Any) -> None:
    busy.month.pretend("UPDATE fund.record SET hifp_pay = hifp_pay + 1000 WHERE setl_id = 'b2'")
    month: dict[str, list[int]] = {}
    for number in range(1, 32):
        day = date(2026, 10, number)
        for of, one in ways(busy, day=day).items():
            assert one == ways(busy, of)[day]._replace(of=of, name=one.name)
            sums = month.setdefault(of, [0] * 6)
            month[of] = [a + b for a, b in zip(sums, one[2:], strict=True)]
    assert {of: tuple(sums) for of, sums in month.items()} == {of: one[2:] for of, one in ways(busy).items()}
    assert [of for of, one in ways(busy, day=date(2026, 10, 13)).items() if one.differs] == [OTHER]
    assert ways(busy, day=date(2026, 10, 14)) == {}


def test_the_reviewer_signs_what_was_shown_once_and_it_stays(busy: Any) -> None:
    report = told(busy)
    with pytest.raises(NotFound), busy.tx("zhou") as tx:
        as_signed(tx, OCTOBER)
    for user, on, digest, code in [
        ("qian", NOVEMBER, report.digest, "access.role_missing"),
        ("zhou", date(2026, 10, 31), report.digest, "control.running"),
        ("zhou", NOVEMBER, b"0" * 32, "control.changed"),
        ("zhou", date(2026, 11, 4), report.digest, "control.future"),
    ]:
        with pytest.raises(LedgerError) as refused, busy.tx(user) as tx:
            sign(tx, told(busy), digest, on, NOVEMBER)
        assert refused.value.code == code
    with busy.tx("zhou") as tx:
        sign(tx, report, report.digest, NOVEMBER, NOVEMBER)
    again = told(busy)
    assert again.signed is not None
    with pytest.raises(Conflict) as twice, busy.tx("zhou") as tx:
        sign(tx, again, again.digest, NOVEMBER, NOVEMBER)
    assert twice.value.code == "control.signed"
    with busy.tx("zhou") as tx:
        kept = as_signed(tx, OCTOBER)
    assert kept.content == report.content
    assert kept.digest == report.digest
    assert [document(grid)["rows"] for grid in kept.grids] == [
        document(grid)["rows"] for grid in report.grids
    ]
    busy.verified()
    for user, done in [
        ("zhou", "UPDATE fund.control_report SET seed = 'x'"), ("zhou", "DELETE FROM fund.control_report"),
        ("zhou", "INSERT INTO fund.control_report VALUES (420100, 202609, 's', 'x', sha256('x'), 'qian', '2026-11-03')"),
        ("zhou", "INSERT INTO fund.control_report VALUES (420100, 202609, 's', 'x', sha256('y'), 'zhou', '2026-11-03')"),
        ("zhou", "INSERT INTO fund.control_report VALUES (420100, 202609, 's', 'x', sha256('x'), 'zhou', '2199-01-01')"),
        ("qian", "INSERT INTO fund.control_report VALUES (420100, 202609, 's', 'x', sha256('x'), 'qian', '2026-11-03')"),
    ]:  # fmt: skip
        with pytest.raises(LedgerError), busy.tx(user) as tx:
            tx.run(done)
    busy.month.pretend("UPDATE fund.control_report SET content = replace(content, '60001', '60000')")
    named = [f for f in verify(busy.month.database.auditor_engine, busy.home) if f.entry == "control 202610"]
    assert [f.promise for f in named] == ["INV-12"]


def test_a_reader_of_one_fund_sees_that_fund(busy: Any) -> None:
    with busy.month.admin.begin() as admin:
        admin.exec_driver_sql("INSERT INTO access.app_user VALUES ('jihe', 'person-jihe', '沈稽核')")
        admin.exec_driver_sql("INSERT INTO access.user_role VALUES (420100, 'jihe', 'reviewer', 390)")
    with busy.tx("jihe") as tx:
        report = control_report(tx, OCTOBER, "s")
    assert rows(report, "business") == []
    assert rows(report, "sample") == []
    with pytest.raises(Forbidden), busy.tx("jihe") as tx:
        sign(tx, report, report.digest, NOVEMBER, NOVEMBER)


def test_on_paper_stand_summaries_and_what_is_wrong(busy: Any) -> None:
    report = told(busy)
    whole, paper = report.printed(), report.printed(on_paper=True)
    assert [grid.title for grid in paper] == [grid.title for grid in whole]
    for full, short in zip(whole, paper, strict=True):
        part = full.name.rsplit("-", 1)[-1]
        assert [line.cells for line in short.lines if line.total] == [
            line.cells for line in full.lines if line.total
        ]
        if part in ("sample", "link"):
            assert [line for line in short.lines if not line.total] == []
            assert any("全部见工作簿" in note for note in short.notes)
        elif part != "changes":
            assert [line.cells for line in short.lines] == [line.cells for line in full.lines]
    assert paper[-1].signers == whole[-1].signers
    long = replace(whole[-1], lines=[line for line in whole[-1].lines if not line.total] * (PRINTED + 1))
    assert len(list(brief(long).lines)) == PRINTED
    busy.month.pretend("UPDATE payments.order_payable SET daily_fen = 1 WHERE setl_id = 'a2'")
    (sample,) = [grid for grid in told(busy).printed(on_paper=True) if grid.name.endswith("-sample")]
    assert "a2" in {line.cells[0] for line in sample.lines}
    assert all(line.cells[-1] for line in sample.lines)
