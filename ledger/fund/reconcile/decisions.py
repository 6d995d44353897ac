"""Decisions on differences: proposed by a maker, confirmed by another person; both stay on the difference."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.reconcile.details import DetailResult, differences, lock_line, result_of, settle_line


def propose_decision(
    tx: Transaction, run_id: str, setl_id: str, decision: str, reason: str, on: date
) -> None:
    """A maker says what shall become of a difference: `ours` (our record stands) or `out` (it is not declared).

    Raises InvalidInput `difference.decision`, `difference.reason`; NotFound `difference.unknown`; Conflict
    `difference.decided`; Forbidden `access.role_missing`.
    """
    if decision not in {"ours", "out"}:
        raise InvalidInput("difference.decision", f"处理“{decision[:20]}”应为ours或out")
    if not reason.strip():
        raise InvalidInput("difference.reason", f"结算{setl_id}的差异处理须说明理由")
    touched = tx.run(
        """UPDATE fund.difference SET decision = %(decision)s, reason = %(reason)s, proposed_by = %(user)s, proposed_on = %(on)s
            WHERE region = %(region)s AND run_id = %(run_id)s AND setl_id = %(setl_id)s""",
        region=tx.region,
        run_id=run_id,
        setl_id=setl_id,
        decision=decision,
        reason=reason,
        user=tx.user,
        on=on,
    )
    if not touched:
        raise NotFound("difference.unknown", f"对账批次{run_id}没有结算{setl_id}的差异")


def confirm_decisions(tx: Transaction, run_id: str, setl_ids: Sequence[str], on: date) -> DetailResult:
    """A second person confirms what was proposed for these differences; the line may become agreed.

    Confirmed already by the same user is answered as then. Raises NotFound `difference.unknown`; Conflict
    `difference.not_proposed`, `difference.decided`; Forbidden `difference.same_person`.
    """
    result = result_of(tx, run_id)
    lock_line(tx, result.scope)
    known = {found.setl_id: found for found in differences(tx, run_id)}
    for setl_id in setl_ids:
        if setl_id not in known:
            raise NotFound("difference.unknown", f"对账批次{run_id}没有结算{setl_id}的差异")
        if not known[setl_id].decision:
            raise Conflict("difference.not_proposed", f"结算{setl_id}的差异还没有人提出处理")
    tx.run(
        """UPDATE fund.difference SET confirmed_by = %(user)s, confirmed_on = %(on)s
            WHERE region = %(region)s AND run_id = %(run_id)s AND setl_id = ANY(%(setl_ids)s) AND confirmed_by <> %(user)s""",
        region=tx.region,
        run_id=run_id,
        setl_ids=list(setl_ids),
        user=tx.user,
        on=on,
    )
    latest = tx.row(
        """SELECT l.run_id, r.digest FROM fund.reconciliation l JOIN fund.reconcile_run r USING (region, run_id)
            WHERE l.region = %(region)s AND l.run_id = %(run_id)s""",
        region=tx.region,
        run_id=run_id,
    )
    if latest is not None:
        settle_line(tx, result.scope, run_id, bytes(latest[1]))
    return result_of(tx, run_id)
