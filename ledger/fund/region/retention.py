"""How long what is kept of each kind, by the region's dated choice, and how much is past its time: listed, never deleted.

Vouchers, books and bank papers are accounting archives: 30 years (会计档案管理办法 2015, annex). Refused lines, the operator log and
answers of the interface are no archives and hold personal fields: kept as long as they are of use (个人信息保护法第19条).
"""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import whole_choice

KIND_NAMES: Final = words_of("retention.kind")
YEARS: Final = {"quarantine": 3, "log": 10, "answers": 1, "bank_files": 30, "records": 30}
"""Where the region chose nothing."""
_COUNT: Final[dict[str, LiteralString]] = {
    # a line has no day of its own: of loads whose records are all older
    "quarantine": """SELECT count(*) FROM fund.quarantine q WHERE q.region = %(region)s AND EXISTS (
        SELECT 1 FROM fund.record r WHERE r.region = %(region)s AND r.load_id >= q.load_id AND r.setl_time < %(before)s)""",
    "log": "SELECT count(*) FROM access.operator_log WHERE region = %(region)s AND recorded_at < %(before)s",
    "answers": "SELECT count(*) FROM access.idempotency WHERE region = %(region)s AND recorded_at < %(before)s",
    "bank_files": "SELECT count(*) FROM payments.bank_file WHERE region = %(region)s AND created_at < %(before)s",
    "records": "SELECT count(*) FROM fund.record WHERE region = %(region)s AND setl_time < %(before)s",
}


class Retained(NamedTuple):
    """One kind: its years, the day before which it is past its time, and how many are."""

    kind: str
    years: int
    before: date
    past: int


def read_retention(tx: Transaction, day: date) -> list[Retained]:
    """Every kind on `day`."""
    found = []
    for kind, standard in YEARS.items():
        years = whole_choice(tx, f"retention_{kind}", day, standard)
        before = date(day.year - years, day.month, min(day.day, 28))
        found.append(
            Retained(kind, years, before, int(tx.value(_COUNT[kind], region=tx.region, before=before)))
        )
    return found
