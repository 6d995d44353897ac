"""`fundledger book voucher`: what an accountant books by hand, from draft to approval by another person."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date as date_type
from typing import Annotated, Final

import typer

from ledger.books import manual
from ledger.books.manual import STATES, ManualContent, ManualVoucher
from ledger.books.papers import named_papers
from ledger.books.reading import parse_book
from ledger.books.setup import open_period
from ledger.books.templates.fill import fill, ground
from ledger.books.vouchers import voucher
from ledger.cli.line.context import JsonFlag, act, app_for, show
from ledger.cli.vouchers import attachments as attached_files
from ledger.cli.vouchers import files, recurring, templates
from ledger.cli.vouchers.batches import FileOption, approve_all, waiting
from ledger.cli.vouchers.templates import (
    AccountOption,
    AmountOption,
    BankOption,
    CategoryOption,
    PartyOption,
    SubfundOption,
    TermOption,
    YearOption,
    given_of,
    template_of,
)
from ledger.core.dates import parse_day, period_of
from ledger.core.digests import parse_digest
from ledger.core.entries import Book, Dimensions, Leg, Side
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.incoming.stated import take_line

app = typer.Typer(help="手工凭证：一人制单，另一人复核后记账", no_args_is_help=True)
app.add_typer(templates.app, name="templates")
app.add_typer(recurring.app, name="recurring")
app.command()(attached_files.attach)
app.command()(attached_files.attachments)
app.command()(waiting)
app.command("import")(files.import_file)
app.command()(files.imported)
app.command()(recurring.due)

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD；复核时即填制日期")]
ReasonOption = Annotated[str, typer.Option("--reason", help="理由")]
Draft = Annotated[str, typer.Argument(help="草稿编号，如MV-…")]
ReceiptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--receipt",
        help="所依据的挂账回单，如bker:R1；付、收同号的写明:debit或:credit；没有回单的对账单行写statement:3:7；记账时移出挂账",
    ),
]

_SIDES: Final = {"借": Side.DEBIT, "贷": Side.CREDIT}
_LINE: Final = re.compile(
    r"(借|贷):([0-9]{4,8}):(-?[0-9.]+)(?::([^:]*)(?::([^:]*)(?::([0-9]{4})?(?::([0-9]{6})?(?::([^:]*))?)?)?)?)?"
)


@app.command()
def draft(
    book: BookOption,
    date: DateOption,
    evidence: Annotated[str, typer.Option(help="依据：文号、单据号")],
    summary: Annotated[str, typer.Option(help="摘要；用模板时缺省为模板的")] = "",
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line",
            help="借|贷:科目:元[:对方[:账目[:年度[:期号[:类别]]]]]，如借:1004:100.00:4200000000001004；红字为负",
        ),
    ] = None,
    template: Annotated[str, typer.Option(help="凭证模板，如A5，见templates list；代替--line")] = "",
    amount: AmountOption = None,
    bank: BankOption = None,
    account: AccountOption = None,
    party: PartyOption = "",
    subfund: SubfundOption = "",
    year: YearOption = 0,
    term: TermOption = 0,
    category: CategoryOption = "",
    business: Annotated[str, typer.Option(help="业务日期 YYYY-MM-DD，默认办理日期")] = "",
    attachments: Annotated[int, typer.Option(help="附件张数", min=0)] = 0,
    reverses: Annotated[
        str, typer.Option(help="所冲销的凭证，如记-202610-12或链上序号：分录须是其逐行红字")
    ] = "",
    receipt: ReceiptOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """制单（不记账），待另一人复核。"""
    running, named, day = app_for("accountant"), parse_book(book), parse_day(date)
    manual.require_happened(day, running.clock.today())
    if bool(template) == bool(line):
        raise InvalidInput("voucher.form", "制单或用--template，或用--line逐行写明，不能两样都给或都不给")
    legs = tuple(parse_leg(text) for text in line or ())
    form = template_of(running, named, template, day) if template else None
    given = given_of(amount, bank, account, Dimensions(party, subfund, year, term, category))
    summary = summary or (form.summary if form else "")
    with act(running, named.region, "voucher.draft", f"{book} {summary}") as tx:
        corrected = voucher(tx, named, reverses).seq if reverses else 0
        if form is not None:
            legs = fill(form, ground(tx, named), given)
        papers = named_papers(tx, named, legs, receipt or [], take_line)
        said = (parse_day(business) if business else day, summary, evidence, legs, attachments, corrected)
        made = manual.draft_voucher(
            tx, named, ManualContent(*said, papers=papers, template=form.own_id if form else ""), day
        )
    show_voucher(made, as_json=as_json)


@app.command("list")
def list_drafts(
    book: BookOption,
    state: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in STATES.items()))] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出手工凭证草稿，退回、撤回的也在。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = manual.manual_vouchers(tx, named, state=state)
    lines = [_words(one) for one in found] or ["没有手工凭证草稿"]
    show({"vouchers": [one.as_json() for one in found]}, lines, as_json=as_json)


@app.command("show")
def show_draft(draft: Draft, book: BookOption, *, as_json: JsonFlag = False) -> None:
    """一份草稿的全部内容与摘要。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = manual.manual_voucher(tx, named, draft)
    show_voucher(found, as_json=as_json)


