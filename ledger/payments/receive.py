"""Receipts and status files in: kept as they came, decided (matching.py, statuses.py), posted, all in one transaction.

Each file is in exactly one transaction together with everything it causes, so a kill at any point leaves it either
whole or untouched, and the next poll takes up there. Papers go first: a receipt stands against any status.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Engine

from adapters.banks.ports import Direction, OrderStatus
from ledger.core.errors import InFlight, LedgerError
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments import evidence as papers_table
from ledger.payments.banks import Bank
from ledger.payments.evidence import Paper, clean
from ledger.payments.faults import is_account_fault, reason_text
from ledger.payments.inbound import (
    Failure,
    Inbound,
    Problem,
    fetch,
    read,
    seen_files,
    store_files,
    store_problems,
)
from ledger.payments.matching import PAY, RETURN, Known, Outcome, decide
from ledger.payments.orders import Order, lock_orders
from ledger.payments.states import Step, Transitions, move, transitions
from ledger.payments.statuses import Decision, decide_status, spread

FILES_PER_TRANSACTION: Final = 200

_PROBLEMS: Final = {
    "status.unknown_order": "状态回执所指的指令或文件不存在",
    "status.other_file": "状态回执所指的文件不是该拨付单所在的文件",
    "status.undecided": "状态代码不能判定结果，须向银行查询",
    "status.duplicate": "银行以重复为由拒绝：首次提交可能已付，不作拒付处理",
    "status.accepted_after_reject": "银行先拒绝后受理，须向银行查询",
    "status.reject_after_paid": "已有回单付妥的拨付单被报为拒绝，以回单为准",
    "status.order_not_sent": "银行对未发送的拨付单给出状态",
    "receipt.number_reused": "同一回单号出现两种内容，以先到者为准",
}


@dataclass(slots=True)
class Received:
    """What one poll did."""

    account: str
    files: int = 0
    """New bytes kept."""
    repeated: int = 0
    """Files whose bytes were known."""
    quarantined: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Papers decided now, by outcome: posted, confirmed, waiting, suspense."""
    events: Counter[str] = field(default_factory=Counter)
    """What happened to orders: accept, reject, pay, return."""
    problems: list[Problem] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    """Files left at the bank for the next time."""

    def add(self, other: Received) -> None:
        """Count another transaction's part."""
        self.files += other.files
        self.repeated += other.repeated
        self.quarantined += other.quarantined
        self.outcomes += other.outcomes
        self.events += other.events
        self.problems += other.problems
        self.failures += other.failures


def receive(
    engine: Engine, user: str, region: int, account: str, bank: Bank, day: date, *, again: bool = False
) -> Received:
    """Take what lies in the bank's outbox for `account` and book it on `day`; safe to repeat at any time.

    Files known by name and size are not fetched again unless `again`. Raises Forbidden `access.role_missing` unless
    the user keeps books (accountant, system) of every fund the account pays for; Unavailable `bank.*` if the bank
    cannot be reached at all; InFlight while another poll of the region is under way.
    """
    with unit_of_work(engine, user, region) as tx:
        _require_bookkeeper(tx, account)
        seen = frozenset() if again else seen_files(tx, account)
    remote = [file for file in bank.channel.waiting() if (file.name, file.size) not in seen]
    total = Received(account)
    for start in range(0, max(len(remote), 1), FILES_PER_TRANSACTION):
        contents, failures = fetch(bank.channel, remote[start : start + FILES_PER_TRANSACTION])
        total.failures += failures
        total.add(_take_all(engine, user, region, account, _read_all(bank, contents), day))
    return total


def _require_bookkeeper(tx: Transaction, account: str) -> None:
    funds = tx.value(
        "SELECT payments.account_funds(%(region)s, %(account)s)", region=tx.region, account=account
    )
    for fund in funds or [0]:
        tx.run(
            "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant,system}')",
            region=tx.region,
            fund=fund,
        )


def _read_all(bank: Bank, contents: Mapping[str, bytes]) -> list[Inbound]:
    return [read(bank.format, name, content) for name, content in contents.items()]


def _take_all(
    engine: Engine, user: str, region: int, account: str, files: Sequence[Inbound], day: date
) -> Received:
    """All files in one transaction; if that fails, one by one, so that a single bad file stops only itself."""
    try:
        with unit_of_work(engine, user, region) as tx:
            return _take(tx, account, files, day)
    except InFlight:
        raise
    except LedgerError:
        if len(files) < 2:
            raise
    total = Received(account)
    for file in files:
        try:
            with unit_of_work(engine, user, region) as tx:
                total.add(_take(tx, account, [file], day))
        except InFlight:
            raise
        except LedgerError as refusal:
            total.failures.append(Failure(file.name, refusal.code, refusal.message))
    return total


