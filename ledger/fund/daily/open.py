"""What is open for a daily payout, by institution: who it is, what it is owed, and in which turn it gets money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ledger.core.accounts import DAILY_OWED
from ledger.core.dates import Calendar
from ledger.core.entries import Book, Dimensions
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.payees import Payee, payees
from ledger.fund.region.policy import choice
from ledger.payments.orders.values import ItemDraft, PayableDraft


@dataclass(frozen=True, slots=True)
class Party:
    """An institution as the run sees it on the payout day."""

    state: str
    cycle: str
    enrolled_from: date
    payee: Payee


@dataclass(frozen=True, slots=True)
class Candidate:
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
        """The sum of the items, in fen."""
        return sum(item.amount_fen for item in self.items)


_EVERY: Final = {"daily": 1, "second_day": 2, "weekly": 7}


def is_due(party: Party, pay_date: date, calendar: Calendar) -> bool:
    """Whether a working day is a payout day by the institution's own choice of cycle, counted from its enrolment (art. 6).

    A payout day that is no working day moves to the next one; several such days are one payout. Raises InvalidInput
    `calendar.unknown_year` where that cannot be told.
    """
    every = _EVERY[party.cycle]
    day = pay_date
    while day >= party.enrolled_from:
        if (day - party.enrolled_from).days % every == 0:
            return True
        day -= timedelta(days=1)
        if calendar.is_working_day(day):
            return False
    return False


def parties_on(tx: Transaction, book: Book, pay_date: date) -> dict[str, Party]:
    """Every institution's standing on the payout day."""
    rows = tx.rows(
        """SELECT i.institution,
                  CASE WHEN i.agreement_state <> 'active' THEN i.agreement_state
                       WHEN %(day)s NOT BETWEEN i.agreement_from AND i.agreement_to THEN 'ended' ELSE 'active' END,
                  coalesce(e.cycle, 'daily'), coalesce(e.from_day, %(day)s)
             FROM fund.institution i
             LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
                                       AND %(day)s BETWEEN e.from_day AND e.to_day
            WHERE i.region = %(region)s""",
        region=book.region,
        day=pay_date,
    )
    paid_to = payees(tx, [row[0] for row in rows], pay_date)
    return {code: Party(state, cycle, since, paid_to[code]) for code, state, cycle, since in rows}


def open_candidates(tx: Transaction, book: Book, upto: date) -> list[Candidate]:
    """Open daily payables up to `upto`, by institution; those of a failed or returned order stay together (re-issue).

    Originals and reversals are items of their own even under one key: under policy P2 each has its own line (A11). Where
    reversals outweigh in one of an institution's candidates, all that is open for it is one order, netted (art. 12).
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
            ItemDraft(DAILY_OWED, Dimensions(institution, "pool", year, term, category), amount)
        )
        payables.setdefault(key, []).extend(
            PayableDraft(setl_id, "pool", fen) for setl_id, fen in zip(setl_ids, amounts, strict=True)
        )
    return _netted([Candidate(*key, tuple(items[key]), tuple(payables[key]), oldest[key]) for key in items])


def _netted(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate where an institution's reversals outweigh in one: what came back is paid again less what was reversed."""
    groups: dict[tuple[str, bool], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.institution, candidate.held), []).append(candidate)
    found: list[Candidate] = []
    for (institution, held), group in groups.items():
        if held or len(group) == 1 or min(one.amount_fen for one in group) > 0:
            found += group
            continue
        found.append(
            Candidate(
                institution,
                max(one.replaces for one in group),
                held,
                tuple(item for one in group for item in one.items),
                tuple(payable for one in group for payable in one.payables),
                min(one.oldest for one in group),
            )
        )
    return found


def in_turn(
    tx: Transaction, candidates: Sequence[Candidate], pay_date: date, available: int
) -> Sequence[Candidate]:
    """The order in which they get money: where it does not reach for all, by the region's dated choice."""
    if sum(max(candidate.amount_fen, 0) for candidate in candidates) <= available:
        return candidates
    if choice(tx, "short_money_first", pay_date, "oldest") == "smallest":
        return sorted(candidates, key=lambda c: (c.amount_fen, c.oldest, c.institution, c.replaces))
    return sorted(candidates, key=lambda c: (c.oldest, c.institution, c.replaces))
