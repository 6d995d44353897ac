"""Payment orders for confirmed letters (art. 25): row 9 goes out in one order, then the way of every other order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import Account
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.calendar import read_calendar
from ledger.fund.clearing_confirm import CLEARING_OWED
from ledger.fund.clearing_store import Letter, letters, line_rows, read_figures
from ledger.fund.regions import account_of
from ledger.payments.draft import Batch, BatchDraft, ItemDraft, OrderDraft, create_batch

CLEARING_BLOCK_REASONS: Final = {
    "negative": "清算应付不大于零：由机构退回，或在下年度清算中抵减",
    "ordered": "已有拨付单",
    "payee_missing": "没有已确认的收款账户",
    "payee_failed": "上次付款因账户原因失败，待核实",
    "over_available": "超过支出户可用余额",
}


@dataclass(frozen=True, slots=True)
class ClearingBlocked:
    """A confirmed letter that could not be ordered, and why (CLEARING_BLOCK_REASONS)."""

    letter_id: str
    reason: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class ClearingOrders:
    """What one drafting made."""

    fund: int
    pay_date: date
    batch: Batch | None
    letters: Sequence[str]
    """In the order of the batch's orders."""
    blocked: Sequence[ClearingBlocked]


def draft_clearing_orders(tx: Transaction, fund: int, year: int, pay_date: date) -> ClearingOrders:
    """Draft one batch with an order for every confirmed letter of the year that is not yet ordered.

    A failed or returned order is issued again by a new one that names it. Raises InvalidInput
    `clearing.not_working_day`, `calendar.unknown_year`; Conflict `book.no_account`; Forbidden `access.role_missing`.
    Drafting again orders nothing twice.
    """
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )
    calendar = read_calendar(tx)
    if not calendar.is_working_day(pay_date):
        following = calendar.next_working_day(pay_date)
        raise InvalidInput(
            "clearing.not_working_day",
            f"{pay_date}银行不营业，最早{following}拨付",
            next_working_day=str(following),
        )
    account = account_of(tx, fund, "1004")
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户，不能拨付")
    tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"payments.draft {tx.region}-{fund}"
    )
    open_period(tx, Book(tx.region, fund), period_of(pay_date))
    available = _available(tx, fund, account)
    blocked: list[ClearingBlocked] = []
    ready: list[tuple[str, OrderDraft]] = []
    for letter in letters(tx, year, fund):
        if letter.state != "confirmed":
            continue
        live, replaces = _orders_of(tx, letter)
        payee, failed = _payee(tx, letter)
        reason = _reason(letter, live=live, failed=failed, payee=payee, available=available)
        if reason or payee is None:
            blocked.append(ClearingBlocked(letter.letter_id, reason, letter.amount_fen))
            continue
        available -= letter.amount_fen
        ready.append((letter.letter_id, _order(tx, letter, payee, account, replaces)))
    batch = _store(tx, fund, year, pay_date, ready) if ready else None
    return ClearingOrders(fund, pay_date, batch, [letter_id for letter_id, _ in ready], blocked)


def _reason(letter: Letter, *, live: bool, failed: bool, payee: Account | None, available: int) -> str:
    if live:
        return "ordered"
    if letter.amount_fen <= 0:
        return "negative"
    if failed:
        return "payee_failed"
    if payee is None:
        return "payee_missing"
    return "over_available" if letter.amount_fen > available else ""


def _order(tx: Transaction, letter: Letter, payee: Account, account: str, replaces: str) -> OrderDraft:
    scope = letter.scope
    return OrderDraft(
        scope.institution,
        [
            ItemDraft(CLEARING_OWED, key.dims(scope.institution), fen)
            for key, fen in line_rows(read_figures(tx, letter))
        ],
        (),
        payee,
        f"{scope.title}清算{FUND_NAMES[scope.fund]}{scope.institution}",
        account,
        replaces,
    )


def _store(
    tx: Transaction, fund: int, year: int, pay_date: date, ready: Sequence[tuple[str, OrderDraft]]
) -> Batch:
    count: int = tx.value(
        "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s"
        " AND kind = 'clearing'",
        region=tx.region, fund=fund, day=pay_date,
    )  # fmt: skip
    batch_id = f"C{tx.region}-{fund}-{pay_date:%Y%m%d}-{count + 1}"
    batch = create_batch(
        tx,
        BatchDraft(
            tx.region,
            fund,
            "clearing",
            batch_id,
            pay_date,
            date(year, 12, 31),
            [order for _, order in ready],
        ),
    )
    tx.run_many(
        "INSERT INTO fund.letter_order VALUES (%(region)s, %(fund)s, %(letter)s, %(order)s)",
        [
            {"region": tx.region, "fund": fund, "letter": letter_id, "order": order_no}
            for (letter_id, _), order_no in zip(ready, batch.order_nos, strict=True)
        ],
    )
    return batch


def _orders_of(tx: Transaction, letter: Letter) -> tuple[bool, str]:
    """Whether an order may still pay the letter, and the last failed or returned one."""
    row = tx.row(
        "SELECT coalesce(bool_or(NOT s.releases), false),"
        " coalesce(max(o.order_no) FILTER (WHERE o.state IN ('rejected', 'returned')), '')"
        " FROM fund.letter_order x JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no"
        " JOIN payments.state s ON s.state = o.state WHERE x.region = %(region)s AND x.letter_id = %(letter)s",
        region=tx.region, letter=letter.letter_id,
    )  # fmt: skip
    return (False, "") if row is None else (row[0], row[1])


def _payee(tx: Transaction, letter: Letter) -> tuple[Account | None, bool]:
    """The confirmed payee account, and whether the latest one failed."""
    rows = tx.rows(
        "SELECT state, name, number, bank_name, cnaps FROM fund.payee_account WHERE region = %(region)s"
        " AND institution = %(institution)s AND state <> 'proposed' ORDER BY version DESC",
        region=tx.region, institution=letter.scope.institution,
    )  # fmt: skip
    confirmed = [Account(*row[1:]) for row in rows if row[0] == "confirmed"]
    return (confirmed[0] if confirmed else None), bool(rows) and rows[0][0] == "failed"


def _available(tx: Transaction, fund: int, account: str) -> int:
    """Money available to order, less what stands in drafts."""
    fen: int = tx.value(
        "SELECT payments.available(%(region)s, %(fund)s::smallint, %(account)s)"
        " - (SELECT coalesce(sum(amount_fen), 0)::bigint FROM payments.pay_order WHERE region = %(region)s"
        "     AND fund = %(fund)s AND account = %(account)s AND state = 'draft')",
        region=tx.region, fund=fund, account=account,
    )  # fmt: skip
    return fen
