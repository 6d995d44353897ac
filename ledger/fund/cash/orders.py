"""Orders for what is approved but owed in no memorandum account: advances, and payments to persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from adapters.banks.ports import BankAccount
from ledger.core.accounts import BENEFITS
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.persons import PERSON
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.advance import link_orders
from ledger.fund.advances.offset import KIND_ACCOUNTS, KIND_NAMES
from ledger.fund.institutions.payees import payees
from ledger.fund.ordering.available import available_fen, drafted_fen, open_available
from ledger.fund.ordering.draft import Drafted, RefusedWish, Wish, draft
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.order import opened_account
from ledger.payments.orders.values import Batch, BatchKind, ItemDraft

__all__ = ["Ordered", "available_fen", "drafted_fen", "order_advances", "order_persons"]


@dataclass(frozen=True, slots=True)
class Ordered:
    """What one drafting did."""

    batches: Sequence[Batch]
    skipped: Sequence[RefusedWish]
    """By request: payee_missing, payee_failed, payee_held, payee_limit, suspended, over_available, kinds_first."""


def order_advances(tx: Transaction, fund: int, pay_date: date, bears: BearsOf = any_bank) -> Ordered:
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
              AND a.order_no NOT LIKE 'OPEN:%%'
            ORDER BY a.due_on, a.amount_fen, a.advance_id FOR UPDATE OF a""",
        region=tx.region,
        fund=fund,
        day=pay_date,
    )
    held = payees(tx, {row[1] for row in rows}, pay_date)
    wishes: dict[BatchKind, list[Wish]] = {"advance": [], "supplier": []}
    for key, institution, kind, year, term, fen, before, *accounts, stopped in rows:
        supplier = kind == "supplier"
        named = accounts[:4] if supplier else accounts[4:]
        payee = None if named[1] is None else BankAccount(*named)
        item = ItemDraft(KIND_ACCOUNTS[kind], Dimensions(institution), fen)
        when = f"{year}年" if kind == "prepayment" else f"{term}期"
        purpose = f"{when}{KIND_NAMES[kind]}{FUND_NAMES[fund]}{institution}"
        # A suspended institution gets nothing in advance; its supplier delivered already.
        blocked = "suspended" if stopped and not supplier else ""
        if not blocked and not supplier and held[institution].held:
            blocked = "payee_held"
        wishes["supplier" if supplier else "advance"].append(
            Wish(key, institution, [item], payee, purpose, pay_date, before, blocked)
        )
    done = [
        draft(tx, open_available(tx, fund, kind, pay_date, bears), pay_date, wished)
        for kind, wished in wishes.items()
    ]
    for drafted in done:
        link_orders(tx, _links(tx, drafted))
    return Ordered([d.batch for d in done if d.batch is not None], [r for d in done for r in d.refused])


def order_persons(tx: Transaction, fund: int, pay_date: date, bears: BearsOf = any_bank) -> Ordered:
    """Draft one order for every approved payment to a person that is in no live order; raises as `order_advances`.

    What came back for its account waits (`payee_failed`) until two persons said where it is paid instead.
    """
    rows = tx.rows(
        """SELECT p.payment_id, p.kind, p.subfund, p.service_year, p.term, p.category, p.amount_fen, p.order_no,
                  coalesce(a.state <> 'approved', false), coalesce(a.payee_name, p.payee_name),
                  coalesce(a.payee_number, p.payee_number), coalesce(a.payee_bank, p.payee_bank), coalesce(a.payee_cnaps, p.payee_cnaps)
             FROM fund.person_payment p
             LEFT JOIN LATERAL (SELECT f.* FROM fund.person_account f
                                 WHERE f.region = p.region AND f.payment_id = p.payment_id ORDER BY f.n DESC LIMIT 1) a ON true
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
            [ItemDraft(BENEFITS, Dimensions(PERSON, subfund, year, term, category), fen)],
            None if failed else opened_account(tx, *payee),
            f"{term}{'生育津贴' if kind == 'maternity_allowance' else '零星报销'}{FUND_NAMES[fund]}",
            pay_date,
            before,
            "payee_failed" if failed else "",
        )
        for key, kind, subfund, year, term, category, fen, before, failed, *payee in rows
    ]
    drafted = draft(tx, open_available(tx, fund, "person", pay_date, bears), pay_date, wished)
    tx.run_many(
        "UPDATE fund.person_payment SET order_no = %(order)s WHERE region = %(region)s AND payment_id = %(key)s",
        _links(tx, drafted),
    )
    return Ordered([] if drafted.batch is None else [drafted.batch], drafted.refused)


def _links(tx: Transaction, drafted: Drafted) -> list[dict[str, object]]:
    """Which order pays which request."""
    order_nos = () if drafted.batch is None else drafted.batch.order_nos
    return [
        {"region": tx.region, "order": order_no, "key": wish.key}
        for order_no, wish in zip(order_nos, drafted.met, strict=True)
    ]
