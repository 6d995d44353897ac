"""The voucher on paper: the form's items in its order, statutory lines first, names where persons sign, codes in small print."""

from __future__ import annotations

import io
import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

from rich.console import Console

from ledger.core.entries import Dimensions, credit, debit
from reports.render import terminal, text_csv, voucher_html
from reports.voucher import PrintedVoucher, voucher

DIMS = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")


class Read(HTMLParser):
    """Texts by element: head, rows of cells, signatures, small print."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(f"{tag}.{dict(attrs).get('class') or ''}")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self._open[-1], data.strip()))

    def of(self, kind: str) -> list[str]:
        return [text for element, text in self.texts if element.startswith(kind)]


def paid(desk: Any) -> PrintedVoucher:
    posted = desk.post(
        date(2026, 10, 13),
        [
            desk.draft(
                [
                    debit(9104, 10_700_053, DIMS),
                    credit(9201, 10_700_053, DIMS),
                    debit(110105, 10_700_053, DIMS),
                    credit(1004, 10_700_053, Dimensions("42001")),
                ],
                "20261013日拨付<职工医保>",
                evidence="回单R123",
                attachments=2,
            )
        ],
    )[0]
    with desk.tx() as tx:
        return voucher(tx, desk.book, posted.voucher)


def printed(report: PrintedVoucher) -> str:
    out = io.StringIO()
    terminal.show(terminal.voucher(report), Console(file=out, width=300).file)
    return out.getvalue()


def test_the_forms_items_in_the_forms_order(desk: Any) -> None:
    """Art. 51: date, number, summary, account, amount, attachments, signatures; a sum in capitals."""
    report = paid(desk)
    items = [
        "记账凭证", "武汉职工医保基金", "2026年10月13日", "记字第1号", "附单据2张", "摘要", "会计科目", "借方金额", "贷方金额",
        "110105 暂付款—日拨付", "1004 支出户存款", "合计（会计账）", "人民币壹拾万零柒仟元伍角叁分", "9104", "9201", "合计（备查账）",
        "会计主管：", "记账：钱会计", "复核：张复核", "出纳：", "制单：机制凭证", "依据：回单R123", "规则 TST@1",
    ]  # fmt: skip
    for text in (printed(report), voucher_html.voucher(report)):
        plain = re.sub(r"<style>.*</style>|<title>.*</title>|<[^>]*>", "", text).replace(
            "附单据 2 张", "附单据2张"
        )
        at = [plain.find(item) for item in items if item not in ("单位：元",)]
        assert -1 not in at, items[at.index(-1)]
        assert at == sorted(at)


def test_no_rule_where_a_person_signs(desk: Any) -> None:
    report = paid(desk)
    signed = [line for line in printed(report).splitlines() if "制单：" in line]
    assert len(signed) == 1
    assert "rule" not in signed[0]
    assert "TST" not in signed[0]
    page = Read(voucher_html.voucher(report))
    assert not [text for text in page.of("span") + page.of("i") if "TST" in text or "rule" in text]
    assert [text for text in page.of("p.foot") if "规则 TST@1" in text]
    assert "rule:" not in text_csv.voucher(report)
    signers = report.as_json()["signers"]
    assert isinstance(signers, dict)
    assert signers["prepared"] == {"user": "rule:TST@1", "name": "机制凭证"}


def test_a_summary_is_text_and_red_letters_are_red(desk: Any) -> None:
    page = voucher_html.voucher(paid(desk))
    assert "&lt;职工医保&gt;" in page
    assert "<职工医保>" not in page
    again = desk.post(
        date(2026, 10, 14),
        [desk.draft([debit(50010101, -123_456, DIMS), credit(110105, -123_456, DIMS)], "红字")],
    )[0]
    with desk.tx() as tx:
        red = voucher_html.voucher(voucher(tx, desk.book, again.voucher))
    assert red.count('<td class="money red">-1,234.56') == 4
    assert "人民币负壹仟贰佰叁拾肆元伍角陆分" in red
    assert "合计（" not in red


def test_statutory_rows_first_in_the_spreadsheet(desk: Any) -> None:
    sections = [row.split(",")[4] for row in text_csv.voucher(paid(desk)).splitlines()[1:]]
    assert sections == ["会计账", "会计账", "备查账", "备查账", "会计账", "备查账"]
