"""Forms of other regions: their patients recognised, bills, hospitals paid, money asked for, taken and given up."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.simulation.people import give_logins
from tests.fund.outregion.conftest import THERE, guest, kept_two_regions, two
from tests.web.conftest import TODAY, opened_desk
from tests.web.forms.conftest import Press

__all__ = ["guest", "kept_two_regions", "two"]
PAGE = "/desk/outregion"
MOVES = "SELECT document, state, approved_by, receipt_no FROM fund.outregion_move ORDER BY 1"


@pytest.mark.posts(
    "outregion recognise", "outregion order", "outregion bill", "outregion request", "outregion approve",
    "outregion approve:refuse", "outregion receipt", "outregion receipt:cancel", "outregion quota",
)  # fmt: skip
def test_from_the_other_regions_patient_to_its_money(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, cash=20_000))
    give_logins(two.month.database.settings, TODAY)
    with opened_desk(two.month, TODAY) as desk:
        desk.month = two.month
        press = Press(desk)
        records = "SELECT setl_id, state, amount_fen FROM fund.outregion_record WHERE region = 420100"
        assert press("zhao", PAGE, "outregion recognise", effect=records)[0][::2] == ("G1", 100_000)
        orders = "SELECT institution, amount_fen, state FROM payments.pay_order"
        typed = {"v.fund": "310", "v.what": "hospitals"}
        assert press("zhao", PAGE, "outregion order", typed, effect=orders)[0][1:] == (100_000, "draft")
        bills = "SELECT count(*) FROM fund.outregion_bill WHERE region = 420100"
        desk.month.asked(records)
        two.month.pretend(
            "UPDATE fund.outregion_record SET state = 'confirmed', confirmed_on = '2026-10-12' WHERE setl_id = 'G1'"
        )
        press("zhao", PAGE, "outregion bill", {"v.party": str(THERE), "v.term": "202610"}, effect=bills)
        quota = {
            "v.party": str(THERE),
            "v.direction": "received",
            "v.since": "2026-10-01",
            "v.amount": "500.00",
            "v.document": "协议1号",
        }
        press(
            "li",
            PAGE,
            "outregion quota",
            quota,
            effect="SELECT quota_fen FROM fund.outregion_quota WHERE region = 420100",
        )
        asked = {"v.party": str(THERE), "v.kind": "prepaid_in", "v.amount": "100.00"}
        for document, ends in (("函1号", "refuse"), ("函2号", "cancel"), ("函3号", "receipt")):
            press("zhao", PAGE, "outregion request", asked | {"v.document": document}, effect=MOVES)
            [(key,)] = press.asked(f"SELECT move_id FROM fund.outregion_move WHERE document = '{document}'")
            one = f"{PAGE}/{key}"
            if ends == "refuse":
                press("qian", one, "outregion approve", effect=MOVES, refuse=True)
                continue
            press("qian", one, "outregion approve", effect=MOVES)
            if ends == "cancel":
                press("li", one, "outregion receipt", effect=MOVES, cancel=True)
                continue
            number = two.teller(kind=1003).comes_in(10_000, TODAY)
            two.days(420100, TODAY, 2, 1003)
            press(
                "li",
                one,
                "outregion receipt",
                {"v.number": number, "v.booked": str(TODAY)},
                "v.number",
                effect=MOVES,
            )
        assert [state for _, state, *_ in press.asked(MOVES)] == ["refused", "cancelled", "done"]
