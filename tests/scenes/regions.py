"""One transaction, one region: what a database's rows say of the transactions that wrote them.

Users and keys belong to no region. What a region's act leaves in their chain of traces, or notes of its anchors, is region 0's
by number only and is left out here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_TABLES: Final = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region' AND NOT a.attisdropped
     WHERE n.nspname IN ('access', 'books', 'fund', 'jobs', 'payments') AND c.relkind = 'r'
     ORDER BY 1"""


def transactions_of_two_regions(ask: Callable[[str], Any]) -> list[tuple[Any, ...]]:
    """Transactions whose rows, as they stand now, name two regions, with the tables they wrote; region 0 counts as one."""
    tables = [name for (name,) in ask(_TABLES)]
    assert "fund.record" in tables
    written = " UNION ALL ".join(
        f"SELECT xmin::text AS x, region, '{name}' AS name FROM {name}"
        + (" WHERE region > 0" if name.startswith("access.trace") else "")
        for name in tables
    )
    found = ask(
        f"SELECT x, array_agg(DISTINCT region ORDER BY region), array_agg(DISTINCT name ORDER BY name) FROM ({written}) w"
        " GROUP BY x HAVING count(DISTINCT region) > 1 ORDER BY 1"
    )
    return [tuple(row) for row in found]
