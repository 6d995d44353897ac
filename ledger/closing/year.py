"""The year's end: what the year took in and spent per sub-fund, what is carried into the next year, and what it is tied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.closing.status import state_of
from ledger.core.accounts import coded
from ledger.core.entries import Book
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.rules.interpret import carried_to


@dataclass(frozen=True, slots=True)
class YearEnd:
    """A year in fen: per sub-account of 3001 its name, income, expense and balance at the end; the balances carried on."""

    year: int
    subfunds: tuple[tuple[str, int, int, int], ...]
    openings: tuple[tuple[int, int], ...]
    """结转下年: each statutory leaf with a balance, debit positive; the next year begins with it, and no turnover makes it."""

    def as_json(self) -> dict[str, Any]:
        """For machines; money in fen as text."""
        return {
            "year": self.year,
            "subfunds": [
                {
                    "name": name,
                    "income_fen": str(income),
                    "expense_fen": str(expense),
                    "surplus_fen": str(income - expense),
                    "balance_fen": str(carried),
                }
                for name, income, expense, carried in self.subfunds
            ],
            "openings": [{"account": account, "balance_fen": str(fen)} for account, fen in self.openings],
        }


def require_year(tx: Transaction, book: Book, year: int) -> bool:
    """Whether the year's December is closed. Raises InvalidInput `period.year`, NotFound `period.unknown` for a year whose
    December was never opened, Conflict `period.earlier_open` where an earlier month is not closed.
    """
    if not 2000 <= year <= 2099:
        raise InvalidInput("period.year", f"会计年度{year}不合规", year=year)
    state = state_of(tx, book, year * 100 + 12)
    earlier = tx.value(
        "SELECT min(period) FROM books.period WHERE region = %(region)s AND fund = %(fund)s AND period < %(december)s"
        " AND state IN ('open', 'closing')",
        region=book.region,
        fund=book.fund,
        december=year * 100 + 12,
    )
    if earlier is not None:
        raise Conflict("period.earlier_open", f"{year}12之前还有未结账的会计期间{earlier}，请按顺序结账")
    return state in ("closed", "sealed")


def year_of(tx: Transaction, book: Book, year: int) -> YearEnd:
    """The year's income and expense as they arose, without what carried them to 3001, and the balances at its end.

    Raises InvalidInput `rule.place_unknown` for an account that closing.csv does not know.
    """
    turnover: dict[int, list[int]] = {}
    for account, fen in tx.rows(
        coded("""SELECT t.account, sum(t.fen)::bigint FROM (
               SELECT b.account, b.credit - b.debit AS fen FROM books.balance b
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.period BETWEEN %(first)s AND %(last)s
                  AND left(b.account::text, 1) IN ('4', '5') AND left(b.account::text, 4)::integer NOT IN ({UNSPLIT_CONTRIBUTIONS}, {UNSPLIT_INTEREST})
               UNION ALL
               SELECT l.account, l.side * l.amount_fen FROM books.entry e
                 JOIN books.leg l ON l.region = e.region AND l.fund = e.fund AND l.period = e.period AND l.seq = e.seq
                WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period BETWEEN %(first)s AND %(last)s
                  AND e.event IN ('CLOSE-M', 'CLOSE-Y') AND left(l.account::text, 1) IN ('4', '5')) t
            GROUP BY t.account ORDER BY t.account"""),
        region=book.region,
        fund=book.fund,
        first=year * 100 + 1,
        last=year * 100 + 12,
    ):
        surplus = carried_to(book.fund, account)
        if surplus is None:
            raise InvalidInput(
                "rule.place_unknown", f"科目{account}不知结转到一般基金结余的哪一明细", account=account
            )
        sums = turnover.setdefault(surplus, [0, 0])
        sums[str(account)[0] == "5"] += -fen if str(account)[0] == "5" else fen
    openings = tuple(
        tx.rows(
            """SELECT b.account, sum(b.debit - b.credit)::bigint FROM books.balance b
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.period <= %(last)s AND left(b.account::text, 1) <> '9'
                GROUP BY b.account HAVING sum(b.debit - b.credit) <> 0 ORDER BY b.account""",
            region=book.region,
            fund=book.fund,
            last=year * 100 + 12,
        )
    )
    names: dict[int, str] = dict(
        tx.rows(
            coded(
                "SELECT account, name FROM books.account WHERE region = %(region)s AND fund = %(fund)s"
                " AND left(account::text, 4)::integer = {FUND_BALANCE} AND leaf ORDER BY account"
            ),
            region=book.region,
            fund=book.fund,
        )
    )
    held: dict[int, int] = dict(openings)
    subfunds = []
    for account, name in sorted(names.items()):
        income, expense = turnover.get(account, [0, 0])
        subfunds.append((name, income, expense, -held.get(account, 0)))
    return YearEnd(year, tuple(subfunds), openings)
