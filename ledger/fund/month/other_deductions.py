"""Other deductions of a month (art. 19): proposed by one person, approved by another, taken by a sheet or letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.month.due import term_days
from ledger.fund.month.read import MonthScope


@dataclass(frozen=True, slots=True)
class OtherDeduction:
    """What is to be deducted besides audit findings, in fen; `reason` names the document it rests on."""

    deduction_id: str
    scope: MonthScope
    reason: str
    amount_fen: int


def propose_deduction(engine: Engine, user: str, region: int, deduction: OtherDeduction) -> None:
    """Enter a deduction as its proposer. Raises InvalidInput `deduction.amount`, `deduction.reason`, `month.term`,
    `db.constraint`; Conflict `db.duplicate`; Forbidden `access.role_missing` (maker, accountant).
    """
    with unit_of_work(engine, user, region) as tx:
        propose_deduction_in(tx, deduction)


def propose_deduction_in(tx: Transaction, deduction: OtherDeduction) -> None:
    """`propose_deduction` within a transaction of its region."""
    term_days(deduction.scope.term)
    if deduction.amount_fen <= 0:
        raise InvalidInput("deduction.amount", f"扣款{deduction.deduction_id}的金额应大于零")
    if not deduction.reason.strip():
        raise InvalidInput("deduction.reason", f"扣款{deduction.deduction_id}须说明依据")
    tx.run(
        "INSERT INTO fund.other_deduction (region, fund, deduction_id, institution, term, reason, amount_fen, prepared_by)"
        " VALUES (%(region)s, %(fund)s, %(id)s, %(institution)s, %(term)s, %(reason)s, %(amount)s, %(user)s)",
        region=tx.region,
        id=deduction.deduction_id,
        reason=deduction.reason,
        amount=deduction.amount_fen,
        user=tx.user,
        **deduction.scope._asdict(),
    )


def approve_deduction(engine: Engine, user: str, region: int, deduction_id: str, day: date) -> None:
    """Approve a deduction as another person. Raises NotFound `deduction.unknown`; Forbidden `deduction.same_person`."""
    with unit_of_work(engine, user, region) as tx:
        approve_deduction_in(tx, deduction_id, day)


def approve_deduction_in(tx: Transaction, deduction_id: str, day: date) -> None:
    """`approve_deduction` within a transaction of its region."""
    sign_decision(tx, "fund.other_deduction", [deduction_id], day)
    found = tx.run(
        "UPDATE fund.other_deduction SET approved_by = %(user)s,"
        " approved_on = CASE approved_by WHEN '' THEN %(day)s ELSE approved_on END WHERE region = %(region)s AND deduction_id = %(id)s",
        region=tx.region,
        id=deduction_id,
        user=tx.user,
        day=day,
    )
    if not found:
        raise NotFound("deduction.unknown", f"没有其他扣款{deduction_id}", deduction_id=deduction_id)


def take_deductions(tx: Transaction, paper: str, taken: Mapping[str, int]) -> None:
    """Note what an approved sheet or signed letter took of approved deductions (id to fen), as the paper lists it.

    Raises Conflict `deduction.taken` (another amount than the paper's, or more than is left), `settlement.none`;
    NotFound `deduction.unknown`; Forbidden `access.role_missing` (maker, checker or system).
    """
    for deduction_id, fen in taken.items():
        tx.run(
            "SELECT fund.take_deduction(%(region)s, %(id)s, %(paper)s, %(fen)s)",
            region=tx.region,
            id=deduction_id,
            paper=paper,
            fen=fen,
        )
