"""L: what the machine can do at most. COPY of one header and its lines into bare tables, ready text, commit a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import psycopg

from benchmarks.world import BOOK, PAY_DAY, World
from ledger.core.entries import EntryDraft, section_of

BATCH: Final = 10_000

_ENTRY_COLUMNS: Final = (
    "region, fund, period, seq, series, vno, voucher_date, business_date, recorded_at, event, rule, source_key,"
    " reverses_seq, summary, evidence, evidence_digest, attachments, prepared_by, reviewed_by"
)
_LEG_COLUMNS: Final = "region, fund, period, seq, n, section, side, amount_fen, account, dim"


class Text(NamedTuple):
    """One batch as COPY text."""

    entries: int
    headers: bytes
    legs: bytes


class Limit:
    """The bare tables of a database and a connection to them."""

    def __init__(self, world: World) -> None:
        self._connection: psycopg.Connection[tuple[object, ...]] = world.connect()
        self._connection.execute("CREATE SCHEMA bench")
        self._connection.execute(
            "CREATE TABLE bench.entry (LIKE books.entry, PRIMARY KEY (region, fund, seq));"
            " ALTER TABLE bench.entry DROP COLUMN accounts, DROP COLUMN dims, DROP COLUMN amounts"
        )
        self._connection.execute(
            "CREATE TABLE bench.leg (region integer NOT NULL, fund smallint NOT NULL, period integer NOT NULL,"
            " seq bigint NOT NULL, n smallint NOT NULL, section smallint NOT NULL, side smallint NOT NULL,"
            " amount_fen bigint NOT NULL, account integer NOT NULL, dim integer NOT NULL,"
            " PRIMARY KEY (region, fund, seq, n))"
        )
        self._connection.commit()
        self._seq = 0

    def text(self, drafts: Sequence[EntryDraft]) -> list[Text]:
        """The drafts as rows of the journal, in batches; numbers go on from the last call."""
        batches = []
        for start in range(0, len(drafts), BATCH):
            part = drafts[start : start + BATCH]
            batches.append(_text(part, self._seq))
            self._seq += len(part)
        return batches

    def copy(self, batches: Sequence[Text]) -> None:
        """Two COPYs and a commit a batch."""
        for batch in batches:
            with self._connection.cursor().copy(f"COPY bench.entry ({_ENTRY_COLUMNS}) FROM STDIN") as copy:
                copy.write(batch.headers)
            with self._connection.cursor().copy(f"COPY bench.leg ({_LEG_COLUMNS}) FROM STDIN") as copy:
                copy.write(batch.legs)
            self._connection.commit()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _text(drafts: Sequence[EntryDraft], before: int) -> Text:
    key = f"{BOOK.region}\t{BOOK.fund}\t{PAY_DAY:%Y%m}"
    headers, legs = [], []
    for seq, draft in enumerate(drafts, before + 1):
        headers.append(
            f"{key}\t{seq}\t记\t{seq}\t{PAY_DAY}\t{draft.business_date}\t2026-10-13 09:00:00+08\t{draft.event}\t{draft.rule}"
            f"\t{draft.source_key}\t0\t{draft.summary}\t{draft.evidence}\t\\\\x{draft.evidence_digest.hex()}\t1"
            f"\t{draft.prepared_by}\t{draft.reviewed_by}\n"
        )
        for n, leg in enumerate(draft.legs, 1):
            section = int(section_of(leg.account))
            legs.append(
                f"{key}\t{seq}\t{n}\t{section}\t{int(leg.side)}\t{leg.amount_fen}\t{leg.account}\t{seq % 4000}\n"
            )
    return Text(len(drafts), "".join(headers).encode(), "".join(legs).encode())
