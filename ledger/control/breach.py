"""What `verify` has to say: one broken promise at one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise. `book` is `420100-310`, or the region, or "" where no book is concerned."""

    promise: str
    """`INV-01` … `INV-14`, or the tie `T1` … `T9`."""
    book: str
    entry: str
    """The exact entry as `seq 7 (记-202610-7)`, or the record, order, file or balance it is about."""
    message: str
    """A Chinese sentence for the reviewer."""
    code: str = ""
    """What kind of finding, for programs, where several kinds share a promise: `house.widened`, `trace.gap`, `anchor.cut`."""
