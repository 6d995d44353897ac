"""INV-12: what the scheduler's runs claim is there: the lists of the day and its log, the hand-back of the month, backups, who asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.settings import MADE_FILE

_CLAIMS: Final = r"""
    SELECT r.region, r.job || ' ' || r.slot, c.code, c.said
      FROM jobs.job_run r CROSS JOIN LATERAL (VALUES
        ('run.claim', '当日办理已完成，而没有当日的拨付清单',
         r.job = 'day' AND r.state = 'done' AND starts_with(r.message, '入账') AND NOT EXISTS (
             SELECT FROM payments.daily_run d WHERE d.region = r.region AND d.pay_date::text = left(r.slot, 10))),
        ('run.claim', '日拨付回传已完成，而没有当月的回传',
         r.job = 'handback' AND r.state = 'done' AND NOT EXISTS (
             SELECT FROM fund.handback h WHERE h.region = r.region AND h.fund::text = right(r.slot, 3)
                AND h.month::text = to_char(left(r.slot, 10)::date - interval '1 month', 'YYYYMM'))),
        ('run.not_made', '当日办理已完成，而运行期间没有办理日拨付的操作日志',
         r.job = 'day' AND r.state = 'done' AND r.started_at IS NOT NULL AND r.message ~ '^(补办：)?入账' AND NOT EXISTS (
             SELECT FROM access.operator_log o WHERE o.region = r.region AND o.action = 'daily.run' AND o.object = left(r.slot, 10)
                AND o.outcome = 'done' AND o.recorded_at BETWEEN r.started_at AND r.ended_at)
         AND NOT EXISTS (SELECT FROM fund.removal m WHERE m.region = r.region AND m.kind = 'log' AND m.state = 'removed'
                            AND (r.started_at AT TIME ZONE 'Asia/Shanghai')::date < m.before)),
        ('run.not_made', '当日办理已完成，而没有写明入账、补办或非工作日',
         r.job = 'day' AND r.state = 'done' AND r.started_at IS NOT NULL AND r.message !~ '^(入账|补办：|非工作日，不办理$)'),
        ('run.not_asked', '临时运行无人要求',
         r.slot ~ ' R[0-9]+' AND NOT EXISTS (
             SELECT FROM jobs.asked a WHERE a.region = r.region AND a.job = r.job AND a.what = 'run'
                AND starts_with(r.slot || ' ', a.on_day::text || ' R' || a.n || ' '))),
        ('run.not_checked', '夜间核验已完成，而没有稽核登录写下的无问题结果',
         r.job = 'check' AND r.state = 'done' AND r.ended_at > (
             SELECT min(t.recorded_at) FROM access.trace t WHERE t.region = 0 AND t.op = 'mark' AND t.noun = 'jobs.checked')
         AND NOT EXISTS (SELECT FROM jobs.checked k WHERE (k.region, k.slot, k.epoch, k.findings) = (r.region, r.slot, r.epoch, 0)
                            AND k.checked_at BETWEEN r.started_at AND r.ended_at)),
        ('run.ahead', '运行的日期在其开始之后，而统筹区限定办理日期',
         r.slot ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}'
         AND left(r.slot, 10) > to_char((r.started_at + interval '5 minutes') AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')
         AND EXISTS (SELECT FROM fund.region_policy y WHERE y.region = r.region AND y.key = 'act_days'
                        AND y.from_day <= (r.started_at AT TIME ZONE 'Asia/Shanghai')::date)),
        ('run.times', '起止时刻不符',
         r.started_at IS NOT NULL AND (r.state = 'running') = (r.ended_at IS NOT NULL) OR r.ended_at < r.started_at)
      ) AS c (code, said, broken)
     WHERE c.broken ORDER BY 1, 2, 3
"""
# Backups, by the digest their runs name. Those of before a run named any are told by nothing; from the first that does each must.
_BACKUPS: Final = """
    SELECT r.region, r.job || ' ' || r.slot, left(r.slot, 10),
           coalesce(substring(r.message FROM '^(daily-[0-9-]{10}[.]dump)(?:已有)?，[0-9]+字节，SHA-256 [0-9a-f]{64}(?:，|$)'), ''),
           coalesce(substring(r.message FROM 'SHA-256 ([0-9a-f]{64})'), '')
      FROM jobs.job_run r
     WHERE r.job = 'backup' AND r.state = 'done' AND r.ended_at >= (
         SELECT min(f.ended_at) FROM jobs.job_run f WHERE f.job = 'backup' AND f.state = 'done' AND f.message ~ 'SHA-256 [0-9a-f]{64}')
     ORDER BY 1, 2
"""


def check_runs(snapshot: Snapshot) -> Iterator[Breach]:
    """Each run against what it says it did."""
    for region, run, code, said in snapshot.rows(_CLAIMS):
        yield Breach("INV-12", str(region), run, f"定时任务{run}：{said}", code)
    yield from _check_backups(snapshot)


def _check_backups(snapshot: Snapshot) -> Iterator[Breach]:
    """Each backup that a run says it made against the home's own list of those it made, which nobody writes through the database."""
    path = snapshot.home / MADE_FILE
    made = set(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else None
    for region, run, day, file, digest in snapshot.rows(_BACKUPS):
        if file == f"daily-{day}.dump" and made is None:
            snapshot.waiting[f"夜间备份未核对：数据目录中没有{MADE_FILE}"] = 1
        elif file != f"daily-{day}.dump" or f"{file}\t{digest}" not in (made or ()):
            said = "备份已完成，而数据目录所记的备份中没有这一日、这一摘要的文件"
            yield Breach("INV-12", str(region), run, f"定时任务{run}：{said}", "run.not_made")
