"""A hospital's year in a region where everybody signs: every day's batches, every month's sheet, the clearing. The suites of
fund, closing, payments and books are told so as a whole by `pytest --everybody-signs` (README.md)."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import open_snapshot
from tests.fund.clearing.test_letter import CLEARING
from tests.scenes.signed import Signers
from tests.scenes.signed import signers as signers  # the fixture

pytestmark = pytest.mark.unsigned


def test_a_year_is_paid_settled_and_cleared_under_signatures(year: Any, live: Any, signers: Signers) -> None:
    live(year)
    year.clear(CLEARING)
    database = year.month.database
    with open_snapshot(database.auditor_engine, database.settings.home, []) as snapshot:
        assert list(check_signatures(snapshot)) == []
    acts = {act for (act,) in year.month.asked("SELECT DISTINCT act FROM access.signature")}
    assert signers.proven() == acts
    assert {"voucher.approve", "payments.approve", "month.approve", "clear.approve", "clear.confirm"} <= acts
