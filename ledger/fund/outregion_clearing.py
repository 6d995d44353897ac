"""Monthly 清分 between regions: the 3260 pull, 3261 confirmation, 3262 roll-back, the bill, and its payment (X6).

A bill has the same id in both regions' books. The insured region owes it from the day it comes in (9003, 9103) and pays
it by an order like every other; the expense is booked at the bank's receipt (RCV.month).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from adapters.banks.ports import Account
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash_orders import available_fen, drafted_fen
from ledger.fund.cash_requests import key_of
from ledger.fund.regions import account_of
from ledger.payments.draft import Batch, BatchDraft, ItemDraft, OrderDraft, create_batch

ROWS_MAX: Final = 100
"""Rows a call of 3260 and of 3261, 3262."""
_OWED: Final = 9103


class PullRow(NamedTuple):
    """A row of 3260. `certno` is empty: the ledger keeps no identity numbers."""

    seqno: int
    mdtrtarea: str
    """The other region: the insured one as seen from the place of care, and the other way round."""
    medins_no: str
    certno: str
    mdtrt_id: str
    mdtrt_setl_time: str
    setl_sn: str
    fulamt_advpay_flag: str
    """0 医院报销, 1 零星报销 (setl_type 1 中心报销)."""
    medfee_sumamt: str
    optins_pay_sumamt: str
    state: str
    """open, confirmed, billed."""


@dataclass(frozen=True, slots=True)
class Bill:
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
    """What one drafting made; `blocked` names bills not ordered and why (payee_missing, over_available)."""

    batch: Batch | None
    bills: Sequence[str]
    blocked: Sequence[tuple[str, str]]


def pull(
    tx: Transaction, fund: int, trt_year: int, trt_month: int, startrow: int = 0, side: str = "care"
) -> list[PullRow]:
    """3260: at most 100 rows of a month with `seqno` above `startrow`; the last row's seqno starts the next call.

    Raises InvalidInput `outregion.month`.
    """
    if not (2000 <= trt_year <= 9999 and 1 <= trt_month <= 12) or startrow < 0:
        raise InvalidInput("outregion.month", f"清分年月{trt_year}-{trt_month}或起始行{startrow}不合规")
    return [
        PullRow(
            seqno,
            str(party),
            medins,
            "",
            mdtrt,
            time,
            setl,
            "1" if kind == "1" else "0",
            yuan(fee),
            yuan(fen),
            state,
        )
        for seqno, party, medins, mdtrt, time, setl, kind, fee, fen, state in tx.rows(
            """SELECT x.seqno, x.counterparty, x.institution, r.mdtrt_id, to_char(r.setl_time, 'YYYY-MM-DD HH24:MI:SS'), x.setl_id,
                      r.setl_type, r.medfee_sumamt, x.amount_fen, x.state
                 FROM fund.outregion_record x JOIN fund.record r ON r.region = x.region AND r.setl_id = x.setl_id
                WHERE x.region = %(region)s AND x.fund = %(fund)s AND x.side = %(side)s AND x.term = %(term)s
                  AND x.seqno > %(start)s ORDER BY x.seqno LIMIT %(most)s""",
            region=tx.region,
            fund=fund,
            side=side,
            term=trt_year * 100 + trt_month,
            start=startrow,
            most=ROWS_MAX,
        )
    ]


def confirm(tx: Transaction, fund: int, setl_ids: Sequence[str], day: date) -> int:
    """3261: confirm at most 100 records, all or none. Raises InvalidInput `outregion.batch`; NotFound
    `outregion.unknown_record`; Conflict `outregion.confirmed_already`; Forbidden `access.role_missing` (maker).
    """
    return _move_state(tx, fund, setl_ids, "open", "confirmed", day)


def roll_back(tx: Transaction, fund: int, setl_ids: Sequence[str]) -> int:
    """3262: take a confirmation back, all or none; what stands in a bill stays. Raises as `confirm`, Conflict
    `outregion.not_confirmed`.
    """
    return _move_state(tx, fund, setl_ids, "confirmed", "open", None)


def make_bill(tx: Transaction, fund: int, counterparty: int, term: int, day: date) -> Bill:
    """The bill to a region for everything confirmed of a month, with its message in the outbox; place of care, as maker.

    Raises Conflict `outregion.nothing_to_bill` where nothing above zero is confirmed.
    """
    _require_maker(tx, fund)
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
            own = "pool" if fund != 310 else subfund  # only the employee book has a personal-account sub-fund
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


def read_bills(tx: Transaction, fund: int = 0) -> list[Bill]:
    """Bills of a fund or all, oldest first."""
    return [
        Bill(*row)
        for row in tx.rows(
            """SELECT bill_id, fund, side, counterparty, term, records, amount_fen, made_on, order_no FROM fund.outregion_bill
                WHERE region = %(region)s AND %(fund)s IN (0, fund) ORDER BY made_on, bill_id""",
            region=tx.region,
            fund=fund,
        )
    ]


def bill_items(tx: Transaction, bill: Bill) -> list[tuple[Dimensions, int]]:
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


def draft_bill_orders(tx: Transaction, fund: int, pay_date: date) -> BillOrders:
    """Draft a batch with an order for every bill we owe that no live order pays, as maker; one failed is issued again.

    Raises Conflict `book.no_account`; Forbidden `access.role_missing`. Drafting again orders nothing twice.
    """
    _require_maker(tx, fund)
    account = account_of(tx, fund, "1004")
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户，不能拨付")
    tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"payments.draft {tx.region}-{fund}"
    )
    there = available_fen(tx, fund, account) - drafted_fen(tx, fund, account)
    blocked: list[tuple[str, str]] = []
    ready: list[tuple[str, OrderDraft]] = []
    for bill, replaces, payee in _unpaid(tx, fund):
        if payee is None or bill.amount_fen > there:
            blocked.append((bill.bill_id, "payee_missing" if payee is None else "over_available"))
            continue
        there -= bill.amount_fen
        items = [ItemDraft(_OWED, dims, fen) for dims, fen in bill_items(tx, bill)]
        purpose = f"{bill.term}异地清算{FUND_NAMES[fund]}{tx.region}"
        ready.append(
            (bill.bill_id, OrderDraft(str(bill.counterparty), items, (), payee, purpose, account, replaces))
        )
    if not ready:
        return BillOrders(None, [], blocked)
    made: int = tx.value(
        "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s",
        region=tx.region,
        fund=fund,
        day=pay_date,
    )
    batch_id = f"X{tx.region}-{fund}-{pay_date:%Y%m%d}-{made + 1}"
    orders = [order for _, order in ready]
    batch = create_batch(tx, BatchDraft(tx.region, fund, "month", batch_id, pay_date, pay_date, orders))
    tx.run_many(
        "UPDATE fund.outregion_bill SET order_no = %(order)s WHERE region = %(region)s AND bill_id = %(bill)s",
        [
            {"region": tx.region, "bill": bill_id, "order": order_no}
            for (bill_id, _), order_no in zip(ready, batch.order_nos, strict=True)
        ],
    )
    return BillOrders(batch, [bill_id for bill_id, _ in ready], blocked)


def _unpaid(tx: Transaction, fund: int) -> list[tuple[Bill, str, Account | None]]:
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
        payee = Account(name, number, bank, cnaps) if confirmed else None
        found.append((Bill(*bill), replaces, payee))
    return found


def _move_state(
    tx: Transaction, fund: int, setl_ids: Sequence[str], before: str, after: str, day: date | None
) -> int:
    _require_maker(tx, fund)
    wanted = list(dict.fromkeys(setl_ids))
    if not 1 <= len(wanted) <= ROWS_MAX or len(wanted) != len(setl_ids):
        raise InvalidInput("outregion.batch", f"一次应为1到{ROWS_MAX}笔且不重复，收到{len(setl_ids)}笔")
    states: dict[str, str] = dict(
        tx.rows(
            """SELECT setl_id, state FROM fund.outregion_record WHERE region = %(region)s AND fund = %(fund)s
                AND setl_id = ANY(%(ids)s) ORDER BY setl_id FOR UPDATE""",
            region=tx.region,
            fund=fund,
            ids=wanted,
        )
    )
    for setl_id in wanted:
        if setl_id not in states:
            raise NotFound("outregion.unknown_record", f"没有异地结算{setl_id[:40]}", setl_id=setl_id[:40])
        if states[setl_id] != before:
            code = "outregion.confirmed_already" if after == "confirmed" else "outregion.not_confirmed"
            words = {"open": "未确认", "confirmed": "已确认", "billed": "已列入清算账单"}[states[setl_id]]
            raise Conflict(code, f"结算{setl_id}的清分{words}，本批未作任何改动", setl_id=setl_id)
    return tx.run(
        """UPDATE fund.outregion_record SET state = %(after)s, confirmed_on = %(day)s
            WHERE region = %(region)s AND fund = %(fund)s AND setl_id = ANY(%(ids)s)""",
        region=tx.region,
        fund=fund,
        ids=wanted,
        after=after,
        day=day,
    )


def _require_maker(tx: Transaction, fund: int) -> None:
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )
