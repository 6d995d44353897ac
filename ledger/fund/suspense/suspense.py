"""Bank papers nobody could match: what one is, an accountant proposes and a checker confirms (INV-10, INV-11, INV-13).

Nothing is booked by a way of its own: an order is paid or returned by its receipt's rule, money of a fund request is its
grant (ALLOT), interest and fees are moves of the own account (INT, FEE), the rest is a kind of receipt (OWN). What is not ours stays open, books nothing and
pays nothing; the bank's opposite paper closes both. Money is never sent back by an order: nothing owes it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Final

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.fund_request import grant, read_requests
from ledger.fund.cash.movements import approve_move, refuse_requested, request_move
from ledger.fund.signed.request import require_text
from ledger.fund.suspense.fits import (
    event_of,
    paper_named,
    require_counter,
    require_direction,
    require_fit,
    require_open,
    require_order,
    require_request,
    require_same,
)
from ledger.fund.suspense.receipts import RECEIPTS, book_receipt
from ledger.fund.suspense.resolution import KINDS, MOVES, Resolution, SuspensePaper, read_resolutions
from ledger.payments.incoming import evidence as papers_table
from ledger.payments.incoming.book import Results, move_papers, open_round
from ledger.payments.incoming.evidence import EvidencePaper
from ledger.payments.incoming.matching import PAY, EvidenceOutcome
from ledger.payments.incoming.stated import KIND as STATED
from ledger.payments.incoming.stated import match_line, take_line
from ledger.payments.orders.states import OrderStep, move

BY_HAND: Final = "resolved_by_hand"
AWAITED: Final = "to_return"
_OVER: Final = ("refused", "reversed")
"""States after which the paper may be said to be the same again."""


def propose(tx: Transaction, said: SuspensePaper, day: date) -> Resolution:
    """Say as accountant what a paper in suspense is; the same again gives the first answer. Nothing is booked yet.

    Raises InvalidInput `suspense.kind`, `suspense.direction`, `request.text`; NotFound `suspense.unknown`; Conflict
    `suspense.not_open`, `suspense.order_differs`, `suspense.order_state`, `suspense.reference_reused`,
    `suspense.voucher_differs`, `suspense.booked_by_voucher`,
    `suspense.direction_open`, `suspense.request_differs`, `suspense.counter_differs`, `suspense.same_differs`,
    `suspense.movement_booked`, `suspense.float`; InvalidInput `suspense.account`, `suspense.fund`, `suspense.subfund` for a kind of
    receipt; and what a move of the own account or taking up a statement's line raises.
    """
    if said.what not in KINDS:
        raise InvalidInput(
            "suspense.kind", f"没有挂账种类“{said.what[:20]}”，应为{'、'.join(KINDS)}", what=said.what[:20]
        )
    document = require_text(said.document, "依据")
    if said.kind == STATED:
        line = take_line(tx, said.account, said.receipt_no)
        said = replace(said, receipt_no=line.receipt_no, direction=str(line.direction))
    paper, outcome = paper_named(tx, said)
    before = [known for known in read_resolutions(tx) if known.key == paper.key]
    for known in before:
        if known.state not in _OVER and known.says(said, document):
            return known
    tried = sum(1 for known in before if known.state in _OVER)
    facts = (tx.region, said.fund, *paper.key, said.what, said.reference, document, tried)
    key = "SUS-" + sha256("|".join(map(str, facts)).encode()).hexdigest()[:20]
    require_open(paper, outcome)
    reference = said.reference
    if said.what in RECEIPTS:
        pass  # payments.receipt_kind says what fits: asked by the database when the proposal is stored
    elif said.what in MOVES:
        require_direction(paper, MOVES[said.what], said.what)
        told = paper.evidence
        reference = request_move(
            tx,
            said.fund,
            said.what,
            told.amount_fen,
            told.booking_date,
            told.receipt_no,
            day,
            subfund=reference,
        ).move_id
    else:
        require_fit(tx, paper, said.fund, said.what, reference)
    tx.run(
        """INSERT INTO payments.resolution (region, fund, resolution_id, account, kind, receipt_no, direction, digest, what,
               reference, document, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(account)s, %(kind)s, %(receipt)s, %(direction)s, %(digest)s, %(what)s,
               %(reference)s, %(document)s, %(user)s, %(day)s)""",
        region=tx.region,
        fund=said.fund,
        key=key,
        account=said.account,
        kind=said.kind,
        receipt=said.receipt_no,
        direction=str(paper.key.direction),
        digest=paper.receipt.digest,
        what=said.what,
        reference=reference,
        document=document,
        user=tx.user,
        day=day,
    )
    return read_resolutions(tx, key=key)[0]


def confirm(tx: Transaction, resolution_id: str, day: date) -> Resolution:
    """Confirm as checker, another person than the accountant, and let the rule of what it is book it under `day`.

    Confirming again changes nothing. Raises what `propose` raises, asked again under the bank's lock; Conflict
    `request.decided`; Forbidden `request.same_person`, `access.role_missing`; NotFound `request.unknown`.
    """
    # As the bank's own files: one at a time in a region, so that no paper is booked twice from two sides.
    hold(tx, Lock.RECEIVE, str(tx.region))
    found = _resolution(tx, resolution_id)
    if (found.state, found.approved_by) == ("approved", tx.user):
        return found
    paper, outcome = paper_named(tx, found)
    if found.state == "requested":
        require_open(paper, outcome)
    _decide(tx, found, "approved", day, "")
    if found.what == "order":
        _book_order(tx, paper, found, day)
    elif found.what == "to_return":
        papers_table.decide_again(tx, [paper], [EvidenceOutcome("suspense", AWAITED)])
    elif found.what in MOVES:
        approve_move(tx, found.reference, day)  # and explains the paper of its receipt
    elif found.what in RECEIPTS:
        book_receipt(tx, paper, _resolution(tx, resolution_id), day)
        papers_table.decide_again(tx, [paper], [EvidenceOutcome("confirmed", BY_HAND)])
    else:
        explained = [paper]
        order_no = ""
        if found.what == "request":
            _grant(tx, paper, found, day)
        elif found.what == "same":
            order_no = require_same(tx, paper, found.reference)
        elif found.what == "counter":
            explained.append(require_counter(tx, paper, found.reference))
        done = EvidenceOutcome("confirmed", BY_HAND, order_no)
        papers_table.decide_again(tx, explained, [done] * len(explained))
        for one in explained[1:]:
            papers_table.explain_twins(tx, one.evidence.own_account, one.evidence.receipt_no)
    # The bank tells a movement by two papers (bker and camt.054): one explanation is that of both.
    papers_table.explain_twins(tx, found.account, found.receipt_no)
    if found.kind == STATED:
        match_line(tx, found.account, found.receipt_no, day)
    return _resolution(tx, resolution_id)


def refuse(tx: Transaction, resolution_id: str, day: date, reason: str) -> Resolution:
    """Refuse as checker, with a reason: the paper stays in suspense. A move of the own account is refused with it."""
    found = _resolution(tx, resolution_id)
    _decide(tx, found, "refused", day, require_text(reason, "理由"))
    if found.what in MOVES:
        refuse_requested(tx, found.reference, day, reason)
    return _resolution(tx, resolution_id)


def _resolution(tx: Transaction, key: str) -> Resolution:
    found = read_resolutions(tx, key=key)
    if not found:
        raise NotFound("request.unknown", f"没有挂账处理{key[:60]}", key=key[:60])
    return found[0]


def _decide(tx: Transaction, found: Resolution, state: str, day: date, reason: str) -> None:
    if state == "approved":
        sign_decision(tx, "payments.resolution", [found.resolution_id], day)
    tx.run(
        """UPDATE payments.resolution SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s, reason = %(reason)s
            WHERE region = %(region)s AND resolution_id = %(key)s""",
        region=tx.region,
        key=found.resolution_id,
        state=state,
        user=tx.user,
        day=day,
        reason=reason,
    )


def _book_order(tx: Transaction, paper: EvidencePaper, found: Resolution, day: date) -> None:
    """As if the bank's paper had named the order: it is paid or returned by its own rule, once."""
    results = Results(Counter(), Counter(), [])
    round_ = open_round(tx, [found.reference], day, results, {})
    require_order(tx, paper, found.fund, found.reference)
    event = event_of(paper)
    if event == PAY and round_.states[found.reference] == "approved":
        move(tx, "recover", [OrderStep(found.reference, found.resolution_id, paper.receipt.key)], day)
    papers_table.decide_again(tx, [paper], [EvidenceOutcome("posted", BY_HAND, found.reference, event)])
    move_papers(round_, event, [(found.reference, paper)])


def _grant(tx: Transaction, paper: EvidencePaper, found: Resolution, day: date) -> None:
    """The grant, unless it was entered by hand before the bank's paper came."""
    require_request(tx, paper, found.fund, found.reference)
    told = paper.evidence
    [asked] = read_requests(tx, key=found.reference)
    if asked.state == "approved":
        grant(tx, found.reference, told.receipt_no, told.amount_fen, told.booking_date, day)
