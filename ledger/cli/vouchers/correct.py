"""`fundledger correct`: a posted voucher corrected from its number; drafted here, approved by another with `book voucher approve`."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books import correcting
from ledger.books.manual import require_happened
from ledger.books.papers import named_papers
from ledger.books.reading import parse_book
from ledger.cli.line.context import JsonFlag, act, app_for, day_or_today, show
from ledger.cli.vouchers.voucher import BookOption, DateOption, ReceiptOption, parse_leg, show_voucher
from ledger.core.dates import parse_day
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.incoming.stated import take_line

app = typer.Typer(help="更正已记账的凭证：红字冲销、蓝字订正、差额更正", no_args_is_help=True)

VoucherOption = Annotated[str, typer.Option("--voucher", help="所更正的凭证，如记-202610-12或链上序号")]
ReasonOption = Annotated[str, typer.Option("--reason", help="更正的原因，写在摘要之后")]
EvidenceOption = Annotated[str, typer.Option("--evidence", help="依据，默认原凭证的依据")]
LineOption = Annotated[
    list[str],
    typer.Option("--line", help="借|贷:科目:元[:对方[:账目[:年度[:期号[:类别]]]]]，同book voucher draft"),
]


@app.command("show")
def show_corrections(
    book: BookOption,
    voucher: VoucherOption,
    date: Annotated[str, typer.Option("--date", help="何日更正，默认今日")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """一张凭证能否冲销、不能的原因，以及已有的更正凭证。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = correcting.correctable(tx, named, voucher, day_or_today(date))
    lines = [f"{found.original.number} {found.original.summary}：{found.why or '可以红字冲销'}"]
    lines += [
        f"  {said('correction.kind', one.kind)} {one.draft} {one.prepared_by}制单 {said('voucher.state', one.state)} {one.voucher}".rstrip()
        for one in found.corrections
    ]
    show(found.as_json(), lines, as_json=as_json)


@app.command()
def red(
    book: BookOption,
    voucher: VoucherOption,
    date: DateOption,
    reason: ReasonOption = "",
    evidence: EvidenceOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """红字冲销（制单）：逐行红字，备查账一并冲销；复核后原凭证所了结的事项、回单重新挂起。"""
    running, named, day = app_for("accountant"), parse_book(book), parse_day(date)
    require_happened(day, running.clock.today())
    with act(running, named.region, "correct.red", f"{book} {voucher}") as tx:
        made = correcting.draft_red(tx, named, voucher, day, reason=reason, evidence=evidence)
    show_voucher(made, as_json=as_json)


@app.command()
def blue(
    book: BookOption,
    voucher: VoucherOption,
    date: DateOption,
    line: LineOption,
    reason: ReasonOption = "",
    evidence: EvidenceOption = "",
    business: Annotated[str, typer.Option(help="业务日期 YYYY-MM-DD，默认原凭证的业务日期")] = "",
    attachments: Annotated[int, typer.Option(help="附件张数，默认原凭证的", min=-1)] = -1,
    receipt: ReceiptOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """蓝字订正（制单）：本年的须先有红字凭证；以前年度的只填蓝字。"""
    _replace(
        correcting.BLUE,
        book,
        voucher,
        date,
        line,
        reason,
        evidence,
        business,
        attachments,
        receipt,
        as_json=as_json,
    )


@app.command()
def difference(
    book: BookOption,
    voucher: VoucherOption,
    date: DateOption,
    line: LineOption,
    reason: ReasonOption = "",
    evidence: EvidenceOption = "",
    attachments: Annotated[int, typer.Option(help="附件张数，默认原凭证的", min=-1)] = -1,
    receipt: ReceiptOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """差额更正（制单）：科目无误、只是金额有误，调增用蓝字、调减用红字。"""
    _replace(
        correcting.DIFFERENCE,
        book,
        voucher,
        date,
        line,
        reason,
        evidence,
        "",
        attachments,
        receipt,
        as_json=as_json,
    )


def _replace(
    kind: str,
    book: str,
    voucher: str,
    date: str,
    line: list[str],
    reason: str,
    evidence: str,
    business: str,
    attachments: int,
    receipt: list[str] | None,
    *,
    as_json: bool,
) -> None:
    running, named, day = app_for("accountant"), parse_book(book), parse_day(date)
    require_happened(day, running.clock.today())
    legs = tuple(parse_leg(text) for text in line)
    with act(running, named.region, f"correct.{kind}", f"{book} {voucher}") as tx:
        made = correcting.draft_replacement(
            tx,
            named,
            voucher,
            kind,
            legs,
            day,
            business=parse_day(business) if business else None,
            reason=reason,
            evidence=evidence,
            attachments=None if attachments < 0 else attachments,
            papers=named_papers(tx, named, legs, receipt or [], take_line),
        )
    show_voucher(made, as_json=as_json)
