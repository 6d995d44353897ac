"""INV-11: prepared and reviewed by different persons; no cashier signs; a batch is approved by another than its maker."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label


def check_signers(snapshot: Snapshot) -> Iterator[Breach]:
    """Signers of entries, approvals and payee accounts, by person: two names of one person are one person."""
    for region, fund, period, seq, prepared, reviewed in snapshot.rows(
        """
        SELECT s.region, s.fund, s.period, s.seq, s.prepared_by, s.reviewed_by
          FROM (SELECT region, fund, prepared_by, reviewed_by, min(seq) AS seq, min(period) AS period FROM books.entry
                 GROUP BY region, fund, prepared_by, reviewed_by) s
          LEFT JOIN access.app_user maker ON maker.user_name = s.prepared_by
          LEFT JOIN access.app_user checker ON checker.user_name = s.reviewed_by
         WHERE checker.person IS NULL OR maker.person IS NULL AND s.prepared_by NOT LIKE 'rule:_%'
            OR maker.person = checker.person
         ORDER BY 1, 2, 4
        """
    ):
        message = f"制单{prepared}与复核{reviewed}不是系统内两个不同的人"
        yield Breach("INV-11", f"{region}-{fund}", seq_label(period, seq), message)
    for region, fund, actor, block, first in snapshot.rows(
        """
        SELECT b.region, b.fund, b.actor, min(b.block), min(b.first_seq) FROM books.block b
          LEFT JOIN access.app_user u ON u.user_name = b.actor
         WHERE u.user_name IS NULL
            OR EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user o ON o.user_name = r.user_name
                        WHERE r.region = b.region AND o.person = u.person AND r.role = 'cashier')
         GROUP BY b.region, b.fund, b.actor ORDER BY 1, 2, 5
        """
    ):
        message = f"区块{block}起由{actor}记账：不是系统内的人，或是出纳"
        yield Breach("INV-11", f"{region}-{fund}", f"seq {first}", message)
    for region, fund, batch, prepared, approved in snapshot.rows(
        """
        SELECT a.region, b.fund, a.batch_id, a.prepared_by, a.approved_by
          FROM payments.approval a JOIN payments.batch b ON b.region = a.region AND b.batch_id = a.batch_id
          LEFT JOIN access.app_user maker ON maker.user_name = a.prepared_by
          LEFT JOIN access.app_user checker ON checker.user_name = a.approved_by
         WHERE a.prepared_by <> b.prepared_by OR checker.person IS NULL OR maker.person IS NULL
            OR maker.person = checker.person
         ORDER BY 1, 2, 3
        """
    ):
        message = f"批次制单{prepared}与审批{approved}不是系统内两个不同的人，或与批次不符"
        yield Breach("INV-11", f"{region}-{fund}", f"batch {batch}", message)
    for region, institution, version in snapshot.rows(
        """
        SELECT p.region, p.institution, p.version FROM fund.payee_account p
          LEFT JOIN access.app_user maker ON maker.user_name = p.proposed_by
          LEFT JOIN access.app_user checker ON checker.user_name = p.confirmed_by
         WHERE p.state NOT IN ('proposed', 'withdrawn') AND (maker.person IS NULL OR checker.person IS NULL OR maker.person = checker.person)
         ORDER BY 1, 2, 3
        """
    ):
        message = "收款账户的提出与确认不是系统内两个不同的人"
        yield Breach("INV-11", str(region), f"payee {institution} v{version}", message)
