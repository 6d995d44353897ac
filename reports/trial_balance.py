"""科目余额表: every leaf account × dimensions with opening, turnovers and closing, balanced in each section."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from ledger.books.reading import Cut, LeafRow, cut, leaf_rows, require_period
from ledger.core.entries import Book, Section
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from reports.wording import (
    SECTION_KEYS,
    SECTION_NAMES,
    SIGN,
    cut_object,
    dimension_object,
    direction,
)

if TYPE_CHECKING:
    from moneyed import Money


class BalanceColumns(NamedTuple):
    """The four columns of money a row or a line of totals is shown with; opening and closing are debit-positive."""

    opening: Money
    debit: Money
    credit: Money
    closing: Money


def columns_of(row: LeafRow) -> BalanceColumns:
    """A row's money as it is handed over to be shown."""
    return _columns(row.opening_fen, row.debit_fen, row.credit_fen, row.closing_fen)


def carried_columns(row: LeafRow | BalanceTotals) -> tuple[Money, Money]:
    """What closing entries moved (结转) on both sides, as it is handed over to be shown."""
    from ledger.core.cny import to_money

    return to_money(row.carried_debit_fen), to_money(row.carried_credit_fen)


def _columns(*fen: int) -> BalanceColumns:
    from ledger.core.cny import to_money

    return BalanceColumns(*map(to_money, fen))


@dataclass(frozen=True, slots=True)
class BalanceTotals:
    """Column sums in fen; openings and closings split into rows that stand in debit and rows that stand in credit."""

    opening_debit_fen: int
    opening_credit_fen: int
    debit_fen: int
    credit_fen: int
    closing_debit_fen: int
    closing_credit_fen: int
    carried_debit_fen: int = 0
    carried_credit_fen: int = 0

    @classmethod
    def of(cls, rows: Iterable[LeafRow]) -> BalanceTotals:
        """The sums over rows."""
        opening_debit = opening_credit = debit_sum = credit_sum = closing_debit = closing_credit = 0
        carried_debit = carried_credit = 0
        for _, _, opening, debit, credit, closing, carried, carried_back in rows:
            debit_sum += debit
            credit_sum += credit
            carried_debit += carried
            carried_credit += carried_back
            if opening > 0:
                opening_debit += opening
            else:
                opening_credit -= opening
            if closing > 0:
                closing_debit += closing
            else:
                closing_credit -= closing
        return cls(
            opening_debit,
            opening_credit,
            debit_sum,
            credit_sum,
            closing_debit,
            closing_credit,
            carried_debit,
            carried_credit,
        )

    @property
    def balanced(self) -> bool:
        """Whether debit equals credit in openings, turnovers, what was carried to 3001, and closings."""
        return (
            self.opening_debit_fen == self.opening_credit_fen
            and self.debit_fen == self.credit_fen
            and self.carried_debit_fen == self.carried_credit_fen
            and self.closing_debit_fen == self.closing_credit_fen
        )

    def columns(self) -> BalanceColumns:
        """The totals as they are handed over to be shown: of balanced openings and closings, the debit's sum."""
        return _columns(self.opening_debit_fen, self.debit_fen, self.credit_fen, self.closing_debit_fen)

    def as_json(self) -> dict[str, str]:
        """Fen as strings."""
        sums = {name: str(getattr(self, name)) for name in self.__dataclass_fields__}
        return {name: fen for name, fen in sums.items() if not (name.startswith("carried") and fen == "0")}


def carried_object(row: LeafRow) -> dict[str, str]:
    """What closing entries moved on a row (结转), which is no 发生额; nothing where nothing was closed."""
    if not (row.carried_debit_fen or row.carried_credit_fen):
        return {}
    return {
        "carried_debit_fen": str(row.carried_debit_fen),
        "carried_credit_fen": str(row.carried_credit_fen),
    }


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The report: `rows` are leaves in code order; period and as_of None mean all to date."""

    book: Book
    period: int | None
    as_of: date | None
    known: Cut
    rows: Sequence[LeafRow]
    sections: dict[Section, BalanceTotals]
    totals: BalanceTotals

    @property
    def carried(self) -> bool:
        """Whether anything was closed to 3001, so that two more columns say what."""
        return any(row.carried_debit_fen or row.carried_credit_fen for row in self.rows)

    def as_json(self) -> dict[str, object]:
        """The contract's object. Money is a string of integer fen; opening and closing are debit-positive."""
        return {
            "book": str(self.book),
            "period": None if self.period is None else str(self.period),
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "known_at": cut_object(self.known),
            "sign": SIGN,
            "rows": [
                {
                    "code": str(row.account),
                    "name": row.name,
                    "dimensions": dimension_object(row.asked, row.dims),
                    "section": SECTION_KEYS[Section(row.section)],
                    "side": direction(row.closing_fen),
                    "opening_fen": str(row.opening_fen),
                    "debit_fen": str(row.debit_fen),
                    "credit_fen": str(row.credit_fen),
                    "closing_fen": str(row.closing_fen),
                    **carried_object(row),
                }
                for row in self.rows
            ],
            "totals": {
                **self.totals.as_json(),
                "sections": {SECTION_KEYS[key]: value.as_json() for key, value in self.sections.items()},
            },
        }


def trial_balance(
    tx: Transaction,
    book: Book,
    period: int | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> TrialBalance:
    """The trial balance of vouchers dated <= `as_of` as known at `known_at` (INV-06).

    Raises NotFound `book.unknown`, `period.unknown`; Conflict `report.unbalanced` when a section does not balance: the books
    are damaged, `verify` says where, and no total is printed.
    """
    known = cut(tx, book, known_at)
    if period is not None:
        require_period(tx, book, period)
    rows = leaf_rows(tx, book, period, as_of, known)
    sections = {
        section: BalanceTotals.of(row for row in rows if row.section == section) for section in Section
    }
    for section, totals in sections.items():
        if not totals.balanced:
            raise Conflict(
                "report.unbalanced",
                f"账套{book}{SECTION_NAMES[section]}试算不平衡，请执行verify",
                book=str(book),
                section=SECTION_KEYS[section],
                **totals.as_json(),
            )
    return TrialBalance(book, period, as_of, known, rows, sections, BalanceTotals.of(rows))
