"""Reopening: two persons, a reason, the last closed month, its closing entries reversed in red, never after the seal."""

from __future__ import annotations

import pytest

from ledger.closing.seal import seal
from ledger.control.checks.journal.forms import WAITING
from ledger.control.verify import examine
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from tests.closing.conftest import BOOK, LAST, NOV, Agency
from tests.closing.test_close import code


@pytest.mark.fault(33)
def test_two_persons_reopen_the_last_month_and_it_closes_again(agency: Agency) -> None:
    agency.shut()
    before = agency.rows("SELECT account, sum(debit - credit) FROM books.balance WHERE period = 202510 AND fund = 310"
                         " AND account::text LIKE '3%' GROUP BY 1 ORDER BY 1")  # fmt: skip
    assert agency.reopen("漏记一笔保费", user="li") == "asked"
    assert agency.state() == "closed"  # one person's word
    assert agency.reopen() == "open"
    assert agency.state() == "open"
    assert agency.balance(3001) == 0
    assert agency.balance(400101) == 600_000
    reds = agency.rows(
        "SELECT r.summary, r.amounts, o.amounts, r.accounts = o.accounts FROM books.entry r JOIN books.entry o"
        " ON o.fund = r.fund AND o.seq = r.reverses_seq WHERE r.event = 'CLOSE-M' ORDER BY r.seq"
    )
    assert next(summary for summary, *_ in reds) == "注销记-202510-7号凭证：202510月末结转收入"
    assert len(reds) == 4
    assert all(same and red == [-fen for fen in black] for _, red, black, same in reds)
    assert agency.verify() == []
    agency.book(LAST, debit(1005, 10), credit(400101, 10))
    agency.shut()
    assert before
    assert agency.balance(300101) == 650_310
    assert agency.rows("SELECT n, state FROM books.closing ORDER BY n") == [(1, "reopened"), (2, "closed")]
    assert agency.verify() == []


@pytest.mark.fault(33)
def test_alone_twice_or_unasked_it_is_refused(agency: Agency) -> None:
    assert code(lambda: agency.reopen("看看", user="li")) == "period.not_closed"
    agency.shut()
    assert code(agency.reopen) == "period.reopen_unasked"
    agency.reopen("漏记", user="li")
    assert code(lambda: agency.reopen("再来", user="li")) == "period.reopen_asked"
    assert code(lambda: agency.reopen(user="li")) == "access.role_missing"
    assert code(lambda: agency.reopen(user="qian")) == "access.role_missing"
    agency.break_it("INSERT INTO access.user_role VALUES (420100, 'li', 'chief', 0)")
    assert code(lambda: agency.reopen(user="li")) == "period.same_person"
    agency.reopen()
    assert code(agency.reopen) == "period.not_closed"
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M'") == [(8,)]


@pytest.mark.fault(33)
def test_only_the_last_one_and_never_after_the_seal(agency: Agency) -> None:
    agency.shut()
    agency.book(NOV, debit(1005, 10), credit(400101, 10))
    from datetime import date

    agency.close(202511, date(2025, 12, 1))
    assert code(lambda: agency.reopen("漏记", user="li")) == "period.not_last"
    with agency.tx() as tx:
        tx.run("SELECT books.withdraw_close(420100, 310::smallint, 202511, '先改十月')")
    agency.reopen("漏记", user="li")
    with agency.tx() as tx:  # an accountant's file seals nothing
        assert seal(tx, BOOK, 202510, "ab" * 32, "k", NOV) == "closed"
    with pytest.raises(LedgerError) as refused, agency.tx() as tx:
        tx.run("SELECT books.seal_period(420100, 310::smallint, 202510, sha256('x'), 'k', '2025-11-02')")
    assert refused.value.code == "access.role_missing"
    with agency.tx("wu") as tx:
        assert seal(tx, BOOK, 202510, "ab" * 32, "k", NOV) == "sealed"
    assert code(agency.reopen) == "period.sealed"
    assert code(lambda: agency.book(LAST, debit(1005, 10), credit(400101, 10))) == "period.sealed"
    assert agency.state() == "sealed"
    assert agency.verify() == []
    with agency.tx("wu") as tx:  # a second copy of the file
        assert seal(tx, BOOK, 202510, "cd" * 32, "k", NOV) == "sealed"
    with pytest.raises(LedgerError) as open_, agency.tx("wu") as tx:
        seal(tx, BOOK, 202511, "ab" * 32, "k", NOV)
    assert open_.value.code == "seal.not_closed"
    agency.break_it("UPDATE books.period SET state = 'closed' WHERE state = 'sealed'")
    assert [(b.promise, b.code) for b in agency.verify()] == [("INV-04", ""), ("INV-12", "trace.row_changed")]
    agency.break_it(
        "UPDATE books.period SET state = 'sealed' WHERE state = 'closed'", "DELETE FROM books.period_seal"
    )
    assert [b.promise for b in agency.verify()] == ["INV-04"]


@pytest.mark.parametrize("order", ["reopened without reversal", "reversed without reopening"])
def test_neither_half_of_it_stands_alone(agency: Agency, order: str) -> None:
    from ledger.books.journal import post  # noqa: F401 the door of the second half
    from ledger.closing.carry import carry_back

    agency.shut()
    agency.reopen("漏记", user="li")

    def half() -> None:
        with agency.tx("wu") as tx:
            if order == "reopened without reversal":
                tx.run("SELECT books.reopen_period(420100, 310::smallint, 202510, '2025-11-02')")
            else:
                carry_back(tx, BOOK, 202510, 1)

    assert code(half) == {"reopened without reversal": "period.not_reversed"}.get(order, "period.closed")
    assert agency.state() == "closed"
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M'") == [(4,)]


def test_what_a_reopening_takes_back_in_red_is_no_blue_on_the_other_side(agency: Agency) -> None:
    """A red debit stands on the debit side: it takes the closing's debit away, and is no credit that was carried."""
    agency.book(LAST, debit(1005, 1_234), credit(42010101, 1_234))
    agency.shut()
    assert WAITING not in examine(agency.auditor, agency.home).waiting
    agency.reopen("漏记", user="li")
    assert agency.reopen() == "open"
    assert WAITING not in examine(agency.auditor, agency.home).waiting
