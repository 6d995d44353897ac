"""The daily payout run 日拨付 (arts. 9–12, procedure.md 2): book what arrived, draft what is owed up to D−1.

One transaction a region. Running it twice drafts nothing twice: what is in an order is not owed a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Engine

from adapters.banks.ports import Account
from ledger.books.setup import books_of, open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book, Dimensions
from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.cash_forecast import Reserved
from ledger.fund.cash_requests import choice
from ledger.fund.drafting import next_batch_id, require_working_day
from ledger.fund.purse import Purse, open_purse, waits_json
from ledger.fund.recognise import RULES_SIGNER, recognise
from ledger.payments.draft import (
    DAILY_OPEN,
    Batch,
    BatchDraft,
    ItemDraft,
    OrderDraft,
    PayableDraft,
    create_batch,
)
from ledger.rules.policy import policy_on

BLOCK_REASONS: Final = {
    "suspended": "协议中止",
    "ended": "协议终止或不在协议期",
    "payee_missing": "没有已确认的收款账户",
    "payee_failed": "上次付款因账户原因失败，待核实",
    "not_due": "未到所选拨付周期",
    "negative": "净额不大于零，结转下次",
    "over_available": "超过支出户可用余额",
    "kinds_first": "可用余额须先留给应先付的款项",
    "held": "审核拦截，待处理",
}


@dataclass(frozen=True, slots=True)
class Blocked:
    """An amount the run could not order, and why."""

    fund: int
    institution: str
    reason: str
    amount_fen: int
    waits_for: Sequence[Reserved] = ()
    """With `kinds_first`: what has to be paid before it."""


@dataclass(frozen=True, slots=True)
class DailyRun:
    """What one run did: entries booked, batches drafted (with the digest to approve), amounts blocked."""

    region: int
    pay_date: date
    upto: date
    entries: int
    batches: Sequence[Batch]
    blocked: Sequence[Blocked]

    def as_json(self) -> dict[str, object]:
        """The run for machines; amounts in fen as text."""
        return {
            "region": self.region,
            "date": self.pay_date.isoformat(),
            "upto": self.upto.isoformat(),
            "entries": self.entries,
            "orders": sum(len(batch.order_nos) for batch in self.batches),
            "ordered_fen": str(sum(batch.total_fen for batch in self.batches)),
            "batches": [batch.as_json() for batch in self.batches],
            "blocked": [
                {
                    "fund": blocked.fund,
                    "institution": blocked.institution,
                    "reason": blocked.reason,
                    "amount_fen": str(blocked.amount_fen),
                    "waits_for": waits_json(blocked.waits_for),
                }
                for blocked in self.blocked
            ],
        }


@dataclass(frozen=True, slots=True)
class _Party:
    """An institution as the run sees it on the payout day."""

    state: str
    cycle: str
    enrolled_from: date
    payee: Account | None
    payee_failed: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What would be one order: an institution's open payables, or those of one failed order that is issued again.

    Records held by a finding of high severity (art. 18) stand apart with their reversals: they are never ordered.
    """

    institution: str
    replaces: str
    held: bool
    items: tuple[ItemDraft, ...]
    payables: tuple[PayableDraft, ...]
    oldest: date
    """The first discharge day it pays for."""

    @property
    def amount_fen(self) -> int:
        return sum(item.amount_fen for item in self.items)


def run_daily(engine: Engine, user: str, region: int, pay_date: date) -> DailyRun:
    """Book and draft the payout of `pay_date` for every book of `region` the user may work on.

    Raises InvalidInput `daily.not_working_day` (naming the next one), `calendar.unknown_year`; Forbidden
    `daily.not_maker`; Conflict `period.not_open`, `voucher.date_backwards`. Nothing is half done.
    """
    with unit_of_work(engine, user, region) as tx:
        return run_daily_in(tx, pay_date)


