"""Status files move orders and never post a payment (art. 12: 支付状态作参考); a contradiction is a problem to look at.

| bank says | order's state | what happens |
|---|---|---|
| accepted, settled | sent, unknown | accepted |
| accepted, settled | accepted, paid, returned | nothing |
| accepted, settled | rejected | problem status.accepted_after_reject |
| rejected | sent, unknown, accepted | rejected, records open again |
| rejected, for a reason nobody knows | accepted | problem status.reason_unknown: a person asks the bank |
| rejected | sent, unknown, accepted; the bank has said debited, before or in the same round | problem status.reject_after_settled: a person asks the bank |
| rejected, by a bank whose status is not final (its channel) | sent, unknown, accepted | problem status.await_statement; rejected once the account's statement shows no debit (proven.py) |
| rejected | rejected | nothing |
| rejected | paid, returned | problem status.reject_after_paid: the receipt stands |
| rejected as a duplicate | any | problem status.duplicate: the first one may be paid |
| any | draft, approved, filed, cancelled | problem status.order_not_sent |
| undecided code | any | problem status.undecided |
| about another file than the order's | any | problem status.other_file |
| unknown order or file | | problem status.unknown_order |

A filed order whose file is on its way is made unknown first: the bank's word proves that it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from adapters.banks.ports import BankState, OrderStatus
from ledger.payments.incoming.faults import is_duplicate, is_understood
from ledger.payments.orders.order import Order
from ledger.payments.orders.states import Transitions

_EVENTS: Final = {BankState.ACCEPTED: "accept", BankState.SETTLED: "accept", BankState.REJECTED: "reject"}
_FINISHED: Final = frozenset({"paid", "returned"})


class Decision(NamedTuple):
    """What a status does to one order: an event, or a problem, or neither."""

    order_no: str
    event: str
    problem: str
    status: OrderStatus


def spread(
    statuses: Sequence[OrderStatus], files: Mapping[str, Sequence[str]]
) -> list[tuple[str, OrderStatus]]:
    """One (order number, status) each; a status of a whole file goes to all its orders (`files`), '' if unknown.

    An order of which the same file says the same by itself is left out: its own word carries the reason.
    """
    said = {(status.message_id, status.order_no, status.state) for status in statuses if status.order_no}
    single: list[tuple[str, OrderStatus]] = []
    for status in statuses:
        if status.order_no:
            single.append((status.order_no, status))
            continue
        numbers = files.get(status.message_id, [""])
        single += [(no, status) for no in numbers if (status.message_id, no, status.state) not in said]
    return single


def decide_status(
    order: Order | None, state: str, status: OrderStatus, table: Transitions, *, settled: bool = False
) -> Decision:
    """What `status` does to `order`, which is in `state` by now; `settled`: the bank has said that it was debited."""
    if order is None:
        return Decision("", "", "status.unknown_order", status)
    if order.file_id != status.message_id:
        return Decision(order.order_no, "", "status.other_file", status)
    event = _EVENTS.get(status.state, "")
    if not event:
        return Decision(order.order_no, "", "status.undecided", status)
    releases = event == "reject" and table.next(state, event) is not None
    doubt = _doubt(state, status, settled=settled and releases) if event == "reject" else ""
    if doubt:
        return Decision(order.order_no, "", doubt, status)
    if table.next(state, event) is not None:
        return Decision(order.order_no, event, "", status)
    return Decision(order.order_no, "", _problem(state, event), status)


def _doubt(state: str, status: OrderStatus, *, settled: bool) -> str:
    """Why a refusal is none that frees the money: the first one may be paid, or the bank contradicts itself."""
    codes = (*status.reason_codes, *status.whole_reason_codes)
    text = "；".join(filter(None, (status.reason, status.whole_reason)))
    if is_duplicate(codes, text):
        return "status.duplicate"
    if settled:
        return "status.reject_after_settled"
    if state == "accepted" and not is_understood(codes, text):
        return "status.reason_unknown"
    return ""


def _problem(state: str, event: str) -> str:
    if event == "accept":
        if state in _FINISHED or state == "accepted":
            return ""
        return "status.accepted_after_reject" if state == "rejected" else "status.order_not_sent"
    if state == "rejected":
        return ""
    return "status.reject_after_paid" if state in _FINISHED else "status.order_not_sent"
