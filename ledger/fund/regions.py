"""A pooling region's set-up: its name, its books, its bank account, its dated policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.books.setup import open_book
from ledger.core.entries import FUND_NAMES, Book
from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One of the fund's own accounts: kind 1002 收入户, 1003 财政专户 or 1004 支出户."""

    kind: str
    number: str
    name: str
    bank: str
    """Which bank's formats and channel it uses: a key of the adapters' registry."""
    bank_name: str
    cnaps: str


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
        tx.run(
            """INSERT INTO payments.bank_account VALUES (%(region)s, %(number)s, %(kind)s, %(bank)s, %(name)s, %(bank_name)s,
                   %(cnaps)s, '{}') ON CONFLICT DO NOTHING""",
            region=tx.region,
            number=account.number,
            kind=account.kind,
            bank=account.bank,
            name=account.name,
            bank_name=account.bank_name,
            cnaps=account.cnaps,
        )
    there = {
        fund for (fund,) in tx.rows("SELECT fund FROM books.book WHERE region = %(region)s", region=tx.region)
    }
    for fund in funds:
        if fund not in there:
            open_book(tx, Book(tx.region, fund), f"{name}{FUND_NAMES[fund]}基金", opened_on)
        for account in accounts:
            tx.run(
                "INSERT INTO payments.book_account VALUES (%(region)s, %(fund)s, %(kind)s, %(number)s) ON CONFLICT DO NOTHING",
                region=tx.region,
                fund=fund,
                kind=account.kind,
                number=account.number,
            )


def set_channel(tx: Transaction, account: str, channel: Mapping[str, object]) -> None:
    """How files of an own account travel (host, port, host key, folders; never a secret)."""
    tx.run(
        "UPDATE payments.bank_account SET channel = %(channel)s WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
        channel=json.dumps(channel, ensure_ascii=False),
    )


def account_of(tx: Transaction, fund: int, kind: str) -> str:
    """The number of the book's own account of a kind; '' where it has none."""
    number: str | None = tx.value(
        "SELECT account FROM payments.book_account WHERE region = %(region)s AND fund = %(fund)s AND kind = %(kind)s",
        region=tx.region,
        fund=fund,
        kind=kind,
    )
    return number or ""
