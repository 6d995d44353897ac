"""INV-11, INV-13: a paper is explained by what explains it, and what two persons said of a paper has come to pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded

# Confirmed: the other paper of the same movement posted for the same order, or a signed movement of the account has its
# receipt number, amount and day, or two persons said what it is, or that another paper undoes it.
_UNEXPLAINED: Final = """
    WITH direct AS (
    SELECT v.region, v.account, v.kind, v.receipt_no, v.direction, v.bank_reference, v.amount_fen, v.booking_date, v.matched_order
      FROM payments.evidence v
     WHERE v.outcome = 'posted' OR v.outcome = 'confirmed' AND (
           EXISTS (SELECT 1 FROM fund.cash_move m
                        WHERE m.region = v.region AND m.account = v.account AND m.state = 'approved'
                          AND (m.kind IN ('interest_out', 'fee')) = (v.direction = 'debit')
                          AND (m.receipt_no, m.amount_fen, m.booked_on) = (v.receipt_no, v.amount_fen, v.booking_date))
        OR EXISTS (SELECT 1 FROM fund.outregion_move m
                        WHERE m.region = v.region AND m.account = v.account AND m.state = 'done' AND v.direction = 'credit'
                          AND (m.receipt_no, m.amount_fen, m.booked_on) = (v.receipt_no, v.amount_fen, v.booking_date))
        OR EXISTS (SELECT 1 FROM books.voucher_paper p
                     JOIN books.source s ON s.region = p.region AND s.fund = p.fund AND s.source_key = 'MAN:' || p.voucher_id
                        WHERE p.region = v.region AND (p.account, p.kind, p.receipt_no, p.direction, p.digest)
                                                    = (v.account, v.kind, v.receipt_no, v.direction, v.digest)
                          AND NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = s.region AND c.fund = s.fund
                                             AND c.corrected_seq = s.seq AND c.kind = 'red'))
        OR EXISTS (SELECT 1 FROM payments.resolution r
                        WHERE r.region = v.region AND r.account = v.account AND r.state = 'approved'
                          AND (r.what NOT IN ('order', 'to_return')
                                   AND (r.kind, r.receipt_no, r.direction) = (v.kind, v.receipt_no, v.direction)
                               OR r.what = 'counter' AND r.reference = v.kind || ':' || v.receipt_no AND r.direction <> v.direction))))
    SELECT v.region, v.account, v.kind || ':' || v.receipt_no FROM payments.evidence v
     WHERE v.outcome = 'confirmed'
       AND NOT EXISTS (SELECT 1 FROM direct o WHERE o.region = v.region AND o.account = v.account
                          AND ((o.kind, o.receipt_no, o.direction) = (v.kind, v.receipt_no, v.direction)
                               OR v.bank_reference <> '' AND (o.direction, o.bank_reference, o.amount_fen, o.matched_order)
                                                            = (v.direction, v.bank_reference, v.amount_fen, v.matched_order)))
     ORDER BY 1, 2, 3
"""
# One movement of the bank, told by two papers, booked with each of them.
_TWICE: Final = """
    SELECT v.region, v.account, v.bank_reference, string_agg(DISTINCT m.receipt_no, '、' ORDER BY m.receipt_no)
      FROM payments.evidence v
      JOIN fund.cash_move m ON m.region = v.region AND m.account = v.account AND m.receipt_no = v.receipt_no AND m.state = 'approved'
                           AND m.kind <> 'interest_split' AND (m.kind IN ('interest_out', 'fee')) = (v.direction = 'debit')
     WHERE v.bank_reference <> '' GROUP BY 1, 2, 3, v.direction HAVING count(DISTINCT m.receipt_no) > 1 ORDER BY 1, 2, 3
"""
# Our own money that two receipts tell, booked with each of them: the second of a pair is booked too, though the first stands.
_OWN_TWICE: Final = """
    SELECT a.region, a.fund, a.resolution_id, b.resolution_id
      FROM payments.resolution a
      JOIN payments.evidence v ON v.region = a.region AND (v.account, v.kind, v.receipt_no, v.direction) = (a.account, a.kind, a.receipt_no, a.direction)
      JOIN payments.resolution b ON b.region = a.region AND b.fund = a.fund AND b.what = 'from_own' AND b.state = 'approved'
           AND b.reference = a.account
      JOIN payments.evidence w ON w.region = b.region AND (w.account, w.kind, w.receipt_no, w.direction) = (b.account, b.kind, b.receipt_no, b.direction)
           AND w.amount_fen = v.amount_fen
     WHERE a.what IN ('to_fiscal', 'float_back') AND a.state = 'approved' AND NOT EXISTS (
           SELECT 1 FROM payments.resolution o WHERE o.region = a.region AND o.what = 'other_side' AND o.state = 'approved'
              AND o.reference IN (a.resolution_id, b.resolution_id))
     ORDER BY 1, 2, 3, 4
