"""Statements with figures worked out by hand: month and year, before and after closing, and what does not tie."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput, NotFound
from ledger.rules.worked_year import worked_year
from reports.statements.explain import explain
from reports.statements.grids import statement_grid
from reports.statements.rows import Form
from reports.statements.span import Span, span_of
from reports.statements.statement import statements
from tests.reports.statements.conftest import BANK, CLOSE_NOVEMBER, CLOSE_OCTOBER, FISCAL

OCTOBER_SHEET = {
    "fiscal": (1_000_000, 841_234),  # 1,000,000 + 480,000 + 90,000 + 1,234 - 700,000 - 30,000
    "spending": (0, 561_000),  # 700,000 - 60,000 - 40,000 + 5,000 - 7,000 - 40,000 + 3,000
    "advanced": (0, 35_000),  # 30,000 + 60,000 - 55,000
    "advanced_region": (0, 30_000),
    "assets": (1_000_000, 1_437_234),
    "balance": (1_000_000, 1_437_234),
    "balance_pool": (600_000, 844_000),  # + 280,000 + 90,000 + 1,000 - 90,000 - 37,000
    "balance_account": (400_000, 543_234),  # + 150,000 + 234 - 7,000
    "balance_pending": (0, 50_000),
    "net_assets": (1_000_000, 1_437_234),
    "both": (1_000_000, 1_437_234),
}
OCTOBER_INCOME = {
    "pool_income": (371_000, 371_000),
    "pool_premium": (280_000, 280_000),  # 300,000 less 20,000 refunded: net
    "pool_subsidy": (90_000, 90_000),
    "pool_interest": (1_000, 1_000),
    "account_income": (150_234, 150_234),
    "account_premium": (150_000, 150_000),
    "account_interest": (234, 234),
    "pool_expense": (127_000, 127_000),
    "pool_benefits": (90_000, 90_000),  # 95,000 less 5,000 recovered this year: net
    "pool_inpatient": (90_000, 90_000),
    "pool_serious": (37_000, 37_000),  # 40,000 and a red 3,000 on the same side
    "account_expense": (7_000, 7_000),
    "account_benefits": (7_000, 7_000),
    "account_pharmacy": (7_000, 7_000),
    "surplus": (437_234, 437_234),
    "surplus_pool": (244_000, 244_000),
    "surplus_account": (143_234, 143_234),
    "surplus_pending": (50_000, 50_000),
}
NOVEMBER_INCOME = {
    "pool_income": (30_000, 401_000),
    "pool_premium": (30_000, 310_000),
    "pool_subsidy": (0, 90_000),
    "pool_interest": (0, 1_000),
    "account_income": (20_800, 171_034),
    "account_premium": (20_000, 170_000),
    "account_interest": (0, 234),
    "account_transfer_in": (800, 800),
    "pool_expense": (0, 127_000),
    "pool_benefits": (0, 90_000),
    "pool_inpatient": (0, 90_000),
    "pool_serious": (0, 37_000),
    "account_expense": (300, 7_300),
    "account_benefits": (0, 7_000),
    "account_pharmacy": (0, 7_000),
    "account_transfer_out": (300, 300),
    "surplus": (50_500, 437_734),
    "surplus_pool": (30_000, 274_000),
    "surplus_account": (20_500, 163_734),
}
NOVEMBER_FUNDS = {
    "held": (0, 9_000),
    "held_region": (0, 9_000),
    "liabilities": (0, 9_000),
    "balance_pool": (600_000, 875_000),  # + 274,000 surplus + 1,000 of A17
    "balance_account": (400_000, 562_734),  # + 163,734 surplus - 1,000 of A17
    "balance": (1_000_000, 1_437_734),
    "both": (1_000_000, 1_446_734),
    "assets": (1_000_000, 1_446_734),
}


def failing(told):
    return [check for check in told.checks if not check.holds]


def both(desk, year, month=0, **more):
    return desk.sheet(year, month, **more), desk.income(year, month, **more)


def test_october_and_november_by_hand(employees):
    assert employees.sheet(2026, 10) == OCTOBER_SHEET
    assert employees.income(2026, 10) == OCTOBER_INCOME
    assert employees.income(2026, 11) == NOVEMBER_INCOME
    assert NOVEMBER_FUNDS.items() <= employees.sheet(2026, 11).items()
    for month in (10, 11):
        assert failing(employees.told(2026, month)) == []


def close_month(desk, day, entries):
    for legs in entries:
        desk.post(day, *legs, event="CLOSE-M")


def test_statements_are_the_same_before_and_after_closing(employees):
    spans = [(2026, 10), (2026, 11), (2026, 12), (2026, 0), (2027, 1), (2027, 0)]
    before = [both(employees, *span) for span in spans]
    close_month(employees, date(2026, 10, 31), CLOSE_OCTOBER)
    assert [both(employees, *span) for span in spans] == before
    close_month(employees, date(2026, 11, 30), CLOSE_NOVEMBER)
    assert [both(employees, *span) for span in spans] == before
    for span in spans:
        assert failing(employees.told(*span)) == []
    told = employees.told(2026, 11)
    flows = [account for account in told.months.moved if str(account)[0] in "45"]
    assert {told.months.balance_fen(account, 202611) for account in flows} == {0}


def test_the_year_closed_at_once_gives_the_same(employees):
    before = [both(employees, *span) for span in ((2026, 11), (2026, 0), (2027, 1))]
    for legs in (*CLOSE_OCTOBER, *CLOSE_NOVEMBER):
        employees.post(date(2026, 12, 31), *legs, event="CLOSE-Y")
    assert [both(employees, *span) for span in ((2026, 11), (2026, 0), (2027, 1))] == before
    year = employees.told(2026)
    assert failing(year) == []
    assert year.forms[Form.INCOME].fen("surplus") == (437_734, 0)
    assert year.forms[Form.SHEET].fen("balance") == (1_000_000, 1_437_734)
    next_year = employees.told(2027)
    assert next_year.forms[Form.INCOME].fen("surplus") == (0, 437_734)
    assert next_year.forms[Form.SHEET].fen("balance") == (1_437_734, 1_437_734)


def test_a_closing_taken_back_changes_nothing(employees):
    before = both(employees, 2026, 10)
    legs = CLOSE_OCTOBER[0]
    closed = employees.post(date(2026, 10, 31), *legs, event="CLOSE-M")
    red = [leg._replace(amount_fen=-leg.amount_fen) for leg in legs]
    employees.post(date(2026, 10, 31), *red, event="CLOSE-M", reverses=closed.seq)
    assert both(employees, 2026, 10) == before


def test_the_contract_of_the_json(employees):
    sheet = employees.told(2026, 11).as_json(Form.SHEET)
    assert [row["row"] for row in sheet["rows"]] == list(range(1, 20))
    assert {"row", "name", "opening_fen", "closing_fen"} <= set(sheet["rows"][0])
    assert sheet["totals"]["assets_fen"] == sheet["totals"]["liabilities_and_net_assets_fen"] == "1446734"
    assert (sheet["articulation"]["holds"], sheet["period"]) == (True, "202611")
    income = employees.told(2026, 11).as_json(Form.INCOME)
    assert {"row", "name", "month_fen", "year_fen"} <= set(income["rows"][0])
    assert all(row["article"].startswith("第五部分") and row["reading"] for row in income["rows"])
    year = employees.told(2026).as_json(Form.INCOME)
    assert {"row", "name", "year_fen", "last_year_fen"} <= set(year["rows"][0])
    assert "待转基金" not in {row["name"] for row in year["rows"]}
    assert len(year["rows"]) == 37
    noughts = [row for row in income["rows"] if row["month_fen"] == row["year_fen"] == "0"]
    assert {row["printed"] for row in noughts} >= {"（四）生育医疗费用*", "（五）生育津贴*"}


def test_only_totals_are_printed_bold_on_the_two_sided_sheet(employees):
    """An item of the left side beside a total of the right one stays what it is."""
    with employees.tx() as tx:
        grid = statement_grid(statements(tx, employees.book, span_of(202610, None)), Form.SHEET)
    bold = [(line.cells[0], line.cells[3]) for line in grid.lines if line.total]
    assert bold == [("", "净资产合计"), ("资产总计", "负债与净资产总计")]


def test_what_was_printed_comes_out_again_for_ever(employees):
    told = employees.told(2026, 11)
    printed = told.as_json(Form.SHEET), told.as_json(Form.INCOME)
    cut_at = told.known.recorded_at
    employees.post(date(2026, 11, 28), debit(1003, 77, FISCAL), credit(41010101, 77))
    close_month(employees, date(2026, 11, 30), CLOSE_NOVEMBER)
    now = employees.told(2026, 11)
    assert now.forms[Form.INCOME].fen("pool_subsidy") == (77, 90_077)
    again = employees.told(2026, 11, known_at=cut_at)
    assert (again.as_json(Form.SHEET), again.as_json(Form.INCOME)) == printed
    early = employees.told(2026, 11, as_of=date(2026, 11, 27))
    assert early.forms[Form.INCOME].fen("pool_subsidy") == (0, 90_000)
    assert failing(early) == []


def test_blue_on_the_other_side_is_named_with_its_voucher(employees):
    wrong = employees.post(date(2026, 11, 20), debit(1004, 3_000, BANK), credit(5101, 3_000))
    told = employees.told(2026, 11)
    # the row is literal: 37,000 of debit turnover; the balance knows better
    assert told.forms[Form.INCOME].fen("pool_serious") == (0, 37_000)
    assert told.forms[Form.SHEET].fen("balance_pool") == (600_000, 878_000)
    (check,) = failing(told)
    assert (check.left_fen - check.right_fen, check.name.startswith("（一）统筹基金")) == (3_000, True)
    assert "5101" in check.reasons[0]
    assert wrong.voucher in check.reasons[0]
    # the sheet balances all the same
    assert told.forms[Form.SHEET].fen("assets") == told.forms[Form.SHEET].fen("both")


def test_money_past_income_and_expense_is_named(employees):
    wrong = employees.post(date(2026, 11, 20), debit(1003, 500, FISCAL), credit(300101, 500))
    (check,) = failing(employees.told(2026, 11))
    assert (check.left_fen, check.right_fen) == (500, 0)
    assert any(wrong.voucher in reason for reason in check.reasons)


def test_pending_money_at_the_years_end_is_shouted(employees):
    employees.post(date(2026, 12, 5), debit(1005, 60), credit(4602, 60))
    month = employees.told(2026, 12)
    assert month.forms[Form.SHEET].fen("balance_pending") == (0, 60)
    assert month.forms[Form.INCOME].fen("surplus_pending") == (60, 60)
    assert [check.name for check in failing(month)] == ["待转基金年末为零"]
    year = employees.told(2026)
    assert "待转基金年末为零" in [check.name for check in failing(year)]
    assert any("资产总计" in check.name for check in failing(year))


def test_an_account_without_a_row_is_shouted(employees):
    with psycopg.connect(employees.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO books.account VALUES (420100, 310, 3101, '风险基金结余', 1, '净资产', -1, true, 0),"
            " (420100, 310, 50010106, '社会保险待遇支出—统筹基金—其他', 1, '支出', 1, true, 0)"
        )
    employees.post(date(2026, 11, 20), debit(1003, 500, FISCAL), credit(3101, 500))
    employees.post(date(2026, 11, 20), debit(50010106, 80), credit(1004, 80, BANK))
    told = employees.told(2026, 11)
    names = {check.name: check for check in failing(told)}
    assert names["会社保01：每个有金额的科目都有项目"].codes == ["3101"]
    assert any("资产总计" in name and "期末" in name for name in names)
    (details,) = (check for check in failing(told) if "各明细项目" in check.name)
    assert details.codes == ["50010106"]
    assert details.left_fen - details.right_fen == 80
    assert told.forms[Form.INCOME].fen("pool_benefits") == (80, 90_080)


def test_every_cell_opens_to_its_entries(employees):
    close_month(employees, date(2026, 10, 31), CLOSE_OCTOBER)
    with employees.tx() as tx:
        told = statements(tx, employees.book, Span(2026, 11))
        for form in Form:
            for filled in told.forms[form].rows:
                cell = explain(tx, told, form, str(filled.n), entries=1000)
                assert cell["figures"] == dict(
                    zip((c.key for c in told.forms[form].columns), map(str, filled.fen), strict=True)
                )
                if not filled.row.formula:
                    sums = [
                        sum(int(account["figures"][column.key]) for account in cell["rows"][0]["accounts"])
                        for column in told.forms[form].columns
                    ]
                    assert tuple(sums) == filled.fen
                    counted = sum(int(entry["counted_fen"]) for entry in cell["entries"])
                    assert counted == filled.fen[1], filled.row.name
        cell = explain(tx, told, Form.INCOME, "统筹基金结余", entries=3)
        assert "第1行" in cell["formula"]
        assert cell["next"]
        with pytest.raises(NotFound):
            explain(tx, told, Form.INCOME, "净资产变动")


def test_residents(desk_of):
    desk = desk_of(390)
    desk.post(date(2026, 10, 1), debit(1003, 9_000, FISCAL), credit(3001, 9_000), event="OPEN")
    desk.post(date(2026, 10, 9), debit(1003, 4_000, FISCAL), credit(4001, 3_000), credit(41010101, 1_000))
    dims = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")
    desk.post(date(2026, 10, 10), debit(500101, 700, dims), credit(1003, 700, FISCAL))
    desk.post(date(2026, 10, 11), debit(5101, 200), credit(1003, 200, FISCAL))
    desk.post(
        date(2026, 10, 31), debit(4001, 3_000), debit(41010101, 1_000), credit(3001, 4_000), event="CLOSE-M"
    )
    sheet, income = both(desk, 2026, 10)
    assert sheet == {
        "fiscal": (9_000, 12_100), "assets": (9_000, 12_100), "balance": (9_000, 12_100),
        "net_assets": (9_000, 12_100), "both": (9_000, 12_100),
    }  # fmt: skip
    assert income == {
        "income": (4_000, 4_000), "premium": (3_000, 3_000), "subsidy": (1_000, 1_000), "expense": (900, 900),
        "benefits": (700, 700), "benefits_inpatient": (700, 700), "serious": (200, 200), "surplus": (3_100, 3_100),
    }  # fmt: skip
    assert failing(desk.told(2026, 10)) == []


def test_taken_over_in_the_middle_of_a_year(desk_of):
    """What an opening entry brings of this year's income is in the year's column and in no month's."""
    desk = desk_of(390)
    desk.post(
        date(2026, 10, 1),
        debit(1003, 9_500, FISCAL),
        credit(3001, 9_000),
        credit(41010101, 500),
        event="OPEN",
    )
    desk.post(date(2026, 10, 9), debit(1003, 40, FISCAL), credit(41010101, 40))
    told = desk.told(2026, 10)
    assert told.forms[Form.INCOME].fen("subsidy") == (40, 540)
    assert told.forms[Form.SHEET].fen("balance") == (9_000, 9_540)


