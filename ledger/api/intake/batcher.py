"""Group commit: what arrives while one batch is stored is the next, and those just answered are given time to come back.

A batch costs some 4 ms however few its records are. Answered clients come back within a millisecond, so without a pause
two halves of the crowd would take turns in batches of half the size, at nearly twice the cost a record. Two lanes, each
with half the crowd, were tried: no faster, and a third more CPU.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from ledger.access.idempotency import in_flight
from ledger.api.intake.storing import Request, Worker
from ledger.api.problems import Answer
from ledger.core.errors import Unavailable

BATCH_RECORDS: Final = 512
WAITING_RECORDS_MAX: Final = 10_000
WAITING_BYTES_MAX: Final = 64 * 1024 * 1024
PAUSE_SECONDS: Final = 0.005
"""How long at most a batch waits for as many requests as were there last time. One client alone never waits."""


class Batcher:
    """Collects requests on the event loop and has one thread store them, batch after batch."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, "intake")
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self._records = self._bytes = 0
        self._keys: set[tuple[str, str]] = set()
        self._running: asyncio.Task[None] | None = None
        self._crowd = 1
        self._arrived = asyncio.Event()
        self._closed = False

    def enqueue(self, request: Request) -> asyncio.Future[Answer]:
        """What will be the answer after COMMIT; to be called on the loop, and never to be cancelled.

        Raises InFlight `in_flight`, Unavailable `service.busy`, `service.stopping`.
        """
        size = sum(map(len, request.raws))
        if self._closed:
            raise Unavailable("service.stopping", "服务正在停止，请稍后以相同内容重试")
        if self._records + len(request.raws) > WAITING_RECORDS_MAX or self._bytes + size > WAITING_BYTES_MAX:
            raise Unavailable("service.busy", "待处理的记录过多，请稍后以相同内容重试")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        if request.key:
            name = (request.user, request.key)
            if name in self._keys:
                raise in_flight()
            self._keys.add(name)
            future.add_done_callback(lambda _done: self._keys.discard(name))
        self._waiting.append((request, future))
        self._records += len(request.raws)
        self._bytes += size
        if self._running is None:
            self._running = loop.create_task(self._run())
        if len(self._waiting) >= self._crowd:
            self._arrived.set()
        return future

    async def submit(self, request: Request) -> Answer:
        """The answer after COMMIT; raises what `enqueue` raises. Who stops waiting does not stop the storing."""
        return await asyncio.shield(self.enqueue(request))

    async def close(self) -> None:
        """Take no more, store what waits, mark the loads complete."""
        self._closed = True
        if self._running is not None:
            await self._running
        await asyncio.get_running_loop().run_in_executor(self._thread, self._worker.close)
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await self._gather(loop)
                if not self._waiting:
                    return
                batch = self._next_batch()
                answers = await loop.run_in_executor(
                    self._thread, self._worker.process, [request for request, _ in batch]
                )
                for (request, future), answer in zip(batch, answers, strict=True):
                    self._records -= len(request.raws)
                    self._bytes -= sum(map(len, request.raws))
                    if not future.done():
                        future.set_result(answer)
                self._crowd = len(batch) + len(self._waiting)
        finally:
            self._running = None

    async def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until as many wait as were there last time, or the pause is over."""
        if self._closed or self._crowd == 1 or len(self._waiting) >= self._crowd:
            return
        self._arrived.clear()
        pause = loop.call_later(PAUSE_SECONDS, self._arrived.set)
        await self._arrived.wait()
        pause.cancel()

    def _next_batch(self) -> list[tuple[Request, asyncio.Future[Answer]]]:
        """The waiting requests of the user whose turn it is, up to BATCH_RECORDS records; at least one request."""
        user = self._waiting[0][0].user
        batch: list[tuple[Request, asyncio.Future[Answer]]] = []
        rest: list[tuple[Request, asyncio.Future[Answer]]] = []
        records = 0
        while self._waiting and records < BATCH_RECORDS:
            item = self._waiting.popleft()
            if item[0].user == user:
                batch.append(item)
                records += len(item[0].raws)
            else:
                rest.append(item)
        self._waiting.extendleft(reversed(rest))
        return batch
