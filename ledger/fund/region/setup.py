"""A pooling region's set-up: its name, its books, its bank account, its dated policy."""

from __future__ import annotations

from datetime import date

from ledger.books.setup import open_book
from ledger.core.entries import FUND_NAMES, Book
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.own_accounts import OwnAccount, add_account, use_account


def set_up_region(
    tx: Transaction, name: str, funds: tuple[int, ...], accounts: tuple[OwnAccount, ...], opened_on: date
) -> None:
    """Create the transaction's region with its books and own accounts; every book uses the given accounts.

    Safe to repeat: what is there already stays as it is.
    """
    tx.run(
        "INSERT INTO fund.region VALUES (%(region)s, %(name)s) ON CONFLICT DO NOTHING",
        region=tx.region,
        name=name,
    )
    for account in accounts:
        add_account(tx, account)
    there = {
        fund for (fund,) in tx.rows("SELECT fund FROM books.book WHERE region = %(region)s", region=tx.region)
    }
    for fund in funds:
        if fund not in there:
            open_book(tx, Book(tx.region, fund), f"{name}{FUND_NAMES[fund]}基金", opened_on)
        for account in accounts:
            use_account(tx, fund, account)
