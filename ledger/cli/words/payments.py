"""Orders as `fundledger payments list` tells them: for machines, and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ledger.core.money import yuan_grouped
from ledger.core.words import evidence_named, paper_named, said
from ledger.payments.orders.listing import OrderView, Overview
from ledger.payments.out.send import Sending


def plain_overview(found: Overview) -> dict[str, object]:
    """The overview for machines; amounts in fen as text."""
    return {
        "states": [
            {"state": t.state, "name": t.display_name, "orders": t.orders, "total_fen": str(t.total_fen)}
            for t in found.totals
        ],
        "batches": [
            {
                "batch": b.batch_id,
                "fund": b.fund,
                "pay_date": b.pay_date.isoformat(),
                "prepared_by": b.prepared_by,
                "approved_by": b.approved_by,
                "orders": b.orders,
                "total_fen": str(b.total_fen),
                "digest": b.digest.hex(),
                "first_payments": b.first_payments,
            }
            for b in found.batches
        ],
        "orders": [dataclasses.asdict(o) | {"amount_fen": str(o.amount_fen)} for o in found.orders],
        "papers": [dataclasses.asdict(p) | {"amount_fen": str(p.amount_fen)} for p in found.papers],
    }


def words_of_overview(found: Overview) -> list[str]:
    """The overview for people."""
    lines = [f"{t.display_name} {t.orders}单 {yuan_grouped(t.total_fen)}元" for t in found.totals if t.orders]
    lines += [
        f"批次{b.batch_id} {b.orders}单 {yuan_grouped(b.total_fen)}元 制单{b.prepared_by} "
        f"{'审批' + b.approved_by if b.approved_by else '待审批'} 摘要{b.digest.hex()}"
        f"{f'（首次付款{b.first_payments}单）' if b.first_payments else ''}"
        for b in found.batches
    ]
    lines += [
        f"  {o.order_no} {o.payee_name} {yuan_grouped(o.amount_fen)}元 {said('order.state', o.state)}{'（首次付款）' if o.first_payment else ''}"
        for o in found.orders
    ]
    lines += [
        f"  未过账回单 {paper_named(p.kind, p.receipt_no)} {yuan_grouped(p.amount_fen)}元 {_became(p.outcome, p.code)} {p.order_no}".rstrip()
        for p in found.papers
    ]
    return lines or ["没有拨付单"]


def _became(outcome: str, code: str) -> str:
    """What became of a paper and why: `挂账（没有这张拨付单）`."""
    why = said("paper.reason", code)
    return said("paper.outcome", outcome) + (f"（{why}）" if why else "")


def plain_order(view: OrderView) -> dict[str, object]:
    """One order for machines."""
    return {
        "order": dataclasses.asdict(dataclasses.replace(view.order, payee=view.order.shown_payee))
        | {"amount_fen": str(view.order.amount_fen)},
        "events": [dataclasses.asdict(event) for event in view.events],
        "papers": [dataclasses.asdict(p) | {"amount_fen": str(p.amount_fen)} for p in view.papers],
        "records": view.records,
        "vouchers": [{"source_key": key, "voucher": number} for key, number in view.vouchers],
    }


def words_of_order(view: OrderView) -> list[str]:
    """One order for people."""
    order = view.order
    lines = [
        f"拨付单{order.order_no} {yuan_grouped(order.amount_fen)}元 {order.shown_payee.name} {order.shown_payee.number} {said('order.state', order.state)}，"
        f"含{view.records}笔记录"
    ]
    lines += [
        f"  {e.business_date} {said('order.event', e.event)} {said('order.state', e.from_state)}→"
        f"{said('order.state', e.to_state)} {e.user} {said('order.reason', e.reason)} {evidence_named(e.evidence)}".rstrip()
        for e in view.events
    ]
    lines += [
        f"  回单 {paper_named(p.kind, p.receipt_no)} {p.booking_date} {_became(p.outcome, p.code)}"
        for p in view.papers
    ]
    lines += [f"  凭证 {number} {key}" for key, number in view.vouchers]
    return lines


def plain_sent(done: Sequence[Sending]) -> dict[str, object]:
    """What became of each payment file, for machines."""
    return {
        "files": [
            {
                "file": one.file_id,
                "outcome": one.outcome,
                "orders": one.orders,
                "total_fen": str(one.total_fen),
                "code": one.code,
                "message": one.message,
            }
            for one in done
        ]
    }


def words_of_sent(done: Sequence[Sending]) -> list[str]:
    """The same for people."""
    return [
        f"{one.file_id} {said('file.sending', one.outcome)}：{one.orders}单，{yuan_grouped(one.total_fen)}元 {one.message}".rstrip()
        for one in done
    ] or ["没有待发送的付款文件"]
