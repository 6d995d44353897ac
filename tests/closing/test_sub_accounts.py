"""A sub-account is closed with its parent, stands in its parent's row, and a year that was closed before it can be reopened."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from ledger.books.sub_accounts import decide_account, propose_account
from ledger.core.entries import Book, credit, debit
from ledger.core.errors import LedgerError
from reports.archive.export import export_archive
from reports.archive.verify import verify_archive
from reports.export import ExportFormat, export
from reports.gbt24589.write import export_gbt24589
from reports.seal.compare import differences
from reports.seal.export import export_seal
from reports.seal.key import ensure_key
from reports.seal.verify import verify_seal
from reports.statements.rows import Form
from reports.statements.span import Span
from reports.statements.statement import Statements, statements
from tests.closing.conftest import BOOK, NOV, OCT, Agency, method
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


def test_a_sub_account_is_in_its_parents_row_and_carried_with_it(agency: Agency, tmp_path: Path) -> None:
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
    goes_out(agency, tmp_path)


def goes_out(agency: Agency, folder: Path) -> None:
    """Sealed, archived and exported in every format with both sub-accounts, 80.00 and 5.00 under their own codes and full names."""
    key, _ = ensure_key(agency.home)
    with agency.tx() as tx:
        export_seal(tx, BOOK, 202510, NOV, key, folder / "october.seal")
        assert list(differences(tx, BOOK, folder / "october.seal")) == []
    assert verify_seal(folder / "october.seal").clean
    assert b"44010101" in (folder / "october.seal").read_bytes()
    with agency.tx() as tx:
        export_archive(tx, BOOK, 202510, NOV, key, folder / "october.zip")
        export_gbt24589(tx, BOOK, Span(2025, 10), folder / "gbt")
        for form in (ExportFormat.JSONL, ExportFormat.HLEDGER, ExportFormat.LEDGER, ExportFormat.BEANCOUNT):
            export(tx, BOOK, form, folder / f"book.{form}")
    found = verify_archive(folder / "october.zip")
    assert (found.findings, found.files > 10) == ([], True)
    lines = [
        json.loads(text)["lines"] for text in (folder / "book.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    taken = {
        (side, code): fen for entry in lines for side, code, fen, *_ in entry if code.startswith("440101")
    }
    assert taken == {
        ("贷", "44010101"): 8_000,
        ("贷", "44010102"): 500,
        ("借", "44010101"): 8_000,
        ("借", "44010102"): 500,
    }
    for one in ("book.hledger", "book.ledger", "book.beancount", "gbt"):
        place = folder / one
        text = "".join(
            path.read_text(encoding="utf-8") for path in (place.rglob("*.xml") if place.is_dir() else [place])
        )
        assert "44010102" in text, one
        assert "上级补助收入—统筹基金—中央补助" in text or "中央补助" in text, one


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
