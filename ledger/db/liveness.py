"""Does the database answer? Asked every second by a thread of its own on a connection of its own, whatever else hangs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy.engine import Engine

from ledger.core.dates import machine_seconds
from ledger.core.errors import LedgerError, Unavailable
from ledger.db.connections import driver_of
from ledger.db.engine import let_go
from ledger.db.identity import require_current
from ledger.db.watch import cut_older

EVERY_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 0.8
"""How long a caller who asks is kept waiting."""
FROZEN_SECONDS: Final = 3.0
"""A database that has not said its name for so long is frozen: who waits for it is cut off."""
NEW_SECONDS: Final = 1.0
"""Who began to wait so lately may still be answered: he is cut later, if he is not."""
_LOOK_SECONDS: Final = 0.25
_LOG: Final = logging.getLogger("ledger.db")


class Liveness:
    """One database, watched. Two threads: one asks, one sees whether the answer comes."""

    def __init__(self, engine: Engine, others: Sequence[Engine] = ()) -> None:
        """`engine` is this object's own, with `Watched` connections; `close` gives it back.

        `others` are those whose kept connections nobody shall be given any more once the database was frozen.
        """
        self._engine = engine
        self._others = tuple(others)
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._closed = threading.Event()
        self._asking_since: float | None = None
        self._cut_at = 0.0
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self.skew_seconds = 0.0
        """The database's clock less this machine's, as of the last answer."""
        self._threads = [
            threading.Thread(target=work, name=f"liveness-{name}", daemon=True)
            for name, work in (("ask", self._ask_again_and_again), ("watch", self._watch))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def frozen(self) -> bool:
        """Whether an answer has been missing for FROZEN_SECONDS."""
        since = self._asking_since
        return since is not None and time.monotonic() - since > FROZEN_SECONDS

    def require(self) -> None:
        """Raise Unavailable `db.unreachable` while the database is frozen: nobody shall wait for it."""
        if self.frozen:
            raise _unreachable()

    async def ask(self) -> None:
        """Return when it answered; raises what `require_current` raises, Unavailable `db.unreachable` after ANSWER_SECONDS."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._waiting.append((loop, future))
        self._asked.set()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await future
        except TimeoutError:
            raise _unreachable() from None

    def close(self) -> None:
        """Stop asking."""
        self._closed.set()
        self._asked.set()
        for thread in self._threads:
            thread.join(FROZEN_SECONDS + 1)
        let_go(self._engine, for_good=True)

    def _ask_again_and_again(self) -> None:
        while not self._closed.is_set():
            self._asked.wait(EVERY_SECONDS)
            self._asked.clear()
            if self._closed.is_set():
                return
            self._asking_since = time.monotonic()
            error = self._ask_once()
            self._asking_since = None
            self._tell(error)

    def _ask_once(self) -> Exception | None:
        try:
            require_current(self._engine)
            with self._engine.connect() as lent:
                row = (
                    driver_of(lent).execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
                )
                driver_of(lent).rollback()
            self.skew_seconds = float(row[0]) - machine_seconds() if row else 0.0
        except LedgerError as error:
            return error
        except Exception:  # noqa: BLE001 whatever it is, the database cannot be asked
            return _unreachable()
        return None

    def _tell(self, error: Exception | None) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(_settle, future, error)

    def _watch(self) -> None:
        again = False
        while not self._closed.wait(_LOOK_SECONDS):
            now = time.monotonic()
            if self.frozen and now - self._cut_at > FROZEN_SECONDS:
                self._cut_at, again = now, True
                _LOG.error("the database does not answer: %d connections cut", cut_older(now - NEW_SECONDS))
                for engine in self._others:
                    let_go(engine)
            elif again and now - self._cut_at > FROZEN_SECONDS:
                again = False
                cut_older(self._cut_at)  # who had just begun to wait when the others were cut


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _unreachable() -> Unavailable:
    return Unavailable("db.unreachable", "数据库不可用，请稍后再试")
