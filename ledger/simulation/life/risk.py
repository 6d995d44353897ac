"""Simulated risk: the rules look at every day, and the first cases get a notice by two persons; nothing is lowered or suspended."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.control.risk.cases import read_case, read_cases
from ledger.control.risk.steps import confirm_step, propose_step
from ledger.simulation.town import Town
from ledger.simulation.watching import watch_day

NOTICES_MAX: Final = 3


def watch(town: Town, day: date) -> None:
    """The evening of a working day."""
    with town.tx("system") as tx:
        town.count("risk_cases", len(watch_day(tx, day)))
    if town.events["risk_notices"] >= NOTICES_MAX:
        return
    with town.tx("maker") as tx:
        fresh = [one.n for one in reversed(read_cases(tx, state="found")) if not one.steps][:1]
        for number in fresh:
            propose_step(tx, number, "notice", f"风险提醒〔{day.year}〕{number}号", day)
    with town.tx("checker") as tx:
        for number in fresh:
            confirm_step(tx, number, read_case(tx, number).digest, day)
            town.count("risk_notices")
