"""付款清单 of any order: what its money is made of, for the institution that receives it; the amounts add up to the order, to the fen.

A daily order lists its records with their daily shares, a month's its sheets term by term (art. 19) with their records, an
annual one the rows of its letter; whatever else (advances, persons, other regions) its items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ledger.books.chart import account
from ledger.core.errors import NotFound
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.remittance import remittance
from ledger.payments.orders.order import Order, read_orders
from reports.render.grid import Column, Grid, Line

_COLUMNS: Final = (
    Column("what", "项目", "text", 14), Column("paper", "单据", "text", 26), Column("term", "期号", "text", 8),
    Column("setl_id", "结算ID", "text", 26), Column("subfund", "账目", "text", 8), Column("fund_fen", "基金金额", "money", 14),
    Column("amount_fen", "计入本单金额", "money", 14),
)  # fmt: skip


def remittance_grid(tx: Transaction, order_no: str) -> Grid:
    """The advice of an order. Raises NotFound `order.unknown`."""
    found = read_orders(tx, [order_no])
    if not found:
        raise NotFound("order.unknown", f"没有拨付单{order_no[:40]}", order_no=order_no[:40])
    order = found[0]
    lines = _PARTS.get(order.kind, _items)(tx, order)
    total = sum(int(str(line.cells[6])) for line in lines if line.cells[6] is not None)
    heads = (
        f"拨付单 {order.order_no}", f"{said('kind', order.kind)}，拨付日{order.pay_date}", f"收款 {order.shown_payee.name} {order.shown_payee.number}",
        f"状态 {said('order.state', order.state)}", "单位：元",
    )  # fmt: skip
    last = Line(("合计", "", "", "", "", None, total), total=True)
    notes = () if total == order.amount_fen else (f"与拨付单金额{order.amount_fen}分不符，请内控核查",)
    facts = {"order_no": order.order_no, "amount_fen": str(order.amount_fen), "sum_fen": str(total)}
    return Grid(
        f"付款清单-{order.order_no}",
        "付款清单",
        _COLUMNS,
        [*lines, last],
        heads=heads,
        notes=notes,
        facts=facts,
    )


def _daily(tx: Transaction, order: Order) -> list[Line]:
    rows = tx.rows(
        """SELECT p.setl_id, p.subfund, p.term, p.fund_fen, e.daily_fen FROM payments.order_payable e
             JOIN fund.payable p ON p.region = e.region AND p.fund = e.fund AND p.setl_id = e.setl_id AND p.subfund = e.subfund
            WHERE e.region = %(region)s AND e.order_no = %(order)s ORDER BY p.setl_id COLLATE "C", p.subfund""",
        region=tx.region,
        order=order.order_no,
    )
    if not rows:  # paid again after it came back: the money is owed by the month since
        return _items(tx, order)
    return [
        Line(("结算", "", str(term), setl_id, said("subfund", subfund), fund_fen, fen))
        for setl_id, subfund, term, fund_fen, fen in rows
    ]


def _month(tx: Transaction, order: Order) -> list[Line]:
    advice = remittance(tx, order.order_no)
    lines: list[Line] = []
    for sheet in advice.sheets:
        term = str(sheet.scope.term)
        for one in advice.records:
            if one.sheet_id == sheet.sheet_id:
                lines.append(
                    Line(
                        (
                            "结算",
                            sheet.sheet_id,
                            term,
                            one.setl_id,
                            said("subfund", one.subfund),
                            one.fund_fen,
                            None,
                        ),
                        level=1,
                    )
                )
        own = sheet.figures.lines
        for what, fen in (
            ("结算额×比例", sum(line.rounded_fen for line in own)), ("已日拨付", -sum(line.paid_daily_fen for line in own)),
        ):  # fmt: skip
            if fen:
                lines.append(Line((what, sheet.sheet_id, term, "", "", None, fen)))
        for item in advice.items:
            if item.sheet_id == sheet.sheet_id:
                named = f"{said('taking.kind', item.kind)} {item.reference}"
                lines.append(Line((named, sheet.sheet_id, term, item.setl_id, "", None, -item.amount_fen)))
    if advice.carried_fen:
        lines.append(Line(("上期结转", "", "", "", "", None, advice.carried_fen)))
    return lines


def _clearing(tx: Transaction, order: Order) -> list[Line]:
    letter = tx.value(
        "SELECT letter_id FROM fund.letter_order WHERE region = %(region)s AND order_no = %(order)s",
        region=tx.region,
        order=order.order_no,
    )
    return [Line((line.cells[0], letter or "", *line.cells[2:])) for line in _items(tx, order)]


def _items(tx: Transaction, order: Order) -> list[Line]:
    return [
        Line((account(order.fund, source).name, "", str(term or ""), "", said("subfund", subfund) if subfund else "", None, fen))
        for source, subfund, term, fen in tx.rows(
            """SELECT source, subfund, term, amount_fen FROM payments.order_item
                WHERE region = %(region)s AND order_no = %(order)s ORDER BY n""",
            region=tx.region,
            order=order.order_no,
        )
    ]  # fmt: skip


_PARTS: Final[Mapping[str, Callable[[Transaction, Order], list[Line]]]] = {
    "daily": _daily, "month": _month, "clearing": _clearing,
}  # fmt: skip
