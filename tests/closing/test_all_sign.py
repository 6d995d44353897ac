"""A month is closed, reopened and closed again in a region where everybody signs."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import open_snapshot
from tests.scenes.signed import all_sign

pytestmark = pytest.mark.unsigned


def test_a_month_is_closed_and_opened_again_under_signatures(
    agency: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    signers = all_sign(agency.service, agency.admin_url, monkeypatch)
    agency.shut()
    agency.reopen("漏记一张凭证", user="li")
    agency.reopen(user="wu")
    agency.shut()
    with psycopg.connect(agency.admin_url) as admin:
        signed = admin.execute(
            "SELECT act, count(*) FROM access.signature WHERE act LIKE 'period%' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert signed == [("period.confirm", 2), ("period.reopen", 1)]
    with open_snapshot(agency.auditor, agency.home, []) as snapshot:
        assert list(check_signatures(snapshot)) == []
    assert {"period.confirm", "period.reopen", "key.enroll"} <= signers.proven()
