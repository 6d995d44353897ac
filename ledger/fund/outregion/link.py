"""Two regions' books linked by an end-to-end id: each side its own local transaction, joined by an outbox and an inbox.

A message is taken in once by its link id and digest, so it may be delivered any number of times; while the other side is
down it waits and is tried again. What the two ends say is compared, aged and listed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.access.operator_log import append_line
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book
from ledger.core.errors import Conflict, InvalidInput, LedgerError
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.outregion.bills import bill_items, read_bills, store_bill
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.rules import Item, apply
from ledger.rules.policy import RULES_SIGNER, policy_on


@dataclass(frozen=True, slots=True)
class End:
    """One region's side of a link: its database, and the user who acts there."""

    engine: Engine
    user: str
    region: int


class OutboxMessage(NamedTuple):
    """A message as it lies in the outbox; `digest` is the SHA-256 of `body`."""

    link_id: str
    kind: str
    fund: int
    amount_fen: int
    body: str
    digest: bytes


class Delivery(NamedTuple):
    """What became of one message: `delivered`, or `waiting` with the other side's error code."""

    link_id: str
    outcome: str
    error: str


class LinkDifference(NamedTuple):
    """A link whose ends do not yet say the same. Fen; `age` in days since our side made or got it."""

    link_id: str
    side: str
    counterparty: int
    amount_fen: int
    settled_fen: int
    told_fen: int
    """What the other side says it has paid (place of care); our own paid amount (insured place)."""
    delivered: bool
    age: int

    @property
    def difference_fen(self) -> int:
        """What is still open on our side."""
        return self.amount_fen - self.settled_fen


def deliver(ours: End, other: End, day: date) -> list[Delivery]:
    """Carry our waiting messages for the other region over, one by one, oldest first.

    Each step is one transaction of one region. A failure of the other side leaves the message waiting with the error;
    a failure after it was taken in there is repaired by the next run.
    """
    with unit_of_work(ours.engine, ours.user, ours.region) as tx:
        waiting = [
            OutboxMessage._make((*row[:-1], bytes(row[-1])))
            for row in tx.rows(
                """SELECT link_id, kind, fund, amount_fen, body, digest FROM fund.outregion_outbox
                    WHERE region = %(region)s AND counterparty = %(party)s AND state = 'waiting' ORDER BY made_on, link_id""",
                region=tx.region,
                party=other.region,
            )
        ]
    done = []
    for message in waiting:
        try:
            with unit_of_work(other.engine, other.user, other.region) as there:
                accept(there, message, ours.region, day)
                append_line(there, "outregion.accepted", message.link_id, "done", "")
        except LedgerError as error:
            done.append(Delivery(message.link_id, "waiting", error.code))
        else:
            done.append(Delivery(message.link_id, "delivered", ""))
        with unit_of_work(ours.engine, ours.user, ours.region) as tx:
            _mark(tx, done[-1], day)
    return done


def accept(tx: Transaction, message: OutboxMessage, sender: int, day: date) -> bool:
    """Take a message in, and do what it asks; False if it was taken in before.

    A bill becomes what we owe that region: Dr 9003, Cr 9103. Raises InvalidInput `outregion.message` for a body that is
    not its digest or not for us; Conflict `outregion.other_content` for a known link id with another content.
    """
    body = _read(message, sender, tx.region)
    stored = tx.row(
        "SELECT digest, counterparty FROM fund.outregion_inbox WHERE region = %(region)s AND link_id = %(link)s",
        region=tx.region,
        link=message.link_id,
    )
    if stored is not None:
        if (bytes(stored[0]), stored[1]) != (message.digest, sender):
            raise Conflict(
                "outregion.other_content", f"{message.link_id}已收到过，内容不同", link_id=message.link_id
            )
        return False
    tx.run(
        """INSERT INTO fund.outregion_inbox VALUES (%(region)s, %(link)s, %(kind)s, %(fund)s, %(party)s, %(fen)s, %(body)s,
               %(digest)s, %(day)s)""",
        region=tx.region,
        link=message.link_id,
        kind=message.kind,
        fund=message.fund,
        party=sender,
        fen=message.amount_fen,
        body=message.body,
        digest=message.digest,
        day=day,
    )
    if message.kind == "bill":
        store_bill(tx, "insured", sender, body, message.body, day)
        _owe(tx, message, day)
    return True


