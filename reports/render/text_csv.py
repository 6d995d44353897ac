"""Reports as CSV for spreadsheets: yuan with two decimals, Chinese headings, text that can be no formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from moneyed import Money

from ledger.core.cells import cell
from ledger.core.cny import plain
from ledger.core.entries import Section
from reports.general_ledger import KIND_NAMES, GeneralLedger
from reports.trial_balance import TrialBalance, carried_columns
from reports.trial_balance import columns_of as balance_columns
from reports.voucher import PrintedVoucher
from reports.voucher import columns_of as voucher_columns
from reports.wording import SECTION_NAMES, dimension_cells, dimension_headings, direction, kind_mark


def trial_balance(report: TrialBalance) -> str:
    """One row a leaf, then one row of totals a section. Balances without sign beside 借, 贷 or 平."""
    heading = ["账部", "科目编码", "科目名称", *dimension_headings()]
    heading += ["期初方向", "期初余额", "本期借方", "本期贷方", "期末方向", "期末余额"]
    carried = report.carried
    heading += ["结转借方", "结转贷方"] if carried else []
    rows = [
        [
            SECTION_NAMES[Section(row.section)],
            str(row.account),
            cell(row.name),
            *map(cell, dimension_cells(row.asked, row.dims)),
            direction(row.opening_fen),
            plain(abs(money.opening)),
            plain(money.debit),
            plain(money.credit),
            direction(row.closing_fen),
            plain(abs(money.closing)),
            *(map(plain, carried_columns(row)) if carried else ()),
        ]
        for row, money in ((row, balance_columns(row)) for row in report.rows)
    ]
    for section, totals in report.sections.items():
        money = totals.columns()
        rows.append(
            [
                SECTION_NAMES[section],
                "合计",
                *[""] * 6,
                "借=贷",
                plain(money.opening),
                plain(money.debit),
                plain(money.credit),
                "借=贷",
                plain(money.closing),
                *(map(plain, carried_columns(totals)) if carried else ()),
            ]
        )
    return _csv(heading, rows)


def general_ledger(report: GeneralLedger) -> str:
    """One row a printed line."""
    heading = ["日期", "凭证号", "摘要", "科目编码", "科目名称", *dimension_headings()]
    heading += ["借方", "贷方", "方向", "余额"]
    rows = []
    for line in report.lines:
        entry = line.entry
        if entry is None:
            start = [str(line.period or ""), "", KIND_NAMES[line.kind], *[""] * 7]
        else:
            start = [
                entry.voucher_date.isoformat(),
                entry.voucher,
                cell(kind_mark(entry.kind) + entry.summary),
                str(entry.account),
                cell(entry.name),
                *map(cell, dimension_cells(entry.asked, entry.dims)),
            ]
        money = line.columns()
        amounts = [_amount(money.debit), _amount(money.credit)]
        rows.append([*start, *amounts, direction(line.balance_fen), plain(abs(money.balance))])
    return _csv(heading, rows)


def voucher(report: PrintedVoucher) -> str:
    """One row a line of the voucher, each with its head, then one row of totals a section."""
    posted = report.voucher
    heading = ["凭证号", "日期", "附单据", "摘要", "账部", "科目编码", "科目名称", *dimension_headings()]
    heading += ["借方", "贷方", "制单", "复核", "记账", "来源"]
    before = [posted.number, posted.voucher_date.isoformat(), str(posted.attachments)]
    after = [
        *(cell(report.signer(user)) for user in (posted.prepared_by, posted.reviewed_by, posted.posted_by)),
        cell(posted.source_key),
    ]
    rows = [
        [
            *before,
            cell(posted.summary),
            SECTION_NAMES[Section(line.section)],
            str(line.account),
            cell(line.name),
            *map(cell, dimension_cells(line.asked, line.dims)),
            _amount(money.debit),
            _amount(money.credit),
            *after,
        ]
        for line, money in ((line, voucher_columns(line)) for _, lines in report.ordered() for line in lines)
    ]
    for section in report.sums:
        sums = report.columns(section)
        rows.append(
            [
                *before,
                "合计",
                SECTION_NAMES[section],
                *[""] * 7,
                plain(sums.debit),
                plain(sums.credit),
                *[""] * 4,
            ]
        )
    return _csv(heading, rows)


def _amount(money: Money) -> str:
    return plain(money) if money else ""


def _csv(heading: list[str], rows: Iterable[list[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return out.getvalue()
