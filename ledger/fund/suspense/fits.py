"""What a paper is said to be must fit the paper: an order, a request, the paper it undoes, the first paper of its movement."""

from __future__ import annotations

from adapters.banks.ports import Direction
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.words import paper_named as paper_word
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.fund_request import read_requests
from ledger.fund.suspense.resolution import KINDS, Resolution, SuspensePaper
from ledger.payments.incoming import evidence as papers_table
from ledger.payments.incoming.evidence import EvidencePaper
from ledger.payments.incoming.matching import PAY, RETURN


def paper_named(tx: Transaction, said: SuspensePaper | Resolution) -> tuple[EvidencePaper, str]:
    """The paper named and its outcome, locked. Of a debit and a credit under one number the open one is meant, if only one is."""
    wanted = said.direction or None
    found = papers_table.locked(tx, said.account, said.kind, said.receipt_no)
    found = [one for one in found if wanted in (None, str(one[0].key.direction))]
    if not found:
        raise NotFound(
            "suspense.unknown", f"账户{said.account[:40]}没有回单{said.kind[:20]}:{said.receipt_no[:60]}"
        )
    waiting = [one for one in found if one[1] == "suspense"]
    if len(waiting) > 1:
        raise Conflict(
            "suspense.direction_open",
            f"回单号{said.receipt_no}之下付、收两张回单都在挂账中，须在其后写明:debit（付）或:credit（收）",
            receipt_no=said.receipt_no,
        )
    return (waiting or found)[0]


def require_open(paper: EvidencePaper, outcome: str) -> None:
    """Raises Conflict `suspense.not_open` unless the paper is in suspense."""
    if outcome != "suspense":
        told = paper.evidence
        raise Conflict(
            "suspense.not_open",
            f"{paper_word(told.kind, told.receipt_no)}不在挂账中（{said('paper.outcome', outcome)}）",
        )


def require_fit(tx: Transaction, paper: EvidencePaper, fund: int, what: str, reference: str) -> None:
    """Raises what the check of this kind raises; `suspense.reference` for a reference where the kind has none."""
    if what == "order":
        require_order(tx, paper, fund, reference)
    elif what == "request":
        require_request(tx, paper, fund, reference)
    elif what == "counter":
        require_counter(tx, paper, reference)
    elif what == "same":
        require_same(tx, paper, reference)
    elif what == "voucher":
        require_reference(reference)
    elif what == "other_side":
        pass  # payments.check_own_transfer compares account, direction and amount
    elif reference:
        raise InvalidInput("suspense.reference", f"{KINDS[what]}不写编号", reference=reference[:60])


def require_reference(reference: str) -> None:
    """Raises InvalidInput `suspense.reference` unless it is a hand-written voucher's id; the database compares its money."""
    if not reference.startswith("MV-"):
        raise InvalidInput("suspense.reference", "须写明手工凭证的草稿编号（MV-…）", reference=reference[:60])


def require_direction(paper: EvidencePaper, direction: Direction, what: str) -> None:
    """Raises InvalidInput `suspense.direction` for money that goes the other way."""
    if paper.evidence.direction is not direction:
        raise InvalidInput(
            "suspense.direction", f"回单{paper.evidence.receipt_no}的借贷方向不是{KINDS[what]}"
        )


def require_order(tx: Transaction, paper: EvidencePaper, fund: int, order_no: str) -> None:
    """The order is of this book and account, of this amount, and can be paid (or has been paid, for its return).

    A debit that names an order of ours lost by a restore may pay the one made in its place, which is approved and never sent.
    """
    row = tx.row(
        """SELECT o.state, o.amount_fen, o.account, o.fund,
                  EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = %(event)s)
                  OR o.state = 'approved' AND %(lost)s,
                  (SELECT v.matched_order FROM payments.evidence v
                    WHERE v.region = o.region AND v.account = o.account AND v.direction = %(direction)s AND v.outcome = 'posted'
                      AND v.bank_reference = %(reference)s AND v.bank_reference <> '' LIMIT 1)
             FROM payments.pay_order o WHERE o.region = %(region)s AND o.order_no = %(order)s""",
        region=tx.region,
        order=order_no,
        event=event_of(paper),
        lost=event_of(paper) == PAY and paper.evidence.order_no.startswith(f"FL{tx.region}-"),
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
            "suspense.order_state",
            f"拨付单{order_no}现为{said('order.state', state)}，不能凭此回单付妥或退汇",
            state=state,
        )


def event_of(paper: EvidencePaper) -> str:
    """What the paper does to the order it is said to be of: a debit pays, a credit returns."""
    return PAY if paper.evidence.direction is Direction.DEBIT else RETURN


def require_request(tx: Transaction, paper: EvidencePaper, fund: int, request_id: str) -> None:
    """The request is granted with this very money, or approved and waits for it."""
    told = paper.evidence
    require_direction(paper, Direction.CREDIT, "request")
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
            f"请款{request_id}（{said('fund_request.state', asked.state)}）的账户或金额与回单{told.receipt_no}不符",
        )


def require_counter(tx: Transaction, paper: EvidencePaper, reference: str) -> EvidencePaper:
    """The paper undone: of the same account and amount, the other way round, itself still open."""
    told = paper.evidence
    for other, outcome in _named(tx, paper, reference):
        facts = other.evidence
        if (
            outcome == "suspense"
            and facts.direction is not told.direction
            and facts.amount_fen == told.amount_fen
        ):
            return other
    raise Conflict(
        "suspense.counter_differs", f"回单{reference}不在挂账中，或与{told.receipt_no}不是同额反向"
    )


def require_same(tx: Transaction, paper: EvidencePaper, reference: str) -> str:
    """The movement's other paper, of the other kind, booked or explained: direction, fen and day equal. Its order, or empty."""
    told = paper.evidence
    for other, outcome in _named(tx, paper, reference):
        facts = other.evidence
        if (
            outcome in ("posted", "confirmed")
            and facts.kind != told.kind
            and (facts.direction, facts.amount_fen, facts.booking_date)
            == (told.direction, told.amount_fen, told.booking_date)
        ):
            return papers_table.matched_order(tx, other.key)
    raise Conflict(
        "suspense.same_differs",
        f"回单{reference}未入账，与{told.receipt_no}同为一类回单，或两者的方向、金额、日期不同",
    )


def _named(tx: Transaction, paper: EvidencePaper, reference: str) -> list[tuple[EvidencePaper, str]]:
    """The papers of the same account that `kind:receipt_no` names."""
    kind, _, receipt_no = reference.partition(":")
    found = papers_table.locked(tx, paper.evidence.own_account, kind, receipt_no)
    if not found:
        raise NotFound("suspense.unknown", f"账户{paper.evidence.own_account[:40]}没有回单{reference[:80]}")
    return found
