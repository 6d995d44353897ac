"""INV-11, INV-12: a signed control report is what its digest says, and its signer is a person known here, after the month."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

_WRONG: Final = """
    SELECT c.region, c.month, c.digest <> sha256(convert_to(c.content, 'UTF8')), u.person IS NULL,
           c.signed_on < make_date(c.month / 100, c.month % 100, 1) + interval '1 month',
           (c.content::jsonb ->> 'month') IS DISTINCT FROM c.month::text OR (c.content::jsonb ->> 'region') IS DISTINCT FROM c.region::text
        OR (c.content::jsonb ->> 'seed') IS DISTINCT FROM c.seed
      FROM fund.control_report c LEFT JOIN access.app_user u ON u.user_name = c.signed_by ORDER BY 1, 2
"""


def check_control_reports(snapshot: Snapshot) -> Iterator[Breach]:
    """Every signed report."""
    for region, month, changed, stranger, early, other in snapshot.rows(_WRONG):
        where = f"control {month}"
        if changed:
            yield Breach("INV-12", str(region), where, "签署的内控报告与其摘要不符，已被改动")
        if other:
            yield Breach("INV-12", str(region), where, "签署的内控报告所载统筹区、月份或种子与登记的不同")
        if stranger or early:
            yield Breach("INV-11", str(region), where, "内控报告的签署人不是系统内的人，或签署早于月末")
