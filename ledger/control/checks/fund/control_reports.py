"""INV-11, INV-12: a signed control report is what its digest says, and its signer is a person known here, after the month; one that was
only drawn up is what its digests say, rests on chains that are here, and says of finance what these said then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded

_WRONG: Final = """
    SELECT c.region, c.month, c.digest <> sha256(convert_to(c.content, 'UTF8')), u.person IS NULL,
           c.signed_on < make_date(c.month / 100, c.month % 100, 1) + interval '1 month',
           (c.content::jsonb ->> 'month') IS DISTINCT FROM c.month::text OR (c.content::jsonb ->> 'region') IS DISTINCT FROM c.region::text
        OR (c.content::jsonb ->> 'seed') IS DISTINCT FROM c.seed
      FROM fund.control_report c LEFT JOIN access.app_user u ON u.user_name = c.signed_by ORDER BY 1, 2
"""
# What was kept is recomputed where it can be: the journal up to the blocks known then is the same for ever.
_DRAWN: Final = """
    SELECT d.region, d.month, d.digest <> sha256(convert_to(d.content, 'UTF8')), d.ways_digest <> fund.control_ways_digest(d.region, d.month),
           u.person IS NULL,
           (d.content::jsonb ->> 'month') IS DISTINCT FROM d.month::text OR (d.content::jsonb ->> 'region') IS DISTINCT FROM d.region::text
        OR (d.content::jsonb ->> 'seed') IS DISTINCT FROM d.seed,
           EXISTS (SELECT 1 FROM jsonb_each(d.blocks) AS k (fund, known)
                    WHERE (k.known ->> 'block')::bigint <> 0 AND NOT EXISTS (
                        SELECT 1 FROM books.block b WHERE b.region = d.region AND b.fund = k.fund::smallint
                           AND b.block = (k.known ->> 'block')::bigint AND encode(b.hash, 'hex') = k.known ->> 'hash'))
      FROM fund.control_draft d LEFT JOIN access.app_user u ON u.user_name = d.drawn_by ORDER BY 1, 2
"""
_FINANCE: Final[LiteralString] = coded("""
    WITH known AS (
        SELECT d.region, d.month, k.fund::smallint AS fund,
               coalesce((SELECT max(b.last_seq) FROM books.block b WHERE b.region = d.region AND b.fund = k.fund::smallint
                            AND b.block <= (k.known ->> 'block')::bigint), 0) AS tip
          FROM fund.control_draft d CROSS JOIN LATERAL jsonb_each(d.blocks) AS k (fund, known)),
    journal AS (
        SELECT k.region, k.month, k.fund, d.counterparty AS institution, e.business_date AS day,
               -sum(CASE WHEN l.account > 0 THEN l.fen ELSE -l.fen END) AS fen
          FROM known k
          JOIN books.entry e ON e.region = k.region AND e.fund = k.fund AND e.period >= k.month AND e.seq <= k.tip
           AND e.event IN ('REC', 'REV') AND date_part('year', e.business_date) * 100 + date_part('month', e.business_date) = k.month
         CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, fen)
          JOIN books.dim d ON d.region = e.region AND d.dim = l.dim
         WHERE abs(l.account) = {DAILY_OWED} GROUP BY 1, 2, 3, 4, 5)
    SELECT region, month, count(*)
      FROM journal j FULL JOIN fund.control_way w USING (region, month, fund, institution, day)
     WHERE coalesce(j.fen, 0) <> coalesce(w.finance_fen, 0) GROUP BY 1, 2 ORDER BY 1, 2
""")
_SUMS: Final = """
    SELECT region, month, count(*)
      FROM (SELECT region, month, fund, institution, sum(parts) AS parts, sum(business_fen) AS business_fen, sum(finance_fen) AS finance_fen,
                   sum(ordered_fen) AS ordered_fen, sum(told_fen) AS told_fen, sum(paid_fen) AS paid_fen
              FROM fund.control_way GROUP BY 1, 2, 3, 4) w
      FULL JOIN fund.control_sum s USING (region, month, fund, institution)
     WHERE (w.parts, w.business_fen, w.finance_fen, w.ordered_fen, w.told_fen, w.paid_fen)
        IS DISTINCT FROM (s.parts, s.business_fen, s.finance_fen, s.ordered_fen, s.told_fen, s.paid_fen)
     GROUP BY 1, 2 ORDER BY 1, 2
"""


def check_control_reports(snapshot: Snapshot) -> Iterator[Breach]:
    """Every signed report."""
    for region, month, changed, stranger, early, other in snapshot.rows(_WRONG):
        where = f"control {month}"
        if changed:
            yield Breach("INV-12", str(region), where, "签署的内控报告与其摘要不符，已被改动")
        if other:
            yield Breach("INV-12", str(region), where, "签署的内控报告所载统筹区、月份或种子与登记的不同")
        if stranger or early:
            yield Breach("INV-11", str(region), where, "内控报告的签署人不是系统内的人，或签署早于月末")
    yield from _drawn(snapshot)


def _drawn(snapshot: Snapshot) -> Iterator[Breach]:
    """Every report that was drawn up and not signed."""
    for region, month, changed, ways, stranger, other, strange in snapshot.rows(_DRAWN):
        where = f"control draft {month}"
        if changed:
            yield Breach("INV-12", str(region), where, "所存的内控报告与其摘要不符，已被改动，须重新编制")
        if ways:
            yield Breach("INV-12", str(region), where, "所存的三方核对与其摘要不符，已被改动，须重新编制")
        if other:
            yield Breach("INV-12", str(region), where, "所存的内控报告所载统筹区、月份或种子与登记的不同")
        if strange:
            yield Breach("INV-12", str(region), where, "所存的内控报告所依据的账链不是本库的")
        if stranger:
            yield Breach("INV-11", str(region), where, "内控报告的编制人不是系统内的人")
    for region, month, count in snapshot.rows(_FINANCE):
        yield Breach(
            "INV-12",
            str(region),
            f"control draft {month}",
            f"所存三方核对的账面应拨付有{count}个机构日与当时的账簿不符",
        )
    for region, month, count in snapshot.rows(_SUMS):
        yield Breach(
            "INV-12",
            str(region),
            f"control draft {month}",
            f"所存三方核对的全月合计有{count}家机构与各日之和不符",
        )
