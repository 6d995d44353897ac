"""The warning at draft and the rows of 会社保02 speak of the same accounts and sides."""

from __future__ import annotations

import pytest

from ledger.core.accounts import ONE_SIDED
from ledger.core.entries import FUNDS, Side
from reports.statements.rows import ONE_SIDED as RULES
from reports.statements.rows import FillRule, Form, rows_of


@pytest.mark.parametrize("fund", FUNDS)
def test_every_one_side_row_is_warned_of_and_no_other(fund: int) -> None:
    for row in rows_of(Form.INCOME, fund, yearly=False):
        for code in row.codes:
            sides = {side for prefix, side in ONE_SIDED.items() if code.startswith(prefix)}
            wanted = (
                {Side.CREDIT if row.rule is FillRule.CREDIT else Side.DEBIT} if row.rule in RULES else set()
            )
            assert sides == wanted, (row.name, code)
