"""待我办理: what waits for the person who sits there, and not what that person prepared."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ledger.books.manual import ManualContent, draft_voucher
from ledger.core.entries import Book, credit, debit
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import DEMO_REGION
from tests.web.conftest import EVE, Browser

VOUCHERS = "手工凭证待复核"


def waiting(browser: Browser) -> tuple[dict[str, int], str]:
    """(what waits for him with how many, what waits for others)."""
    found = re.search(r'id="waits">.*?</section>', browser.get("/desk/today").text, re.S)
    assert found
    mine = {what: int(n) for n, what in re.findall(r"<b>(\d+)</b> ([^<]+)</a>", found[0])}
    return mine, re.sub("<[^>]*>", "", found[0].partition("他人待办")[2])


def draft(desk: Any, user: str, summary: str) -> None:
    legs = (debit(1001, 100), credit(400101, 100))
    with unit_of_work(desk.month.engine, user, DEMO_REGION) as tx:
        draft_voucher(tx, Book(DEMO_REGION, 310), ManualContent(EVE, summary, "文", legs), EVE)


def test_who_prepared_a_voucher_is_not_asked_to_check_it(desk: Any, sat: Callable[[str], Browser]) -> None:
    li, qian = sat("li"), sat("qian")
    draft(desk, "li", "一")
    mine, others = waiting(li)
    assert VOUCHERS not in mine
    assert f"{VOUCHERS} 1" in others
    assert waiting(qian)[0][VOUCHERS] == 1
    # a checker who keeps books too checks what others prepared, and not his own
    desk.month.pretend(
        "INSERT INTO access.user_role (region, user_name, role, fund) VALUES (420100, 'qian', 'accountant', 0)"
    )
    draft(desk, "qian", "二")
    mine, others = waiting(qian)
    assert mine[VOUCHERS] == 1
    assert f"{VOUCHERS} 1" in others
