"""T4 and T5 on a region that lived: refunds by themselves, and expense counted as it arose when the year is closed."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg

from ledger.books.manual import ManualContent
from ledger.core.entries import Book, Dimensions, Leg, Side, credit, debit
from ledger.founding import book_by_hand, choose
from tests.scenes.regions import transactions_of_two_regions

BOOK = Book(420100, 310)
DAY = date(2026, 3, 31)


def by_hand(lived: Any, content: ManualContent) -> None:
    """On accounts that only rules move, opened by the region's two persons for the day."""
    wanted = "5001,4501,9003,9103,9202,9209"
    choose(lived.service, "li", "qian", BOOK.region, "hand_accounts", wanted, DAY, "测试文件〔2026〕1号")
    book_by_hand(lived.service, "li", "qian", BOOK, DAY, content)


def ties(lived: Any) -> list[tuple[str, str]]:
    return [(f.promise, f.message) for f in lived.verify() if f.promise.startswith("T")]


def test_closing_the_year_leaves_paid_equal_to_expense(lived: Any) -> None:
    """Every 5001 and 4501 of the book carried to 3001, with its dimensions, by a hand-written voucher."""
    open_lines = lived.rows(
        "SELECT b.account, sum(b.debit - b.credit)::bigint, d.counterparty, d.subfund, d.service_year, d.term, d.category"
        " FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.fund = 310 AND (b.account::text LIKE '5001%' OR b.account::text LIKE '4501%')"
        " GROUP BY 1, 3, 4, 5, 6, 7 HAVING sum(b.debit - b.credit) <> 0"
    )
    assert open_lines
    legs = [Leg(account, Side.CREDIT, fen, Dimensions(*dims)) for account, fen, *dims in open_lines]
    total = sum(row[1] for row in open_lines)
    content = ManualContent(DAY, "年终结账", "年度决算", [debit(300101, total), *legs])
    by_hand(lived, content)
    assert ties(lived) == []


def test_expense_moved_without_a_closing_is_found(lived: Any) -> None:
    [(account, *dims)] = lived.rows(
        "SELECT b.account, d.counterparty, d.subfund, d.service_year, d.term, d.category FROM books.balance b"
        " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.fund = 310 AND b.account::text LIKE '5001%' AND d.counterparty <> 'PERSON' AND b.debit > b.credit LIMIT 1"
    )
    key = Dimensions(*dims)
    content = ManualContent(DAY, "误记", "单据", [debit(1001, 1), credit(account, 1, key)])
    by_hand(lived, content)
    assert [promise for promise, _ in ties(lived)] == ["T5"]


def test_money_given_back_is_tied_to_its_refunds(lived: Any) -> None:
    """T4 and T5 net 9209 with what was paid: a refund booked as less paid is seen by its own tie alone."""
    dims = lived.rows(
        "SELECT d.counterparty, d.subfund, d.service_year, d.term, d.category FROM books.balance b"
        " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.fund = 310 AND b.account = 9202 AND b.credit > b.debit LIMIT 1"
    )[0]
    key = Dimensions(*dims)
    content = ManualContent(DAY, "误记", "单据", [debit(9209, 5, key), credit(9202, 5, key)])
    by_hand(lived, content)
    assert [(promise, message[:5]) for promise, message in ties(lived)] == [("T4", "机构已退回")]


def test_a_bill_of_another_region_stands_in_the_view(lived: Any) -> None:
    """Dr 9003 Cr 9103: owed for what our insured were treated for elsewhere; the identity counts it."""
    key = Dimensions("430100", "pool", 2026, 202602, "inpatient")
    with psycopg.connect(str(lived.settings.database_url), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO fund.party (region, party, name, kind, state, proposed_by, confirmed_by)"
            " VALUES (420100, '430100', '外地', 'agency', 'confirmed', 'li', 'qian')"
        )
    content = ManualContent(DAY, "异地清算", "账单", [debit(9003, 700, key), credit(9103, 700, key)])
    by_hand(lived, content)
    assert lived.rows(
        "SELECT outregion_fen, owed_fen, difference_fen FROM fund.conservation WHERE institution = '430100'"
    ) == [(700, 700, 0)]


def test_no_transaction_of_a_lived_year_is_of_two_regions(lived: Any) -> None:
    assert transactions_of_two_regions(lived.rows) == []
