"""What a job is: its timetable, its slots, and what people are told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book

CATCH_UP_DAYS: Final = 31
"""How far back missed days are made up for."""
OFF: Final = "off"
Work = Callable[[App, int, datetime], str]
BookWork = Callable[[App, Book, datetime], str]
AtOf = Callable[[date], str]
"""The time of day of a daily job on a day, `HH:MM`, or OFF: a region's dated choice."""


@dataclass(frozen=True, slots=True)
class Job:
    """A named job with its timetable; `often` jobs have a slot per start, others one per day, or one per day and book."""

    name: str
    title: str
    hour: str
    """`*`, `7-22`, or of a daily job the hour."""
    minute: str
    """`*/10`, or a minute."""
    work: Work | None = None
    book_work: BookWork | None = None
    """Instead of `work`: once a book."""
    often: bool = False
    each_day: bool = False
    """Whether what it does depends on its day: then every missed day is made up for, else the last."""
    month_day: int = 0
    """The day of the month of a monthly job."""
    one_region: bool = False
    """Whether it concerns the whole home: then the worker does it for its first region only."""
    needs: str = ""
    deadline: str = ""
    raises: str = ""
    """What people are told when it fails."""

    @property
    def usual(self) -> str:
        """The time of day of a daily job where the region chose none."""
        return f"{int(self.hour):02d}:{int(self.minute):02d}"

    @property
    def when(self) -> str:
        """Its timetable in words, where the region chose none."""
        if not self.often:
            return (f"每月{self.month_day}日" if self.month_day else "每日") + self.usual
        each = f"每{self.minute[2:]}分钟" if self.minute.startswith("*/") else f"每小时{int(self.minute)}分"
        return each if self.hour == "*" else f"{self.hour.replace('-', '至')}时{each}"

    def slot(self, moment: datetime) -> str:
        """Which run a start at `moment` is."""
        return moment.strftime("%Y-%m-%d %H:%M") if self.often else moment.strftime("%Y-%m-%d")

    def start_by(self, moment: datetime) -> datetime | None:
        """The last start of an `often` job in the hour of `moment`; None where there was none yet."""
        first, _, last = self.hour.partition("-")
        if self.hour != "*" and not int(first) <= moment.hour <= int(last or first):
            return None
        step = int(self.minute[2:]) if self.minute.startswith("*/") else 0
        minute = moment.minute // step * step if step else int(self.minute)
        return None if minute > moment.minute else moment.replace(minute=minute, second=0, microsecond=0)

    def missed(self, last: date | None, moment: datetime, at: AtOf) -> list[datetime]:
        """The starts of a daily job after the day `last` that should have been by `moment`, in their order; at most a month."""
        if last is None or self.often:
            return []
        first = max(last + timedelta(days=1), moment.date() - timedelta(days=CATCH_UP_DAYS))
        days = (first + timedelta(days=n) for n in range((moment.date() - first).days + 1))
        due = [start for day in days if (start := self._start(day, at)) is not None and start <= moment]
        return due if self.each_day else due[-1:]

    def next_start(self, moment: datetime, at: AtOf) -> datetime | None:
        """The first start after `moment`; None where the region lets the job be."""
        if self.often:
            whole = moment.replace(second=0, microsecond=0)
            starts = (whole + timedelta(minutes=n) for n in range(1, 24 * 60 + 1))
            return next((one for one in starts if self.start_by(one) == one), None)
        days = (moment.date() + timedelta(days=n) for n in range(CATCH_UP_DAYS + 1))
        found = (start for day in days if (start := self._start(day, at)) is not None and start > moment)
        return next(found, None)

    def _start(self, day: date, at: AtOf) -> datetime | None:
        if self.month_day and day.day != self.month_day:
            return None
        said = at(day)
        return None if said == OFF else datetime.combine(day, time.fromisoformat(said), SHANGHAI)
