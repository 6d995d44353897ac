"""The account ledger agrees with the trial balance and with itself, however it is paged."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from ledger.books.reading import cut
from ledger.books.selection import Cursor, parse_cursor
from ledger.books.setup import open_period
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput, NotFound
from reports.general_ledger import Kind, general_ledger
from reports.trial_balance import trial_balance


def of_kind(report, kind):
    return [line for line in report.lines if line.kind is kind]


def all_pages(tx, desk, code, entries, **asked):
    """The entry and sum lines of all pages, checking that every page begins where the last one ended."""
    found, after, balance = [], Cursor(date(1, 1, 1), 0), None
    while after is not None:
        page = general_ledger(tx, desk.book, code, after=after, entries=entries, **asked)
        first, *rest = page.lines
        assert first.kind is (Kind.OPENING if balance is None else Kind.CARRIED)
        assert balance in (None, first.balance_fen)
        assert len({line.entry.seq for line in rest if line.entry}) <= entries
        balance = page.lines[-1].balance_fen
        found += rest
        after = page.next and parse_cursor(str(page.next))
    return found


def test_every_leaf_of_the_trial_balance_has_its_ledger(busy_desk):
    asked = itertools.product([None, 202609, 202610], [None, date(2026, 10, 9)])
    for period, as_of in asked:
        with busy_desk.tx() as tx:
            rows = trial_balance(tx, busy_desk.book, period, as_of).rows
            assert len(rows) > 10
            for row in rows:
                report = general_ledger(
                    tx, busy_desk.book, str(row.account), row.dims, period=period, as_of=as_of, entries=1000
                )
                entries = of_kind(report, Kind.ENTRY)
                assert report.lines[0].balance_fen == row.opening_fen
                assert sum(line.movement.debit_fen for line in entries) == row.debit_fen
                assert sum(line.movement.credit_fen for line in entries) == row.credit_fen
                assert report.lines[-1].balance_fen == row.closing_fen
                assert {line.entry.dims for line in entries} <= {row.dims}


def test_a_parent_account_is_the_sum_of_its_leaves(busy_desk):
    with busy_desk.tx() as tx:
        rows = trial_balance(tx, busy_desk.book).rows
        for code in ("1", "1101", "5001", "9"):
            report = general_ledger(tx, busy_desk.book, code, entries=1000)
            below = [row for row in rows if str(row.account).startswith(code)]
            assert below
            assert report.lines[-1].balance_fen == sum(row.closing_fen for row in below)


def test_pages_of_any_size_are_the_whole(busy_desk):
    with busy_desk.tx() as tx:
        for code, period in itertools.product(["1", "110105", "1004", "9"], [None, 202609]):
            whole = general_ledger(tx, busy_desk.book, code, period=period, entries=1000)
            assert whole.next is None
            dates = [(line.entry.voucher_date, line.entry.seq) for line in of_kind(whole, Kind.ENTRY)]
            assert len(set(dates)) > 7
            assert dates == sorted(dates)
            for entries in (1, 2, 7):
                assert all_pages(tx, busy_desk, code, entries, period=period) == list(whole.lines[1:])


def test_pages_stay_at_their_cut_while_others_post(busy_desk):
    with busy_desk.tx() as tx:
        known = cut(tx, busy_desk.book, None)
        whole = general_ledger(tx, busy_desk.book, "1", entries=1000).lines
        first = general_ledger(tx, busy_desk.book, "1", entries=3)
    busy_desk.random_batch(50, date(2026, 10, 31), 6)
    with busy_desk.tx() as tx:
        rest = general_ledger(
            tx, busy_desk.book, "1", after=first.next, known_at=known.recorded_at, entries=1000
        )
    assert [*first.lines, *rest.lines[1:]] == list(whole)


def test_month_and_year_sums(busy_desk):
    with busy_desk.tx() as tx:
        report = general_ledger(tx, busy_desk.book, "1004", entries=1000)
        october = general_ledger(tx, busy_desk.book, "1004", period=202610, entries=1000)
    months = of_kind(report, Kind.MONTH)
    assert [line.period for line in months] == [202609, 202610, 202611]
    entries = of_kind(report, Kind.ENTRY)
    for month, year in zip(months, of_kind(report, Kind.YEAR), strict=True):
        inside = [line.movement for line in entries if line.period == month.period]
        until = [line.movement for line in entries if line.period <= month.period]
        assert month.movement == (sum(m.debit_fen for m in inside), sum(m.credit_fen for m in inside))
        assert year.movement == (sum(m.debit_fen for m in until), sum(m.credit_fen for m in until))
        assert month.balance_fen == sum(m.net_fen for m in until)
    assert of_kind(october, Kind.YEAR) == of_kind(report, Kind.YEAR)[1:2]


def test_a_year_ends_its_year_sums_and_a_quiet_month_prints_its_sums(desk):
    with desk.tx() as tx:
        for period in (202612, 202701, 202702):
            open_period(tx, desk.book, period)
    bank = Dimensions("42001")
    for day in (
        date(2026, 11, 12),
        date(2026, 12, 12),
    ):  # nobody posts more than a month ahead of the last voucher
        desk.post(day, [desk.draft([debit(1001, 1), credit(41010101, 1)])])
    for day, fen in ((date(2026, 12, 31), 500), (date(2027, 1, 4), 30)):
        desk.post(day, [desk.draft([debit(1004, fen, bank), credit(41010101, fen)])])
    with desk.tx() as tx:
        january = general_ledger(tx, desk.book, "1004", period=202701)
        february = general_ledger(tx, desk.book, "1004", period=202702)
    assert [(line.kind, line.movement.debit_fen, line.balance_fen) for line in january.lines] == [
        (Kind.OPENING, 0, 500),
        (Kind.ENTRY, 30, 530),
        (Kind.MONTH, 30, 530),
        (Kind.YEAR, 30, 530),
    ]
    assert [(line.kind, line.movement.debit_fen, line.balance_fen) for line in february.lines] == [
        (Kind.OPENING, 0, 530),
        (Kind.MONTH, 0, 530),
        (Kind.YEAR, 30, 530),
    ]


def test_dimensions_choose_lines(busy_desk):
    with busy_desk.tx() as tx:
        rows = trial_balance(tx, busy_desk.book).rows
        for dims in (Dimensions(subfund="pool"), Dimensions(term=202609, service_year=2026)):
            report = general_ledger(tx, busy_desk.book, "110105", dims, entries=1000)
            wanted = [
                row.closing_fen
                for row in rows
                if row.account == 110105
                and all(ask in ("", 0, have) for ask, have in zip(dims, row.dims, strict=True))
            ]
            assert wanted
            assert report.lines[-1].balance_fen == sum(wanted)
        nobody = general_ledger(tx, busy_desk.book, "110105", Dimensions("H999"))
        assert [line.kind for line in nobody.lines] == [Kind.OPENING]


def test_unknown_accounts_and_cursors_are_refused(busy_desk):
    with busy_desk.tx() as tx:
        for code in ("7777", "", "11a", "%", "１１０１"):
            with pytest.raises(NotFound, match=r"account\.unknown"):
                general_ledger(tx, busy_desk.book, code)
    for text in ("", "2026-10-13", "2026-10-13.x", "2026-13-01.1", "2026-10-13.-1"):
        with pytest.raises(InvalidInput):
            parse_cursor(text)
