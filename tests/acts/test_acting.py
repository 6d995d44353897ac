"""An act and its line of the log are one: cut at COMMIT, refused, repeated under a key, anchored after it."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.acts.acting import OnceKey, acting, once, once_by_steps, stepping
from ledger.acts.tracing import What
from ledger.books.anchors import anchors_path, read_anchors
from ledger.books.manual import ManualContent, approve_voucher, draft_voucher
from ledger.books.setup import open_period
from ledger.bootstrap import App
from ledger.core.dates import period_of
from ledger.core.entries import Book, Dimensions, Leg, Side
from ledger.core.errors import Conflict, LedgerError, Unavailable
from ledger.db.unit_of_work import Transaction
from ledger.simulation.people import EXPENDITURE_ACCOUNT

BOOK = Book(420100, 310)
DAY = date(2026, 10, 14)
WHAT = What(420100, "voucher.draft", "测试")


def content(summary: str = "调整", off: int = 0) -> ManualContent:
    legs = (
        Leg(1004, Side.DEBIT, 1250, Dimensions(EXPENDITURE_ACCOUNT.number)),
        Leg(1001, Side.CREDIT, 1250 + off),
    )
    return ManualContent(DAY, summary, "会办单3号", legs, 0, 0)


def lines(world: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        query = "SELECT region, user_name, action, object, outcome, split_part(detail, '：', 1) FROM access.operator_log ORDER BY id"
        return admin.execute(query).fetchall()


def count(world: Any, table: str) -> int:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        row = admin.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        return int(row[0])


def line(outcome: str, code: str = "", user: str = "li", what: What = WHAT) -> tuple[Any, ...]:
    return (what.region, user, what.action, what.subject, outcome, code)


def test_a_stored_draft_has_its_line(world: Any, accountant: App) -> None:
    with acting(accountant, WHAT) as doing:
        draft_voucher(doing.tx, BOOK, content(), DAY)
    assert (count(world, "books.voucher"), lines(world)) == (1, [line("done")])
    assert not anchors_path(world.settings.home).exists()  # a draft does not book


def test_a_refused_draft_has_its_refused_line_and_nothing_else(world: Any, accountant: App) -> None:
    with pytest.raises(LedgerError) as refused, acting(accountant, WHAT) as doing:
        draft_voucher(doing.tx, BOOK, content("好的"), DAY)
        draft_voucher(doing.tx, BOOK, content("坏的", off=1), DAY)
    assert (count(world, "books.voucher"), lines(world)) == (0, [line("refused", refused.value.code)])


def test_what_nobody_foresaw_is_logged_as_failed_by_its_class_alone(world: Any, accountant: App) -> None:
    with pytest.raises(ZeroDivisionError), acting(accountant, WHAT) as doing:
        draft_voucher(doing.tx, BOOK, content(), DAY)
        raise ZeroDivisionError("420100199001011234")
    assert (count(world, "books.voucher"), lines(world)) == (0, [line("failed", "ZeroDivisionError")])


@pytest.mark.fault(4, 5)
@pytest.mark.parametrize(("when", "stored"), [("lost", []), ("kept", [line("done")])])
def test_cut_at_commit_the_draft_and_its_line_are_there_or_neither(
    world: Any, accountant: App, cut: Any, when: str, stored: list[tuple[Any, ...]]
) -> None:
    cut(when)
    with pytest.raises(Unavailable, match="commit_unknown"), acting(accountant, WHAT) as doing:
        draft_voucher(doing.tx, BOOK, content(), DAY)
    assert count(world, "books.voucher") == len(stored)
    assert lines(world) == [*stored, line("unknown", "db.commit_unknown")]


@pytest.mark.fault(4, 5)
@pytest.mark.parametrize("when", ["lost", "kept"])
def test_asked_again_under_its_key_after_a_cut_it_is_done_once(
    world: Any, accountant: App, cut: Any, when: str
) -> None:
    key = OnceKey("voucher.draft", "k1", sha256(b"asked").digest())

    def answer(tx: Transaction) -> bytes:
        return json.dumps(draft_voucher(tx, BOOK, content(), DAY).voucher_id).encode()

    cut(when)
    with pytest.raises(Unavailable, match="commit_unknown"):
        once(accountant, WHAT, key, answer)
    given = once(accountant, WHAT, key, answer)
    assert (given.again, count(world, "books.voucher")) == (when == "kept", 1)
    assert sorted(one[4] for one in lines(world)) == ["done", "unknown"]
    assert once(accountant, WHAT, key, answer) == (given.body, True, [])
    assert len(lines(world)) == 2
    with pytest.raises(Conflict, match="key_reused"):
        once(accountant, WHAT, key._replace(digest=sha256(b"other").digest()), answer)
    assert lines(world)[-1] == line("refused", "key_reused")


def test_an_act_by_steps_under_a_key_is_done_once(world: Any, accountant: App) -> None:
    key, done = OnceKey("test", "k1", sha256(b"asked").digest()), list[int]()

    def answer() -> bytes:
        done.append(1)
        return b"%d" % len(done)

    first = once_by_steps(accountant, WHAT, key, answer)
    assert once_by_steps(accountant, WHAT, key, answer) == (first.body, True, [])
    assert (done, lines(world)) == ([1], [line("done")])


def test_an_act_by_steps_that_ends_early_says_so(world: Any, accountant: App) -> None:
    with pytest.raises(Conflict), stepping(accountant, WHAT):
        raise Conflict("test.refused", "不行")
    assert lines(world) == [line("refused", "test.refused")]


@pytest.fixture
def approve(world: Any, accountant: App) -> Any:
    """Approve a draft as the checker; gives the warnings."""
    with acting(accountant, WHAT) as doing:
        made = draft_voucher(doing.tx, BOOK, content(), DAY)

    def call() -> list[str]:
        app = App(world.settings, "qian")
        try:
            with acting(app, What(420100, "voucher.approve", made.voucher_id)) as doing:
                open_period(doing.tx, BOOK, period_of(DAY))
                approve_voucher(doing.tx, BOOK, made.voucher_id, made.digest, DAY)
        finally:
            app.close()
        return [warned.code for warned in doing.warnings]

    return call


def test_an_act_that_booked_is_anchored_once(world: Any, approve: Any) -> None:
    assert approve() == []
    assert [(one.region, one.fund, one.block) for one in read_anchors(world.settings.home) if one.fund] == [
        (420100, 310, 1)
    ]
    assert approve() == []  # the same approval again posts nothing
    assert len([one for one in read_anchors(world.settings.home) if one.fund]) == 1


def test_anchors_that_cannot_be_written_are_a_warning_of_an_act_that_is_done(
    world: Any, approve: Any
) -> None:
    anchors_path(world.settings.home).mkdir(parents=True)
    assert approve() == ["anchor.not_written"]
    assert count(world, "books.entry") == 1
    assert [one[4] for one in lines(world)] == ["done", "done"]


def test_what_brings_records_in_leaves_anchors_to_those_who_booked(
    world: Any, accountant: App, approve: Any
) -> None:
    """By the intake's own login, which reads no books: no warning, while the end of a chain waits to be anchored."""
    path = anchors_path(world.settings.home)
    path.mkdir(parents=True)
    assert approve() == ["anchor.not_written"]
    path.rmdir()
    app = App(world.settings, "jieru")
    try:
        for what in (What(420100, "intake.load", "a.jsonl"), What(0, "intake.load", "a.jsonl")):
            with stepping(app, what) as doing:
                pass
            assert doing.warnings == []
            assert once_by_steps(app, what, None, lambda: b"").warnings == []
    finally:
        app.close()
    assert world.settings.split_logins
    assert read_anchors(world.settings.home) == []
    with stepping(accountant, WHAT):
        pass
    assert [one.block for one in read_anchors(world.settings.home) if one.fund] == [1]
