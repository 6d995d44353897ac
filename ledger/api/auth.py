"""Who calls: an API key to its user and the regions where that user works.

A key once found is believed for KEY_SECONDS, so a revoked or expired key, or a role taken away, is refused here at the
latest then; what a role allows is asked of the database in every transaction and is never remembered.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from anyio import CapacityLimiter, to_thread

from ledger.access.keys import user_of_key
from ledger.api.problems import TooMany
from ledger.api.refused import Refusals
from ledger.core.errors import Forbidden, Unauthenticated
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work

KEY_SECONDS: Final = 3.0
KEYS_REMEMBERED: Final = 1_024
KEY_LENGTH_MAX: Final = 200
ASKING: Final = "api.key"
"""The actor of the transaction that looks up a key: no user, sees no region."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with the regions where it has a role, ascending, never none."""

    user: str
    regions: tuple[int, ...]


class KeyRing:
    """API keys of one service. Used from the event loop only. Remembers headers as digests, never a key."""

    def __init__(
        self,
        engine: Engine,
        today: Callable[[], date],
        refusals: Refusals,
        per_second: int = 10_000,
    ) -> None:
        """`per_second` is how many requests one user may send."""
        self._engine = engine
        self._today = today
        self._refusals = refusals
        self._per_second = per_second
        self._second = 0
        self._sent: Counter[str] = Counter()
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Caller]] = {}
        self._limiter = CapacityLimiter(2)
        self._strangers = CapacityLimiter(1)

    def remembered(self, authorization: bytes | None) -> Caller | None:
        """The caller of a header found good within the last KEY_SECONDS; None says nothing: then ask `caller`."""
        if authorization is None:
            return None
        known = self._known.get(hashlib.sha256(authorization).digest())
        return known[1] if known is not None and known[0] > time.monotonic() else None

    def met(self, authorization: bytes) -> bool:
        """Whether a header was found good before, or is just being looked up: it costs nothing that another's flood does not."""
        digest = hashlib.sha256(authorization).digest()
        return digest in self._known or digest in self._asking

    def admit(self, caller: Caller) -> None:
        """Count a request of a known caller; raises TooMany `service.rate` past what a user may send in a second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._sent.clear()
        self._sent[caller.user] += 1
        if self._sent[caller.user] > self._per_second:
            raise TooMany("service.rate", "此用户的请求过快，请稍后再试")

    async def caller(self, authorization: bytes | None, address: str = "") -> Caller:
        """The caller named by an Authorization header; failures are noted under the address, and slow it down.

        Raises Unauthenticated `key.missing`, `key.unknown`; Forbidden `access.no_role`; TooMany `key.refused_often`.
        """
        caller = self.remembered(authorization)
        if caller is not None:
            return caller
        known = authorization is not None and hashlib.sha256(authorization).digest() in self._known
        if authorization is not None and not known:  # no key at all costs nothing
            await self._refusals.slow(address)
        try:
            return await self._found(authorization, known=known)
        except (Unauthenticated, Forbidden) as error:
            if known:
                self._known.pop(hashlib.sha256(authorization or b"").digest(), None)
            self._refusals.note(address, error.code)
            raise

    async def _found(self, authorization: bytes | None, *, known: bool) -> Caller:
        scheme, _, key = (authorization or b"").decode("latin-1").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            raise Unauthenticated("key.missing", "请在Authorization: Bearer中给出接口密钥")
        if len(key) > KEY_LENGTH_MAX or not key.isascii():
            raise Unauthenticated("key.unknown", "接口密钥无效、已停用或已过期")
        digest = hashlib.sha256(authorization or b"").digest()
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.create_task(
                self._ask(digest, key, self._limiter if known else self._strangers)
            )
        return await asyncio.shield(asking)

    async def _ask(self, digest: bytes, key: str, limiter: CapacityLimiter) -> Caller:
        """Look a key up once for all who bring it meanwhile: a crowd's key is forgotten for the whole crowd at once.

        Keys nobody has seen yet have a thread of their own: however many are tried, known callers do not wait for them.
        """
        try:
            found = await to_thread.run_sync(self._look_up, key, limiter=limiter)
        finally:
            del self._asking[digest]
        self._known.pop(digest, None)
        self._known[digest] = (time.monotonic() + KEY_SECONDS, found)
        while len(self._known) > KEYS_REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _look_up(self, key: str) -> Caller:
        with unit_of_work(self._engine, ASKING) as tx:
            user = user_of_key(tx, key, self._today())
        with unit_of_work(self._engine, user) as tx:
            regions = tuple(
                region for (region,) in tx.rows("SELECT access.regions_of(%(user)s) ORDER BY 1", user=user)
            )
        if not regions:
            raise Forbidden("access.no_role", f"用户{user}没有任何角色")
        return Caller(user, regions)
