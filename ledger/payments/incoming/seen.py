"""What lies in a bank's folder as it was taken: no file is fetched twice, and none that was replaced is overlooked.

A bank may keep one file and write it anew under its name with the same length. The folder's listing gives size and times of
all files in one question, so another time is noticed at once, and the bank's `.ok` then says whether the bytes are others.
Where a folder tells no times or keeps the old ones, the `.ok` alone tells: each poll asks for a few, first those never
asked, then the longest ago, so that all of them come round. Only the `.ok` is read for that, never the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from adapters.banks.ports import Channel, RemoteFile
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.files import GOES_ON

ASKED_PER_POLL: Final = 20
"""`.ok` files read of files that look unchanged; a thousand come round in fifty polls."""


class Sighting(NamedTuple):
    """How a file lay there when it was last looked at; of one taken before this was kept, every size and digest it had."""

    sizes: frozenset[int]
    stamp: str
    digests: frozenset[bytes]
    asked: int


class Look(NamedTuple):
    """A file as it lies there now, and the bytes it stands for; `asked` is the turn its digest was asked for, 0 never."""

    file: RemoteFile
    digest: bytes
    asked: int


class Found(NamedTuple):
    """What is to be fetched, and what was looked at and is known."""

    fetch: list[RemoteFile]
    seen: list[Look]


def sightings(tx: Transaction, account: str) -> dict[str, Sighting]:
    """By name, every file of the account taken before."""
    rows = tx.rows(
        "SELECT name, ARRAY[size], stamp, ARRAY[sha256], asked FROM payments.inbound_seen"
        " WHERE region = %(region)s AND account = %(account)s"
        " UNION ALL SELECT n.name, array_agg(n.size), '', array_agg(n.sha256), 0 FROM payments.inbound_name n"
        " WHERE n.region = %(region)s AND n.account = %(account)s AND NOT EXISTS (SELECT 1 FROM payments.inbound_seen s"
        "  WHERE s.region = n.region AND s.account = n.account AND s.name = n.name) GROUP BY n.name",
        region=tx.region,
        account=account,
    )
    return {
        name: Sighting(frozenset(sizes), stamp, frozenset(map(bytes, digests)), asked)
        for name, sizes, stamp, digests, asked in rows
    }


def look(channel: Channel, waiting: Sequence[RemoteFile], seen: Mapping[str, Sighting]) -> Found:
    """Which of the waiting files are new or were replaced; raises Unavailable `bank.*` where the line breaks."""
    found = Found([], [])
    changed: list[RemoteFile] = []
    same: list[RemoteFile] = []
    for file in waiting:
        known = seen.get(file.name)
        if known is None or file.size not in known.sizes:
            found.fetch.append(file)
        elif known.stamp and file.stamp and known.stamp != file.stamp:
            changed.append(file)
        else:
            same.append(file)
    turn = 1 + max((known.asked for known in seen.values()), default=0)
    same.sort(key=lambda file: (seen[file.name].asked, file.name))
    for file in changed:
        stated = _stated(channel, file.name)
        _judge(found, file, stated, seen[file.name], turn, fetch=True)
    for file in same[:ASKED_PER_POLL]:
        stated = _stated(channel, file.name)
        _judge(found, file, stated, seen[file.name], turn, fetch=stated is not None)
    found.fetch.sort(key=lambda file: file.name)
    return found


def _judge(
    found: Found, file: RemoteFile, stated: bytes | None, known: Sighting, turn: int, *, fetch: bool
) -> None:
    """The same bytes are only noted; others, or with `fetch` those of which the bank says nothing, are fetched."""
    if stated is not None and stated in known.digests:
        found.seen.append(Look(file, stated, turn))
    elif fetch:
        found.fetch.append(file)


def _stated(channel: Channel, name: str) -> bytes | None:
    try:
        return channel.stated(name)
    except LedgerError as refusal:
        if refusal.code not in GOES_ON:
            raise
        return None


def keep_sightings(tx: Transaction, account: str, looks: Sequence[Look]) -> None:
    """Note how the files lie there; the last look at a name counts."""
    last = {one.file.name: one for one in looks}
    tx.run(
        "INSERT INTO payments.inbound_seen (region, account, name, size, stamp, sha256, asked)"
        " SELECT %(region)s, %(account)s, * FROM unnest(%(names)s::text[], %(sizes)s::bigint[], %(stamps)s::text[],"
        "  %(digests)s::bytea[], %(asked)s::bigint[])"
        " ON CONFLICT (region, account, name) DO UPDATE SET size = excluded.size, stamp = excluded.stamp,"
        "  sha256 = excluded.sha256, asked = excluded.asked",
        region=tx.region,
        account=account,
        names=list(last),
        sizes=[one.file.size for one in last.values()],
        stamps=[one.file.stamp for one in last.values()],
        digests=[one.digest for one in last.values()],
        asked=[one.asked for one in last.values()],
    )
