"""Preparing a month's settlement sheet (arts. 13–20): what is declared and waits for settlement, computed and stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ledger.core.errors import Conflict
from ledger.db.connections import Engine
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.month.read import MonthScope, read_figures
from ledger.fund.month.store import MonthSheet, read_sheet, sheets_of, store_draft


def prepare(
    engine: Engine,
    user: str,
    region: int,
    scope: MonthScope,
    day: date,
    deduct: Mapping[str, int] | None = None,
) -> MonthSheet:
    """Draft the settlement sheet of `scope` on `day`; nothing is posted.

    Every final finding, approved deduction and due offset is taken as far as it fits; `deduct` (finding id to fen)
    chooses the findings instead. Prepared again without a change the same draft is the answer, with a change a new
    version replaces it; where everything declared is settled, the last approved sheet is the answer.
    Raises Conflict `month.not_declared`, `month.withdrawn`, `month.not_audited`, `month.reconciliation_open`,
    `month.not_recognised`, `month.in_flight`, `deduction.above_left`; NotFound `month.no_enrolment`,
    `finding.unknown`; InvalidInput `month.term`, `calendar.unknown_year`; Forbidden `access.role_missing`.
    """
    with unit_of_work(engine, user, region) as tx:
        return prepare_in(tx, scope, day, deduct)


def prepare_in(
    tx: Transaction, scope: MonthScope, day: date, deduct: Mapping[str, int] | None = None
) -> MonthSheet:
    """`prepare` within a transaction of its region."""
    # One after another, so that two makers do not make two versions of one sheet.
    hold(tx, Lock.PREPARE_MONTH, f"{tx.region}-{scope.fund}-{scope.institution}-{scope.term}")
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=scope.fund,
    )
    figures = read_figures(tx, scope, None, deduct)
    if figures is None:
        settled = sheets_of(tx, scope, "approved")
        if settled:
            return settled[-1]
        raise _not_declared(tx, scope)
    for draft in sheets_of(tx, scope, "draft"):
        if draft.figures == figures:
            return draft
    return read_sheet(tx, store_draft(tx, scope, figures, day))


def _not_declared(tx: Transaction, scope: MonthScope) -> Conflict:
    withdrawn = tx.value(
        "SELECT max(declaration_id) FROM fund.declaration WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND term = %(term)s AND withdrawn",
        region=tx.region,
        **scope._asdict(),
    )
    if withdrawn:
        return Conflict(
            "month.withdrawn", f"{scope}的申报{withdrawn}已撤回，须重新申报", declaration=withdrawn
        )
    return Conflict("month.not_declared", f"{scope}没有待结算的申报")
