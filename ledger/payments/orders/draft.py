"""A drafted batch: orders, what they are made of, the records they pay, and the digest a second person approves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.core.errors import InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.core.persons import PERSON
from ledger.core.text import flaw
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.claims import claim_outregion, claim_payables, require_sums
from ledger.payments.orders.numbers import ORDERS_SKIPPED, lifted_freezes
from ledger.payments.orders.values import Batch, BatchDraft, OrderDraft

ORDERS_PER_DAY_MAX: Final = 99_999
"""Five digits of a day's order number."""

ITEMS_PER_ORDER_MAX: Final = 10_000


def create_batch(tx: Transaction, draft: BatchDraft) -> Batch:
    """Store `draft` as the transaction's user and claim its payables (procedure.md 2.3, INV-10).

    Raises InvalidInput `batch.empty`, `batch.region`, `batch.too_many_orders`, `order.amount`, `order.items`,
    `order.character`, `order.sum` (the 9101 or 9502 items are not the sum of the records); Conflict `payable.not_open`,
    `outregion.not_open` when a record is not booked, already in an order, settled, of another institution or amount, and
    `db.duplicate` for a batch id that is taken; Forbidden unless the user is maker or system there; InFlight when
    another transaction drafts for the same book.
    """
    _check(tx, draft)
    order_nos = _number(tx, draft)
    numbered = list(zip(order_nos, draft.orders, strict=True))
    _store_orders(tx, draft, numbered)
    _store_items(tx, draft.region, numbered)
    claim_payables(tx, draft, numbered)
    claim_outregion(tx, draft, numbered)
    require_sums(tx, draft, order_nos)
    tx.run(
        "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name,"
        " business_date, reason, evidence) SELECT %(region)s, o, 1, 'draft', '', 'draft', %(user)s, %(day)s, '', ''"
        " FROM unnest(%(orders)s::text[]) AS o",
        region=draft.region,
        user=tx.user,
        day=draft.pay_date,
        orders=order_nos,
    )
    digest = tx.value(
        "SELECT payments.batch_digest(%(region)s, %(batch)s)", region=draft.region, batch=draft.batch_id
    )
    tx.run(
        "INSERT INTO payments.batch (region, fund, batch_id, kind, pay_date, upto, prepared_by, digest)"
        " VALUES (%(region)s, %(fund)s, %(batch)s, %(kind)s, %(pay_date)s, %(upto)s, %(user)s, %(digest)s)",
        region=draft.region,
        fund=draft.fund,
        batch=draft.batch_id,
        kind=draft.kind,
        pay_date=draft.pay_date,
        upto=draft.upto,
        user=tx.user,
        digest=digest,
    )
    total = sum(order.amount_fen for order in draft.orders)
    first = tx.rows(
        "SELECT order_no FROM payments.pay_order WHERE region = %(region)s AND batch_id = %(batch)s AND first_payment"
        " ORDER BY order_no",
        region=draft.region,
        batch=draft.batch_id,
    )
    return Batch(
        draft.region,
        draft.fund,
        draft.batch_id,
        draft.pay_date,
        digest,
        tuple(order_nos),
        total,
        tuple(order_no for (order_no,) in first),
    )


def _check(tx: Transaction, draft: BatchDraft) -> None:
    if tx.region != draft.region:
        raise InvalidInput("batch.region", f"批次{draft.batch_id}不属于当前统筹区{tx.region}")
    if not draft.orders:
        raise InvalidInput("batch.empty", f"批次{draft.batch_id}没有拨付单")
    for order in draft.orders:
        where = f"批次{draft.batch_id}机构{order.institution}"
        if order.amount_fen <= 0:
            raise InvalidInput(
                "order.amount", f"{where}的拨付金额{yuan_grouped(order.amount_fen)}元不大于零，应结转不应拨付"
            )
        if not 1 <= len(order.items) <= ITEMS_PER_ORDER_MAX:
            raise InvalidInput("order.items", f"{where}的构成有{len(order.items)}项")
        if any(item.dims.counterparty != order.institution for item in order.items):
            raise InvalidInput("order.items", f"{where}的构成含其他机构的款项")
        for text, field in (
            *((text, "编号") for text in (draft.batch_id, order.account, order.replaces) if text),
            (order.payee.name, "收款户名"),
            (order.payee.bank_name, "开户行"),
            (order.purpose, "摘要"),
        ):
            found = flaw(text, field)
            if found is not None:
                raise InvalidInput("order.character", f"{where}的{found.words}", field=field)


