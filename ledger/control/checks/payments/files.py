"""INV-10, INV-11, INV-12: bank files out and in still have the bytes they had, a file out carries exactly its orders,
and a file in came by the channel or by two persons' hands."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.safekeeping.places import Place, place

# Taken in without the channel: only what another human confirmed, or what was quarantined; and what was confirmed is taken in.
_HANDED: Final = """
    SELECT f.region, f.name, '不是由银行通道收到，也没有经两人办理的送达记录'
      FROM payments.inbound_file f
     WHERE NOT EXISTS (SELECT 1 FROM payments.inbound_name n
                        WHERE n.region = f.region AND n.account = f.account AND n.sha256 = f.sha256)
       AND NOT EXISTS (SELECT 1 FROM payments.handed_file h
                        WHERE h.region = f.region AND h.account = f.account AND h.sha256 = f.sha256
                          AND (h.state = 'approved' OR (h.state, f.outcome) = ('quarantined', 'quarantined')))
    UNION ALL
    SELECT h.region, h.name, '人工送来、已复核，却没有收入'
      FROM payments.handed_file h
     WHERE h.state = 'approved' AND NOT EXISTS (SELECT 1 FROM payments.inbound_file f
                        WHERE f.region = h.region AND f.account = h.account AND f.sha256 = h.sha256)
    UNION ALL
    SELECT h.region, h.name, '人工送来的文件，提出与复核不是系统内两个不同的人'
      FROM payments.handed_file h
      LEFT JOIN access.app_user maker ON maker.user_name = h.prepared_by
      LEFT JOIN access.app_user checker ON checker.user_name = h.approved_by
     WHERE h.state = 'approved' AND (maker.person = checker.person) IS DISTINCT FROM false
     ORDER BY 1, 2, 3
"""
# Set aside: nothing of it is believed until it is read again, and then only of a file that the channel brought.
_SET_ASIDE: Final = """
    WITH aside AS (
        SELECT f.region, f.sha256, f.name FROM payments.inbound_file f
         WHERE f.outcome = 'quarantined'
           AND NOT EXISTS (SELECT 1 FROM payments.read_again a
                            WHERE a.region = f.region AND a.account = f.account AND a.sha256 = f.sha256 AND a.outcome = 'read')
           AND NOT EXISTS (SELECT 1 FROM payments.inbound_file o
                            WHERE o.region = f.region AND o.sha256 = f.sha256 AND o.outcome = 'read'))
    SELECT a.region, a.name, '已隔离且没有重读，却有其回单' || e.receipt_no
      FROM aside a JOIN payments.evidence e ON e.region = a.region AND e.file_sha256 = a.sha256
    UNION ALL
    SELECT a.region, a.name, '已隔离且没有重读，却据以改动拨付单' || w.order_no
      FROM aside a JOIN payments.bank_word w ON w.region = a.region AND w.file_sha256 = a.sha256
    UNION ALL
    SELECT a.region, f.name, '重读的文件并未隔离，或不是由银行通道收到'
      FROM payments.read_again a
      JOIN payments.inbound_file f ON f.region = a.region AND f.account = a.account AND f.sha256 = a.sha256
     WHERE f.outcome <> 'quarantined'
        OR NOT EXISTS (SELECT 1 FROM payments.inbound_name n
                        WHERE n.region = a.region AND n.account = a.account AND n.sha256 = a.sha256)
     ORDER BY 1, 2, 3
"""

# A file that counts as seen is not fetched again: it came by this name, with these bytes.
_SEEN: Final = """
    SELECT s.region, s.name FROM payments.inbound_seen s
     WHERE NOT EXISTS (SELECT 1 FROM payments.inbound_name n
                        WHERE n.region = s.region AND n.account = s.account AND n.name = s.name AND n.sha256 = s.sha256)
     ORDER BY 1, 2
"""


def check_files(snapshot: Snapshot) -> Iterator[Breach]:
    """Digests of stored bytes; count and total of the orders of every file that is not void."""
    for kind, region, name, account, content, stored in snapshot.each(
        """
        SELECT 'file', region, file_id, account, content, sha256 FROM payments.bank_file
        UNION ALL SELECT 'inbound', region, name, account, content, sha256 FROM payments.inbound_file
        UNION ALL SELECT 'handed', region, name, account, content, sha256 FROM payments.handed_file
        """
    ):
        opened = snapshot.open_bytes(content, _place(kind, region, name, account, stored))
        if opened is None:
            snapshot.pass_over()
        elif sha256(opened).digest() != stored:
            yield Breach("INV-12", str(region), f"{kind} {name}", "银行文件的内容与其摘要不符，已被改动")
    for region, file_id, orders, total, found, summed in snapshot.rows(
        """
        SELECT f.region, f.file_id, f.orders, f.total_fen, count(o.order_no), coalesce(sum(o.amount_fen), 0)
          FROM payments.bank_file f
          LEFT JOIN payments.pay_order o ON o.region = f.region AND o.file_id = f.file_id AND o.account = f.account
         WHERE f.state <> 'void'
         GROUP BY f.region, f.file_id, f.orders, f.total_fen
        HAVING f.orders <> count(o.order_no) OR f.total_fen <> coalesce(sum(o.amount_fen), 0)
         ORDER BY 1, 2
        """
    ):
        message = f"付款文件记{orders}笔{total}分，其拨付单{found}笔{summed}分"
        yield Breach("INV-10", str(region), f"file {file_id}", message)
    for region, name, wrong in (*snapshot.rows(_HANDED), *snapshot.rows(_SET_ASIDE)):
        yield Breach("INV-11", str(region), f"inbound {name}", f"文件{name}：{wrong}")
    for region, name in snapshot.rows(_SEEN):
        message = f"银行文件{name}记为已收，而没有以此内容收到过：银行文件夹里的不会再取"
        yield Breach("INV-10", str(region), f"seen {name}", message, "file.not_taken")


def _place(kind: str, region: int, name: str, account: str, digest: bytes) -> Place:
    if kind == "file":
        return place("payments.bank_file.content", region, name)
    return place(f"payments.{kind}_file.content", region, account, digest)
