"""What a month's settlement has to take, and how far it goes (art. 19): findings, other deductions, then advances.

The order is that of fund.month_due: final findings, the oldest first; approved other deductions; daily money already
paid (in the formula itself); then advances, 按月预拨 before 集采 before 预付金. Each is taken as far as the month bears it,
and what is left over stands on the sheet and is brought forward on the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.core.errors import Conflict, NotFound
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.sheet import AmountDue, FindingDue, Key, SheetDue, SheetTaking


class MonthDue(NamedTuple):
    """One row of fund.month_due; fen."""

    kind: str
    reference: str
    key: Key | None
    """Of a finding; None where the pooled fund as a whole bears it."""
    brought: bool
    decided_fen: int
    before_fen: int

    @property
    def open_fen(self) -> int:
        """What is still to take."""
        return self.decided_fen - self.before_fen


def month_due(tx: Transaction, fund: int, institution: str, term: int) -> list[MonthDue]:
    """All that the settlement of `term` has to take, in the order in which it is taken."""
    return [
        MonthDue(kind, reference, None if key[1] is None else Key(*key), brought, decided, before)
        for kind, reference, *key, brought, decided, before in tx.rows(
            """SELECT kind, reference, subfund, service_year, term, category, brought, decided_fen, before_fen
                 FROM fund.month_due(%(region)s, %(fund)s::smallint, %(institution)s, %(term)s) ORDER BY n""",
            region=tx.region,
            fund=fund,
            institution=institution,
            term=term,
        )
    ]


def findings_of(
    due: Sequence[MonthDue], takings: Sequence[SheetTaking] | None, chosen: Mapping[str, int] | None
) -> list[FindingDue]:
    """The findings a sheet takes: all there are, those of a stored sheet, or those `chosen` (id to fen).

    Raises NotFound `finding.unknown`, Conflict `deduction.above_left` for one that is not due in that amount.
    """
    found = [
        FindingDue(row.reference, row.key, row.open_fen)
        for row in due
        if row.kind == "finding" and row.key is not None
    ]
    wanted = chosen if takings is None else _sums(takings, findings=True)
    if wanted is None:
        return found
    left = {finding.finding_id: finding.amount_fen for finding in found}
    for finding_id, amount in wanted.items():
        if finding_id not in left:
            raise NotFound("finding.unknown", f"没有可扣减的终审扣款{finding_id}", finding_id=finding_id)
        if not 0 < amount <= left[finding_id]:
            raise Conflict(
                "deduction.above_left",
                f"扣款{finding_id}尚余{yuan_grouped(left[finding_id])}元，不能扣减{yuan_grouped(amount)}元",
                finding_id=finding_id,
                left_fen=left[finding_id],
            )
    return [f._replace(amount_fen=wanted[f.finding_id]) for f in found if f.finding_id in wanted]


def amounts_of(due: Sequence[MonthDue], takings: Sequence[SheetTaking] | None) -> list[AmountDue]:
    """Other deductions, then offsets; of a stored sheet, those it names.

    Raises Conflict `month.changed` where one of those does not stand any more.
    """
    standing = {row.reference: row for row in due if row.kind != "finding"}
    if takings is None:
        return [AmountDue(row.kind, row.reference, row.open_fen) for row in standing.values()]
    wanted = _sums(takings, findings=False)
    for reference, amount in wanted.items():
        if reference not in standing or amount > standing[reference].open_fen:
            raise Conflict("month.changed", f"扣款或抵扣{reference}已有变动，请重新制单", reference=reference)
    return [AmountDue(row.kind, ref, wanted[ref]) for ref, row in standing.items() if ref in wanted]


def dues_of(due: Sequence[MonthDue], takings: Sequence[SheetTaking]) -> tuple[SheetDue, ...]:
    """What the sheet says of each: brought forward or new, decided, taken before, taken here."""
    taken: dict[tuple[str, str], int] = defaultdict(int)
    for taking in takings:
        taken[taking.kind, taking.reference] += taking.amount_fen
    return tuple(
        SheetDue(
            row.kind,
            row.reference,
            row.brought,
            row.decided_fen,
            row.before_fen,
            taken[row.kind, row.reference],
        )
        for row in due
    )


def _sums(takings: Sequence[SheetTaking], *, findings: bool) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for taking in takings:
        if (taking.kind == "finding") == findings:
            sums[taking.reference] += taking.amount_fen
    return sums
