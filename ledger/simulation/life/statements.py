"""Simulated bank statements: each morning yesterday's comes in; the month is matched, reconciled and reviewed on the fifth."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ledger.bootstrap import statement_reader
from ledger.core.dates import period_of
from ledger.payments.statements.matching import match
from ledger.payments.statements.proposing import confirm, propose
from ledger.payments.statements.sheet import make, review
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.town import Town

RECONCILED_ON: Final = 5
"""The receipts of a month's last days have come by then."""
_DAY: Final = timedelta(days=1)


def take_statement(town: Town, day: date) -> None:
    """A morning: yesterday's statements, none before the region's first day; from the fifth on the month before is reconciled."""
    first = town.asked.first.replace(day=1)
    while (over := first + town.statements * _DAY) < day:
        town.statements += 1
        for account in (town.bank.account, town.bank.fiscal):
            file = town.bank.bank.statement(account, over, town.statements)
            found = statement_reader().read(file.name, file.content, {"account": account}, None)
            with town.tx("accountant") as tx:
                load(tx, account, StatementFile(file.name, file.content), found, day)
            town.count("statements")
    month_before = day.replace(day=1) - _DAY
    if (
        day.day >= RECONCILED_ON
        and month_before > first
        and town.first("reconciled", period_of(month_before))
    ):
        match_statements(town, day)
        reconcile(town, period_of(month_before), day)


def match_statements(town: Town, day: date) -> None:
    """What carries the same number is matched; what only has the same amount somebody looks at and confirms."""
    for account in (town.bank.account, town.bank.fiscal):
        with town.tx("accountant") as tx:
            match(tx, account, day)
            proposals = propose(tx, account)
        for one in proposals:
            with town.tx("accountant") as tx:
                confirm(tx, account, one.key, "逐笔核对原始凭证", day)
            town.count("matched_by_hand")


def reconcile(town: Town, period: int, day: date) -> None:
    """余额调节表 of both accounts, made by the accountant and reviewed by another."""
    for account in (town.bank.account, town.bank.fiscal):
        with town.tx("accountant") as tx:
            made = make(tx, account, period, day)
        with town.tx("checker") as tx:
            review(tx, account, period, made.digest, day)
        town.count("reconciliations")
