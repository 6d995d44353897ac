"""`fundledger month`: hand-back, settlement sheets, their approval and payment, remittance advice."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from adapters.banks.ports import BankFormat
from adapters.banks.registry import make_format
from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.cli.line.many import AllFlag, each, require_given, require_one_way, words_of_many
from ledger.cli.words.month import (
    SHEET_STATES,
    handback_json,
    handback_words,
    orders_json,
    orders_words,
    remittance_json,
    sheet_json,
    sheet_words,
)
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.private import write_private
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.month.approve import approve_month_in
from ledger.fund.month.approve_all import approve_sheets_in, declared_in, list_of_sheets
from ledger.fund.month.handback import hand_back_in
from ledger.fund.month.orders import draft_month_orders_in
from ledger.fund.month.other_deductions import OtherDeduction, approve_deduction_in, propose_deduction_in
from ledger.fund.month.prepare import prepare_in
from ledger.fund.month.read import MonthScope
from ledger.fund.month.remittance import remittance, remittance_csv
from ledger.fund.month.store import list_sheets
from ledger.fund.ordering.given_up import given_up_by

app = typer.Typer(help="月结算", no_args_is_help=True)

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
InstitutionOption = Annotated[str, typer.Option("--institution", help="机构编码")]
TermOption = Annotated[int, typer.Option("--term", help="期号 yyyymm")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD，默认今天")]


@app.callback()
def _group() -> None:
    """月结算."""


@app.command()
def handback(
    region: RegionOption,
    fund: FundOption,
    month: Annotated[int, typer.Option("--month", help="银行记账月份 yyyymm")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """汇总上月已付日拨付，按机构、期号交业务（规程第十二条）；再次执行给出首次结果。"""
    running = app_for("accountant")
    with act(running, region, "month.handback", f"{fund}/{month}") as tx:
        made = hand_back_in(tx, fund, month, day_or_today(date))
    show(handback_json(made), handback_words(made), as_json=as_json)


@app.command("prepare")
def prepare_command(
    region: RegionOption,
    fund: FundOption,
    term: TermOption,
    institution: Annotated[str, typer.Option("--institution", help="机构编码")] = "",
    date: DateOption = "",
    deduct: Annotated[
        list[str] | None, typer.Option("--deduct", help="扣款编号=元，限定本期扣减哪些")
    ] = None,
    *,
    every: AllFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """编制月结算单（不记账），待另一人审批；--all为已申报的全部机构，不能编制的列明原因。"""
    running = app_for("maker")
    require_one_way(institution, "--institution", every=every)
    if every:
        _prepare_all(running, region, fund, term, day_or_today(date), as_json=as_json)
        return
    wanted = None if deduct is None else dict(_deduction(text) for text in deduct)
    scope = MonthScope(fund, institution, term)
    with act(running, region, "month.prepare", f"{fund}/{institution}/{term}") as tx:
        sheet = prepare_in(tx, scope, day_or_today(date), wanted)
    show(sheet_json(sheet), sheet_words(sheet), as_json=as_json)


def _prepare_all(
    running: App, region: int, fund: int, term: int, day: datetime.date, *, as_json: bool
) -> None:
    with unit_of_work(running.engine, running.user, region) as tx:
        institutions = declared_in(tx, term, fund)
    made, refused = each(
        running,
        region,
        "month.prepare",
        institutions,
        lambda tx, institution: prepare_in(tx, MonthScope(fund, institution, term), day),
    )
    with unit_of_work(running.engine, running.user, region) as tx:
        shown = list_of_sheets(tx, term, fund, list_sheets(tx, term, fund))
    document = {
        "term": term,
        "sheets": [sheet_json(sheet) for sheet in made],
        "refused": refused,
        "digest": shown.shown,
    }
    show(document, words_of_many("编制", len(made), refused, shown), as_json=as_json)


@app.command()
def approve(
    region: RegionOption,
    digest: Annotated[str, typer.Option("--digest", help="所审批内容的摘要（64位十六进制）")],
    sheet: Annotated[str, typer.Option("--sheet", help="月结算单号")] = "",
    date: DateOption = "",
    term: Annotated[int, typer.Option("--term", help="期号 yyyymm（--all）")] = 0,
    fund: Annotated[int, typer.Option("--fund", help="基金，默认全部（--all）")] = 0,
    *,
    every: AllFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """审批月结算单并记账；含所结结算的未审批日拨付批次随之作废。--all按month list所列摘要审批一个期号的全部。"""
    running = app_for("checker")
    require_one_way(sheet, "--sheet", every=every)
    if every:
        require_given(term=term)
        with act(running, region, "month.approve", f"{fund}/{term}") as tx:
            approved = approve_sheets_in(tx, term, fund, parse_digest(digest), day_or_today(date))
        show(
            {"term": term, "sheets": [sheet_json(one) for one in approved], "warnings": ACTING.warnings},
            [f"已审批{term}期月结算单{len(approved)}张", *(f"  {one.sheet_id}" for one in approved)],
            as_json=as_json,
        )
        return
    with act(running, region, "month.approve", sheet) as tx:
        done = approve_month_in(tx, sheet, parse_digest(digest), day_or_today(date))
    with unit_of_work(running.engine, running.user, region) as tx:
        given_up = given_up_by(tx, sheet)
    document = sheet_json(done) | {
        "given_up": [one.as_json() for one in given_up],
        "warnings": ACTING.warnings,
    }
    show(document, sheet_words(done) + [f"  {one.message}" for one in given_up], as_json=as_json)


@app.command()
def orders(
    region: RegionOption, fund: FundOption, date: DateOption = "", *, as_json: JsonFlag = False
) -> None:
    """为已审批且应付大于零的月结算编制拨付单；此后与日拨付同一流程。"""
    running = app_for("maker")
    with act(running, region, "month.orders", f"{fund}/{date}") as tx:
        made = draft_month_orders_in(
            tx,
            fund,
            day_or_today(date),
            lambda account: _bank_format(running, region, account),
        )
    show(orders_json(made), orders_words(made), as_json=as_json)


@app.command("list")
def list_command(
    region: RegionOption,
    term: TermOption,
    fund: Annotated[int, typer.Option("--fund", help="基金，默认全部")] = 0,
    institution: Annotated[str, typer.Option("--institution", help="机构，默认全部")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出一个期号的月结算单。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        sheets = list_sheets(tx, term, fund, institution)
        digest = list_of_sheets(tx, term, fund, sheets).shown if not institution else None
    lines = [
        f"{s.sheet_id}  {s.scope.institution}  {SHEET_STATES[s.state]}  应付{yuan_grouped(s.result_fen)}元  付款期限{s.figures.due_on}"
        for s in sheets
    ]
    if digest:
        lines.append(f"全部的摘要 {digest}")
    show({"term": term, "sheets": [sheet_json(s) for s in sheets], "digest": digest}, lines, as_json=as_json)


@app.command("remittance")
def remittance_command(
    region: RegionOption,
    order: Annotated[str, typer.Option("--order", help="月结拨付单号")],
    csv: Annotated[Path | None, typer.Option("--csv", help="另存CSV")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """付款清单：一笔月结付款所含的结算、扣款与抵扣。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        advice = remittance(tx, order)
    if csv is not None:
        write_private(csv, remittance_csv(advice))
    show(remittance_json(advice), remittance_csv(advice).decode("utf-8-sig").splitlines(), as_json=as_json)


