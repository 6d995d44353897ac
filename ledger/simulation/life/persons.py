"""Simulated payments to persons: costs paid out of pocket, and maternity allowances."""

from __future__ import annotations

from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.dates import period_of
from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.core.persons import PERSON
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.person_accounts import approve_account, propose_account, read_person_accounts
from ledger.fund.cash.persons import ALLOWANCE, PersonRequest, approve_person, read_persons, request_person
from ledger.simulation.life.day import pay
from ledger.simulation.town import Decided, Town

_CATEGORIES: Final = ("inpatient", "outpatient", "chronic")


def live_persons(town: Town, day: date) -> None:
    """A working day: now and then somebody is to be paid; what failed or came back is ordered again."""
    dice = town.dice(day, "person")
    if town.happens(dice, "person"):
        for number in range(dice.randrange(1, 4)):
            _ask(town, number, day)
    if not town.events["persons"]:
        return
    _verify_accounts(town, day)
    for fund in FUNDS:
        with town.tx("maker") as tx:
            ordered = order_persons(tx, fund, day)
        for skipped in ordered.skipped:
            town.count(f"person_{skipped.reason}")
        for batch in ordered.batches:
            town.count("person_orders", len(batch.order_nos))
            pay(town, batch.batch_id, batch.digest, day)


def _verify_accounts(town: Town, day: date) -> None:
    """Who came back for his account said on paper that it is right: one hands that in, another approves."""
    with town.tx("maker") as tx:
        held = [one for one in read_person_accounts(tx, open_only=True) if one.state == "failed"]
        paid = {one.payment_id: one.payee for one in read_persons(tx)}
        for one in held:
            propose_account(tx, one.payment_id, paid[one.payment_id], f"核实{one.order_no}", day)
    for one in held:
        with town.tx("checker") as tx:
            approve_account(tx, one.account_id, day)
        town.count("person_accounts")


def _ask(town: Town, number: int, day: date) -> None:
    """One hands the papers in, another approves."""
    dice = town.dice(day, f"person {number}")
    fund = dice.choice(FUNDS)
    allowance = fund == EMPLOYEE_FUND and dice.randrange(3) == 0
    category = ALLOWANCE if allowance else dice.choice(_CATEGORIES)
    kind = ALLOWANCE if allowance else "reimbursement"
    fen, who = dice.randrange(50_00, 20_000_00), f"{day:%Y%m%d}{number:02d}"
    account = f"6217{town.asked.region:06d}{who}"
    town.payees[account] = PERSON
    payee = BankAccount(f"示例参保人{number}", account, "模拟银行", "102421000003")
    asked = PersonRequest(
        fund, kind, f"4201{who}", "pool", day.year, period_of(day), category, fen, f"个人{who}", payee, day
    )
    with town.tx("maker") as tx:
        stored = request_person(tx, asked, day)
    with town.tx("checker") as tx:
        approve_person(tx, stored.payment_id, day)
    town.count("persons")
    town.decided.append(
        Decided("person", account, fund, PERSON, "pool", day.year, period_of(day), fen, category)
    )
