"""A rule-of-thumb reader: the regulation's forms typed from its text (财会〔2017〕28号, part five) beside ours, cell by cell.

What each row takes is typed here too, and added up from the lines of the journal without the code that fills the forms.
"""

from __future__ import annotations

from datetime import date

import pytest

from ledger.core.entries import credit, debit
from reports.statements.grids import statement_grid
from reports.statements.rows import Form
from tests.reports.statements.conftest import BANK, CARE, CLOSE_NOVEMBER, CLOSE_OCTOBER, FISCAL

# left and right of 会社保01; a star marks what only some schemes or regions have
ASSETS = ["一、资产：", "库存现金", "收入户存款", "财政专户存款", "支出户存款", "国库存款", "暂付款", "其中：异地就医预付金*",
          "债券投资", "资产总计"]  # fmt: skip
CLAIMS = {
    310: ["二、负债：", "暂收款", "其中：异地就医资金*", "借入款项", "负债合计", "三、净资产：", "一般基金结余", "（一）统筹基金*",
          "（二）个人账户基金*", "（三）待转基金*", "净资产合计", "负债与净资产总计"],
    390: ["二、负债：", "暂收款", "其中：异地就医资金*", "借入款项", "负债合计", "三、净资产：", "一般基金结余", "净资产合计",
          "负债与净资产总计"],
}  # fmt: skip
HELD = {"库存现金": "1001", "收入户存款": "1002", "财政专户存款": "1003", "支出户存款": "1004", "国库存款": "1005", "暂付款": "1101",
        "其中：异地就医预付金*": "110101", "债券投资": "1201", "暂收款": "2001", "其中：异地就医资金*": "200103", "借入款项": "2101"}  # fmt: skip
POOL = [
    "300101",
    "400101",
    "4101",
    "420101",
    "440101",
    "440201",
    "450101",
    "500101",
    "5101",
    "530101",
    "530201",
    "540101",
]
OWN = [
    "300102",
    "400102",
    "420102",
    "4301",
    "440102",
    "440202",
    "450102",
    "500102",
    "5201",
    "530102",
    "530202",
    "540102",
]
# 会社保02: name, side (贷-借, 贷, 借-贷, 借), code; what begins with a number is the sum of what follows it
INCOME = {
    310: """一、统筹基金收入
社会保险费收入 贷-借 400101
财政补贴收入 贷 4101
利息收入 贷 420101
上级补助收入 贷 440101
下级上解收入 贷 440201
其他收入 贷 450101
二、个人账户基金收入
社会保险费收入 贷-借 400102
利息收入 贷 420102
转移收入 贷-借 4301
上级补助收入 贷 440102
下级上解收入 贷 440202
其他收入 贷 450102
三、统筹基金支出
社会保险待遇支出 借-贷 500101
（一）住院费用 借-贷 50010101 其中
（二）门诊大病费用 借-贷 50010102 其中
（三）门诊统筹费用 借-贷 50010103 其中
（四）生育医疗费用* 借-贷 50010104 其中
（五）生育津贴* 借-贷 50010105 其中
大病保险支出* 借 5101
上解上级支出 借 530101
补助下级支出 借 530201
其他支出 借 540101
四、个人账户基金支出
社会保险待遇支出 借-贷 500102
（一）住院费用 借-贷 50010201 其中
（二）门诊费用 借-贷 50010202 其中
（三）药店医药费用 借-贷 50010203 其中
转移支出 借-贷 5201
上解上级支出 借 530102
补助下级支出 借 530202
其他支出 借 540102""",
    390: """一、基金收入
社会保险费收入 贷-借 4001
财政补贴收入 贷 4101
利息收入 贷 4201
上级补助收入 贷 4401
下级上解收入 贷 4402
其他收入 贷 4501
二、基金支出
社会保险待遇支出 借-贷 5001
（一）住院费用 借-贷 500101 其中
（二）门诊费用 借-贷 500102 其中
（三）其他费用 借-贷 500103 其中
大病保险支出 借 5101
上解上级支出 借 5301
补助下级支出 借 5302
其他支出 借 5401""",
}


class Lines:
    """The journal's lines, added up by hand."""

    def __init__(self, desk) -> None:
        with desk.tx() as tx:
            self.rows = tx.rows(
                "SELECT e.period, e.event, l.account::text, l.side, l.amount_fen FROM books.entry e"
                " JOIN books.leg l USING (region, fund, period, seq)"
            )

    def balance(self, codes, last):
        return sum(
            side * fen
            for period, _, code, side, fen in self.rows
            if period <= last and code.startswith(tuple(codes))
        )

    def opened(self, codes, year):
        """At the year's beginning: what was carried, and what a book opened in the year began with."""
        return self.balance(codes, year * 100) + sum(
            side * fen for period, event, code, side, fen in self.rows
            if event == "OPEN" and period // 100 == year and code.startswith(tuple(codes))
        )  # fmt: skip

    def side(self, how, code, first, last):
        of = {1: 0, -1: 0}
        for period, event, account, side, fen in self.rows:
            if (
                event not in ("OPEN", "CLOSE-M", "CLOSE-Y")
                and first <= period <= last
                and account.startswith(code)
            ):
                of[side] += fen
        return {"借": of[1], "贷": of[-1], "借-贷": of[1] - of[-1], "贷-借": of[-1] - of[1]}[how]