def run_daily_in(tx: Transaction, pay_date: date) -> DailyRun:
    """`run_daily` within a transaction of its region, for a caller that keeps something of its own beside it."""
    region, upto = tx.region, pay_date - timedelta(days=1)
    if not tx.value(
        "SELECT access.has_role(%(r)s, 0::smallint, %(u)s, '{maker,system}')", r=region, u=tx.user
    ):
        raise Forbidden("daily.not_maker", f"用户{tx.user}不是统筹区{region}的经办制单岗")
    require_working_day(tx, pay_date, "daily")
    entries = 0
    batches: list[Batch] = []
    blocked: list[Blocked] = []
    for book, _ in books_of(tx):
        open_period(tx, book, period_of(pay_date))
        policy = policy_on(tx, region, pay_date)
        entries += recognise(tx, book, policy, upto, pay_date, RULES_SIGNER)
        held = _draft_book(tx, book, pay_date, upto, batches)
        _keep_blocked(tx, book, pay_date, held)
        blocked += held
    return DailyRun(region, pay_date, upto, entries, batches, blocked)


def _draft_book(
    tx: Transaction, book: Book, pay_date: date, upto: date, batches: list[Batch]
) -> list[Blocked]:
    """Draft one book's batch; what cannot be ordered comes back with its reason."""
    purse = open_purse(tx, book.fund, "daily", pay_date)
    parties = _parties(tx, book, pay_date)
    blocked: list[Blocked] = []
    orders: list[OrderDraft] = []
    for candidate in _in_turn(tx, _candidates(tx, book, upto), pay_date, purse.left_fen):
        party = parties[candidate.institution]
        reason = _block_reason(candidate, party, pay_date, purse)
        if reason or party.payee is None:
            waits_for = purse.waits_for(reason)
            blocked.append(Blocked(book.fund, candidate.institution, reason, candidate.amount_fen, waits_for))
            continue
        purse.spend(candidate.amount_fen)
        orders.append(
            OrderDraft(
                candidate.institution,
                candidate.items,
                candidate.payables,
                party.payee,
                f"{upto:%Y%m%d}日拨付{FUND_NAMES[book.fund]}{candidate.institution}",
                purse.account,
                candidate.replaces,
            )
        )
    if orders:
        batch_id = next_batch_id(tx, book.fund, "daily", pay_date)
        batches.append(
            create_batch(tx, BatchDraft(book.region, book.fund, "daily", batch_id, pay_date, upto, orders))
        )
    return blocked


def _block_reason(candidate: _Candidate, party: _Party, pay_date: date, purse: Purse) -> str:
    """Why a candidate may not be ordered today, "" if it may. The order of the questions is the order of gravity."""
    if party.state != "active":
        return party.state
    if candidate.held:
        return "held"
    if candidate.amount_fen <= 0:
        return "negative"
    if party.payee_failed:
        return "payee_failed"
    if party.payee is None:
        return "payee_missing"
    if not _is_due(party, pay_date):
        return "not_due"
    return purse.refusal(candidate.amount_fen)


def _is_due(party: _Party, pay_date: date) -> bool:
    """The institution's own choice of cycle, counted from its enrolment."""
    days = (pay_date - party.enrolled_from).days
    return party.cycle == "daily" or (days % 2 == 0 if party.cycle == "second_day" else days % 7 == 0)


def _parties(tx: Transaction, book: Book, pay_date: date) -> dict[str, _Party]:
    """Every institution's standing on the payout day."""
    return {
        code: _Party(
            state,
            cycle or "daily",
            since or pay_date,
            None if number is None else Account(name, number, bank, cnaps),
            failed,
        )
        for code, state, cycle, since, name, number, bank, cnaps, failed in tx.rows(
            """SELECT i.institution,
                      CASE WHEN i.agreement_state <> 'active' THEN i.agreement_state
                           WHEN %(day)s NOT BETWEEN i.agreement_from AND i.agreement_to THEN 'ended' ELSE 'active' END,
                      e.cycle, e.from_day, p.name, p.number, p.bank_name, p.cnaps,
                      coalesce((SELECT l.state = 'failed' FROM fund.payee_account l
                                 WHERE l.region = i.region AND l.institution = i.institution AND l.state <> 'proposed'
                                 ORDER BY l.version DESC LIMIT 1), false)
                 FROM fund.institution i
                 LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
                                           AND %(day)s BETWEEN e.from_day AND e.to_day
                 LEFT JOIN fund.payee_account p ON p.region = i.region AND p.institution = i.institution
                                               AND p.state = 'confirmed'
                WHERE i.region = %(region)s""",
            region=book.region,
            day=pay_date,
        )
    }


