"""INV-12: what hand-written vouchers rest on is kept as it was: attached papers, imported files, recurrences by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

_PAPERS: Final = """
    SELECT region, fund, encode(sha256, 'hex') FROM books.attached_file WHERE sha256(content) <> sha256 ORDER BY 1, 2, 3
"""
_SETS: Final = """
    SELECT v.region, v.fund, v.voucher_id FROM books.voucher_decision v
      LEFT JOIN (SELECT region, fund, voucher_id, min(n) AS first, max(n) AS last, count(*) AS papers,
                        sha256(convert_to(string_agg(concat_ws('|', n, name, bytes, encode(sha256, 'hex')), E'\\n' ORDER BY n), 'UTF8')) AS digest
                   FROM books.attachment GROUP BY 1, 2, 3) p ON p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id
     WHERE v.attached <> coalesce(p.digest, '') OR p.first <> 1 OR p.last <> p.papers
     ORDER BY 1, 2, 3
"""
_LOST: Final = """
    SELECT p.region, p.fund, p.voucher_id FROM books.attachment p
      LEFT JOIN books.attached_file k ON k.region = p.region AND k.fund = p.fund AND k.sha256 = p.sha256
     WHERE k.sha256 IS NULL OR length(k.content) <> p.bytes ORDER BY 1, 2, 3
"""
_FILES: Final = """
    SELECT region, fund, encode(sha256, 'hex') FROM books.import_file WHERE sha256(content) <> sha256 ORDER BY 1, 2, 3
"""
_TWICE: Final = """
    SELECT r.region, r.fund, r.key FROM books.import_row r
      LEFT JOIN books.voucher_decision d ON d.region = r.region AND d.fund = r.fund AND d.voucher_id = r.voucher_id
     WHERE r.voucher_id IS NOT NULL AND coalesce(d.decision, 'approved') = 'approved'
     GROUP BY r.region, r.fund, r.kind, r.key HAVING count(*) > 1 ORDER BY 1, 2, 3
"""
_COUNTS: Final = """
    SELECT f.region, f.fund, encode(f.sha256, 'hex') FROM books.import_file f
      LEFT JOIN (SELECT r.region, r.fund, r.sha256, count(r.voucher_id) AS good, count(*) FILTER (WHERE r.voucher_id IS NULL) AS bad,
                        sum(l.fen) AS fen
                   FROM books.import_row r
                   LEFT JOIN (SELECT region, fund, voucher_id, sum(amount_fen) AS fen FROM books.voucher_line WHERE side = 1 GROUP BY 1, 2, 3) l
                     ON l.region = r.region AND l.fund = r.fund AND l.voucher_id = r.voucher_id
                  GROUP BY 1, 2, 3) r ON r.region = f.region AND r.fund = f.fund AND r.sha256 = f.sha256
     WHERE (f.good, f.bad, f.amount_fen) IS DISTINCT FROM (coalesce(r.good, 0), coalesce(r.bad, 0), coalesce(r.fen, 0)) ORDER BY 1, 2, 3
"""
_RECURRENCES: Final = """
    SELECT t.region, t.fund, t.recurrence_id || ' ' || t.due_on FROM books.recurrence_draft t
      LEFT JOIN books.recurrence r ON r.region = t.region AND r.fund = t.fund AND r.recurrence_id = t.recurrence_id
      LEFT JOIN books.voucher v ON v.region = t.region AND v.fund = t.fund AND v.voucher_id = t.voucher_id
      LEFT JOIN books.voucher_decision d ON d.region = t.region AND d.fund = t.fund AND d.voucher_id = t.voucher_id
     WHERE coalesce(d.decision, 'approved') = 'approved'
     GROUP BY t.region, t.fund, t.recurrence_id, t.due_on
    HAVING count(*) > 1 OR NOT coalesce(bool_and(r.state IN ('confirmed', 'stopped') AND books.is_due(r.rhythm, r.from_day, t.due_on)
                                               AND t.due_on <= coalesce(r.to_day, 'infinity') AND v.business_date = t.due_on), false)
     ORDER BY 1, 2, 3
"""
_SAYINGS: Final = (
    (_PAPERS, "附件{what}的内容与其SHA-256不符，已被改动"),
    (_SETS, "手工凭证{what}的附件与复核时不同"),
    (_LOST, "手工凭证{what}的附件已缺失或长度不符"),
    (_FILES, "导入文件{what}的内容与其SHA-256不符，已被改动"),
    (_COUNTS, "导入文件{what}的行数、金额与其各行的草稿不符"),
    (_TWICE, "导入的行{what}制单两次"),
    (_RECURRENCES, "定期凭证{what}制单两次，或不是两人确认的到期日"),
)


def check_entered(snapshot: Snapshot) -> Iterator[Breach]:
    """Bytes against digests, attached papers against what was approved, rows and days due against their drafts."""
    for query, saying in _SAYINGS:
        for region, fund, what in snapshot.rows(query):
            named = what[:16] if len(what) == 64 else what
            yield Breach("INV-12", f"{region}-{fund}", f"voucher {what}", saying.format(what=named))