@pytest.mark.parametrize(("policy", "expense_2026"), [("P1", 951_665), ("P2", 991_665)])
def test_the_worked_year(desk_of, policy, expense_2026):
    """The worked year's vouchers as they stand: each year by hand, the same in both together."""
    desk = desk_of(310)
    for event in worked_year():
        desk.post(event.day, *event.ruled(policy).legs)
    first, second = desk.told(2026), desk.told(2027)
    assert first.forms[Form.INCOME].fen("pool_inpatient")[0] == expense_2026
    total = expense_2026 + second.forms[Form.INCOME].fen("pool_inpatient")[0]
    assert total == 951_665 + 63_334 + 43_500 == 1_058_499
    assert second.forms[Form.INCOME].fen("pool_inpatient")[1] == expense_2026
    assert first.forms[Form.SHEET].fen("spending")[1] == 2_000_000 - 991_665


def test_spans():
    assert span_of(202610, None) == Span(2026, 10)
    assert span_of(None, 2026) == Span(2026, 0)
    for wrong in ((None, None), (202610, 2026), (None, 99)):
        with pytest.raises(InvalidInput):
            span_of(*wrong)
    assert Span(2026, 2).end == date(2026, 2, 28)


def test_a_month_never_opened_is_refused(employees):
    for span in ((2025, 0), (2026, 9)):
        with pytest.raises(NotFound):
            employees.told(*span)
