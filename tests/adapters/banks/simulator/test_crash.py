"""A bank cut off anywhere goes on where it stopped: nobody is paid twice, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.banks.simulator.faults import ALWAYS, Fault, FaultPlan

PAYER = "42010000000000000010"
RATES = {Fault.RETURN: 3_000, Fault.DELAY: 3_000, Fault.FILE_TWICE: 2_000, Fault.RECEIPT_TWICE: 2_000}
PLAN = FaultPlan(3, RATES)


def drop_all(bank: Any, make_order: Callable[..., Any]) -> None:
    for number in range(4):
        orders = [make_order(number * 5 + n) for n in range(1, 6)]
        bank.drop(orders, f"FLM20261102-{number:04d}")


def test_restart_between_steps(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    steady, shaky = world(PLAN), world(PLAN)
    for bank in (steady, shaky):
        drop_all(bank, make_order)
    for day in range(7):
        steady.step(day)
        shaky.step(day)
        shaky.restart()
    assert steady.files == shaky.files
    assert steady.bank.books.statement(PAYER) == shaky.bank.books.statement(PAYER)


@pytest.mark.parametrize(("gone", "day"), [("archive", 0), ("outbox", 1)])
def test_folder_lost_in_the_middle_of_a_step(
    world: Callable[..., Any], make_order: Callable[..., Any], gone: str, day: int
) -> None:
    # the lost status stays lost: finishing the move is not the customer asking again
    plan = FaultPlan(3, RATES | {Fault.STATUS_LOST: ALWAYS})
    steady, shaky = world(plan), world(plan)
    for bank in (steady, shaky):
        drop_all(bank, make_order)
    for before in range(day):
        steady.step(before)
        shaky.step(before)
    (shaky.folder / gone).rmdir()
    with pytest.raises(OSError, match=gone):
        shaky.step(day)
    shaky.restart()
    for after in range(day, 7):
        steady.step(after)
        shaky.step(after)
    assert steady.files == shaky.files
    assert steady.bank.books.statement(PAYER) == shaky.bank.books.statement(PAYER)


def test_file_written_but_not_marked_is_written_again(
    world: Callable[..., Any], make_order: Callable[..., Any]
) -> None:
    bank = world()
    bank.drop([make_order(1)])
    bank.step()
    (name,) = bank.files
    bank.bank.books.connection.execute("UPDATE outgoing SET sent = 0, content = ?", (bank.files[name],))
    before = dict(bank.files)
    bank.restart()
    assert bank.step().sent == [name]
    assert bank.files == before


_CHILD = """
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from adapters.banks.ports import Account
from adapters.banks.simulator.bank import Bank, Opening
from adapters.banks.simulator.faults import ALWAYS, Fault, Plan
from ledger.core.dates import SHANGHAI
folder, books = map(Path, sys.argv[1:])
payer = Account("江城市医疗保险基金支出户", "42010000000000000010", "江城银行营业部", "103100000026")
rates = {Fault.RETURN: 3000, Fault.DELAY: 3000, Fault.FILE_TWICE: 2000, Fault.RECEIPT_TWICE: 2000}
print("ready", flush=True)
bank = Bank(folder, books, [Opening(payer, 100000000, date(2026, 11, 1))], plan=Plan(3, rates))
for day in range(8):
    bank.step(datetime(2026, 11, 2, 18, tzinfo=SHANGHAI) + timedelta(days=day))
bank.close()
"""


@pytest.mark.parametrize("wait_ms", [0, 15, 30, 50, 80, 120])
def test_killed_at_any_moment(
    world: Callable[..., Any], make_order: Callable[..., Any], wait_ms: int
) -> None:
    steady, killed = world(PLAN), world(PLAN)
    for bank in (steady, killed):
        drop_all(bank, make_order)
    steady.run()
    killed.bank.close()
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(killed.folder), str(killed.books_path)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(wait_ms / 1000)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    child.stdout.close()

    killed.restart()
    killed.run()
    killed.bank.books.check()
    paid = killed.bank.books.paid_orders(PAYER)
    assert {order: one.amount_fen for order, one in paid.items()} == {
        order: one.amount_fen for order, one in steady.bank.books.paid_orders(PAYER).items()
    }
    assert {order for order, one in paid.items() if one.returned_by} == {
        order for order, one in steady.bank.books.paid_orders(PAYER).items() if one.returned_by
    }
    written = {path.name for path in (killed.folder / "outbox").iterdir() if path.suffix != ".ok"}
    queued = {
        row[0] for row in killed.bank.books.connection.execute("SELECT name FROM outgoing WHERE sent = 1")
    }
    assert written == queued
    assert list((killed.folder / "inbox").iterdir()) == []
