"""So many requests work at once; whoever finds no place within a time is told to come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ledger.core.errors import Unavailable

WAIT_SECONDS: Final = 5.0


class Place:
    """One place; to be left once, at the latest when the request ends."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free

    def leave(self) -> None:
        """Let the next one in; safe to repeat."""
        free, self._free = self._free, None
        if free is not None:
            free.release()


class Places:
    """The places of one service."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Place]:
        """A place for the block; raises Unavailable `service.busy` where none came free in WAIT_SECONDS."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("service.busy", "请求过多，请稍后再试") from None
        place = Place(self._free)
        try:
            yield place
        finally:
            place.leave()
