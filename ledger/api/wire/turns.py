"""Strangers' turns: few are served at once, and whoever waits has a turn after the other addresses', holding nothing meanwhile.

A flood of one address waits behind itself: of each address one is served, then the next address. Neither a thread, nor a
connection of the database, nor a place among the requests that work is held by who waits here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ledger.api.problems import TooMany
from ledger.core.addresses import place_of
from ledger.core.errors import Unavailable

OF_ONE_MAX: Final = 4
"""Of one address that wait at once."""
IN_ALL_MAX: Final = 256
WAIT_SECONDS: Final = 5.0


class Turns:
    """The turns at one kind of work. Used from the event loop only."""

    def __init__(self, count: int, seconds: float = WAIT_SECONDS) -> None:
        """`count` are served at once; `seconds` is how long one waits."""
        self._free = count
        self._seconds = seconds
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def one(self, address: str) -> AsyncIterator[None]:
        """A turn for the block. Raises TooMany `key.refused_often` where many of the address wait, Unavailable `service.busy` where
        many wait in all or none came in time.
        """
        await self._turn(place_of(address))
        try:
            yield
        finally:
            self._next()

    async def _turn(self, place: str) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        queue = self._waiting.get(place, deque())
        if len(queue) >= OF_ONE_MAX:
            raise TooMany("key.refused_often", "此地址的登录请求过多，请稍后再试")
        if len(self) >= IN_ALL_MAX:
            raise Unavailable("service.busy", "请求过多，请稍后再试")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(place, queue).append(turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as ended:
            if turn.done() and not turn.cancelled():
                self._next()  # it came in the same moment: the next one's
            else:
                self._forget(place, turn)
            if isinstance(ended, TimeoutError):
                raise Unavailable("service.busy", "请求过多，请稍后再试") from None
            raise

    def _next(self) -> None:
        """Whose turn it is now: the first of the address that waits longest for one."""
        while self._waiting:
            place, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[place] = queue
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _forget(self, place: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(place, deque())
        if turn in queue:
            queue.remove(turn)
        if not queue:
            self._waiting.pop(place, None)
