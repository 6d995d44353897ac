"""`fundledger month`: hand-back, settlement sheets, their approval and payment, remittance advice."""

from __future__ import annotations

from datetime import date as date_type
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from adapters.banks.ports import Format
from adapters.banks.registry import make_format
from ledger.access.operator_log import logged
from ledger.books.seal import write_anchors
from ledger.bootstrap import App
from ledger.cli.context import JsonFlag, RegionOption, app_for, show
from ledger.core.dates import SystemClock, parse_day
from ledger.core.digests import parse_digest
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.drafting import refusal_words, refused_json
from ledger.fund.handback import HandBack, hand_back
from ledger.fund.month_approve import approve_month
from ledger.fund.month_deductions import OtherDeduction, approve_deduction, propose_deduction
from ledger.fund.month_orders import MONTH_BLOCK_REASONS, MonthOrders, draft_month_orders
from ledger.fund.month_prepare import prepare
from ledger.fund.month_read import Scope
from ledger.fund.month_sheet import Line
from ledger.fund.month_store import MonthSheet, list_sheets
from ledger.fund.remittance import Remittance, remittance, remittance_csv
from ledger.fund.settled_drafts import given_up_by

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
    with logged(running.engine, running.user, region, "month.handback", f"{fund}/{month}"):
        made = hand_back(running.engine, running.user, region, fund, month, _day(date))
    show(_handback_json(made), _handback_words(made), as_json=as_json)


