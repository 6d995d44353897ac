"""Ordinary, opening and closing entries: what the event says, the database says too, and money hides in none of them."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from ledger.books.reading import cut, leaf_rows
from ledger.core.entries import credit, debit
from ledger.core.entry_kinds import SET_APART_EVENTS, EntryKind, entry_kind
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import unit_of_work
from tests.scenes.set_apart import let_closing_entries_in

DAY = date(2026, 10, 14)


@pytest.fixture(autouse=True)
def _closing_entries_come_in(ledger):
    let_closing_entries_in(ledger.admin_url)


def journal_findings(ledger):
    """What is wrong with the journal; the papers closing and opening entries rest on (INV-12) are not posted here."""
    return [found for found in ledger.findings() if found.promise != "INV-12"]


def test_program_and_database_agree_on_every_event(ledger):
    events = [*SET_APART_EVENTS, "MAN", "RCV.daily", "", "open", "CLOSE", "CLOSE-M ", "OPENING"]
    with psycopg.connect(ledger.admin_url) as admin:
        for event in events:
            row = admin.execute("SELECT books.entry_kind(%s)", [event]).fetchone()
            assert row == (entry_kind(event).value,)
        row = admin.execute("SELECT pg_get_indexdef('books.entry_set_apart'::regclass)").fetchone()
    assert [entry_kind(event) for event in events[:3]] == [
        EntryKind.OPENING, EntryKind.CLOSING, EntryKind.CLOSING,
    ]  # fmt: skip
    assert {entry_kind(event) for event in events[3:]} == {EntryKind.ENTRY}
    # entries are found by the index, so it must hold every event that is set apart and no other
    named = row[0].split("ARRAY[")[1].split("]")[0]
    assert {part.split("'")[1] for part in named.split(",")} == set(SET_APART_EVENTS)


@pytest.mark.parametrize(
    ("legs", "account"),
    [
        ((debit(41010101, 100), credit(1005, 100)), 1005),
        ((debit(4601, 100), credit(300101, 100)), 4601),
        ((debit(300101, 100), credit(4602, 100)), 4602),
        ((debit(300101, 100), credit(1001, 100)), 1001),
    ],
)
@pytest.mark.parametrize("event", ["CLOSE-M", "CLOSE-Y"])
def test_no_money_hides_in_a_closing_entry(ledger, event, legs, account):
    before = ledger.count()
    with pytest.raises(InvalidInput, match=str(account)) as refused:
        ledger.post(ledger.draft(*legs, event=event))
    assert refused.value.code == "entry.closing_account"
    assert ledger.count() == before


def test_a_reversal_is_of_the_kind_of_what_it_reverses(ledger):
    income = (debit(1001, 700), credit(41010101, 700))
    (plain,) = ledger.post(ledger.draft(*income))
    (closed,) = ledger.post(ledger.draft(debit(41010101, 700), credit(300101, 700), event="CLOSE-M"))
    red_income = (debit(1001, -700), credit(41010101, -700))
    red_close = (debit(41010101, -700), credit(300101, -700))
    for seq, event, legs in ((closed.seq, "MAN", red_close), (plain.seq, "CLOSE-M", red_close)):
        with pytest.raises(InvalidInput) as refused:
            ledger.post(ledger.draft(*legs, event=event, reverses_seq=seq))
        assert refused.value.code == "entry.kind_of_reversal"
    ledger.post(ledger.draft(*red_close, event="CLOSE-M", reverses_seq=closed.seq))
    ledger.post(ledger.draft(*red_income, reverses_seq=plain.seq))
    assert not journal_findings(ledger)


def test_closing_and_opening_are_no_turnover(ledger):
    book = ledger.other_fund
    ledger.post(ledger.draft(debit(1005, 5000), credit(3001, 5000), event="OPEN"), book=book)
    ledger.post(
        ledger.draft(debit(1005, 900), credit(41010101, 900)),
        ledger.draft(debit(1005, -100), credit(41010101, -100)),
        ledger.draft(debit(5101, -60), credit(1005, -60)),
        book=book,
    )
    with unit_of_work(ledger.service, "acc", book.region) as tx:
        before = {row.account: row for row in leaf_rows(tx, book, 202610, None, cut(tx, book, None))}
    # the expense stands in credit, so its closing is a debit on it: the side tells nothing
    ledger.post(
        ledger.draft(debit(41010101, 800), credit(3001, 800), event="CLOSE-M"),
        ledger.draft(debit(5101, 60), credit(3001, 60), event="CLOSE-M"),
        book=book,
    )
    with unit_of_work(ledger.service, "acc", book.region) as tx:
        known = cut(tx, book, None)
        for period in (202610, None):
            rows = {row.account: row for row in leaf_rows(tx, book, period, None, known)}
            for account, row in rows.items():
                assert (row.debit_fen, row.credit_fen) == (
                    before[account].debit_fen,
                    before[account].credit_fen,
                )
                moved = row.debit_fen - row.credit_fen + row.carried_debit_fen - row.carried_credit_fen
                assert row.closing_fen == row.opening_fen + moved
            assert (rows[41010101].carried_debit_fen, rows[41010101].closing_fen) == (800, 0)
            assert (rows[5101].debit_fen, rows[5101].carried_debit_fen, rows[5101].closing_fen) == (
                -60,
                60,
                0,
            )
            assert (rows[3001].opening_fen, rows[3001].carried_credit_fen, rows[3001].closing_fen) == (
                -5000,
                860,
                -5860,
            )
            assert rows[3001].credit_fen == 0
    assert not journal_findings(ledger)
