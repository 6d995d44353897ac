"""The raw doors: what the program would never do is refused by the database; what a superuser does, verify names."""

from __future__ import annotations

import pytest

from ledger.control.breach import Breach
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from tests.closing.conftest import LAST, Agency

STATEMENTS = {
    "state by hand": "UPDATE books.period SET state = 'closed'",
    "a close by hand": "INSERT INTO books.closing (region, fund, period, n, method, state, begun_by)"
    " VALUES (420100, 310, 202510, 1, 'before', 'closed', '')",
    "another's signature": "UPDATE books.closing SET closed_by = 'wu'",
    "a waiver by hand": "INSERT INTO books.closing_waiver VALUES (420100, 310, 202510, 'bank', 1, '[]', 'r', 'li', '2025-11-02', 'wu', '2025-11-02')",
    "a check by hand": "UPDATE books.closing_check SET ok = true",
    "no close": "DELETE FROM books.closing",
    "a seal by hand": "INSERT INTO books.period_seal VALUES (420100, 310, 202510, 1, sha256('x'), 'k', 'wu', '2025-11-02')",
    "no seal": "DELETE FROM books.period_seal",
}


def test_the_service_writes_no_close(agency: Agency) -> None:
    agency.close()
    for what, statement in STATEMENTS.items():
        for user in ("li", "wu"):
            with pytest.raises(LedgerError), agency.tx(user) as tx:
                tx.run(statement)  # type: ignore[arg-type]
                pytest.fail(what)


def test_a_failed_line_is_not_shown_past_the_program(agency: Agency) -> None:
    agency.close()
    for asked, wanted in (
        ("SELECT books.record_check(420100, 310::smallint, 202510, 'bank', false, '[\"x\"]', '')", "period.checks_failed"),
        ("SELECT books.record_check(420100, 310::smallint, 202510, 'verify', false, '[]', '')", "period.checks_failed"),
    ):  # fmt: skip
        with pytest.raises(LedgerError) as refused, agency.tx() as tx:
            tx.run(asked)  # type: ignore[arg-type]
            tx.run("SELECT books.show_close(420100, 310::smallint, 202510, '2025-11-02')")
        assert refused.value.code == wanted


def test_a_month_with_income_left_is_not_confirmed_past_the_program(agency: Agency) -> None:
    agency.close()
    with pytest.raises(LedgerError) as refused, agency.tx("wu") as tx:
        tx.run("SELECT books.confirm_close(420100, 310::smallint, 202510, 1, '2025-11-02')")
    assert refused.value.code == "period.not_carried"
    assert agency.state() == "closing"


BROKEN = {
    "state": ("UPDATE books.period SET state = 'open' WHERE period = 202510 AND fund = 310", "INV-04"),
    "one person": ("UPDATE books.closing SET closed_by = begun_by", None),
    "same person": ("UPDATE access.app_user SET person = 'person-accountant' WHERE user_name = 'wu'", "INV-11"),
    "check list": ("UPDATE books.closing SET checks = replace(checks, 'true', 'false')", "INV-12"),
    "turnover": ("UPDATE books.closing SET debit_fen = debit_fen + 1", "INV-12"),
    "head": ("UPDATE books.closing SET head = sha256('x')", "INV-12"),
    "close gone": ("DELETE FROM books.closing", "INV-04"),
    "left": ("UPDATE books.balance SET credit = credit - 1 WHERE account = 400101 AND fund = 310", "INV-07"),
    "wrong sub-fund": ("UPDATE books.entry_202510 SET accounts = '{400101,41010101,-300102}' WHERE seq = 7 AND fund = 310", "INV-07"),
    "not of a close": ("UPDATE books.entry_202510 SET source_key = 'CLOSE-M:202510:7:1' WHERE seq = 7 AND fund = 310", "INV-12"),
    "added": ("UPDATE books.closing SET block = block - 1", "INV-04"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_was_changed_behind_the_doors_is_named(agency: Agency, case: str) -> None:
    agency.shut()
    statement, promise = BROKEN[case]
    if promise is None:
        import psycopg

        with psycopg.connect(agency.admin_url) as admin, pytest.raises(psycopg.Error, match="check"):
            admin.execute("SET session_replication_role = replica")
            admin.execute(statement.encode())
        return
    agency.break_it(statement)
    assert promise in {breach.promise for breach in agency.verify()}


def test_a_month_before_the_books_opening_is_named(agency: Agency) -> None:
    """The guard is books.open_period; who goes past it opens a month that would have to be closed first."""
    agency.break_it("INSERT INTO books.period VALUES (420100, 310, 202509, 'open')")

    def early() -> list[Breach]:
        return [b for b in agency.verify() if b.promise == "INV-04"]

    assert [(b.book, b.entry) for b in early()] == [("420100-310", "period 202509")]
    assert "202510" in early()[0].message
    agency.break_it("UPDATE books.period SET fund = 390 WHERE period = 202509")  # of whichever book
    assert [(b.book, b.entry) for b in early()] == [("420100-390", "period 202509")]
    agency.break_it("UPDATE books.period SET fund = 310, period = 202508 WHERE period = 202509")
    agency.break_it("UPDATE books.book SET opened_on = '2025-08-31' WHERE fund = 310")  # its own first month
    assert "INV-04" not in {b.promise for b in agency.verify()}


def test_a_month_closed_before_closes_were_recorded_is_counted_and_no_breach(agency: Agency) -> None:
    from ledger.control.verify import examine

    agency.break_it(
        "UPDATE books.period SET state = 'closed' WHERE period = 202510 AND fund = 310",
        "INSERT INTO books.closing (region, fund, period, n, method, state, begun_by)"
        " VALUES (420100, 310, 202510, 1, 'before', 'closed', '')",
    )
    found = examine(agency.auditor, agency.home)
    # as in a home from before, but for the traces that the upgrade would have begun
    assert {b.entry.split()[0] for b in found.breaches} == {"books.closing", "books.period"}
    assert {b.code.partition(".")[0] for b in found.breaches} == {"trace"}
    assert found.waiting["旧版由一人结账的会计期间"] == 1
    agency.reopen("补结转", user="li")
    agency.reopen()
    agency.book(LAST, debit(1005, 10), credit(400101, 10))
    agency.shut()
    assert agency.verify() == []
