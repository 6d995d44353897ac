"""Receipts and status files in: kept as they came, decided (matching.py, statuses.py), posted, all in one transaction.

Each file is in exactly one transaction together with everything it causes, so a kill at any point leaves it either
whole or untouched, and the next poll takes up there. Papers go first: a receipt stands against any status.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from adapters.banks.ports import OrderStatus
from ledger.access.operator_log import append_line
from ledger.core.errors import InFlight, LedgerError, Unavailable
from ledger.db.connections import Engine
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.incoming import evidence as papers_table
from ledger.payments.incoming.book import Results, Told, apply_statuses, book_papers, open_round, problem_of
from ledger.payments.incoming.evidence import EvidencePaper, PaperKey, clean
from ledger.payments.incoming.files import (
    Failure,
    Inbound,
    Problem,
    fetch,
    read,
    set_aside,
    store_files,
    store_problems,
)
from ledger.payments.incoming.seen import Look, keep_sightings, look, sightings
from ledger.payments.incoming.statuses import spread
from ledger.payments.incoming.taken import taken_over
from ledger.payments.incoming.unknown import watch_papers
from ledger.payments.orders.states import keep_bank_references
from ledger.payments.out.bank import PayingBank

FILES_PER_TRANSACTION: Final = 200
OF_THE_FILE: Final = frozenset({"db.constraint", "db.duplicate"})
"""Refusals of the database that say what a file holds, not how things stand."""
_LOG: Final = logging.getLogger(__name__)


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
    engine: Engine, user: str, region: int, account: str, bank: PayingBank, day: date, *, again: bool = False
) -> Received:
    """Take what lies in the bank's outbox for `account` and book it on `day`; safe to repeat at any time.

    Files that lie there as they were taken are not fetched again unless `again` (seen.py). Raises Forbidden `access.role_missing` unless
    the user keeps books (accountant, system) of every fund the account pays for; Unavailable `bank.*` if the bank
    cannot be reached at all; InFlight while another poll of the region is under way.
    """
    with unit_of_work(engine, user, region) as tx:
        require_bookkeeper(tx, account)
        seen = {} if again else sightings(tx, account)
    found = look(bank.channel, bank.channel.waiting(), seen)
    total = Received(account)
    for start in range(0, max(len(found.fetch), 1), FILES_PER_TRANSACTION):
        part = found.fetch[start : start + FILES_PER_TRANSACTION]
        contents, failures = fetch(bank.channel, part)
        files = _read_all(bank, contents)
        taken = _take_all(engine, user, region, account, files, day)
        left = {failure.name for failure in taken.failures}
        digests = {file.name: file.sha256 for file in files if file.name not in left}
        found.seen.extend(Look(file, digests[file.name], 0) for file in part if file.name in digests)
        total.failures += failures
        total.add(taken)
    if found.seen:
        with unit_of_work(engine, user, region) as tx:
            keep_sightings(tx, account, found.seen)
    return total


def require_bookkeeper(tx: Transaction, account: str) -> None:
    """Raises Forbidden `access.role_missing` unless the user keeps books of every fund the account pays for."""
    funds = tx.value(
        "SELECT payments.account_funds(%(region)s, %(account)s)", region=tx.region, account=account
    )
    for fund in funds or [0]:
        tx.run(
            "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant,system}')",
            region=tx.region,
            fund=fund,
        )


def _read_all(bank: PayingBank, contents: Mapping[str, bytes]) -> list[Inbound]:
    return [read(bank.format, name, content) for name, content in contents.items()]


def _take_all(
    engine: Engine, user: str, region: int, account: str, files: Sequence[Inbound], day: date
) -> Received:
    """All files in one transaction; if that fails, one by one, so that a single bad file stops only itself."""
    try:
        with unit_of_work(engine, user, region) as tx:
            return take(tx, account, files, day)
    except (InFlight, Unavailable, MemoryError, OSError):
        raise
    except Exception:
        if not files:
            raise
    total = Received(account)
    for file in files:
        total.add(_take_alone(engine, user, region, account, file, day))
    return total


def _take_alone(engine: Engine, user: str, region: int, account: str, file: Inbound, day: date) -> Received:
    """One file. What its own content brings about (the database holds no such value, an error nobody foresaw) sets it
    aside for good; what the books refuse (a closed period, a post) leaves it at the bank for the next time.
    """
    try:
        with unit_of_work(engine, user, region) as tx:
            return take(tx, account, [file], day)
    except (InFlight, Unavailable, MemoryError, OSError):  # the machine's trouble is no file's
        raise
    except LedgerError as refusal:
        if refusal.code not in OF_THE_FILE:
            return Received(
                account, failures=[Failure(file.name, refusal.code, refusal.message, by_books=True)]
            )
        found: Exception = refusal
    except Exception as error:  # noqa: BLE001 one file's error is that file's
        _LOG.exception("bank file %r", file.name)
        found = error
    with unit_of_work(engine, user, region) as tx:
        return take(tx, account, [set_aside(file, found)], day)


def take(
    tx: Transaction, account: str, files: Sequence[Inbound], day: date, *, by_hand: bool = False
) -> Received:
    """Keep, decide and post the files, whichever way they came (`by_hand`: handed.py), in the caller's transaction."""
    hold(tx, Lock.RECEIVE, str(tx.region))
    done = Received(account)
    new, done.problems = store_files(tx, account, files, day, by_hand=by_hand)
    done.files, done.repeated = len(new), len(files) - len(new)
    done.quarantined = sum(1 for file in new if file.code)
    return believe(tx, account, new, done, day)


