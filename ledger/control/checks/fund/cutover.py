"""INV-11, INV-12: a book that was taken over stands on the confirmed set: digest, persons, entries, records, advances, deductions.

What the opening puts into each balance is a source of the ties themselves (`checks.ties`, `checks.settlements`); here the source
is proven: the set is the one two persons signed, and the book was opened with exactly that, before its first voucher.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import coded

_HEADS: Final = """
    SELECT c.region, c.fund, c.version, c.day, c.state, encode(c.digest, 'hex'), c.proposed_by, c.decided_by,
           maker.person IS NOT NULL AND checker.person IS NOT NULL AND maker.person <> checker.person
      FROM fund.cutover c
      LEFT JOIN access.app_user maker ON maker.user_name = c.proposed_by
      LEFT JOIN access.app_user checker ON checker.user_name = c.decided_by
     WHERE c.state <> 'refused' ORDER BY 1, 2, 3
"""
# The canonical text of fund.cutover_digest, written a second time, line by line: a set may hold a million lines.
_TEXT: Final = """
    SELECT text FROM (
        SELECT 1 AS part, file COLLATE "C" AS file, line, concat_ws('|', 'L', file, line, posted, account, counterparty, subfund, service_year, term,
                   category, year_open_fen, debit_fen, credit_fen, balance_fen) AS text
          FROM fund.cutover_line WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 2, '', line, concat_ws('|', 'H', line, period, account, party, debit_fen, credit_fen)
          FROM fund.cutover_history WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 3, '', line, concat_ws('|', 'A', line, account, institution, year, term, recovery, amount_fen, quota_fen, document, due_on)
          FROM fund.cutover_advance WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 4, '', line, concat_ws('|', CASE WHEN finding THEN 'F' ELSE 'D' END, line, institution, term, reference, amount_fen)
          FROM fund.cutover_deduction WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 5, '', line, concat_ws('|', 'R', line, setl_id, subfund, fund_fen, daily_fen, paid, reference)
          FROM fund.cutover_record WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 6, '', line, concat_ws('|', 'T', line, account, name, year_open_fen, debit_fen, credit_fen, balance_fen)
          FROM fund.cutover_trial WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 7, '', line, concat_ws('|', 'O', line, reference, source, institution, subfund, service_year, term, category, amount_fen, account,
                   payee_name, payee_number, payee_bank, payee_cnaps, sent_on, bank_reference)
          FROM fund.cutover_order WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)
        UNION ALL
        SELECT 8, '', line, concat_ws('|', 'B', line, account, kind, day, amount_fen, reference, summary)
          FROM fund.cutover_bank WHERE (region, fund, version) = (%(region)s, %(fund)s, %(version)s)) t
     ORDER BY part, file, line
"""
_ENTRIES: Final = """
    SELECT e.region, e.fund, e.seq, e.series, e.period, e.vno
      FROM books.entry e
      LEFT JOIN fund.cutover c ON c.region = e.region AND c.fund = e.fund AND c.state = 'confirmed'
     WHERE e.event = 'OPEN' AND (c.region IS NULL OR e.source_key NOT IN ('OPEN:1', 'OPEN:2') OR e.rule NOT LIKE 'OPEN@%'
           OR (e.voucher_date, e.business_date, e.evidence_digest, e.prepared_by, e.reviewed_by)
              IS DISTINCT FROM (c.day, c.day, c.digest, c.proposed_by, c.decided_by))
        OR e.event <> 'OPEN' AND c.day >= e.voucher_date
        OR e.event <> 'OPEN' AND (e.source_key LIKE 'OPEN:%' OR e.rule LIKE 'OPEN@%') ORDER BY 1, 2, 3
"""
_LINES: Final = """
    SELECT * FROM (
        SELECT region, fund, account, counterparty, subfund, service_year, term, category, sum(booked) AS booked, sum(listed) AS listed
          FROM (SELECT e.region, e.fund, l.account, d.counterparty, d.subfund, d.service_year, d.term, d.category, l.side * l.amount_fen AS booked,
                       0 AS listed
                  FROM books.entry e
                  JOIN books.leg l ON l.region = e.region AND l.fund = e.fund AND l.period = e.period AND l.seq = e.seq
                  LEFT JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
                 WHERE e.event = 'OPEN'
                UNION ALL
                SELECT l.region, l.fund, l.account, l.counterparty, l.subfund, l.service_year, l.term, l.category, 0, a.normal_side * l.balance_fen
                  FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
                  JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
                 WHERE c.state = 'confirmed' AND l.posted) sides
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) keys
     WHERE booked <> listed ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""
