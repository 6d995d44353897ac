"""Simulated out-of-region care: guests treated here, cleared and paid for by their region; our own people treated there."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256
from typing import Final

from adapters.banks.ports import BankAccount, Direction
from ledger.core.dates import period_of
from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.core.errors import Conflict
from ledger.fund.outregion.bills import canonical, draft_bill_orders, make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.link import OutboxMessage, accept
from ledger.fund.outregion.monthly import ROWS_MAX, confirm, pull
from ledger.fund.outregion.parties import Counterparty, add_counterparty, confirm_counterparty
from ledger.fund.outregion.receipts import confirm_move
from ledger.fund.outregion.requests import approve_move, request_move
from ledger.simulation.life.day import pay
from ledger.simulation.town import Decided, Town

GUESTS_FROM: Final = Counterparty(
    500100,
    "示例直辖市",
    "示例直辖市医疗保险基金财政专户",
    "5000000000001003",
    "模拟银行",
    "102653000001",
    "",
    "",
)
"""Where every made-up guest comes from."""
CLEAR_FROM: Final = 12
"""Day of the month from which the month before is cleared between the regions and paid to the hospitals."""


def live_outregion(town: Town, day: date) -> None:
    """A working day: guests of the days before are booked; the month before is cleared once and paid as money allows."""
    book_guests(town, day - timedelta(days=1), day)
    if day.day < CLEAR_FROM:
        return
    last = day.replace(day=1) - timedelta(days=1)
    term = period_of(last)
    for fund in FUNDS:
        if last >= town.asked.first and town.first(f"clearing {fund}", term):
            _bill(town, fund, term, day)
            _billed(town, fund, term, day)
        _order(town, fund, term, day)


def book_guests(town: Town, upto: date, day: date) -> None:
    """What came in with the sign of another region is owed to our hospitals, in 95xx; the region is made known before the first."""
    if town.first("counterparty", 0):
        with town.tx("maker") as tx:
            add_counterparty(tx, GUESTS_FROM)
        with town.tx("checker") as tx:
            confirm_counterparty(tx, GUESTS_FROM.counterparty, day)
        town.payees[GUESTS_FROM.payee_number] = str(GUESTS_FROM.counterparty)
    for fund in FUNDS:
        with town.tx("maker") as tx:
            done = recognise_outregion(tx, fund, upto, day)
        town.count("guests", done.care)


def _bill(town: Town, fund: int, term: int, day: date) -> None:
    """Pull and confirm every record of the month, bill it, and in time the other region pays (into the 1003)."""
    row = 0
    with town.tx("maker") as tx:
        while rows := pull(tx, fund, *divmod(term, 100), row):
            confirm(tx, fund, [one.setl_sn for one in rows], day)
            row = rows[-1].seqno
            if len(rows) < ROWS_MAX:
                break
        try:
            bill = make_bill(tx, fund, GUESTS_FROM.counterparty, term, day)
        except Conflict as refused:
            if refused.code != "outregion.nothing_to_bill":
                raise
            return
        move = request_move(
            tx, fund, "received", GUESTS_FROM.counterparty, bill.amount_fen, bill.bill_id, day
        )
    with town.tx("checker") as tx:
        approve_move(tx, move.move_id, day)
    receipt = town.bank.move_fiscal(
        Direction.CREDIT,
        bill.amount_fen,
        BankAccount(
            GUESTS_FROM.payee_name,
            GUESTS_FROM.payee_number,
            GUESTS_FROM.payee_bank,
            GUESTS_FROM.payee_cnaps,
        ),
        f"异地清算{bill.bill_id}",
        day,
    )
    with town.tx("accountant") as tx:
        confirm_move(tx, move.move_id, receipt, day, day)
    town.count("bills_out")
    town.decided.append(Decided("received", bill.bill_id, fund, "", "", 0, term, bill.amount_fen))


def _billed(town: Town, fund: int, term: int, day: date) -> None:
    """The other region's bill for our people treated there comes as its message."""
    dice = town.dice(day, f"billed {fund}")
    if not town.happens(dice, "bill_in"):
        return
    subfunds = ("pool", "acct") if fund == EMPLOYEE_FUND else ("pool",)
    year = term // 100
    lines = [(year, "inpatient", subfund, dice.randrange(100_00, 50_000_00)) for subfund in sorted(subfunds)]
    total = sum(line[3] for line in lines)
    bill_id = f"OUTB-{term}-{fund}-{town.asked.seed % 100_000:05d}"
    body = canonical(
        {
            "bill": bill_id,
            "from": GUESTS_FROM.counterparty,
            "to": town.asked.region,
            "fund": fund,
            "term": term,
            "records": len(lines),
            "amount_fen": total,
            "lines": lines,
        }
    )
    message = OutboxMessage(bill_id, "bill", fund, total, body, sha256(body.encode()).digest())
    with town.tx("maker") as tx:
        accept(tx, message, GUESTS_FROM.counterparty, day)
    town.count("bills_in")
    party = str(GUESTS_FROM.counterparty)
    for _, category, subfund, fen in lines:
        town.decided.append(Decided("bill_in", bill_id, fund, party, subfund, year, term, fen, category))


def _order(town: Town, fund: int, term: int, day: date) -> None:
    """Hospitals for their guests, the other region for ours; what failed or came back is ordered again."""
    with town.tx("maker") as tx:
        hospitals = draft_hospital_orders(tx, fund, term, day)
    for blocked in hospitals.blocked:
        town.count(f"guests_{blocked.reason}")
    if hospitals.batch is not None:
        town.count("guest_orders", len(hospitals.batch.order_nos))
        pay(town, hospitals.batch.batch_id, hospitals.batch.digest, day)
    with town.tx("maker") as tx:
        bills = draft_bill_orders(tx, fund, day)
    for _, reason in bills.blocked:
        town.count(f"bills_{reason}")
    if bills.batch is not None:
        town.count("bill_orders", len(bills.batch.order_nos))
        pay(town, bills.batch.batch_id, bills.batch.digest, day)
