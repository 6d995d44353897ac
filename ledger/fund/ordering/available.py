"""The money a kind of payment may order: counted once a book, less what kinds that go first are left (procedure.md 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount
from ledger.core.accounts import SPENDING_KIND, coded
from ledger.core.errors import Conflict
from ledger.core.money import yuan_grouped
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.fund.ordering.forecast import KIND_NAMES, Reserved, reserved_before
from ledger.payments.orders.bearing import BearsOf, CanBear, any_bank, unbearable
from ledger.payments.orders.own_accounts import account_of
from ledger.payments.orders.values import BatchKind

_BY_NAME: Final = ("person", "supplier")
"""Kinds whose payees have the account that their papers name."""


@dataclass(slots=True)
class Available:
    """What may still be ordered from the book's 支出户 for one kind of payment; fen."""

    fund: int
    kind: BatchKind
    account: str
    free_fen: int
    """Available less what lies in drafts."""
    reserved: tuple[Reserved, ...]
    can_bear: CanBear = field(default=unbearable)
    """What the account's bank can write into a file."""
    payee_limit_fen: int | None = None
    """What one payee may get on the day by the region's choice; None: no limit."""
    ordered: dict[str, int] = field(default_factory=dict)
    """By payee, what the day's orders pay already; filled only where there is a limit. A payee's number, and the name of a supplier or
    a person, who may have several: two persons of one name wait for each other where the limit is reached."""

    @property
    def left_fen(self) -> int:
        """What this kind may spend."""
        return self.free_fen - sum(reserved.amount_fen for reserved in self.reserved)

    def refusal(self, fen: int, payee: BankAccount | None = None) -> str:
        """Why `fen` cannot be ordered (for `payee`), "" if it can."""
        limit = self.payee_limit_fen
        if limit is not None and any(self.ordered.get(key, 0) + fen > limit for key in self._keys(payee)):
            return "payee_limit"
        if fen > self.free_fen:
            return "over_available"
        return "kinds_first" if fen > self.left_fen else ""

    def waits_for(self, reason: str) -> tuple[Reserved, ...]:
        """What a refusal for `reason` waits for."""
        return self.reserved if reason == "kinds_first" else ()

    def spend(self, fen: int, payee: BankAccount | None = None) -> None:
        """It is in an order now (for `payee`)."""
        self.free_fen -= fen
        for key in self._keys(payee):
            self.ordered[key] = self.ordered.get(key, 0) + fen

    def _keys(self, payee: BankAccount | None) -> tuple[str, ...]:
        if payee is None:
            return ()
        return (payee.number, f"{self.kind} {payee.name}") if self.kind in _BY_NAME else (payee.number,)


def open_available(
    tx: Transaction, fund: int, kind: BatchKind, pay_date: date, bears: BearsOf = any_bank
) -> Available:
    """The money for `kind` on `pay_date`; nobody else drafts for the book until the transaction ends.

    Raises Conflict `book.no_account`, InvalidInput `policy.kinds`, InFlight.
    """
    account = account_of(tx, fund, SPENDING_KIND)
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户，不能拨付")
    alone(tx, fund)
    free = available_fen(tx, fund, account) - drafted_fen(tx, fund, account)
    reserved = reserved_before(tx, fund, kind, pay_date)
    limit = tx.value("SELECT payments.payee_limit(%(region)s, %(day)s)", region=tx.region, day=pay_date)
    ordered = {} if limit is None else _ordered(tx, pay_date)
    return Available(fund, kind, account, free, reserved, bears(tx, account), limit, ordered)


def _ordered(tx: Transaction, pay_date: date) -> dict[str, int]:
    """What the orders of a payout day pay, by payee as `Available.ordered` has it, whatever book the user may see; fen."""
    known, ordered = fields(tx), dict[str, int]()
    for key, fen in tx.rows(
        "SELECT k.key, sum(o.amount_fen) FROM payments.batch b"
        " JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id"
        " JOIN payments.state s ON s.state = o.state"
        " CROSS JOIN LATERAL (SELECT o.payee_number AS key"
        " UNION ALL SELECT b.kind || ' ' || o.payee_name WHERE b.kind = ANY (%(by_name)s)) k"
        " WHERE b.region = %(region)s AND b.pay_date = %(day)s AND NOT s.releases GROUP BY 1",
        region=tx.region,
        day=pay_date,
        by_name=list(_BY_NAME),
    ):
        opened = known.open(key)
        # sealed as a person's and in clear, it is one account
        ordered[opened] = ordered.get(opened, 0) + int(fen)
    return ordered


def alone(tx: Transaction, fund: int) -> None:
    """Two drafts of one book come one after the other, as in `create_batch`: until the transaction ends."""
    hold(tx, Lock.DRAFT, f"{tx.region}-{fund}")


def waits_words(waits_for: Sequence[Reserved]) -> str:
    """`（日拨付600.00元、月结算1.00元）`, or nothing."""
    parts = (f"{KIND_NAMES[waited.kind]}{yuan_grouped(waited.amount_fen)}元" for waited in waits_for)
    return f"（{'、'.join(parts)}）" if waits_for else ""


def waits_json(waits_for: Sequence[Reserved]) -> list[dict[str, str]]:
    """The same for machines; fen as text."""
    return [{"kind": waited.kind, "amount_fen": str(waited.amount_fen)} for waited in waits_for]


def drafted_fen(tx: Transaction, fund: int, account: str) -> int:
    """What already lies in drafts on an account: it is spoken for, though not yet approved; fen.

    Drafts that other regions' money pays count as far as they take ours: the rest is not available anyway (ADR 14).
    """
    return int(
        tx.value(
            coded("""SELECT (coalesce(sum(o.amount_fen) FILTER (WHERE b.kind <> 'outregion' OR a.kind IS NULL), 0)
                       + CASE WHEN bool_or(b.kind = 'outregion' AND a.kind IS NOT NULL)
                              THEN (SELECT d.drafted_own FROM fund.outregion_due(%(region)s, %(fund)s::smallint) d) ELSE 0 END)::bigint
                 FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                 LEFT JOIN payments.book_account a ON a.region = o.region AND a.fund = o.fund AND a.account = o.account AND a.kind = '{SPENDING_DEPOSIT}'
                WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.account = %(account)s AND o.state = 'draft'"""),
            region=tx.region,
            fund=fund,
            account=account,
        )
    )


def available_fen(tx: Transaction, fund: int, account: str) -> int:
    """1004 of the book and account less what is approved or in flight (T7); fen."""
    return int(
        tx.value(
            "SELECT payments.available(%(region)s, %(fund)s::smallint, %(account)s)",
            region=tx.region,
            fund=fund,
            account=account,
        )
    )