@app.command()
def deduct(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    number: Annotated[str, typer.Option("--id", help="扣款编号")],
    amount: Annotated[str, typer.Option("--amount", help="金额（元）")],
    reason: Annotated[str, typer.Option("--reason", help="依据")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出其他扣款，待另一人审批。"""
    running = app_for("maker")
    deduction = OtherDeduction(number, MonthScope(fund, institution, term), reason, parse_fen(amount))
    with act(running, region, "month.deduct", number) as tx:
        propose_deduction_in(tx, deduction)
    show(
        {"deduction": number, "amount_fen": str(deduction.amount_fen)},
        [f"扣款{number}待审批"],
        as_json=as_json,
    )


@app.command("deduct-approve")
def deduct_approve(
    region: RegionOption,
    number: Annotated[str, typer.Option("--id", help="扣款编号")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """审批其他扣款；由下一次月结扣减。"""
    running = app_for("checker")
    with act(running, region, "month.deduct_approve", number) as tx:
        approve_deduction_in(tx, number, running.clock.today())
    show({"deduction": number, "state": "approved"}, [f"扣款{number}已审批"], as_json=as_json)


class _BankFormat(NamedTuple):
    format: BankFormat


def _bank_format(running: App, region: int, account: str) -> _BankFormat:
    """The bank's format alone: a month can be drafted before a wire to the bank is confirmed."""
    with unit_of_work(running.engine, running.user, region) as tx:
        bank = tx.value(
            "SELECT bank FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
            region=region,
            account=account,
        )
    return _BankFormat(make_format(str(bank), frozenset({account})))


def _deduction(text: str) -> tuple[str, int]:
    finding_id, mark, amount = text.partition("=")
    if not mark:
        raise InvalidInput("deduction.format", f"“{text[:60]}”应写作 扣款编号=元", value=text[:60])
    return finding_id, parse_fen(amount)
