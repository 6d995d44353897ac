"""INV-12: what a dimension number means is chained too, and every block names the end of that chain."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot


def check_dimensions(snapshot: Snapshot) -> Iterator[Breach]:
    """The chain of each region's dimensions, its head, and the links the blocks saw."""
    region, last, link = 0, 0, b""
    for row in snapshot.each(
        "SELECT region, dim, counterparty, subfund, service_year, term, category, hash FROM books.dim ORDER BY region, dim"
    ):
        if row[0] != region:
            region, last = row[0], 0
            link = sha256(f"fundledger dimensions {region}".encode()).digest()
        expected = sha256(link + "|".join(map(str, row[1:7])).encode()).digest()
        if row[1] != last + 1:
            yield Breach("INV-12", str(region), f"dim {last + 1}", "辅助核算编号不连续，有编号被删除")
        elif row[7] != expected:
            yield Breach("INV-12", str(region), f"dim {row[1]}", "辅助核算编号的含义与其链不符，已被改动")
        last, link = row[1], row[7]
    for where, dim in snapshot.rows(
        """
        SELECT coalesce(h.region, d.region), coalesce(h.dim, d.dim) FROM books.dim_head h
          FULL JOIN (SELECT DISTINCT ON (region) region, dim, hash FROM books.dim ORDER BY region, dim DESC) d ON d.region = h.region
         WHERE h.dim IS DISTINCT FROM coalesce(d.dim, 0)
            OR h.hash <> coalesce(d.hash, sha256(convert_to('fundledger dimensions ' || h.region, 'UTF8')))
         ORDER BY 1
        """
    ):
        yield Breach("INV-12", str(where), f"dim {dim}", "辅助核算链尾与最后一个编号不符，或已被删除")
    for where, fund, block, first in snapshot.rows(
        """
        SELECT b.region, b.fund, b.block, b.first_seq FROM books.block b
          LEFT JOIN books.dim d ON d.region = b.region AND d.dim = b.dim_last
         WHERE b.dim_hash <> coalesce(d.hash, sha256(convert_to('fundledger dimensions ' || b.region, 'UTF8')))
            OR d.dim IS NULL AND b.dim_last <> 0
         ORDER BY 1, 2, 3
        """
    ):
        yield Breach("INV-12", f"{where}-{fund}", f"seq {first}", f"区块{block}所记的辅助核算链与现有的不同")
