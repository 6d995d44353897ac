"""INV-11, INV-12: what is gone for its term's sake went by two persons, past its term, as much as was said, and stayed away.

Of the log and of sessions the traces say how many rows went; of refused lines and answers the rows stay without their content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# The terms as fund.term_of has them, written a second time: the region's choice of the day, or 3, 10 and 1 years.
_DECIDED: Final = """
    SELECT r.region, r.n, c.promise, c.code, c.said
      FROM fund.removal r
      LEFT JOIN access.app_user a ON a.user_name = r.proposed_by LEFT JOIN access.app_user b ON b.user_name = r.decided_by
      LEFT JOIN LATERAL (SELECT p.value::integer AS years FROM fund.region_policy p
                          WHERE p.region = r.region AND p.key = 'retention_' || r.kind AND p.from_day <= r.proposed_on
                          ORDER BY p.from_day DESC LIMIT 1) y ON true
      CROSS JOIN LATERAL (VALUES
        ('INV-11', 'removal.persons', '不是由两个不同的人提出和办理',
         r.state <> 'proposed' AND (a.person IS NULL OR b.person IS NULL OR a.person = b.person)),
        ('INV-11', 'removal.term', '清除了保存期内的资料',
         r.before > (r.proposed_on - make_interval(years => coalesce(y.years, CASE r.kind WHEN 'quarantine' THEN 3 WHEN 'log' THEN 10 ELSE 1 END)))::date),
        ('INV-11', 'removal.days', '办理日早于提出日', r.decided_on < r.proposed_on)) AS c (promise, code, said, broken)
     WHERE c.broken ORDER BY 1, 2, 4
"""
_NUMBERS: Final = "SELECT region, max(n), count(*) FROM fund.removal GROUP BY region HAVING max(n) <> count(*) ORDER BY region"
# Rows of the log and sessions that their traces say went, against what was removed; 0: sessions belong to no region.
_GONE: Final = """
    WITH went AS (
        SELECT CASE t.noun WHEN 'access.session' THEN 'sessions' ELSE 'log' END AS kind, t.region, sum(cardinality(t.keys)) AS items
          FROM access.trace t WHERE t.op = 'delete' AND t.noun IN ('access.operator_log', 'access.session') GROUP BY 1, 2),
    said AS (
        SELECT r.kind, CASE r.kind WHEN 'sessions' THEN 0 ELSE r.region END AS region, sum(r.items) AS items
          FROM fund.removal r WHERE r.state = 'removed' AND r.kind IN ('sessions', 'log') GROUP BY 1, 2)
    SELECT coalesce(w.region, s.region), coalesce(w.kind, s.kind), coalesce(s.items, 0), coalesce(w.items, 0)
      FROM went w FULL JOIN said s ON s.kind = w.kind AND s.region = w.region
     WHERE w.items IS DISTINCT FROM s.items ORDER BY 1, 2
"""
# Refused lines (those of no region with them) and answers without content, of at least as many as were removed.
_EMPTIED: Final = """
    WITH said AS (
        SELECT r.region, r.kind, sum(r.items) AS items FROM fund.removal r
         WHERE r.state = 'removed' AND r.kind IN ('quarantine', 'answers') GROUP BY 1, 2),
    empty AS (
        SELECT q.region, 'quarantine' AS kind, count(*) AS items FROM fund.quarantine q WHERE q.raw = '' GROUP BY 1
        UNION ALL
        SELECT k.region, 'answers', count(*) FROM access.kept_answers() k WHERE k.empty GROUP BY 1)
    SELECT s.region, s.kind, s.items, e.items FROM said s CROSS JOIN LATERAL (
           SELECT coalesce(sum(m.items), 0)::bigint AS items FROM empty m WHERE m.region IN (0, s.region) AND m.kind = s.kind) e
     WHERE e.items < s.items ORDER BY 1, 2
"""
# What a removal took all of and is there (again), by the days of Shanghai as fund.past_term counts them.
_BACK: Final = """
    WITH taken AS (
        SELECT r.region, r.kind, max(r.before) AS before FROM fund.removal r
         WHERE r.state = 'removed' AND r.kind IN ('log', 'answers') GROUP BY 1, 2),
    there AS (
        SELECT o.region, 'log' AS kind, o.recorded_at FROM access.operator_log o
        UNION ALL
        SELECT k.region, 'answers', k.recorded_at FROM access.kept_answers() k WHERE NOT k.empty)
    SELECT t.region, t.kind, count(*) FROM taken t
      JOIN there h ON h.region = t.region AND h.kind = t.kind AND h.recorded_at < (t.before::timestamp AT TIME ZONE 'Asia/Shanghai')
     GROUP BY 1, 2 ORDER BY 1, 2
"""
_KINDS: Final = {"quarantine": "退回的明细行", "answers": "应答", "log": "操作日志", "sessions": "登录会话"}


def check_removals(snapshot: Snapshot) -> Iterator[Breach]:
    """Each removal by itself, then what is gone against what was removed, both ways."""
    for region, n, promise, code, said in snapshot.rows(_DECIDED):
        yield Breach(promise, str(region), f"removal {n}", f"第{n}号到期清除：{said}", code)
    for region, last, count in snapshot.rows(_NUMBERS):
        message = f"到期清除编到{last}号而只有{count}条：被删除"
        yield Breach("INV-12", str(region), "removal", message, "removal.gap")
    for query in (_GONE, _EMPTIED):
        for region, kind, said, found in snapshot.rows(query):
            message = f"{_KINDS[kind]}：两人清除了{said}条，实际少了{found}条"
            yield Breach("INV-12", str(region or ""), f"removal {kind}", message, "removal.items")
    for region, kind, found in snapshot.rows(_BACK):
        message = f"{_KINDS[kind]}：已清除的时段内又有{found}条"
        yield Breach("INV-12", str(region), f"removal {kind}", message, "removal.back")
