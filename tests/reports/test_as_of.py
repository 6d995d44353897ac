"""As-of reading against a plain recomputation from the lines, and its stability when more is posted later."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from ledger.books.reading import Cut, cut, leaf_rows, parse_book, parse_known_at, parse_period
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import unit_of_work
from reports.trial_balance import trial_balance

PERIODS = [None, 202609, 202610, 202611]
AS_OF = [
    None,
    date(2026, 8, 31),
    date(2026, 9, 30),
    date(2026, 10, 9),
    date(2026, 10, 31),
    date(2026, 11, 30),
]


def all_lines(tx):
    return tx.rows(
        "SELECT e.recorded_at, e.voucher_date, e.period, l.account, d.counterparty, d.subfund, d.service_year, d.term,"
        " d.category, l.side, l.amount_fen FROM books.entry e JOIN books.leg l USING (region, fund, period, seq)"
        " JOIN books.dim d USING (region, dim)"
    )


def recompute(lines, period, as_of, known_at):
    """{(account, dims): (opening, debit, credit, closing)} by adding up lines one by one."""
    sums = defaultdict(lambda: [0, 0, 0, False])
    for recorded_at, voucher_date, month, *key, side, fen in lines:
        if recorded_at > known_at or (as_of and voucher_date > as_of) or (period and month > period):
            continue
        row = sums[tuple(key)]
        if period and month < period:
            row[0] += side * fen
        else:
            row[1 if side == 1 else 2] += fen
            row[3] = True
    return {
        key: (opening, dr, cr, opening + dr - cr)
        for key, (opening, dr, cr, moved) in sums.items()
        if moved or opening
    }


def reported(rows):
    return {
        (row.account, *row.dims): (row.opening_fen, row.debit_fen, row.credit_fen, row.closing_fen)
        for row in rows
    }


def every_report(tx, book, moments):
    return {
        (period, as_of, moment): trial_balance(tx, book, period, as_of, moment).as_json()
        for period in PERIODS
        for as_of in AS_OF
        for moment in moments
    }


def test_every_cut_and_date_equals_adding_up_the_lines(busy_desk):
    with busy_desk.tx() as tx:
        lines = all_lines(tx)
        moments = sorted({line[0] for line in lines})
        assert len(moments) == 8
        asked = [moments[0] - timedelta(microseconds=1), *moments, moments[-1] + timedelta(hours=1)]
        nonempty = 0
        for moment in asked:
            known = cut(tx, busy_desk.book, moment)
            for period in PERIODS:
                for as_of in AS_OF:
                    expected = recompute(lines, period, as_of, moment)
                    assert reported(leaf_rows(tx, busy_desk.book, period, as_of, known)) == expected
                    nonempty += bool(expected)
        assert nonempty > 100
        head = reported(leaf_rows(tx, busy_desk.book, None, None, cut(tx, busy_desk.book, None)))
        assert head == recompute(lines, None, None, moments[-1])


def test_later_postings_change_no_earlier_report(busy_desk):
    with busy_desk.tx() as tx:
        moments = [datetime.fromisoformat(cut(tx, busy_desk.book, None).recorded_text)]
        moments += [moments[0] - timedelta(microseconds=1), datetime(2020, 1, 1, tzinfo=UTC)]
        before = every_report(tx, busy_desk.book, moments)
    for seed, day in enumerate((date(2026, 10, 31), date(2026, 9, 30), date(2026, 11, 4)), 100):
        busy_desk.random_batch(seed, day, 5)
    with busy_desk.tx() as tx:
        assert every_report(tx, busy_desk.book, moments) == before
        now = trial_balance(tx, busy_desk.book).as_json()
    assert now["rows"] != before[None, None, moments[0]]["rows"]
    assert now["known_at"]["block"] == 11


def test_the_printed_time_asks_for_the_same_cut_again(busy_desk):
    with busy_desk.tx() as tx:
        cuts = [
            Cut(*row) for row in tx.rows("SELECT block, recorded_at, hash FROM books.block ORDER BY block")
        ]
        assert [cut(tx, busy_desk.book, parse_known_at(one.recorded_text)) for one in cuts] == cuts
        assert cut(tx, busy_desk.book, None) == cuts[-1]
        start = cut(tx, busy_desk.book, cuts[0].recorded_at - timedelta(microseconds=1))
        assert start.block == 0
        assert start.hash == tx.value("SELECT prev FROM books.block WHERE block = 1")


def test_a_report_whose_cut_was_overtaken_does_not_take_stored_balances(busy_desk):
    with busy_desk.tx() as tx:
        known = cut(tx, busy_desk.book, None)
        before = leaf_rows(tx, busy_desk.book, None, None, known)
    busy_desk.random_batch(200, date(2026, 11, 30), 5)
    with busy_desk.tx() as tx:
        assert leaf_rows(tx, busy_desk.book, None, None, known) == before


def test_an_empty_book_has_an_empty_balanced_report(desk):
    with desk.tx() as tx:
        report = trial_balance(tx, desk.book)
    assert (report.rows, report.known.block, report.totals.debit_fen) == ([], 0, 0)


def test_a_damaged_section_is_an_error_not_a_total(busy_desk, database):
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.balance SET debit = debit + 1 WHERE (period, account, dim) IN"
            " (SELECT period, account, dim FROM books.balance ORDER BY account LIMIT 1)"
        )
    with busy_desk.tx() as tx, pytest.raises(Exception, match="试算不平衡") as refused:
        trial_balance(tx, busy_desk.book)
    assert refused.value.code == "report.unbalanced"


def test_who_has_no_role_sees_no_book(busy_desk):
    with (
        unit_of_work(busy_desk.engine, "other", busy_desk.book.region) as tx,
        pytest.raises(NotFound, match=r"book\.unknown"),
    ):
        trial_balance(tx, busy_desk.book)


def test_names_of_books_periods_and_moments():
    assert parse_book("420100-310") == Book(420100, 310)
    assert parse_period("202612") == 202612
    assert parse_known_at("2026-10-13T18:00:00") == datetime(2026, 10, 13, 10, tzinfo=UTC)
    assert parse_known_at("2026-10-13") == datetime(2026, 10, 13, 15, 59, 59, 999999, tzinfo=UTC)
    for parse, bad in (
        (parse_book, ["420100", "420100-311", "42010-310", "420100-310 ", "４20100-310", "020100-310"]),
        (parse_period, ["202613", "202600", "2026-10", "19991", "２02610"]),
        (parse_known_at, ["yesterday", "2026-13-01", "", "2026-10-13T25:00", "0001-01-01T00:00:00"]),
    ):
        for text in bad:
            with pytest.raises(InvalidInput):
                parse(text)
