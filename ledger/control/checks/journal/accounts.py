"""INV-01, INV-12: lines stand on leaves of the chart with exactly its dimensions, and the chart is the mandated one."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.books.chart import chart
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.errors import NotFound


def check_accounts(snapshot: Snapshot) -> Iterator[Breach]:
    """Account, section, leaf and dimensions of every line, taken once per distinct combination; then the charts."""
    for region, fund, account, seq, period, name in snapshot.rows(
        """
        SELECT l.region, l.fund, l.account, l.seq, l.period, coalesce(a.name, '')
          FROM (SELECT region, fund, abs(account) AS account, dim, min(seq) AS seq, min(period) AS period
                  FROM (SELECT region, fund, period, seq, unnest(accounts) AS account, unnest(dims) AS dim FROM books.entry) lines
                 GROUP BY region, fund, abs(account), dim) l
          LEFT JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
          LEFT JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
         WHERE a.account IS NULL OR NOT a.leaf OR a.section <> CASE WHEN left(l.account::text, 1) = '9' THEN 2 ELSE 1 END OR d.dim IS NULL
            OR a.dims <> (d.counterparty <> '')::int + 2 * (d.subfund <> '')::int + 4 * (d.service_year <> 0)::int
                         + 8 * (d.term <> 0)::int + 16 * (d.category <> '')::int
         ORDER BY 1, 2, 4
        """
    ):
        message = f"科目{account}（{name or '未知'}）不存在、不是末级、不属本部分，或辅助核算与科目要求不符"
        yield Breach("INV-01", f"{region}-{fund}", f"seq {seq} ({period})", message)
    for book in snapshot.books():
        stored = set(
            snapshot.rows(
                "SELECT account, name, class, normal_side, leaf, dims FROM books.account"
                " WHERE region = %(region)s AND fund = %(fund)s",
                region=book.region,
                fund=book.fund,
            )
        )
        try:
            mandated = {
                (a.account, a.name, a.class_, int(a.normal_side), a.leaf, a.dims) for a in chart(book.fund)
            }
        except NotFound as unknown:
            yield Breach("INV-12", str(book), "", unknown.message)
            continue
        for code in sorted({row[0] for row in stored ^ mandated}):
            yield Breach("INV-12", str(book), f"account {code}", "账套的科目与规定的科目表不同，已被改动")
