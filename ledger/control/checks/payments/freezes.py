"""INV-11: what froze a region's payments was lifted by two persons known here, with the paper it was reconciled by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

_LIFTED: Final = """
    SELECT f.region, f.n, f.code FROM payments.freezing f
      LEFT JOIN access.app_user a ON a.user_name = f.proposed_by LEFT JOIN access.app_user b ON b.user_name = f.lifted_by
     WHERE f.state = 'lifted' AND (a.person IS NULL OR b.person IS NULL OR a.person = b.person OR f.document = '') ORDER BY 1, 2
"""
_OPEN: Final = (
    "SELECT region, count(*) FROM payments.freezing WHERE state <> 'lifted' GROUP BY region ORDER BY region"
)


def check_freezes(snapshot: Snapshot) -> Iterator[Breach]:
    """Lifted signs against their persons; those still open are told beside the result."""
    for region, n, code in snapshot.rows(_LIFTED):
        yield Breach(
            "INV-11", str(region), f"freeze {n}", f"支付冻结（{code}）的解除没有依据，或不是两个不同的人"
        )
    for region, count in snapshot.rows(_OPEN):
        snapshot.waiting[f"统筹区{region}的支付冻结（待与银行核对后由两人解除）"] = count