# Records: opened with the amounts listed, paid before or not, and no other payable says that it was opened.
_RECORDS: Final = """
    SELECT coalesce(r.region, p.region), coalesce(r.fund, p.fund), coalesce(r.setl_id, p.setl_id)
      FROM (SELECT r.* FROM fund.cutover c JOIN fund.cutover_record r ON r.region = c.region AND r.fund = c.fund AND r.version = c.version
             WHERE c.state = 'confirmed') r
      FULL JOIN (SELECT region, fund, setl_id, subfund, fund_fen, daily_fen, recognised_by, order_no FROM fund.payable WHERE recognised_by LIKE 'OPEN%' OR order_no LIKE 'OPEN%') p
        ON p.region = r.region AND p.fund = r.fund AND p.setl_id = r.setl_id AND p.subfund = r.subfund
     WHERE r.setl_id IS NULL OR p.setl_id IS NULL OR (p.fund_fen, p.daily_fen, p.recognised_by) <> (r.fund_fen, r.daily_fen, 'OPEN:2')
        OR (p.order_no = 'OPEN') <> r.paid
     ORDER BY 1, 2, 3
"""
_PAPERS: Final = coded("""
    SELECT * FROM (
        SELECT coalesce(a.region, o.region) AS region, coalesce(a.fund, o.fund) AS fund, coalesce(o.advance_id, 'OPEN-' || a.region || '-' || a.fund || '-' || a.line) AS paper
          FROM (SELECT a.*, (SELECT min(y.reference) FROM fund.cutover_order y WHERE (y.region, y.fund, y.version) = (a.region, a.fund, a.version)
                                AND (y.source, y.institution, y.category) = (a.account, a.institution, a.document)) AS flying
                  FROM fund.cutover c JOIN fund.cutover_advance a ON a.region = c.region AND a.fund = c.fund AND a.version = c.version
                 WHERE c.state = 'confirmed') a
          FULL JOIN (SELECT region, fund, advance_id, order_no, institution, amount_fen, quota_fen, year, term, recovery, document, due_on, kind
                       FROM fund.advance WHERE order_no LIKE 'OPEN%' OR advance_id LIKE 'OPEN-%') o
            ON o.region = a.region AND o.advance_id = 'OPEN-' || a.region || '-' || a.fund || '-' || a.line
         WHERE a.line IS NULL OR o.advance_id IS NULL
            OR CASE WHEN a.flying IS NULL THEN o.order_no <> 'OPEN:' || o.advance_id
                    ELSE o.order_no LIKE 'OPEN:%' OR NOT EXISTS (SELECT 1 FROM payments.taken_order t JOIN payments.pay_order y
                           ON y.region = t.region AND y.order_no = t.order_no WHERE t.region = a.region AND t.reference = a.flying
                          AND y.institution = a.institution AND y.amount_fen = a.amount_fen) END
            OR (o.fund, o.institution, o.amount_fen, o.quota_fen, o.year, o.term, o.recovery, o.document, o.due_on)
               <> (a.fund, a.institution, a.amount_fen, a.quota_fen, a.year, a.term, a.recovery, a.document, a.due_on)
            OR o.kind <> CASE a.account WHEN {PREPAYMENT} THEN 'prepayment' WHEN {PREALLOCATION} THEN 'preallocation' ELSE 'supplier' END
        UNION ALL
        SELECT coalesce(d.region, o.region), coalesce(d.fund, o.fund), coalesce(o.deduction_id, 'OPEN-' || d.fund || '-' || d.line)
          FROM (SELECT d.* FROM fund.cutover c JOIN fund.cutover_deduction d ON d.region = c.region AND d.fund = c.fund AND d.version = c.version
                 WHERE c.state = 'confirmed') d
          FULL JOIN (SELECT region, fund, deduction_id, institution, term, amount_fen FROM fund.other_deduction WHERE deduction_id LIKE 'OPEN-%') o
            ON o.region = d.region AND o.deduction_id = 'OPEN-' || d.fund || '-' || d.line
         WHERE d.line IS NULL OR o.deduction_id IS NULL
            OR (o.fund, o.institution, o.term, o.amount_fen) <> (d.fund, d.institution, d.term, d.amount_fen)
        UNION ALL
        SELECT coalesce(c.region, o.region), coalesce(c.fund, o.fund), coalesce(o.payment_id, 'OPEN-' || c.region || '-' || c.fund || '-' || c.line)
          FROM (SELECT y.* FROM fund.cutover c JOIN fund.cutover_order y ON y.region = c.region AND y.fund = c.fund AND y.version = c.version
                 WHERE c.state = 'confirmed' AND y.source = {BENEFITS}) c
          FULL JOIN (SELECT * FROM fund.person_payment WHERE payment_id LIKE 'OPEN-%') o
            ON o.region = c.region AND o.payment_id = 'OPEN-' || c.region || '-' || c.fund || '-' || c.line
         WHERE c.line IS NULL OR o.payment_id IS NULL
            OR (o.fund, o.psn_no, o.subfund, o.service_year, o.term, o.category, o.amount_fen, o.payee_number, o.state)
               <> (c.fund, c.institution, c.subfund, c.service_year, c.term, c.category, c.amount_fen, c.payee_number, 'approved')) p ORDER BY 1, 2, 3
""")


