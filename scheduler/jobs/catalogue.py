"""The jobs: what runs by itself, when, and what a slot is. People still draft, approve and send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Job:
    """A named job with its timetable; `often` jobs have a slot per start, others one per day."""

    name: str
    title: str
    hour: str
    minute: str
    often: bool
    work: Callable[[App, int, datetime], str]

    def trigger(self) -> CronTrigger:
        """When it starts, Asia/Shanghai."""
        return CronTrigger(hour=self.hour, minute=self.minute, timezone=SHANGHAI)

    def slot(self, moment: datetime) -> str:
        """Which run a start at `moment` is."""
        return moment.strftime("%Y-%m-%d %H:%M") if self.often else moment.strftime("%Y-%m-%d")


JOBS: Final = (
    Job("receipts", "取回单入账", "7-22", "*/10", True, take_receipts),
    Job("overdue", "催问逾期回单", "9", "30", False, ask_banks),
    Job("anchors", "链头存证", "*", "5", True, keep_anchors),
    Job("search", "凭证检索更新", "*", "*/10", True, take_in_entries),
    Job("alarms", "告警通知", "*", "*/5", True, tell_alarms),
    Job("check", "核验全部承诺", "23", "15", False, check_promises),
)
