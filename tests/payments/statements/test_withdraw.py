"""A statement loaded wrongly is withdrawn by two persons while nothing rests on it; it is kept, and a corrected one follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.core.errors import LedgerError
from ledger.payments.statements.by_hand import undo
from ledger.payments.statements.sheet import make, review
from ledger.payments.statements.take import files, taken
from ledger.payments.statements.withdraw import Withdrawal, ask_withdrawal, decide_withdrawal, withdrawals
from tests.payments.conftest import OWN, World
from tests.payments.statements.conftest import AFTER, OCT, Bank, Books, line


def d(day: int) -> date:
    return date(2026, 10, day)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerError) as wrong:
        act()
    assert wrong.value.message
    return wrong.value.code


def asked(world: World, statement: int = 1, reason: str = "误收了测试文件", user: str = "acc") -> Withdrawal:
    with world.tx(user) as tx:
        return ask_withdrawal(tx, OWN, statement, reason, AFTER)


def decided(world: World, made: Withdrawal, user: str = "checker", refusal: str = "") -> Withdrawal:
    with world.tx(user) as tx:
        return decide_withdrawal(tx, OWN, made.n, AFTER, refusal)


def test_it_is_kept_below_nought_and_a_corrected_one_takes_its_place(
    world: World, bank: Bank, books: Books
) -> None:
    good = bank.statement(d(1), d(10), line("B1", 10_000, d(5)))
    wrong = bank.statement(d(11), d(20), line("B2", 700, d(12)), line("B3", -1, d(13)))
    bank.load(good, wrong)
    books.book(700, d(12), "回单B2")
    assert books.match().groups["serial"] == 1
    assert refused(lambda: asked(world, 2)) == "statement.matched"
    with world.tx() as tx:
        undo(tx, OWN, 1, "对账单误收", AFTER)
    assert refused(lambda: asked(world, 1)) == "statement.not_last"
    made = asked(world, 2)
    assert asked(world, 2) == made
    assert refused(lambda: asked(world, 2, "别的理由")) == "db.duplicate"
    assert (made.first_statement, made.last_statement, made.state, made.kept_as) == (2, 2, "requested", None)
    with world.tx() as tx:
        assert len(taken(tx, OWN)) == 2  # nothing yet
    done = decided(world, made)
    assert decided(world, made) == done
    assert (done.state, done.kept_as, done.approved_by) == ("approved", -1, "checker")
    with world.tx() as tx:
        assert [one.n for one in taken(tx, OWN)] == [1]
        assert [one.state for one in files(tx, OWN)] == ["taken", "withdrawn"]
        kept = tx.rows(
            "SELECT statement, n, amount_fen FROM payments.statement_line WHERE statement < 0 ORDER BY n"
        )
        assert list(kept) == [(-1, 1, 700), (-1, 2, 1)]
        assert list(tx.rows("SELECT statement, n, live FROM payments.match_line")) == [(-1, 1, False)]
    # the corrected one follows the first, with the number the bank gave the wrong one
    right = bank.statement(
        d(11), OCT, line("B2", 701, d(12)), line("B3", -1, d(13)), opening=10_000, sequence=2
    )
    [now] = bank.load(replace(right, statement_id="RIGHT"))
    assert (now.n, now.opening_fen, now.closing_fen) == (2, 10_000, 10_700)
    books.book(1, d(12), "回单B2")
    assert books.match().groups["serial"] == 1  # 7.00 and 0.01 beside one line of 7.01
    # and the very bytes of the first may come again once it is withdrawn too
    assert refused(lambda: asked(world, 2)) == "statement.matched"


def test_by_two_persons_with_a_reason_and_each_by_their_post(world: World, bank: Bank) -> None:
    bank.load(bank.statement(d(1), OCT, line("B1", 10_000, d(5))))
    for user in ("cashier", "checker", "maker"):
        assert refused(lambda u=user: asked(world, user=u)) == "access.role_missing"
    assert refused(lambda: asked(world, reason=" ")) == "statement.reason"
    assert refused(lambda: asked(world, 9)) == "statement.unknown"
    made = asked(world)
    for user in ("acc", "cashier", "maker"):
        assert refused(lambda u=user: decided(world, made, u)) == "access.role_missing"
    assert refused(lambda: decided(world, replace(made, n=7))) == "statement.no_withdrawal"
    back = decided(world, made, refusal="没有误收")
    assert (back.state, back.refusal) == ("refused", "没有误收")
    assert refused(lambda: decided(world, made)) == "request.decided"
    with world.tx() as tx:
        assert len(taken(tx, OWN)) == 1
    again = asked(world)
    decided(world, again)
    [now] = bank.load(bank.printed[0])  # the same bytes once more
    assert now.n == 1
    with world.tx() as tx:
        assert [(one.n, one.state) for one in files(tx, OWN)] == [(1, "withdrawn"), (2, "taken")]
        assert [one.state for one in withdrawals(tx)] == ["refused", "approved"]


def test_not_what_a_sheet_or_a_closed_month_rests_on(world: World, bank: Bank, books: Books) -> None:
    bank.load(bank.statement(d(1), OCT, line("B1", 10_000, d(5))))
    books.book(10_000, d(5), "回单B1")
    with world.tx() as tx:
        sheet = make(tx, OWN, 202610, AFTER)
    assert refused(lambda: asked(world)) == "statement.on_sheet"
    with world.tx("checker") as tx:
        review(tx, OWN, 202610, sheet.digest, AFTER, "重编")
    made = asked(world)
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE books.period SET state = 'closed' WHERE period = 202610")
    assert refused(lambda: decided(world, made)) == "statement.month_closed"
    assert refused(lambda: asked(world, reason="又一次")) in ("statement.month_closed", "db.duplicate")


def test_the_database_holds_it(world: World, bank: Bank) -> None:
    """As the service's role, past the program."""
    bank.load(bank.statement(d(1), OCT, line("B1", 10_000, d(5))))
    made = asked(world)
    for user, statement in (
        ("acc", "UPDATE payments.bank_statement SET n = -1"),
        ("acc", "UPDATE payments.statement_line SET statement = -1"),
        ("acc", "UPDATE payments.statement_file SET state = 'withdrawn'"),
        (
            "checker",
            "UPDATE payments.statement_withdrawal SET state = 'approved', approved_by = 'checker', approved_on = '2026-11-02'",
        ),
        (
            "acc",
            "UPDATE payments.statement_withdrawal SET state = 'refused', approved_by = 'acc', approved_on = '2026-11-02', refusal = 'x'",
        ),
        (
            "checker",
            "UPDATE payments.statement_withdrawal SET state = 'refused', approved_by = 'acc', approved_on = '2026-11-02', refusal = 'x'",
        ),
        ("acc", "DELETE FROM payments.statement_withdrawal"),
    ):

        def raw(user: str = user, statement: Any = statement) -> None:
            with world.tx(user) as tx:
                tx.run(statement)

        refused(raw)
    with world.tx() as tx:
        assert [one.n for one in taken(tx, OWN)] == [1]
        assert withdrawals(tx) == [made]
