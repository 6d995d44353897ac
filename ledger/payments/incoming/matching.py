"""What a bank's paper does: pure decisions, one table. Nothing is dropped, nothing posts twice (INV-10, INV-13).

An evidence finds its order by the end-to-end id it carries; without one, by the bank's serial as the status file or
an earlier paper gave it. "Equal" means our account, the amount and, for a debit, the payee's account.

| paper | order found | order's state | equal | outcome | code |
|---|---|---|---|---|---|
| debit | none | | | suspense | unknown_order |
| debit | yes | sent, unknown, accepted | yes | posted: RCV, order paid | |
| debit | yes | any | no: amount | suspense | amount_differs |
| debit | yes | any | no: an account | suspense | account_differs |
| debit | yes | paid, returned; this movement posted already by another paper | yes | confirmed | |
| debit | yes | paid, returned; another movement (debited twice) | yes | suspense | already_paid |
| debit | yes | rejected | yes | suspense | rejected_then_paid |
| any | yes | any | yes, but booked before the order was sent | suspense | booked_before_sent |
| any | yes | any | yes, but booked later than tomorrow | suspense, looked at again | booked_in_future |
| debit | yes | draft, approved, filed, cancelled | yes | suspense, looked at again | order_not_sent |
| return | none | | | suspense | unknown_order |
| return | yes | paid | yes | posted: RTN, order returned, records open again | |
| return | yes | paid; an advance that a settlement offset or the institution gave back since | yes | suspense | advance_used |
| return | yes | sent, unknown, accepted | yes | waiting, posts right after its debit | debit_missing |
| return | yes | any | no | suspense | amount_differs, account_differs |
| return | yes | returned; this movement posted already by another paper | yes | confirmed | |
| return | yes | returned; another movement | yes | suspense | already_returned |
| return | yes | rejected | yes | suspense | rejected_then_returned |
| return | yes | draft, approved, filed, cancelled | yes | suspense, looked at again | order_not_sent |
| other credit | none | | | suspense | other_credit |
| any | none, but a movement of the account signed with this receipt number | | yes: direction, amount, day | confirmed | booked_by_hand |
| any | none, but a movement signed with this receipt number | | no | suspense | receipt_differs |
| any | none, but another paper of this movement was explained | | yes | confirmed | same_movement |
| any | none, but another paper of this movement was explained | | no | suspense | reference_reused |
| any | none, but both, by two different movements | | | suspense | booked_twice |
| any | yes | any | yes, but its serial posted for another order | suspense | reference_reused |
| any | yes | any | yes, but the bank gave no serial | suspense | reference_missing |

The same receipt in two files adds no row; a receipt number that comes again with other content is a problem of the
file it came in (`receipt.number_reused`). A filed order whose file is on its way is made unknown first: the paper
proves that it arrived. A credit that names an order of ours counts as its return even where the bank does not mark it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from adapters.banks.ports import Direction, Evidence
from ledger.payments.orders.order import Order

PAY: Final = "pay"
RETURN: Final = "return"


class EvidenceOutcome(NamedTuple):
    """What becomes of a paper; `event` is what happens to the order, or empty."""

    outcome: str
    """posted, confirmed, waiting or suspense."""
    code: str = ""
    order_no: str = ""
    event: str = ""


class SignedMovement(NamedTuple):
    """What two persons booked or explained of a movement of the account: fen, booking day, and the receipt's number."""

    amount_fen: int
    booking_date: date
    receipt_no: str
    bank_reference: str = ""
    """The serial of a paper it is tied to already; empty for none."""


@dataclass(slots=True)
class Known:
    """What is known while papers are decided one after the other; `decide` keeps it up to date."""

    orders: Mapping[str, Order]
    """By order number."""
    states: dict[str, str]
    """Of each order, as it becomes."""
    by_reference: Mapping[tuple[str, str], str]
    """(own account, bank's serial) to order number."""
    posted: dict[tuple[str, str, str], str]
    """(own account, serial, direction) of the movements that have posted, and for which order."""
    payable: Collection[str]
    """States from which an order can be paid."""
    used: Collection[str] = ()
    """Orders of advances that were offset or given back in part: their return would take 1101 below nothing."""
    moves: Mapping[tuple[str, str, str], SignedMovement] = field(default_factory=dict)
    """(own account, receipt number, direction) of the movements of own accounts booked by hand."""
    today: date = date.max
    """The business day the papers are taken in on."""
    explained: dict[tuple[str, str, str], SignedMovement] = field(default_factory=dict)
    """(own account, serial, direction) of papers that no order explains, but two persons did."""
    taken: Mapping[str, str] = field(default_factory=dict)
    """The number an old system gave, to the order of ours it became at the cut-over."""


