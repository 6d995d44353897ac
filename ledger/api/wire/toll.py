"""How often an address may ask for what costs the event loop its time before a good key is shown: handshakes, keyless requests.

A bucket per address and kind: full at first, so that a monitor, a browser or a caller who just came never waits; empty under
a flood, and then whatever the address asks for is put off. What a caller known by its key asks for costs nothing here.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

from ledger.api.wire.proxies import Proxies
from ledger.core.addresses import place_of

BURST_SECONDS: Final = 5.0
"""A bucket holds what comes in so long: what an address that was quiet may ask for at once."""
PUT_OFF_SECONDS: Final = 1.0
"""How long an answer past the rate is held back: a flood that waits for its answers is slowed, one that does not fills only
its own places."""
ADDRESSES_MAX: Final = 8_192
SESSIONS_MAX: Final = 8_192
COOKIES_MAX: Final = 2
KEY_WITHIN: Final = 4_096
_KEY: Final = re.compile(rb"\r\n[Aa]uthorization:[ \t]*([^\r\n]*[^\r\n \t])")


def _sessions(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """Digests of the cookies of a head, one by one: a session's token is not kept here."""
    cookies = (part.strip() for name, value in headers if name == b"cookie" for part in value.split(b";"))
    return [sha256(one).digest() for one in cookies if one.startswith(b"fundledger=")][:COOKIES_MAX]


class Buckets:
    """Token buckets by address, the one longest unused forgotten first. Used from the event loop only."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Take one; False: there is none left."""
        now = self._clock()
        left, since = self._left.get(address, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_second)
        found = left >= 1.0
        self._left[address] = (left - 1.0 if found else left, now)
        self._left.move_to_end(address)
        while len(self._left) > ADDRESSES_MAX:
            self._left.popitem(last=False)
        return found


class Toll:
    """What strangers may ask of one service."""

    def __init__(
        self, per_second: float, proxies: Proxies, met: Callable[[bytes], bool] = lambda _authorization: False
    ) -> None:
        """`met`: whether an Authorization header was found good before, or is being looked up now."""
        self._proxies = proxies
        self.met = met
        self._handshakes = Buckets(per_second)
        self._keyless = Buckets(per_second)
        self._unmet = Buckets(per_second)
        self._faults = Buckets(per_second)
        self._sat: OrderedDict[bytes, None] = OrderedDict()
        self.put_off = 0
        """How many handshakes and requests were refused, ever."""

    def trusted(self, peer: str) -> bool:
        """Whether a proxy of ours has this address: many stand behind it."""
        return self._proxies.trusted(peer)

    def handshake(self, peer: str) -> bool:
        """Whether this address may begin a handshake; a proxy of ours always may."""
        return self._proxies.trusted(peer) or self._counted(self._handshakes, place_of(peer))

    def fault(self, peer: str) -> bool:
        """Whether this address is told at once what was wrong with its request; a proxy of ours always is."""
        return self._proxies.trusted(peer) or self._counted(self._faults, place_of(peer))

    def met_in(self, data: bytes) -> bool:
        """Whether these first bytes of a request seem to bring a good key: said of its turn only, the parser has the word."""
        found = _KEY.search(data, 0, KEY_WITHIN)
        return found is not None and self.met(found[1])

    def sat(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The session of this request was found good: who comes anew with it is no stranger to who gives out places."""
        for one in _sessions(headers):
            self._sat[one] = None
            self._sat.move_to_end(one)
            if len(self._sat) > SESSIONS_MAX:
                self._sat.popitem(last=False)

    def met_before(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether the key or the session of this head was found good before: said of its place only, the service has the word."""
        headers = list(headers)
        return any(self.met(value) for name, value in headers if name == b"authorization") or any(
            one in self._sat for one in _sessions(headers)
        )

    def request(self, peer: str, headers: Iterable[tuple[bytes, bytes]], *, proven: bool) -> bool:
        """Whether a request of this head goes on. `proven`: a good key came over its connection.

        A proxy's connection proves nothing: behind it stand many. Guessed keys have a bucket of their own, so that neither
        crowd takes what the other's honest neighbour needs.
        """
        trusted = self._proxies.trusted(peer)
        if proven and not trusted:
            return True
        forwarded, authorization = [], None
        for name, value in headers:
            if name == b"authorization":
                authorization = value
            elif trusted and name == b"x-forwarded-for":
                forwarded.append(value)
        if authorization is not None and self.met(authorization):
            return True
        buckets = self._keyless if authorization is None else self._unmet
        return self._counted(buckets, place_of(self._proxies.caller(peer, forwarded)))

    def _counted(self, buckets: Buckets, place: str) -> bool:
        if buckets.take(place):
            return True
        self.put_off += 1
        return False
