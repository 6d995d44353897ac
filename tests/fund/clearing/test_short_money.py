"""The year's result waits for kinds that go first, and is paid when the money is there."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.core.errors import Conflict
from ledger.core.money import yuan_grouped
from ledger.fund.clearing.orders import CLEARING_BLOCK_REASONS
from ledger.fund.ordering.draft import refusal_words
from ledger.fund.ordering.forecast import Reserved
from ledger.payments.orders.approve import approve, discard
from ledger.simulation.people import DEMO_REGION

CLEARING, PAY = date(2027, 3, 20), date(2027, 3, 26)


def test_clearing_waits_for_the_day(worked: Any) -> None:
    letter = worked.clear(CLEARING)
    owed = letter.amount_fen
    assert owed > 12_000
    worked.allot(PAY, owed + 5_000 - worked.balances()[1004])
    drafted = worked.orders(PAY).batch
    assert drafted is not None

    worked.take("N1", 20_000, "2027-03-24")
    with pytest.raises(
        Conflict, match=rf"年度清算批次.*{yuan_grouped(owed)}元.*须先留给日拨付120.00元"
    ) as refused:
        approve(worked.engine, "qian", DEMO_REGION, drafted.batch_id, drafted.digest, PAY)
    assert refused.value.code == "batch.kinds_first"
    discard(worked.engine, "zhao", DEMO_REGION, drafted.batch_id, "先付日拨付", PAY)

    made = worked.orders(PAY)
    [short] = made.blocked
    assert (made.batch, short.key, short.reason) == (None, letter.letter_id, "kinds_first")
    assert (short.amount_fen, short.waits_for) == (owed, (Reserved("daily", 12_000),))
    words = refusal_words(short, CLEARING_BLOCK_REASONS)
    assert words.startswith("年度清算")
    assert "日拨付120.00元" in words

    worked.pay_daily(PAY)
    worked.allot(PAY, 7_000)
    assert len(worked.pay_clearing(PAY)) == 1
    assert worked.balances().get(1004) is None
    assert worked.verify() == []
