"""The bill of a month between two regions, and its payment (X6).

A bill has the same id in both regions' books. The insured region owes it from the day it comes in (9003, 9103) and pays
it by an order like every other; the expense is booked at the bank's receipt (RCV.month).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from adapters.banks.ports import BankAccount
from ledger.core.accounts import MONTH_OWED, SPENDING_KIND
from ledger.core.entries import EMPLOYEE_FUND, FUND_NAMES, Dimensions
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.money import open_money, store_batch
from ledger.fund.outregion.monthly import require_maker
from ledger.fund.signed.request import key_of
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.values import Batch, ItemDraft, OrderDraft


@dataclass(frozen=True, slots=True)
class RegionBill:
    """A bill of a month; `body` is the text both regions hold, `digest` its SHA-256."""

    bill_id: str
    fund: int
    side: str
    counterparty: int
    term: int
    records: int
    amount_fen: int
    made_on: date
    order_no: str


@dataclass(frozen=True, slots=True)
class BillOrders:
    """What one drafting made; `blocked` names bills not ordered and why (payee_missing, unbearable, over_available, kinds_first)."""

    batch: Batch | None
    bills: Sequence[str]
    blocked: Sequence[tuple[str, str]]


def make_bill(tx: Transaction, fund: int, counterparty: int, term: int, day: date) -> RegionBill:
    """The bill to a region for everything confirmed of a month, with its message in the outbox; place of care, as maker.

    Raises Conflict `outregion.nothing_to_bill` where nothing above zero is confirmed.
    """
    require_maker(tx, fund)
    rows = tx.rows(
        """SELECT setl_id, service_year, category, amount_fen, account_fen FROM fund.outregion_record
            WHERE region = %(region)s AND fund = %(fund)s AND side = 'care' AND counterparty = %(party)s AND term = %(term)s
              AND state = 'confirmed' ORDER BY setl_id FOR UPDATE""",
        region=tx.region,
        fund=fund,
        party=counterparty,
        term=term,
    )
    total = sum(row[3] for row in rows)
    if total <= 0:
        raise Conflict("outregion.nothing_to_bill", f"{term}与{counterparty}没有已确认、金额大于零的清分")
    lines: dict[tuple[int, str, str], int] = {}
    for _, year, category, fen, account in rows:
        for subfund, part in (("pool", fen - account), ("acct", account)):
            own = (
                "pool" if fund != EMPLOYEE_FUND else subfund
            )  # only the employee book has a personal-account sub-fund
            lines[year, category, own] = lines.get((year, category, own), 0) + part
    bill_id = key_of("OUTB", tx.region, counterparty, fund, term, *(row[0] for row in rows))
    body = {"bill": bill_id, "from": tx.region, "to": counterparty, "fund": fund, "term": term, "records": len(rows),
            "amount_fen": total, "lines": [[*key, fen] for key, fen in sorted(lines.items()) if fen]}  # fmt: skip
    text = canonical(body)
    store_bill(tx, "care", counterparty, body, text, day)
    tx.run(
        """UPDATE fund.outregion_record SET state = 'billed', bill_id = %(bill)s
            WHERE region = %(region)s AND fund = %(fund)s AND setl_id = ANY(%(ids)s)""",
        region=tx.region,
        fund=fund,
        bill=bill_id,
        ids=[row[0] for row in rows],
    )
    put_out(tx, bill_id, "bill", fund, counterparty, total, text, day)
    return next(bill for bill in read_bills(tx, fund) if bill.bill_id == bill_id)


def canonical(body: dict[str, object]) -> str:
    """The text of a message: JSON with sorted keys and no spaces; its SHA-256 is the digest on both sides."""
    return json.dumps(body, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def put_out(
    tx: Transaction,
    link_id: str,
    kind: str,
    fund: int,
    counterparty: int,
    amount_fen: int,
    body: str,
    day: date,
) -> None:
    """A message into the outbox, once."""
    tx.run(
        """INSERT INTO fund.outregion_outbox (region, link_id, kind, fund, counterparty, amount_fen, body, digest, made_on)
           VALUES (%(region)s, %(link)s, %(kind)s, %(fund)s, %(party)s, %(fen)s, %(body)s, %(digest)s, %(day)s)
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        link=link_id,
        kind=kind,
        fund=fund,
        party=counterparty,
        fen=amount_fen,
        body=body,
        digest=sha256(body.encode()).digest(),
        day=day,
    )