def believe(tx: Transaction, account: str, new: Sequence[Inbound], done: Received, day: date) -> Received:
    """Decide and post what these kept files say; the caller holds Lock.RECEIVE."""
    done.problems += [
        Problem(file.sha256, part.where, part.code, part.message)
        for file in new
        for part in file.decoded.rejected
    ]
    told = [EvidencePaper(clean(found), file.sha256) for file in new for found in file.decoded.evidence]
    waiting = papers_table.undecided(tx, sorted({account} | {paper.key[0] for paper in told}))
    papers = _without_known(tx, told, done.problems)
    said_of = [
        Told(number, status, file.sha256)
        for file in new
        for number, status in spread(file.decoded.statuses, _orders_of_files(tx, file.decoded.statuses))
    ]
    named = {paper.evidence.order_no for paper in (*waiting, *papers)}
    taken = taken_over(tx, named | {one.order_no for one in said_of})
    statuses = [one._replace(order_no=taken.get(one.order_no, one.order_no)) for one in said_of]
    references = _references(tx, [*waiting, *papers], statuses)
    taken |= taken_over(tx, references.values())
    order_nos = named | set(references.values()) | set(taken.values())
    order_nos |= {number for number, _, _ in statuses}
    results = Results(done.outcomes, done.events, done.problems)
    round_ = open_round(tx, sorted(order_nos), day, results, taken)
    said = [status for file in new for status in file.decoded.statuses]
    watch_papers(tx, papers, said, {*round_.orders, *taken}, day)
    book_papers(round_, waiting, papers, references)
    apply_statuses(round_, statuses)
    store_problems(tx, account, done.problems)
    if done.files or done.outcomes or done.events or done.problems:
        summary = (
            f"文件{done.files} 回单{done.outcomes.total()} 单据{done.events.total()} 问题{len(done.problems)}"
        )
        append_line(tx, "payments.received", account, "done", summary)
    return done


def _without_known(
    tx: Transaction, told: Sequence[EvidencePaper], problems: list[Problem]
) -> list[EvidencePaper]:
    """The papers not told before; a number told before with other facts is a problem of its file."""
    known = papers_table.stored(tx, told)
    fresh: dict[PaperKey, EvidencePaper] = {}
    for paper in told:
        before = known.get(paper.key) or fresh.setdefault(paper.key, paper)
        if before.evidence != paper.evidence:
            place = f"{paper.evidence.kind}:{paper.evidence.receipt_no}"
            problems.append(problem_of(paper.file_sha256, place, "receipt.number_reused"))
    return list(fresh.values())


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
    tx: Transaction, papers: Sequence[EvidencePaper], statuses: Sequence[Told]
) -> dict[tuple[str, str], str]:
    """(own account, bank's serial) to order: by status files, kept with the order, and by papers matched before."""
    told = [(number, status.bank_reference) for number, status, _ in statuses if status.bank_reference]
    if told:
        keep_bank_references(tx, told)
    wanted = sorted({p.evidence.bank_reference for p in papers} - {""})
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
