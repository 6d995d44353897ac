"""`explain` on money that rests on no record: advances, refunds, requests, bank fees, persons, vouchers by hand; both ways."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.banks.ports import Direction
from ledger.fund.advances.advance import AdvanceRequest, approve_advance, request_advance
from ledger.fund.cash.fund_request import approve_request, grant, request_funds
from ledger.fund.cash.movements import approve_move, request_move
from ledger.fund.cash.orders import order_advances
from ledger.fund.refunds.refund import RefundRequest, approve_refund, request_refund
from reports.explain.chain import Chain, explain
from reports.explain.words import row_words

H, FISCAL = "H42010000001", "4200000000001003"
NOV = date(2026, 11, 3)


@pytest.fixture
def rich(town: Any, bill: Any) -> Any:
    town.begin("P2", income_fen=3_000_000)
    town.month.take(bill("a1"), bill("b1", institution="H42010000002"))
    town.pay_daily(date(2026, 10, 13))
    return town


def opened(town: Any, subject: str) -> Chain:
    with town.tx("zhou") as tx:
        return explain(tx, subject)


def entry_of(town: Any, source_key: str) -> str:
    seq = town.value(f"SELECT seq FROM books.source WHERE source_key = '{source_key}' AND fund = 310")
    return f"310:{seq}"


def test_an_advance_its_order_its_receipt_and_the_refund_of_it_open_each_other(rich: Any) -> None:
    asked = AdvanceRequest(310, H, "prepayment", 40_000, "预付〔2026〕1号", date(2026, 12, 1), year=2027)
    with rich.tx() as tx:
        advance = request_advance(tx, asked, NOV).advance_id
    with rich.tx("qian") as tx:
        approve_advance(tx, advance, NOV)
    with rich.tx() as tx:
        [batch] = order_advances(tx, 310, NOV).batches
    [order] = rich.pay(batch, NOV)
    back = RefundRequest(
        310, H, "prepaid", "institution", FISCAL, NOV, 10_000, "退〔2026〕1号", "JK1", (), advance
    )
    with rich.tx() as tx:
        refund = request_refund(tx, back, NOV).refund_id
    with rich.tx("qian") as tx:
        approve_refund(tx, refund, NOV)
    chain = opened(rich, advance)
    assert [row["paper"] for row in chain.papers] == [advance, refund]
    assert [row["order_no"] for row in chain.orders] == [order.order_no]
    assert [row["event"] for row in chain.entries] == ["RCV"]
    assert chain.evidence[0]["amount_fen"] == "40000"
    [received] = chain.entries
    assert opened(rich, received["explain"]).papers[0]["paper"] == advance
    assert opened(rich, order.order_no).papers[0]["paper"] == advance
    chain = opened(rich, entry_of(rich, f"REF:{refund}"))
    assert [row["paper"] for row in chain.papers] == [refund, advance]
    assert (chain.papers[0]["receipt_no"], chain.papers[0]["amount_fen"]) == ("JK1", "10000")
    assert [row["source_key"] for row in opened(rich, refund).entries] == [f"REF:{refund}"]


def test_a_fee_a_request_and_a_voucher_by_hand_open_to_what_proves_them(town: Any, bill: Any) -> None:
    town.begin(fen=20_000)
    town.month.take(bill("a1"), bill("b1", institution="H42010000002"))
    number = town.movement(NOV, Direction.DEBIT, 300, other_name="手续费")
    with town.tx() as tx:
        fee = request_move(tx, 310, "fee", 300, NOV, number, NOV).move_id
        ask = request_funds(tx, 310, NOV, NOV, 50_000).request_id
    with town.tx("qian") as tx:
        approve_move(tx, fee, NOV)
        approve_request(tx, ask, NOV)
    with town.tx("li") as tx:
        grant(tx, ask, "CZ1", 50_000, NOV, NOV)
    chain = opened(town, entry_of(town, f"CASH:{fee}"))
    assert [row["paper"] for row in chain.papers] == [fee]
    assert [(row["receipt_no"], row["amount_fen"]) for row in chain.evidence] == [(number, "300")]
    chain = opened(town, entry_of(town, f"ALLOT:{ask}"))
    assert [(row["paper"], row["granted_fen"]) for row in chain.papers] == [(ask, "50000")]
    assert chain.entries[0]["event"] == "ALLOT"
    by_hand = str(town.value("SELECT max(source_key) FROM books.source WHERE source_key LIKE 'MAN:%%'"))
    chain = opened(town, entry_of(town, by_hand))
    assert [f"MAN:{row['paper']}" for row in chain.papers] == [by_hand]
    assert "approved qian" in chain.papers[0]["decision"]


def test_a_share_is_told_as_a_percentage_and_a_time_without_its_t(rich: Any) -> None:
    chain = opened(rich, "a1")
    assert [one for one in row_words("payables", chain.payables[0]) if one.startswith("比例")] == [
        "比例 60.00%"
    ]
    [when] = [one for one in row_words("records", chain.records[0]) if one.startswith("结算时间")]
    assert when.removeprefix("结算时间 ")[10] == " "
