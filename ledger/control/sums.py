"""The lines of a book and month added up by account and dimension, by two connections of the snapshot at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book

LANES: Final = 2


class Sum(NamedTuple):
    """Of one account and dimension: how many lines, and what they come to on each side, in fen."""

    lines: int
    debit_fen: int
    credit_fen: int

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(*(a + b for a, b in zip(self, other, strict=True)))


def sum_lines(snapshot: Snapshot, book: Book, period: int) -> dict[tuple[int, int], Sum]:
    """Every line of the month, by (account, dimension number); read from the entries, not from any index of theirs."""
    keys: dict[str, object] = {"region": book.region, "fund": book.fund, "period": period}
    first, last = snapshot.rows(
        "SELECT min(seq), max(seq) FROM books.entry"
        " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
        **keys,
    )[0]
    if first is None:
        return {}
    step = (last - first) // LANES + 1
    sums: dict[tuple[int, int], Sum] = {}
    with ThreadPoolExecutor(LANES) as lanes:
        for rows in lanes.map(
            lambda lane: _sum(
                snapshot, lane, {**keys, "first": first + lane * step, "next": first + (lane + 1) * step}
            ),
            range(LANES),
        ):
            for account, dim, lines, fen in rows:
                part = Sum(lines, fen, 0) if account > 0 else Sum(lines, 0, fen)
                key = abs(account), dim
                sums[key] = sums[key].plus(part) if key in sums else part
    return sums


def _sum(snapshot: Snapshot, lane: int, keys: dict[str, object]) -> list[tuple[int, int, int, int]]:
    # The three arrays opened side by side in the SELECT: as a join with unnest() it takes twice as long.
    return (
        snapshot.streams[lane]
        .execute(
            """
        SELECT account, dim, count(*), sum(fen)::bigint
          FROM (SELECT unnest(accounts) AS account, unnest(dims) AS dim, unnest(amounts) AS fen FROM books.entry
                 WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s
                   AND seq >= %(first)s AND seq < %(next)s) lines
         GROUP BY account, dim
        """,
            keys,
        )
        .fetchall()
    )
