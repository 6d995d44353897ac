"""`explain` between regions: a guest's record, its entry, its order and receipt, and the bill it is cleared by."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.fund.outregion.bills import draft_bill_orders, make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.link import deliver
from ledger.fund.outregion.monthly import confirm, pull
from ledger.fund.outregion.report import report_paid
from reports.explain.chain import Chain, explain

HERE, THERE = 420100, 430100
OCT, NOV, LATER = date(2026, 10, 12), date(2026, 11, 5), date(2026, 11, 12)


def opened(two: Any, subject: str, region: int = HERE) -> Chain:
    with two.tx("zhou", region) as tx:
        return explain(tx, subject)


def test_a_guest_record_its_entry_order_and_receipt_open_each_other(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000), guest("G2", fund=1, cash=0))
    with two.tx() as tx:
        recognise_outregion(tx, 310, OCT, OCT)
    with two.tx() as tx:
        made = draft_hospital_orders(tx, 310, 202610, OCT)
    assert made.batch is not None
    two.pay(made.batch, HERE, OCT)
    [order_no] = made.batch.order_nos
    chain = opened(two, "G1")
    assert chain.records[0]["shares"] == {"basic_310": "100000", "account": "5000", "cash": "20000"}
    assert [row["order_no"] for row in chain.orders] == [order_no]
    assert chain.counts["evidence"] > 0
    events = {row["source_key"].partition(":")[0]: row["explain"] for row in chain.entries}
    assert events.keys() == {"OUTREC", "ORD", "RCV"}
    for subject in (order_no, *events.values()):
        found = opened(two, subject)
        assert [row["setl_id"] for row in found.records] == ["G1", "G2"], subject
        assert [row["order_no"] for row in found.orders] == [order_no], subject


def test_a_bill_opens_to_its_records_here_and_to_its_order_there(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000))
    with two.tx() as tx:
        recognise_outregion(tx, 310, OCT, OCT)
        confirm(tx, 310, [row.setl_sn for row in pull(tx, 310, 2026, 10)], NOV)
        bill = make_bill(tx, 310, THERE, 202610, NOV).bill_id
    deliver(two.end(HERE), two.end(THERE), NOV)
    with two.tx("zhao", THERE) as tx:
        made = draft_bill_orders(tx, 310, NOV)
    assert made.batch is not None
    two.pay(made.batch, THERE, NOV)
    with two.tx("xitong", THERE) as tx:
        report_paid(tx, NOV)
    deliver(two.end(THERE), two.end(HERE), NOV)
    two.come_in("received", 105_000, bill, LATER)
    assert bill in {row["paper"] for row in opened(two, "G1").papers}
    here = opened(two, bill)
    assert [row["setl_id"] for row in here.records] == ["G1"]
    [came] = [row["paper"] for row in here.papers if row["kind"] == "outregion_move"]
    [entry] = opened(two, came).entries
    assert entry["source_key"] == f"OUT:{came}"
    assert bill in {row["paper"] for row in opened(two, entry["explain"]).papers}
    there = opened(two, bill, THERE)
    assert [row["order_no"] for row in there.orders] == list(made.batch.order_nos)
    assert {"CLRX", "ORD", "RCV"} == {row["source_key"].partition(":")[0] for row in there.entries}
    assert there.counts["evidence"] > 0
