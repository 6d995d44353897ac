"""Remittance advice 付款清单: what a month's payment covers, for the institution that receives it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.core.cells import cell
from ledger.core.errors import NotFound
from ledger.core.money import yuan
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.store import MonthSheet, read_sheet
from ledger.payments.orders.order import Order, read_orders

_COLUMNS = ("类别", "月结单", "期号", "编号", "账目", "基金金额", "日拨付", "已付日拨付", "金额")


class RemittanceRecord(NamedTuple):
    """A record the payment settles, in fen: its fund money, its daily payable, and what of it was paid by the day."""

    sheet_id: str
    setl_id: str
    subfund: str
    fund_fen: int
    daily_fen: int
    paid_daily_fen: int


class RemittanceItem(NamedTuple):
    """A deduction (`finding`, `other`) or an offset (kind of advance) taken by one of its sheets, in fen."""

    sheet_id: str
    kind: str
    reference: str
    setl_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Remittance:
    """One payment's advice. amount = Σ (rounded − deductions − offsets − paid daily) of its sheets + carried."""

    order: Order
    sheets: Sequence[MonthSheet]
    records: Sequence[RemittanceRecord]
    items: Sequence[RemittanceItem]

    @property
    def carried_fen(self) -> int:
        """What is paid besides its sheets' own months: carried from earlier ones, or returned and owed again."""
        own = sum(line.result_fen - line.month_open_fen for s in self.sheets for line in s.figures.lines)
        return self.order.amount_fen - own


def remittance(tx: Transaction, order_no: str) -> Remittance:
    """The advice of a month order. Raises NotFound `order.unknown`, `remittance.not_month`."""
    found = read_orders(tx, [order_no])
    if not found:
        raise NotFound("order.unknown", f"没有拨付单{order_no}", order_no=order_no)
    ids = [
        sheet_id
        for (sheet_id,) in tx.rows(
            "SELECT sheet_id FROM fund.sheet_order WHERE region = %(region)s AND order_no = %(order)s ORDER BY sheet_id",
            region=tx.region,
            order=order_no,
        )
    ]
    if not ids:
        raise NotFound("remittance.not_month", f"拨付单{order_no}不是月结拨付单", order_no=order_no)
    # Paid by the day: in an order that is paid, or that came back only after the sheet had counted it as paid.
    records = tx.rows(
        """SELECT p.settled_by, p.setl_id, p.subfund, p.fund_fen, p.daily_fen,
                  CASE WHEN EXISTS (
                      SELECT 1 FROM payments.order_payable e
                        JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.order_no
                       WHERE e.region = p.region AND e.setl_id = p.setl_id AND e.subfund = p.subfund AND e.fund = p.fund
                         AND (o.state = 'paid' OR o.state = 'returned' AND EXISTS (
                              SELECT 1 FROM books.source b
                               WHERE b.region = o.region AND b.fund = o.fund AND b.source_key LIKE 'RTN:' || o.order_no || ':%%'
                                 AND b.seq > s.seq)))
                       THEN p.daily_fen ELSE 0 END
             FROM fund.payable p
             JOIN (SELECT s.region, s.fund, s.sheet_id, b.seq FROM fund.sheet s
                     LEFT JOIN books.source b ON b.region = s.region AND b.fund = s.fund AND b.source_key = 'SET:' || s.sheet_id
                    WHERE s.region = %(region)s AND s.sheet_id = ANY(%(sheets)s)) s
               ON s.region = p.region AND s.fund = p.fund AND s.sheet_id = p.settled_by
            ORDER BY p.settled_by COLLATE "C", p.setl_id COLLATE "C", p.subfund""",
        region=tx.region,
        sheets=ids,
    )
    items = tx.rows(
        """SELECT t.sheet_id, t.kind, t.reference, coalesce(f.setl_id, ''), sum(t.amount_fen)::bigint
             FROM fund.sheet_taking t
             LEFT JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.reference AND t.kind = 'finding'
            WHERE t.region = %(region)s AND t.sheet_id = ANY(%(sheets)s)
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3""",
        region=tx.region,
        sheets=ids,
    )
    return Remittance(
        found[0],
        [read_sheet(tx, sheet_id) for sheet_id in ids],
        [RemittanceRecord(*row) for row in records],
        [RemittanceItem(*row) for row in items],
    )


def remittance_csv(advice: Remittance) -> bytes:
    """The advice as CSV (UTF-8 with BOM, CRLF, yuan): records, deductions and offsets, carry, the amount paid."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    terms = {sheet.sheet_id: sheet.scope.term for sheet in advice.sheets}
    for r in advice.records:
        writer.writerow(
            (
                *("结算", r.sheet_id, terms[r.sheet_id], cell(r.setl_id), r.subfund),
                *(yuan(r.fund_fen), yuan(r.daily_fen), yuan(r.paid_daily_fen), ""),
            )
        )
    for sheet in advice.sheets:
        for line in sheet.figures.lines:
            if line.retained_fen:
                writer.writerow(
                    [
                        *("预留质量保证金", sheet.sheet_id, line.key.term, "", line.key.subfund, "", "", ""),
                        yuan(-line.retained_fen),
                    ]
                )
    for item in advice.items:
        writer.writerow(
            [
                *(
                    _ITEM_NAMES[item.kind],
                    item.sheet_id,
                    terms[item.sheet_id],
                    cell(item.reference),
                    "",
                    "",
                    "",
                    "",
                ),
                yuan(-item.amount_fen),
            ]
        )
    if advice.carried_fen:
        writer.writerow(("上期结转", "", "", "", "", "", "", "", yuan(advice.carried_fen)))
    writer.writerow(("实付", "", "", advice.order.order_no, "", "", "", "", yuan(advice.order.amount_fen)))
    return text.getvalue().encode("utf-8-sig")


_ITEM_NAMES = words_of("taking.kind")
