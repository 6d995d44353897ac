"""A statement that shows an order's debit of before a restore freezes payments, by whichever of the desk's doors it comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.banks.simulator.messages.statement import write_camt053
from ledger.simulation.people import DEMO_REGION
from tests.api.test_statement_acts import OWN, pages, printed
from tests.web.conftest import Browser
from tests.web.test_acts import do, done, refused, said
from tests.web.test_uploads import give

LOST = f"FL{DEMO_REGION}-310-20261012-00001"
"""What the home that was brought back knows nothing of: the bank has debited it."""
SIGNS = "SELECT code, state, detail FROM payments.freezing"
PAPER = (
    "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要\n"
    f"2026-10-12,,100.00,100.00,B1,,,,财政局,拨款\n2026-10-12,30.00,,70.00,B2,,{LOST},,,\n"
).encode()
STATED = {"first": "2026-10-12", "last": "2026-10-12", "opening": "0.00", "closing": "70.00"}


def told() -> Any:
    """The bank's statement with the lost order's debit on its second page."""
    made = printed()
    rows = [replace(row, order_no=LOST) if row.reference == "B3" else row for row in made.lines]
    return replace(made, lines=rows)


def whole(li: Browser, _qian: Browser) -> None:
    assert "已办理" in give(li, "statement", "对账单.xml", write_camt053(told()), account=OWN).text


def in_pages(li: Browser, _qian: Browser) -> None:
    for n, content in enumerate(pages(told()), 1):
        assert "已办理" in give(li, "statement", f"{n}.xml", content, account=OWN).text


def on_paper(li: Browser, qian: Browser) -> None:
    assert "已办理" in give(li, "paper-statement", "纸.csv", PAPER, account=OWN, **STATED).text
    assert "未冻结" in said(li.get("/desk/exceptions"))  # one person's copy is nothing yet
    done(do(qian, f"/desk/statements?account={OWN}", "bank-statement confirm"))


@pytest.mark.parametrize("door", [whole, in_pages, on_paper])
def test_a_debit_of_before_a_restore_freezes_the_payments(
    desk: Any, sat: Callable[[str], Browser], door: Callable[[Browser, Browser], None]
) -> None:
    li, qian = sat("li"), sat("qian")
    assert desk.month.asked(SIGNS) == []
    door(li, qian)
    [(code, state, detail)] = desk.month.asked(SIGNS)
    assert (code, state) == ("receipt_unknown_order", "standing")
    assert detail.endswith(f"对账单上的扣款，拨付单{LOST}")
    assert LOST in said(li.get("/desk/exceptions"))
    assert "支付已冻结" in said(li.get("/desk/today"))
    refused(do(sat("sun"), "/desk/today", "day send"), "payments.frozen")
