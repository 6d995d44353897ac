"""The demo's bank: a simulator with its own books behind a real SFTP server, wired to the region's 支出户."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from adapters.banks.ports import BankAccount, Direction
from adapters.banks.simulator.bank import Opening, SimulatedBank, Terms
from adapters.banks.simulator.faults import Fault, FaultPlan
from adapters.banks.simulator.papers import ReceiptForm
from adapters.banks.simulator.server import DemoServer
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.bootstrap import App, client_key_path
from ledger.core.dates import SHANGHAI
from ledger.core.entries import FUNDS
from ledger.core.private import private_folder
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.orders.own_accounts import OwnAccount, confirm_channel, propose_channel
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT

USERNAME: Final = "fundledger"
FOLDERS: Final = ("inbox", "outbox", "archive")

RATES: Final = {
    Fault.REJECT_NAME: 60,
    Fault.REJECT_ACCOUNT: 40,
    Fault.RETURN: 40,
    Fault.DELAY: 300,
    Fault.FILE_TWICE: 50,
    Fault.RECEIPT_TWICE: 50,
    Fault.RETURN_BEFORE_RECEIPT: 20,
}
"""Ten-thousandths of the orders that go wrong in each way."""


def named_faults(pay_date: date) -> Mapping[str, frozenset[Fault]]:
    """Faults every demo shows, however small: the second order of each fund comes back, the third is rejected."""
    found: dict[str, frozenset[Fault]] = {}
    for fund in FUNDS:
        prefix = f"FL{DEMO_REGION}-{fund}-{pay_date:%Y%m%d}-"
        found[f"{prefix}00002"] = frozenset({Fault.RETURN})
        found[f"{prefix}00003"] = frozenset({Fault.REJECT_NAME})
        found[f"{prefix}00004"] = frozenset({Fault.FILE_TWICE})
    return found


def demo_plan(pay_date: date, seed: int) -> FaultPlan:
    """What goes wrong in the demo's day."""
    return FaultPlan(seed, RATES, named_faults(pay_date))


@dataclass(frozen=True, slots=True)
class DemoBank:
    """The running bank and our accounts there: `account` is the 支出户, `fiscal` the 财政专户 it keeps for the fiscal office."""

    bank: SimulatedBank
    account: str
    fiscal: str

    def work(self, day: date) -> None:
        """Let the bank do what is due on `day`: at ten in the morning it takes files, after that it answers."""
        self.bank.step(datetime.combine(day, time(10), SHANGHAI))

    def move_fiscal(self, direction: Direction, fen: int, other: BankAccount, words: str, day: date) -> str:
        """Book on the 财政专户 what the fiscal office did; no paper of it comes but its statement. The receipt's number."""
        return self.bank.enter(self.fiscal, direction, fen, other, words, day, told=False)

    def agrees(self, own_balance_fen: int, own_paid: Mapping[str, int]) -> bool:
        """Whether the bank's own books hold the same balance and the same payments (order → fen, returned ones out)."""
        self.bank.books.check()
        paid = {
            order_no: order.amount_fen
            for order_no, order in self.bank.books.paid_orders(self.account).items()
            if not order.returned_by
        }
        return paid == dict(own_paid) and self.bank.books.balance(self.account) == own_balance_fen


def bank_account(own: OwnAccount) -> BankAccount:
    """One of our accounts as the bank knows it."""
    return BankAccount(own.name, own.number, own.bank_name, own.cnaps)


@contextmanager
def demo_bank(
    app: App, confirmer: App, opening_fen: int, opened_on: date, plan: FaultPlan
) -> Iterator[DemoBank]:
    """Start the bank, which errs by `plan`, and its SFTP server; `app` tells the ledger how to reach them, `confirmer`
    confirms it.
    """
    home = app.settings.home / "demo" / "bank"
    for folder in FOLDERS:
        private_folder(home / folder)
    own = EXPENDITURE_ACCOUNT
    account, fiscal = bank_account(own), bank_account(FISCAL_ACCOUNT)
    key = client_key_path(app.settings.home, DEMO_REGION, own.number)
    private_folder(key.parent)
    client_key = ensure_ed25519_key(key)
    terms = Terms(forms=(ReceiptForm.BKER_OFD, ReceiptForm.CAMT054))
    with (
        SimulatedBank(
            home,
            home / "books.sqlite",
            [Opening(account, opening_fen, opened_on), Opening(fiscal, 0, opened_on)],
            terms,
            plan,
        ) as bank,
        DemoServer(home, home / "keys", USERNAME, client_key) as server,
    ):
        with unit_of_work(app.engine, app.user, DEMO_REGION) as tx:
            propose_channel(
                tx,
                own.number,
                {
                    "host": "127.0.0.1",
                    "port": server.port,
                    "username": USERNAME,
                    "host_keys": [server.host_key],
                    "final_status": True,  # this bank's refusals are final, as its settings have it
                },
            )
        with unit_of_work(confirmer.engine, confirmer.user, DEMO_REGION) as tx:
            confirm_channel(tx, own.number, confirmer.clock.today())
        yield DemoBank(bank, own.number, fiscal.number)
