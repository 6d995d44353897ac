"""The one table of what raises an alarm, from which age or count on, how grave it is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

_SECONDS: Final = {"秒": 1, "小时": 3_600, "天": 86_400, "次": 1}


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """A row: raised once what it measures is `after` units or more. `severity` is `warning` or `critical`."""

    kind: str
    severity: str
    after: int
    unit: str
    what: str
    ask: str
    whom: tuple[str, ...]
    """The posts it concerns: codes of `user.role`."""

    @property
    def threshold(self) -> int:
        """In seconds, or in times."""
        return self.after * _SECONDS[self.unit]


@lru_cache(1)
def table() -> Mapping[str, AlarmKind]:
    """Every kind, in the order of the file."""
    text = (files(__package__) / "alarms.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return {
        row[0]: AlarmKind(row[0], row[1], int(row[2]), row[3], row[4], row[5], tuple(row[6].split(",")))
        for row in rows
    }
