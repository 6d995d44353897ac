"""The raw doors: what the program would never do is refused by the database; what a superuser does, verify names."""

from __future__ import annotations

import pytest

from ledger.control.breach import Breach
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from tests.closing.conftest import LAST, Agency
from tests.scenes.papers import PaperSaid, keep_paper

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


LIST = (
    "SELECT books.record_check(420100, 310::smallint, 202510, '{}', true, '[]', '')",
    "SELECT books.show_close(420100, 310::smallint, 202510, '2025-11-02')",
)
WAITING = (
    "INSERT INTO payments.bank_account VALUES (420100, '6222000077', '1004', 'iso20022', '支出户', '某银行', '102521000001')",
    "INSERT INTO payments.book_account VALUES (420100, 310, '1004', '6222000077') ON CONFLICT (region, fund, kind) DO UPDATE SET account = excluded.account",
)


def set_apart(agency: Agency) -> None:
    """A receipt of the month that nobody explained, kept as it came before the close began."""
    agency.break_it(*WAITING)
    with agency.tx("li") as tx:
        keep_paper(tx, "6222000077", PaperSaid("W1", "credit", LAST, 700), "suspense", "other_credit")


def test_a_line_that_fails_is_not_recorded_as_passed(agency: Agency) -> None:
    """The accountant's raw word of a check is looked at again by the database: as it is shown, and as it is confirmed."""
    digest = agency.close()
    set_apart(agency)
    with pytest.raises(LedgerError) as refused:
        agency.confirm(digest)  # what came since is seen before the chief's word counts
    assert refused.value.code == "period.changed"
    with pytest.raises(LedgerError) as refused, agency.tx() as tx:
        for asked in LIST:
            tx.run(asked.format("suspense"))  # type: ignore[arg-type]
    assert refused.value.code == "period.checks_failed"
    assert "suspense" in refused.value.message
    assert agency.state() == "closing"


def test_a_close_goes_by_the_region_s_method(agency: Agency) -> None:
    """A month closed the other way would carry nothing to 3001."""
    with pytest.raises(LedgerError) as refused, agency.tx() as tx:
        tx.run("SELECT books.begin_close(420100, 310::smallint, 202510, 'yearly', '2025-11-02')")
    assert refused.value.code == "period.method"
    assert agency.state() == "open"


def test_what_was_shown_as_passed_and_did_not_pass_is_named(agency: Agency) -> None:
    """Past the guards: a receipt of the month unexplained before the close began, and a method nobody chose."""
    agency.shut()
    set_apart(agency)
    found = {(b.promise, b.entry, b.code) for b in agency.verify()}
    assert ("INV-11", "period 202510 closing 1", "closing.not_passed") in found
    agency.break_it("UPDATE books.closing SET method = 'yearly'")
    assert any("结账按" in b.message for b in agency.verify() if b.promise == "INV-11")


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