@app.command()
def approve(
    book: BookOption,
    date: DateOption,
    digest: Annotated[
        str, typer.Option(help="所复核内容的摘要，64位十六进制，见book voucher show；--all时见waiting")
    ],
    draft: Annotated[str, typer.Argument(help="草稿编号，如MV-…；--all时不给")] = "",
    every: Annotated[bool, typer.Option("--all", help="复核waiting所列的全部草稿，全部或全不")] = False,
    file: FileOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核并记账：由制单人以外的人，对其摘要负责；一份草稿，或一份清单。"""
    if every == bool(draft) or (file and not every):
        raise InvalidInput("voucher.which", "请给出一份草稿的编号，或用--all（可加--file）复核一份清单")
    if every:
        approve_all(book, date, digest, file, as_json=as_json)
        return
    day, seen = parse_day(date), parse_digest(digest)

    def approving(tx: Transaction, named: Book, today: date_type) -> None:
        manual.require_happened(day, today)
        open_period(tx, named, period_of(day))
        manual.approve_voucher(tx, named, draft, seen, day)

    _decide("checker", "approve", draft, book, approving, as_json=as_json)


@app.command()
def reject(
    draft: Draft, book: BookOption, date: DateOption, reason: ReasonOption, *, as_json: JsonFlag = False
) -> None:
    """退回：由制单人以外的人；草稿保留。"""
    day = parse_day(date)
    _decide(
        "checker", "reject", draft, book,
        lambda tx, named, _: manual.reject_voucher(tx, named, draft, day, reason), as_json=as_json,
    )  # fmt: skip


@app.command()
def withdraw(
    draft: Draft, book: BookOption, date: DateOption, reason: ReasonOption, *, as_json: JsonFlag = False
) -> None:
    """制单人撤回自己的草稿；草稿保留。"""
    day = parse_day(date)
    _decide(
        "accountant", "withdraw", draft, book,
        lambda tx, named, _: manual.withdraw_voucher(tx, named, draft, day, reason), as_json=as_json,
    )  # fmt: skip


def _decide(
    role: str,
    what: str,
    draft: str,
    book: str,
    decide: Callable[[Transaction, Book, date_type], object],
    *,
    as_json: bool,
) -> None:
    running, named = app_for(role), parse_book(book)
    with act(running, named.region, f"voucher.{what}", f"{book} {draft}") as tx:
        decide(tx, named, running.clock.today())
        decided = manual.manual_voucher(tx, named, draft)
    show_voucher(decided, as_json=as_json)


def parse_leg(text: str) -> Leg:
    """A line as typed: `借:1004:100.00:4200000000001004`. Raises InvalidInput `voucher.line`, `money.*`."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise InvalidInput(
            "voucher.line",
            f"“{text[:80]}”应为 借|贷:科目:元[:对方[:账目[:年度[:期号[:类别]]]]]",
            value=text[:80],
        )
    side, account, amount, party, subfund, year, term, category = (part or "" for part in match.groups())
    dims = Dimensions(party, subfund, int(year or 0), int(term or 0), category)
    return Leg(int(account), _SIDES[side], parse_fen(amount), dims)


def _words(one: ManualVoucher) -> str:
    decided = (
        f"，{one.decided_by}{STATES[one.state]}{one.voucher or one.reason}" if one.decided_by else "，待复核"
    )
    return f"{one.voucher_id} {one.content.summary} {yuan_grouped(one.amount_fen)}元 {one.prepared_by}制单{decided}"


def show_voucher(one: ManualVoucher, *, as_json: bool) -> None:
    """A draft with its lines, the papers it rests on, what to mind, and its digest."""
    lines = [_words(one), f"  业务日期{one.content.business_date}，依据：{one.content.evidence}"]
    for leg in one.content.legs:
        dims = " ".join(str(value) for value in leg.dims if value)
        side = "借" if leg.side is Side.DEBIT else "贷"
        lines.append(f"  {side} {leg.account} {yuan_grouped(leg.amount_fen)}元 {dims}".rstrip())
    lines += [f"  模板 {one.content.template}"] if one.content.template else []
    lines += [f"  回单 {paper}" for paper in one.content.papers]
    lines += [f"  附件{it.n} {it.name} {it.size}字节 SHA-256 {it.sha256.hex()}" for it in one.attached]
    lines += [f"  警告（{caution.code}）：{caution.message}" for caution in one.cautions]
    show(one.as_json(), [*lines, f"  摘要 {one.shown_digest.hex()}"], as_json=as_json)
