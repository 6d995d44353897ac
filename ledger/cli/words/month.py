"""A month's papers as `fundledger month` tells them: for machines, and in words."""

from __future__ import annotations

from typing import Any

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.fund.month.handback import HandBack
from ledger.fund.month.orders import MONTH_BLOCK_REASONS, MonthOrders
from ledger.fund.month.remittance import Remittance
from ledger.fund.month.sheet import KindDue, SheetDue, SheetLine
from ledger.fund.month.store import MonthSheet
from ledger.fund.ordering.draft import refusal_words, refused_json

SHEET_STATES = words_of("sheet.state")


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
        "deductions": [_kind_json(kind) for kind in figures.by_kind()],
        "dues": [_due_json(due) for due in figures.dues],
        "result_fen": str(sheet.result_fen),
        "prepared_by": sheet.prepared_by,
        "prepared_on": str(sheet.prepared_on),
        "approved_by": sheet.approved_by,
        "approved_on": "" if sheet.approved_on is None else str(sheet.approved_on),
        "entry": sheet.entry,
        "digest": sheet.digest.hex(),
    }


def _line_json(line: SheetLine) -> dict[str, Any]:
    return {
        **line.key._asdict(),
        "clr_type": line.clr_type,
        "ratio": line.ratio,
        "records": line.records,
        **{name: str(getattr(line, name)) for name in _AMOUNTS},
    }


KIND_WORDS = {
    "finding": "审核扣款",
    "other": "其他扣款",
    "daily": "日拨付及上期超付",
    "preallocation": "按月预拨抵扣",
    "supplier": "集采直接结算抵扣",
    "prepayment": "预付金抵扣",
}


def _kind_json(kind: KindDue) -> dict[str, Any]:
    return {name: str(value) if name.endswith("_fen") else value for name, value in kind._asdict().items()}


def _due_json(due: SheetDue) -> dict[str, Any]:
    fen = {name: str(value) for name, value in due._asdict().items() if name.endswith("_fen")}
    return {
        "kind": due.kind,
        "reference": due.reference,
        "brought": due.brought,
        **fen,
        "left_fen": str(due.left_fen),
    }


def _deduction_words(sheet: MonthSheet) -> list[str]:
    """Every kind that the sheet had to take, and each single one of which something is left over."""
    words = [
        f"  {KIND_WORDS[kind.kind]}：上期转入{yuan_grouped(kind.brought_fen)}，本期新增{yuan_grouped(kind.new_fen)}，"
        f"本期扣{yuan_grouped(kind.taken_fen)}，结转下期{yuan_grouped(kind.left_fen)}"
        for kind in sheet.figures.by_kind()
        if kind.brought_fen or kind.new_fen
    ]
    return words + [
        f"    {due.reference}（{KIND_WORDS[due.kind]}）应扣{yuan_grouped(due.decided_fen)}，"
        f"已扣{yuan_grouped(due.before_fen + due.taken_fen)}，尚余{yuan_grouped(due.left_fen)}结转下期"
        for due in sheet.figures.dues
        if due.left_fen
    ]


def sheet_words(sheet: MonthSheet) -> list[str]:
    """A sheet for people."""
    total = {name: sum(getattr(line, name) for line in sheet.figures.lines) for name in _AMOUNTS}
    return [
        f"月结算单{sheet.sheet_id}（{SHEET_STATES[sheet.state]}）：{sheet.figures.records}笔，付款期限{sheet.figures.due_on}",
        f"  基金金额{yuan_grouped(total['fund_fen'])}，预留{yuan_grouped(total['retained_fen'])}，"
        f"审核扣款{yuan_grouped(total['audit_fen'])}，其他扣款{yuan_grouped(total['other_fen'])}，"
        f"抵扣{yuan_grouped(total['offset_fen'])}，已付日拨付{yuan_grouped(total['paid_daily_fen'])}，"
        f"上期结转{yuan_grouped(total['month_open_fen'])}",
        *_deduction_words(sheet),
        f"  应付{yuan_grouped(sheet.result_fen)}元；摘要{sheet.digest.hex()}",
    ]


def handback_json(made: HandBack) -> dict[str, Any]:
    """A month's hand-back for machines; amounts in fen as text."""
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


def handback_words(made: HandBack) -> list[str]:
    """A hand-back for people; what came late says so."""
    head = f"{FUND_NAMES[made.fund]}{made.month}已付日拨付{yuan_grouped(made.paid_fen)}元，退汇{yuan_grouped(made.returned_fen)}元"
    return [head + ("（逾3日）" if made.late else "")] + [
        f"  {line.institution} {line.term}期 付{yuan_grouped(line.paid_fen)} 退{yuan_grouped(line.returned_fen)}"
        + (f"（{line.booked_month}月的回单迟到）" if line.booked_month < made.month else "")
        for line in made.lines
    ]


def orders_json(made: MonthOrders) -> dict[str, Any]:
    """A drafting of month orders for machines: the batch to approve, what is late, what is in no order and why."""
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


def orders_words(made: MonthOrders) -> list[str]:
    """The same for people."""
    lines = []
    if made.batch is not None:
        lines.append(
            f"批次{made.batch.batch_id}：{len(made.batch.order_nos)}单，{yuan_grouped(made.batch.total_fen)}元，待另一人审批"
        )
    lines += [f"  已过付款期限：{institution}（{made.due[institution]}）" for institution in made.late]
    return lines + [f"  未制单 {b.institution} {refusal_words(b, MONTH_BLOCK_REASONS)}" for b in made.blocked]


def remittance_json(advice: Remittance) -> dict[str, Any]:
    """A remittance advice for machines: the order, its sheets, their records."""
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
