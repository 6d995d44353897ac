"""Business dates, periods and the calendar of working days. No rule ever asks the machine for the time."""

from __future__ import annotations

import calendar
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
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


def moment_of(clock: Clock) -> datetime:
    """A moment for time stamps and time tables: the clock's day, the machine's time of day, Asia/Shanghai."""
    return datetime.combine(clock.today(), datetime.now(SHANGHAI).time(), SHANGHAI)


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still, for a run dated by its caller."""

    day: date

    def today(self) -> date:
        """The day it was made with."""
        return self.day


@dataclass(frozen=True)
class FileClock:
    """A clock that a file sets: its one line is the day. Every process of a practice home follows the same file."""

    file: Path

    def today(self) -> date:
        """The day the file names now; raises InvalidInput `clock.file` where it names none."""
        try:
            return parse_day(self.file.read_text(encoding="utf-8").strip())
        except (OSError, ValueError, InvalidInput):
            raise InvalidInput(
                "clock.file", f"时钟文件{self.file}应只有一行日期YYYY-MM-DD", file=str(self.file)
            ) from None


def period_of(day: date) -> int:
    """The accounting period of a voucher date: 2026-10-13 to 202610."""
    return day.year * 100 + day.month


def last_day_of(period: int) -> date:
    """The end of a month `yyyymm`; raises InvalidInput `period.format`."""
    year, month = divmod(period, 100)
    if not (1 <= month <= 12 and 1900 <= year <= 9999):
        raise InvalidInput("period.format", f"会计期间“{period}”应为YYYYMM", period=period)
    return date(year, month, calendar.monthrange(year, month)[1])


def days_asked(period: int | None, first: date | None, last: date | None) -> tuple[date, date]:
    """The days of a list: of a month `yyyymm`, from a day, to a day, whatever of it is said; else all there can be.

    Raises InvalidInput `period.format`.
    """
    since, until = first or date(2000, 1, 1), last or date(2099, 12, 31)
    if period is None:
        return since, until
    return max(since, date(period // 100, period % 100, 1)), min(until, last_day_of(period))


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

    def after_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`: the one way in which terms of working days are counted.

        The day itself does not count (次日起), and a Saturday or Sunday worked to make up for a holiday (调休上班) does: the
        State Council's notice makes it a working day, and no article says otherwise. Used for
        - art. 6 (with 17, 20): a month is paid within 20 working days from the day after the declaration cut-off;
        - art. 18: the days in which an institution may appeal (`fund.after_working_days`, the same in the database).
        Days that the articles count as such are calendar days: two days from discharge (art. 6), T+3 for a receipt
        (art. 11), the 8th and the 10th of a month (arts. 17, 20; the 8th moves on by `next_working_day`).
        Raises InvalidInput `calendar.unknown_year`.
        """
        while count > 0:
            day += timedelta(days=1)
            count -= self.is_working_day(day)
        return day


def next_month(day: date) -> date:
    """The first day of the month after `day`'s."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def machine_seconds() -> float:
    """This machine's own clock, in seconds since 1970: for stamps that others check and for comparing clocks, never for a business date."""
    return time.time()


def machine_moment() -> datetime:
    """The machine's own moment, in UTC to the second: when a person signed. No rule reads it but to compare two clocks."""
    return datetime.now(UTC).replace(microsecond=0)