def _number(tx: Transaction, draft: BatchDraft) -> list[str]:
    """The next numbers of the book's payout day; the lock keeps two drafts of one book apart until commit."""
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s, '{maker,system}')",
        region=draft.region,
        fund=draft.fund,
    )
    hold(tx, Lock.DRAFT, f"{draft.region}-{draft.fund}")
    last = tx.value(
        "SELECT coalesce(max(right(o.order_no, 5)::integer), 0) FROM payments.batch b"
        " JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id"
        " WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.pay_date = %(day)s",
        region=draft.region,
        fund=draft.fund,
        day=draft.pay_date,
    )
    last = max(last, ORDERS_SKIPPED * lifted_freezes(tx, draft.pay_date))
    if last + len(draft.orders) > ORDERS_PER_DAY_MAX:
        raise InvalidInput(
            "batch.too_many_orders", f"{draft.pay_date}的拨付单将超过{ORDERS_PER_DAY_MAX}张", taken=last
        )
    prefix = f"FL{draft.region}-{draft.fund}-{draft.pay_date:%Y%m%d}-"
    return [f"{prefix}{number:05d}" for number in range(last + 1, last + len(draft.orders) + 1)]


def _kept(tx: Transaction, order: OrderDraft, text: str) -> str:
    """A person's name and account are sealed, an institution's are not."""
    return fields(tx).seal(text) if order.institution == PERSON else text


def _token(tx: Transaction, order: OrderDraft) -> str:
    """What an account in clear is counted by together with a person's; nothing in a home without its key, which pays no persons."""
    try:
        return "" if order.institution == PERSON else fields(tx).seal(order.payee.number)
    except NotFound:
        return ""


def _store_orders(tx: Transaction, draft: BatchDraft, numbered: Sequence[tuple[str, OrderDraft]]) -> None:
    """The orders as drafts. Arrays, because COPY does not go through row security and rows one by one are slow."""
    orders = [order for _, order in numbered]
    tx.run(
        "INSERT INTO payments.pay_order (region, order_no, fund, batch_id, institution, amount_fen, account,"
        " payee_name, payee_number, payee_bank, payee_cnaps, purpose, replaces, payee_token, state)"
        " SELECT %(region)s, order_no, %(fund)s, %(batch)s, institution, amount_fen, account, payee_name,"
        " payee_number, payee_bank, payee_cnaps, purpose, replaces, payee_token, 'draft'"
        " FROM unnest(%(orders)s::text[], %(institutions)s::text[], %(amounts)s::bigint[], %(accounts)s::text[],"
        " %(names)s::text[], %(numbers)s::text[], %(banks)s::text[], %(cnaps)s::text[], %(purposes)s::text[],"
        " %(replaced)s::text[], %(tokens)s::text[]) AS o (order_no, institution, amount_fen, account, payee_name, payee_number,"
        " payee_bank, payee_cnaps, purpose, replaces, payee_token)",
        region=draft.region,
        fund=draft.fund,
        batch=draft.batch_id,
        orders=[order_no for order_no, _ in numbered],
        institutions=[order.institution for order in orders],
        amounts=[order.amount_fen for order in orders],
        accounts=[order.account for order in orders],
        names=[_kept(tx, order, order.payee.name) for order in orders],
        numbers=[_kept(tx, order, order.payee.number) for order in orders],
        banks=[order.payee.bank_name for order in orders],
        cnaps=[order.payee.cnaps for order in orders],
        purposes=[order.purpose for order in orders],
        replaced=[order.replaces for order in orders],
        tokens=[_token(tx, order) for order in orders],
    )


def _store_items(tx: Transaction, region: int, numbered: Sequence[tuple[str, OrderDraft]]) -> None:
    rows = [(no, n, item) for no, order in numbered for n, item in enumerate(order.items, 1)]
    tx.run(
        "INSERT INTO payments.order_item (region, order_no, n, source, subfund, service_year, term, category,"
        " amount_fen) SELECT %(region)s, * FROM unnest(%(orders)s::text[], %(ns)s::smallint[], %(sources)s::integer[],"
        " %(subfunds)s::text[], %(years)s::smallint[], %(terms)s::integer[], %(categories)s::text[],"
        " %(amounts)s::bigint[])",
        region=region,
        orders=[no for no, _, _ in rows],
        ns=[n for _, n, _ in rows],
        sources=[item.source for _, _, item in rows],
        subfunds=[item.dims.subfund for _, _, item in rows],
        years=[item.dims.service_year for _, _, item in rows],
        terms=[item.dims.term for _, _, item in rows],
        categories=[item.dims.category for _, _, item in rows],
        amounts=[item.amount_fen for _, _, item in rows],
    )
