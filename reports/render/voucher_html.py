"""记账凭证 as a page to print: the form an accountant stamps and binds, half an A4 sheet, black on white, nothing from outside."""

from __future__ import annotations

from html import escape
from typing import Final

from ledger.core.cny import grouped
from ledger.core.entries import Section
from reports.rmb import rmb_upper
from reports.voucher import PrintedVoucher, VoucherColumns, columns_of
from reports.wording import SECTION_NAMES, dimension_text, printable

_STYLE: Final = """
@page { size: A4 landscape; margin: 15mm 12mm }
body { font: 10.5pt "SimSun", "Noto Serif CJK SC", "WenQuanYi Zen Hei", serif; color: #000; margin: 0 }
h1 { font-size: 18pt; letter-spacing: .5em; text-align: center; margin: 0 0 4pt; border-bottom: 3px double #000; padding-bottom: 3pt }
.head { display: flex; justify-content: space-between; margin: 4pt 0 }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
th, td { border: 1px solid #000; padding: 3pt 5pt; overflow-wrap: anywhere; vertical-align: top }
th { font-weight: normal; letter-spacing: .3em; text-align: center }
td.money { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td.red { color: #c00 }
tr.sum td { font-weight: bold } tr { break-inside: avoid } thead { display: table-header-group }
.sign { display: flex; justify-content: space-between; margin: 8pt 0 4pt }
.sign span { flex: 1 } .sign i { font-style: normal; border-bottom: 1px solid #000; padding: 0 8pt; min-width: 5em; display: inline-block }
.foot { font-size: 7.5pt; color: #444; margin: 2pt 0; overflow-wrap: anywhere }
"""


def voucher(report: PrintedVoucher) -> str:
    """A whole page: unit, day, number, attachments; lines, statutory ones first; sums in capitals; who signs; small print."""
    posted = report.voucher
    signed = "".join(
        f"<span>{role}：<i>{_text(name) or '&nbsp;'}</i></span>" for role, name in report.signatures()
    )
    foot = "".join(f'<p class="foot">{_text(line)}</p>' for line in report.footnotes())
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f"<title>记账凭证 {_text(posted.number)}</title><style>{_STYLE}</style><body><h1>记账凭证</h1>"
        f'<div class="head"><span>编制单位：{_text(posted.book_name)}</span><span>{report.day()}</span>'
        f"<span>{_text(report.word_number())}</span><span>附单据 {posted.attachments} 张</span><span>单位：元</span></div>"
        '<table><colgroup><col style="width:22%"><col style="width:46%"><col style="width:16%"><col style="width:16%"></colgroup>'
        "<thead><tr><th>摘要</th><th>会计科目</th><th>借方金额</th><th>贷方金额</th></tr></thead><tbody>"
        + "".join(_rows(report))
        + f'</tbody></table><div class="sign">{signed}</div>{foot}</body></html>\n'
    )


def _rows(report: PrintedVoucher) -> list[str]:
    rows = []
    for section, lines in report.ordered():
        for line in lines:
            account = f"{line.account} {line.name} {dimension_text(line.asked, line.dims)}".rstrip()
            rows.append(
                f"<tr><td>{_text(report.voucher.summary)}<td>{_text(account)}{_money(columns_of(line))}</tr>"
            )
        rows.append(
            f'<tr class="sum"><td>合计{_which(report, section)}<td>人民币{rmb_upper(report.sums[section][0])}'
            f"{_money(report.columns(section), zero=True)}</tr>"
        )
    return rows


def _which(report: PrintedVoucher, section: Section) -> str:
    """Which section a sum is of, where the voucher has two or the only one is the memorandum's."""
    return "" if list(report.sums) == [Section.STATUTORY] else f"（{SECTION_NAMES[section]}）"


def _money(columns: VoucherColumns, *, zero: bool = False) -> str:
    cells = []
    for money in columns:
        red = " red" if money.amount < 0 else ""
        cells.append(f'<td class="money{red}">{grouped(money) if money or zero else ""}')
    return "".join(cells)


def _text(words: str) -> str:
    """Words from outside: on one line, and no markup."""
    return escape(printable(words))
