"""科目余额表, 三栏式明细账 and 记账凭证 as tables: what the file renderers (workbook, PDF) are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from ledger.books.reading import Cut
from ledger.books.selection import Cursor
from ledger.core.entries import Section
from reports.general_ledger import KIND_NAMES, GeneralLedger, Kind, LedgerLine
from reports.render.grid import Column, Grid, Line
from reports.rmb import rmb_upper
from reports.trial_balance import TrialBalance
from reports.voucher import PrintedVoucher
from reports.wording import SECTION_NAMES, cut_text, dimension_text, direction

SIGNERS = ("会计主管：", "复核：", "制表：")


def cut_facts(known: Cut) -> dict[str, object]:
    """The cut of a table as a machine wants it: `recorded_at` can be asked again as `--known-at`."""
    return {"block": str(known.block), "recorded_at": known.recorded_text, "hash": known.hash.hex()}


def span(period: int | None) -> str:
    """A period as it is printed: `2026.10`."""
    return "开账以来" if period is None else f"{period // 100}.{period % 100:02d}"


def trial_balance_grid(report: TrialBalance) -> Grid:
    """One row a leaf, then one row of totals a section; balances without sign beside 借, 贷 or 平."""
    columns = [
        Column("code", "科目编码"),
        Column("name", "科目名称"),
        Column("dimensions", "辅助核算"),
        Column("opening_side", "方向"),
        Column("opening_fen", "期初余额", "money"),
        Column("debit_fen", "本期借方", "money"),
        Column("credit_fen", "本期贷方", "money"),
        Column("closing_side", "方向"),
        Column("closing_fen", "期末余额", "money"),
    ]
    lines = []
    for section, totals in report.sections.items():
        lines += [
            Line(
                [
                    str(row.account),
                    row.name,
                    dimension_text(row.asked, row.dims),
                    direction(row.opening_fen),
                    abs(row.opening_fen),
                    row.debit_fen,
                    row.credit_fen,
                    direction(row.closing_fen),
                    abs(row.closing_fen),
                ]
            )
            for row in report.rows
            if row.section == section
        ]
        sums = totals.opening_debit_fen, totals.debit_fen, totals.credit_fen, totals.closing_debit_fen
        name = f"{SECTION_NAMES[section]}　试算平衡"
        lines.append(Line(["合计", name, "", "借=贷", *sums[:3], "借=贷", sums[3]], total=True))
    until = "" if report.as_of is None else f"　凭证日期截至{report.as_of}"
    return Grid(
        "trial-balance",
        "科目余额表",
        columns,
        lines,
        heads=[f"账套：{report.book}　期间：{span(report.period)}{until}　单位：元"],
        notes=[cut_text(report.known)],
        signers=SIGNERS,
        facts=cut_facts(report.known),
    )


def ledger_grid(first: GeneralLedger, more: Callable[[Cursor], GeneralLedger]) -> Grid:
    """The whole ledger from its first page on: the rest is read while it is written, so memory holds one page."""
    chosen = first.chosen
    columns = [
        Column("voucher_date", "日期", "day"),
        Column("voucher", "凭证号"),
        Column("summary", "摘要"),
        Column("code", "科目编码"),
        Column("name", "科目名称"),
        Column("dimensions", "辅助核算"),
        Column("debit_fen", "借方", "money"),
        Column("credit_fen", "贷方", "money"),
        Column("side", "方向"),
        Column("balance_fen", "余额", "money"),
    ]
    asked = " ".join(str(value) for value in first.asked if value)
    return Grid(
        f"ledger-{chosen.code}",
        "明细账",
        columns,
        cast("Sequence[Line]", _Pages(first, more)),  # file renderers read rows once, in order
        heads=[
            f"账套：{chosen.book}　期间：{span(first.period)}　单位：元",
            f"科目：{chosen.code} {chosen.name} {asked}".rstrip(),
        ],
        notes=[cut_text(chosen.known)],
        signers=SIGNERS,
        facts=cut_facts(chosen.known),
        page_sums=("debit_fen", "credit_fen"),
        page_last=("side", "balance_fen"),
    )


class _Pages:
    """The rows of a ledger, page after page."""

    def __init__(self, first: GeneralLedger, more: Callable[[Cursor], GeneralLedger]) -> None:
        self._first = first
        self._more = more

    def __iter__(self) -> Iterator[Line]:
        page = self._first
        yield from map(_ledger_line, page.lines)
        while page.next is not None:
            page = self._more(page.next)
            yield from (_ledger_line(line) for line in page.lines if line.kind is not Kind.CARRIED)


def _ledger_line(line: LedgerLine) -> Line:
    moved, entry = line.movement, line.entry
    side, balance = direction(line.balance_fen), abs(line.balance_fen)
    if entry is None:
        sums = line.kind in (Kind.MONTH, Kind.YEAR)
        amounts = (moved.debit_fen, moved.credit_fen) if sums else (None, None)
        when = str(line.period or "")
        return Line([None, when, KIND_NAMES[line.kind], "", "", "", *amounts, side, balance], total=sums)
    return Line(
        [
            entry.voucher_date,
            entry.voucher,
            entry.summary,
            str(entry.account),
            entry.name,
            dimension_text(entry.asked, entry.dims),
            moved.debit_fen or None,
            moved.credit_fen or None,
            side,
            balance,
        ]
    )


def voucher_grid(report: PrintedVoucher) -> Grid:
    """The form's items: lines, statutory ones first, sums in figures and capitals, who signs, small print below."""
    posted = report.voucher
    columns = [
        Column("summary", "摘要"),
        Column("account", "会计科目"),
        Column("debit_fen", "借方金额", "money"),
        Column("credit_fen", "贷方金额", "money"),
    ]
    lines = []
    for section, legs in report.ordered():
        for leg in legs:
            account = f"{leg.account} {leg.name} {dimension_text(leg.asked, leg.dims)}".rstrip()
            lines.append(Line([posted.summary, account, leg.debit_fen or None, leg.credit_fen or None]))
        sums = report.sums[section]
        which = "" if list(report.sums) == [Section.STATUTORY] else f"（{SECTION_NAMES[section]}）"
        lines.append(Line([f"合计{which}", f"人民币{rmb_upper(sums[0])}", *sums], total=True))
    return Grid(
        posted.number,
        "记账凭证",
        columns,
        lines,
        heads=[
            f"编制单位：{posted.book_name}　{report.day()}　{report.word_number()}　附单据 {posted.attachments} 张　单位：元"
        ],
        notes=report.footnotes(),
        signers=[f"{role}：{name}" for role, name in report.signatures()],
        facts={"voucher": posted.number, "seq": str(posted.seq)},
    )
