"""INV-11: where a region chose within which days of the database's own moment its persons act (`act_days`), nobody dated anything outside.

Nobody anywhere put back the day of a proposal or decision further than a region could bear, nor decided before it was proposed.

When a thing was recorded the database says: beside each signature and each block of the journal, and in the trace of an approval.
The choice is the one in force on the day of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from ledger.control.breach import Breach
from ledger.control.checks.house.writers import key_of
from ledger.control.snapshot import Snapshot

_OUTSIDE: Final = """
    WITH bound AS (
        SELECT region, from_day, value::integer AS days, lead(from_day) OVER (PARTITION BY region ORDER BY from_day) AS next
          FROM fund.region_policy WHERE key = 'act_days'),
    dated AS (
        SELECT s.region, s.act || ' ' || s.object AS what, s.user_name, s.day, s.recorded_at, true AS back FROM access.signature s
        UNION ALL
        SELECT a.region, 'payments.approve ' || a.batch_id, a.approved_by, a.approved_on, t.recorded_at, true
          FROM payments.approval a JOIN access.trace t ON t.region = a.region AND t.noun = 'payments.approval' AND t.op = 'insert'
           AND a.batch_id = ANY (t.keys)
        UNION ALL  -- what rules book may be late, as a worker is that was down; of what is to come nobody knows
        SELECT b.region, 'block ' || b.fund || ' ' || b.block, b.actor, b.voucher_date, b.recorded_at, false FROM books.block b),
    told AS (SELECT d.*, (d.recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS on_day FROM dated d)
    SELECT t.region, t.what, t.user_name, t.day, t.on_day FROM told t
      JOIN bound b ON b.region = t.region AND b.from_day <= t.on_day AND (b.next IS NULL OR t.on_day < b.next)
     WHERE t.day > ((t.recorded_at + interval '5 minutes') AT TIME ZONE 'Asia/Shanghai')::date OR t.back AND t.day < t.on_day - b.days
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2
"""
# What one person proposed and another decided: which tables, and what their rows go by.
DECIDED: Final = (
    "fund.advance", "fund.cash_move", "fund.fund_request", "fund.letter", "fund.outregion_move", "fund.person_account", "fund.person_payment",
    "fund.refund", "fund.sheet", "payments.handed_file", "payments.resolution", "payments.statement_file", "payments.statement_withdrawal",
)  # fmt: skip
# The widest bound a region could have chosen counts everywhere, from the latest voucher where the books run behind the machine. The trace
# that a row came by dates its proposal, the first that changed it the decision at the earliest. A cutover's rows have the days of before, and
# what was there before rows left traces came by none: its first change may be a release sealing it.
_BACK: Final = """
    WITH dated AS (
        SELECT r.region, {key} AS key, r.prepared_on, r.approved_on FROM {table} r),
    told AS (
        SELECT t.region, k.key, min(t.recorded_at) FILTER (WHERE t.op = 'insert') AS came, min(t.recorded_at) FILTER (WHERE t.op = 'update') AS changed
          FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) AS k (key) WHERE t.noun = {noun} AND t.op IN ('insert', 'update') GROUP BY 1, 2),
    early AS (
        SELECT d.region, d.key, e.day, e.at FROM dated d JOIN told t ON t.region = d.region AND t.key = d.key
         CROSS JOIN LATERAL (VALUES (d.prepared_on, t.came), (d.approved_on, t.changed)) AS e (day, at)
         WHERE t.came IS NOT NULL AND e.day < (e.at AT TIME ZONE 'Asia/Shanghai')::date - 31 AND NOT starts_with(d.key, 'OPEN-'))
    SELECT d.region, d.key, 'day.before_proposal', '复核日期' || d.approved_on || '早于提出日期' || d.prepared_on FROM dated d
     WHERE d.approved_on < d.prepared_on AND NOT starts_with(d.key, 'OPEN-')
    UNION ALL
    SELECT e.region, e.key, 'day.outside', '以' || e.day || '办理，数据库记录于' || (e.at AT TIME ZONE 'Asia/Shanghai')::date || '，倒填超过31日'
      FROM early e WHERE e.day < (SELECT max(b.voucher_date) FROM books.block b WHERE b.region = e.region AND b.recorded_at <= e.at) - 31
     ORDER BY 1, 2, 3
"""
# Signatures and limits by the day are of little use where the day is anybody's to name.
_UNBOUND: Final = """
    SELECT d.region FROM (
        SELECT s.region FROM access.signing_demand s WHERE s.confirmed_at IS NOT NULL
        UNION SELECT y.region FROM fund.region_policy y WHERE y.key IN ('payee_day_limit', 'approver_day_limit', 'payee_hold_days')) d
     WHERE NOT EXISTS (SELECT 1 FROM fund.region_policy y WHERE y.region = d.region AND y.key = 'act_days') ORDER BY 1
"""


def check_days(snapshot: Snapshot) -> Iterator[Breach]:
    """Each dated act against the moment of its recording; a region that signs and chose no bound is told."""
    for region, what, user, day, recorded in snapshot.rows(_OUTSIDE):
        message = f"{what}由{user}以{day}办理，数据库记录于{recorded}，超出统筹区所定的日数"
        yield Breach("INV-11", str(region), what, message, "day.outside")
    yield from check_dated(snapshot)
    for (region,) in snapshot.rows(_UNBOUND):
        snapshot.waiting[f"统筹区{region}没有限定办理日期与数据库时间之差（act_days）"] = 1


def check_dated(snapshot: Snapshot) -> Iterator[Breach]:
    """What was proposed and decided: in that order, and neither put back further than any region bears."""
    for table in DECIDED:
        query = sql.SQL(_BACK).format(
            key=key_of(table), table=sql.Identifier(*table.split(".")), noun=sql.Literal(table)
        )
        for region, key, code, said in snapshot.connection.execute(query).fetchall():
            yield Breach("INV-11", str(region), f"{table} {key}", f"{table}的{key}{said}", code)
