"""What a statement is of: a month or a year, and the columns its figures stand in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from ledger.books.reading import require_period
from ledger.core.dates import next_month
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from reports.statements.rows import Form


class Span(NamedTuple):
    """A month of a year, or the whole year (`month` 0)."""

    year: int
    month: int

    @property
    def yearly(self) -> bool:
        """Whether it is the year's statement."""
        return self.month == 0

    @property
    def first(self) -> int:
        """The year's first month, yyyymm."""
        return self.year * 100 + 1

    @property
    def last(self) -> int:
        """The last month in it, yyyymm."""
        return self.year * 100 + (self.month or 12)

    @property
    def before(self) -> int:
        """The last month of the year before, yyyymm."""
        return self.year * 100 - 88

    @property
    def end(self) -> date:
        """The day it is of, as printed in its head."""
        return next_month(date(self.year, self.month or 12, 1)) - timedelta(days=1)

    @property
    def text(self) -> str:
        """As printed: `2026年` or `2026年10月`."""
        return f"{self.year}年" if self.yearly else f"{self.year}年{self.month}月"


class FigureColumn(NamedTuple):
    """One column of figures: turnovers from `first` to `last`, balances at the end of `last`; months yyyymm."""

    key: str
    title: str
    first: int
    last: int
    from_start: bool
    """Whether it runs from the year's beginning, so that what was brought over of the year belongs to it."""


def span_of(period: int | None, year: int | None) -> Span:
    """A month (yyyymm) or a year; raises InvalidInput `statement.span` unless exactly one is given."""
    if period is not None and year is None:
        return Span(period // 100, period % 100)
    if year is None or period is not None:
        raise InvalidInput("statement.span", "报表请指明会计期间（月报）或年度（年报），二者取一")
    if not 2000 <= year <= 2099:
        raise InvalidInput("statement.span", f"年度{year}不合规：应为2000至2099", value=str(year))
    return Span(year, 0)


def columns_of(form: Form, span: Span) -> tuple[FigureColumn, FigureColumn]:
    """Both columns of a form: 年初 and 期末; 本月 and 本年累计; of the year 本年 and 上年 (28号, part five)."""
    year = FigureColumn(
        "year_fen", "本年数" if span.yearly else "本年累计数", span.first, span.last, from_start=True
    )
    if form is Form.SHEET:
        opening = FigureColumn("opening_fen", "年初余额", span.first, span.before, from_start=True)
        return opening, FigureColumn("closing_fen", "期末余额", span.first, span.last, from_start=True)
    if span.yearly:
        return year, FigureColumn("last_year_fen", "上年数", span.first - 100, span.before, from_start=True)
    return FigureColumn("month_fen", "本月数", span.last, span.last, from_start=False), year


def require_span(tx: Transaction, book: Book, span: Span) -> dict[int, str]:
    """The states of its months; raises NotFound `period.unknown` for one this book never opened."""
    if not span.yearly:
        require_period(tx, book, span.last)
    states: dict[int, str] = dict(
        tx.rows(
            "SELECT period, state FROM books.period WHERE region = %(region)s AND fund = %(fund)s"
            " AND period BETWEEN %(first)s AND %(last)s ORDER BY period",
            region=book.region,
            fund=book.fund,
            first=span.first,
            last=span.last,
        )
    )
    if not states:
        raise NotFound(
            "period.unknown", f"账套{book}没有开启过{span.year}年的会计期间", book=str(book), period=span.year
        )
    return states
