"""A hand-written voucher is drafted by one person, approved by another who saw it, and posted as approved or not at all."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.journal import post
from ledger.books.manual import (
    ManualContent,
    ManualVoucher,
    approve_voucher,
    approve_vouchers,
    draft_voucher,
    manual_voucher,
    manual_vouchers,
    reject_voucher,
    withdraw_voucher,
)
from ledger.books.vouchers import voucher
from ledger.core.entries import Dimensions, EntryDraft, Leg, Side, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work

DAY = date(2026, 10, 14)
BANK = Dimensions("6222000001")
_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def _money(ledger: Any) -> None:
    """What these vouchers move: nothing is taken out of an account that has nothing."""
    ledger.post(ledger.draft(debit(1005, 10**9), credit(400101, 10**9)))


def content(**changes: Any) -> ManualContent:
    values = {
        "business_date": date(2026, 10, 13),
        "summary": f"调整{next(_numbers)}",
        "evidence": "会办单〔2026〕3号",
        "legs": (debit(1004, 100, BANK), credit(1005, 100)),
        "attachments": 2,
        **changes,
    }
    return ManualContent(**values)


def tx(ledger: Any, user: str) -> Any:
    return unit_of_work(ledger.service, user, ledger.book.region)


def drafted(ledger: Any, user: str = "acc", **changes: Any) -> ManualVoucher:
    with tx(ledger, user) as t:
        return draft_voucher(t, ledger.book, content(**changes), DAY)


def entry_of(made: ManualVoucher, **changes: Any) -> EntryDraft:
    """The entry as approval would post it, unless `changes` make it another."""
    said = made.content
    values: dict[str, Any] = {
        "event": "MAN", "source_key": made.source_key, "business_date": said.business_date, "summary": said.summary,
        "legs": said.legs, "rule": "manual", "prepared_by": made.prepared_by, "reviewed_by": "checker",
        "evidence_digest": made.digest, "evidence": said.evidence, "attachments": said.attachments,
        "reverses_seq": said.reverses_seq, **changes,
    }  # fmt: skip
    return EntryDraft(**values)


def refused(ledger: Any, user: str, *entries: EntryDraft) -> str:
    before = ledger.count()
    with pytest.raises(LedgerError) as error, tx(ledger, user) as t:
        post(t, ledger.book, DAY, entries)
    assert ledger.count() == before
    return error.value.code


def test_a_draft_books_nothing_and_approval_books_exactly_it(ledger: Any) -> None:
    before = ledger.count()
    made = drafted(ledger)
    assert (made.state, made.prepared_by, made.decided_by, made.voucher) == ("drafted", "acc", "", "")
    assert ledger.count() == before
    with tx(ledger, "checker") as t:
        posted = approve_voucher(t, ledger.book, made.voucher_id, made.digest, DAY)
        again = approve_voucher(t, ledger.book, made.voucher_id, made.digest, DAY)
        kept = manual_voucher(t, ledger.book, made.voucher_id)
        printed = voucher(t, ledger.book, posted.voucher)
    assert (posted.outcome, again.outcome, again.seq) == ("posted", "replayed", posted.seq)
    assert (kept.state, kept.decided_by, kept.voucher) == ("approved", "checker", posted.voucher)
    assert (printed.prepared_by, printed.reviewed_by, printed.rule) == ("acc", "checker", "manual")
    assert (printed.reverses_seq, printed.attachments, printed.evidence_digest) == (0, 2, made.digest)
    assert [(line.side, line.account, line.amount_fen, line.counterparty) for line in printed.lines] == [
        (1, 1004, 100, "6222000001"),
        (-1, 1005, 100, ""),
    ]
    assert not [f for f in ledger.findings() if made.voucher_id in f"{f.entry}{f.message}"]


def test_the_same_content_again_is_the_same_draft_until_it_is_turned_down(ledger: Any) -> None:
    said = content()
    with tx(ledger, "acc") as t:
        first = draft_voucher(t, ledger.book, said, DAY)
        assert draft_voucher(t, ledger.book, said, DAY) == first
    with tx(ledger, "checker") as t:
        rejected = reject_voucher(t, ledger.book, first.voucher_id, DAY, "科目不对")
    assert (rejected.state, rejected.reason, rejected.decided_by) == ("rejected", "科目不对", "checker")
    with tx(ledger, "acc") as t:
        second = draft_voucher(t, ledger.book, said, DAY)
        withdraw_voucher(t, ledger.book, second.voucher_id, DAY, "重写")
        third = draft_voucher(t, ledger.book, said, DAY)
        states = {one.voucher_id: one.state for one in manual_vouchers(t, ledger.book)}
    assert [states[one.voucher_id] for one in (first, second, third)] == ["rejected", "withdrawn", "drafted"]
    assert len({first.voucher_id, second.voucher_id, third.voucher_id}) == 3


@pytest.mark.fault(62)
def test_one_person_under_two_names_approves_nothing(ledger: Any) -> None:
    with psycopg.connect(ledger.admin_url, autocommit=True) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('acc2', 'p1', 'acc2') ON CONFLICT DO NOTHING")
        admin.execute(
            "INSERT INTO access.user_role VALUES (420100, 'acc2', 'checker', 0) ON CONFLICT DO NOTHING"
        )
    made = drafted(ledger)
    for user, code in (("acc", "access.role_missing"), ("acc2", "voucher.same_person"), ("cash", "access.role_missing"),
                       ("rev", "access.role_missing"), ("far", "access.role_missing")):  # fmt: skip
        with pytest.raises(LedgerError) as error, tx(ledger, user) as t:
            approve_voucher(t, ledger.book, made.voucher_id, made.digest, DAY)
        assert error.value.code == code, user


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"legs": (debit(1001, 5),)}, "entry.too_few_lines"),
        ({"legs": (debit(1001, 5), credit(1005, 6))}, "entry.unbalanced"),
        (
            {"legs": (debit(1001, 5), credit(9101, 5, Dimensions("H1", "pool", 2026, 202610, "x")))},
            "entry.unbalanced",
        ),
        ({"legs": (debit(1101, 5), credit(1005, 5))}, "account.not_leaf"),
        ({"legs": (debit(1999, 5), credit(1005, 5))}, "account.unknown"),
        (
            {"legs": (debit(1999, 5), credit(1005, 6))},
            "account.unknown",
        ),  # before what it leaves out of balance
        ({"legs": (debit(9999, 5), credit(1005, 5))}, "account.unknown"),
        ({"legs": (debit(1004, 5), credit(1005, 5))}, "dimension.mismatch"),
        ({"legs": (debit(1001, 0), credit(1005, 0))}, "db.constraint"),
        ({"summary": " "}, "voucher.text"),
        ({"summary": "a|b"}, "voucher.text"),
        ({"evidence": ""}, "voucher.text"),
        ({"evidence": "a\nb"}, "voucher.text"),
        ({"summary": "提现\u202e"}, "voucher.text"),
        ({"summary": "\u200b"}, "voucher.text"),
        ({"evidence": "单\ufffe据"}, "voucher.text"),
    ],
)
def test_a_draft_that_could_not_post_is_refused_at_once(
    ledger: Any, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(LedgerError) as error:
        drafted(ledger, **changes)
    assert error.value.code == code
    assert error.value.message


def test_who_does_not_keep_books_drafts_nothing(ledger: Any) -> None:
    for user in ("checker", "cash", "rev", "adm", "far", "nobody"):
        with pytest.raises(LedgerError) as error:
            drafted(ledger, user)
        assert error.value.code == "access.role_missing", user


@pytest.mark.fault(62)
def test_an_approval_of_something_else_is_refused(ledger: Any) -> None:
    made, other = drafted(ledger), drafted(ledger)
    with pytest.raises(LedgerError) as error, tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, made.voucher_id, other.digest, DAY)
    assert error.value.code == "voucher.changed"
    with pytest.raises(LedgerError) as error, tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, "MV-00000000000000000000", made.digest, DAY)
    assert error.value.code == "voucher.draft_unknown"


def test_a_decision_is_taken_once(ledger: Any) -> None:
    made = drafted(ledger)
    with tx(ledger, "checker") as t:
        reject_voucher(t, ledger.book, made.voucher_id, DAY, "不对")
    with pytest.raises(LedgerError) as error, tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, made.voucher_id, made.digest, DAY)
    assert error.value.code == "voucher.decided"
    with pytest.raises(LedgerError) as error, tx(ledger, "acc") as t:
        withdraw_voucher(t, ledger.book, made.voucher_id, DAY, "不要了")
    assert error.value.code == "voucher.decided"
    assert refused(ledger, "acc", entry_of(made)) == "entry.not_approved"


def test_only_the_drafter_withdraws_and_says_why(ledger: Any) -> None:
    made = drafted(ledger, "maker")
    with pytest.raises(LedgerError) as error, tx(ledger, "acc") as t:
        withdraw_voucher(t, ledger.book, made.voucher_id, DAY, "x")
    assert error.value.code == "voucher.not_drafter"
    with pytest.raises(LedgerError) as error, tx(ledger, "maker") as t:
        withdraw_voucher(t, ledger.book, made.voucher_id, DAY, " ")
    assert error.value.code == "voucher.reason"


def test_a_checker_who_never_saw_it_is_not_named(ledger: Any) -> None:
    """The gap this closes: the accountant posts, naming a checker."""
    made = drafted(ledger)
    assert refused(ledger, "acc", entry_of(made)) == "entry.not_approved"
    assert refused(ledger, "acc", entry_of(made, source_key="MAN:x")) == "entry.not_approved"
    assert refused(ledger, "acc", ledger.draft(rule="manual", prepared_by="acc")) == "entry.not_approved"
    assert refused(ledger, "acc", ledger.draft(prepared_by="acc")) == "entry.not_approved"
    assert (
        refused(ledger, "acc", ledger.draft(rule="manual", prepared_by="rule:manual")) == "entry.not_approved"
    )
    for key in ("REF:R-1", "CASH:C-1", "ALLOT:A-1", "OUT:O-1"):
        made_up = ledger.draft(key=key, prepared_by="acc", rule="REF.prepaid@1")
        assert refused(ledger, "acc", made_up) == "entry.not_approved", key


CHANGES: dict[str, dict[str, Any]] = {
    "amount": {"legs": (debit(1004, 101, BANK), credit(1005, 101))},
    "account": {"legs": (debit(1004, 100, BANK), credit(1001, 100))},
    "dimension": {"legs": (debit(1004, 100, Dimensions("6222000002")), credit(1005, 100))},
    "order of lines": {"legs": (credit(1005, 100), debit(1004, 100, BANK))},
    "red letters": {"legs": (Leg(1004, Side.DEBIT, -100, BANK), Leg(1005, Side.CREDIT, -100))},
    "summary": {"summary": "另一摘要"},
    "business date": {"business_date": date(2026, 10, 12)},
    "evidence": {"evidence": "另一单据"},
    "evidence digest": {"evidence_digest": b"\x01" * 32},
    "attachments": {"attachments": 3},
    "reverses": {"reverses_seq": 2},
    "drafter": {"prepared_by": "maker"},
    "approver": {"reviewed_by": "rev"},
    "event": {"event": "RCV"},
    "rule": {"rule": "RCV.daily.P1@1"},
}


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
@pytest.mark.parametrize("change", CHANGES)
def test_what_was_approved_posts_and_nothing_else(ledger: Any, change: str) -> None:
    """Approved by raw SQL and not yet posted: anybody who posts can post that very content, nobody another."""
    made = drafted(ledger)
    with pytest.raises(LedgerError) as error, tx(ledger, "checker") as t:
        t.run(
            "SELECT books.decide_voucher(420100, 310::smallint, %(id)s, 'approved', %(digest)s, '2026-10-14', '')",
            id=made.voucher_id,
            digest=made.digest,
        )
        post(t, ledger.book, DAY, [entry_of(made, **CHANGES[change])])
    assert error.value.code in {"entry.not_approved", "entry.signers"}
    with tx(ledger, "checker") as t:
        [posted] = approve_vouchers(t, ledger.book, {made.voucher_id: made.digest}, DAY)
    assert posted.outcome == "posted"


def test_one_unapproved_among_many_stops_them_all(ledger: Any) -> None:
    good, bad = drafted(ledger), drafted(ledger)
    with tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, good.voucher_id, good.digest, DAY)
    assert refused(ledger, "acc", ledger.draft(), entry_of(bad), ledger.draft()) == "entry.not_approved"


DOORS = {
    "insert a draft": "INSERT INTO books.voucher SELECT * FROM books.voucher LIMIT 1",
    "insert a line": "INSERT INTO books.voucher_line SELECT region, fund, voucher_id, 9, side, amount_fen, account, counterparty,"
    " subfund, service_year, term, category FROM books.voucher_line LIMIT 1",
    "approve": "INSERT INTO books.voucher_decision SELECT region, fund, voucher_id, 'approved', digest, 'checker', prepared_on, ''"
    " FROM books.voucher LIMIT 1",
    "rewrite": "UPDATE books.voucher SET summary = 'x'",
    "rewrite a line": "UPDATE books.voucher_line SET amount_fen = 1",
    "take back": "DELETE FROM books.voucher_decision",
    "empty": "TRUNCATE books.voucher_line",
}


@pytest.mark.parametrize("role", ["service", "owner", "superuser"])
@pytest.mark.parametrize("door", DOORS)
def test_drafts_and_decisions_come_through_their_functions_alone(ledger: Any, door: str, role: str) -> None:
    drafted(ledger)
    if role == "service":
        with pytest.raises(LedgerError), tx(ledger, "acc") as t:
            t.connection.execute(DOORS[door])
        return
    with psycopg.connect(ledger.admin_url) as admin:
        if role == "owner":
            admin.execute("SET ROLE fundledger_owner")
        with pytest.raises(psycopg.Error) as error:
            admin.execute(DOORS[door])
        assert error.value.sqlstate in ("FL002", "42501", "23505")
        admin.rollback()


def test_another_fund_and_region_stay_unseen(ledger: Any) -> None:
    made = drafted(ledger)
    with unit_of_work(ledger.service, "far", 420200) as t:
        assert t.value("SELECT count(*) FROM books.voucher WHERE region = 420100") == 0
    with tx(ledger, "narrow") as t:
        assert t.value("SELECT count(*) FROM books.voucher_line WHERE fund = 310") == 0
    with pytest.raises(LedgerError) as error, tx(ledger, "checker") as t:
        approve_voucher(t, ledger.other_fund, made.voucher_id, made.digest, DAY)
    assert error.value.code == "voucher.draft_unknown"


def test_rules_post_beside_each_other_without_asking_for_drafts(ledger: Any) -> None:
    entries = [dataclasses.replace(ledger.draft(), attachments=n) for n in range(200)]
    assert {one.outcome for one in ledger.post(*entries)} == {"posted"}
