"""INV-09: the counts of a load are the records it brought, and a daily run's list of blocked amounts is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# A load's other counts: every line had one outcome (a file's blank lines have none), a whole file was read to its end, and its
# payables' daily part is as stored.
_SUMS: Final = """
    SELECT l.load_id, l.file_name, c.said FROM fund.intake_load l
      LEFT JOIN (SELECT r.load_id, sum(p.daily_fen) AS fen FROM fund.record r
                   JOIN fund.payable p ON p.region = r.region AND p.setl_id = r.setl_id GROUP BY 1) d ON d.load_id = l.load_id
      CROSS JOIN LATERAL (VALUES
        ('读过的行数与接受、重复、隔离之和不符', l.lines_done < l.accepted + l.duplicate + l.quarantined
            OR l.bytes = 0 AND l.lines_done <> l.accepted + l.duplicate + l.quarantined),
        ('没有读到文件末尾，或超出文件', l.bytes > 0 AND (l.bytes_done > l.bytes OR l.complete AND l.bytes_done <> l.bytes)),
        ('当日拨付应付合计与应付明细不符', l.complete AND l.payable_fen <> coalesce(d.fen, 0))) AS c (said, broken)
     WHERE c.broken ORDER BY 1, 3
"""


def check_loads(snapshot: Snapshot) -> Iterator[Breach]:
    """Accepted records and their sum against the records stored, load by load, a file's refused lines against those kept;
    runs against their lists.

    A load that is not complete may have stored more than it counts: its last chunk's regions are stored one after the other.
    """
    for load_id, file_name, accepted, accepted_fen, stored, stored_fen in snapshot.rows(
        """
        SELECT load_id, l.file_name, coalesce(l.accepted, 0), coalesce(l.accepted_fen, 0), coalesce(r.stored, 0), coalesce(r.fen, 0)::bigint
          FROM fund.intake_load l
          FULL JOIN (SELECT load_id, count(*) AS stored, sum(medfee_sumamt) AS fen FROM fund.record GROUP BY load_id) r USING (load_id)
         WHERE l.load_id IS NULL OR coalesce(r.stored, 0) < l.accepted
            OR l.complete AND (coalesce(r.stored, 0), coalesce(r.fen, 0)) <> (l.accepted, l.accepted_fen)
         ORDER BY 1
        """
    ):
        if file_name is None:
            message = f"第{load_id}次接入已不存在，而有它接入的{stored}笔结算记录：被删除"
        else:
            message = f"文件{file_name}记有接受{accepted}笔{accepted_fen}分，实际入库{stored}笔{stored_fen}分"
        yield Breach("INV-09", "", f"load {load_id}", message)
    for load_id, file_name, quarantined, kept in snapshot.rows(
        """
        SELECT l.load_id, l.file_name, l.quarantined, coalesce(q.kept, 0) FROM fund.intake_load l
          LEFT JOIN (SELECT load_id, count(*) AS kept FROM fund.quarantine GROUP BY load_id) q USING (load_id)
         WHERE l.bytes > 0 AND (coalesce(q.kept, 0) < l.quarantined OR l.complete AND coalesce(q.kept, 0) <> l.quarantined) ORDER BY 1
        """
    ):
        message = f"文件{file_name}记有隔离{quarantined}笔，隔离清单上为{kept}笔"
        yield Breach("INV-09", "", f"load {load_id}", message)
    for load_id, file_name, said in snapshot.rows(_SUMS):
        yield Breach("INV-09", "", f"load {load_id}", f"文件{file_name}（第{load_id}次接入）{said}")
    for region, load_id, line in snapshot.rows(
        "SELECT region, load_id, line FROM fund.quarantine WHERE raw <> '' AND substring(raw FROM 1 FOR 16) NOT IN ('FUNDLEDGER-SEAL1', 'FUNDLEDGER-SEAL4')"
        " ORDER BY 1, 2, 3"
    ):
        message = f"第{load_id}次接入隔离的第{line}行以明文保存"
        yield Breach("INV-14", str(region), f"load {load_id}", message)
    yield from _runs(snapshot)


def _runs(snapshot: Snapshot) -> Iterator[Breach]:
    for region, fund, pay_date, run, counted, fen, listed, listed_fen in snapshot.rows(
        """
        SELECT region, fund, pay_date, run, coalesce(d.blocked, 0), coalesce(d.blocked_fen, 0), coalesce(b.listed, 0),
               coalesce(b.fen, 0)::bigint
          FROM payments.daily_run d
          FULL JOIN (SELECT region, fund, pay_date, run, count(*) AS listed, sum(amount_fen) AS fen FROM payments.blocked
                      GROUP BY region, fund, pay_date, run) b USING (region, fund, pay_date, run)
         WHERE (d.blocked, d.blocked_fen) IS DISTINCT FROM (coalesce(b.listed, 0), coalesce(b.fen, 0)) ORDER BY 1, 2, 3, 4
        """
    ):
        message = f"{pay_date}第{run}次日拨付记有未拨付{counted}家{fen}分，清单上为{listed}家{listed_fen}分，清单已被改动"
        yield Breach("INV-09", f"{region}-{fund}", f"run {pay_date} {run}", message)
    for region, fund, pay_date, runs, last in snapshot.rows(
        "SELECT region, fund, pay_date, count(*), max(run) FROM payments.daily_run GROUP BY 1, 2, 3"
        " HAVING count(*) <> max(run) ORDER BY 1, 2, 3"
    ):
        message = f"{pay_date}的日拨付运行编号到{last}而只有{runs}次，有运行被删除"
        yield Breach("INV-09", f"{region}-{fund}", f"run {pay_date}", message)
