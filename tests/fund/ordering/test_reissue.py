"""What came back is paid again as far as it is still owed then: netted over the institution and fund (art. 12)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.core.errors import Conflict
from ledger.fund.daily.run import DailyRun, run_daily
from ledger.fund.month.orders import draft_month_orders
from ledger.payments.orders.approve import approve
from ledger.simulation.people import DEMO_REGION

H, OTHER = "H42010000001", "H42010000002"
FIRST, SECOND, BACK, AGAIN = (
    date(2026, 10, 13),
    date(2026, 10, 14),
    date(2026, 10, 15),
    date(2026, 10, 16),
)


def run(town: Any, day: date) -> DailyRun:
    town.open(day)
    return run_daily(town.engine, "zhao", DEMO_REGION, day)


def reversal(bill: Any, setl_id: str, fund: int = 100_000, **said: Any) -> Any:
    return bill(f"{setl_id}-r", init=setl_id, fund=-fund, cash=-20_000, **said)


def came_back(town: Any, bill: Any) -> None:
    """Two orders of one hospital, 600.00 each, paid and returned."""
    town.begin()
    town.month.take(bill("a", day="2026-10-12"))
    [one] = town.pay_daily(FIRST)
    town.month.take(bill("b", day="2026-10-13"))
    [two] = town.pay_daily(SECOND)
    for order in (one, two):
        town.receipt(order, BACK, back=True)
    assert [order.amount_fen for order in (one, two)] == [60_000, 60_000]


def ordered(town: Any, made: DailyRun) -> list[tuple[str, int]]:
    return [(o.institution, o.amount_fen) for b in made.batches for o in town.orders(b.order_nos)]


def test_orders_whose_records_were_all_reversed_are_not_paid_again(town: Any, bill: Any) -> None:
    """1,200.00 were ordered and paid again for nothing."""
    came_back(town, bill)
    town.month.take(reversal(bill, "a", day="2026-10-15"), reversal(bill, "b", day="2026-10-15"))
    made = run(town, AGAIN)
    assert ordered(town, made) == []
    [blocked] = made.blocked
    assert (blocked.institution, blocked.reason, blocked.amount_fen) == (H, "negative", 0)
    town.verified()
    # The next record is owed whole, and takes the settled ones along.
    town.month.take(bill("c", day="2026-10-16", fund=50_000))
    [order] = town.pay_daily(date(2026, 10, 19))
    assert order.amount_fen == 30_000
    town.verified()
    assert town.balance(9101, counterparty=H) == 0


def test_a_reversal_of_one_is_taken_off_the_other(town: Any, bill: Any) -> None:
    """One is reversed, and one of two bills paid since: the hospital gets what it is owed, in one order."""
    came_back(town, bill)
    town.month.take(
        reversal(bill, "a", day="2026-10-15"),
        bill("c", day="2026-10-15", fund=40_000),
        bill("o", day="2026-10-15", institution=OTHER),
    )
    made = run(town, AGAIN)
    assert sorted(ordered(town, made)) == [(H, 60_000 + 24_000), (OTHER, 60_000)]
    [order] = [o for b in made.batches for o in town.orders(b.order_nos) if o.institution == H]
    assert town.value(f"SELECT replaces FROM payments.pay_order WHERE order_no = '{order.order_no}'") != ""
    town.pay(made.batches[0], AGAIN)
    town.verified()
    assert town.balance(9101, counterparty=H) == 0


def test_orders_stay_apart_where_nothing_outweighs(town: Any, bill: Any) -> None:
    """Each failed order is issued again by one of its own, beside the new records (traced by `replaces`)."""
    came_back(town, bill)
    town.month.take(bill("c", day="2026-10-15"), bill("d", day="2026-10-15", fund=10_000))
    assert sorted(ordered(town, run(town, AGAIN))) == [(H, 60_000), (H, 60_000), (H, 66_000)]


def test_a_reversal_of_the_same_day_holds_its_hospital_alone(town: Any, bill: Any) -> None:
    """It is not booked before tomorrow: what it takes off is not paid today, the others are."""
    came_back(town, bill)
    town.month.take(reversal(bill, "a", day="2026-10-16"), bill("o", day="2026-10-15", institution=OTHER))
    made = run(town, AGAIN)
    assert ordered(town, made) in ([(H, 60_000), (OTHER, 60_000)], [(OTHER, 60_000), (H, 60_000)])
    assert [(b.institution, b.reason) for b in made.blocked] == [(H, "reversed")]
    town.pay(made.batches[0], AGAIN)
    town.verified()


@pytest.mark.parametrize("bills", ["a", "ab"])
def test_what_is_reversed_after_the_draft_is_not_approved(town: Any, bill: Any, bills: str) -> None:
    """Also in the database, by its own function: the draft is made anew and is netted then."""
    came_back(town, bill)
    made = run(town, AGAIN)
    [batch] = made.batches
    town.month.take(*(reversal(bill, one, day="2026-10-16") for one in bills))
    with pytest.raises(Conflict) as refused:
        approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, AGAIN)
    assert refused.value.code == "batch.not_netted"
    with pytest.raises(Exception, match=r"batch\.not_netted"), town.tx("qian") as tx:
        tx.run(
            "SELECT payments.approve(%(r)s, %(b)s, %(d)s, %(on)s)",
            r=DEMO_REGION,
            b=batch.batch_id,
            d=batch.digest,
            on=AGAIN,
        )
    assert {order.state for order in town.orders(batch.order_nos)} == {"draft"}


def test_who_is_owed_nothing_in_all_gets_what_the_day_owes(town: Any, bill: Any) -> None:
    """A large bill without a daily share is reversed: the month nets it. The day's whole batch waited for it, and could never go out."""
    town.begin()
    town.month.take(bill("a", day="2026-10-12"), bill("o", day="2026-10-12", institution=OTHER))
    [batch] = run(town, FIRST).batches
    town.month.pretend(
        "INSERT INTO fund.payable SELECT region, fund, 'z', subfund, institution, service_year, term, category, day, -9000000, 0, ratio"
        " FROM fund.payable WHERE setl_id = 'a'"
    )
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, FIRST)
    assert {(order.institution, order.state) for order in town.orders(batch.order_nos)} == {
        (H, "approved"), (OTHER, "approved"),
    }  # fmt: skip


