"""Simulated money of the fund itself: requests granted late or short, interest handed on, fees the bank should not take."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from adapters.banks.ports import BankAccount, Direction
from ledger.core.accounts import UNSPLIT_INTEREST
from ledger.core.dates import period_of
from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict
from ledger.fund.cash.fund_request import approve_request, grant, read_requests, request_funds
from ledger.fund.cash.movements import approve_move, request_move
from ledger.fund.cash.orders import available_fen, drafted_fen
from ledger.simulation.bank import bank_account
from ledger.simulation.people import EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from ledger.simulation.town import BankAct, Decided, Town

ASKED_AHEAD: Final = timedelta(days=7)
INTEREST_FROM: Final = 21
"""Banks settle interest on the 20th of a quarter's last month."""
_FISCAL: Final = bank_account(FISCAL_ACCOUNT)
_OWN: Final = bank_account(EXPENDITURE_ACCOUNT)
_BANK: Final = BankAccount("模拟银行", "0000-own", "模拟银行", "102421000001")
_AGENCY: Final = BankAccount("示例市医保中心", "4200000000009001", "模拟银行营业部", "102421000001")
"""Whose own money repays a fee that the fund may not bear."""
_INTO: Final = frozenset({"interest", "fee_back"})
_OF_THE_BANK: Final = frozenset({"interest", "fee", "fee_back"})


def live_cash(town: Town, day: date) -> None:
    """A working day before any payment: what the bank did of itself is entered, then money is asked for and granted."""
    acts, town.acts = town.acts, []
    for act in acts:
        _enter(town, act, day)
    _split(town, day)
    _fee(town, day)
    _interest(town, day)
    _grant(town, day)
    for fund in FUNDS:
        _ask(town, fund, day)


def _ask(town: Town, fund: int, day: date) -> None:
    """What falls due within a week and is not there; most requests are granted the same morning."""
    try:
        with town.tx("maker") as tx:
            asked = request_funds(tx, fund, day, day + ASKED_AHEAD)
    except Conflict as refused:
        if refused.code != "cash.enough":
            raise
        return
    with town.tx("checker") as tx:
        approve_request(tx, asked.request_id, day)
    town.count("fund_requests")
    town.requests.append(asked.request_id)
    _grant(town, day)


