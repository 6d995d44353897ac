"""Simulated money that institutions pay back, by its doors: this year's expense, an earlier year's, what is still an
advance, a prepayment, a penalty. What an institution did not owe goes out to it again with the month or the clearing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from adapters.banks.ports import Direction
from ledger.core.accounts import CLEARING_OWED, MONTH_OWED, coded
from ledger.core.dates import period_of
from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.advance import read_advances
from ledger.fund.refunds.refund import ORDERED_BY, RefundLine, RefundRequest, approve_refund, request_refund
from ledger.simulation.people import FISCAL_ACCOUNT
from ledger.simulation.town import Decided, Town

REFUND_FROM: Final = 16
_GONE: Final = frozenset({"refund.not_expensed", "advance.over_paid", "advance.not_paid"})


class _Spent(NamedTuple):
    """What an institution was paid under a key, and how it stands in the statutory books now."""

    door: str
    subfund: str
    service_year: int
    term: int
    category: str
    fen: int


def live_refunds(town: Town, day: date) -> None:
    """Once a month some institutions pay back; one that owes from its clearing pays what it owes."""
    if day.day < REFUND_FROM or not town.first("refunds", period_of(day)):
        return
    for made in town.institutions:
        for fund in FUNDS:
            dice = town.dice(day, f"refund {fund} {made.code}")
            with town.tx("maker") as tx:
                spent, debt = _spent(tx, fund, made.code, day.year), _debt(tx, fund, made.code)
            if debt:
                _benefit(town, fund, made.code, spent, debt, dice, day)
            elif town.happens(dice, "refund"):
                _some(town, fund, made.code, spent, dice, day)


def _some(town: Town, fund: int, code: str, spent: Sequence[_Spent], dice: random.Random, day: date) -> None:
    kind = dice.choice(("benefit", "benefit", "benefit", "prepaid", "penalty"))
    if kind == "benefit":
        _benefit(town, fund, code, spent, 0, dice, day)
        return
    advance, fen = "", dice.randrange(1_00, 5_000_00)
    if kind == "prepaid":
        with town.tx("maker") as tx:
            left = [a for a in read_advances(tx, fund=fund, institution=code) if a.left_fen > 1]
        if not left:
            return
        advance, fen = left[0].advance_id, max(1, left[0].left_fen * dice.randrange(10, 90) // 100)
    _pay_back(town, fund, code, kind, fen, (), advance, dice, day)


def _benefit(
    town: Town, fund: int, code: str, spent: Sequence[_Spent], debt: int, dice: random.Random, day: date
) -> None:
    """Part of what was paid under one key; a debt from the clearing out of the key that can bear it."""
    found = [one for one in spent if one.fen >= max(debt, 100)]
    if not found:
        return
    one = max(found, key=lambda key: (key.fen, key)) if debt else dice.choice(found)
    fen = debt or max(1, one.fen * dice.randrange(1, 6) // 100)
    with town.tx("maker") as tx:
        cleared = tx.value(
            "SELECT EXISTS (SELECT 1 FROM fund.letter WHERE region = %(region)s AND fund = %(fund)s"
            " AND institution = %(code)s AND year = %(year)s AND state = 'confirmed')",
            region=tx.region, fund=fund, code=code, year=one.service_year,
        )  # fmt: skip
    source = CLEARING_OWED if cleared else MONTH_OWED
    line = RefundLine(source, one.subfund, one.service_year, one.term, one.category, fen)
    _pay_back(town, fund, code, one.door, fen, (line,), "", dice, day)


def _pay_back(
    town: Town,
    fund: int,
    code: str,
    kind: str,
    fen: int,
    lines: Sequence[RefundLine],
    advance: str,
    dice: random.Random,
    day: date,
) -> None:
    """The money is in the fiscal special account; one enters it, another approves."""
    paper = f"退{day:%Y%m%d}-{fund}-{code}"
    ordered = dice.choice(sorted(ORDERED_BY))

    def asked(receipt: str) -> RefundRequest:
        return RefundRequest(
            fund, code, kind, ordered, FISCAL_ACCOUNT.number, day, fen, paper, receipt, lines, advance
        )

    if not _would_be_taken(town, asked(f"缴{paper}"), day):
        town.count("refunds_refused")
        return
    receipt = town.bank.move_fiscal(Direction.CREDIT, fen, town.master[code].payee, f"退回{paper}", day)
    with town.tx("maker") as tx:
        refund = request_refund(tx, asked(receipt), day)
    with town.tx("checker") as tx:
        approve_refund(tx, refund.refund_id, day)
    town.count(f"refund_{kind}")
    subfund, year, term = (lines[0][1], lines[0][2], lines[0][3]) if lines else ("", day.year, 0)
    words = f"{lines[0].source} {lines[0].category}" if lines else advance
    town.decided.append(
        Decided(f"refund_{kind}", refund.refund_id, fund, code, subfund, year, term, fen, words)
    )


def _would_be_taken(town: Town, asked: RefundRequest, day: date) -> bool:
    """Whether there is something to pay back for: nobody pays what he does not owe. Nothing is kept of the asking."""
    with town.tx("maker") as tx:
        tx.run("SAVEPOINT asked")
        try:
            request_refund(tx, asked, day)
        except Conflict as refused:
            if refused.code not in _GONE:
                raise
            return False
        finally:
            tx.run("ROLLBACK TO SAVEPOINT asked")
    return True


def _spent(tx: Transaction, fund: int, code: str, year: int) -> list[_Spent]:
    """By door and key: expensed in `year`, expensed earlier, still a daily advance."""
    return [
        _Spent(*row)
        for row in tx.rows(
            coded("""SELECT CASE WHEN b.account = {DAILY_ADVANCE} THEN 'daily_advance' WHEN b.period / 100 = %(year)s THEN 'same_year'
                           ELSE 'earlier_year' END AS door, d.subfund, d.service_year, d.term, d.category,
                      sum(CASE WHEN b.account = {DAILY_ADVANCE} THEN b.debit - b.credit ELSE b.debit END)::bigint AS fen
                 FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND d.counterparty = %(code)s
                  AND (b.account = {DAILY_ADVANCE} OR b.account::text LIKE '{BENEFITS}%%')
                GROUP BY 1, 2, 3, 4, 5 HAVING sum(CASE WHEN b.account = {DAILY_ADVANCE} THEN b.debit - b.credit ELSE b.debit END) > 0
                ORDER BY 1, 2, 3, 4, 5"""),
            region=tx.region,
            fund=fund,
            code=code,
            year=year,
        )
    ]


def _debt(tx: Transaction, fund: int, code: str) -> int:
    """What the institution owes from its clearing, fen; 0 if nothing."""
    owed = tx.value(
        coded("""SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
             JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
            WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = {CLEARING_OWED} AND d.counterparty = %(code)s"""),
        region=tx.region,
        fund=fund,
        code=code,
    )
    return max(0, int(owed))
