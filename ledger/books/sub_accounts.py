"""Accounts an agency adds below the chart (28号 总说明十(四)) and closes again: proposed by one person, confirmed by another.

The database decides what may be added (books.require_addable) and closed (books.require_closing); a sub-account has its parent's
section, class and side, so that statements and closings, which go by the beginning of the code, take it in with its parent.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


class AccountChange(NamedTuple):
    """An account proposed, added, refused or closed."""

    account: int
    name: str
    """Its own, without its parents'."""
    act: str
    """add or close."""
    dims: int
    """What its lines ask for, as bits (ledger.books.chart.Account)."""
    state: str
    proposed_by: str
    proposed_on: date
    digest: str
    """What the second person confirms, in hexadecimal."""
    decided_by: str
    decided_on: date | None
    reason: str

    def as_json(self) -> dict[str, object]:
        """Days in ISO form."""
        return self._asdict() | {
            "proposed_on": self.proposed_on.isoformat(),
            "decided_on": self.decided_on.isoformat() if self.decided_on else None,
        }


class BookAccount(NamedTuple):
    """An account of a book: of the chart, or added."""

    account: int
    name: str
    class_: str
    leaf: bool
    dims: int
    added: bool
    closed: bool

    def as_json(self) -> dict[str, object]:
        """`class` without the underscore."""
        return {("class" if key == "class_" else key): value for key, value in self._asdict().items()}


def propose_account(tx: Transaction, book: Book, account: int, name: str, on: date) -> AccountChange:
    """Propose a sub-account, as accountant or maker; the same again gives the first answer.

    Raises InvalidInput `account.name`, `account.code`, `account.day`; NotFound `account.parent_unknown`; Conflict
    `account.taken`, `account.waits`, `account.closed`, `account.rule_named`, `account.memorandum`, `account.no_place`,
    `account.mandated`, and `account.has_balance`, `account.used_this_year`, `account.draft_waits` of a parent that still takes
    lines; Forbidden `access.role_missing`.
    """
    return _propose(tx, book, account, "add", name, on)


def propose_closing(tx: Transaction, book: Book, account: int, on: date) -> AccountChange:
    """Propose that an added account takes no more lines. Raises as `propose_account`; NotFound `account.not_added`; Conflict
    `account.divided`.
    """
    return _propose(tx, book, account, "close", "", on)


def decide_account(
    tx: Transaction, book: Book, account: int, digest: bytes, on: date, *, reason: str = ""
) -> AccountChange:
    """Confirm what waits for an account, or refuse it with a reason, as checker and another person.

    Raises what proposing raises, where it does not hold any more; NotFound `account.unproposed`; Conflict `account.changed`;
    Forbidden `request.same_person`, `access.role_missing`.
    """
    if not reason and tx.signer is not None:
        waiting = tx.value(
            "SELECT max(n) FROM books.account_change WHERE region = %(region)s AND fund = %(fund)s AND account = %(account)s",
            region=book.region,
            fund=book.fund,
            account=account,
        )
        sign_decision(tx, "books.account_change", [book.fund, account, waiting or 0], on)
    tx.run(
        "SELECT books.decide_account(%(region)s, %(fund)s::smallint, %(account)s, %(digest)s, %(reason)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        account=account,
        digest=digest,
        reason=reason,
        on=on,
    )
    return account_changes(tx, book, account)[-1]


def account_changes(tx: Transaction, book: Book, account: int = 0) -> list[AccountChange]:
    """All proposals of a book, or of one account, the oldest first."""
    return [
        AccountChange(*row)
        for row in tx.rows(
            """SELECT account, name, act, dims, state, proposed_by, proposed_on, encode(digest, 'hex'), decided_by, decided_on, reason
                 FROM books.account_change
                WHERE region = %(region)s AND fund = %(fund)s AND %(account)s IN (0, account)
                ORDER BY account::text COLLATE "C", n""",
            region=book.region,
            fund=book.fund,
            account=account,
        )
    ]


def book_accounts(tx: Transaction, book: Book) -> list[BookAccount]:
    """The accounts of a book as they stand, in code order."""
    return [
        BookAccount(*row)
        for row in tx.rows(
            """SELECT a.account, a.name, a.class, a.leaf, a.dims, coalesce(bool_or(c.act = 'add'), false), coalesce(bool_or(c.act = 'close'), false)
                 FROM books.account a
                 LEFT JOIN books.account_change c ON c.region = a.region AND c.fund = a.fund AND c.account = a.account AND c.state = 'confirmed'
                WHERE a.region = %(region)s AND a.fund = %(fund)s
                GROUP BY a.account, a.name, a.class, a.leaf, a.dims ORDER BY a.account::text COLLATE "C" """,
            region=book.region,
            fund=book.fund,
        )
    ]


def _propose(tx: Transaction, book: Book, account: int, act: str, name: str, on: date) -> AccountChange:
    tx.run(
        "SELECT books.propose_account(%(region)s, %(fund)s::smallint, %(account)s, %(act)s, %(name)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        account=account,
        act=act,
        name=name,
        on=on,
    )
    return account_changes(tx, book, account)[-1]