def test_verify_names_an_order_beyond_what_was_owed(town: Any, bill: Any) -> None:
    """With the guard off, as before it existed: the journal itself shows that too much was ordered."""
    came_back(town, bill)
    made = run(town, AGAIN)
    [batch] = made.batches
    town.month.take(reversal(bill, "a", day="2026-10-15"), reversal(bill, "b", day="2026-10-15"))
    run(town, AGAIN)  # books the reversals
    body = town.value("SELECT pg_get_functiondef('payments.check_netted'::regproc)")
    town.month.pretend(
        "CREATE OR REPLACE FUNCTION payments.check_netted(p_region integer, p_fund smallint, p_batch_id text) RETURNS void"
        " LANGUAGE sql AS 'SELECT'"
    )
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, AGAIN)
    town.month.pretend(body)
    found = [str(f) for f in verify(town.month.database.auditor_engine, town.home)]
    assert any("INV-10" in text and "多付" in text and H in text for text in found), found


def test_a_month_is_not_paid_again_for_what_was_reversed_since(town: Any, bill: Any) -> None:
    """A month's payment came back, its records were reversed: nothing is owed, nothing goes out."""
    town.begin()
    town.month.take(bill("a", day="2026-10-12"))
    town.pay_daily(FIRST)
    town.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25))
    [order] = town.pay_month(date(2026, 11, 26))
    town.receipt(order, date(2026, 11, 27), back=True)
    town.month.take(reversal(bill, "a", day="2026-11-27"))
    town.open(date(2026, 11, 30))
    made = draft_month_orders(town.engine, "zhao", DEMO_REGION, 310, date(2026, 11, 30), town.bank_of)
    assert made.batch is None
    assert [(b.institution, b.reason) for b in made.blocked] == [(H, "reversed")]
    town.month.take(bill("b", day="2026-11-28", fund=200_000))
    made = draft_month_orders(town.engine, "zhao", DEMO_REGION, 310, date(2026, 11, 30), town.bank_of)
    assert made.batch is not None
    town.verified()
