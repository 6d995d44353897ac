"""Reports on the terminal as a Chinese accountant expects them: 借/贷/平 for balances, red letters red with a minus."""

from __future__ import annotations

from typing import TextIO

from moneyed import Money
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ledger.core.cny import grouped
from reports.general_ledger import KIND_NAMES, GeneralLedger
from reports.rmb import rmb_upper
from reports.trial_balance import TrialBalance, carried_columns
from reports.trial_balance import columns_of as balance_columns
from reports.voucher import PrintedVoucher
from reports.voucher import columns_of as voucher_columns
from reports.wording import SECTION_NAMES, cut_text, dimension_text, direction, kind_mark, printable


def show(table: Table, out: TextIO) -> None:
    """Print; a file or pipe gets the full width, so that no figure is cut or broken."""
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        widest = console.options.update(max_width=10_000)
        console.width = Measurement.get(console, widest, table).maximum
    console.print(table)


def trial_balance(report: TrialBalance) -> Table:
    """科目余额表 with one line of totals a section; the caption names the cut."""
    when = "全部凭证" if report.as_of is None else f"凭证日期截至{report.as_of}"
    span = "开账以来" if report.period is None else f"{report.period // 100}.{report.period % 100:02d}"
    table = _table(f"科目余额表  账套{report.book}  期间{span}  {when}  单位：元", cut_text(report.known))
    for heading in ("科目编码", "科目名称", "辅助核算"):
        table.add_column(heading, no_wrap=True)
    for heading in ("期初", "期初余额", "本期借方", "本期贷方", "期末", "期末余额"):
        table.add_column(heading, justify="center" if len(heading) == 2 else "right", no_wrap=True)
    carried = report.carried
    if carried:
        for heading in ("结转借方", "结转贷方"):
            table.add_column(heading, justify="right", no_wrap=True)
    for section, totals in report.sections.items():
        for row in report.rows:
            if row.section != section:
                continue
            money = balance_columns(row)
            closed = map(_amount, carried_columns(row)) if carried else ()
            table.add_row(
                str(row.account),
                _text(row.name),
                _text(dimension_text(row.asked, row.dims)),
                direction(row.opening_fen),
                _balance(money.opening),
                _amount(money.debit),
                _amount(money.credit),
                direction(row.closing_fen),
                _balance(money.closing),
                *closed,
            )
        money = totals.columns()
        table.add_row(
            "合计",
            f"{SECTION_NAMES[section]} 试算平衡",
            "",
            "借=贷",
            grouped(money.opening),
            _amount(money.debit),
            _amount(money.credit),
            "借=贷",
            grouped(money.closing),
            *(map(_amount, carried_columns(totals)) if carried else ()),
            style="bold",
            end_section=True,
        )
    return table


def general_ledger(report: GeneralLedger) -> Table:
    """三栏式明细账; the caption names the cut and how to turn the page."""
    chosen = report.chosen
    turn = (
        "" if report.next is None else f"，续页 --after {report.next} --known-at {chosen.known.recorded_text}"
    )
    table = _table(
        f"明细账  账套{chosen.book}  {chosen.code} {chosen.name}  单位：元", cut_text(chosen.known) + turn
    )
    for heading in ("日期", "凭证", "摘要", "科目", "辅助核算"):
        table.add_column(heading, no_wrap=heading != "摘要")
    for heading in ("借方", "贷方", "方向", "余额"):
        table.add_column(heading, justify="center" if heading == "方向" else "right", no_wrap=True)
    for line in report.lines:
        entry = line.entry
        if entry is None:
            start: list[str | Text] = [str(line.period or ""), "", Text(KIND_NAMES[line.kind]), "", Text("")]
        else:
            start = [
                entry.voucher_date.isoformat(),
                entry.voucher,
                _text(kind_mark(entry.kind) + entry.summary),
                str(entry.account),
                _text(dimension_text(entry.asked, entry.dims)),
            ]
        money = line.columns()
        table.add_row(
            *start,
            _amount(money.debit),
            _amount(money.credit),
            direction(line.balance_fen),
            _balance(money.balance),
            style="" if entry else "bold",
        )
    return table


def voucher(report: PrintedVoucher) -> Table:
    """记账凭证 in the order of the form: unit, day, number and attachments; lines, statutory ones first; sums in capitals;
    who signs. Evidence and what the program calls it stand below, where nobody signs.
    """
    posted = report.voucher
    signers = "  ".join(f"{role}：{name}" for role, name in report.signatures())
    table = _table(
        f"记账凭证\n{posted.book_name}（账套{posted.book}）\n"
        f"{report.day()}  {report.word_number()}  附单据{posted.attachments}张  单位：元",
        "\n".join((signers, *report.footnotes())),
    )
    table.add_column("摘要")
    table.add_column("会计科目", no_wrap=True)
    for heading in ("借方金额", "贷方金额"):
        table.add_column(heading, justify="right", no_wrap=True)
    for section, lines in report.ordered():
        for line in lines:
            money = voucher_columns(line)
            table.add_row(
                _text(posted.summary),
                _text(f"{line.account} {line.name} {dimension_text(line.asked, line.dims)}"),
                _amount(money.debit),
                _amount(money.credit),
            )
        money = report.columns(section)
        table.add_row(
            f"合计（{SECTION_NAMES[section]}）",
            f"人民币{rmb_upper(report.sums[section][0])}",
            _sum(money.debit),
            _sum(money.credit),
            style="bold",
            end_section=True,
        )
    return table


def _table(title: str, caption: str) -> Table:
    head, lines = (Text("\n").join(_text(line) for line in words.split("\n")) for words in (title, caption))
    return Table(title=head, caption=lines, title_justify="left", caption_justify="left")


def _text(words: str) -> Text:
    """Words from outside: neither rich's markup nor the terminal's control codes."""
    return Text(printable(words))


def _amount(money: Money) -> Text:
    """A turnover: blank when zero; a red letter is red and has its minus sign for black-and-white print."""
    return Text(grouped(money) if money else "", style="red" if money.amount < 0 else "")


def _sum(money: Money) -> Text:
    """A sum: a turnover whose zero is shown."""
    return _amount(money) if money else Text(grouped(money))


def _balance(money: Money) -> str:
    """A balance never has a sign: 借, 贷 or 平 stands beside it."""
    return grouped(abs(money))
