"""The year's end by either method, and what the next year begins with."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.closing.year import require_year, year_of
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from tests.closing.conftest import BOOK, NOV, Agency, method

DEC, NEXT = date(2025, 12, 7), date(2026, 1, 4)


def to_december(agency: Agency) -> None:
    """October and November closed; December has its own income, and what was unsplit is split."""
    agency.shut()
    agency.book(NOV, debit(1005, 4_000), credit(400101, 4_000))
    agency.shut(202511, date(2025, 12, 1))
    agency.book(
        DEC, debit(4601, 11_000), credit(400101, 6_000), credit(400102, 5_000), summary="按经验比例分清"
    )
    agency.book(DEC, debit(1005, 800), credit(42010101, 800))


@pytest.mark.parametrize(
    ("chosen", "event", "entries"), [("monthly", "CLOSE-M", 7), ("yearly", "CLOSE-Y", 4)]
)
def test_a_year_ends_alike_by_either_method(agency: Agency, chosen: str, event: str, entries: int) -> None:
    method(agency, chosen)
    to_december(agency)
    with agency.tx() as tx:
        assert not require_year(tx, BOOK, 2025)
    agency.shut(202512, NEXT)
    assert agency.rows("SELECT DISTINCT event FROM books.entry WHERE event LIKE 'CLOSE%'") == [(event,)]
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event LIKE 'CLOSE%'") == [(entries,)]
    assert agency.verify() == []
    assert agency.balance(4) == agency.balance(5) == 0
    with agency.tx() as tx:
        assert require_year(tx, BOOK, 2025)
        year = year_of(tx, BOOK, 2025)
    pool, acct = year.subfunds
    assert pool == ("一般基金结余—统筹基金", 600_000 + 70_000 + 4_000 + 6_000 + 800, 20_000 - 300, 661_100)
    assert acct == ("一般基金结余—个人账户基金", 300_000 + 5_000, 5_000, 300_000)
    assert dict(year.openings) == {1005: 961_100, 300101: -661_100, 300102: -300_000}


def test_the_next_year_begins_with_the_balances_and_no_turnover(agency: Agency) -> None:
    to_december(agency)
    agency.shut(202512, NEXT)
    assert agency.state(202601) == "open"
    assert agency.rows("SELECT count(*) FROM books.balance WHERE period >= 202601") == [(0,)]
    agency.book(NEXT, debit(1005, 5), credit(400101, 5))
    assert agency.balance(1005) == -961_105
    assert agency.balance(300101) == 661_100
    assert agency.verify() == []


def test_a_year_closes_after_its_months(agency: Agency) -> None:
    for year, code in ((2025, "period.unknown"), (1926, "period.year")):
        with pytest.raises(LedgerError) as refused, agency.tx() as tx:
            require_year(tx, BOOK, year)
        assert refused.value.code == code
    agency.shut()
    agency.book(NOV, debit(1005, 4_000), credit(400101, 4_000))
    agency.book(DEC, debit(1005, 4_000), credit(400101, 4_000))
    with pytest.raises(LedgerError) as refused, agency.tx() as tx:
        require_year(tx, BOOK, 2025)
    assert refused.value.code == "period.earlier_open"


def test_a_year_without_its_own_months_closed_by_the_former_method_is_carried_too(agency: Agency) -> None:
    """表结 chosen for October, 账结 from November on: November carries what October left."""
    method(agency, "yearly")
    agency.shut()
    method(agency, "monthly", NOV.replace(day=1))
    agency.book(NOV, debit(1005, 4_000), credit(400101, 4_000))
    agency.shut(202511, date(2025, 12, 1))
    assert agency.balance(300101) == 654_300
    assert agency.verify() == []
