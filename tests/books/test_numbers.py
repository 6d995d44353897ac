"""A voucher by its printed number: two series of two months, posted in turns and in long runs, and found without reading between."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.setup import open_period
from ledger.books.vouchers import voucher
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction, unit_of_work

KEY = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")
RUNS = (1, 60, 2, 1, 1, 3, 40, 1)
"""Entries of the statutory series and of the memorandum's, in turns."""
MONTHS = (date(2026, 11, 14), date(2026, 12, 14))


@pytest.fixture(scope="module")
def numbered(ledger: Any) -> dict[str, int]:
    """Number by number which entry has it, as the books tell themselves."""
    with unit_of_work(ledger.service, "acc", ledger.book.region) as tx:
        for month in MONTHS:
            open_period(tx, ledger.book, int(f"{month:%Y%m}"))
    for round_ in range(2):
        for month in MONTHS:
            for place, count in enumerate(RUNS):
                legs = (debit(9001, 5, KEY), credit(9101, 5, KEY)) if place % 2 else ()
                ledger.post(*(ledger.draft(*legs) for _ in range(count)), day=month)
            both = ledger.draft(debit(9001, 5, KEY), credit(9101, 5, KEY)), ledger.draft()
            ledger.post(*both, *(ledger.draft() for _ in range(round_)), day=month)
    with psycopg.connect(ledger.admin_url) as admin:
        found = admin.execute(
            "SELECT series || '-' || period || '-' || vno, seq FROM books.entry WHERE region = %s AND fund = %s AND period >= 202611"
            " ORDER BY seq",
            [ledger.book.region, ledger.book.fund],
        ).fetchall()
    return dict(found)


def test_every_number_leads_to_its_entry(
    ledger: Any, numbered: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by a handful of looks at single entries, however long the other series went on alone."""
    looks: list[str] = []
    row = Transaction.row
    monkeypatch.setattr(
        Transaction, "row", lambda tx, query, **params: looks.append(query) or row(tx, query, **params)
    )  # type: ignore[func-returns-value]
    assert len(numbered) == 4 * sum(RUNS) + 10
    with unit_of_work(ledger.service, "acc", ledger.book.region) as tx:
        for number, seq in numbered.items():
            looks.clear()
            assert voucher(tx, ledger.book, number).seq == seq, number
            assert len(looks) <= 10, number
            assert not any("vno = " in query for query in looks), number


def test_a_number_never_given_is_not_there(ledger: Any, numbered: dict[str, int]) -> None:
    with unit_of_work(ledger.service, "acc", ledger.book.region) as tx:
        for number in ("记-202611-0", "记-202611-999", "备-202611-999999999", "备-202701-1", "记-209912-1"):
            assert number not in numbered
            with pytest.raises(NotFound, match="没有凭证"):
                voucher(tx, ledger.book, number)
        for series in "记备":
            last = max(int(one.split("-")[2]) for one in numbered if one.startswith(f"{series}-202611"))
            with pytest.raises(NotFound, match="没有凭证"):
                voucher(tx, ledger.book, f"{series}-202611-{last + 1}")


def test_what_somebody_removed_hides_no_other(ledger: Any, numbered: dict[str, int]) -> None:
    """Past all guards an entry in the middle is gone and another numbered anew: verify tells; those that are left are read as before."""
    gone, moved = numbered["备-202611-30"], numbered["记-202611-50"]
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM books.entry WHERE region = 420100 AND fund = 310 AND seq = %s", [gone])
        admin.execute(
            "UPDATE books.entry SET vno = 1000 WHERE region = 420100 AND fund = 310 AND seq = %s", [moved]
        )
    with unit_of_work(ledger.service, "acc", ledger.book.region) as tx:
        for number, seq in numbered.items():
            if seq not in (gone, moved):
                assert voucher(tx, ledger.book, number).seq == seq, number
        for number in ("备-202611-30", "记-202611-50"):
            with pytest.raises(NotFound, match="没有凭证"):
                voucher(tx, ledger.book, number)
