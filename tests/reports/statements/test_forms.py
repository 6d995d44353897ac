"""The forms beside the regulation's: every row's name, typed from the text, in printed order; every account in a row."""

from __future__ import annotations

import pytest

from ledger.books.chart import chart
from reports.statements.rows import FillRule, Form, rows_of

SHEET_310 = """
库存现金
收入户存款
财政专户存款
支出户存款
国库存款
暂付款
异地就医预付金
债券投资
资产总计
暂收款
异地就医资金
借入款项
负债合计
一般基金结余
（一）统筹基金
（二）个人账户基金
（三）待转基金
净资产合计
负债与净资产总计
"""
SHEET_390 = """
库存现金
收入户存款
财政专户存款
支出户存款
国库存款
暂付款
异地就医预付金
债券投资
资产总计
暂收款
异地就医资金
借入款项
负债合计
一般基金结余
净资产合计
负债与净资产总计
"""
INCOME_310 = """
一、统筹基金收入
社会保险费收入
财政补贴收入
利息收入
上级补助收入
下级上解收入
其他收入
二、个人账户基金收入
社会保险费收入
利息收入
转移收入
上级补助收入
下级上解收入
其他收入
三、统筹基金支出
社会保险待遇支出
（一）住院费用
（二）门诊大病费用
（三）门诊统筹费用
（四）生育医疗费用
（五）生育津贴
大病保险支出
上解上级支出
补助下级支出
其他支出
四、个人账户基金支出
社会保险待遇支出
（一）住院费用
（二）门诊费用
（三）药店医药费用
转移支出
上解上级支出
补助下级支出
其他支出
五、本期基金结余
统筹基金结余
个人账户基金结余
待转基金
"""
INCOME_390 = """
一、基金收入
社会保险费收入
财政补贴收入
利息收入
上级补助收入
下级上解收入
其他收入
二、基金支出
社会保险待遇支出
（一）住院费用
（二）门诊费用
（三）其他费用
大病保险支出
上解上级支出
补助下级支出
其他支出
三、本期基金结余
"""
FORMS = [
    (Form.SHEET, 310, SHEET_310),
    (Form.SHEET, 390, SHEET_390),
    (Form.INCOME, 310, INCOME_310),
    (Form.INCOME, 390, INCOME_390),
]
MONTHLY_ONLY = {"（三）待转基金", "待转基金"}
SIDES = {
    # 28号, part five: income net of both sides, the others the credit side; benefits and transfers net, the others debit
    "社会保险费收入": FillRule.NET_CREDIT,
    "转移收入": FillRule.NET_CREDIT,
    "财政补贴收入": FillRule.CREDIT,
    "利息收入": FillRule.CREDIT,
    "上级补助收入": FillRule.CREDIT,
    "下级上解收入": FillRule.CREDIT,
    "其他收入": FillRule.CREDIT,
    "社会保险待遇支出": FillRule.NET_DEBIT,
    "转移支出": FillRule.NET_DEBIT,
    "大病保险支出": FillRule.DEBIT,
    "上解上级支出": FillRule.DEBIT,
    "补助下级支出": FillRule.DEBIT,
    "其他支出": FillRule.DEBIT,
    "待转基金": FillRule.CREDIT_BALANCE,
}


@pytest.mark.parametrize(("form", "fund", "text"), FORMS)
def test_the_rows_are_those_of_the_regulation(form, fund, text):
    printed = text.split()
    assert [row.name for row in rows_of(form, fund, yearly=False)] == printed
    yearly = [row.name for row in rows_of(form, fund, yearly=True)]
    assert yearly == [name for name in printed if name not in MONTHLY_ONLY]


@pytest.mark.parametrize(("form", "fund", "text"), FORMS)
def test_every_account_stands_in_one_row(form, fund, text):
    assert text
    rows = rows_of(form, fund, yearly=False)
    wanted = [
        str(account.account)
        for account in chart(fund)
        if account.leaf and str(account.account)[0] in ("45" if form is Form.INCOME else "12345")
    ]
    assert len(wanted) > 10
    for code in wanted:
        assert sum(code.startswith(row.codes) for row in rows if row.counted) == 1, code
    leaves = {str(account.account) for account in chart(fund)}
    assert {code for row in rows for code in row.codes} <= leaves


@pytest.mark.parametrize("fund", [310, 390])
def test_each_row_takes_the_side_the_text_gives_it(fund):
    for row in rows_of(Form.INCOME, fund, yearly=False):
        if row.rule is not FillRule.SUM and "detail" not in row.flags:
            assert row.rule is SIDES[row.name]
    for row in rows_of(Form.INCOME, fund, yearly=False):
        if "detail" in row.flags:
            assert row.rule is FillRule.NET_DEBIT


@pytest.mark.parametrize(("form", "fund", "text"), FORMS)
def test_every_row_names_its_article_and_every_sum_its_rows(form, fund, text):
    assert text
    for yearly in (False, True):
        rows = rows_of(form, fund, yearly=yearly)
        keys = [row.key for row in rows]
        assert len(set(keys)) == len(keys)
        for row in rows:
            assert row.article.startswith("第五部分")
            assert bool(row.codes) != (row.rule is FillRule.SUM)
            assert bool(row.formula) == (row.rule is FillRule.SUM)
            assert {key for _, key in row.formula} <= set(keys)
