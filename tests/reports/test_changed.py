"""What changed since a report was printed at T: the page of T comes out again for ever, and each changed cell names what moved it."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.books.reading import cut
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.words import said
from reports.catalogue import REPORTS, ReportAsked, build
from reports.changed import changed
from tests.reports.statements.conftest import BANK, CARE, FISCAL, desk_of, employees

__all__ = ["desk_of", "employees"]
OTHER = CARE._replace(counterparty="H42010000002")
ASKED = {
    "general-ledger": ReportAsked(year=2026),
    "sub-ledger": ReportAsked(202610, account="1004"),
    "columnar": ReportAsked(202610, account="5001"),
    "journal": ReportAsked(202610),
    "bank-journal": ReportAsked(202610, account="1004"),
    "auxiliary": ReportAsked(202610, by="category"),
}


def at(desk):
    with desk.tx() as tx:
        return cut(tx, desk.book, None).recorded_at


def made(desk, name, since, *, as_of=None):
    asked = ASKED.get(name, ReportAsked(202610))
    with desk.tx() as tx:
        return build(tx, desk.book, name, asked, since)


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_of_then_comes_out_again_for_ever(employees, name):
    then = at(employees)
    before = made(employees, name, then)
    # into the month that was printed, an institution and a category that were not there, a correction, and another month
    employees.post(date(2026, 11, 30), debit(50010101, 5, CARE), credit(1004, 5, BANK))
    wrong = employees.post(
        date(2026, 10, 31),
        debit(50010102, 11_000, OTHER._replace(category="chronic")),
        credit(1004, 11_000, BANK),
    )
    employees.post(date(2026, 10, 31), debit(50010102, -11_000, OTHER._replace(category="chronic")), credit(1004, -11_000, BANK), reverses=wrong.seq)  # fmt: skip
    employees.post(date(2026, 10, 31), debit(50010101, 7_000, OTHER), credit(1004, 7_000, BANK))
    employees.post(date(2026, 10, 31), debit(110105, 3, OTHER), credit(1004, 3, BANK))
    again = made(employees, name, then)
    assert (again.document, again.printed.lines, again.flat.lines) == (before.document, before.printed.lines, before.flat.lines)  # fmt: skip
    now = made(employees, name, None)
    assert now.flat.lines != before.flat.lines
    with employees.tx() as tx:
        told = changed(tx, employees.book, name, ASKED.get(name, ReportAsked(202610)), then)
        nothing = changed(tx, employees.book, name, ASKED.get(name, ReportAsked(202610)), at(employees))
        repeated = changed(
            tx, employees.book, name, ASKED.get(name, ReportAsked(202610)), then, at(employees)
        )
    assert nothing.changes == []
    assert told.as_json() == repeated.as_json()
    assert told.changes
    by_place = {(c.figure.row, c.figure.column): c for c in told.changes}
    assert len(by_place) >= 1
    assert all(change.vouchers for change in told.changes)
    named = {lines[0].voucher for lines in told.entries}
    assert named == {voucher for change in told.changes for voucher in change.vouchers}
    assert any(
        lines[0].prepared_by == "rule:TST@1" and lines[0].reviewed_by == "zhang" for lines in told.entries
    )
    if name != "general-ledger":  # the year's months are in it
        assert not any("202611" in voucher for voucher in named)


def test_each_changed_cell_with_what_moved_it(employees):
    then = at(employees)
    first = employees.post(date(2026, 10, 31), debit(50010101, 7_000, OTHER), credit(1004, 7_000, BANK))
    second = employees.post(date(2026, 10, 31), debit(1003, 90, FISCAL), credit(42010101, 90))
    employees.post(date(2026, 11, 30), debit(1003, 1, FISCAL), credit(42010101, 1))
    with employees.tx() as tx:
        sheet = changed(tx, employees.book, "balance-sheet", ReportAsked(202610), then)
        income = changed(tx, employees.book, "income-statement", ReportAsked(202610), then)
        dealings = changed(tx, employees.book, "dealings", ReportAsked(202610), then)
        as_of = changed(
            tx, employees.book, "balance-sheet", ReportAsked(202610, as_of=date(2026, 10, 30)), then
        )
    number = {posted.seq: f"{posted.series}-{posted.period}-{posted.vno}" for posted in (first, second)}
    a, b = number[first.seq], number[second.seq]

    def cells(told):
        return {(c.figure.row.split()[-1], c.figure.column): (c.now_fen - c.before_fen, list(c.vouchers)) for c in told.changes}  # fmt: skip

    assert cells(sheet) == {
        ("财政专户存款", "期末余额"): (90, [b]),
        ("支出户存款", "期末余额"): (-7_000, [a]),
        ("资产总计", "期末余额"): (-6_910, [a, b]),
        ("一般基金结余", "期末余额"): (-6_910, [a, b]),
        ("（一）统筹基金", "期末余额"): (-6_910, [a, b]),
        ("净资产合计", "期末余额"): (-6_910, [a, b]),
        ("负债与净资产总计", "期末余额"): (-6_910, [a, b]),
    }
    moved = cells(income)
    assert moved[("利息收入", "本月数")] == moved[("利息收入", "本年累计数")] == (90, [b])
    assert moved[("（一）住院费用", "本月数")] == (7_000, [a])
    assert moved[("统筹基金结余", "本月数")] == (-6_910, [a, b])
    assert dealings.changes == [] == as_of.changes
    assert sheet.as_json()["entries"][0]["lines"] == [["借", "50010101", "7000"], ["贷", "1004", "7000"]]


def test_what_is_asked_wrongly_is_refused(employees):
    then = at(employees)
    with employees.tx() as tx:
        with pytest.raises(NotFound):
            changed(tx, employees.book, "voucher", ReportAsked(202610), then)
        for name, asked in [
            ("trial-balance", ReportAsked()),
            ("sub-ledger", ReportAsked(202610)),
            ("auxiliary", ReportAsked(202610, by="x")),
        ]:
            with pytest.raises(InvalidInput):
                changed(tx, employees.book, name, asked, then)


def test_balances_by_dimension_and_by_party(employees):
    employees.post(date(2026, 11, 30), debit(110105, 900, OTHER), credit(1004, 900, BANK))
    asked = {
        by: ReportAsked(202611, by=by)
        for by in ("counterparty", "subfund", "service_year", "term", "category")
    }
    with employees.tx() as tx:
        grids = {by: build(tx, employees.book, "auxiliary", one).flat for by, one in asked.items()}
        lines = tx.rows(
            "SELECT d.counterparty, d.subfund, d.service_year::text, d.term::text, d.category, l.account::text, e.period,"
            " CASE l.side WHEN 1 THEN l.amount_fen ELSE 0 END, CASE l.side WHEN -1 THEN l.amount_fen ELSE 0 END, e.event"
            " FROM books.entry e JOIN books.leg l USING (region, fund, period, seq) JOIN books.dim d USING (region, dim)"
            " WHERE l.account::text !~ '^9'"
        )
    for place, (by, grid) in enumerate(grids.items()):
        rows = [
            dict(zip([c.key for c in grid.columns], line.cells, strict=True))
            for line in grid.lines
            if not line.total
        ]
        assert rows
        for row in rows:
            own = [
                line
                for line in lines
                if row["value"] == (said(by, line[place]) if by in ("subfund", "category") else line[place])
                and line[5] == row["code"]
            ]
            balance = {end: sum(one[7] - one[8] for one in own if one[6] <= end) for end in (202610, 202611)}
            assert row["opening_debit_fen"] - row["opening_credit_fen"] == balance[202610]
            assert row["closing_debit_fen"] - row["closing_credit_fen"] == balance[202611]
            assert row["debit_fen"] == sum(one[7] for one in own if one[6] == 202611)
            assert row["year_credit_fen"] == sum(one[8] for one in own if one[9] != "OPEN")
        kept = {line[5] for line in lines if line[place] not in ("", "0")}
        assert {row["code"] for row in rows} == kept, by
    with employees.tx() as tx:
        dealt = build(tx, employees.book, "dealings", ReportAsked(202611, party="H42010000002")).document[
            "rows"
        ]
    assert [(r["code"], r["opening_fen"], r["debit_fen"], r["side"], r["closing_fen"]) for r in dealt] == [
        ("110105", "0", "900", "借", "900"), ("110105", "0", "900", "借", "900")]  # fmt: skip
    with employees.tx() as tx, pytest.raises(InvalidInput):
        build(tx, employees.book, "auxiliary", ReportAsked(202611, account="41010101"))
    with employees.tx() as tx, pytest.raises(NotFound):
        build(tx, employees.book, "dealings", ReportAsked(209912))
    assert Dimensions() == Dimensions("")