# Orders: each item of the set in an order under the number the bank knows, and no order of a cut-over beside them.
_ORDERS: Final = coded("""
    SELECT coalesce(c.region, o.region), coalesce(c.fund, o.fund), coalesce(c.reference, o.reference, o.order_no)
      FROM (SELECT c.region, c.fund, o.reference, o.source, CASE o.source WHEN {BENEFITS} THEN 'PERSON' ELSE o.institution END AS institution,
                   o.subfund, o.service_year, o.term, CASE WHEN o.source IN ({ADVANCES}) THEN '' ELSE o.category END AS category,
                   o.amount_fen, o.account, o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps, o.sent_on, true AS there
              FROM fund.cutover c JOIN fund.cutover_order o ON o.region = c.region AND o.fund = c.fund AND o.version = c.version
             WHERE c.state = 'confirmed') c
      FULL JOIN (
            SELECT o.region, o.fund, t.reference, i.source, o.institution, i.subfund, i.service_year, i.term, i.category, i.amount_fen, o.account,
                   o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps, o.sent_on, o.order_no
              FROM payments.pay_order o
              LEFT JOIN payments.taken_order t ON t.region = o.region AND t.order_no = o.order_no
              LEFT JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.batch_id LIKE 'OPEN-%' OR t.order_no IS NOT NULL) o
        ON (o.region, o.fund, o.reference, o.source, o.institution, o.subfund, o.service_year, o.term, o.category, o.amount_fen, o.account, o.payee_name,
            o.payee_number, o.payee_bank, o.payee_cnaps, o.sent_on)
         = (c.region, c.fund, c.reference, c.source, c.institution, c.subfund, c.service_year, c.term, c.category, c.amount_fen, c.account, c.payee_name,
            c.payee_number, c.payee_bank, c.payee_cnaps, c.sent_on)
     WHERE c.there IS NULL OR o.order_no IS NULL ORDER BY 1, 2, 3
""")
# The bank's side: the opening statement moved by what the set says, its lines and the entry's named lines are the set's items.
_BANKS: Final = """
    WITH said AS (
        SELECT c.region, c.fund, c.day AS on_day, b.account, b.kind, b.day, b.amount_fen, b.reference, b.summary
          FROM fund.cutover c JOIN fund.cutover_bank b ON b.region = c.region AND b.fund = c.fund AND b.version = c.version
         WHERE c.state = 'confirmed'),
    kept AS (
        SELECT s.region, s.account, s.n, s.closing_fen - s.opening_fen AS moved, f.name
          FROM payments.bank_statement s
          JOIN payments.statement_file f ON f.region = s.region AND f.account = s.account AND f.sha256 = s.file_sha256
         WHERE s.form = 'cutover'),
    stated AS (SELECT d.region, d.fund, d.account, k.n, d.amount_fen FROM said d
                 LEFT JOIN kept k ON k.region = d.region AND k.account = d.account AND k.name = format('接转%s-%s-%s', d.region, d.fund, d.on_day)
                WHERE d.kind = 'statement'),
    mine AS (
        SELECT t.region, t.fund, t.account, CASE l.direction WHEN 'credit' THEN 'bank_in' ELSE 'bank_out' END AS kind, l.booked_on AS day, l.amount_fen,
               l.receipt_no AS reference, l.summary
          FROM stated t JOIN payments.statement_line l ON l.region = t.region AND l.account = t.account AND l.statement = t.n
         WHERE l.receipt_no <> ''
        UNION ALL
        SELECT g.region, g.fund, g.account, CASE WHEN sign(e.accounts[g.leg]) > 0 THEN 'book_in' ELSE 'book_out' END, g.day, e.amounts[g.leg],
               g.reference, g.summary
          FROM payments.opened_leg g JOIN books.entry e ON e.region = g.region AND e.fund = g.fund AND e.seq = g.seq AND e.event = 'OPEN')
    SELECT region, fund, account FROM (
        SELECT t.region, t.fund, t.account FROM stated t LEFT JOIN kept k ON k.region = t.region AND k.account = t.account AND k.n = t.n
         WHERE k.n IS NULL OR k.moved <> t.amount_fen
        UNION
        SELECT k.region, 0, k.account FROM kept k
         WHERE NOT EXISTS (SELECT 1 FROM stated t WHERE t.region = k.region AND t.account = k.account AND t.n = k.n)
        UNION
        (SELECT region, fund, account FROM (SELECT region, fund, account, kind, day, amount_fen, reference, summary FROM said WHERE kind <> 'statement'
                                            EXCEPT ALL SELECT * FROM mine) x)
        UNION
        (SELECT region, fund, account FROM (SELECT * FROM mine EXCEPT ALL
                SELECT region, fund, account, kind, day, amount_fen, reference, summary FROM said WHERE kind <> 'statement') y)) w ORDER BY 1, 2, 3
"""


