"""Failed authentications, by address: slowed, counted, and written where people see them. Nobody is ever locked out.

A key found good before is never slowed, whatever others at its address do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ledger.access.refused import Failed
from ledger.api.problems import TooMany

FREE: Final = 5
"""So many failures of an address cost nothing: people mistype."""
FIRST_SECONDS: Final = 0.25
MOST_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 60.0
"""After so long without a failure an address begins anew."""
ADDRESSES_MAX: Final = 4_096
WAITING_MAX: Final = 8
"""Requests of one address that wait at once; further ones are told to come later."""
FLUSH_SECONDS: Final = 2.0
NOTED_MAX: Final = 512
_LOG: Final = logging.getLogger("ledger.api")


@dataclass(slots=True)
class _Address:
    failures: int = 0
    last: float = 0.0
    waiting: int = 0


class Refusals:
    """The failures of one service. Used from the event loop only."""

    def __init__(self, write: Callable[[list[Failed]], None]) -> None:
        """`write` keeps what is noted; called in a thread, now and then."""
        self._write = write
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._noted: Counter[tuple[str, str]] = Counter()
        self._flushing: asyncio.Task[None] | None = None

    async def slow(self, address: str) -> None:
        """Wait as long as the address's failures cost; raises TooMany `key.refused_often` where many wait already."""
        found = self._addresses.get(address)
        if found is None or time.monotonic() - found.last > FORGET_SECONDS or found.failures < FREE:
            return
        if found.waiting >= WAITING_MAX:
            raise TooMany("key.refused_often", "此地址的认证失败过多，请稍后再试")
        found.waiting += 1
        try:
            await asyncio.sleep(min(FIRST_SECONDS * 2 ** min(found.failures - FREE, 10), MOST_SECONDS))
        finally:
            found.waiting -= 1

    def note(self, address: str, code: str) -> None:
        """A failure."""
        now = time.monotonic()
        found = self._addresses.setdefault(address, _Address())
        found.failures = 1 if now - found.last > FORGET_SECONDS else found.failures + 1
        found.last = now
        self._addresses.move_to_end(address)
        while len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        name = (address, code)
        self._noted[name if name in self._noted or len(self._noted) < NOTED_MAX else ("", code)] += 1
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def close(self) -> None:
        """Write what is noted."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self._write_out()

    async def _flush(self) -> None:
        while self._noted:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._write_out()

    async def _write_out(self) -> None:
        noted, self._noted = self._noted, Counter()
        if not noted:
            return
        found = [Failed(address, code, attempts) for (address, code), attempts in noted.items()]
        for line in _lines(found):
            _LOG.warning("%s", line)
        try:
            await asyncio.to_thread(self._write, found)
        except Exception as error:  # noqa: BLE001 the program's log has it; nothing of the service hangs on it
            _LOG.warning("failed authentications not kept: %s", type(error).__name__)


def _lines(found: Iterable[Failed]) -> list[str]:
    return [f"authentication failed: {one.address or 'others'} {one.code} x{one.attempts}" for one in found]