"""
# A paper two standing vouchers rest on; a statement's line matched with another entry than the voucher that rests on it.
_VOUCHERS: Final = """
    WITH standing AS (
        SELECT p.region, p.account, p.kind, p.receipt_no, p.direction, p.fund, s.seq, p.voucher_id
          FROM books.voucher_paper p
          JOIN books.source s ON s.region = p.region AND s.fund = p.fund AND s.source_key = 'MAN:' || p.voucher_id
         WHERE NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = s.region AND c.fund = s.fund
                              AND c.corrected_seq = s.seq AND c.kind = 'red'))
    SELECT region, account, kind || ':' || receipt_no, '是' || string_agg(voucher_id, '、' ORDER BY voucher_id) || '几份手工凭证的依据'
      FROM standing GROUP BY region, account, kind, receipt_no, direction HAVING count(*) > 1
    UNION ALL
    SELECT x.region, x.account, x.kind || ':' || x.receipt_no, '是' || x.voucher_id || '的依据，却与别的凭证勾对（勾对' || m.match || '）'
      FROM standing x
      JOIN payments.match_line m ON m.region = x.region AND m.account = x.account AND m.live AND m.statement || '-' || m.n = x.receipt_no
     WHERE x.kind = 'statement' AND NOT EXISTS (
           SELECT 1 FROM payments.match_leg g WHERE g.region = m.region AND g.account = m.account AND g.match = m.match
              AND (g.fund, g.seq) = (x.fund, x.seq))
     ORDER BY 1, 2, 3
