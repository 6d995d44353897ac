"""Opening and closing months by a person, and what is written by hand before it happened: refused, also past the program."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.manual import (
    ManualContent,
    approve_voucher,
    draft_voucher,
    require_happened,
    withdraw_voucher,
)
from ledger.books.setup import open_period
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import Forbidden, LedgerError
from ledger.db.unit_of_work import unit_of_work
from tests.books.conftest import Ledger
from tests.scenes.closing import begin_close

OCT, NOV = date(2026, 10, 14), date(2026, 11, 2)
LEGS = (debit(1004, 100, Dimensions("6222000001")), credit(1005, 100))


def tx(ledger: Ledger, user: str = "acc", region: int = 420100) -> Any:
    return unit_of_work(ledger.service, user, region)


def code(act: Any) -> str:
    with pytest.raises(LedgerError) as refused:
        act()
    return refused.value.code


def set_closed(ledger: Ledger, region: int, fund: int) -> None:
    """As the chief's word leaves it (tests/closing): here only the state matters."""
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.period SET state = 'closed' WHERE region = %s AND fund = %s AND state = 'closing'",
            [region, fund],
        )


def states(ledger: Ledger, fund: int) -> list[tuple[int, str]]:
    with psycopg.connect(ledger.admin_url) as admin:
        return admin.execute(
            "SELECT period, state FROM books.period WHERE region = 420100 AND fund = %s ORDER BY 1", [fund]
        ).fetchall()


def test_a_month_is_closed_when_it_is_over_and_stays_closed(ledger: Ledger) -> None:
    book = ledger.other_fund

    def close(period: int, on: date, user: str = "acc") -> None:
        with tx(ledger, user) as t:
            begin_close(t, book, period, on)

    def ask(period: int, on: date) -> None:
        with tx(ledger) as t:
            open_period(t, book, period, on)

    for on in (OCT, date(2026, 10, 31)):  # running, and on its last day
        assert code(lambda on=on: close(202610, on)) == "period.not_over"
    ask(202611, OCT)  # the next month, ahead
    assert code(lambda: close(202611, NOV)) == "period.earlier_open"
    assert code(lambda: ask(202612, OCT)) == "period.far_ahead"
    assert code(lambda: ask(209912, OCT)) == "period.far_ahead"
    assert code(lambda: ask(202412, OCT)) == "period.before_opening"
    assert code(lambda: close(202610, NOV, "maker")) == "access.role_missing"
    close(202610, date(2026, 11, 1))
    close(202610, NOV)  # goes on with the one begun
    set_closed(ledger, 420100, 390)
    assert code(lambda: close(202611, NOV)) == "period.not_over"
    assert code(lambda: close(202610, NOV)) == "period.not_open"
    assert code(lambda: ask(202610, NOV)) == "period.closed"
    with tx(ledger) as t:
        open_period(t, book, 202610)  # as posting does: it stays closed
    assert states(ledger, 390) == [(202610, "closed"), (202611, "open")]


@pytest.mark.fault(25)
def test_no_business_date_that_a_caller_names_closes_a_month_to_come(ledger: Ledger) -> None:
    """The raw door: the day named is bounded by the machine's and the ledger's own."""
    for asked in (
        "SELECT books.begin_close(420200, 310::smallint, 209911, 'monthly', '2099-12-31')",
        "SELECT books.open_period(420200, 310::smallint, 209911)",
        "SELECT books.open_period(420200, 310::smallint, 209911, '2099-11-01')",
        "UPDATE books.period SET state = 'closed'",
        "UPDATE books.period SET state = 'open'",
        "INSERT INTO books.period VALUES (420200, 310, 209911, 'open')",
        "DELETE FROM books.period",
    ):
        with pytest.raises(LedgerError) as refused, tx(ledger, "far", 420200) as t:
            t.run(asked)
        assert refused.value.code in {"period.not_open", "period.far_ahead"} or isinstance(
            refused.value, Forbidden
        )
    with psycopg.connect(ledger.admin_url) as admin:
        [[bound]] = admin.execute("SELECT books.outer_day(420200, 310::smallint)").fetchall()
    far = bound.year * 100 + bound.month
    with tx(ledger, "far", 420200) as t:
        begin_close(t, ledger.other_region, 202610, NOV)
    set_closed(ledger, 420200, 310)
    between = [
        (420200, 310, year * 100 + month)
        for year in range(2026, bound.year + 1)
        for month in range(1, 13)
        if 202610 < year * 100 + month < far
    ]
    with psycopg.connect(
        ledger.admin_url
    ) as admin:  # whatever the machine's day, the months before its own are closed
        admin.execute("SET session_replication_role = replica")
        admin.cursor().executemany(
            "INSERT INTO books.period VALUES (%s, %s, %s, 'closed') ON CONFLICT (region, fund, period) DO UPDATE SET state = 'closed'",
            between,
        )
    with tx(ledger, "far", 420200) as t:
        if far != 202610:
            open_period(t, ledger.other_region, far)
    if far != 202610:
        with pytest.raises(LedgerError) as refused, tx(ledger, "far", 420200) as t:
            begin_close(t, ledger.other_region, far, date(2099, 12, 31))
        assert refused.value.code == "period.not_over"


def test_a_draft_of_the_month_hinders_its_close(ledger: Ledger) -> None:
    with tx(ledger) as t:
        made = draft_voucher(t, ledger.book, ManualContent(OCT, "调整", "会办单1号", LEGS), OCT)

    def close() -> None:
        with tx(ledger) as t:
            begin_close(t, ledger.book, 202610, NOV)

    assert code(close) == "period.drafts"
    with tx(ledger) as t:
        withdraw_voucher(t, ledger.book, made.voucher_id, NOV, "不必")
    close()
    assert states(ledger, 310) == [(202610, "closing"), (202611, "open")]


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
def test_what_has_not_happened_is_not_written_by_hand(ledger: Ledger) -> None:
    def draft(business: date, on: date) -> Any:
        with tx(ledger) as t:
            return draft_voucher(t, ledger.book, ManualContent(business, f"预记{business}", "单据", LEGS), on)

    assert code(lambda: draft(date(2026, 10, 15), OCT)) == "voucher.future"
    assert code(lambda: draft(date(2099, 1, 1), date(2099, 1, 1))) == "voucher.future"
    made = draft(OCT, OCT)
    for on in (date(2026, 10, 13), date(2099, 1, 1)):
        with pytest.raises(LedgerError) as refused, tx(ledger, "checker") as t:
            approve_voucher(t, ledger.book, made.voucher_id, made.digest, on)
        assert refused.value.code == "voucher.future"
        with pytest.raises(LedgerError) as refused, tx(ledger, "checker") as t:
            t.run(
                "SELECT books.decide_voucher(420100, 310::smallint, %(id)s, 'approved', %(digest)s, %(on)s, '')",
                id=made.voucher_id,
                digest=made.digest,
                on=on,
            )
        assert refused.value.code == "voucher.future"
    require_happened(OCT, OCT)
    assert code(lambda: require_happened(NOV, OCT)) == "voucher.future"
