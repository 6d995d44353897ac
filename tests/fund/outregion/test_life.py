"""The whole life of an out-of-region bill in both regions' books and at both regions' banks, proved after every step."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from adapters.banks.simulator.faults import Fault
from ledger.control.checks.payments.limits import check_limits
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import Conflict
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.outregion.bills import draft_bill_orders, make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.link import deliver, differences
from ledger.fund.outregion.monthly import confirm, pull
from ledger.fund.outregion.quota import set_quota, usage
from ledger.fund.outregion.report import report_paid
from ledger.fund.outregion.transfers import draft_transfer_orders

HERE, THERE, H = 420100, 430100, "H42010000001"
DAY = date(2026, 10, 12)


@pytest.fixture
def proved(two: Any) -> Any:
    """`proved(**balances)`: verify is clean in both regions, both banks agree, and the named balances are these."""

    def check(**wanted: int) -> None:
        two.verified()
        for region in (HERE, THERE):
            two.agrees(region)
        found = {name: two.balance(int(name[1:]), HERE if name[0] == "h" else THERE) for name in wanted}
        assert found == wanted

    return check


def tell(two: Any, sender: int, receiver: int, day: date) -> list[str]:
    with two.tx("xitong", sender) as tx:
        report_paid(tx, day)
    return [one.outcome for one in deliver(two.end(sender), two.end(receiver), day)]


def elsewhere(two: Any) -> list[str]:
    with open_snapshot(two.month.database.auditor_engine, two.home, []) as snapshot:
        return [one.entry for one in check_limits(snapshot)]


def test_from_the_prepayment_to_the_cleared_bill(two: Any, guest: Any, bill: Any, proved: Any) -> None:
    """430100 prepays 2,000.00 here; its patient costs 1,050.00, paid to our hospital, billed, cleared and received; then
    500.00 of the prepayment goes back. (h: here, t: there; 借正贷负.)
    """
    for region, party, direction in ((HERE, THERE, "received"), (THERE, HERE, "paid")):
        with two.tx("li", region) as tx:
            set_quota(tx, 310, party, direction, DAY, 200_000, "文件")
    proved()

    # X1 there, X8 here.
    move = two.goes_out("prepaid", 200_000, "预付通知", DAY, THERE, HERE)
    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_name = payee_name || chr(65533)")
    with two.tx("zhao", THERE) as tx:
        assert draft_transfer_orders(tx, 310, DAY).blocked == [(move, "unbearable")]
    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_name = rtrim(payee_name, chr(65533))")
    with two.tx("zhao", THERE) as tx:
        made = draft_transfer_orders(tx, 310, DAY)
    two.send(made.batch, THERE, DAY, 1003)
    two.days(THERE, DAY, 2, 1003)
    proved(t110101=200_000, t1003=10**9 - 200_000)
    assert tell(two, THERE, HERE, DAY) == ["delivered"]
    two.come_in("prepaid_in", 200_000, move, DAY + timedelta(days=1))
    with two.tx() as tx:
        assert differences(tx, DAY) == []
    proved(h200103=-200_000, h1003=10**9 + 200_000)

    # The patient: here a debt to the hospital in 95xx, there nothing yet (cash basis).
    away = bill(
        "P1",
        fund=100_000,
        acct=5_000,
        cash=20_000,
        institution="H43010000001",
        pay_loc="4",
        insu_admdvs="430102",
    )
    away["setlinfo"] |= {
        "out_flag": "1",
        "poolarea_no": "430100",
        "clr_optins": "430100",
        "fix_blng_admdvs": "420106",
    }
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000, day="2026-10-14"), away)
    day = date(2026, 10, 14)
    with two.tx() as tx:
        assert recognise_outregion(tx, 310, day, day).care == 1
    with two.tx("zhao", THERE) as tx:
        assert recognise_outregion(tx, 310, day, day).insured == 1
    proved(h9501=105_000, h9502=-105_000, h9001=0, h5001=0, t5001=0, t9001=0)

    # X10: the bank pays the hospital, returns it, and pays the re-issue.
    with two.tx() as tx:
        first = draft_hospital_orders(tx, 310, 202610, day).batch
    proved(h9502=-105_000)
    two.teller().faults[first.order_nos[0]] = frozenset({Fault.RETURN})
    two.send(first, HERE, day)
    proved(h9502=0, h9503=-105_000)
    two.days(HERE, day, 2)
    assert two.states(first.order_nos) == ["paid"]
    two.verified()
    two.days(HERE, date(2026, 10, 16), 2)
    assert two.states(first.order_nos) == ["returned"]
    proved(h9502=-105_000, h9504=0, h200103=-200_000, h1004=10**9)
    with two.tx() as tx:
        tx.run("INSERT INTO fund.payee_account SELECT region, institution, 2, name, '620000000099', bank_name, cnaps, 'proposed',"
               " 'zhao' FROM fund.payee_account WHERE institution = 'H42010000001'")  # fmt: skip
    with two.tx("qian") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, date(2026, 10, 19))
    day = date(2026, 10, 19)
    with two.tx() as tx:
        again = draft_hospital_orders(tx, 310, 202610, day).batch
    two.pay(again, HERE, day)
    proved(h9502=0, h9503=0, h9504=-105_000, h200103=-95_000, h1004=10**9 - 105_000, h5001=0)
    with two.tx() as tx:
        [used] = [one for one in usage(tx, 310, day) if one.direction == "received"]
    assert (used.used_fen, used.percent) == (105_000, 52)

    # 清分 and the bill: 9003 and 9103 there from the day it comes in.
    day = date(2026, 11, 5)
    with two.tx() as tx:
        confirm(tx, 310, [row.setl_sn for row in pull(tx, 310, 2026, 10)], day)
        made_bill = make_bill(tx, 310, THERE, 202610, day)
    proved()
    assert tell(two, HERE, THERE, day) == ["delivered"]
    proved(t9003=105_000, t9103=-105_000, t5001=0)

    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_bank = payee_bank || chr(9)")
    with two.tx("zhao", THERE) as tx:
        blocked = draft_bill_orders(tx, 310, day)
    assert (blocked.batch, blocked.blocked) == (None, [(made_bill.bill_id, "unbearable")])
    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_bank = rtrim(payee_bank, chr(9))")

    # X6: the bank rejects it, then pays it; the expense is booked at the receipt.
    with two.tx("zhao", THERE) as tx:
        refused = draft_bill_orders(tx, 310, day).batch
    # Approved to the region's account as two persons agreed on it, and to no other.
    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_number = payee_number || '9'")
    with pytest.raises(Conflict, match=r"order\.other_payee"):
        two.send(refused, THERE, day)
    two.month.pretend("UPDATE fund.outregion_counterparty SET payee_number = left(payee_number, -1)")
    two.teller(THERE).faults[refused.order_nos[0]] = frozenset({Fault.REJECT_ACCOUNT})
    two.send(refused, THERE, day)
    proved(t9103=0, t9104=-105_000)
    # Written past every guard after the approval: the order, or the region's account.
    for table, column in (("payments.pay_order", "cnaps"), ("fund.outregion_counterparty", "name")):
        which = f"region = {THERE} AND {'order_no' if column == 'cnaps' else 'counterparty'}::text"
        which += f" = '{refused.order_nos[0] if column == 'cnaps' else HERE}'"
        two.month.pretend(f"UPDATE {table} SET payee_{column} = reverse(payee_{column}) WHERE {which}")
        assert f"order {refused.order_nos[0]}" in elsewhere(two)
        two.month.pretend(f"UPDATE {table} SET payee_{column} = reverse(payee_{column}) WHERE {which}")
    assert elsewhere(two) == []
    two.days(THERE, day, 2)
    assert two.states(refused.order_nos, THERE) == ["rejected"]
    proved(t9103=-105_000, t9104=0, t1004=10**9, t5001=0)
    day = date(2026, 11, 9)
    with two.tx("zhao", THERE) as tx:
        ordered = draft_bill_orders(tx, 310, day)
    assert ordered.bills == [made_bill.bill_id]
    two.pay(ordered.batch, THERE, day)
    proved(t9103=0, t9104=0, t9202=-105_000, t5001=105_000, t1004=10**9 - 105_000)

    # X8: the clearing money comes in, and the two ends agree.
    assert tell(two, THERE, HERE, day) == ["delivered"]
    two.come_in("received", 105_000, made_bill.bill_id, date(2026, 11, 11))
    with two.tx() as tx, two.tx("zhao", THERE) as other:
        assert differences(tx, day) == differences(other, day) == []
    proved(h200103=-200_000, h1003=10**9 + 305_000)

    # X11 here, X4 there.
    day = date(2026, 11, 16)
    two.goes_out("prepaid_out", 50_000, "退还通知", day)
    with two.tx() as tx:
        back = draft_transfer_orders(tx, 310, day).batch
    two.pay(back, HERE, day, 1003)
    proved(h200103=-150_000, h1003=10**9 + 255_000)
    two.come_in("prepaid_back", 50_000, "退还通知", date(2026, 11, 18), THERE, HERE)
    proved(t110101=150_000, t1003=10**9 - 150_000)