def decide(evidence: Evidence, known: Known) -> EvidenceOutcome:
    """The outcome of one paper after all decided before it."""
    order = find_order(evidence, known)
    is_return = evidence.direction is Direction.CREDIT
    if order is None:
        return _decide_by_hand(evidence, known)
    difference = _difference(evidence, order)
    if difference:
        return EvidenceOutcome("suspense", difference, order.order_no)
    if not evidence.bank_reference:
        return EvidenceOutcome("suspense", "reference_missing", order.order_no)
    movement = (evidence.own_account, evidence.bank_reference, str(evidence.direction))
    posted_for = _posted_for(evidence, order.order_no, known)
    if posted_for is not None:
        if posted_for == order.order_no:
            return EvidenceOutcome("confirmed", "", order.order_no)
        return EvidenceOutcome("suspense", "reference_reused", order.order_no)
    doubtful = _doubtful_day(evidence.booking_date, order, known)
    if doubtful:
        return EvidenceOutcome("suspense", doubtful, order.order_no)
    outcome = (_decide_return if is_return else _decide_debit)(order.order_no, known)
    if outcome.outcome == "posted":
        known.posted[movement] = order.order_no
        known.states[order.order_no] = "returned" if is_return else "paid"
    return outcome


def _decide_by_hand(evidence: Evidence, known: Known) -> EvidenceOutcome:
    """A paper no order explains: one of a movement that was booked or explained before adds nothing (INV-13)."""
    direction = str(evidence.direction)
    movement = (evidence.own_account, evidence.bank_reference, direction)
    said = (evidence.amount_fen, evidence.booking_date)
    signed = known.moves.get((evidence.own_account, evidence.receipt_no, direction))
    twin = known.explained.get(movement) if evidence.bank_reference else None
    if signed is not None:
        if twin is not None and twin.receipt_no != evidence.receipt_no:
            return EvidenceOutcome("suspense", "booked_twice")
        tied = signed.bank_reference in ("", evidence.bank_reference)
        if not tied or signed[:2] != said:
            return EvidenceOutcome("suspense", "receipt_differs")
        known.explained[movement] = signed
        return EvidenceOutcome("confirmed", "booked_by_hand")
    if twin is not None:
        return (
            EvidenceOutcome("confirmed", "same_movement")
            if twin[:2] == said
            else EvidenceOutcome("suspense", "reference_reused")
        )
    credit = evidence.direction is Direction.CREDIT and not evidence.is_return
    return EvidenceOutcome("suspense", "other_credit" if credit else "unknown_order")


def serials_of(reference: str, order_no: str) -> tuple[str, ...]:
    """The ways one movement's serial is written: as given, and a batch's with and without the order it was told for."""
    mark = f"#{order_no}"
    return (reference, reference.removesuffix(mark) if reference.endswith(mark) else reference + mark)


def _posted_for(evidence: Evidence, order_no: str, known: Known) -> str | None:
    """The order this movement has posted for already; None if it has not."""
    account, direction = evidence.own_account, str(evidence.direction)
    exact, other = serials_of(evidence.bank_reference, order_no)
    found = known.posted.get((account, exact, direction))
    if found == order_no or known.posted.get((account, other, direction)) == order_no:
        return order_no
    # a batch's serial alone stands for all its orders: that it posted for another one says nothing of this one
    return None if evidence.bank_reference.endswith(f"#{order_no}") else found


def _doubtful_day(booked: date, order: Order, known: Known) -> str:
    # a file whose sender died is told as sent when the bank answers, maybe days later: the payout day is the floor then
    if order.sent_on is not None and booked < min(order.sent_on, order.pay_date):
        return "booked_before_sent"
    latest = known.today if known.today == date.max else known.today + timedelta(days=1)
    return "booked_in_future" if booked > latest else ""


def find_order(evidence: Evidence, known: Known) -> Order | None:
    """By end-to-end id; a paper that carries none, or one cut short, is looked up by the bank's serial."""
    number = known.taken.get(evidence.order_no, evidence.order_no)
    named = known.orders.get(number) if number else None
    if named is not None:
        return named
    order_no = known.by_reference.get((evidence.own_account, evidence.bank_reference), "")
    # an id that is not the beginning of that order's is somebody else's
    names = (order_no, *(old for old, ours in known.taken.items() if ours == order_no))
    return known.orders.get(order_no) if any(name.startswith(evidence.order_no) for name in names) else None


def _difference(evidence: Evidence, order: Order) -> str:
    if evidence.amount_fen != order.amount_fen:
        return "amount_differs"
    if evidence.own_account != order.account:
        return "account_differs"
    # A return may come from the payee's bank itself, which then names no account or its own.
    if evidence.direction is Direction.DEBIT and evidence.other_account != order.payee.number:
        return "account_differs"
    return ""


def _decide_debit(order_no: str, known: Known) -> EvidenceOutcome:
    state = known.states[order_no]
    if state in known.payable:
        return EvidenceOutcome("posted", "", order_no, PAY)
    code = {"paid": "already_paid", "returned": "already_paid", "rejected": "rejected_then_paid"}
    return EvidenceOutcome("suspense", code.get(state, "order_not_sent"), order_no)


def _decide_return(order_no: str, known: Known) -> EvidenceOutcome:
    state = known.states[order_no]
    if state == "paid":
        if order_no in known.used:
            return EvidenceOutcome("suspense", "advance_used", order_no)
        return EvidenceOutcome("posted", "", order_no, RETURN)
    if state in known.payable:
        return EvidenceOutcome("waiting", "debit_missing", order_no)
    code = {"returned": "already_returned", "rejected": "rejected_then_returned"}
    return EvidenceOutcome("suspense", code.get(state, "order_not_sent"), order_no)
