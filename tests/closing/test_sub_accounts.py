"""A sub-account is closed with its parent, stands in its parent's row, and a year that was closed before it can be reopened."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.books.sub_accounts import decide_account, propose_account
from ledger.core.entries import Book, credit, debit
from ledger.core.errors import LedgerError
from reports.statements.rows import Form
from reports.statements.span import Span
from reports.statements.statement import Statements, statements
from tests.closing.conftest import BOOK, OCT, Agency, method
from tests.closing.test_year import NEXT, to_december


def add(agency: Agency, account: int, name: str, on: date, book: Book = BOOK) -> None:
    with agency.tx("li") as tx:
        digest = bytes.fromhex(propose_account(tx, book, account, name, on).digest)
    with agency.tx("qian") as tx:
        assert decide_account(tx, book, account, digest, on).state == "confirmed"


def told(agency: Agency, period: int) -> Statements:
    with agency.tx() as tx:
        return statements(tx, BOOK, Span(period // 100, period % 100))


def row(found: Statements, key: str) -> tuple[int, ...]:
    return next(filled.fen for filled in found.forms[Form.INCOME].rows if filled.row.key == key)


def test_a_sub_account_is_in_its_parents_row_and_carried_with_it(agency: Agency) -> None:
    """440101 divided in its first year: 会社保02 pool_from_above holds both sub-accounts, the close leaves them at nought."""
    add(agency, 44010101, "省级补助", OCT)
    add(agency, 44010102, "中央补助", OCT)
    agency.book(OCT, debit(1005, 8_000), credit(44010101, 8_000))
    agency.book(OCT, debit(1005, 500), credit(44010102, 500))
    before = told(agency, 202510)
    assert row(before, "pool_from_above") == (8_500, 8_500)
    assert all(check.holds for check in before.checks), before.checks
    agency.shut()
    assert agency.balance(440101) == agency.balance(44010101) == agency.balance(4101) == 0
    assert agency.balance(300101) == 600_000 + 70_000 - 20_000 + 300 + 8_500
    assert row(told(agency, 202510), "pool_from_above") == (8_500, 8_500), "the same after the close"
    assert agency.verify() == []


@pytest.mark.parametrize("chosen", ["monthly", "yearly"])
def test_december_is_reopened_after_its_account_was_divided(agency: Agency, chosen: str) -> None:
    """5201 had lines last year: it is divided in January; December's carry is reversed and made again on 5201 itself."""
    method(agency, chosen)
    to_december(agency)
    agency.book(date(2025, 12, 8), debit(5201, 77), credit(1005, 77))
    with pytest.raises(LedgerError) as refused, agency.tx("li") as tx:
        propose_account(tx, BOOK, 520101, "跨省", date(2025, 12, 9))
    assert refused.value.code == "account.has_balance"
    agency.shut(202512, NEXT)
    add(agency, 520101, "跨省", NEXT)
    assert agency.verify() == []
    agency.reopen("漏记", 202512, "li", NEXT)
    assert agency.reopen("", 202512, "wu", NEXT) == "open"
    assert agency.verify() == []
    with pytest.raises(LedgerError) as refused:
        agency.book(date(2025, 12, 31), debit(5201, 1), credit(1005, 1))
    assert refused.value.code == "account.not_leaf"
    agency.book(date(2025, 12, 31), debit(520101, 3), credit(1005, 3))
    agency.shut(202512, NEXT)
    assert agency.balance(5) == 0
    assert agency.balance(300102) == 300_000 + 5_000 - 5_000 - 77 - 3
    assert agency.verify() == []
