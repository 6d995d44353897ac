"""INV-05: every business key stands for one entry (that every entry has its key, `chain` sees on its way)."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label


def check_sources(snapshot: Snapshot) -> Iterator[Breach]:
    """Business keys whose entry is missing or carries another key."""
    for region, fund, period, seq, key in snapshot.rows(
        """
        SELECT s.region, s.fund, s.period, s.seq, s.source_key FROM books.source s
         WHERE NOT EXISTS (SELECT 1 FROM books.entry e WHERE e.region = s.region AND e.fund = s.fund
                              AND e.period = s.period AND e.seq = s.seq AND e.source_key = s.source_key)
         ORDER BY 1, 2, 4
        """
    ):
        yield Breach("INV-05", f"{region}-{fund}", seq_label(period, seq), f"业务键{key}没有对应的凭证")
