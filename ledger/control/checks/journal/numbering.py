"""INV-03, INV-04: voucher numbers without gaps, dates and times forward only, entries in the month they are dated."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label


def check_numbering(snapshot: Snapshot) -> Iterator[Breach]:
    """Numbers and dates per (book, period, series), the counters, the periods, and what reversals point to."""
    words = ("凭证号不连续", "填制日期倒退", "序号与凭证号次序不一致")
    for region, fund, period, series, vno, seq, *good in snapshot.rows(
        """
        SELECT * FROM (
            SELECT region, fund, period, series, vno, seq, vno = lag(vno, 1, 0) OVER w + 1 AS dense,
                   voucher_date >= coalesce(max(voucher_date) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '-infinity'::date)
                   OR (rule = 'manual' AND EXISTS (   -- a day's papers numbered at once, in a region that does so
                       SELECT 1 FROM books.voucher v
                        WHERE (v.region, v.fund, v.voucher_id, v.prepared_on) = (e.region, e.fund, substr(e.source_key, 5), e.voucher_date)
                          AND (SELECT y.value FROM fund.region_policy y WHERE y.region = e.region AND y.key = 'voucher_numbering'
                                  AND y.from_day <= e.voucher_date ORDER BY y.from_day DESC LIMIT 1) = 'whole_day')) AS forward,
                   seq > lag(seq, 1, 0::bigint) OVER w AS ordered
              FROM books.entry e WINDOW w AS (PARTITION BY region, fund, period, series ORDER BY vno, seq)) e
         WHERE NOT (dense AND forward AND ordered) ORDER BY region, fund, seq
        """
    ):
        wrong = "、".join(word for word, right in zip(words, good, strict=True) if not right)
        yield Breach("INV-03", f"{region}-{fund}", seq_label(period, seq, series, vno), wrong)
    yield from _counters(snapshot)
    for region, fund, period, seq, series, vno in snapshot.rows(
        """
        SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno FROM books.entry e
          LEFT JOIN books.period p ON p.region = e.region AND p.fund = e.fund AND p.period = e.period
         WHERE p.period IS NULL
            OR e.period <> extract(year FROM e.voucher_date) * 100 + extract(month FROM e.voucher_date)
         ORDER BY 1, 2, 4
        """
    ):
        yield Breach(
            "INV-04",
            f"{region}-{fund}",
            seq_label(period, seq, series, vno),
            "凭证的期间未开启，或不是其填制日期所在月",
        )
    # that every number below an entry's own has its entry, the chain shows
    for region, fund, period, seq, series, vno, target in snapshot.rows(
        """
        SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno, e.reverses_seq FROM books.entry e
         WHERE e.reverses_seq <> 0 AND e.reverses_seq NOT BETWEEN 1 AND e.seq - 1
         ORDER BY 1, 2, 4
        """
    ):
        yield Breach(
            "INV-02",
            f"{region}-{fund}",
            seq_label(period, seq, series, vno),
            f"所冲销的凭证seq {target}不在其前",
        )


def _counters(snapshot: Snapshot) -> Iterator[Breach]:
    for region, fund, period, series in snapshot.rows(
        """
        SELECT coalesce(c.region, e.region), coalesce(c.fund, e.fund), coalesce(c.period, e.period), coalesce(c.series, e.series)
          FROM books.counter c
          FULL JOIN (SELECT region, fund, period, series, max(vno) AS last, max(voucher_date) AS last_date
                       FROM books.entry GROUP BY region, fund, period, series) e
            ON e.region = c.region AND e.fund = c.fund AND e.period = c.period AND e.series = c.series
         WHERE (c.last, c.last_date) IS DISTINCT FROM (e.last, e.last_date)
         ORDER BY 1, 2, 3, 4
        """
    ):
        yield Breach("INV-03", f"{region}-{fund}", f"{series}-{period}", "凭证号计数器与已编的最后一号不符")