class _Round(NamedTuple):
    """What the steps of one transaction share."""

    tx: Transaction
    table: Transitions
    day: date
    orders: dict[str, Order]
    """Every order the bank speaks of, locked."""
    states: dict[str, str]
    """Of these orders, as they become."""


def _take(tx: Transaction, account: str, files: Sequence[Inbound], day: date) -> Received:
    tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"payments.receive {tx.region}")
    done = Received(account)
    new, done.problems = store_files(tx, account, files, day)
    done.files, done.repeated = len(new), len(files) - len(new)
    done.quarantined = sum(1 for file in new if file.code)
    done.problems += [
        Problem(file.sha256, part.where, part.code, part.message)
        for file in new
        for part in file.decoded.rejected
    ]
    told = [Paper(clean(found), file.sha256) for file in new for found in file.decoded.evidence]
    waiting = papers_table.undecided(tx, sorted({account} | {paper.key[0] for paper in told}))
    papers = _without_known(tx, told, done.problems)
    statuses = [
        (number, status, file.sha256)
        for file in new
        for number, status in spread(file.decoded.statuses, _orders_of_files(tx, file.decoded.statuses))
    ]
    references = _references(tx, [*waiting, *papers], statuses)
    order_nos = {paper.evidence.order_no for paper in (*waiting, *papers)} | set(references.values())
    order_nos |= {number for number, _, _ in statuses}
    orders = _arrived_orders(tx, sorted(order_nos), day)
    states = {order.order_no: order.state for order in orders}
    round_ = _Round(tx, transitions(tx), day, {order.order_no: order for order in orders}, states)
    _book_papers(round_, waiting, papers, references, done)
    _apply_statuses(round_, statuses, done)
    store_problems(tx, account, done.problems)
    return done


def _without_known(tx: Transaction, told: Sequence[Paper], problems: list[Problem]) -> list[Paper]:
    """The papers not told before; a number told before with other facts is a problem of its file."""
    known = papers_table.stored(tx, told)
    fresh: dict[tuple[str, str, str], Paper] = {}
    for paper in told:
        before = known.get(paper.key) or fresh.setdefault(paper.key, paper)
        if before.evidence != paper.evidence:
            place = f"{paper.evidence.kind}:{paper.evidence.receipt_no}"
            problems.append(_problem(paper.file_sha256, place, "receipt.number_reused"))
    return list(fresh.values())


def _problem(file_sha256: bytes, place: str, code: str) -> Problem:
    return Problem(file_sha256, place, code, _PROBLEMS[code])


def _orders_of_files(tx: Transaction, statuses: Sequence[OrderStatus]) -> dict[str, list[str]]:
    rows = tx.rows(
        "SELECT file_id, order_no FROM payments.pay_order WHERE region = %(region)s AND file_id = ANY(%(files)s)"
        " AND file_id <> '' ORDER BY order_no",
        region=tx.region,
        files=sorted({status.message_id for status in statuses if not status.order_no}),
    )
    found: dict[str, list[str]] = {}
    for file_id, order_no in rows:
        found.setdefault(file_id, []).append(order_no)
    return found


def _references(
    tx: Transaction, papers: Sequence[Paper], statuses: Sequence[tuple[str, OrderStatus, bytes]]
) -> dict[tuple[str, str], str]:
    """(own account, bank's serial) to order: by status files, kept with the order, and by papers matched before."""
    told = [(number, status.bank_reference) for number, status, _ in statuses if status.bank_reference]
    if told:
        tx.run(
            "UPDATE payments.pay_order o SET bank_reference = s.reference"
            " FROM (SELECT DISTINCT ON (order_no) * FROM unnest(%(orders)s::text[], %(references)s::text[])"
            "  AS s (order_no, reference)) s"
            " WHERE o.region = %(region)s AND o.order_no = s.order_no AND o.bank_reference = ''",
            region=tx.region,
            orders=[number for number, _ in told],
            references=[reference for _, reference in told],
        )
    wanted = sorted({p.evidence.bank_reference for p in papers if not p.evidence.order_no} - {""})
    rows = tx.rows(
        "SELECT account, bank_reference, order_no FROM payments.pay_order"
        " WHERE region = %(region)s AND bank_reference = ANY(%(wanted)s) UNION"
        " SELECT account, bank_reference, matched_order FROM payments.evidence"
        " WHERE region = %(region)s AND bank_reference = ANY(%(wanted)s) AND outcome = 'posted'",
        region=tx.region,
        wanted=wanted,
    )
    found: dict[tuple[str, str], str] = {}
    for account, reference, order_no in rows:
        # A serial that stands for two orders proves nothing.
        found[account, reference] = order_no if found.get((account, reference), order_no) == order_no else ""
    return found


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
        Step(order.order_no, "bank_answered", order.file_id)
        for order in orders
        if (order.file_id,) in sending and table.next(order.state, "unfile") is not None
    ]
    if not missed:
        return orders
    move(tx, "lose", missed, day)
    return lock_orders(tx, order_nos)