def ends(tx: Transaction, day: date, counterparty: int = 0) -> list[LinkDifference]:
    """Every link as our side has it: bills both ways, and prepayments told to us. Equal ends have no difference."""
    rows = tx.rows(
        """SELECT b.bill_id, b.side, b.counterparty, b.amount_fen,
                  CASE b.side WHEN 'care' THEN coalesce((SELECT sum(m.amount_fen) FROM fund.outregion_move m
                      WHERE m.region = b.region AND m.kind = 'received' AND m.document = b.bill_id AND m.state = 'done'), 0)
                  ELSE coalesce((SELECT o.amount_fen FROM payments.pay_order o
                      WHERE o.region = b.region AND o.order_no = b.order_no AND o.state = 'paid'), 0) END::bigint,
                  CASE b.side WHEN 'care' THEN coalesce((
                      SELECT sum(CASE i.kind WHEN 'paid' THEN i.amount_fen ELSE -i.amount_fen END) FROM fund.outregion_inbox i
                       WHERE i.region = b.region AND i.kind IN ('paid', 'returned') AND i.counterparty = b.counterparty
                         AND i.body::jsonb ->> 'bill' = b.bill_id), 0) ELSE -1 END::bigint,
                  coalesce((SELECT x.state = 'delivered' FROM fund.outregion_outbox x
                      WHERE x.region = b.region AND x.link_id = CASE b.side WHEN 'care' THEN b.bill_id ELSE b.order_no END),
                      b.side = 'insured' AND b.order_no = ''),
                  %(day)s::date - b.made_on
             FROM fund.outregion_bill b WHERE b.region = %(region)s AND %(party)s IN (0, b.counterparty)
           UNION ALL
           SELECT i.link_id, 'prepaid', i.counterparty, i.amount_fen,
                  coalesce((SELECT sum(m.amount_fen) FROM fund.outregion_move m WHERE m.region = i.region
                      AND m.kind = 'prepaid_in' AND m.document = i.link_id AND m.state = 'done'), 0)::bigint,
                  i.amount_fen, true, %(day)s::date - i.came_on
             FROM fund.outregion_inbox i WHERE i.region = %(region)s AND i.kind = 'prepaid' AND %(party)s IN (0, i.counterparty)
              AND NOT EXISTS (SELECT 1 FROM fund.outregion_inbox r WHERE r.region = i.region AND r.kind = 'returned'
                                 AND r.counterparty = i.counterparty AND r.body::jsonb ->> 'order' = i.body::jsonb ->> 'order')
            ORDER BY 8 DESC, 1""",
        region=tx.region,
        party=counterparty,
        day=day,
    )
    return [LinkDifference._make((*row[:5], row[4] if row[5] < 0 else row[5], *row[6:])) for row in rows]


def differences(tx: Transaction, day: date, counterparty: int = 0) -> list[LinkDifference]:
    """The links that are not yet equal on both ends, oldest first."""
    return [
        end
        for end in ends(tx, day, counterparty)
        if end.difference_fen or end.told_fen != end.settled_fen or not end.delivered
    ]


def _read(message: OutboxMessage, sender: int, region: int) -> dict[str, Any]:
    try:
        body = json.loads(message.body)
    except ValueError:
        body = None
    if (
        not isinstance(body, dict)
        or sha256(message.body.encode()).digest() != message.digest
        or (body.get("from"), body.get("to"), body.get("fund"), body.get("amount_fen"))
        != (sender, region, message.fund, message.amount_fen)
        or (message.kind == "bill" and sum(line[-1] for line in body["lines"]) != message.amount_fen)
    ):
        raise InvalidInput("outregion.message", f"消息{message.link_id[:60]}的内容与摘要、金额或收发方不符")
    return body


def _owe(tx: Transaction, message: OutboxMessage, day: date) -> None:
    bill = next(bill for bill in read_bills(tx, message.fund) if bill.bill_id == message.link_id)
    ruled = apply(
        "CLRX.owed",
        policy_on(tx, tx.region, day),
        bill.fund,
        [Item(dims, fen) for dims, fen in bill_items(tx, bill)],
    )
    open_period(tx, Book(tx.region, bill.fund), period_of(day))
    paper = SignedEntry(
        fund=bill.fund,
        source_key=f"CLRX:{bill.bill_id}",
        business_date=day,
        summary=f"{bill.term}异地清算通知{FUND_NAMES[bill.fund]}{bill.counterparty}共{bill.records}笔",
        prepared_by=f"rule:{ruled.rule}",
        reviewed_by=RULES_SIGNER,
        digest=message.digest,
        evidence=f"清算账单{bill.bill_id}",
    )
    post_signed(tx, paper, ruled, day)


def _mark(tx: Transaction, delivery: Delivery, day: date) -> None:
    there = delivery.outcome == "delivered"
    tx.run(
        """UPDATE fund.outregion_outbox SET attempts = attempts + 1, last_error = %(error)s, state = %(state)s,
               delivered_on = %(day)s WHERE region = %(region)s AND link_id = %(link)s AND state = 'waiting'""",
        region=tx.region,
        link=delivery.link_id,
        error=delivery.error,
        state="delivered" if there else "waiting",
        day=day if there else None,
    )
