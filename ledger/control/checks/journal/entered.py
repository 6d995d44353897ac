"""INV-12: what hand-written vouchers rest on is kept as it was: attached papers, imported files, findings' evidence, recurrences and own templates by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.safekeeping.places import place

_KEPT: Final = """
    SELECT 'voucher', concat_ws('-', region, fund), '', encode(sha256, 'hex'), content, 'books.attached_file.content', region, fund::text, encode(sha256, 'hex')
      FROM books.attached_file
    UNION ALL SELECT 'file', concat_ws('-', region, fund), '', encode(sha256, 'hex'), content, 'books.import_file.content', region, fund::text, encode(sha256, 'hex')
      FROM books.import_file
    UNION ALL SELECT 'letter', region::text, letter_id, encode(sha256, 'hex'), content, 'fund.letter_paper.content', region, letter_id, kind
      FROM fund.letter_paper
    UNION ALL SELECT 'run', region::text, run_id, encode(file_sha256, 'hex'), content, 'fund.reconcile_run.content', region, run_id, ''
      FROM fund.reconcile_run
    UNION ALL SELECT 'finding', region::text, finding_id, encode(sha256, 'hex'), content, 'fund.finding_evidence.content', region, finding_id, encode(sha256, 'hex')
      FROM fund.finding_evidence
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
     WHERE k.sha256 IS NULL OR length(k.content) NOT IN (p.bytes, p.bytes + 48) ORDER BY 1, 2, 3
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
_TEMPLATES: Final = """
    SELECT t.region, t.fund, t.template_id FROM books.voucher_template t
      LEFT JOIN access.app_user p ON p.user_name = t.proposed_by
      LEFT JOIN access.app_user d ON d.user_name = t.decided_by
     WHERE t.digest <> sha256(convert_to(concat_ws('|', 'template', t.region, t.fund, t.template_id, t.title, t.article, t.summary, t.from_day,
                                                   t.proposed_by) || E'\\n' || array_to_string(t.lines, E'\\n'), 'UTF8'))
        OR t.decided_by <> '' AND (p.person IS NULL OR d.person IS NULL OR p.person = d.person)
     ORDER BY 1, 2, 3
"""
# In force on the day of the draft; what was confirmed on that very day may have been so after it.
_TEMPLATE_USE: Final = """
    SELECT v.region, v.fund, v.voucher_id FROM books.voucher v
      LEFT JOIN books.voucher_template t ON t.region = v.region AND t.fund = v.fund AND t.template_id = v.template
     WHERE v.template IS NOT NULL AND (
           t.state IS DISTINCT FROM 'confirmed' OR t.lines = '{}' OR greatest(t.from_day, t.decided_on) > v.prepared_on
        OR EXISTS (SELECT 1 FROM books.voucher_template n
                    WHERE n.region = t.region AND n.fund = t.fund AND n.code = t.code AND n.version > t.version AND n.state = 'confirmed'
                      AND n.from_day <= v.prepared_on AND n.decided_on < v.prepared_on))
    UNION
    SELECT t.region, t.fund, m FROM books.voucher_template t CROSS JOIN LATERAL books.template_misfits(t.region, t.fund, t.template_id) AS m
     ORDER BY 1, 2, 3
"""
_SAYINGS: Final = (
    (_SETS, "手工凭证{what}的附件与复核时不同"),
    (_LOST, "手工凭证{what}的附件已缺失或长度不符"),
    (_COUNTS, "导入文件{what}的行数、金额与其各行的草稿不符"),
    (_TWICE, "导入的行{what}制单两次"),
    (_RECURRENCES, "定期凭证{what}制单两次，或不是两人确认的到期日"),
    (_TEMPLATES, "凭证模板{what}与其摘要不符，已被改动，或不是两人办理的"),
    (_TEMPLATE_USE, "手工凭证{what}所写的凭证模板当日不在用，或分录不是该模板的"),
)


_CHANGED: Final = {
    "voucher": "附件{what}的内容与其SHA-256不符，已被改动",
    "file": "导入文件{what}的内容与其SHA-256不符，已被改动",
    "letter": "清算确认书{of}的文书{what}的内容与其SHA-256不符，已被改动",
    "run": "对账{of}所比对的明细文件{what}的内容与其SHA-256不符，已被改动",
    "finding": "审核结果{of}的证据附件{what}的内容与其SHA-256不符，已被改动",
}


def check_entered(snapshot: Snapshot) -> Iterator[Breach]:
    """Bytes against digests, attached papers against what was approved, rows, days due and own templates against their drafts."""
    for kind, where, of, digest, content, column, *key in snapshot.papers(_KEPT):
        opened = snapshot.open_bytes(content, place(column, *(one for one in key if one)))
        if opened is None:
            snapshot.pass_over()
        elif sha256(opened).hexdigest() != digest:
            noun = "voucher" if kind == "file" else kind
            said = _CHANGED[kind].format(of=of, what=digest[:16])
            yield Breach("INV-12", where, f"{noun} {of or digest}", said)
    for query, saying in _SAYINGS:
        for region, fund, what in snapshot.rows(query):
            named = what[:16] if len(what) == 64 else what
            yield Breach("INV-12", f"{region}-{fund}", f"voucher {what}", saying.format(what=named))
