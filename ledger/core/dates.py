"""Business dates, periods and the calendar of working days. No rule ever asks the machine for the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from ledger.core.errors import InvalidInput

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Where business dates come from; a year can be simulated by another clock."""

    def today(self) -> date:
        """The business date in Asia/Shanghai."""


class SystemClock:
    """The machine's date in Asia/Shanghai."""

    def today(self) -> date:
        """The machine's date in Asia/Shanghai."""
        return datetime.now(SHANGHAI).date()


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, for a run dated by its caller."""

    day: date

    def today(self) -> date:
        """The day it was made with."""
        return self.day


def period_of(day: date) -> int:
    """The accounting period of a voucher date: 2026-10-13 to 202610."""
    return day.year * 100 + day.month


def parse_day(text: str) -> date:
    """`YYYY-MM-DD` to a date; raises InvalidInput `date.format`."""
    try:
        if len(text) != 10 or not text.isascii():
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            "date.format", f"日期“{text[:20]}”不合规：应为YYYY-MM-DD", value=text[:20]
        ) from None


@dataclass(frozen=True)
class Calendar:
    """Working days by published table: `special` holds the days that differ from Monday-to-Friday.

    `years` are the years whose table is known; a date in any other year is refused, never guessed.
    """

    years: frozenset[int]
    special: Mapping[date, bool]

    def is_working_day(self, day: date) -> bool:
        """Whether banks work that day; raises InvalidInput `calendar.unknown_year`."""
        if day.year not in self.years:
            raise InvalidInput(
                "calendar.unknown_year", f"{day.year}年节假日安排尚未导入，不能推算工作日", year=day.year
            )
        return self.special.get(day, day.weekday() < 5)

    def next_working_day(self, day: date) -> date:
        """`day` itself if banks work that day, else the first working day after it."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day


def next_month(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)
