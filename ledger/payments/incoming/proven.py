"""Refusals of a bank whose status is not final: kept as said, done when the account's statement proves that nothing was debited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from ledger.core.errors import Conflict, NotFound
from ledger.core.words import said
from ledger.db.safekeeping.fields import TOKEN, read_shown
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.words import said_in
from ledger.payments.orders.states import OrderStep, move


def unproven(tx: Transaction, order_nos: Sequence[str]) -> set[str]:
    """The refused orders that must not be paid again yet: the bank's status is not final and no statement covers them."""
    rows = tx.rows(
        "SELECT o FROM unnest(%(orders)s::text[]) AS o WHERE NOT payments.refusal_proven(%(region)s, o)",
        region=tx.region,
        orders=list(order_nos),
    )
    return {order_no for (order_no,) in rows}


class BankRefusal(NamedTuple):
    """What a bank's refusal of an order rests on, and what it still wants before the order is free to be paid again."""

    order: str
    account: str
    amount_fen: int
    state: str
    final: bool
    """Whether the bank's status is final: then its word is proof enough."""
    said_on: date
    reasons: str
    file: str
    """The bank's status file, as it was received."""
    days_missing: list[date]
    """Days from the sending to the refusal that no statement covers."""
    statements: list[str]
    """`number file` of the statements that cover the others."""
    debits: list[str]
    """`statement:line` of debits that are this order's: it was paid."""
    settled: bool
    """The bank said later that it debited the order: a person must find out."""

    @property
    def missing(self) -> list[str]:
        """What is missing, in words; empty where the order is free or may be freed."""
        found = [f"对账单{line}行显示已扣款：以付款处理，不得重付" for line in self.debits]
        if self.settled:
            found.append("银行其后又称已扣款，须查明")
        if not self.final and self.days_missing:
            found.append(f"涵盖{'、'.join(map(str, self.days_missing))}的账户{self.account}对账单")
        return found

    def as_json(self) -> dict[str, Any]:
        """For machines; days as ISO text, money as text."""
        return self._asdict() | {
            "amount_fen": str(self.amount_fen),
            "said_on": self.said_on.isoformat(),
            "days_missing": [day.isoformat() for day in self.days_missing],
            "missing": self.missing,
        }


def read_refusals(tx: Transaction, order_no: str = "") -> list[BankRefusal]:
    """An order the bank refused (whatever became of it), or all that wait for their second proof."""
    return [
        BankRefusal(*row)
        for row in read_shown(
            tx,
            """SELECT o.order_no, o.account, o.amount_fen, o.state, payments.gives_final_status(o.region, o.account), w.said_on, w.reasons,
                      coalesce(f.name, ''),
                      ARRAY(SELECT d.day FROM payments.days_to_prove(o.region, o.order_no) d WHERE d.statement IS NULL ORDER BY 1),
                      ARRAY(SELECT DISTINCT s.n || ' ' || coalesce(k.name, '') FROM payments.days_to_prove(o.region, o.order_no) d
                              JOIN payments.bank_statement s ON s.region = o.region AND s.account = o.account AND s.n = d.statement
                              LEFT JOIN payments.statement_file k ON k.region = s.region AND k.account = s.account AND k.sha256 = s.file_sha256
                                    AND k.state = 'taken' ORDER BY 1),
                      ARRAY(SELECT l.statement || ':' || l.n FROM payments.debits_of(o.region, o.order_no) l ORDER BY l.statement, l.n),
                      EXISTS (SELECT 1 FROM payments.bank_word s WHERE s.region = o.region AND s.order_no = o.order_no AND s.state = 'settled')
                 FROM payments.pay_order o
                 JOIN LATERAL (SELECT b.said_on, b.reasons, b.file_sha256 FROM payments.bank_word b
                                WHERE b.region = o.region AND b.order_no = o.order_no AND b.effect = 'reject' ORDER BY b.n DESC LIMIT 1) w ON true
                 LEFT JOIN payments.inbound_file f ON f.region = o.region AND f.account = o.account AND f.sha256 = w.file_sha256
                WHERE o.region = %(region)s AND (o.order_no = %(order)s OR %(order)s = '' AND EXISTS (
                      SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = 'reject'))
                ORDER BY o.order_no""",
            region=tx.region,
            order=order_no,
        )
    ]


def release(tx: Transaction, order_no: str, day: date) -> BankRefusal:
    """Free an order that the bank refused once both proofs are there; one that is free already changes nothing.

    Raises NotFound `order.unknown`; Conflict `order.no_refusal` (the bank has not refused it), `order.no_second_proof` saying
    what is missing, `order.state`; Forbidden `access.role_missing`.
    """
    known = tx.row(
        "SELECT account FROM payments.pay_order WHERE region = %(region)s AND order_no = %(order)s",
        region=tx.region,
        order=order_no,
    )
    if known is None:
        raise NotFound("order.unknown", f"没有拨付单{order_no[:40]}", order=order_no[:40])
    found = read_refusals(tx, order_no)
    if not found:
        raise Conflict("order.no_refusal", f"拨付单{order_no}没有银行的拒绝：缺第一项证据（银行状态文件）")
    [refusal] = found
    if refusal.state == "rejected":
        return refusal
    if refusal.missing:
        words = f"拨付单{order_no}已由银行于{refusal.said_on}拒绝（{refusal.file}），尚缺：{'；'.join(refusal.missing)}"
        raise Conflict("order.no_second_proof", words, order=order_no)
    if order_no not in release_proven(tx, known[0], day):
        raise Conflict(
            "order.state", f"拨付单{order_no}现为{said('order.state', refusal.state)}，不能退回重付"
        )
    return read_refusals(tx, order_no)[0]


def release_proven(tx: Transaction, account: str, day: date) -> list[str]:
    """Let the refusals of an account come to pass that its statements prove by now; the orders that are free again.

    A refusal after which the bank said that it debited stays with a person.
    """
    steps = [
        OrderStep(order_no, reasons if TOKEN.fullmatch(reasons) else reasons[:200], said_in(bytes(sha)))
        for order_no, reasons, sha in tx.rows(
            """SELECT o.order_no, w.reasons, w.file_sha256 FROM payments.pay_order o
                 JOIN LATERAL (SELECT b.reasons, b.file_sha256 FROM payments.bank_word b
                                WHERE b.region = o.region AND b.order_no = o.order_no AND b.effect = 'reject' AND b.message_id = o.file_id
                                ORDER BY b.n DESC LIMIT 1) w ON true
                WHERE o.region = %(region)s AND o.account = %(account)s
                  AND EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = 'reject')
                  AND NOT EXISTS (SELECT 1 FROM payments.bank_word s WHERE s.region = o.region AND s.order_no = o.order_no
                                     AND s.state = 'settled')
                  AND payments.refusal_proven(o.region, o.order_no) ORDER BY o.order_no""",
            region=tx.region,
            account=account,
        )
    ]
    move(tx, "reject", steps, day)
    return [step.order_no for step in steps]
