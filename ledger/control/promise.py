"""What a promise is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the ledger. `docs/promises.md` and `fundledger verify --promises` print this table."""

    id: str
    """`INV-01` … `INV-14`."""
    sentence: str
    """What is promised, in one Chinese sentence for the reviewer."""
    guards: tuple[str, ...]
    """What in the database refuses to break it: a function, or `NAME ON TABLE` for a trigger, constraint or policy."""
    checks: tuple[str, ...]
    """Modules below `ledger.control.checks` that look for it being broken, as `journal.chain`."""
    tests: tuple[str, ...]
    """Tests that break it on purpose, at its guards or behind them."""


def as_code(names: tuple[str, ...]) -> str:
    """Names one below the other in a cell of a Markdown table."""
    return "<br>".join(f"`{name}`" for name in names)
