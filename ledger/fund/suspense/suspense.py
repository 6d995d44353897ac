"""Bank papers nobody could match: what one is, an accountant proposes and a checker confirms (INV-10, INV-11, INV-13).

Nothing is booked by a way of its own: an order is paid or returned by its receipt's rule, money of a fund request is its
grant (ALLOT), interest and fees are moves of the own account (INT, FEE). What is not ours stays open, books nothing and
pays nothing; the bank's opposite paper closes both. Money is never sent back by an order: nothing owes it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

from adapters.banks.ports import Direction
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.fund_request import grant, read_requests
from ledger.fund.cash.movements import approve_move, refuse_requested, request_move
from ledger.fund.signed.request import require_text
from ledger.payments.incoming import evidence as papers_table
from ledger.payments.incoming.book import Results, move_papers, open_round
from ledger.payments.incoming.evidence import EvidencePaper
from ledger.payments.incoming.matching import PAY, RETURN, EvidenceOutcome

KINDS: Final = {
    "order": "拨付单的付款或退汇",
    "request": "财政专户拨入的请款",
    "interest": "支出户结息",
    "fee": "银行误扣手续费",
    "fee_back": "银行退回手续费",
    "to_return": "不属本账户，待银行退回或划转",
    "counter": "对另一张挂账回单的退回、冲正",
}
_MOVES: Final = {
    "interest": Direction.CREDIT,
    "fee": Direction.DEBIT,
    "fee_back": Direction.CREDIT,
}
STATES: Final = {"requested": "待复核", "approved": "已查明", "refused": "已退回"}
BY_HAND: Final = "resolved_by_hand"
AWAITED: Final = "to_return"


@dataclass(frozen=True, slots=True)
class SuspensePaper:
    """What an accountant says a paper is. `reference`: order number, request id, or `kind:receipt_no` of the paper undone;
    for interest its sub-fund (pool, acct, or empty); else empty.
    """

    fund: int
    account: str
    kind: str
    receipt_no: str
    what: str
    reference: str
    document: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """A stored proposal."""

    resolution_id: str
    fund: int
    account: str
    kind: str
    receipt_no: str
    digest: bytes
    what: str
    reference: str
    document: str
    state: str
    prepared_by: str
    approved_by: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The paper's key within the region."""
        return self.account, self.kind, self.receipt_no


