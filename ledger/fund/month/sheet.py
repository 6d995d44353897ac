"""The settlement sheet of one institution, book and 期号, as a computation on values (art. 19, memorandum.md 2 SET).

N = opening carry + round(F × ratio) − audit − other − offsets − paid daily, line by line; what the lines close in the
memorandum accounts gives the same figure as the balancing entry on 9103.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, NamedTuple

from ledger.core.entries import Dimensions
from ledger.core.errors import Conflict
from ledger.core.money import RATIO_ONE, share, yuan_grouped

POOL: Final = "pool"


class Key(NamedTuple):
    """The key of memorandum balances within one institution and book."""

    subfund: str
    service_year: int
    term: int
    category: str

    def dims(self, institution: str) -> Dimensions:
        """The key with its institution, as the journal has it."""
        return Dimensions(institution, *self)


class Declared(NamedTuple):
    """The declared, unsettled payables of one key and 清算类别; fen, reversals negative."""

    key: Key
    clr_type: str
    records: int
    fund_fen: int
    open_daily_fen: int
    """Daily payables in no order that was approved."""
    paid_daily_fen: int
    """Daily payables in paid orders, by record and not by payment month."""


class FindingDue(NamedTuple):
    """A final finding and what the sheet may take of it, in fen."""

    finding_id: str
    key: Key
    amount_fen: int


class AmountDue(NamedTuple):
    """Another deduction (`other`) or an offset (kind of advance), in fen; borne by the pooled fund."""

    kind: str
    reference: str
    amount_fen: int


class SheetTaking(NamedTuple):
    """What a sheet takes by a finding, deduction or advance, on line `n` (from 1)."""

    kind: str
    reference: str
    n: int
    amount_fen: int


class SheetDue(NamedTuple):
    """What a sheet had to take by one finding, deduction or advance, in fen: decided = before + taken + left."""

    kind: str
    reference: str
    brought: bool
    """Whether it stood on an earlier sheet of the institution; else it is new."""
    decided_fen: int
    before_fen: int
    taken_fen: int

    @property
    def left_fen(self) -> int:
        """What the next sheet has to take."""
        return self.decided_fen - self.before_fen - self.taken_fen


class KindDue(NamedTuple):
    """The same of one kind on a sheet: brought + new = taken + left."""

    kind: str
    brought_fen: int
    new_fen: int
    taken_fen: int
    left_fen: int


DAILY: Final = "daily"
"""Kind of what was paid ahead by the day, or overpaid in earlier months."""

KINDS: Final = ("finding", "other", DAILY, "preallocation", "supplier", "prepayment")
"""Kinds of deductions in the order in which a sheet takes them (art. 19)."""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line of a sheet; amounts in fen, signed."""

    key: Key
    clr_type: str
    ratio: int
    records: int = 0
    fund_fen: int = 0
    rounded_fen: int = 0
    audit_fen: int = 0
    other_fen: int = 0
    offset_fen: int = 0
    open_daily_fen: int = 0
    paid_daily_fen: int = 0
    month_open_fen: int = 0

    @property
    def retained_fen(self) -> int:
        """The deposit, by subtraction."""
        return self.fund_fen - self.rounded_fen

    @property
    def waiting_fen(self) -> int:
        """What stands in 9102 for its records."""
        return self.fund_fen - self.open_daily_fen - self.paid_daily_fen

    @property
    def room_fen(self) -> int:
        """The month's share left after deductions and offsets."""
        return self.rounded_fen - self.audit_fen - self.other_fen - self.offset_fen

    @property
    def result_fen(self) -> int:
        """Art. 19's formula."""
        return self.month_open_fen + self.room_fen - self.paid_daily_fen

    @property
    def posted_fen(self) -> int:
        """The balancing figure that SET credits to 9103: must be the formula without the opening carry."""
        closed = self.open_daily_fen + self.waiting_fen
        return closed - self.retained_fen - self.audit_fen - self.other_fen - self.offset_fen