def sheet(lines, fund, year, month):
    """The figures of 会社保01 by name: 年初, 期末."""
    last = year * 100 + (month or 12)
    of = {}
    for name, code in HELD.items():
        sign = 1 if code[0] == "1" else -1
        of[name] = (sign * lines.opened([code], year), sign * lines.balance([code], last))
    funds = {"（一）统筹基金*": POOL, "（二）个人账户基金*": OWN, "（三）待转基金*": ["4601", "4602"]} if fund == 310 else {"": ["3001", "4", "5"]}  # fmt: skip
    for name, codes in funds.items():
        of[name] = (-lines.opened(codes, year), -lines.balance(codes, last))

    def add(*names):
        return tuple(sum(of[name][place] for name in names) for place in (0, 1))

    of["一般基金结余"] = of["净资产合计"] = add(
        *(name for name in funds if month or name != "（三）待转基金*")
    )
    of["资产总计"] = add(
        "库存现金", "收入户存款", "财政专户存款", "支出户存款", "国库存款", "暂付款", "债券投资"
    )
    of["负债合计"] = add("暂收款", "借入款项")
    of["负债与净资产总计"] = add("负债合计", "净资产合计")
    return of


def income(lines, fund, year, month):
    """会社保02 from top to bottom: name, both figures."""
    spans = [(year * 100 + month, year * 100 + month), (year * 100 + 1, year * 100 + month)]
    if not month:
        spans = [(year * 100 + 1, year * 100 + 12), (year * 100 - 99, year * 100 - 88)]
    rows, heads = [], []
    for line in INCOME[fund].splitlines():
        name, *rest = line.split()
        if not rest:
            heads.append([name, 0, 0])
            rows.append(heads[-1])
            continue
        figures = [lines.side(rest[0], rest[1], *span) for span in spans]
        rows.append([name, *figures])
        if "其中" not in rest:
            heads[-1][1] += figures[0]
            heads[-1][2] += figures[1]
    if fund == 310:
        pending = [-lines.balance(["4601", "4602"], span[1]) if month else 0 for span in spans]
        pool = [heads[0][n] - heads[2][n] for n in (1, 2)]
        own = [heads[1][n] - heads[3][n] for n in (1, 2)]
        whole = [a + b + c for a, b, c in zip(pool, own, pending, strict=True)]
        rows += [["五、本期基金结余", *whole], ["统筹基金结余", *pool], ["个人账户基金结余", *own]]
        rows += [["待转基金", *pending]] if month else []
    else:
        rows.append(["三、本期基金结余", *(heads[0][n] - heads[1][n] for n in (1, 2))])
    return [tuple(row) for row in rows]


@pytest.fixture
def busy(request, fund):
    """The book of a fund, with every kind of entry."""
    if fund == 310:
        return request.getfixturevalue("employees")
    desk = request.getfixturevalue("desk_of")(390)
    for day in (date(2026, 10, 20), date(2026, 11, 20)):
        desk.post(day, debit(1003, 70_000, FISCAL), credit(4001, 70_000))
        desk.post(day, debit(1003, 9_000, FISCAL), credit(41010101, 9_000))
        desk.post(day, debit(1004, 50_000, BANK), credit(1003, 50_000, FISCAL))
        desk.post(day, debit(500101, 12_000, CARE), credit(1004, 12_000, BANK))
        desk.post(day, debit(110105, 700, CARE), credit(1004, 700, BANK))
        desk.post(day, debit(5101, 4_000), credit(1004, 4_000, BANK))
    return desk


def stripped(cell):
    return cell.replace("\u3000", "").strip() if isinstance(cell, str) else cell


@pytest.mark.parametrize("fund", [310, 390])
@pytest.mark.parametrize("month", [10, 11, 12, 0])
def test_the_forms_side_by_side(busy, fund, month):
    desk = busy
    if fund == 310 and month == 11:  # a month closed by the monthly method is no other
        for entry in CLOSE_OCTOBER:
            desk.post(date(2026, 10, 31), *entry, event="CLOSE-M")
        for entry in CLOSE_NOVEMBER[:1]:
            desk.post(date(2026, 11, 30), *entry, event="CLOSE-M")
    lines, told = Lines(desk), desk.told(2026, month)
    of = sheet(lines, fund, 2026, month)
    claims = [name for name in CLAIMS[fund] if month or name != "（三）待转基金*"]
    shown = [[stripped(cell) for cell in line.cells] for line in statement_grid(told, Form.SHEET).lines]
    left = [row[:3] for row in shown if row[0]]
    right = [row[3:] for row in shown if row[3]]
    assert [row[0] for row in left] == ASSETS
    assert [row[0] for row in right] == claims
    for name, *figures in [*left, *right]:
        wanted = (None, None) if name.endswith("：") else of[name]
        assert tuple(figures) == wanted, name
    printed = [(stripped(line.cells[0]), *line.cells[1:]) for line in statement_grid(told, Form.INCOME).lines]
    ours = income(lines, fund, 2026, month)
    assert printed == ours
    starred = [row for row in [*left, *right, *printed] if row[0].endswith("*")]
    assert len(starred) == (2 if fund == 390 else 8 if month else 7)
    # what a region does not have is printed with nought, and so is every other row without money
    assert all(isinstance(figure, int) for row in [*printed, *starred] for figure in row[1:])
    assert any(tuple(row[1:]) == (0, 0) for row in starred)
