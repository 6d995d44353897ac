"""A ledger page by page is the whole ledger, wherever a page ends: within a day, within a block, at its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ledger.books.journal import post
from ledger.books.selection import BEFORE_ALL, Cursor, parse_cursor
from ledger.books.vouchers import voucher
from ledger.core.entries import Dimensions, EntryDraft, credit, debit
from ledger.core.errors import NotFound
from reports.books.bank_journal import bank_journal_grid
from reports.books.journal import journal_grid
from reports.general_ledger import Kind, general_ledger
from tests.reports.books.test_books import BANK, rows

TWELFTH = date(2026, 11, 12)


@pytest.fixture
def busy(employees: Any) -> Any:
    """Some days with many entries on the bank account, other accounts' entries among them."""
    for fen in range(1, 8):
        employees.post(TWELFTH, debit(1004, fen, BANK), credit(42010101, fen))
    return employees


def turned(page: Callable[[Cursor], Any]) -> list[Any]:
    """All pages from first to last."""
    made, after = [], BEFORE_ALL
    while True:
        made.append(page(after))
        following = made[-1].facts.get("next")
        if following is None:
            return made
        after = parse_cursor(str(following))


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_a_bank_journal_are_the_whole(busy: Any, size: int) -> None:
    with busy.tx() as tx:
        whole = bank_journal_grid(tx, busy.book, "1004", "42001", period=202611)
        pages = turned(
            lambda after: bank_journal_grid(
                tx, busy.book, "1004", "42001", period=202611, after=after, entries=size
            )
        )
    told = [one for page in pages for one in rows(page) if one["date"] is not None]
    assert told == [one for one in rows(whole) if one["date"] is not None]
    days = [one for one in told if one["summary"] == "本日合计"]
    assert [(one["date"], one["debit"]) for one in days] == [("2026-11-10", "9000"), ("2026-11-12", "28")]
    assert size == 100 or len(pages) > 2


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_ledgers_and_of_the_journal_are_the_whole(busy: Any, size: int) -> None:
    days = (date(2026, 10, 1), date(2026, 12, 31))
    with busy.tx() as tx:
        for code in ("1004", "1101", "4"):
            whole = general_ledger(tx, busy.book, code)
            told, after = [], BEFORE_ALL
            while True:
                page = general_ledger(tx, busy.book, code, after=after, entries=size)
                told += [line for line in page.lines if line.kind is Kind.ENTRY]
                if page.next is None:
                    break
                after = page.next
            assert told == [line for line in whole.lines if line.kind is Kind.ENTRY], code
        journal = rows(journal_grid(tx, busy.book, days))
        pages = turned(lambda after: journal_grid(tx, busy.book, days, after=after, entries=size))
    assert [one for page in pages for one in rows(page) if one["date"]] == [
        one for one in journal if one["date"]
    ]


BLOCKS, EACH, PARTIES = 8, 40, 30
TOUCHED = """SELECT regexp_replace(relname, '_[0-9]{6}$', ''), sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
               FROM pg_stat_xact_user_tables WHERE schemaname = 'books' GROUP BY 1"""


@pytest.fixture
def crowded(employees: Any) -> Any:
    """An account that moves with many parties in every block, most of them of one day."""
    party = [Dimensions(f"H4201{n:07d}", "pool", 2026, 202610, "inpatient") for n in range(PARTIES)]
    for block in range(BLOCKS):
        day = date(2026, 11, 15 if block < BLOCKS - 2 else 14 + block)
        drafts = [
            EntryDraft("TST", f"c{block}-{n}", day, f"第{n}笔", (debit(9101, 1 + n, party[n % PARTIES]), credit(9001, 1 + n, party[n % PARTIES])),
                       "TST@1", "rule:TST@1", "zhang")
            for n in range(EACH)
        ]  # fmt: skip
        with employees.tx() as tx:
            post(tx, employees.book, day, drafts)
    return employees


def test_a_later_page_of_many_parties_asks_none_of_their_lists(crowded: Any) -> None:
    """Its balance comes from what each block moved, its entries from beside the cursor: no posting list is read."""
    with crowded.tx() as tx:
        whole = general_ledger(tx, crowded.book, "9101", period=202611, entries=10_000)
    told = [line for line in whole.lines if line.kind is Kind.ENTRY]
    assert len(told) == BLOCKS * EACH
    for place in (0, EACH - 1, 3 * EACH + 7, 5 * EACH):
        entry = told[place].entry
        assert entry is not None
        with crowded.tx() as tx:
            after = Cursor(entry.voucher_date, entry.seq)
            before = dict(tx.rows(TOUCHED))  # the server has what came shortly before in these counts as well
            page = general_ledger(tx, crowded.book, "9101", period=202611, after=after, entries=10)
            touched = {name: count - before.get(name, 0) for name, count in tx.rows(TOUCHED)}
        assert page.lines[0].balance_fen == told[place].balance_fen
        assert page.lines[1:11] == told[place + 1 : place + 11]
        assert touched.get("posting", 0) == 0


def test_every_voucher_is_found_by_its_number(busy: Any) -> None:
    with busy.tx() as tx:
        for seq, series, period, vno in tx.rows(
            "SELECT seq, series, period, vno FROM books.entry WHERE region = %(region)s AND fund = %(fund)s",
            region=busy.book.region,
            fund=busy.book.fund,
        ):
            assert voucher(tx, busy.book, f"{series}-{period}-{vno}").seq == seq
        for none in ("记-202611-999", "记-209901-1", "备-202611-0"):
            with pytest.raises(NotFound):
                voucher(tx, busy.book, none)
