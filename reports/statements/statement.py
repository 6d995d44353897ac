"""会社保01 and 会社保02 of a book for a month or a year, filled together, since each is proof of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger.books.account_months import AccountMonths, account_months
from ledger.books.reading import Cut, cut
from ledger.books.sub_accounts import book_accounts
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction
from reports.statements.articulation import Check, checks_of
from reports.statements.filling import Filled, fill
from reports.statements.notes import Note, notes_of
from reports.statements.rows import FORM_TITLES, Form, rows_of
from reports.statements.span import FigureColumn, Span, columns_of, require_span
from reports.statements.taken import with_taken_over
from reports.statements.waivers import Waived, waived
from reports.wording import cut_object


@dataclass(frozen=True, slots=True)
class FilledForm:
    """One form, filled. Figures in fen."""

    form: Form
    columns: tuple[FigureColumn, FigureColumn]
    rows: Sequence[Filled]

    def fen(self, key: str) -> tuple[int, ...]:
        """A row's figures by its key."""
        return next(filled.fen for filled in self.rows if filled.row.key == key)


@dataclass(frozen=True, slots=True)
class Statements:
    """Both forms of one span, how they tie, and the notes."""

    book: Book
    book_name: str
    span: Span
    as_of: date | None
    known: Cut
    states: Mapping[int, str]
    forms: Mapping[Form, FilledForm]
    checks: Sequence[Check]
    notes: Sequence[Note]
    waived: Sequence[Waived]
    months: AccountMonths

    @property
    def holds(self) -> bool:
        """Whether everything ties."""
        return all(check.holds for check in self.checks)

    def as_json(self, form: Form) -> dict[str, object]:
        """One form as an object. Money is a string of integer fen."""
        shown = self.forms[form]
        return {
            "statement": f"会社保{form}",
            "title": FORM_TITLES[form],
            "book": str(self.book),
            "book_name": self.book_name,
            "period": None if self.span.yearly else str(self.span.last),
            "year": str(self.span.year),
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "known_at": cut_object(self.known),
            "periods": {str(period): state for period, state in self.states.items()},
            "rows": [
                {
                    "row": filled.n,
                    "name": filled.row.name,
                    **{column.key: str(fen) for column, fen in zip(shown.columns, filled.fen, strict=True)},
                    "printed": filled.row.printed,
                    "level": filled.row.level,
                    "codes": list(filled.row.codes),
                    "reading": filled.row.reading,
                    "article": filled.row.article,
                }
                for filled in shown.rows
            ],
            "totals": self._totals(form),
            "articulation": {"holds": self.holds, "checks": [check.as_json() for check in self.checks]},
            "notes": [note.as_json() for note in self.notes],
            "waived": [one.as_json() for one in self.waived],
        }

    def _totals(self, form: Form) -> dict[str, str]:
        shown = self.forms[form]
        if form is Form.SHEET:
            opening, closing = 0, 1
            return {
                "assets_fen": str(shown.fen("assets")[closing]),
                "liabilities_fen": str(shown.fen("liabilities")[closing]),
                "net_assets_fen": str(shown.fen("net_assets")[closing]),
                "liabilities_and_net_assets_fen": str(shown.fen("both")[closing]),
                "opening_assets_fen": str(shown.fen("assets")[opening]),
                "opening_liabilities_and_net_assets_fen": str(shown.fen("both")[opening]),
            }
        totals = {}
        for place, column in enumerate(shown.columns):
            of = column.key.removesuffix("_fen")
            totals[f"{of}_income_fen"] = str(self._added("income", place))
            totals[f"{of}_expense_fen"] = str(self._added("expense", place))
            totals[f"{of}_surplus_fen"] = str(shown.fen("surplus")[place])
        return totals

    def _added(self, what: str, place: int) -> int:
        """Income or expense of the whole fund: one row, or that of both sub-funds."""
        keys = {what, f"pool_{what}", f"account_{what}"}
        return sum(filled.fen[place] for filled in self.forms[Form.INCOME].rows if filled.row.key in keys)


def statements(
    tx: Transaction,
    book: Book,
    span: Span,
    *,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Statements:
    """Both statements from vouchers of the span's months (dated <= `as_of`) as known at `known_at`.

    The same figures for ever: pass the printed `known_at.recorded_at` again. Raises NotFound `book.unknown`,
    `period.unknown`. What does not tie is told in `checks`, with the vouchers at fault; nothing is left out of the sums.
    """
    known = cut(tx, book, known_at)
    states = require_span(tx, book, span)
    name = tx.value(
        "SELECT name FROM books.book WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    months = with_taken_over(tx, book, account_months(tx, book, known, span.last, as_of))
    forms = {}
    for form in Form:
        columns = columns_of(form, span)
        rows = rows_of(form, book.fund, yearly=span.yearly)
        forms[form] = FilledForm(form, columns, fill(rows, columns, months))
    figures = {form: {filled.row.key: filled for filled in shown.rows} for form, shown in forms.items()}
    checks = checks_of(tx, book, span, as_of, known, months, figures)
    names = {one.account: one.name for one in book_accounts(tx, book)}
    notes = notes_of(months, span, book.fund, names)
    told = waived(tx, book, span, known)
    return Statements(book, name, span, as_of, known, states, forms, checks, notes, told, months)
