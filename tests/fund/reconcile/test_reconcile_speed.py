"""34,000 records, a province's day, reconcile in less than three seconds."""

from __future__ import annotations

from datetime import date
from time import perf_counter
from typing import Any

from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope

RECORDS = 34_000
SECONDS_MAX = 3.0


def test_34_000_records_reconcile_in_three_seconds(month: Any, bill: Any) -> None:
    month.take(bill("S1"))
    with month.admin.begin() as admin:
        columns = [
            row[0]
            for row in admin.exec_driver_sql(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'fund.record'::regclass AND attnum > 0 ORDER BY attnum"
            )
        ]
        kept = ", ".join("'S1-' || n" if name == "setl_id" else f"r.{name}" for name in columns)
        admin.exec_driver_sql(
            f"INSERT INTO fund.record SELECT {kept} FROM fund.record r, generate_series(2, {RECORDS}) n"
        )
    scope = ReconcileScope(310, month.hospital, 202610, "21")
    with month.tx() as tx:
        rows = our_details(tx, scope)
    assert len(rows) == RECORDS
    rows[7] = rows[7]._replace(fund_fen=1)
    file = DetailFile("d.zip", write_detail(rows[5:], "d.txt"))
    started = perf_counter()
    with month.tx() as tx:
        found = compare_details(tx, scope, file, date(2026, 11, 3))
    took = perf_counter() - started
    assert (found.matched, found.center_only, found.amount_diff) == (RECORDS - 6, 5, 1)
    assert took < SECONDS_MAX, took
