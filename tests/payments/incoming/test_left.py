"""Files that the books refuse stay at the bank, and somebody hears of it: the run that left them has failed."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.bootstrap import App
from ledger.core.errors import Conflict
from scheduler.jobs.receipts import take_receipts
from tests.payments.conftest import MOMENT, OWN, REGION


def test_a_run_that_left_what_the_books_refuse_has_failed(
    world: Any, bank: Any, sent: Any, movement: Any, database: Any
) -> None:
    one, two = sent(100, 200)
    bank.put(bank.note(movement("S1", one)), "1.xml")
    bank.put(bank.note(movement("S2", two)), "2.xml")
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.order_payable SET daily_fen = 99 WHERE order_no = %s", (one.order_no,))
    app = App(database.settings.model_copy(update={"today": MOMENT.date()}), "acc")
    app._banks[REGION, OWN] = bank
    try:
        with pytest.raises(Conflict) as refused:
            take_receipts(app, REGION, MOMENT)
    finally:
        app._banks.clear()
        app.close()
    assert refused.value.code == "receipts.refused"
    assert refused.value.message == "1个银行文件账务未能收入、留在银行：1.xml（order.sum）；其余1个已处理"
    with psycopg.connect(world.admin_url) as admin:
        lines = admin.execute(
            "SELECT outcome, detail FROM access.operator_log WHERE action = 'payments.receive' ORDER BY id"
        ).fetchall()
    assert [(outcome, detail.partition("：")[0]) for outcome, detail in lines] == [
        ("refused", "receipts.refused")
    ]
    assert (world.state(one.order_no), world.state(two.order_no)) == ("sent", "paid")
