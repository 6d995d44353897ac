"""A shutter before the listening sockets: the kernel drops what comes from an address in a flood before there is a connection.

However quickly a connection is taken and closed again, a flood of them fills the kernel's queue, where callers who come anew stand
behind it, and its hands are shaken on the processor the callers need. So an address that was turned away again and again is
not heard for a while: a packet filter of the socket's own (SO_ATTACH_FILTER; no right is needed for it) drops its first packets.
What is connected already goes on. Where the system has no such filter, all is as without it.
"""

from __future__ import annotations

import ctypes
import logging
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, Protocol

from ledger.core.addresses import place_of

TURNED_AWAY_MAX: Final = 64
"""Connections of an address that found no room within COUNTED_SECONDS; then it is in a flood."""
COUNTED_SECONDS: Final = 10.0
SHUT_SECONDS: Final = 30.0
ADDRESSES_MAX: Final = 512
"""Shut out at a time; beyond, the one that has been longest comes in again."""
COUNTED_MAX: Final = 8_192
LATER_SECONDS: Final = 0.05
"""To the change of the filter: a crowd is shut out in one."""

_LOG: Final = logging.getLogger("ledger.api")
_ATTACH: Final = 26
_DETACH: Final = 27
"""SO_ATTACH_FILTER, SO_DETACH_FILTER of Linux."""
_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_WHOLE: Final = 0xFFFFFFFF
_NETWORK: Final = 0xFFF00000
"""SKF_NET_OFF: what is loaded from there on is the packet's IP header."""
_SOURCE_4: Final = _NETWORK + 12
_SOURCE_6: Final = _NETWORK + 8


class FilterStep(NamedTuple):
    """One instruction of the classic packet filter (`struct sock_filter`)."""

    code: int
    if_true: int
    if_false: int
    operand: int


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))


class Later(Protocol):
    """What an event loop has."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> object:
        """Call once, so many seconds from now."""
        ...


def program(family: int, places: Sequence[str]) -> list[FilterStep]:
    """The filter of a socket of this family that drops what comes from these places, as `place_of` has them."""
    steps = [] if family == socket.AF_INET6 else [FilterStep(_LOAD, 0, 0, _SOURCE_4)]
    for place in places:
        found = ip_network(place)
        if isinstance(found, IPv6Network) is not (family == socket.AF_INET6):
            continue
        words = struct.unpack("!IIII" if family == socket.AF_INET6 else "!I", found.network_address.packed)
        if family == socket.AF_INET6:
            steps += [FilterStep(_LOAD, 0, 0, _SOURCE_6), FilterStep(_IF_EQUAL, 0, 3, words[0])]
            steps += [FilterStep(_LOAD, 0, 0, _SOURCE_6 + 4), FilterStep(_IF_EQUAL, 0, 1, words[1])]
        else:
            steps.append(FilterStep(_IF_EQUAL, 0, 1, words[0]))
        steps.append(FilterStep(_RETURN, 0, 0, 0))
    return [*steps, FilterStep(_RETURN, 0, 0, _WHOLE)]


def attach(listening: socket.socket, steps: Sequence[FilterStep]) -> None:
    """Have the kernel judge by this filter what comes to be a connection; by none where it is empty. Raises OSError where it cannot."""
    if not steps:
        with suppress(FileNotFoundError):  # there was none
            listening.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
        return
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    listening.setsockopt(
        socket.SOL_SOCKET, _ATTACH, bytes(_Program(len(steps), ctypes.cast(code, ctypes.c_void_p)))
    )


class Shutter:
    """Who is not heard for a while, at the sockets of one service. Used from the event loop only."""

    def __init__(
        self,
        later: Later,
        listening: Sequence[socket.socket],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._later, self._listening, self._clock = later, listening, clock
        self._turned: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._shut: OrderedDict[str, float] = OrderedDict()
        self._planned = self._cannot = False
        self.shut_out = 0
        """How many times an address was, ever."""

    @property
    def places(self) -> tuple[str, ...]:
        """Those that are not heard now."""
        return tuple(self._shut)

    def turned_away(self, address: str) -> None:
        """A connection of this address found no room; the address is shut out where that came too often."""
        place, now = place_of(address), self._clock()
        count, since = self._turned.get(place, (0, now))
        if now - since > COUNTED_SECONDS:
            count, since = 0, now
        self._turned[place] = (count + 1, since)
        self._turned.move_to_end(place)
        if len(self._turned) > COUNTED_MAX:
            self._turned.popitem(last=False)
        if count + 1 > TURNED_AWAY_MAX and place not in self._shut and _numeric(address):
            del self._turned[place]
            self._shut[place] = now + SHUT_SECONDS
            self.shut_out += 1
            _LOG.warning("address %s is in a flood: not heard for %.0f s", place, SHUT_SECONDS)
            if len(self._shut) > ADDRESSES_MAX:
                self._shut.popitem(last=False)
            self._plan(LATER_SECONDS)

    def _plan(self, seconds: float) -> None:
        if not (self._planned or self._cannot):
            self._planned = True
            self._later.call_later(seconds, self._set)

    def _set(self) -> None:
        """Make the filter what it is to be by now."""
        self._planned = False
        now = self._clock()
        while self._shut and next(iter(self._shut.values())) <= now:
            self._shut.popitem(last=False)
        for one in self._listening:
            try:
                attach(one, program(one.family, self.places) if self._shut else [])
            except OSError:  # closed by now, or no such filter here
                self._cannot = True
                self._shut.clear()
                return
        if self._shut:
            self._plan(max(next(iter(self._shut.values())) - now, LATER_SECONDS))


def _numeric(address: str) -> bool:
    try:
        ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return True
