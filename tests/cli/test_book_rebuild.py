"""`fundledger book rebuild`: stored balances made anew from lines nobody changed; changed lines are not made the balance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ledger.books.manual import ManualContent
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.founding import book_by_hand
from ledger.simulation.people import EXPENDITURE_ACCOUNT

BOOK = Book(420100, 310)
DAY = date(2026, 10, 12)


@pytest.fixture
def booked(world: Any) -> Any:
    """A voucher of 1,000,000.00 from the fiscal account to our own."""
    legs = (
        debit(1004, 10**8, Dimensions(counterparty=EXPENDITURE_ACCOUNT.number)),
        credit(41010101, 10**8),
    )
    content = ManualContent(DAY, "请款", "缴拨凭证", legs)
    book_by_hand(world.service_engine, "li", "qian", BOOK, DAY, content)
    return world


def broken(world: Any, *statements: str) -> None:
    """Changed by a superuser past the triggers."""
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in statements:
            admin.exec_driver_sql(statement)


REBUILD = ("book", "rebuild", "--book", str(BOOK), "--json")


def test_a_wrong_balance_is_made_anew_by_the_accountant(booked: Any, there: Callable[..., Any]) -> None:
    broken(booked, "UPDATE books.balance SET debit = debit + 1 WHERE account = 1004")
    assert there("verify", "--json").code == 1
    refused = there("--as", "sun", *REBUILD)
    assert (refused.code, there("verify", "--json").code) == (1, 1)
    done = there("--as", "li", *REBUILD)
    assert (done.code, done.last["wrong_after"], done.last["wrong_before"] > 0) == (0, 0, True)
    assert there("verify", "--json").last["verify"] == "clean"


def test_no_balance_is_made_of_lines_that_were_changed(booked: Any, there: Callable[..., Any]) -> None:
    broken(booked, "UPDATE books.entry SET amounts = ARRAY(SELECT a + 1 FROM unnest(amounts) a)")
    refused = there("--as", "li", *REBUILD)
    assert (refused.code, refused.last["error"]) == (1, "balance.lines_changed")
    with booked.admin_engine.connect() as admin:
        kept = admin.exec_driver_sql("SELECT sum(debit) FROM books.balance").scalar()
    assert kept == 10**8
