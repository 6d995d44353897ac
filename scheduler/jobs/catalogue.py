"""The jobs: what runs by itself, when, and what a slot is. People still draft, approve and send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI
from scheduler.jobs.alarms import tell_alarms
from scheduler.jobs.anchors import keep_anchors
from scheduler.jobs.check import check_promises
from scheduler.jobs.overdue import ask_banks
from scheduler.jobs.receipts import take_receipts
from scheduler.jobs.search import take_in_entries

CATCH_UP_DAYS: Final = 31
"""How far back missed days are made up for."""


@dataclass(frozen=True, slots=True)
class Job:
    """A named job with its timetable; `often` jobs have a slot per start, others one per day."""

    name: str
    title: str
    hour: str
    minute: str
    often: bool
    work: Callable[[App, int, datetime], str]
    each_day: bool = False
    """Whether what it does depends on its day: then every missed day is made up for, else the last."""

    def trigger(self) -> CronTrigger:
        """When it starts, Asia/Shanghai."""
        return CronTrigger(hour=self.hour, minute=self.minute, timezone=SHANGHAI)

    def slot(self, moment: datetime) -> str:
        """Which run a start at `moment` is."""
        return moment.strftime("%Y-%m-%d %H:%M") if self.often else moment.strftime("%Y-%m-%d")

    def missed(self, last: date | None, moment: datetime) -> list[datetime]:
        """The starts of a daily job after the day `last` that should have been by `moment`, in their order; at most a month."""
        if last is None or self.often:
            return []
        hour = time(int(self.hour), int(self.minute), tzinfo=SHANGHAI)
        first = max(last + timedelta(days=1), moment.date() - timedelta(days=CATCH_UP_DAYS))
        days = (first + timedelta(days=n) for n in range((moment.date() - first).days + 1))
        due = [at for day in days if (at := datetime.combine(day, hour)) <= moment]
        return due if self.each_day else due[-1:]


JOBS: Final = (
    Job("receipts", "取回单入账", "7-22", "*/10", True, take_receipts),
    Job("overdue", "催问逾期回单", "9", "30", False, ask_banks, each_day=True),
    Job("anchors", "链头存证", "*", "5", True, keep_anchors),
    Job("search", "凭证检索更新", "*", "*/10", True, take_in_entries),
    Job("alarms", "告警通知", "*", "*/5", True, tell_alarms),
    Job("check", "核验全部承诺", "23", "15", False, check_promises),
)