def _candidates(tx: Transaction, book: Book, upto: date) -> list[_Candidate]:
    """Open daily payables up to `upto`, by institution; those of a failed or returned order stay together (re-issue).

    Originals and reversals are items of their own even under one key: under policy P2 each has its own line (A11).
    """
    rows = tx.rows(
        """SELECT p.institution, coalesce(f.order_no, ''), h.setl_id IS NOT NULL, p.service_year, p.term, p.category, p.daily_fen < 0,
                  sum(p.daily_fen)::bigint, array_agg(p.setl_id ORDER BY p.setl_id), array_agg(p.daily_fen ORDER BY p.setl_id),
                  min(p.day)
             FROM fund.payable p
             LEFT JOIN (SELECT d.setl_id, d.subfund, max(o.order_no) AS order_no
                          FROM payments.pay_order o JOIN payments.order_payable d ON d.region = o.region AND d.order_no = o.order_no
                         WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.state IN ('rejected', 'returned')
                         GROUP BY 1, 2) f ON f.setl_id = p.setl_id AND f.subfund = p.subfund
             LEFT JOIN (SELECT setl_id FROM fund.held WHERE region = %(region)s AND fund = %(fund)s AND released_by = ''
                        UNION SELECT r.setl_id FROM fund.held h
                          JOIN fund.record r ON r.region = h.region AND r.init_setl_id = h.setl_id AND r.init_setl_id <> ''
                         WHERE h.region = %(region)s AND h.fund = %(fund)s AND h.released_by = '') h ON h.setl_id = p.setl_id
            WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.day <= %(upto)s AND p.subfund = 'pool'
              AND p.order_no = '' AND p.settled_by = '' AND p.recognised_by <> '' AND p.daily_fen <> 0
            GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7""",
        region=book.region,
        fund=book.fund,
        upto=upto,
    )
    items: dict[tuple[str, str, bool], list[ItemDraft]] = {}
    payables: dict[tuple[str, str, bool], list[PayableDraft]] = {}
    oldest: dict[tuple[str, str, bool], date] = {}
    for institution, replaces, held, year, term, category, _, amount, setl_ids, amounts, day in rows:
        key = (institution, replaces, held)
        oldest[key] = min(day, oldest.get(key, day))
        items.setdefault(key, []).append(
            ItemDraft(DAILY_OPEN, Dimensions(institution, "pool", year, term, category), amount)
        )
        payables.setdefault(key, []).extend(
            PayableDraft(setl_id, "pool", fen) for setl_id, fen in zip(setl_ids, amounts, strict=True)
        )
    return [_Candidate(*key, tuple(items[key]), tuple(payables[key]), oldest[key]) for key in items]


def _in_turn(
    tx: Transaction, candidates: Sequence[_Candidate], pay_date: date, available: int
) -> Sequence[_Candidate]:
    """The order in which they get money: where it does not reach for all, by the region's dated choice."""
    if sum(max(candidate.amount_fen, 0) for candidate in candidates) <= available:
        return candidates
    if choice(tx, "short_money_first", pay_date, "oldest") == "smallest":
        return sorted(candidates, key=lambda c: (c.amount_fen, c.oldest, c.institution, c.replaces))
    return sorted(candidates, key=lambda c: (c.oldest, c.institution, c.replaces))


def _keep_blocked(tx: Transaction, book: Book, pay_date: date, blocked: Sequence[Blocked]) -> None:
    """The day's list of blocked amounts, replaced by each run."""
    tx.run(
        "DELETE FROM payments.blocked WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s",
        region=book.region,
        fund=book.fund,
        day=pay_date,
    )
    tx.run(
        """INSERT INTO payments.blocked
           SELECT %(region)s, %(fund)s, %(day)s, b.institution, string_agg(DISTINCT b.reason, ','), sum(b.amount)::bigint
             FROM unnest(%(institutions)s::text[], %(reasons)s::text[], %(amounts)s::bigint[]) AS b (institution, reason, amount)
            GROUP BY b.institution""",
        region=book.region,
        fund=book.fund,
        day=pay_date,
        institutions=[b.institution for b in blocked],
        reasons=[b.reason for b in blocked],
        amounts=[b.amount_fen for b in blocked],
    )
