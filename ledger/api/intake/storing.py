"""The thread that stores: many requests of one user in one transaction a region (group commit).

A request's answer is given only after COMMIT. A transaction that fails for a reason of one record is cut in halves until
that record stands alone, so that no request fails for its neighbour's sake.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledger.access.idempotency import Kept, KeyTaken, store_answer, stored_answer
from ledger.access.operator_log import append_at_commit
from ledger.api.intake.answers import answer_many, answer_one
from ledger.api.problems import Answer, of_error
from ledger.core.errors import Conflict, InFlight, InvalidInput, Unavailable
from ledger.db.connections import Engine
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work
from ledger.fund.intake.loads import complete_load, count_at_commit, open_load
from ledger.fund.intake.quick import LineReader
from ledger.fund.intake.regional_codes import regional_rules
from ledger.fund.intake.take import Read, take_gists
from ledger.fund.intake.values import LineOutcome, Load, Tally
from ledger.fund.record.judge import IntakeRules
from ledger.fund.record.record import Refusal

ROUTE: Final = "POST /api/v1/settlements"
TRIES: Final = 4
PAUSE_MS: Final = 20
"""Between two attempts at most so long, times the attempts so far; by chance, so that two who met do not meet again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One intake request, its body cut into records."""

    user: str
    regions: tuple[int, ...]
    raws: Sequence[bytes]
    many: bool
    key: str
    digest: bytes


@dataclass(slots=True)
class _Job:
    """A request on its way: its lines as read, where its key lives, what became of its lines."""

    request: Request
    read: list[Read]
    raws: dict[int, bytes]
    key_region: int
    outcomes: dict[int, LineOutcome] = field(default_factory=dict)
    error: Exception | None = None
    answer: Answer | None = None
    remembered: bool = False

    def built(self) -> Answer:
        """The answer once every line has its outcome."""
        outcomes = [self.outcomes[result.line] for result in self.read]
        if self.request.many:
            return answer_many(outcomes, self.request.raws)
        return answer_one(outcomes[0], self.request.raws[0])


@dataclass(slots=True)
class _Open:
    """A user's load of the day, and the last line given out in it."""

    load: Load
    day: date
    reader: LineReader
    line: int = 0