@dataclass(frozen=True, slots=True)
class SheetFigures:
    """What a sheet says; two computations are the same sheet if these are equal."""

    month_ratio: int
    cutoff: date
    due_on: date
    records: int
    records_digest: bytes
    lines: tuple[SheetLine, ...]
    takings: tuple[SheetTaking, ...]
    dues: tuple[SheetDue, ...] = ()
    """In the order in which they are taken; sheets of release 0.2 have none."""

    @property
    def result_fen(self) -> int:
        """N, opening carry included."""
        return sum(line.result_fen for line in self.lines)

    def by_kind(self) -> list[KindDue]:
        """Brought forward, new, taken and left over of every kind, in the order in which they are taken.

        Of daily money: what it exceeded its months by is brought forward as the negative opening of 9103; new is what
        the sheet's records were paid by the day, and a month of more reversals than records; left is a negative result.
        """
        found = []
        for kind in KINDS:
            if kind == DAILY:
                found.append(self._daily())
                continue
            own = [due for due in self.dues if due.kind == kind]
            brought = sum(due.decided_fen - due.before_fen for due in own if due.brought)
            new = sum(due.decided_fen - due.before_fen for due in own if not due.brought)
            taken = sum(due.taken_fen for due in own)
            found.append(KindDue(kind, brought, new, taken, brought + new - taken))
        return found

    def _daily(self) -> KindDue:
        brought = max(0, -sum(line.month_open_fen for line in self.lines))
        new = max(0, sum(line.paid_daily_fen for line in self.lines))
        new += max(0, -sum(line.room_fen for line in self.lines))
        left = max(0, -self.result_fen)
        return KindDue(DAILY, brought, new, brought + new - left, left)


@dataclass(slots=True)
class Draft:
    """Lines under construction."""

    month_ratio: int
    lines: list[SheetLine] = field(default_factory=list)
    takings: list[SheetTaking] = field(default_factory=list)

    def add(self, n: int, kind: str, reference: str, amount_fen: int) -> None:
        """Put `amount_fen` on line `n` (from 0)."""
        field_name = {"finding": "audit_fen", "other": "other_fen"}.get(kind, "offset_fen")
        line = self.lines[n]
        self.lines[n] = replace(line, **{field_name: getattr(line, field_name) + amount_fen})
        self.takings.append(SheetTaking(kind, reference, n + 1, amount_fen))

    def left(self, subfund: str) -> int:
        """What deductions and offsets may still take of a sub-fund's month share."""
        return max(0, sum(line.room_fen for line in self.lines if line.key.subfund == subfund))

    def line_of(self, key: Key) -> int:
        """The line of a key with the most room; a new one without records where there is none."""
        found = [n for n, line in enumerate(self.lines) if line.key == key]
        if not found:
            self.lines.append(SheetLine(key, "", self.month_ratio if key.subfund == POOL else RATIO_ONE))
            return len(self.lines) - 1
        return max(found, key=lambda n: (self.lines[n].room_fen, -n))


def lines_of(declared: Iterable[Declared], month_ratio: int) -> list[SheetLine]:
    """One line per key and 清算类别, rounded per sub-fund and 清算类别 (procedure.md 3.4), personal accounts in full.

    The rounding of a group is shared by its lines: each is rounded alone and the biggest bears the difference.
    """
    groups: dict[tuple[str, str], list[Declared]] = defaultdict(list)
    for row in sorted(declared):
        groups[row.key.subfund, row.clr_type].append(row)
    lines = []
    for (subfund, clr_type), rows in sorted(groups.items()):
        ratio = month_ratio if subfund == POOL else RATIO_ONE
        rounded = [share(row.fund_fen, ratio) for row in rows]
        biggest = max(range(len(rows)), key=lambda n: (abs(rows[n].fund_fen), -n))
        rounded[biggest] += share(sum(row.fund_fen for row in rows), ratio) - sum(rounded)
        lines += [
            SheetLine(
                row.key,
                clr_type,
                ratio,
                row.records,
                row.fund_fen,
                fen,
                open_daily_fen=row.open_daily_fen,
                paid_daily_fen=row.paid_daily_fen,
            )
            for row, fen in zip(rows, rounded, strict=True)
        ]
    return lines


