"""Processor time of the service and of the database's backends behind it: what a page costs whoever else is at work here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.world import World

_PROC: Final = Path("/proc")
_BACKENDS: Final = ("postgres: fundledger_", "postgres: parallel worker")
"""Of the server's processes, those that answer somebody; not what cleans up meanwhile."""


class Processor:
    """Milliseconds on a processor so far, of one service with its children and of the backends of the server it asks."""

    def __init__(self, world: World, service: int) -> None:
        self._service = service
        self._server = int((world.home / "pg" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        self._watched: list[int] = []
        self.look()

    def look(self) -> None:
        """See which processes there are now: what begins after it is not counted until the next look."""
        children = _children()
        backends = [one for one in children.get(self._server, ()) if _title(one).startswith(_BACKENDS)]
        self._watched = [self._service, *_below(self._service, children), *backends]

    def ms(self) -> float:
        """All together. What ended in between is not in it."""
        return sum(map(_ran_ms, self._watched))


def _children() -> dict[int, list[int]]:
    """Every process by its parent."""
    found: dict[int, list[int]] = {}
    for place in _PROC.iterdir():
        if place.name.isdigit():
            try:
                after_name = (place / "stat").read_text().rpartition(")")[2]
            except OSError:  # ended meanwhile
                continue
            found.setdefault(int(after_name.split()[1]), []).append(int(place.name))
    return found


def _below(parent: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(parent, ()):
        yield child
        yield from _below(child, children)


def _title(process: int) -> str:
    try:
        return (_PROC / str(process) / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _ran_ms(process: int) -> float:
    """Of all its threads, to the nanosecond."""
    ran = 0
    try:
        for thread in (_PROC / str(process) / "task").iterdir():
            ran += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        pass
    return ran / 1e6
