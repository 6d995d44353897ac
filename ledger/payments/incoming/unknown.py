"""Papers and statuses about orders and files of ours that this database never made: it was brought back from before them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date

from adapters.banks.ports import AccountStatement, Direction, OrderStatus
from ledger.core.words import paper_named
from ledger.db.unit_of_work import Transaction
from ledger.payments.freeze.freeze import freeze
from ledger.payments.incoming.evidence import EvidencePaper


def watch_papers(
    tx: Transaction,
    papers: Iterable[EvidencePaper],
    statuses: Iterable[OrderStatus],
    known: Collection[str],
    day: date,
) -> None:
    """Freeze the region's payments for a debit or a status that names an order or a file of ours not in `known` or stored.

    A credit proves nothing: whoever pays us writes what he likes. What is written like our numbers but for another region
    is not ours.
    """
    ours = _order_of_ours(tx.region)
    for paper in papers:
        told = paper.evidence
        if told.direction is Direction.DEBIT and ours.fullmatch(told.order_no) and told.order_no not in known:
            freeze(
                tx,
                "receipt_unknown_order",
                f"{paper_named(told.kind, told.receipt_no)}，拨付单{told.order_no}",
                day,
            )
    file_of_ours = re.compile(rf"[A-Z]{tx.region}-\d{{3}}-\d{{8}}-\d+-\d+", re.ASCII)
    named = {one.message_id for one in statuses if file_of_ours.fullmatch(one.message_id)}
    if not named:
        return
    stored = {
        file_id
        for (file_id,) in tx.rows(
            "SELECT file_id FROM payments.bank_file WHERE region = %(region)s AND file_id = ANY(%(files)s)",
            region=tx.region,
            files=sorted(named),
        )
    }
    for file_id in sorted(named - stored):
        freeze(tx, "status_unknown_file", f"付款文件{file_id}", day)


def watch_lines(tx: Transaction, statements: Iterable[AccountStatement], day: date) -> None:
    """Freeze the region's payments for a statement's debit that names an order of ours that is not stored: its receipt never came."""
    ours = _order_of_ours(tx.region)
    named = {
        line.order_no
        for one in statements
        for line in one.lines
        if line.direction is Direction.DEBIT and ours.fullmatch(line.order_no)
    }
    if not named:
        return
    rows = tx.rows(
        "SELECT order_no FROM payments.pay_order WHERE region = %(region)s AND order_no = ANY (%(orders)s)",
        region=tx.region,
        orders=sorted(named),
    )
    for order_no in sorted(named - {order_no for (order_no,) in rows}):
        freeze(tx, "receipt_unknown_order", f"对账单上的扣款，拨付单{order_no}", day)


def _order_of_ours(region: int) -> re.Pattern[str]:
    return re.compile(rf"FL{region}-\d{{3}}-\d{{8}}-\d{{5}}", re.ASCII)
