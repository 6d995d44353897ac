"""INV-10, INV-12: bank files out and in still have the bytes they had, and a file out carries exactly its orders."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from ledger.control.finding import Finding
from ledger.control.snapshot import Snapshot


def check_files(snapshot: Snapshot) -> Iterator[Finding]:
    """Digests of stored bytes; count and total of the orders of every file that is not void."""
    for kind, region, name, content, stored in snapshot.each(
        """
        SELECT 'file', region, file_id, content, sha256 FROM payments.bank_file
        UNION ALL SELECT 'inbound', region, name, content, sha256 FROM payments.inbound_file
        """
    ):
        if sha256(content).digest() != stored:
            yield Finding("INV-12", str(region), f"{kind} {name}", "银行文件的内容与其摘要不符，已被改动")
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
        yield Finding("INV-10", str(region), f"file {file_id}", message)