@app.command("prepare")
def prepare_command(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    date: DateOption = "",
    deduct: Annotated[
        list[str] | None, typer.Option("--deduct", help="扣款编号=元，限定本期扣减哪些")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """编制月结算单（不记账），待另一人审批。"""
    running = app_for("maker")
    wanted = None if deduct is None else dict(_deduction(text) for text in deduct)
    scope = Scope(fund, institution, term)
    with logged(running.engine, running.user, region, "month.prepare", f"{fund}/{institution}/{term}"):
        sheet = prepare(running.engine, running.user, region, scope, _day(date), wanted)
    show(sheet_json(sheet), _sheet_words(sheet), as_json=as_json)


@app.command()
def approve(
    region: RegionOption,
    sheet: Annotated[str, typer.Option("--sheet", help="月结算单号")],
    digest: Annotated[str, typer.Option("--digest", help="所审批内容的摘要（64位十六进制）")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """审批月结算单并记账；含所结结算的未审批日拨付批次随之作废。"""
    running = app_for("checker")
    with logged(running.engine, running.user, region, "month.approve", sheet):
        done = approve_month(running.engine, running.user, region, sheet, parse_digest(digest), _day(date))
    write_anchors(running.auditor, running.settings.home)
    with unit_of_work(running.engine, running.user, region) as tx:
        given_up = given_up_by(tx, sheet)
    document = sheet_json(done) | {"given_up": [one.as_json() for one in given_up]}
    show(document, _sheet_words(done) + [f"  {one.message}" for one in given_up], as_json=as_json)


@app.command()
def orders(
    region: RegionOption, fund: FundOption, date: DateOption = "", *, as_json: JsonFlag = False
) -> None:
    """为已审批且应付大于零的月结算编制拨付单；此后与日拨付同一流程。"""
    running = app_for("maker")
    with logged(running.engine, running.user, region, "month.orders", f"{fund}/{date}"):
        made = draft_month_orders(
            running.engine,
            running.user,
            region,
            fund,
            _day(date),
            lambda account: _bank_format(running, region, account),
        )
    show(_orders_json(made), _orders_words(made), as_json=as_json)


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
    lines = [
        f"{s.sheet_id}  {s.scope.institution}  {_STATES[s.state]}  应付{yuan_grouped(s.result_fen)}元  付款期限{s.figures.due_on}"
        for s in sheets
    ]
    show({"term": term, "sheets": [sheet_json(s) for s in sheets]}, lines, as_json=as_json)


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
        csv.write_bytes(remittance_csv(advice))
    show(_remittance_json(advice), remittance_csv(advice).decode("utf-8-sig").splitlines(), as_json=as_json)


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
    deduction = OtherDeduction(number, Scope(fund, institution, term), reason, parse_fen(amount))
    with logged(running.engine, running.user, region, "month.deduct", number):
        propose_deduction(running.engine, running.user, region, deduction)
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
    with logged(running.engine, running.user, region, "month.deduct_approve", number):
        approve_deduction(running.engine, running.user, region, number)
    show({"deduction": number, "state": "approved"}, [f"扣款{number}已审批"], as_json=as_json)


class _BankFormat(NamedTuple):
    format: Format


def _bank_format(running: App, region: int, account: str) -> _BankFormat:
    """The bank's format alone: a month can be drafted before a wire to the bank is confirmed."""
    with unit_of_work(running.engine, running.user, region) as tx:
        bank = tx.value(
            "SELECT bank FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
            region=region,
            account=account,
        )
    return _BankFormat(make_format(str(bank), frozenset({account})))


_STATES = {"draft": "待审批", "approved": "已审批", "void": "已作废"}


def _day(text: str) -> date_type:
    return parse_day(text) if text else SystemClock().today()


def _deduction(text: str) -> tuple[str, int]:
    finding_id, mark, amount = text.partition("=")
    if not mark:
        raise InvalidInput("deduction.format", f"“{text[:60]}”应写作 扣款编号=元", value=text[:60])
    return finding_id, parse_fen(amount)


_AMOUNTS = (
    "fund_fen", "rounded_fen", "retained_fen", "audit_fen", "other_fen", "offset_fen", "open_daily_fen", "waiting_fen",
    "paid_daily_fen", "month_open_fen", "result_fen",
)  # fmt: skip


def sheet_json(sheet: MonthSheet) -> dict[str, Any]:
    """A sheet for machines; amounts in fen as text."""
    figures = sheet.figures
    return {
        "sheet": sheet.sheet_id,
        "fund": sheet.scope.fund,
        "institution": sheet.scope.institution,
        "term": sheet.scope.term,
        "version": sheet.version,
        "state": sheet.state,
        "month_ratio": figures.month_ratio,
        "cutoff": str(figures.cutoff),
        "due_on": str(figures.due_on),
        "records": figures.records,
        "totals": {name: str(sum(getattr(line, name) for line in figures.lines)) for name in _AMOUNTS},
        "lines": [_line_json(line) for line in figures.lines],
        "takings": [
            {"kind": t.kind, "reference": t.reference, "line": t.n, "amount_fen": str(t.amount_fen)}
            for t in figures.takings
        ],
        "result_fen": str(sheet.result_fen),
        "prepared_by": sheet.prepared_by,
        "prepared_on": str(sheet.prepared_on),
        "approved_by": sheet.approved_by,
        "approved_on": "" if sheet.approved_on is None else str(sheet.approved_on),
        "entry": sheet.entry,
        "digest": sheet.digest.hex(),
    }


def _line_json(line: Line) -> dict[str, Any]:
    return {
        **line.key._asdict(),
        "clr_type": line.clr_type,
        "ratio": line.ratio,
        "records": line.records,
        **{name: str(getattr(line, name)) for name in _AMOUNTS},
    }


def _sheet_words(sheet: MonthSheet) -> list[str]:
    total = {name: sum(getattr(line, name) for line in sheet.figures.lines) for name in _AMOUNTS}
    return [
        f"月结算单{sheet.sheet_id}（{_STATES[sheet.state]}）：{sheet.figures.records}笔，付款期限{sheet.figures.due_on}",
        f"  基金金额{yuan_grouped(total['fund_fen'])}，预留{yuan_grouped(total['retained_fen'])}，"
        f"审核扣款{yuan_grouped(total['audit_fen'])}，其他扣款{yuan_grouped(total['other_fen'])}，"
        f"抵扣{yuan_grouped(total['offset_fen'])}，已付日拨付{yuan_grouped(total['paid_daily_fen'])}，"
        f"上期结转{yuan_grouped(total['month_open_fen'])}",
        f"  应付{yuan_grouped(sheet.result_fen)}元；摘要{sheet.digest.hex()}",
    ]


def _handback_json(made: HandBack) -> dict[str, Any]:
    return {
        "fund": made.fund,
        "month": made.month,
        "made_by": made.made_by,
        "made_on": str(made.made_on),
        "late": made.late,
        "paid_fen": str(made.paid_fen),
        "returned_fen": str(made.returned_fen),
        "digest": made.digest.hex(),
        "lines": [
            line._asdict()
            | {
                "late": line.booked_month < made.month,
                "paid_fen": str(line.paid_fen),
                "returned_fen": str(line.returned_fen),
            }
            for line in made.lines
        ],
    }


def _handback_words(made: HandBack) -> list[str]:
    head = f"{FUND_NAMES[made.fund]}{made.month}已付日拨付{yuan_grouped(made.paid_fen)}元，退汇{yuan_grouped(made.returned_fen)}元"
    return [head + ("（逾3日）" if made.late else "")] + [
        f"  {line.institution} {line.term}期 付{yuan_grouped(line.paid_fen)} 退{yuan_grouped(line.returned_fen)}"
        + (f"（{line.booked_month}月的回单迟到）" if line.booked_month < made.month else "")
        for line in made.lines
    ]


def _orders_json(made: MonthOrders) -> dict[str, Any]:
    batch = made.batch
    return {
        "fund": made.fund,
        "date": str(made.pay_date),
        "batch": None
        if batch is None
        else {
            "batch": batch.batch_id,
            "orders": list(batch.order_nos),
            "total_fen": str(batch.total_fen),
            "digest": batch.digest.hex(),
        },
        "due": {institution: str(day) for institution, day in made.due.items()},
        "late": made.late,
        "blocked": [{"institution": b.institution, **refused_json(b)} for b in made.blocked],
    }


def _orders_words(made: MonthOrders) -> list[str]:
    lines = []
    if made.batch is not None:
        lines.append(
            f"批次{made.batch.batch_id}：{len(made.batch.order_nos)}单，{yuan_grouped(made.batch.total_fen)}元，待另一人审批"
        )
    lines += [f"  已过付款期限：{institution}（{made.due[institution]}）" for institution in made.late]
    return lines + [f"  未制单 {b.institution} {refusal_words(b, MONTH_BLOCK_REASONS)}" for b in made.blocked]


def _remittance_json(advice: Remittance) -> dict[str, Any]:
    return {
        "order": advice.order.order_no,
        "state": advice.order.state,
        "institution": advice.order.institution,
        "purpose": advice.order.purpose,
        "amount_fen": str(advice.order.amount_fen),
        "carried_fen": str(advice.carried_fen),
        "sheets": [sheet_json(sheet) for sheet in advice.sheets],
        "records": [
            {name: str(value) if name.endswith("_fen") else value for name, value in record._asdict().items()}
            for record in advice.records
        ],
        "items": [item._asdict() | {"amount_fen": str(item.amount_fen)} for item in advice.items],
    }
