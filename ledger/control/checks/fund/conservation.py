"""INV-08: where the fund money is, as an identity, for every institution, book, sub-fund and service year on every day.

9001 + 9002 + 9003 = owed + paid − refunded + taken (procedure.md 7E; 9003: bills of other regions). Entries balance as a whole, so what this adds is that
each key balances by itself; the ties T1–T7 are what ties it to the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded

# Once from the stored balances, once from the lines of every day: the view of the database is read by neither.
_NOW: Final = coded("""
    SELECT b.region, b.fund, d.counterparty, d.subfund, d.service_year, sum(b.debit - b.credit)
      FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
     WHERE b.account IN ({CONSERVED})
     GROUP BY 1, 2, 3, 4, 5 HAVING sum(b.debit - b.credit) <> 0 ORDER BY 1, 2, 3, 4, 5
""")
_DAYS: Final = coded("""
    SELECT region, fund, counterparty, subfund, service_year, min(voucher_date), max(voucher_date) FROM (
        SELECT p.region, p.fund, d.counterparty, d.subfund, d.service_year, b.voucher_date
          FROM books.posting p
          JOIN books.dim d ON d.region = p.region AND d.dim = p.dim
          JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
         WHERE p.account IN ({CONSERVED})
         GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(p.debit - p.credit) <> 0) days
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
""")


def check_conservation(snapshot: Snapshot) -> Iterator[Breach]:
    """The identity now, and on each day anything was booked."""
    for region, fund, *key, difference in snapshot.rows(_NOW):
        where = "conservation " + "/".join(map(str, key))
        yield Breach("INV-08", f"{region}-{fund}", where, f"基金去向不平，差{difference}分")
    for region, fund, *key, first, last in snapshot.rows(_DAYS):
        where = "conservation " + "/".join(map(str, key))
        yield Breach("INV-08", f"{region}-{fund}", where, f"凭证日{first}至{last}间有当日去向不平的记账")
