"""The lines of a book and month added up by account and dimension, by two connections of the snapshot at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book

LANES: Final = 2


class Sum(NamedTuple):
    """Of one account on one side and one dimension: how many lines, and what they come to there, in fen."""

    lines: int
    fen: int


Sums = dict[tuple[int, int], Sum]
"""By account, negative for its credit side, and dimension number."""


def sum_lines(snapshot: Snapshot, book: Book, period: int) -> Sums:
    """Every line of the month, read from the entries and not from any index of theirs."""
    keys: dict[str, object] = {"region": book.region, "fund": book.fund, "period": period}
    # Two look-ups: min() and max() in one SELECT read every entry.
    first, last = snapshot.rows(
        "SELECT (SELECT seq FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " ORDER BY seq LIMIT 1),"
        " (SELECT seq FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " ORDER BY seq DESC LIMIT 1)",
        **keys,
    )[0]
    if first is None:
        return {}
    step = (last - first) // LANES + 1
    starts = range(first, last + 1, step)
    with ThreadPoolExecutor(LANES) as lanes:
        parts = lanes.map(
            lambda lane, start: _sum(snapshot, lane, {**keys, "first": start, "next": start + step}),
            range(LANES),
            starts,
        )
        sums: Sums = {}
        for rows in parts:
            if not sums:
                sums = {(account, dim): Sum(lines, fen) for account, dim, lines, fen in rows}
                continue
            for account, dim, lines, fen in rows:
                key = account, dim
                found = sums.get(key)
                sums[key] = Sum(lines, fen) if found is None else Sum(found[0] + lines, found[1] + fen)
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
