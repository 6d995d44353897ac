"""Drafting a batch of what is approved and owed: what can be met in its turn, and what cannot, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from adapters.banks.ports import BankAccount
from ledger.core.accounts import CLEARING_OWED, MONTH_OWED
from ledger.core.dates import Calendar
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.payees import Payee
from ledger.fund.ordering.available import Available, waits_json, waits_words
from ledger.fund.ordering.forecast import KIND_NAMES, Reserved
from ledger.fund.ordering.owed import owed_in_all
from ledger.fund.region.calendar import read_calendar
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.numbers import BATCHES_SKIPPED, lifted_freezes
from ledger.payments.orders.values import Batch, BatchDraft, BatchKind, ItemDraft, OrderDraft

REFUSALS: Final = words_of("order.blocked")
"""Why a wish is not met; each kind of payment adds its own."""

_LETTERS: Final[Mapping[BatchKind, str]] = {
    "daily": "D",
    "month": "M",
    "clearing": "C",
    "advance": "A",
    "supplier": "S",
    "person": "P",
    "outregion": "X",
}


class Wish(NamedTuple):
    """Something approved that is to be paid in one order."""

    key: str
    """What the caller knows it by: an institution, a letter, a request."""
    institution: str
    items: Sequence[ItemDraft]
    payee: BankAccount | None
    purpose: str
    upto: date
    """Last day of what it pays."""
    replaces: str = ""
    blocked: str = ""
    """Why it must not be paid now whatever the money; empty where nothing is in the way."""

    @property
    def amount_fen(self) -> int:
        """The sum of the items, in fen."""
        return sum(item.amount_fen for item in self.items)


class RefusedWish(NamedTuple):
    """A wish that is in no order, and why."""

    key: str
    institution: str
    kind: BatchKind
    reason: str
    amount_fen: int
    waits_for: Sequence[Reserved] = ()
    """With `kinds_first`: what has to be paid before it."""
    detail: str = ""
    """With `unbearable`: which field, which character."""


class Drafted(NamedTuple):
    """What one drafting did: `met` are the wishes in the order of the batch's orders."""

    batch: Batch | None
    met: Sequence[Wish]
    refused: Sequence[RefusedWish]


def draft(tx: Transaction, available: Available, pay_date: date, wishes: Sequence[Wish]) -> Drafted:
    """One batch of the wishes that can be met, in their order; raises what `create_batch` raises."""
    refused: list[RefusedWish] = []
    met: list[Wish] = []
    orders: list[OrderDraft] = []
    owed = owed_in_all(tx, available.fund, {wish.institution for wish in wishes if _is_owed_again(wish)})
    for wish in wishes:
        fen = wish.amount_fen
        reason = wish.blocked or ("payee_missing" if wish.payee is None else "")
        detail = "" if reason or wish.payee is None else available.can_bear(wish.payee, wish.purpose)
        reason = reason or ("unbearable" if detail else available.refusal(fen, wish.payee))
        if not reason and _is_owed_again(wish) and fen > owed[wish.institution]:
            reason = "reversed"
        if reason or wish.payee is None:
            waits_for = available.waits_for(reason)
            refused.append(
                RefusedWish(wish.key, wish.institution, available.kind, reason, fen, waits_for, detail)
            )
            continue
        available.spend(fen, wish.payee)
        if _is_owed_again(wish):
            owed[wish.institution] -= fen
        met.append(wish)
        orders.append(
            OrderDraft(
                wish.institution, wish.items, (), wish.payee, wish.purpose, available.account, wish.replaces
            )
        )
    if not orders:
        return Drafted(None, (), refused)
    batch_id = next_batch_id(tx, available.fund, available.kind, pay_date)
    upto = max(wish.upto for wish in met)
    batch = create_batch(
        tx, BatchDraft(tx.region, available.fund, available.kind, batch_id, pay_date, upto, orders)
    )
    return Drafted(batch, met, refused)


def _is_owed_again(wish: Wish) -> bool:
    """Whether it pays again what came back: month or clearing money, owed only as far as nothing was reversed since."""
    return bool(wish.replaces) and any(item.source in (MONTH_OWED, CLEARING_OWED) for item in wish.items)


def next_batch_id(tx: Transaction, fund: int, kind: BatchKind, pay_date: date) -> str:
    """`M420100-310-20261207-1`: the kind's letter, the book, the payout day, and which of that day."""
    count: int = tx.value(
        "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s"
        " AND kind = %(kind)s",
        region=tx.region,
        fund=fund,
        day=pay_date,
        kind=kind,
    )
    skipped = BATCHES_SKIPPED * lifted_freezes(tx, pay_date)
    return f"{_LETTERS[kind]}{tx.region}-{fund}-{pay_date:%Y%m%d}-{skipped + count + 1}"


def require_working_day(tx: Transaction, pay_date: date, area: str) -> None:
    """Raises what `require_open_banks` raises, by the calendar in force."""
    require_open_banks(read_calendar(tx), pay_date, area)


def require_open_banks(calendar: Calendar, pay_date: date, area: str) -> None:
    """Raises InvalidInput `<area>.not_working_day`, which names the next one, and `calendar.unknown_year`."""
    if not calendar.is_working_day(pay_date):
        following = calendar.next_working_day(pay_date)
        raise InvalidInput(
            f"{area}.not_working_day",
            f"{pay_date}银行不营业，最早{following}拨付",
            day=str(pay_date),
            next_working_day=str(following),
        )


def require_drafter(tx: Transaction, fund: int) -> None:
    """Raises Forbidden `access.role_missing` unless the user is maker or system of the book."""
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )


def result_blocked(fen: int, payee: Payee, ordered: str) -> str:
    """Why a settled or cleared result must not be ordered whatever the money: `ordered` (a word of the caller's),
    `negative`, `payee_failed` or `payee_held` (its account changed lately); "" if nothing is in the way.
    """
    if ordered:
        return ordered
    if fen <= 0:
        return "negative"
    if payee.failed:
        return "payee_failed"
    return "payee_held" if payee.held else ""


def refusal_words(refused: RefusedWish, reasons: Mapping[str, str]) -> str:
    """A refusal for people: kind, amount, reason, and what it waits for."""
    why = f"{KIND_NAMES[refused.kind]}{yuan_grouped(refused.amount_fen)}元：{refused.detail or reasons[refused.reason]}"
    return why + waits_words(refused.waits_for)


def refused_json(refused: RefusedWish) -> dict[str, object]:
    """The same for machines; amounts in fen as text."""
    return {
        "kind": refused.kind,
        "reason": refused.reason,
        "amount_fen": str(refused.amount_fen),
        "waits_for": waits_json(refused.waits_for),
        "detail": refused.detail,
    }
