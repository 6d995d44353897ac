"""The worked year: one institution's events from the first record to the clearing receipt, as data, ruled by `apply`.

The facts lie in `data/worked_year.csv`; what is posted of them is the rulebook's word alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from itertools import groupby
from typing import Final

from ledger.core.dates import parse_day
from ledger.core.entries import EMPLOYEE_FUND, Dimensions
from ledger.core.errors import InvalidInput
from ledger.rules.interpret import apply, rule_of
from ledger.rules.values import Item, RuledEntry, Sheet
from ledger.rules.vocabulary import ITEM

FUND: Final = EMPLOYEE_FUND
"""The fund whose chart the worked year is booked in."""

_FILE: Final = "worked_year.csv"


@dataclass(frozen=True, slots=True)
class WorkedEvent:
    """One event of the worked year, before any rule has seen it."""

    seq: int
    day: date
    event: str
    """The rulebook's event, e.g. `RCV.daily`."""
    happened: str
    """What happened, in an accountant's words."""
    items: tuple[Item, ...] | tuple[Sheet, ...]

    def ruled(self, policy: str) -> RuledEntry:
        """The entry the rulebook writes of it under P1 or P2; raises what `apply` raises."""
        return apply(
            self.event,
            policy,
            FUND,
            self.items,
            bank_account="支出户",
            fiscal_account="财政专户",
            year=self.day.year,
        )


def worked_year(text: str | None = None) -> tuple[WorkedEvent, ...]:
    """The events in order, from the packaged file (or `text` of the same columns).

    Rows of one `seq` are the items of one event. Raises InvalidInput `rules.file` for a fact the event's shape does
    not have, a figure that is not whole fen, or rows of one event that differ in more than key and facts.
    """
    content = text or (files("ledger.rules") / "data" / _FILE).read_text(encoding="utf-8")
    return tuple(_events(csv.DictReader(content.splitlines(), strict=True)))


def _events(rows: csv.DictReader[str]) -> Iterator[WorkedEvent]:
    for seq, group in groupby(rows, key=lambda row: row["seq"]):
        found = list(group)
        head = {(row["date"], row["event"], row["happened"]) for row in found}
        if len(head) > 1:
            raise _bad(seq, "happened", found[-1]["happened"])
        ((day, event, happened),) = head
        items = tuple(_item(row) for row in found)
        yield WorkedEvent(int(seq), parse_day(day), event, happened, items)  # type: ignore[arg-type]


def _item(row: Mapping[str, str]) -> Item | Sheet:
    shape = Item if rule_of(row["event"], "P1").event.shape == ITEM else Sheet
    dims = Dimensions(
        row["institution"], row["subfund"], int(row["service_year"]), int(row["term"]), row["category"]
    )
    facts: dict[str, int] = {}
    for word in row["facts"].split():
        name, _, figure = word.partition("=")
        field = name if name == "source" else f"{name}_fen"
        if field not in shape._fields or field in facts or not figure.removeprefix("-").isdecimal():
            raise _bad(row["seq"], "facts", word)
        facts[field] = int(figure)
    return shape(dims, **facts)


def _bad(seq: str, field: str, value: str) -> InvalidInput:
    return InvalidInput(
        "rules.file", f"{_FILE}第{seq}号事件：{field}“{value}”不合规", field=field, value=value
    )
