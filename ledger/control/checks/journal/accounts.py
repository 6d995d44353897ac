"""INV-01: lines stand on leaves of the book's accounts, with exactly their dimensions."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot


def check_accounts(snapshot: Snapshot) -> Iterator[Breach]:
    """Account, section, leaf and dimensions of every line, taken once per distinct combination.

    An account that was divided or closed by two persons keeps the lines of the years before.
    """
    for region, fund, account, seq, period, name in snapshot.rows(
        """
        SELECT l.region, l.fund, l.account, l.seq, l.period, coalesce(a.name, '')
          FROM (SELECT region, fund, abs(account) AS account, dim, max(seq) AS seq, max(period) AS period
                  FROM (SELECT region, fund, period, seq, unnest(accounts) AS account, unnest(dims) AS dim FROM books.entry) lines
                 GROUP BY region, fund, abs(account), dim) l
          LEFT JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
          LEFT JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
          LEFT JOIN LATERAL (SELECT min(extract(year FROM c.decided_on)) AS year FROM books.account_change c
                              WHERE c.region = l.region AND c.fund = l.fund AND c.state = 'confirmed'
                                AND (c.act = 'add' AND c.account / 100 = l.account OR c.act = 'close' AND c.account = l.account)) e ON true
         WHERE a.account IS NULL OR NOT a.leaf AND l.period / 100 >= coalesce(e.year, 0) OR a.section <> CASE WHEN left(l.account::text, 1) = '9' THEN 2 ELSE 1 END OR d.dim IS NULL
            OR a.dims <> (d.counterparty <> '')::int + 2 * (d.subfund <> '')::int + 4 * (d.service_year <> 0)::int
                         + 8 * (d.term <> 0)::int + 16 * (d.category <> '')::int
         ORDER BY 1, 2, 4
        """
    ):
        message = f"科目{account}（{name or '未知'}）不存在、不是末级、不属本部分，或辅助核算与科目要求不符"
        yield Breach("INV-01", f"{region}-{fund}", f"seq {seq} ({period})", message)
