"""The daily payout run 日拨付 (arts. 9–12, procedure.md 2): book what arrived, draft what is owed up to D−1.

One transaction a region. Running it twice drafts nothing twice: what is in an order is not owed a second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ledger.books.setup import books_of, open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book
from ledger.core.errors import Forbidden
from ledger.core.words import words_of
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.daily.open import Candidate, Party, in_turn, is_due, open_candidates, parties_on
from ledger.fund.daily.recognise import recognise
from ledger.fund.ordering.available import Available, open_available, waits_json
from ledger.fund.ordering.draft import next_batch_id, require_working_day, result_blocked
from ledger.fund.ordering.forecast import Reserved
from ledger.fund.ordering.owed import owed_daily
from ledger.fund.region.calendar import read_calendar
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import Batch, BatchDraft, OrderDraft
from ledger.rules.policy import RULES_SIGNER, policy_on

BLOCK_REASONS: Final = words_of("daily.blocked")


@dataclass(frozen=True, slots=True)
class Blocked:
    """An amount the run could not order, and why."""

    fund: int
    institution: str
    reason: str
    amount_fen: int
    waits_for: Sequence[Reserved] = ()
    """With `kinds_first`: what has to be paid before it."""
    detail: str = ""
    """With `unbearable`: which field, which character."""

    @property
    def words(self) -> str:
        """Why, for people."""
        return self.detail or BLOCK_REASONS[self.reason]


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
                    "detail": blocked.detail,
                }
                for blocked in self.blocked
            ],
        }


def run_daily(engine: Engine, user: str, region: int, pay_date: date, bears: BearsOf = any_bank) -> DailyRun:
    """Book and draft the payout of `pay_date` for every book of `region` the user may work on.

    Raises InvalidInput `daily.not_working_day` (naming the next one), `calendar.unknown_year`; Forbidden
    `daily.not_maker`; Conflict `period.closed`, `voucher.date_backwards`. Nothing is half done.
    """
    with unit_of_work(engine, user, region) as tx:
        return run_daily_in(tx, pay_date, bears)


def run_daily_in(tx: Transaction, pay_date: date, bears: BearsOf = any_bank) -> DailyRun:
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
        held = _draft_book(tx, book, pay_date, upto, batches, bears)
        _keep_blocked(tx, book, pay_date, held)
        blocked += held
    return DailyRun(region, pay_date, upto, entries, batches, blocked)


def _draft_book(
    tx: Transaction, book: Book, pay_date: date, upto: date, batches: list[Batch], bears: BearsOf
) -> list[Blocked]:
    """Draft one book's batch; what cannot be ordered comes back with its reason."""
    available = open_available(tx, book.fund, "daily", pay_date, bears)
    parties = parties_on(tx, book, pay_date)
    calendar = read_calendar(tx)
    blocked: list[Blocked] = []
    orders: list[OrderDraft] = []
    owed = owed_daily(tx, book.fund, parties)
    for candidate in in_turn(tx, open_candidates(tx, book, upto), pay_date, available.left_fen):
        party = parties[candidate.institution]
        purpose = f"{upto:%Y%m%d}日拨付{FUND_NAMES[book.fund]}{candidate.institution}"
        due = is_due(party, pay_date, calendar)
        reason, detail = _block_reason(
            candidate, party, available, purpose, owed[candidate.institution], due=due
        )
        if reason or party.payee.account is None:
            waits_for = available.waits_for(reason)
            blocked.append(
                Blocked(book.fund, candidate.institution, reason, candidate.amount_fen, waits_for, detail)
            )
            continue
        available.spend(candidate.amount_fen, party.payee.account)
        owed[candidate.institution] -= candidate.amount_fen
        orders.append(
            OrderDraft(
                candidate.institution,
                candidate.items,
                candidate.payables,
                party.payee.account,
                purpose,
                available.account,
                candidate.replaces,
            )
        )
    if orders:
        batch_id = next_batch_id(tx, book.fund, "daily", pay_date)
        batches.append(
            create_batch(tx, BatchDraft(book.region, book.fund, "daily", batch_id, pay_date, upto, orders))
        )
    return blocked


def _block_reason(
    candidate: Candidate, party: Party, available: Available, purpose: str, owed_fen: int, *, due: bool
) -> tuple[str, str]:
    """Why a candidate may not be ordered today, "" if it may, and what people should know beside it. The order of the
    questions is the order of gravity. `owed_fen` is what the institution is owed in all, reversals that came in since and
    are not booked yet taken off.
    """
    if party.state != "active":
        return party.state, ""
    blocked = result_blocked(candidate.amount_fen, party.payee, "held" if candidate.held else "")
    if blocked:
        return blocked, party.payee.held if blocked == "payee_held" else ""
    if party.payee.account is None:
        return "payee_missing", ""
    detail = available.can_bear(party.payee.account, purpose)
    if detail:
        return "unbearable", detail
    if not due:
        return "not_due", ""
    if candidate.amount_fen > owed_fen:
        return "reversed", ""
    return available.refusal(candidate.amount_fen, party.payee.account), ""


def _keep_blocked(tx: Transaction, book: Book, pay_date: date, blocked: Sequence[Blocked]) -> None:
    """The run and its list of blocked amounts, beside those of the day's earlier runs: none is ever taken back."""
    listed: dict[str, tuple[set[str], int, str]] = {}
    for one in blocked:
        reasons, amount, detail = listed.get(one.institution, (set[str](), 0, ""))
        listed[one.institution] = reasons | {one.reason}, amount + one.amount_fen, one.detail or detail
    run = tx.value(
        """INSERT INTO payments.daily_run (region, fund, pay_date, run, made_by, blocked, blocked_fen)
           SELECT %(region)s, %(fund)s, %(day)s, coalesce(max(run), 0) + 1, %(user)s, %(count)s, %(fen)s
             FROM payments.daily_run WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s
           RETURNING run""",
        region=book.region,
        fund=book.fund,
        day=pay_date,
        user=tx.user,
        count=len(listed),
        fen=sum(amount for _, amount, _ in listed.values()),
    )
    if not listed:
        return
    tx.run(
        """INSERT INTO payments.blocked (region, fund, pay_date, run, institution, reason, amount_fen, detail)
           SELECT %(region)s, %(fund)s, %(day)s, %(run)s, b.*
             FROM unnest(%(institutions)s::text[], %(reasons)s::text[], %(amounts)s::bigint[], %(details)s::text[]) AS b""",
        region=book.region,
        fund=book.fund,
        day=pay_date,
        run=run,
        institutions=list(listed),
        reasons=[",".join(sorted(reasons)) for reasons, _, _ in listed.values()],
        amounts=[amount for _, amount, _ in listed.values()],
        details=[detail for _, _, detail in listed.values()],
    )