def store_bill(
    tx: Transaction, side: str, counterparty: int, body: dict[str, Any], text: str, day: date
) -> None:
    """A bill and its lines, as `body` says."""
    tx.run(
        """INSERT INTO fund.outregion_bill (region, fund, bill_id, side, counterparty, term, records, amount_fen, made_on, digest)
           VALUES (%(region)s, %(fund)s, %(bill)s, %(side)s, %(party)s, %(term)s, %(records)s, %(fen)s, %(day)s, %(digest)s)""",
        region=tx.region,
        fund=body["fund"],
        bill=body["bill"],
        side=side,
        party=counterparty,
        term=body["term"],
        records=body["records"],
        fen=body["amount_fen"],
        day=day,
        digest=sha256(text.encode()).digest(),
    )
    tx.run_many(
        """INSERT INTO fund.outregion_bill_line VALUES (%(region)s, %(bill)s, %(year)s, %(category)s, %(subfund)s, %(fen)s)""",
        [
            {
                "region": tx.region,
                "bill": body["bill"],
                "year": year,
                "category": category,
                "subfund": subfund,
                "fen": fen,
            }
            for year, category, subfund, fen in body["lines"]
        ],
    )


def read_bills(tx: Transaction, fund: int = 0) -> list[RegionBill]:
    """Bills of a fund or all, oldest first."""
    return [
        RegionBill(*row)
        for row in tx.rows(
            """SELECT bill_id, fund, side, counterparty, term, records, amount_fen, made_on, order_no FROM fund.outregion_bill
                WHERE region = %(region)s AND %(fund)s IN (0, fund) ORDER BY made_on, bill_id""",
            region=tx.region,
            fund=fund,
        )
    ]


def bill_items(tx: Transaction, bill: RegionBill) -> list[tuple[Dimensions, int]]:
    """The keys of a bill in the insured region's books: the other region is the counterparty."""
    return [
        (Dimensions(str(bill.counterparty), subfund, year, bill.term, category), fen)
        for year, category, subfund, fen in tx.rows(
            """SELECT service_year, category, subfund, amount_fen FROM fund.outregion_bill_line
                WHERE region = %(region)s AND bill_id = %(bill)s ORDER BY 1, 2, 3""",
            region=tx.region,
            bill=bill.bill_id,
        )
    ]


def draft_bill_orders(tx: Transaction, fund: int, pay_date: date, bears: BearsOf = any_bank) -> BillOrders:
    """Draft a batch with an order for every bill we owe that no live order pays, as maker; one failed is issued again.

    Raises Conflict `book.no_account`; Forbidden `access.role_missing`. Drafting again orders nothing twice.
    """
    money = open_money(tx, fund, SPENDING_KIND, pay_date, bears)
    blocked: list[tuple[str, str]] = []
    ready: list[tuple[str, OrderDraft]] = []
    for bill, replaces, payee in _unpaid(tx, fund):
        purpose = f"{bill.term}异地清算{FUND_NAMES[fund]}{tx.region}"
        reason = "payee_missing" if payee is None else ""
        if payee is not None and money.can_bear(payee, purpose):
            reason = "unbearable"
        reason = reason or money.refusal(bill.amount_fen)
        if payee is None or reason:
            blocked.append((bill.bill_id, reason))
            continue
        money.take(bill.amount_fen)
        items = [ItemDraft(MONTH_OWED, dims, fen) for dims, fen in bill_items(tx, bill)]
        ready.append(
            (
                bill.bill_id,
                OrderDraft(str(bill.counterparty), items, (), payee, purpose, money.account, replaces),
            )
        )
    if not ready:
        return BillOrders(None, [], blocked)
    batch = store_batch(tx, fund, pay_date, [order for _, order in ready])
    tx.run_many(
        "UPDATE fund.outregion_bill SET order_no = %(order)s WHERE region = %(region)s AND bill_id = %(bill)s",
        [
            {"region": tx.region, "bill": bill_id, "order": order_no}
            for (bill_id, _), order_no in zip(ready, batch.order_nos, strict=True)
        ],
    )
    return BillOrders(batch, [bill_id for bill_id, _ in ready], blocked)


def _unpaid(tx: Transaction, fund: int) -> list[tuple[RegionBill, str, BankAccount | None]]:
    """Bills we owe in no live order: with the failed order to replace, and the confirmed account of the region."""
    found = []
    for *bill, replaces, name, number, bank, cnaps, confirmed in tx.rows(
        """SELECT b.bill_id, b.fund, b.side, b.counterparty, b.term, b.records, b.amount_fen, b.made_on, b.order_no,
                  CASE WHEN o.state IN ('rejected', 'returned') THEN b.order_no ELSE '' END,
                  c.payee_name, c.payee_number, c.payee_bank, c.payee_cnaps, c.confirmed_by
             FROM fund.outregion_bill b
             JOIN fund.outregion_counterparty c ON c.region = b.region AND c.counterparty = b.counterparty
             LEFT JOIN payments.pay_order o ON o.region = b.region AND o.order_no = b.order_no
             LEFT JOIN payments.state s ON s.state = o.state
            WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.side = 'insured' AND coalesce(s.releases, true)
            ORDER BY b.made_on, b.bill_id FOR UPDATE OF b""",
        region=tx.region,
        fund=fund,
    ):
        payee = BankAccount(name, number, bank, cnaps) if confirmed else None
        found.append((RegionBill(*bill), replaces, payee))
    return found
