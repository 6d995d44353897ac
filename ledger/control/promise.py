"""What a promise is made of."""

from __future__ import annotations

from collections.abc import Iterable
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


def table_of(promises: Iterable[Promise]) -> str:
    """Promises as a Markdown table: one row each, guards and tests as code."""
    head = [
        "| 编号 | 承诺 | 数据库防线 | 核验 (`ledger.control.checks`) | 故意破坏的测试 |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| {one.id} | {one.sentence} | {_code(one.guards)} | {_code(one.checks)} | {_code(one.tests)} |"
        for one in promises
    ]
    return "\n".join(head + rows)


def _code(names: tuple[str, ...]) -> str:
    return "<br>".join(f"`{name}`" for name in names)
