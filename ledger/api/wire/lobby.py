"""Strangers share a part of the event loop's time, by turns of their addresses; callers known by their key never wait for them.

Whatever is done for a stranger (a connection taken in, bytes parsed, a request passed on) is paid from one purse of the
loop's time. While there is something in it, all goes on at once, as if there were no purse. Once it is empty, what strangers want waits
here, and a turn is given to one address after the other: so a flood, of one address or of hundreds, slows itself and its
like. Addresses where a good key was shown go before all others: a caller of theirs who comes anew does not stand behind the flood.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from ledger.core.addresses import place_of

SHARE: Final = 0.1
"""Of the loop's time, while more than that is asked for."""
BURST_SECONDS: Final = 0.05
"""What the purse holds at most: so much at once costs nobody a turn."""
DEBT_SECONDS: Final = 0.1
SLICE_SECONDS: Final = 0.001
"""The longest that callers wait for strangers' turns at a time, but for one turn that takes longer."""
WAITING_MAX: Final = 512
"""Of one address; a further one pushes out the one that waits longest."""
STRANGERS_OF_ONE_MAX: Final = 64
STRANGERS_MAX: Final = 1_024
"""From where no good key was ever shown: of one address, and of all."""
IN_ALL_MAX: Final = 4_096
FIRST_OF: Final = 4
"""One turn of so many goes to the other addresses, also where good ones wait."""
GOOD_MAX: Final = 4_096
SECONDS_PER_BYTE: Final = 4e-10
"""What the kernel's copy and the loop's read cost before anybody here is asked."""

Turn = Callable[[], None]


class Purse:
    """Seconds of the loop's time that come in evenly; may be overdrawn a little."""

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share, self._clock = share, clock
        self._left, self._since = BURST_SECONDS, clock()

    def left(self) -> float:
        """What is in it now."""
        now = self._clock()
        self._left = min(BURST_SECONDS, self._left + (now - self._since) * self._share)
        self._since = now
        return self._left

    def pay(self, seconds: float) -> None:
        """Take it out."""
        self._left = max(-DEBT_SECONDS, self.left() - seconds)

    def until(self, seconds: float) -> float:
        """How long it takes till so much is in it, at least the shortest time worth waiting."""
        return max((seconds - self.left()) / self._share, SLICE_SECONDS)


class Stranger:
    """One who waits: `turn` is called once, or `out` where there is no room for so many; neither, once it is `gone`."""

    __slots__ = ("address", "gone", "out", "turn")

    def __init__(self, address: str, turn: Turn, out: Turn) -> None:
        self.address, self.turn, self.out = address, turn, out
        self.gone = False


class Lobby:
    """The strangers of one service. Used from the event loop only."""

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._purse = Purse(share, clock)
        self._good: OrderedDict[str, None] = OrderedDict()
        self._first: OrderedDict[str, deque[Stranger]] = OrderedDict()
        self._others: OrderedDict[str, deque[Stranger]] = OrderedDict()
        self._count = self._turn = 0
        self._due: asyncio.TimerHandle | None = None
        self.pushed_out = 0
        """For how many there was no room, ever."""

    def __len__(self) -> int:
        return self._count

    def good(self, address: str) -> None:
        """A good key was shown at this address."""
        place = place_of(address)
        self._good[place] = None
        self._good.move_to_end(place)
        if len(self._good) > GOOD_MAX:
            self._good.popitem(last=False)

    def full(self, address: str) -> bool:
        """Whether so many wait already that another of an address where no good key was shown is not even heard."""
        place = place_of(address)
        if place in self._good:
            return False
        queue = self._others.get(place)
        return self._count >= STRANGERS_MAX or (queue is not None and len(queue) >= STRANGERS_OF_ONE_MAX)

    def at_once(self) -> bool:
        """Whether a stranger need not wait now."""
        return not self._count and self._purse.left() > 0.0

    def pay(self, seconds: float) -> None:
        """What something for a stranger cost the loop, or will."""
        self._purse.pay(seconds)

    def do(self, turn: Turn) -> None:
        """Do it and pay for it."""
        began = self._clock()
        try:
            turn()
        finally:
            self.pay(self._clock() - began)

    def wait(self, address: str, turn: Turn, out: Turn) -> Stranger:
        """Have a turn later, in the order of this address's others; `out` is called instead where too many wait."""
        place = place_of(address)
        queues = self._first if place in self._good else self._others
        queue = queues.setdefault(place, deque())
        one = Stranger(place, turn, out)
        queue.append(one)
        self._count += 1
        if len(queue) > WAITING_MAX:
            self._push_out(queues, queue)
        elif self._count > IN_ALL_MAX:
            fullest = max(self._others.values(), key=len, default=queue)
            self._push_out(queues if fullest is queue else self._others, fullest)
        if self._due is None:
            self._plan()
        return one

    def _push_out(self, queues: OrderedDict[str, deque[Stranger]], queue: deque[Stranger]) -> None:
        oldest = queue.popleft()
        self._count -= 1
        if not queue:
            del queues[oldest.address]
        if not oldest.gone:
            oldest.gone = True
            self.pushed_out += 1
            oldest.out()

    def _plan(self) -> None:
        self._due = asyncio.get_running_loop().call_later(self._purse.until(SLICE_SECONDS), self._turns)

    def _turns(self) -> None:
        """Turns for a slice, one address after the other."""
        self._due = None
        until = self._clock() + SLICE_SECONDS
        while self._count and self._purse.left() > 0.0 and self._clock() < until:
            self._turn += 1
            queues = self._first if self._turn % FIRST_OF else self._others
            queues = queues or self._first or self._others
            address, queue = next(iter(queues.items()))
            one = queue.popleft()
            self._count -= 1
            if queue:
                queues.move_to_end(address)
            else:
                del queues[address]
            if not one.gone:
                one.gone = True
                self.do(one.turn)
        if self._count and self._due is None:
            self._plan()
