"""Orders for what is approved but owed in no memorandum account: advances, and payments to persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from adapters.banks.ports import Account
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances_offset import KIND_ACCOUNTS, KIND_NAMES
from ledger.fund.cash_forecast import reserved_before
from ledger.fund.regions import account_of
from ledger.payments.draft import Batch, BatchDraft, BatchKind, ItemDraft, OrderDraft, create_batch

PERSON: Final = "PERSON"
"""The counterparty of every payment to a person: who it is stands in fund.person_payment and in the order."""

PERSON_SOURCE: Final = 5001
_LETTERS: Final = {"advance": "A", "supplier": "S", "person": "P"}


class Skipped(NamedTuple):
    """An approved request that could not be ordered, and why: payee_missing, suspended, over_available."""

    key: str
    institution: str
    reason: str
    amount_fen: int


class Wish(NamedTuple):
    """An approved request, ready to be ordered."""

    key: str
    institution: str
    item: ItemDraft
    payee: Account | None
    purpose: str
    replaces: str
    blocked: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """What one drafting did."""

    batches: Sequence[Batch]
    skipped: Sequence[Skipped]


def order_advances(tx: Transaction, fund: int, pay_date: date) -> Ordered:
    """Draft orders for every approved advance that is in no live order; suppliers in a batch of their own.

    One whose order was cancelled, rejected or returned is ordered anew. Raises Conflict `book.no_account`, Forbidden
    `access.role_missing` (maker, system).
    """
    rows = tx.rows(
        """SELECT a.advance_id, a.institution, a.kind, a.year, a.term, a.amount_fen, a.order_no, a.payee_name, a.payee_number,
                  a.payee_bank, a.payee_cnaps, p.name, p.number, p.bank_name, p.cnaps,
                  i.agreement_state <> 'active' OR NOT %(day)s BETWEEN i.agreement_from AND i.agreement_to
             FROM fund.advance a JOIN fund.institution i ON i.region = a.region AND i.institution = a.institution
             LEFT JOIN fund.payee_account p ON p.region = a.region AND p.institution = a.institution AND p.state = 'confirmed'
             LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
             LEFT JOIN payments.state s ON s.state = o.state
            WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.state = 'approved' AND coalesce(s.releases, true)
            ORDER BY a.due_on, a.amount_fen, a.advance_id FOR UPDATE OF a""",
        region=tx.region,
        fund=fund,
        day=pay_date,
    )
    wishes: dict[BatchKind, list[Wish]] = {"advance": [], "supplier": []}
    for key, institution, kind, year, term, fen, before, *payees, stopped in rows:
        supplier = kind == "supplier"
        named = payees[:4] if supplier else payees[4:]
        payee = None if named[1] is None else Account(*named)
        item = ItemDraft(KIND_ACCOUNTS[kind], Dimensions(institution), fen)
        when = f"{year}年" if kind == "prepayment" else f"{term}期"
        purpose = f"{when}{KIND_NAMES[kind]}{FUND_NAMES[fund]}{institution}"
        # A suspended institution gets nothing in advance; its supplier delivered already.
        blocked = "suspended" if stopped and not supplier else ""
        wishes["supplier" if supplier else "advance"].append(
            Wish(key, institution, item, payee, purpose, before, blocked)
        )
    done = [_draft(tx, fund, kind, wished, pay_date) for kind, wished in wishes.items()]
    for _, _, links in done:
        tx.run_many(
            "UPDATE fund.advance SET order_no = %(order)s WHERE region = %(region)s AND advance_id = %(key)s",
            links,
        )
    return Ordered([b for b, _, _ in done if b is not None], [s for _, skipped, _ in done for s in skipped])


def order_persons(tx: Transaction, fund: int, pay_date: date) -> Ordered:
    """Draft one order for every approved payment to a person that is in no live order; raises as `order_advances`."""
    rows = tx.rows(
        """SELECT p.payment_id, p.kind, p.subfund, p.service_year, p.term, p.category, p.amount_fen, p.order_no, p.payee_name,
                  p.payee_number, p.payee_bank, p.payee_cnaps
             FROM fund.person_payment p
             LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
             LEFT JOIN payments.state s ON s.state = o.state
            WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.state = 'approved' AND coalesce(s.releases, true)
            ORDER BY p.due_on, p.amount_fen, p.payment_id FOR UPDATE OF p""",
        region=tx.region,
        fund=fund,
    )
    wished = [
        Wish(
            key,
            PERSON,
            ItemDraft(PERSON_SOURCE, Dimensions(PERSON, subfund, year, term, category), fen),
            Account(*payee),
            f"{term}{'生育津贴' if kind == 'maternity_allowance' else '零星报销'}{FUND_NAMES[fund]}",
            before,
            "",
        )
        for key, kind, subfund, year, term, category, fen, before, *payee in rows
    ]
    batch, skipped, links = _draft(tx, fund, "person", wished, pay_date)
    tx.run_many(
        "UPDATE fund.person_payment SET order_no = %(order)s WHERE region = %(region)s AND payment_id = %(key)s",
        links,
    )
    return Ordered([] if batch is None else [batch], skipped)


def drafted_fen(tx: Transaction, fund: int, account: str) -> int:
    """What already lies in drafts on an account: it is spoken for, though not yet approved; fen."""
    return int(
        tx.value(
            """SELECT coalesce(sum(amount_fen), 0)::bigint FROM payments.pay_order
                WHERE region = %(region)s AND fund = %(fund)s AND account = %(account)s AND state = 'draft'""",
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


def _draft(
    tx: Transaction, fund: int, kind: BatchKind, wished: Sequence[Wish], pay_date: date
) -> tuple[Batch | None, list[Skipped], list[dict[str, object]]]:
    """One batch of what can be paid, what cannot with its reason, and which order pays which request."""
    account = account_of(tx, fund, "1004")
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户，不能拨付")
    left = available_fen(tx, fund, account) - drafted_fen(tx, fund, account)
    left -= reserved_before(tx, fund, kind, pay_date)
    skipped: list[Skipped] = []
    orders: list[OrderDraft] = []
    keys: list[str] = []
    for wish in wished:
        fen = wish.item.amount_fen
        reason = wish.blocked or ("over_available" if fen > left else "")
        if reason or wish.payee is None:
            skipped.append(Skipped(wish.key, wish.institution, reason or "payee_missing", fen))
            continue
        left -= fen
        keys.append(wish.key)
        orders.append(
            OrderDraft(wish.institution, [wish.item], [], wish.payee, wish.purpose, account, wish.replaces)
        )
    if not orders:
        return None, skipped, []
    count = tx.value(
        "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s",
        region=tx.region,
        fund=fund,
        day=pay_date,
    )
    batch_id = f"{_LETTERS[kind]}{tx.region}-{fund}-{pay_date:%Y%m%d}-{count + 1}"
    batch = create_batch(tx, BatchDraft(tx.region, fund, kind, batch_id, pay_date, pay_date, orders))
    links: list[dict[str, object]] = [
        {"region": tx.region, "order": order_no, "key": key}
        for order_no, key in zip(batch.order_nos, keys, strict=True)
    ]
    return batch, skipped, links
