"""What is told of a close: the same statements before and after it, its waivers in the notes, its chief on the vouchers."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.closing import close as closing
from ledger.closing.seal import seal
from ledger.core.entries import Book
from reports.statements.grids import statement_grid
from reports.statements.rows import Form
from reports.statements.span import Span
from reports.statements.statement import Statements, statements
from reports.voucher import voucher
from tests.closing.conftest import BOOK, NOV, RESIDENT, Agency, method
from tests.closing.test_year import NEXT, to_december

Figures = dict[tuple[str, str], tuple[int, ...]]


def told(agency: Agency, span: Span, book: Book = BOOK) -> Statements:
    with agency.tx() as tx:
        return statements(tx, book, span)


def figures(agency: Agency, span: Span, book: Book = BOOK) -> Figures:
    made = told(agency, span, book)
    assert made.holds, [check for check in made.checks if not check.holds]
    return {(form.value, row.row.key): row.fen for form, shown in made.forms.items() for row in shown.rows}


@pytest.mark.parametrize("chosen", ["monthly", "yearly"])
def test_a_month_s_statements_are_the_same_before_and_after_its_close(agency: Agency, chosen: str) -> None:
    method(agency, chosen)
    for book, surplus in ((BOOK, 956_300), (RESIDENT, 5_000)):
        before = figures(agency, Span(2025, 10), book)
        totals = told(agency, Span(2025, 10), book).as_json(Form.INCOME)["totals"]
        assert totals["month_surplus_fen"] == str(surplus)  # type: ignore[index]
        agency.shut(book=book)
        assert figures(agency, Span(2025, 10), book) == before
    assert {event for (event,) in agency.rows("SELECT DISTINCT event FROM books.entry")} >= (
        {"CLOSE-M"} if chosen == "monthly" else set()
    )
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-Y'") == [(0,)]


@pytest.mark.parametrize("chosen", ["monthly", "yearly"])
def test_the_year_s_statements_are_the_same_before_and_after_its_close(agency: Agency, chosen: str) -> None:
    method(agency, chosen)
    to_december(agency)
    december, year = figures(agency, Span(2025, 12)), figures(agency, Span(2025, 0))
    agency.shut(202512, NEXT)
    assert figures(agency, Span(2025, 12)) == december
    assert figures(agency, Span(2025, 0)) == year
    assert year["01", "assets"][1] == 961_100
    assert agency.balance(3001) == 961_100


def test_both_methods_print_the_same(agency: Agency) -> None:
    """账结 and 表结 differ in when 3001 takes the surplus, in no row of a statement: November after both months' closes."""
    to_december(agency)
    monthly = figures(agency, Span(2025, 11))
    for period in (202511, 202510):
        agency.reopen("改用表结", period, user="li", on=NEXT)
        agency.reopen("", period, on=NEXT)
    method(agency, "yearly")
    agency.shut(202510, NEXT)
    agency.shut(202511, NEXT)
    assert agency.balance(3001) == 0
    assert figures(agency, Span(2025, 11)) == monthly


def test_waivers_stand_in_the_notes_and_the_chief_on_the_vouchers(agency: Agency) -> None:
    agency.refuse_line(3)
    for user, reason in (("li", "平台已知，下月更正"), ("wu", "")):
        with agency.tx(user) as tx:
            closing.waive(tx, BOOK, 202510, "quarantine", reason, NOV)
    assert told(agency, Span(2025, 10)).waived == ()  # nothing is closed in spite of it yet
    with agency.tx() as tx:
        assert dict(voucher(tx, BOOK, "1").signatures())["会计主管"] == ""
    agency.shut()
    with agency.tx() as tx:
        printed = voucher(tx, BOOK, "1")
    assert printed.signatures()[0] == ("会计主管", "吴主管")
    assert printed.as_json()["signers"]["chief"] == {"user": "wu", "name": "吴主管"}  # type: ignore[index]
    made = told(agency, Span(2025, 10))
    [one] = made.waived
    assert one.as_json() | {"granted_on": ""} == {
        "period": "202510", "code": "quarantine", "name": "隔离记录与文件", "items": ["load 1 line 3"], "reason": "平台已知，下月更正",
        "asked_by": {"user": "li", "name": "李会计"}, "granted_by": {"user": "wu", "name": "吴主管"}, "granted_on": "",
    }  # fmt: skip
    for form in Form:
        notes = " ".join(statement_grid(made, form).notes)
        assert "第1次接入第3行）" in notes
        assert "理由：平台已知，下月更正；李会计提出，吴主管同意" in notes
        assert "尚未结账" not in notes
    assert len(told(agency, Span(2025, 0)).waived) == 1
    assert told(agency, Span(2025, 11)).waived == ()
    with agency.tx("wu") as tx:
        seal(tx, BOOK, 202510, "ab" * 32, "k", date(2025, 11, 2))
    assert "尚未结账" not in " ".join(statement_grid(told(agency, Span(2025, 10)), Form.SHEET).notes)
