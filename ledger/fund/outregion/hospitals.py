"""Orders to our hospitals for other regions' patients (X10): out of those regions' money, never a benefit of this fund.

From here an order goes the way of every other: approved by another person under its digest, filed, sent, booked at its
receipt; rejected or returned, its records are open again and go into a new order that names the failed one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.core.accounts import CARE_OWED, SPENDING_KIND
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.payees import Payee, payees
from ledger.fund.ordering.draft import REFUSALS, result_blocked
from ledger.fund.outregion.money import AccountMoney, open_money, store_batch
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.values import Batch, ItemDraft, OrderDraft, OutregionDraft

REASONS: Final = REFUSALS | words_of("outregion.blocked")


@dataclass(frozen=True, slots=True)
class HospitalBlocked:
    """What could not be ordered for a hospital, and why (REASONS)."""

    institution: str
    reason: str
    amount_fen: int

    @property
    def words(self) -> str:
        """For people."""
        return f"机构{self.institution}{yuan_grouped(self.amount_fen)}元：{REASONS[self.reason]}"


@dataclass(frozen=True, slots=True)
class HospitalOrders:
    """What one drafting made: `institutions` in the order of the batch's orders."""

    batch: Batch | None
    institutions: Sequence[str]
    blocked: Sequence[HospitalBlocked]


@dataclass(slots=True)
class _Open:
    """The open records of a hospital that one order would pay: those that failed together stay together."""

    institution: str
    replaces: str
    payee: Payee
    records: list[OutregionDraft]
    keys: dict[tuple[int, int, str], int]
    """(service year, 期号, the patients' region) → fen."""
    term: int = 0

    @property
    def amount_fen(self) -> int:
        return sum(self.keys.values())

    def uses(self) -> dict[str, int]:
        """By region of the patients; fen."""
        found: dict[str, int] = {}
        for (_, _, region), fen in self.keys.items():
            found[region] = found.get(region, 0) + fen
        return found


def draft_hospital_orders(
    tx: Transaction, fund: int, term: int, pay_date: date, bears: BearsOf = any_bank
) -> HospitalOrders:
    """Draft one batch with an order for every hospital that treated other regions' patients up to 期号 `term`, as maker.

    A reversal is taken off as soon as it is known, whatever its 期号, and no hospital is ordered more than it is owed in all.
    Raises Conflict `book.no_account`; Forbidden `access.role_missing`. Drafting again orders nothing twice.
    """
    money = open_money(tx, fund, SPENDING_KIND, pay_date, bears)
    blocked: list[HospitalBlocked] = []
    ready: list[tuple[str, OrderDraft]] = []
    open_records = _open_records(tx, fund, term, pay_date)
    owed = _owed_in_all(tx, fund, [one.institution for one in open_records])
    for one in open_records:
        purpose = f"{one.term}异地就医{FUND_NAMES[fund]}{one.institution}"
        reason = "negative" if one.amount_fen > owed[one.institution] else _reason(one, money, purpose)
        if reason or one.payee.account is None:
            blocked.append(HospitalBlocked(one.institution, reason, one.amount_fen))
            continue
        owed[one.institution] -= one.amount_fen
        items = [
            ItemDraft(CARE_OWED, Dimensions(one.institution, "", year, of_term, region), fen)
            for (year, of_term, region), fen in sorted(one.keys.items())
            if fen
        ]
        order = OrderDraft(
            one.institution, items, (), one.payee.account, purpose, money.account, one.replaces, one.records
        )
        ready.append((one.institution, order))
    if not ready:
        return HospitalOrders(None, (), blocked)
    batch = store_batch(tx, fund, pay_date, [order for _, order in ready])
    return HospitalOrders(batch, [institution for institution, _ in ready], blocked)


def _reason(one: _Open, money: AccountMoney, purpose: str) -> str:
    reason = result_blocked(one.amount_fen, one.payee, "")
    if reason or one.payee.account is None:
        return reason or "payee_missing"
    if money.can_bear(one.payee.account, purpose):
        return "unbearable"
    refusal = money.refusal(one.amount_fen, one.uses())
    if not refusal:
        money.take(one.amount_fen, one.uses())
    return refusal


def _open_records(tx: Transaction, fund: int, term: int, day: date) -> list[_Open]:
    found: dict[tuple[str, str], _Open] = {}
    rows = tx.rows(
        """SELECT r.institution, coalesce(f.order_no, ''), r.setl_id, r.service_year, r.term, r.counterparty::text, r.amount_fen
             FROM fund.outregion_record r
             LEFT JOIN LATERAL (SELECT max(o.order_no) AS order_no FROM payments.order_outregion d
                                  JOIN payments.pay_order o ON o.region = d.region AND o.order_no = d.order_no
                                 WHERE d.region = r.region AND d.fund = r.fund AND d.setl_id = r.setl_id
                                   AND o.state IN ('rejected', 'returned')) f ON true
            WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.side = 'care' AND r.order_no = ''
              AND (r.term <= %(term)s OR r.amount_fen < 0)
            ORDER BY r.institution COLLATE "C", 2, r.setl_id COLLATE "C" FOR UPDATE OF r""",
        region=tx.region,
        fund=fund,
        term=term,
    )
    paid_to = payees(tx, {row[0] for row in rows}, day)
    for institution, replaces, setl_id, year, of_term, region, fen in rows:
        payee = paid_to[institution]
        one = found.setdefault((institution, replaces), _Open(institution, replaces, payee, [], {}))
        one.records.append(OutregionDraft(setl_id, fen))
        key = (year, of_term, region)
        one.keys[key] = one.keys.get(key, 0) + fen
        one.term = max(one.term, of_term)
    return _netted(list(found.values()))


def _netted(candidates: Sequence[_Open]) -> list[_Open]:
    """As daily payments (art. 12): where reversals outweigh in one of a hospital's, all that is open for it is one order."""
    groups: dict[str, list[_Open]] = {}
    for one in candidates:
        groups.setdefault(one.institution, []).append(one)
    found: list[_Open] = []
    for group in groups.values():
        if len(group) == 1 or min(one.amount_fen for one in group) > 0:
            found += group
            continue
        whole = _Open(group[0].institution, max(one.replaces for one in group), group[0].payee, [], {})
        for one in group:
            whole.records += one.records
            whole.term = max(whole.term, one.term)
            for key, fen in one.keys.items():
                whole.keys[key] = whole.keys.get(key, 0) + fen
        found.append(whole)
    return found


def _owed_in_all(tx: Transaction, fund: int, institutions: Sequence[str]) -> dict[str, int]:
    """What no order has taken yet, of every 期号, by hospital; fen."""
    return dict(
        tx.rows(
            """SELECT institution, sum(amount_fen)::bigint FROM fund.outregion_record
                WHERE region = %(region)s AND fund = %(fund)s AND side = 'care' AND order_no = ''
                  AND institution = ANY (%(institutions)s) GROUP BY institution""",
            region=tx.region,
            fund=fund,
            institutions=list(institutions),
        )
    )
