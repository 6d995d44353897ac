"""Whether the demo may run here and now: alone in its home, on a day the banks are open. Asked before anything is written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

from ledger.bootstrap import App
from ledger.core.errors import Conflict
from ledger.db.cluster import cluster_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.ordering.draft import require_open_banks
from ledger.fund.region.calendar import read_calendar, shipped_calendar
from ledger.settings import USERS_FILE, Settings
from ledger.simulation.people import DEMO_PEOPLE, DEMO_REGION

LOCK: Final = "demo.lock"


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """The demo's lock on its home, whose database is started; it falls with the process, however that ends.

    Raises Conflict `demo.running`, and what starting the database raises.
    """
    home = settings.home
    if settings.database_url is None:
        cluster_of(settings).start()  # asks whether the home is fit, and makes it
    home.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock: a forked reader would inherit it
        except BlockingIOError:
            raise Conflict(
                "demo.running",
                f"数据目录{home}中已有一个演示在运行：请等它结束，或用FUNDLEDGER_HOME另选目录",
                home=str(home),
            ) from None
        yield
    finally:
        os.close(handle)


def require_demo_day(settings: Settings, pay_date: date) -> None:
    """Raises InvalidInput `daily.not_working_day`, `calendar.unknown_year`: by the shipped tables, or, in a home founded
    before, by the calendar in force there, which may know later years.
    """
    calendar = shipped_calendar()
    if pay_date.year not in calendar.years and (settings.home / USERS_FILE).is_file():
        app = App(settings, next(person.user for person in DEMO_PEOPLE if person.role == "maker"))
        try:
            with unit_of_work(app.engine, app.user, DEMO_REGION) as tx:
                calendar = read_calendar(tx)
        finally:
            app.close()
    require_open_banks(calendar, pay_date, "daily")
