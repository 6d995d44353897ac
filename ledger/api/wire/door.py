"""Who holds a connection: how many in all and from one address. A stranger makes room for whoever comes after.

A connection is a stranger's until a request with a good key came over it. Where there is no place left, the stranger who came
first goes, unless a whole request of its is being answered; only where everybody is known is the newcomer turned away. So
half-open requests, however many, take no place from a caller: they only take it from each other. Whole requests of strangers that
are being answered (log-ins that wait for their turn, guessed keys whose answers are held back) keep their places; so they may
have three of four at most, of one address and in all. The others stay with who can be sent away: there a caller who comes anew
finds a place, also behind the same address, where his key or session was found good before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from ledger.core.addresses import place_of

LOOKED_AT: Final = 1_024
"""How many strangers are asked whether they can go, before a newcomer is turned away; those who cannot are asked last the next time."""
KEPT: Final = 4
"""One place of so many is kept from strangers' requests that are being answered."""


class Visitor(Protocol):
    """A connection."""

    address: str

    def busy(self) -> bool:
        """Whether a whole request is being answered."""

    def leave(self) -> None:
        """End it now; `Door.gone` follows, at once or later."""


class Door:
    """The connections of one service. Used from the event loop only."""

    def __init__(
        self, total: int, per_address: int, trusted: Callable[[str], bool] = lambda _address: False
    ) -> None:
        """`trusted` addresses are proxies: behind one stand many callers, so it has no limit of its own."""
        self._total = total
        self._per_address = per_address
        self._trusted = trusted
        self._inside: set[Visitor] = set()
        self._strangers: dict[Visitor, None] = {}
        self._of: dict[str, dict[Visitor, None]] = {}
        self._count: Counter[str] = Counter()
        self.sent_away = 0
        """How many strangers had to go, ever."""

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, visitor: Visitor) -> bool:
        """Let a newcomer in, if need be in a stranger's place; False: there is none."""
        address = place_of(visitor.address)
        crowded = self._count[address] >= self._per_address and not self._trusted(address)
        if crowded and not self._make_room(self._of.get(address, {})):
            return False
        if len(self._inside) >= self._total and not self._make_room(self._strangers):
            return False
        self._inside.add(visitor)
        self._strangers[visitor] = None
        self._of.setdefault(address, {})[visitor] = None
        self._count[address] += 1
        return True

    def answers_strangers(self, visitor: Visitor) -> bool:
        """Whether one more whole request of strangers may be answered in this one's place; else it has to come again."""
        address = place_of(visitor.address)
        near = self._of.get(address, {})
        if not self._trusted(address) and self._full(near, self._per_address):
            return False
        return not self._full(self._strangers, self._total)

    @staticmethod
    def _full(strangers: dict[Visitor, None], places: int) -> bool:
        most = places - places // KEPT
        return len(strangers) >= most and sum(one.busy() for one in strangers) >= most

    def known(self, visitor: Visitor) -> None:
        """A good key came over this connection."""
        if visitor in self._strangers:
            self._no_stranger(visitor)

    def gone(self, visitor: Visitor) -> None:
        """A connection ended; safe to repeat."""
        if visitor not in self._inside:
            return
        self._inside.discard(visitor)
        self._no_stranger(visitor)
        place = place_of(visitor.address)
        self._count[place] -= 1
        if self._count[place] <= 0:
            del self._count[place]

    def _no_stranger(self, visitor: Visitor) -> None:
        self._strangers.pop(visitor, None)
        place = place_of(visitor.address)
        near = self._of.get(place)
        if near is not None:
            near.pop(visitor, None)
            if not near:
                del self._of[place]

    def _make_room(self, strangers: dict[Visitor, None]) -> bool:
        for visitor in list(islice(strangers, LOOKED_AT)):
            if not visitor.busy():
                break
            del strangers[visitor]
            strangers[visitor] = None
        else:
            return False
        self.gone(visitor)
        self.sent_away += 1
        visitor.leave()
        return True