def _book_papers(
    round_: _Round,
    waiting: Sequence[Paper],
    papers: Sequence[Paper],
    references: Mapping[tuple[str, str], str],
    done: Received,
) -> None:
    """Decide debits before credits, so that a return finds its payment whatever came first; then post."""
    known = Known(
        orders=round_.orders,
        states=round_.states,
        by_reference=references,
        posted=_posted(round_.tx, [*waiting, *papers]),
        payable=round_.table.sources(PAY),
    )
    outcomes: dict[tuple[str, str, str], Outcome] = {}
    for direction in (Direction.DEBIT, Direction.CREDIT):
        for paper in (*waiting, *papers):
            if paper.evidence.direction is direction:
                outcomes[paper.key] = decide(paper.evidence, known)
    papers_table.insert(round_.tx, papers, [outcomes[paper.key] for paper in papers])
    papers_table.decide_again(round_.tx, waiting, [outcomes[paper.key] for paper in waiting])
    done.outcomes += Counter(outcomes[paper.key].outcome for paper in papers)
    for event in (PAY, RETURN):
        found = [
            (outcomes[paper.key].order_no, paper)
            for paper in (*waiting, *papers)
            if outcomes[paper.key].event == event
        ]
        _move_papers(round_, event, found)
        done.events[event] += len(found)


def _posted(tx: Transaction, papers: Sequence[Paper]) -> dict[tuple[str, str, str], str]:
    rows = tx.rows(
        "SELECT account, bank_reference, direction, matched_order FROM payments.evidence"
        " WHERE region = %(region)s AND outcome = 'posted' AND bank_reference = ANY(%(references)s)",
        region=tx.region,
        references=sorted({paper.evidence.bank_reference for paper in papers}),
    )
    return {(account, reference, direction): order_no for account, reference, direction, order_no in rows}


def _move_papers(round_: _Round, event: str, found: Sequence[tuple[str, Paper]]) -> None:
    steps = []
    for order_no, paper in found:
        receipt = paper.receipt
        why = reason_text(paper.evidence.reason_code, paper.evidence.reason) if event == RETURN else ""
        steps.append(Step(order_no, why, receipt.key, receipt))
    move(round_.tx, event, steps, round_.day)
    faulty = {
        step.order_no: step.reason
        for step, (_, paper) in zip(steps, found, strict=True)
        if event == RETURN and is_account_fault(paper.evidence.reason_code, paper.evidence.reason)
    }
    _fail_payees(round_, faulty)


def _apply_statuses(
    round_: _Round, statuses: Sequence[tuple[str, OrderStatus, bytes]], done: Received
) -> None:
    decided: dict[str, list[Decision]] = {"accept": [], "reject": []}
    for number, status, file_sha256 in statuses:
        state = round_.states.get(number, "")
        decision = decide_status(round_.orders.get(number), state, status, round_.table)
        if decision.problem:
            place = " ".join(filter(None, (status.message_id, number, status.code, status.reason_code)))
            done.problems.append(_problem(file_sha256, place, decision.problem))
        way = round_.table.next(state, decision.event)
        if way is not None:
            decided[decision.event].append(decision)
            round_.states[number] = way.to_state
    for event, decisions in decided.items():
        steps = [
            Step(d.order_no, reason_text(d.status.reason_code, d.status.reason), d.status.message_id)
            for d in decisions
        ]
        move(round_.tx, event, steps, round_.day)
        done.events[event] += len(steps)
        faulty = {
            step.order_no: step.reason
            for step, d in zip(steps, decisions, strict=True)
            if event == "reject" and is_account_fault(d.status.reason_code, d.status.reason)
        }
        _fail_payees(round_, faulty)


def _fail_payees(round_: _Round, reasons: Mapping[str, str]) -> None:
    """Mark the accounts at fault: the next run blocks the institution until another one is confirmed (INV-11)."""
    if reasons:
        faulty = [round_.orders[order_no] for order_no in reasons]
        round_.tx.run(
            "UPDATE fund.payee_account a SET state = 'failed', reason = f.reason"
            " FROM (SELECT DISTINCT ON (institution) * FROM unnest(%(institutions)s::text[], %(numbers)s::text[],"
            "  %(names)s::text[], %(reasons)s::text[]) AS f (institution, number, name, reason)) f"
            " WHERE a.region = %(region)s AND a.institution = f.institution AND a.state = 'confirmed'"
            " AND a.number = f.number AND a.name = f.name",
            region=round_.tx.region,
            institutions=[order.institution for order in faulty],
            numbers=[order.payee.number for order in faulty],
            names=[order.payee.name for order in faulty],
            reasons=list(reasons.values()),
        )
