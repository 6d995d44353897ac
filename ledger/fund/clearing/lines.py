"""The values of a letter: one line a key, what it takes, its rows (附件3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.fund.clearing.scope import PARTS, ROWS, LetterScope
from ledger.fund.month.sheet import Key


class LetterTaking(NamedTuple):
    """A finding, other deduction or advance (its kind) the letter takes, in fen."""

    kind: str
    reference: str
    key: Key | None
    """None: borne by the key with the most money."""
    amount_fen: int


@dataclass(frozen=True, slots=True)
class LetterLine:
    """One key of a letter; fields as in fund.letter_line, amounts in fen."""

    key: Key
    claimed_fen: int = 0
    late_fen: int = 0
    surplus_before: int = 0
    surplus_fen: int = 0
    audit_before: int = 0
    audit_fen: int = 0
    forfeited_before: int = 0
    forfeited_fen: int = 0
    other_before: int = 0
    other_fen: int = 0
    borne_before: int = 0
    borne_fen: int = 0
    offset_fen: int = 0
    """Advances the letter settles: money the institution has, so row 7."""
    paid_fen: int = 0
    refunded_fen: int = 0
    open_daily_fen: int = 0
    waiting_fen: int = 0
    month_open_fen: int = 0
    retained_fen: int = 0
    advance_fen: int = 0
    owed_before: int = 0

    @property
    def row_fen(self) -> dict[int, int]:
        """Rows 1, 2, 4–9 of the form for this key."""
        rows = {
            1: self.claimed_fen - self.late_fen,
            2: self.audit_before + self.audit_fen,
            4: self.forfeited_before + self.forfeited_fen,
            5: self.other_before + self.other_fen + self.borne_before + self.borne_fen - self.surplus_before - self.surplus_fen,
        }  # fmt: skip
        rows[6] = rows[1] - rows[2] - rows[4] - rows[5]
        rows[7], rows[8] = self.paid_fen + self.offset_fen, self.refunded_fen
        rows[9] = rows[6] - rows[7] + rows[8]
        return rows

    @property
    def result_fen(self) -> int:
        """What CLR credits to 9106: its balancing figure (memorandum.md 2)."""
        closed = self.open_daily_fen + self.waiting_fen + self.month_open_fen + self.retained_fen
        taken = self.audit_fen + self.forfeited_fen + self.other_fen + self.borne_fen + self.late_fen
        return closed + self.surplus_fen - taken - self.offset_fen


@dataclass(frozen=True, slots=True)
class LetterFigures:
    """What a letter says; two computations are the same letter if these are equal."""

    scope: LetterScope
    grade: str
    lines: tuple[LetterLine, ...]
    takings: tuple[LetterTaking, ...]
    late: tuple[tuple[str, str, int], ...]
    """Records not declared in time: setl_id, sub-fund, fen."""
    open_terms: frozenset[int] = field(default_factory=frozenset)
    """期号 in which documented late records wait for the next clearing: they stay open."""

    def rows(self) -> dict[tuple[int, str], int]:
        """(row, part) to fen, every part of the form."""
        found = {(row, part): 0 for row in ROWS for part in PARTS}
        for line in self.lines:
            for row, fen in line.row_fen.items():
                found[row, line.key.subfund] += fen
        return found

    def row(self, number: int) -> int:
        """A row's total in fen."""
        return sum(line.row_fen[number] for line in self.lines)