def check_cutover(snapshot: Snapshot) -> Iterator[Breach]:
    """Sets against their digests and persons, then books against confirmed sets, both ways."""
    for region, fund, version, day, state, stored, proposed_by, decided_by, two in snapshot.rows(_HEADS):
        book, where = f"{region}-{fund}", f"cutover {day}"
        # persons' accounts were sealed since: a set of before is signed as it stood in clear
        sealed, opened, whole = *(sha256(f"{region}|{fund}|{day}".encode()) for _ in range(2)), True
        for (text,) in snapshot.each(_TEXT, region=region, fund=fund, version=version):
            clear = snapshot.open(text)
            sealed.update(b"\n" + text.encode())
            opened.update(b"\n" + (clear or "").encode())
            whole = whole and clear is not None
        if not whole and stored != sealed.hexdigest():
            snapshot.pass_over()
        elif stored not in (sealed.hexdigest(), opened.hexdigest()):
            yield Breach("INV-12", book, where, "接转资料与提出时的摘要不符，已被改动")
        if state == "confirmed" and not two:
            yield Breach(
                "INV-11", book, where, f"接转的提出{proposed_by}与复核{decided_by}不是系统内两个不同的人"
            )
    for region, fund, seq, series, period, vno in snapshot.rows(_ENTRIES):
        message = "期初凭证没有已复核的接转，或与其日期、摘要、签署人不符；或有凭证早于接转日"
        yield Breach("INV-12", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for region, fund, account, *key, booked, listed in snapshot.rows(_LINES):
        where = f"opening {account} " + "/".join(map(str, key))
        yield Breach(
            "INV-12", f"{region}-{fund}", where, f"期初凭证记{booked}分，接转资料列{listed}分（借为正）"
        )
    for region, fund, setl_id in snapshot.rows(_RECORDS):
        yield Breach(
            "INV-12", f"{region}-{fund}", f"record {setl_id}", "期初的应付明细与接转资料不符，或不在其中"
        )
    for region, fund, paper in snapshot.rows(_PAPERS):
        yield Breach(
            "INV-12", f"{region}-{fund}", f"paper {paper}", "期初的预付款项或待扣款与接转资料不符，或不在其中"
        )
    for region, fund, reference in snapshot.rows(_ORDERS):
        yield Breach(
            "INV-12", f"{region}-{fund}", f"order {reference}", "接转的在途拨付单与接转资料不符，或不在其中"
        )
    for region, fund, account in snapshot.rows(_BANKS):
        yield Breach(
            "INV-12",
            f"{region}-{fund}",
            f"account {account}",
            "期初对账单、未达账项与接转资料不符，或不在其中",
        )