"""
# What was said, beside what became of the paper and of what it was said to be.
_SAID: Final = coded("""
    WITH own_side AS (
        SELECT s.region, s.fund, s.resolution_id AS reference, f.account, 'credit' AS direction, e.amount_fen
          FROM payments.resolution s
          JOIN payments.book_account f ON f.region = s.region AND f.fund = s.fund AND f.kind = '{FISCAL_DEPOSIT}'
          JOIN payments.evidence e ON e.region = s.region AND (e.account, e.kind, e.receipt_no, e.direction) = (s.account, s.kind, s.receipt_no, s.direction)
         WHERE s.state = 'approved' AND s.what IN ('to_fiscal', 'float_back')
        UNION ALL
        SELECT s.region, s.fund, s.resolution_id, s.reference, 'debit', e.amount_fen
          FROM payments.resolution s
          JOIN payments.evidence e ON e.region = s.region AND (e.account, e.kind, e.receipt_no, e.direction) = (s.account, s.kind, s.receipt_no, s.direction)
         WHERE s.state = 'approved' AND s.what = 'from_own'
        UNION ALL
        SELECT q.region, q.fund, q.request_id, q.fiscal_account, 'debit', q.granted_fen FROM fund.fund_request q WHERE q.state = 'granted'
        UNION ALL
        SELECT m.region, m.fund, m.move_id, m.fiscal_account, CASE m.kind WHEN 'interest_out' THEN 'credit' ELSE 'debit' END, m.amount_fen
          FROM fund.cash_move m WHERE m.state = 'approved' AND m.fiscal_account <> '')
    SELECT r.region, r.fund, r.resolution_id, r.what,
           v.digest = r.digest AND CASE r.what
               WHEN 'order' THEN v.outcome = 'posted' AND v.matched_order = r.reference
               WHEN 'to_return' THEN v.outcome IN ('suspense', 'confirmed') OR EXISTS (
                    SELECT 1 FROM payments.resolution l WHERE l.region = r.region AND l.account = r.account AND l.kind = r.kind
                       AND l.receipt_no = r.receipt_no AND l.direction = r.direction AND l.state = 'approved' AND l.what = 'order')
               WHEN 'request' THEN v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM fund.fund_request q WHERE q.region = r.region AND q.request_id = r.reference AND q.state = 'granted'
                       AND q.granted_fen = v.amount_fen)
               WHEN 'same' THEN v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM payments.evidence o WHERE o.region = r.region AND o.account = r.account AND o.kind <> v.kind
                       AND o.outcome IN ('posted', 'confirmed') AND o.kind || ':' || o.receipt_no = r.reference
                       AND (o.direction, o.amount_fen, o.booking_date, o.matched_order)
                         = (v.direction, v.amount_fen, v.booking_date, v.matched_order))
               WHEN 'counter' THEN v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM payments.evidence o WHERE o.region = r.region AND o.account = r.account AND o.outcome = 'confirmed'
                       AND o.kind || ':' || o.receipt_no = r.reference AND o.amount_fen = v.amount_fen AND o.direction <> v.direction)
               WHEN 'other_side' THEN v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM own_side o WHERE (o.region, o.fund, o.reference, o.account, o.direction, o.amount_fen)
                                                 = (r.region, r.fund, r.reference, v.account, v.direction, v.amount_fen))
                    AND NOT EXISTS (SELECT 1 FROM payments.resolution l WHERE l.region = r.region AND l.what = r.what AND l.state = 'approved'
                                       AND l.reference = r.reference AND l.resolution_id <> r.resolution_id)
               WHEN 'voucher' THEN v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM books.source s WHERE s.region = r.region AND s.fund = r.fund AND s.source_key = 'MAN:' || r.reference
                       AND NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = s.region AND c.fund = s.fund
                                          AND c.corrected_seq = s.seq AND c.kind = 'red'))
                    AND v.amount_fen = (SELECT sum(abs(l.amount_fen)) FROM books.voucher_line l
                         WHERE l.region = r.region AND l.fund = r.fund AND l.voucher_id = r.reference AND l.account IN ({BANK_DEPOSITS})
                           AND l.counterparty IN ('', v.account) AND (l.side * l.amount_fen > 0) = (v.direction = 'credit'))
               WHEN k.what THEN v.outcome = 'confirmed' AND v.direction = k.direction AND b.kind = ANY (k.accounts) AND r.fund = ANY (k.funds)
               ELSE v.outcome = 'confirmed' AND EXISTS (
                    SELECT 1 FROM fund.cash_move m WHERE m.region = r.region AND m.move_id = r.reference AND m.state = 'approved'
                       AND m.amount_fen = v.amount_fen) END,
           maker.person IS NOT NULL AND checker.person IS NOT NULL AND maker.person <> checker.person
      FROM payments.resolution r
      LEFT JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind AND v.receipt_no = r.receipt_no
           AND v.direction = r.direction
      LEFT JOIN payments.receipt_kind k ON k.what = r.what
      LEFT JOIN payments.bank_account b ON b.region = r.region AND b.account = r.account
      LEFT JOIN access.app_user maker ON maker.user_name = r.prepared_by
      LEFT JOIN access.app_user checker ON checker.user_name = r.approved_by
     WHERE r.state = 'approved' ORDER BY 1, 2, 3
""")


def check_suspense(snapshot: Snapshot) -> Iterator[Breach]:
    """Explained papers against their explanations, and the other way round."""
    for region, account, receipt in snapshot.rows(_UNEXPLAINED):
        yield Breach("INV-13", str(region), f"evidence {receipt}", f"账户{account}的回单标为已查明而没有依据")
    for region, account, reference, receipts in snapshot.rows(_TWICE):
        message = f"账户{account}的银行流水{reference}凭{receipts}记了两次"
        yield Breach("INV-13", str(region), f"evidence {reference}", message)
    for region, account, paper, wrong in snapshot.rows(_VOUCHERS):
        yield Breach("INV-13", str(region), f"evidence {paper}", f"账户{account}的回单{paper}{wrong}")
    for region, fund, first, second in snapshot.rows(_OWN_TWICE):
        message = f"自有账户间同一笔划转凭{first}、{second}的两张回单记了两次"
        yield Breach("INV-13", f"{region}-{fund}", f"resolution {second}", message)
    for region, fund, resolution, what, kept, two in snapshot.rows(_SAID):
        book, where = f"{region}-{fund}", f"resolution {resolution}"
        if not kept:
            yield Breach("INV-13", book, where, f"挂账处理（{what}）与回单或其所办的款项不符，已被改动")
        if not two:
            yield Breach("INV-11", book, where, "挂账处理的提出与复核不是系统内两个不同的人")