def _grant(town: Town, day: date) -> None:
    """The fiscal special account sends the money, or is late, or sends less than was asked: then money is short."""
    for request_id in list(town.requests):
        dice = town.dice(day, f"grant {request_id}")
        if town.happens(dice, "late_grant"):
            town.count("late_grants")
            continue
        with town.tx("accountant") as tx:
            [asked] = read_requests(tx, key=request_id)
        fen = asked.amount_fen
        if town.happens(dice, "part_grant"):
            fen = max(1, fen * dice.randrange(30, 90) // 100)
            town.count("part_grants")
        town.bank.move_fiscal(Direction.DEBIT, fen, _OWN, "拨付支出户", day)
        receipt = _book(town, Direction.CREDIT, fen, _FISCAL, "财政专户拨款", day, told=False)
        with town.tx("accountant") as tx:
            grant(tx, request_id, receipt, fen, day, day)
        town.requests.remove(request_id)
        town.decided.append(Decided("grant", request_id, asked.fund, "", "", day.year, 0, fen))


def _fee(town: Town, day: date) -> None:
    """Against the rules, and it happens."""
    dice = town.dice(day, "fee")
    if town.happens(dice, "bank_fee"):
        _act(town, "fee", FUNDS[0], dice.randrange(2_00, 50_00), day)


def _interest(town: Town, day: date) -> None:
    """On the first working day from the 21st of a quarter's last month."""
    if day.month % 3 or day.day < INTEREST_FROM or not town.first("interest", period_of(day)):
        return
    for fund in FUNDS:
        _act(town, "interest", fund, town.dice(day, f"interest {fund}").randrange(1_00, 3_000_00), day)


def _split(town: Town, day: date) -> None:
    """On the last working day of a year nothing stays in 4602: 统筹 and 个账 by experience (A16), else December cannot close."""
    rest = (day + timedelta(days=n) for n in range(1, 32 - day.day))
    if day.month != 12 or any(town.calendar.is_working_day(one) for one in rest):
        return
    fund = FUNDS[0]  # 居民 has one sub-fund: its interest is never unsplit
    with town.tx("maker") as tx:
        left = int(
            tx.value(
                "SELECT coalesce(sum(credit - debit), 0) FROM books.balance"
                " WHERE region = %(region)s AND fund = %(fund)s AND account = %(account)s",
                region=town.asked.region,
                fund=fund,
                account=UNSPLIT_INTEREST,
            )
        )
    acct = left // 3
    for subfund, fen in (("pool", left - acct), ("acct", acct)):
        if fen > 0:
            with town.tx("maker") as tx:
                move = request_move(
                    tx, fund, "interest_split", fen, day, f"利息分摊{day.year}", day, subfund=subfund
                )
            with town.tx("checker") as tx:
                approve_move(tx, move.move_id, day)
            town.count("interest_split")


def _act(town: Town, kind: str, fund: int, fen: int, day: date) -> None:
    """The bank books it of itself; its paper comes with the day's files, and somebody enters it the next working day."""
    side = Direction.CREDIT if kind in _INTO else Direction.DEBIT
    words = {"interest": "结息", "fee": "手续费", "fee_back": "退回手续费", "interest_out": "利息缴款"}[kind]
    other = _BANK if kind in _OF_THE_BANK else _FISCAL
    if kind == "interest_out":
        town.bank.move_fiscal(Direction.CREDIT, fen, _OWN, words, day)
    town.acts.append(BankAct(kind, fund, fen, day, _book(town, side, fen, other, words, day)))


def _book(
    town: Town, side: Direction, fen: int, other: BankAccount, words: str, day: date, *, told: bool = True
) -> str:
    return town.bank.bank.enter(EXPENDITURE_ACCOUNT.number, side, fen, other, words, day, told=told)


def enter_rest(town: Town, day: date) -> None:
    """After the last day: what the bank did of itself is entered, and nothing new follows from it."""
    acts, town.acts = town.acts, []
    for act in acts:
        _enter(town, act, day, last=True)


def _enter(town: Town, act: BankAct, day: date, *, last: bool = False) -> None:
    """One enters what the bank's paper says, another approves; interest goes on to the 1003, a fee comes back."""
    dice = town.dice(day, f"{act.kind} {act.receipt_no}")
    subfund = dice.choice(("", "pool")) if act.kind == "interest" else ""
    try:
        with town.tx("maker") as tx:
            move = request_move(
                tx, act.fund, act.kind, act.fen, act.booked_on, act.receipt_no, day, subfund=subfund
            )
        with town.tx("checker") as tx:
            approve_move(tx, move.move_id, day)
    except (
        Conflict
    ) as refused:  # all money is in orders on their way: once some came back or new money is there
        if refused.code != "cash.over_available" or last:
            raise
        town.acts.append(act)
        return
    town.count(act.kind)
    town.decided.append(
        Decided(act.kind, act.receipt_no, act.fund, "", subfund, act.booked_on.year, 0, act.fen)
    )
    if last:
        return
    if act.kind == "interest":
        _hand_on(town, act, day)
    elif act.kind == "fee" and dice.randrange(2):
        _act(town, "fee_back", act.fund, act.fen, day)
    elif act.kind == "fee":
        receipt = town.bank.move_fiscal(Direction.CREDIT, act.fen, _AGENCY, "归垫手续费", day)
        town.acts.append(BankAct("fee_repaid", act.fund, act.fen, day, receipt))


def _hand_on(town: Town, act: BankAct, day: date) -> None:
    with town.tx("maker") as tx:
        account = EXPENDITURE_ACCOUNT.number
        there = available_fen(tx, act.fund, account) - drafted_fen(tx, act.fund, account)
    if act.fen <= there:  # short money: the interest stays where it is
        _act(town, "interest_out", act.fund, act.fen, day)
