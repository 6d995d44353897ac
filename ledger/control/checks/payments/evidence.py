"""INV-13: every payment entry names a receipt that is there, unchanged, and used once.

RCV and RTN are what orders book; PAY-ADV is the rule of advances, whose entry must rest on a receipt too.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.digests import EvidenceRow, evidence_digest


def check_evidence(snapshot: Snapshot) -> Iterator[Breach]:
    """Evidence rows against their digests, then RCV and RTN entries against evidence, both ways."""
    for row in snapshot.each(
        """
        SELECT v.account, v.kind, v.receipt_no, v.file_sha256, v.direction, v.booking_date::text, v.amount_fen, v.other_account,
               v.other_name, v.order_no, v.bank_reference, v.is_return, v.reason_code, v.reason, v.region, v.digest,
               e.fund, e.period, e.seq, e.series, e.vno
          FROM payments.evidence v
          LEFT JOIN books.entry e ON e.region = v.region AND e.event IN ('RCV', 'RTN', 'PAY-ADV')
               AND e.evidence = v.kind || ':' || v.receipt_no AND e.evidence_digest = v.digest
         ORDER BY v.region, v.account, v.kind, v.receipt_no, v.direction
        """
    ):
        facts = snapshot.open_row(row[:14])
        if facts is None:
            snapshot.pass_over()
        elif evidence_digest(EvidenceRow(*facts)) != row[15]:
            book = f"{row[14]}-{row[16]}" if row[16] else str(row[14])
            entry = seq_label(*row[17:21]) if row[18] else f"evidence {row[1]}:{row[2]}"
            yield Breach("INV-13", book, entry, f"回单{row[1]}:{row[2]}与其摘要不符，已被改动")
    for region, fund, period, seq, series, vno, event, name in snapshot.rows(
        """
        SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno, e.event, e.evidence FROM books.entry e
         WHERE e.event IN ('RCV', 'RTN', 'PAY-ADV') AND NOT EXISTS (
               SELECT 1 FROM payments.evidence v WHERE v.region = e.region AND v.outcome = 'posted'
                  AND v.kind || ':' || v.receipt_no = e.evidence AND v.digest = e.evidence_digest)
         ORDER BY 1, 2, 4
        """
    ):
        message = f"{event}凭证所依据的回单{name or '（未写明）'}不存在、未标为已记账，或内容已不同"
        yield Breach("INV-13", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for region, name, used in snapshot.rows(
        """
        SELECT v.region, v.kind || ':' || v.receipt_no, string_agg(e.fund || ' seq ' || e.seq, '、' ORDER BY e.seq)
          FROM payments.evidence v
          LEFT JOIN books.entry e ON e.region = v.region AND e.event IN ('RCV', 'RTN', 'PAY-ADV')
               AND e.evidence = v.kind || ':' || v.receipt_no AND e.evidence_digest = v.digest
         GROUP BY v.region, v.account, v.kind, v.receipt_no, v.direction, v.outcome
        HAVING count(e.seq) <> (v.outcome = 'posted')::int ORDER BY 1, 2
        """
    ):
        message = (
            f"回单应恰好支持一张凭证，实有：{used or '无'}"
            if used is None or "、" in used
            else f"未标为已记账的回单支持了凭证{used}"
        )
        yield Breach("INV-13", str(region), f"evidence {name}", message)
