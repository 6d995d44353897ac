"""A book with its users, where a test posts ruled events one after another and reads balances and ties."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.chart import account
from ledger.books.journal import post
from ledger.books.setup import open_book, open_period
from ledger.core.entries import Book, Dimensions, EntryDraft, Posted
from ledger.db.unit_of_work import unit_of_work
from ledger.rules import RuledEntry, apply

REGION = 420100
BANK = "42001234567890"
FISCAL = "42009876543210"

USERS = """
    INSERT INTO access.app_user VALUES ('acc', 'p1', '会计'), ('sys', 'p2', '系统'), ('zhang', 'p3', '张复核');
    INSERT INTO access.user_role VALUES (420100, 'acc', 'accountant', 0), (420100, 'sys', 'system', 0),
                                        (420100, 'zhang', 'checker', 0);
    INSERT INTO fund.region VALUES (420100, '武汉市');
"""


@dataclass
class BookWorld:
    """One book under one policy. `moved` is the bank's own list of what left 1004 (returns negative), `refunded` what came into 1003."""

    database: Any
    book: Book
    policy: str
    moved: list[int] = field(default_factory=list)
    refunded: int = 0
    allotted: int = 0
    posted: int = 0

    def event(self, day: date, event: str, items: Sequence[Any], **more: Any) -> Posted:
        """Apply a rule and post what it wrote; the bank's movements are noted beside the books."""
        ruled = apply(
            event,
            self.policy,
            self.book.fund,
            items,
            bank_account=BANK,
            fiscal_account=FISCAL,
            year=day.year,
            **more,
        )
        if ruled.event in ("ALLOT", "RCV", "RTN", "REF", "PAY-ADV"):
            total = sum(item.amount_fen for item in items)
            if ruled.event == "ALLOT":
                self.allotted += total
            elif ruled.event == "REF":
                self.refunded += total
            else:
                self.moved.append(-total if ruled.event == "RTN" else total)
        return self.post(day, ruled)

    def post(self, day: date, ruled: RuledEntry) -> Posted:
        self.posted += 1
        draft = EntryDraft(
            ruled.event,
            f"{ruled.rule}:{self.posted}",
            day,
            f"{day:%Y%m%d}{ruled.event}",
            ruled.legs,
            ruled.rule,
            f"rule:{ruled.rule}",
            "zhang",
            hashlib.sha256(str(self.posted).encode()).digest(),
            str(self.posted),
        )
        with unit_of_work(self.database.service_engine, "sys", REGION) as tx:
            (answer,) = post(tx, self.book, day, [draft])
        assert answer.outcome == "posted"
        return answer

    def lines(self) -> list[tuple[int, Dimensions, int]]:
        """(account, dimensions, debit-positive balance) from the journal's own lines."""
        with unit_of_work(self.database.service_engine, "sys", REGION) as tx:
            rows = tx.rows(
                """SELECT l.account, d.counterparty, d.subfund, d.service_year, d.term, d.category, sum(l.side * l.amount_fen)::bigint
                     FROM books.leg l JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
                    WHERE l.fund = %(fund)s GROUP BY 1, 2, 3, 4, 5, 6""",
                fund=self.book.fund,
            )
        return [(code, Dimensions(*dims), fen) for code, *dims, fen in rows]

    def balances(self) -> dict[int, int]:
        """Account to balance on its normal side, in fen, zeros left out."""
        sums: Counter[int] = Counter()
        for code, _, fen in self.lines():
            sums[code] += fen * account(self.book.fund, code).normal_side
        return {code: fen for code, fen in sums.items() if fen}

    def check_ties(self) -> None:
        """INV-08 and T5 for every key, T4 and 1004 against the bank's own list."""
        keys: dict[Dimensions, Counter[str]] = {}
        on_credit: Counter[int] = Counter()
        for code, dims, fen in self.lines():
            on_credit[code] -= fen
            word = str(code)
            sums = keys.setdefault(dims, Counter())
            if word[0] == "9":
                sums["inv08"] += fen
            if word[:3] == "920":
                sums["paid"] -= fen
            if word.startswith(("5001", "4501")) or word in ("110105", "200104"):
                sums["expensed"] += fen
        for dims, sums in keys.items():
            assert sums["inv08"] == 0, dims
            if dims.service_year:
                assert sums["paid"] == sums["expensed"], f"T5 {dims}"
        paid = sum(on_credit[code] for code in (9201, 9202, 9203, 9209, 920401, 920402, 920403))
        advances = -sum(on_credit[code] for code in (110102, 110103, 110104))
        assert paid + advances == sum(self.moved) - self.refunded, "T4"
        assert -on_credit[1004] == self.allotted - sum(self.moved)


@pytest.fixture
def book_world(database: Any) -> Iterator[Callable[..., BookWorld]]:
    """A maker of worlds: `book_world("P1")` opens a book with its periods from October 2026 to April 2027."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(USERS)

    def make(policy: str, fund: int = 310) -> BookWorld:
        book = Book(REGION, fund)
        with unit_of_work(database.service_engine, "acc", REGION) as tx:
            open_book(tx, book, "职工医保", date(2026, 10, 1))
            for period in (202611, 202612, 202701, 202702, 202703, 202704):
                open_period(tx, book, period)
        return BookWorld(database, book, policy)

    return make