class Worker:
    """Stores requests; used by one thread at a time."""

    def __init__(self, engine: Engine, today: Callable[[], date]) -> None:
        self._engine = engine
        self._today = today
        self._open: dict[str, _Open] = {}

    def process(self, requests: Sequence[Request]) -> list[Answer]:
        """The answers to requests of one user, in their order. Never raises."""
        user = requests[0].user
        try:
            jobs = self._store(user, requests)
        except Exception as error:  # noqa: BLE001 every waiting request must get an answer
            self._open.pop(user, None)
            return [of_error(error)] * len(requests)
        return [job.answer or of_error(job.error or RuntimeError("no answer")) for job in jobs]

    def close(self) -> None:
        """Mark the loads complete. A load left open by a crash has the same true counts."""
        while self._open:
            user, opened = self._open.popitem()
            self._complete(user, opened.load)

    def _store(self, user: str, requests: Sequence[Request]) -> list[_Job]:
        """Store all; whoever must be asked again is asked again, in a new load where a COMMIT's result is not known."""
        opened = self._opened(user)
        jobs = [self._job(opened, request) for request in requests]
        for attempt in range(1, TRIES + 1):
            waiting = [job for job in jobs if job.answer is None and job.error is None]
            try:
                self._replay(waiting)
                self._take(opened.load, [job for job in waiting if job.answer is None and job.error is None])
                return jobs
            except KeyTaken:
                continue
            except InFlight:
                if attempt == TRIES:
                    raise
                time.sleep(secrets.randbelow(attempt * PAUSE_MS) / 1000)
            except Unavailable as error:
                if error.code == "db.unreachable" and attempt == 1:
                    continue  # the connection died since the last batch: nothing was done on it
                # If it did commit, its records come out as duplicates now: the old load keeps its count, the new one its own.
                if error.code != "db.commit_unknown" or attempt == TRIES:
                    raise
                self._open.pop(user, None)
                opened = self._opened(user)
                for job in waiting:
                    fresh = self._job(opened, job.request)
                    job.read, job.raws, job.outcomes, job.remembered = fresh.read, fresh.raws, {}, False
        raise Unavailable("service.busy", "请求冲突，请稍后以相同内容重试")

    def _job(self, opened: _Open, request: Request) -> _Job:
        read: list[Read] = []
        raws: dict[int, bytes] = {}
        regions: set[int] = set()
        home = request.regions[0]
        for raw in request.raws:
            opened.line += 1
            result = opened.reader.read(raw, opened.line)
            read.append(result)
            raws[opened.line] = raw
            known = not isinstance(result, Refusal) and result.region in request.regions
            regions.add(result.region if known and not isinstance(result, Refusal) else home)
        return _Job(request, read, raws, regions.pop() if len(regions) == 1 else home)

    def _replay(self, jobs: Sequence[_Job]) -> None:
        """Answer what was answered before under its key."""
        keyed = [job for job in jobs if job.request.key and not job.remembered]
        for region in sorted({job.key_region for job in keyed}):
            with unit_of_work(self._engine, jobs[0].request.user, region) as tx:
                for job in keyed:
                    if job.key_region == region:
                        try:
                            kept = stored_answer(tx, ROUTE, job.request.key, job.request.digest)
                            job.answer = Answer(*kept).replayed() if kept else None
                        except Conflict as error:
                            job.error = error

    def _take(self, load: Load, jobs: Sequence[_Job]) -> None:
        """One transaction a region, then the answers; keys of requests across regions are kept at the end."""
        by_region: dict[int, list[Read]] = {}
        owner = {result.line: job for job in jobs for result in job.read}
        for job in jobs:
            for result in job.read:
                if result.line not in job.outcomes:
                    region = NO_REGION if isinstance(result, Refusal) else result.region
                    by_region.setdefault(region, []).append(result)
        for region in sorted(by_region):
            self._halve(load, by_region[region], owner)
        for job in jobs:
            if job.error is None:
                answer = job.built()
                if job.request.key and not job.remembered:
                    with unit_of_work(self._engine, job.request.user, job.key_region) as tx:
                        store_answer(tx, ROUTE, job.request.key, job.request.digest, Kept(*answer[:2]))
                job.answer = answer

    def _halve(self, load: Load, read: list[Read], owner: dict[int, _Job]) -> None:
        try:
            self._commit(load, read, owner)
        except (InFlight, Unavailable, KeyTaken):
            raise
        except Exception as error:  # noqa: BLE001 whatever it is, only the record it concerns may fail by it
            if len(read) > 1:
                middle = len(read) // 2
                self._halve(load, read[:middle], owner)
                self._halve(load, read[middle:], owner)
                return
            (result,) = read
            if isinstance(error, InvalidInput | Conflict) and not isinstance(result, Refusal):
                why = Refusal(result.line, result.setl_id, "", error.code, error.message)
                self._commit(load, [why], owner)
            else:
                owner[result.line].error = error

    def _commit(self, load: Load, read: Sequence[Read], owner: dict[int, _Job]) -> None:
        """One transaction: records, payables, refusals, the load's counts, the log line and the keys."""
        request = owner[read[0].line].request
        remembered: list[_Job] = []
        size = sum([len(owner[result.line].raws[result.line]) for result in read])

        def raw_of(number: int) -> bytes:
            return owner[number].raws[number]

        def also(tx: Transaction, done: Tally) -> None:
            _count(tx, load, done, size)
            here = {outcome.number: outcome for outcome in done.outcomes}
            for job in {id(owner[number]): owner[number] for number in here}.values():
                numbers = [result.line for result in job.read]
                if job.request.key and job.key_region == tx.region and all(n in here for n in numbers):
                    remembered.append(job)
                    job.outcomes.update((n, here[n]) for n in numbers)
                    store_answer(tx, ROUTE, job.request.key, job.request.digest, Kept(*job.built()[:2]))

        try:
            tally = take_gists(
                self._engine, request.user, load, read, raw_of, home=request.regions[0], also=also
            )
        except BaseException:
            for job in remembered:
                job.outcomes.clear()
            raise
        for outcome in tally.outcomes:
            owner[outcome.number].outcomes[outcome.number] = outcome
        for job in remembered:
            job.remembered = True

    def _opened(self, user: str) -> _Open:
        """The user's load of today; yesterday's is complete."""
        today = self._today()
        opened = self._open.get(user)
        if opened is not None and opened.day == today:
            return opened
        if opened is not None:
            self._complete(user, opened.load)
        with unit_of_work(self._engine, user) as tx:
            load_id = open_load(tx, f"api:{today}", hashlib.sha256(secrets.token_bytes(32)).digest(), 0)
        # A map holds from a day after the records that came in before it: once a day is often enough.
        rules = regional_rules(self._engine, user, IntakeRules(today=today))
        fresh = self._open[user] = _Open(Load(load_id, b""), today, LineReader(rules))
        return fresh

    def _complete(self, user: str, load: Load) -> None:
        with unit_of_work(self._engine, user) as tx:
            complete_load(tx, load.load_id)


def _count(tx: Transaction, load: Load, done: Tally, size: int) -> None:
    """The load's counts and the operator log, in the transaction they speak of."""
    count_at_commit(tx, load.load_id, done, size)
    said = f"接受{done.accepted} 重复{done.duplicate} 隔离{done.quarantined}"
    append_at_commit(tx, "intake.api", str(load.load_id), said)
