"""One transaction of incoming papers and statuses: decide them (matching.py, statuses.py), store, move, post.

Papers go before statuses, and debits before returns: a receipt stands against any status, and a return finds its
payment whichever came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from adapters.banks.ports import BankState, Direction, Evidence, OrderStatus
from ledger.core.persons import PERSON
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming import evidence as papers_table
from ledger.payments.incoming.evidence import EvidencePaper, PaperKey
from ledger.payments.incoming.faults import is_account_fault, reason_text
from ledger.payments.incoming.files import Problem
from ledger.payments.incoming.matching import PAY, RETURN, EvidenceOutcome, Known, decide, serials_of
from ledger.payments.incoming.proven import unproven
from ledger.payments.incoming.statuses import Decision, decide_status
from ledger.payments.incoming.words import BankWords, said_in
from ledger.payments.orders.order import Order, lock_orders
from ledger.payments.orders.states import OrderStep, Transitions, move, transitions

_PROBLEMS: Final = {
    "status.unknown_order": "状态回执所指的指令或文件不存在",
    "status.other_file": "状态回执所指的文件不是该拨付单所在的文件",
    "status.undecided": "状态代码不能判定结果，须向银行查询",
    "status.duplicate": "银行以重复为由拒绝：首次提交可能已付，不作拒付处理",
    "status.reason_unknown": "银行受理后又拒绝，原因不明，不作拒付处理，须向银行查询",
    "status.reject_after_settled": "银行已报扣款成功，又报拒绝，前后矛盾，不作拒付处理，须向银行查询",
    "status.await_statement": "银行的拒绝不是终局状态，须待涵盖当日的对账单证实未扣款，方可退回重付",
    "status.accepted_after_reject": "银行先拒绝后受理，须向银行查询",
    "status.reject_after_paid": "已有回单付妥的拨付单被报为拒绝，以回单为准",
    "status.order_not_sent": "银行对未发送的拨付单给出状态",
    "receipt.number_reused": "同一回单号出现两种内容，以先到者为准",
}


class Told(NamedTuple):
    """A status of one order, and the file that told it."""

    order_no: str
    status: OrderStatus
    file_sha256: bytes


class Results(NamedTuple):
    """What a round did, added up as it goes."""

    outcomes: Counter[str]
    events: Counter[str]
    problems: list[Problem]


class Round(NamedTuple):
    """Every order the bank speaks of, locked, and how its state becomes."""

    tx: Transaction
    table: Transitions
    day: date
    orders: Mapping[str, Order]
    states: dict[str, str]
    done: Results
    taken: Mapping[str, str]
    """The number an old system gave, to the order of ours it became."""


def open_round(
    tx: Transaction, order_nos: Sequence[str], day: date, done: Results, taken: Mapping[str, str]
) -> Round:
    """Lock the orders the bank speaks of."""
    orders = _arrived_orders(tx, order_nos, day)
    states = {order.order_no: order.state for order in orders}
    return Round(tx, transitions(tx), day, {order.order_no: order for order in orders}, states, done, taken)


def problem_of(file_sha256: bytes, place: str, code: str) -> Problem:
    """A problem of a file, in words."""
    return Problem(file_sha256, place, code, _PROBLEMS[code])


def _arrived_orders(tx: Transaction, order_nos: Sequence[str], day: date) -> list[Order]:
    """The orders, locked. One whose file somebody set out to send and never told of is lost first: what the bank
    says of it proves that it is there.
    """
    orders = lock_orders(tx, order_nos)
    sending = tx.rows(
        "SELECT file_id FROM payments.bank_file WHERE region = %(region)s AND file_id = ANY(%(files)s)"
        " AND state = 'sending'",
        region=tx.region,
        files=sorted({order.file_id for order in orders} - {""}),
    )
    table = transitions(tx)
    missed = [
        OrderStep(order.order_no, "bank_answered", order.file_id)
        for order in orders
        if (order.file_id,) in sending and table.next(order.state, "unfile") is not None
    ]
    if not missed:
        return orders
    move(tx, "lose", missed, day)
    return lock_orders(tx, order_nos)


def book_papers(
    round_: Round,
    waiting: Sequence[EvidencePaper],
    papers: Sequence[EvidencePaper],
    references: Mapping[tuple[str, str], str],
) -> None:
    """Decide debits before credits, so that a return finds its payment whatever came first; then post."""
    known = Known(
        orders=round_.orders,
        states=round_.states,
        by_reference=references,
        posted=_posted(round_.tx, [*waiting, *papers]),
        payable=round_.table.sources(PAY),
        used=_used(round_),
        moves=papers_table.signed_moves(round_.tx, papers),
        explained=papers_table.explained(round_.tx, papers),
        today=round_.day,
        taken=round_.taken,
    )
    outcomes: dict[PaperKey, EvidenceOutcome] = {}
    for direction in (Direction.DEBIT, Direction.CREDIT):
        for paper in (*waiting, *papers):
            if paper.evidence.direction is direction:
                outcomes[paper.key] = decide(paper.evidence, known)
    papers_table.insert(round_.tx, papers, [outcomes[paper.key] for paper in papers])
    papers_table.decide_again(round_.tx, waiting, [outcomes[paper.key] for paper in waiting])
    round_.done.outcomes.update(outcomes[paper.key].outcome for paper in papers)
    for event in (PAY, RETURN):
        found = [
            (outcomes[paper.key].order_no, paper)
            for paper in (*waiting, *papers)
            if outcomes[paper.key].event == event
        ]
        move_papers(round_, event, found)
        round_.done.events[event] += len(found)


def _posted(tx: Transaction, papers: Sequence[EvidencePaper]) -> dict[tuple[str, str, str], str]:
    rows = tx.rows(
        "SELECT account, bank_reference, direction, matched_order FROM payments.evidence"
        " WHERE region = %(region)s AND outcome = 'posted' AND bank_reference = ANY(%(references)s)",
        region=tx.region,
        references=sorted({serial for paper in papers for serial in _serials(paper.evidence)} - {""}),
    )
    return {(account, reference, direction): order_no for account, reference, direction, order_no in rows}


def _serials(evidence: Evidence) -> tuple[str, ...]:
    return serials_of(evidence.bank_reference, evidence.order_no)


def _used(round_: Round) -> frozenset[str]:
    """Orders of advances that are smaller by now than what was paid."""
    rows = round_.tx.rows(
        "SELECT order_no FROM fund.advance WHERE region = %(region)s AND order_no = ANY(%(orders)s)"
        " AND offset_fen + returned_fen > 0",
        region=round_.tx.region,
        orders=[order.order_no for order in round_.orders.values() if order.kind in ("advance", "supplier")],
    )
    return frozenset(order_no for (order_no,) in rows)


def move_papers(round_: Round, event: str, found: Sequence[tuple[str, EvidencePaper]]) -> None:
    """Papers that post, each with its order: the orders are paid or returned, accounts the bank found faulty are marked."""
    steps = []
    for order_no, paper in found:
        receipt = paper.receipt
        why = reason_text(paper.evidence.reason_code, paper.evidence.reason) if event == RETURN else ""
        steps.append(OrderStep(order_no, _kept(round_, order_no, why), receipt.key, receipt))
    move(round_.tx, event, steps, round_.day)
    faulty = {
        step.order_no: step.reason
        for step, (_, paper) in zip(steps, found, strict=True)
        if event == RETURN and is_account_fault(_codes(paper), paper.evidence.reason)
    }
    _fail_payees(round_, faulty)


def apply_statuses(round_: Round, statuses: Sequence[Told]) -> None:
    """Move the orders the statuses concern; contradictions become problems of their file."""
    decided: dict[str, list[tuple[Decision, bytes]]] = {"accept": [], "reject": []}
    debited = {number for number, status, _ in statuses if status.state is BankState.SETTLED}
    words = BankWords(round_.tx, list(round_.orders), debited)
    for number, status, file_sha256 in statuses:
        state = round_.states.get(number, "")
        decision = decide_status(
            round_.orders.get(number), state, status, round_.table, settled=words.settled(number)
        )
        if number in round_.orders:
            words.hear(number, status, file_sha256, decision)
        if decision.problem:
            place = " ".join(filter(None, (status.message_id, number, status.code, status.reason_code)))
            round_.done.problems.append(problem_of(file_sha256, place, decision.problem))
        way = round_.table.next(state, decision.event)
        if way is not None:
            decided[decision.event].append((decision, file_sha256))
            round_.states[number] = way.to_state
    words.keep(round_.day)
    open_ = unproven(round_.tx, [d.order_no for d, _ in decided["reject"]])
    for decision, file_sha256 in decided["reject"]:
        if decision.order_no in open_:
            round_.states[decision.order_no] = round_.orders[decision.order_no].state
            round_.done.problems.append(problem_of(file_sha256, decision.order_no, "status.await_statement"))
    for event, decisions in decided.items():
        steps = [
            OrderStep(
                d.order_no,
                _kept(round_, d.order_no, reason_text(d.status.reason_code, d.status.reason)),
                said_in(file_sha256),
            )
            for d, file_sha256 in decisions
        ]
        done = [step for step in steps if event != "reject" or step.order_no not in open_]
        move(round_.tx, event, done, round_.day)
        round_.done.events[event] += len(done)
        faulty = {
            step.order_no: step.reason
            for step, (d, _) in zip(steps, decisions, strict=True)
            # what is wrong with a whole file is not its payees' accounts
            if event == "reject"
            and d.status.order_no
            and is_account_fault(d.status.reason_codes, d.status.reason)
        }
        _fail_payees(round_, faulty)


def _kept(round_: Round, order_no: str, words: str) -> str:
    """The bank's words as an event keeps them: of an order to a person sealed."""
    person = round_.orders[order_no].institution == PERSON
    return fields(round_.tx).seal(words) if person else words


def _codes(paper: EvidencePaper) -> tuple[str, ...]:
    return tuple(filter(None, [paper.evidence.reason_code]))


def _fail_payees(round_: Round, reasons: Mapping[str, str]) -> None:
    """Mark the accounts at fault: the next run blocks the institution until another one is confirmed (INV-11).

    A person has no account in the register, only the one named in what is paid to him: the payment is held.
    """
    persons = [no for no in reasons if round_.orders[no].institution == PERSON]
    if persons:
        round_.tx.run(
            "SELECT fund.fail_persons(%(region)s, %(orders)s, %(on)s)",
            region=round_.tx.region,
            orders=persons,
            on=round_.day,
        )
    named = {no: why for no, why in reasons.items() if round_.orders[no].institution != PERSON}
    if named:
        faulty = [round_.orders[order_no] for order_no in named]
        round_.tx.run(
            "SELECT fund.fail_payees(%(region)s, %(institutions)s, %(numbers)s, %(names)s, %(reasons)s, %(on)s)",
            region=round_.tx.region,
            institutions=[order.institution for order in faulty],
            numbers=[order.payee.number for order in faulty],
            names=[order.payee.name for order in faulty],
            reasons=list(named.values()),
            on=round_.day,
        )
