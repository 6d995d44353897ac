"""The people who do the work of a simulated region, each with the app under its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time
from typing import Final

from ledger.bootstrap import App, OwnBank
from ledger.settings import Settings
from ledger.simulation.people import DEMO_PEOPLE, DEMO_REGION

FILED_AT: Final = time(9)


@dataclass(frozen=True, slots=True)
class Staff:
    """The app under each of the demo's people."""

    intake: App
    maker: App
    checker: App
    cashier: App
    accountant: App
    chief: App
    system: App


def bank_of(app: App) -> Callable[[str], OwnBank]:
    """The demo region's banks under one user."""
    return lambda account: app.bank(DEMO_REGION, account)


@contextmanager
def staffed(settings: Settings) -> Iterator[Staff]:
    """The app under each of the demo's people, their connections given back at the end."""
    posts = ("intake", "maker", "checker", "cashier", "accountant", "chief", "system")
    users = {person.role: person.user for person in DEMO_PEOPLE if person.role in posts}
    apps = [App(settings, users[role]) for role in posts]
    try:
        yield Staff(*apps)
    finally:
        for app in apps:
            app.close()
