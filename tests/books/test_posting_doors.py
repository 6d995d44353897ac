"""INV-01, 03, 04, 05, 11, 14 at the front door: what books.post() takes and what it refuses."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from typing import Any

import pytest

from ledger.books.journal import post
from ledger.books.setup import open_period, rebuild_balances
from ledger.core.entries import Dimensions, EntryDraft, Leg, Side, credit, debit
from ledger.core.errors import InFlight, LedgerError
from ledger.db.unit_of_work import unit_of_work
from tests.scenes.closing import begin_close

KEY = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")
BANK = Dimensions("6222000001")

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unbalanced": ({"legs": (debit(1001, 100), credit(1005, 99))}, "entry.unbalanced"),
    "unbalanced in one section": (
        {"legs": (debit(1001, 1), credit(1005, 1), debit(9001, 2, KEY), credit(9101, 1, KEY))},
        "entry.unbalanced",
    ),
    "balanced only over both": ({"legs": (debit(1001, 5), credit(9101, 5, KEY))}, "entry.unbalanced"),
    "one line": ({"legs": (debit(1001, 5),)}, "entry.too_few_lines"),
    "no line": ({"legs": ()}, "entry.too_few_lines"),
    "zero": ({"legs": (debit(1001, 0), credit(1005, 0))}, "entry.line_amount"),
    "too large": ({"legs": (debit(1001, 10**16), credit(1005, 10**16))}, "entry.line_amount"),
    "unknown account": ({"legs": (debit(1999, 5), credit(1005, 5))}, "account.unknown"),
    "not a leaf": ({"legs": (debit(1101, 5), credit(1005, 5))}, "account.not_leaf"),
    "dimension missing": ({"legs": (debit(1004, 5), credit(1005, 5))}, "dimension.mismatch"),
    "dimension too many": ({"legs": (debit(1001, 5, BANK), credit(1005, 5))}, "dimension.mismatch"),
    "half the dimensions": ({"legs": (debit(9001, 5, BANK), credit(9101, 5, KEY))}, "dimension.mismatch"),
    "separator in the summary": ({"summary": "a|b"}, "entry.character"),
    "backslash in the key": ({"source_key": "a\\b"}, "entry.character"),
    "newline in the evidence": ({"evidence": "a\nb"}, "entry.character"),
    "no summary": ({"summary": ""}, "entry.field_missing"),
    "no key": ({"source_key": ""}, "entry.field_missing"),
    "same signer": ({"prepared_by": "maker", "reviewed_by": "maker"}, "entry.signers"),
    "same person under two names": ({"prepared_by": "maker", "reviewed_by": "maker2"}, "entry.signers"),
    "cashier reviews": ({"reviewed_by": "cash"}, "entry.signers"),
    "cashier prepares": ({"prepared_by": "cash"}, "entry.signers"),
    "unknown reviewer": ({"reviewed_by": "nobody"}, "entry.signers"),
    "unknown preparer": ({"prepared_by": "nobody"}, "entry.signers"),
    "by hand, never drafted": ({"rule": "manual", "prepared_by": "maker"}, "entry.not_approved"),
    "by hand, as if by a rule": ({"rule": "manual", "prepared_by": "rule:manual"}, "entry.not_approved"),
    "by a person, under a rule's name": ({"prepared_by": "maker"}, "entry.not_approved"),
}


@pytest.mark.fault(53)
@pytest.mark.parametrize("case", REFUSED)
def test_a_draft_that_breaks_a_rule_is_refused_whole(ledger: Any, case: str) -> None:
    changes, code = REFUSED[case]
    before = ledger.count()
    legs = changes.get("legs", (debit(1001, 100), credit(1005, 100)))
    with pytest.raises(LedgerError) as refused:
        ledger.post(ledger.draft(), ledger.draft(**{**changes, "legs": legs}), ledger.draft())
    assert refused.value.code == code
    assert refused.value.message
    assert ledger.count() == before


def test_a_red_letter_is_taken(ledger: Any) -> None:
    red = (Leg(1001, Side.DEBIT, -40), Leg(1005, Side.CREDIT, -40))
    assert ledger.post(ledger.draft(*red))[0].outcome == "posted"


@pytest.mark.parametrize(
    ("user", "book", "code"),
    [
        ("cash", "book", "access.role_missing"),
        ("adm", "book", "access.role_missing"),
        ("rev", "book", "access.role_missing"),
        ("left", "book", "access.role_missing"),
        ("nobody", "book", "access.role_missing"),
        ("far", "book", "access.role_missing"),
        ("acc", "other_region", "access.role_missing"),
        ("narrow", "book", "access.role_missing"),
    ],
)
def test_who_has_no_role_there_posts_nothing(ledger: Any, user: str, book: str, code: str) -> None:
    before = ledger.count()
    with pytest.raises(LedgerError) as refused:
        ledger.post(ledger.draft(), user=user, book=getattr(ledger, book))
    assert refused.value.code == code
    assert ledger.count() == before


def test_a_role_for_one_fund_posts_there(ledger: Any) -> None:
    assert ledger.post(ledger.draft(), user="narrow", book=ledger.other_fund)[0].outcome == "posted"


@pytest.mark.fault(60, 61)
@pytest.mark.parametrize(
    ("user", "region", "books"),
    [
        ("acc", 420100, {310, 390}),
        ("narrow", 420100, {390}),
        ("far", 420200, {310}),
        ("acc", 420200, set()),
        ("nobody", 420100, set()),
        ("left", 420100, set()),
        ("acc", 0, set()),
    ],
)
def test_a_user_reads_only_their_books(ledger: Any, user: str, region: int, books: set[int]) -> None:
    with unit_of_work(ledger.service, user, region) as tx:
        for table in (
            "entry",
            "leg",
            "source",
            "posting",
            "balance",
            "block",
            "head",
            "period",
            "account",
            "book",
        ):
            seen = tx.connection.execute(f"SELECT DISTINCT fund FROM books.{table}").fetchall()
            assert {row[0] for row in seen} == books, table
        assert {row[0] for row in tx.rows("SELECT DISTINCT region FROM books.entry")} <= {region}


@pytest.mark.fault(61)
def test_the_setting_of_one_transaction_does_not_leak_into_the_next(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        assert tx.value("SELECT count(*) FROM books.book") == 2
    with ledger.service.connect() as plain:
        assert plain.exec_driver_sql("SELECT count(*) FROM books.book").scalar() == 0


def test_a_replay_gets_the_first_answer(ledger: Any) -> None:
    draft = ledger.draft()
    (first,) = ledger.post(draft)
    before = ledger.count()
    (again,) = ledger.post(draft, day=date(2026, 10, 15))
    assert (again.outcome, again.seq, again.vno, again.period) == (
        "replayed",
        first.seq,
        first.vno,
        first.period,
    )
    assert ledger.count() == before


def test_a_batch_posts_what_is_new_and_replays_the_rest(ledger: Any) -> None:
    old, new = ledger.draft(), ledger.draft()
    ledger.post(old)
    assert [a.outcome for a in ledger.post(old, new)] == ["replayed", "posted"]


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    "change",
    [
        {"summary": "另一摘要"},
        {"legs": (debit(1001, 101), credit(1005, 101))},
        {"legs": (credit(1005, 100), debit(1001, 100))},
        {"business_date": date(2026, 10, 12)},
        {"evidence": "别的"},
        {"evidence_digest": b"\1" * 32},
        {"event": "ADJ"},
        {"attachments": 3},
        {"reverses_seq": 1},
    ],
)
def test_the_same_key_with_other_content_is_refused(ledger: Any, change: dict[str, Any]) -> None:
    draft = ledger.draft()
    ledger.post(draft)
    other = {"legs": draft.legs, **change}
    changed = ledger.draft(key=draft.source_key, **other)
    with pytest.raises(LedgerError, match=r"source\.key_reused"):
        ledger.post(ledger.draft(), changed)
    outcomes = [a.outcome for a in ledger.post(ledger.draft(), changed, partial=True)]
    assert outcomes == ["posted", "conflict"]


def test_one_key_twice_in_one_batch_is_refused(ledger: Any) -> None:
    with pytest.raises(LedgerError, match=r"entry\.duplicate_key"):
        ledger.post(ledger.draft(key="twice"), ledger.draft(key="twice"))


@pytest.mark.fault(54)
def test_keys_of_two_books_are_apart(ledger: Any) -> None:
    draft = ledger.draft()
    assert ledger.post(draft)[0].outcome == "posted"
    assert ledger.post(draft, book=ledger.other_fund)[0].outcome == "posted"


@pytest.mark.fault(25)
def test_voucher_dates_do_not_run_backwards(ledger: Any) -> None:
    ledger.post(ledger.draft())
    with pytest.raises(LedgerError, match=r"voucher\.date_backwards"):
        ledger.post(ledger.draft(), day=date(2026, 10, 13))


@pytest.mark.fault(34)
def test_unknown_and_closed_periods_take_nothing(ledger: Any) -> None:
    with pytest.raises(LedgerError, match=r"period\.unknown"):
        ledger.post(ledger.draft(), day=date(2026, 11, 1))
    with unit_of_work(ledger.service, "far", 420200) as tx:
        begin_close(tx, ledger.other_region, 202610, date(2026, 11, 2))
    with pytest.raises(LedgerError, match=r"period\.closing"):
        ledger.post(ledger.draft(), user="far", book=ledger.other_region)
    with unit_of_work(ledger.service, "far", 420200) as tx:
        open_period(tx, ledger.other_region, 202610)
    with pytest.raises(LedgerError, match=r"period\.closing"):
        ledger.post(ledger.draft(), user="far", book=ledger.other_region)


def test_an_entry_dated_in_the_next_month_gets_that_months_first_number(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        open_period(tx, ledger.other_fund, 202611)
    (posted,) = ledger.post(ledger.draft(), book=ledger.other_fund, day=date(2026, 11, 2))
    assert posted.voucher == "记-202611-1"
    memo = ledger.draft(debit(9002, 5, KEY), credit(9105, 5, KEY))
    assert ledger.post(memo, book=ledger.other_fund, day=date(2026, 11, 2))[0].voucher == "备-202611-1"


def close_soon(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        tx.run("SET LOCAL lock_timeout = '100ms'")
        begin_close(tx, ledger.book, 202610, date(2026, 11, 2))


def post_soon(ledger: Any, draft: EntryDraft) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        tx.run("SET LOCAL lock_timeout = '100ms'")
        post(tx, ledger.book, ledger.day, [draft])


def post_and_fail(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        post(tx, ledger.book, ledger.day, [ledger.draft()])
        raise ZeroDivisionError


@pytest.mark.fault(30)
def test_a_close_does_not_slip_in_before_the_post_under_way(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        post(tx, ledger.book, ledger.day, [ledger.draft()])
        with pytest.raises(InFlight):
            close_soon(ledger)


@pytest.mark.fault(30)
def test_a_post_does_not_slip_in_before_the_close_under_way(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        begin_close(tx, ledger.book, 202610, date(2026, 11, 2))
        with pytest.raises(InFlight):
            post_soon(ledger, ledger.draft())
        tx.connection.rollback()


@pytest.mark.fault(19)
def test_a_second_post_of_a_book_in_flight_is_told_so(ledger: Any) -> None:
    draft = ledger.draft()
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        post(tx, ledger.book, ledger.day, [draft])
        with pytest.raises(InFlight):
            post_soon(ledger, draft)
    assert ledger.post(draft)[0].outcome == "replayed"


@pytest.mark.fault(18, 54)
def test_fifty_at_once_with_one_key_make_one_entry(ledger: Any) -> None:
    draft, answers = ledger.draft(), []
    before = ledger.count()

    def once() -> None:
        try:
            answers.append(ledger.post(draft)[0])
        except LedgerError as refused:
            answers.append(refused.code)

    threads = [threading.Thread(target=once) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = Counter(getattr(answer, "outcome", answer) for answer in answers)
    assert outcomes == {"posted": 1, "replayed": 49}
    assert len({answer.seq for answer in answers}) == 1
    assert ledger.count() == before + 1


@pytest.mark.fault(24)
def test_a_rolled_back_post_leaves_no_number_behind(ledger: Any) -> None:
    (before,) = ledger.post(ledger.draft())
    with pytest.raises(ZeroDivisionError):
        post_and_fail(ledger)
    (after,) = ledger.post(ledger.draft())
    assert (after.seq, after.vno) == (before.seq + 1, before.vno + 1)


def test_balances_are_rebuilt_from_the_lines(ledger: Any) -> None:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        kept = tx.rows("SELECT * FROM books.balance ORDER BY 1, 2, 3, 4, 5")
        rebuild_balances(tx, ledger.book)
        assert tx.rows("SELECT * FROM books.balance ORDER BY 1, 2, 3, 4, 5") == kept


def test_after_all_that_the_books_are_clean(ledger: Any) -> None:
    assert ledger.findings() == []
