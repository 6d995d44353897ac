"""Every word a bank said of an order, kept in its order (payments.bank_word): the last one does not wipe out the first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

from adapters.banks.ports import OrderStatus
from ledger.core.text import plain
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.evidence import persons_orders
from ledger.payments.incoming.statuses import Decision


def said_in(file_sha256: bytes) -> str:
    """What an event of an order names as its evidence: the status file whose word moved it."""
    return f"file:{file_sha256.hex()}"


class _Word(NamedTuple):
    order_no: str
    file_sha256: bytes
    status: OrderStatus
    effect: str


class BankWords:
    """What was said before, and what this round hears."""

    def __init__(self, tx: Transaction, orders: Sequence[str], debited: Collection[str] = ()) -> None:
        """`debited`: the orders of which this round's statuses say so, whichever of them comes first."""
        self._tx = tx
        self._heard: list[_Word] = []
        self._settled = set(debited) | {
            order_no
            for (order_no,) in tx.rows(
                "SELECT DISTINCT order_no FROM payments.bank_word WHERE region = %(region)s"
                " AND order_no = ANY(%(orders)s) AND state = 'settled'",
                region=tx.region,
                orders=list(orders),
            )
        }

    def settled(self, order_no: str) -> bool:
        """Whether the bank has said that this order was debited, in this round or before."""
        return order_no in self._settled

    def hear(self, order_no: str, status: OrderStatus, file_sha256: bytes, decision: Decision) -> None:
        """One more word; `decision` is what it did."""
        self._heard.append(_Word(order_no, file_sha256, status, decision.problem or decision.event))

    def keep(self, day: date) -> None:
        """Store what was heard, numbered after what was said before."""
        self._tx.run(
            "INSERT INTO payments.bank_word (region, order_no, n, file_sha256, message_id, state, code, reasons, effect,"
            " said_on) SELECT %(region)s, w.order_no, coalesce(l.last, 0)"
            "  + row_number() OVER (PARTITION BY w.order_no ORDER BY w.place), w.sha256, w.message, w.state, w.code,"
            "  w.reasons, w.effect, %(day)s"
            " FROM unnest(%(orders)s::text[], %(files)s::bytea[], %(messages)s::text[], %(states)s::text[],"
            "  %(codes)s::text[], %(reasons)s::text[], %(effects)s::text[]) WITH ORDINALITY"
            "  AS w (order_no, sha256, message, state, code, reasons, effect, place)"
            " LEFT JOIN (SELECT order_no, max(n) AS last FROM payments.bank_word WHERE region = %(region)s"
            "  AND order_no = ANY(%(orders)s) GROUP BY order_no) l ON l.order_no = w.order_no",
            region=self._tx.region,
            day=day,
            orders=[word.order_no for word in self._heard],
            files=[word.file_sha256 for word in self._heard],
            messages=[plain(word.status.message_id) for word in self._heard],
            states=[str(word.status.state) for word in self._heard],
            codes=[plain(word.status.code) for word in self._heard],
            reasons=self._kept_reasons(),
            effects=[word.effect for word in self._heard],
        )

    def _kept_reasons(self) -> list[str]:
        """The bank's words as they are kept: of an order to a person sealed."""
        paying = persons_orders(self._tx, [word.order_no for word in self._heard])
        return [
            fields(self._tx).seal(said) if word.order_no in paying else said
            for word in self._heard
            for said in [plain(word_reasons(word.status))]
        ]


def word_reasons(status: OrderStatus) -> str:
    """Codes and texts of the order's own level and of those above it, as one line."""
    codes = [*status.reason_codes, *status.whole_reason_codes]
    return "；".join(filter(None, ["/".join(codes), status.reason, status.whole_reason]))[:2000]