def propose(tx: Transaction, said: SuspensePaper, day: date) -> Resolution:
    """Say as accountant what a paper in suspense is; the same again gives the first answer. Nothing is booked yet.

    Raises InvalidInput `suspense.kind`, `suspense.direction`, `request.text`; NotFound `suspense.unknown`; Conflict
    `suspense.not_open`, `suspense.order_differs`, `suspense.order_state`, `suspense.reference_reused`,
    `suspense.request_differs`, `suspense.counter_differs`, and what a move of the own account raises.
    """
    if said.what not in KINDS:
        raise InvalidInput(
            "suspense.kind", f"没有挂账种类“{said.what[:20]}”，应为{'、'.join(KINDS)}", what=said.what[:20]
        )
    document = require_text(said.document, "依据")
    paper, outcome = _paper(tx, (said.account, said.kind, said.receipt_no))
    facts = (tx.region, said.fund, *paper.key, said.what, said.reference, document)
    tried = sum(1 for known in read_resolutions(tx) if known.key == paper.key and known.state == "refused")
    key = "SUS-" + sha256("|".join(map(str, (*facts, tried))).encode()).hexdigest()[:20]
    known = read_resolutions(tx, key=key)
    if known:
        return known[0]
    _require_open(paper, outcome)
    reference = said.reference
    if said.what in _MOVES:
        _require_direction(paper, _MOVES[said.what], said.what)
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
        _check(tx, paper, said.fund, said.what, reference)
    tx.run(
        """INSERT INTO payments.resolution (region, fund, resolution_id, account, kind, receipt_no, digest, what, reference,
               document, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(account)s, %(kind)s, %(receipt)s, %(digest)s, %(what)s, %(reference)s,
               %(document)s, %(user)s, %(day)s)""",
        region=tx.region,
        fund=said.fund,
        key=key,
        account=said.account,
        kind=said.kind,
        receipt=said.receipt_no,
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
    paper, outcome = _paper(tx, found.key)
    if found.state == "requested":
        _require_open(paper, outcome)
    _decide(tx, found, "approved", day, "")
    if found.what == "order":
        _book_order(tx, paper, found, day)
    elif found.what == "to_return":
        papers_table.decide_again(tx, [paper], [EvidenceOutcome("suspense", AWAITED)])
    elif found.what in _MOVES:
        approve_move(tx, found.reference, day)  # and explains the paper of its receipt
    else:
        explained = [paper]
        if found.what == "request":
            _grant(tx, paper, found, day)
        else:
            explained.append(_require_counter(tx, paper, found.reference))
        papers_table.decide_again(tx, explained, [EvidenceOutcome("confirmed", BY_HAND)] * len(explained))
        for one in explained[1:]:
            papers_table.explain_twins(tx, one.evidence.own_account, one.evidence.receipt_no)
    # The bank tells a movement by two papers (bker and camt.054): one explanation is that of both.
    papers_table.explain_twins(tx, found.account, found.receipt_no)
    return _resolution(tx, resolution_id)


def refuse(tx: Transaction, resolution_id: str, day: date, reason: str) -> Resolution:
    """Refuse as checker, with a reason: the paper stays in suspense. A move of the own account is refused with it."""
    found = _resolution(tx, resolution_id)
    _decide(tx, found, "refused", day, require_text(reason, "理由"))
    if found.what in _MOVES:
        refuse_requested(tx, found.reference, day, reason)
    return _resolution(tx, resolution_id)


def read_resolutions(tx: Transaction, *, key: str = "", state: str = "") -> list[Resolution]:
    """Proposals by id or state, oldest first."""
    return [
        Resolution(resolution_id, fund, account, kind, receipt_no, bytes(digest), *rest)
        for resolution_id, fund, account, kind, receipt_no, digest, *rest in tx.rows(
            """SELECT resolution_id, fund, account, kind, receipt_no, digest, what, reference, document, state, prepared_by,
                      approved_by, reason FROM payments.resolution
                WHERE region = %(region)s AND %(key)s IN ('', resolution_id) AND %(state)s IN ('', state)
                ORDER BY prepared_on, resolution_id""",
            region=tx.region,
            key=key,
            state=state,
        )
    ]


def _resolution(tx: Transaction, key: str) -> Resolution:
    found = read_resolutions(tx, key=key)
    if not found:
        raise NotFound("request.unknown", f"没有挂账处理{key[:60]}", key=key[:60])
    return found[0]


def _paper(tx: Transaction, key: tuple[str, str, str]) -> tuple[EvidencePaper, str]:
    found = papers_table.locked(tx, key)
    if found is None:
        raise NotFound("suspense.unknown", f"账户{key[0][:40]}没有回单{key[1][:20]}:{key[2][:60]}")
    return found


def _require_open(paper: EvidencePaper, outcome: str) -> None:
    if outcome != "suspense":
        told = paper.evidence
        raise Conflict("suspense.not_open", f"回单{told.kind}:{told.receipt_no}不在挂账中（{outcome}）")


def _decide(tx: Transaction, found: Resolution, state: str, day: date, reason: str) -> None:
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


def _check(tx: Transaction, paper: EvidencePaper, fund: int, what: str, reference: str) -> None:
    if what == "order":
        _require_order(tx, paper, fund, reference)
    elif what == "request":
        _require_request(tx, paper, fund, reference)
    elif what == "counter":
        _require_counter(tx, paper, reference)
    elif reference:
        raise InvalidInput("suspense.reference", f"{KINDS[what]}不写编号", reference=reference[:60])


def _require_direction(paper: EvidencePaper, direction: Direction, what: str) -> None:
    if paper.evidence.direction is not direction:
        raise InvalidInput(
            "suspense.direction", f"回单{paper.evidence.receipt_no}的借贷方向不是{KINDS[what]}"
        )


def _require_order(tx: Transaction, paper: EvidencePaper, fund: int, order_no: str) -> None:
    """The order is of this book and account, of this amount, and can be paid (or has been paid, for its return)."""
    row = tx.row(
        """SELECT o.state, o.amount_fen, o.account, o.fund,
                  EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = %(event)s),
                  (SELECT v.matched_order FROM payments.evidence v
                    WHERE v.region = o.region AND v.account = o.account AND v.direction = %(direction)s AND v.outcome = 'posted'
                      AND v.bank_reference = %(reference)s AND v.bank_reference <> '' LIMIT 1)
             FROM payments.pay_order o WHERE o.region = %(region)s AND o.order_no = %(order)s""",
        region=tx.region,
        order=order_no,
        event=_event(paper),
        direction=str(paper.evidence.direction),
        reference=paper.evidence.bank_reference,
    )
    if row is None:
        raise NotFound("order.unknown", f"没有拨付单{order_no[:40]}", order_no=order_no[:40])
    state, amount, account, book, possible, posted_for = row
    told = paper.evidence
    if (amount, account, book) != (told.amount_fen, told.own_account, fund):
        raise Conflict(
            "suspense.order_differs", f"回单{told.receipt_no}的金额、账户与拨付单{order_no}不同，或不属本账套"
        )
    if posted_for is not None:
        raise Conflict(
            "suspense.reference_reused", f"银行流水{told.bank_reference}已为拨付单{posted_for}入账，不能再用"
        )
    if not possible:
        raise Conflict(
            "suspense.order_state", f"拨付单{order_no}现为{state}，不能凭此回单付妥或退汇", state=state
        )


def _event(paper: EvidencePaper) -> str:
    return PAY if paper.evidence.direction is Direction.DEBIT else RETURN


def _book_order(tx: Transaction, paper: EvidencePaper, found: Resolution, day: date) -> None:
    """As if the bank's paper had named the order: it is paid or returned by its own rule, once."""
    results = Results(Counter(), Counter(), [])
    round_ = open_round(tx, [found.reference], day, results)
    _require_order(tx, paper, found.fund, found.reference)
    event = _event(paper)
    papers_table.decide_again(tx, [paper], [EvidenceOutcome("posted", BY_HAND, found.reference, event)])
    move_papers(round_, event, [(found.reference, paper)])


def _require_request(tx: Transaction, paper: EvidencePaper, fund: int, request_id: str) -> None:
    """The request is granted with this very money, or approved and waits for it."""
    told = paper.evidence
    _require_direction(paper, Direction.CREDIT, "request")
    asked = next(iter(read_requests(tx, fund=fund, key=request_id)), None)
    if asked is None:
        raise NotFound("request.unknown", f"没有请款{request_id[:60]}", key=request_id[:60])
    fits = (
        asked.account == told.own_account
        and (asked.state != "granted" or asked.granted_fen == told.amount_fen)
        and (asked.state != "approved" or asked.amount_fen >= told.amount_fen)
    )
    if asked.state not in ("approved", "granted") or not fits:
        raise Conflict(
            "suspense.request_differs",
            f"请款{request_id}（{asked.state}）的账户或金额与回单{told.receipt_no}不符",
        )


def _grant(tx: Transaction, paper: EvidencePaper, found: Resolution, day: date) -> None:
    """The grant, unless it was entered by hand before the bank's paper came."""
    _require_request(tx, paper, found.fund, found.reference)
    told = paper.evidence
    [asked] = read_requests(tx, key=found.reference)
    if asked.state == "approved":
        grant(tx, found.reference, told.receipt_no, told.amount_fen, told.booking_date, day)


def _require_counter(tx: Transaction, paper: EvidencePaper, reference: str) -> EvidencePaper:
    """The paper undone: of the same account and amount, the other way round, itself still open."""
    kind, _, receipt_no = reference.partition(":")
    told = paper.evidence
    other, outcome = _paper(tx, (told.own_account, kind, receipt_no))
    if (
        outcome != "suspense"
        or other.evidence.amount_fen != told.amount_fen
        or other.evidence.direction is told.direction
    ):
        raise Conflict(
            "suspense.counter_differs", f"回单{reference}不在挂账中，或与{told.receipt_no}不是同额反向"
        )
    return other