def compute(
    declared: Sequence[Declared],
    month_ratio: int,
    opening: Mapping[Key, int],
    findings: Sequence[FindingDue],
    amounts: Sequence[AmountDue],
    *,
    exact: bool,
    chosen: bool = False,
) -> tuple[tuple[SheetLine, ...], tuple[SheetTaking, ...]]:
    """The lines and takings of a sheet. `opening` is the balance of 9103 (credit positive) per key.

    Findings go on the line of their own key, other deductions and offsets on the pooled lines with the most room.
    Nothing is taken beyond what is left of the sub-fund's month share (offsets: nor beyond what is left to pay), so
    each is taken as far as it goes and the rest waits for a later month. With `exact` an amount that does not fit
    raises Conflict `deduction.above_left`; with `chosen` only a finding does.
    """
    draft = Draft(month_ratio, lines_of(declared, month_ratio))
    for finding in findings:
        left = draft.left(finding.key.subfund)
        taken = _fitting(finding.finding_id, finding.amount_fen, left, exact=exact or chosen)
        if taken:
            draft.add(draft.line_of(finding.key), "finding", finding.finding_id, taken)
    for due in amounts:
        left = draft.left(POOL) if due.kind == "other" else _payable(draft, opening)
        taken = _fitting(due.reference, due.amount_fen, left, exact=exact)
        if taken:
            _spread(draft, due._replace(amount_fen=taken))
    for key, fen in sorted(opening.items()):
        if fen:
            n = draft.line_of(key)
            draft.lines[n] = replace(draft.lines[n], month_open_fen=fen)
    return tuple(draft.lines), tuple(sorted(draft.takings))


def _fitting(reference: str, wanted: int, left: int, *, exact: bool) -> int:
    if exact and wanted > left:
        raise Conflict(
            "deduction.above_left",
            f"扣款或抵扣{reference}的{yuan_grouped(wanted)}元超过本期余额{yuan_grouped(left)}元，请分期扣减",
            reference=reference,
            left_fen=left,
        )
    return min(wanted, left)


def _payable(draft: Draft, opening: Mapping[Key, int]) -> int:
    """What an offset may take: the pooled month share still to be paid, less a debt carried from earlier months."""
    paid = sum(line.paid_daily_fen for line in draft.lines if line.key.subfund == POOL)
    carried = sum(fen for key, fen in opening.items() if key.subfund == POOL)
    return max(0, draft.left(POOL) - max(0, paid) + min(0, carried))


def _spread(draft: Draft, due: AmountDue) -> None:
    """Over the pooled lines with records, those with the most room first."""
    rest = due.amount_fen
    order = sorted(
        (n for n, line in enumerate(draft.lines) if line.key.subfund == POOL and line.room_fen > 0),
        key=lambda n: (-draft.lines[n].room_fen, n),
    )
    for n in order:
        part = min(rest, draft.lines[n].room_fen)
        if part:
            draft.add(n, due.kind, due.reference, part)
            rest -= part


def expensed(lines: Sequence[SheetLine], advance: Mapping[Key, int]) -> dict[Key, int]:
    """P1: which part of 1101-日拨付 becomes expense with this sheet, per key (memorandum.md 2 SET).

    Over the institution's sheet, because that is where results are netted in one payment:
    Σ = min(Σ advance, Σ of round(F·r) − a − o − x over pooled lines); `advance` is 1101 of the declared records and
    what earlier settlements left over. What stays behind stays with the keys that were overpaid, this sheet's first.
    """
    room: dict[Key, int] = defaultdict(int)
    for line in lines:
        if line.key.subfund == POOL:
            room[line.key] += line.room_fen
    found = {key: advance.get(key, 0) for key in [*room, *sorted(set(advance) - set(room), reverse=True)]}
    rest = max(0, sum(found.values()) - sum(room.values()))
    for key in found:
        stays = min(rest, max(0, found[key] - room.get(key, 0)))
        found[key] -= stays
        rest -= stays
    return {key: fen for key, fen in found.items() if fen}
