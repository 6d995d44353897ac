"""INV-09: an account's balance with its bank, month by month: every sheet again as of its own cut, and entries whose receipt no statement has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import coded

# The lines of own accounts (`own`: region, account, code, whole), through the posting lists. In steps: joined beside the unnesting of an
# entry's lines, every entry was held against every dimension there is.
_POSTED: Final = """
    party AS MATERIALIZED (
        SELECT o.region, o.account, o.code, k.fund, d.dim FROM own o
          JOIN payments.book_account k ON k.region = o.region AND k.account = o.account
          JOIN books.dim d ON d.region = o.region AND (o.whole OR d.counterparty = o.account)),
    hit AS MATERIALIZED (
        SELECT DISTINCT p.region, p.fund, p.period, b.block, b.voucher_date, b.first_seq + f.off AS seq FROM party y
          JOIN books.posting p ON p.region = y.region AND p.fund = y.fund AND p.account = y.code AND p.dim = y.dim
          JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
         CROSS JOIN LATERAL unnest(p.offs) AS f (off)),
    line AS MATERIALIZED (
        SELECT h.block, h.voucher_date, e.region, e.fund, e.period, e.seq, e.series, e.vno, e.event, e.business_date, e.evidence, e.evidence_digest,
               l.n::smallint AS n, abs(l.account) AS code, l.dim, sign(l.account)::bigint * l.amount_fen AS effect
          FROM hit h JOIN books.entry e ON e.region = h.region AND e.fund = h.fund AND e.period = h.period AND e.seq = h.seq
         CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) WITH ORDINALITY AS l (account, dim, amount_fen, n)
         WHERE abs(l.account) IN (SELECT code FROM own)),
    posted AS (
        SELECT y.account, l.* FROM line l JOIN party y ON y.region = l.region AND y.fund = l.fund AND y.code = l.code AND y.dim = l.dim),
"""
# Every sheet as of its own cut: lines of statements, matches and blocks up to there.
_SHEETS: Final = (
    coded("""
    WITH sheet AS (
        SELECT r.*, (make_date(r.period / 100, r.period % 100, 1) + interval '1 month - 1 day')::date AS day, a.kind::integer AS code, a.kind = '1005' AS whole
          FROM payments.reconciliation r JOIN payments.bank_account a ON a.region = r.region AND a.account = r.account WHERE r.state <> 'refused'),
    own AS (SELECT DISTINCT region, account, code, whole FROM sheet),
""")
    + _POSTED
    + coded("""    leg AS (SELECT region, account, block, voucher_date, fund, seq, n AS leg, effect FROM posted),
    book AS (
        SELECT s.region, s.account, s.period, s.version, l.fund || ':' || l.seq || ':' || l.leg AS reference, l.effect,
               coalesce(w.day, l.voucher_date) AS day, true AS ours
          FROM sheet s JOIN (SELECT DISTINCT * FROM leg) l ON l.region = s.region AND l.account = s.account AND l.voucher_date <= s.day
          LEFT JOIN payments.opened_leg w ON w.region = l.region AND w.fund = l.fund AND w.seq = l.seq AND w.leg = l.leg
         WHERE l.block <= (s.blocks ->> l.fund::text)::bigint),
    bank AS (
        SELECT s.region, s.account, s.period, s.version, l.statement || ':' || l.n AS reference,
               CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END AS effect, l.booked_on AS day, false AS ours
          FROM sheet s JOIN payments.statement_line l ON l.region = s.region AND l.account = s.account AND l.statement BETWEEN 1 AND s.statement_cut
               AND l.booked_on <= s.day),
    part AS (
        SELECT m.region, m.account, m.match, m.statement || ':' || m.n AS reference FROM payments.match_line m
        UNION ALL SELECT g.region, g.account, g.match, g.fund || ':' || g.seq || ':' || g.leg FROM payments.match_leg g),
    both_sides AS (SELECT * FROM book UNION ALL SELECT * FROM bank),
    stood AS (
        SELECT s.region, s.account, s.period, s.version, p.match, p.reference, b.reference IS NOT NULL AS there
          FROM sheet s
          JOIN payments.statement_match m ON m.region = s.region AND m.account = s.account AND m.n <= s.match_cut
               AND (m.undo_n IS NULL OR m.undo_n > s.match_cut)
          JOIN part p ON p.region = m.region AND p.account = m.account AND p.match = m.n
          LEFT JOIN both_sides b ON b.region = s.region AND b.account = s.account AND b.period = s.period AND b.version = s.version
               AND b.reference = p.reference),
    whole AS (SELECT region, account, period, version, match FROM stood GROUP BY 1, 2, 3, 4, 5 HAVING bool_and(there)),
    settled AS (SELECT t.region, t.account, t.period, t.version, t.reference FROM stood t JOIN whole w USING (region, account, period, version, match)),
    named AS (SELECT DISTINCT region, account, period, version, reference FROM stood),
    start AS (SELECT region, account, min(first_day) AS day, (array_agg(opening_fen ORDER BY n))[1] AS fen FROM payments.bank_statement WHERE n > 0 GROUP BY 1, 2),
    found AS (
        SELECT b.* FROM both_sides b
          JOIN start z ON z.region = b.region AND z.account = b.account
          LEFT JOIN settled t ON t.region = b.region AND t.account = b.account AND t.period = b.period AND t.version = b.version AND t.reference = b.reference
          LEFT JOIN named q ON q.region = b.region AND q.account = b.account AND q.period = b.period AND q.version = b.version AND q.reference = b.reference
         WHERE t.reference IS NULL AND NOT (b.ours AND b.day < z.day AND q.reference IS NULL)),
    given AS (
        SELECT i.region, i.account, i.period, i.version, i.reference, CASE WHEN right(i.part, 3) = '_in' THEN i.amount_fen ELSE -i.amount_fen END AS effect, i.day, left(i.part, 4) = 'book' AS ours
          FROM payments.reconciliation_item i JOIN sheet s USING (region, account, period, version)),
    differing AS (
        (SELECT region, account, period, version, reference FROM (SELECT * FROM found EXCEPT SELECT region, account, period, version, reference, effect, day, ours FROM given) x)
        UNION
        (SELECT region, account, period, version, reference FROM (SELECT region, account, period, version, reference, effect, day, ours FROM given EXCEPT SELECT * FROM found) y)),
    sums AS (
        SELECT s.region, s.account, s.period, s.version,
               (SELECT coalesce(sum(effect), 0) FROM book b WHERE (b.region, b.account, b.period, b.version) = (s.region, s.account, s.period, s.version)) AS book,
               z.fen + (SELECT coalesce(sum(effect), 0) FROM bank b WHERE (b.region, b.account, b.period, b.version) = (s.region, s.account, s.period, s.version)) AS bank,
               (SELECT coalesce(sum(CASE WHEN g.ours THEN g.effect END), 0) FROM given g WHERE (g.region, g.account, g.period, g.version) = (s.region, s.account, s.period, s.version)) AS open_book,
               (SELECT coalesce(sum(CASE WHEN NOT g.ours THEN g.effect END), 0) FROM given g WHERE (g.region, g.account, g.period, g.version) = (s.region, s.account, s.period, s.version)) AS open_bank
          FROM sheet s LEFT JOIN start z ON z.region = s.region AND z.account = s.account)
    SELECT s.region, s.account, s.period, s.version, CASE
               WHEN u.bank IS DISTINCT FROM s.bank_fen THEN '对账单余额表上' || s.bank_fen || '分，重算' || coalesce(u.bank::text, '无') || '分'
               WHEN u.book <> s.book_fen THEN '账面余额表上' || s.book_fen || '分，重算' || u.book || '分'
               WHEN u.bank + u.open_book <> s.adjusted_fen OR u.book + u.open_bank <> s.adjusted_fen THEN '两边调节后不相等'
               WHEN d.reference IS NOT NULL THEN '未达账项' || d.reference || '重算不符'
               WHEN s.digest <> payments.reconciliation_digest(r) THEN '内容与其摘要不符，已被改动'
               ELSE '编制与复核不是系统内两个不同的人，或复核人是出纳' END
      FROM sheet s
      JOIN payments.reconciliation r USING (region, account, period, version)
      JOIN sums u USING (region, account, period, version)
      LEFT JOIN (SELECT region, account, period, version, min(reference) AS reference FROM differing GROUP BY 1, 2, 3, 4) d USING (region, account, period, version)
      LEFT JOIN access.app_user a ON a.user_name = s.made_by LEFT JOIN access.app_user b ON b.user_name = s.reviewed_by
     WHERE u.bank IS DISTINCT FROM s.bank_fen OR u.book <> s.book_fen OR u.bank + u.open_book <> s.adjusted_fen OR u.book + u.open_bank <> s.adjusted_fen
        OR d.reference IS NOT NULL OR s.digest <> payments.reconciliation_digest(r)
        OR (s.state = 'reviewed' AND (a.person = b.person) IS DISTINCT FROM false)
     ORDER BY 1, 2, 3, 4
""")
)
# A journal line the bank's statements have passed by five days, whose paper's number stands on none of their lines, matched with
# nothing and on no reviewed sheet as open: a receipt nobody sent.
_UNSENT: Final = (
    coded("""
    WITH reach AS (SELECT region, account, min(first_day) AS first, max(last_day) AS last FROM payments.bank_statement WHERE n > 0 GROUP BY 1, 2),
    own AS (
        SELECT r.region, r.account, a.kind::integer AS code, a.kind = '1005' AS whole
          FROM reach r JOIN payments.bank_account a ON a.region = r.region AND a.account = r.account),
""")
    + _POSTED
    + coded("""    leg AS (
        SELECT l.region, l.account, l.fund, l.period, l.seq, l.n, l.series, l.vno, l.evidence, l.evidence_digest, l.effect, r.last - l.business_date AS age
          FROM posted l
          JOIN reach r ON r.region = l.region AND r.account = l.account
          LEFT JOIN payments.match_leg m ON m.region = l.region AND m.fund = l.fund AND m.seq = l.seq AND m.leg = l.n AND m.live
         WHERE m.seq IS NULL AND l.event <> 'OPEN' AND l.business_date BETWEEN r.first AND r.last - 5),
    token AS (
        SELECT DISTINCT g.region, g.account, g.fund, g.seq, g.n, t.token[1] AS key
          FROM leg g CROSS JOIN LATERAL regexp_matches(g.evidence, '[0-9A-Za-z]+(?:[._#/-]+[0-9A-Za-z]+)*', 'g') AS t (token)),
    key AS (
        SELECT * FROM token
        UNION
        SELECT g.region, g.account, g.fund, g.seq, g.n, unnest(ARRAY[v.receipt_no, v.bank_reference, split_part(v.bank_reference, '#', 1), v.matched_order])
          FROM leg g JOIN payments.evidence v ON v.region = g.region AND v.account = g.account AND v.digest = g.evidence_digest
        UNION
        SELECT t.region, t.account, t.fund, t.seq, t.n, v.bank_reference
          FROM token t JOIN payments.evidence v ON v.region = t.region AND v.account = t.account AND v.receipt_no = t.key),
    said AS (
        SELECT DISTINCT l.region, l.account, k.key FROM payments.statement_line l
         CROSS JOIN LATERAL (VALUES (l.receipt_no), (l.bank_reference), (l.order_no)) AS k (key) WHERE k.key <> '' AND l.statement > 0),
    -- a transfer between own accounts has one paper: it may be on the other account's statement
    known AS (
        SELECT DISTINCT k.region, k.account, k.fund, k.seq, k.n FROM key k JOIN said s ON s.region = k.region AND s.key = k.key
         WHERE s.account = k.account OR EXISTS (
               SELECT 1 FROM books.leg l JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
                WHERE l.region = k.region AND l.fund = k.fund AND l.seq = k.seq AND d.counterparty = s.account)),
    shown AS (
        SELECT DISTINCT i.region, i.account, i.reference FROM payments.reconciliation_item i
          JOIN payments.reconciliation r USING (region, account, period, version) WHERE r.state = 'reviewed')
    SELECT g.region, g.account, g.fund, g.period, g.seq, g.series, g.vno, g.evidence, g.effect, h.reference IS NOT NULL, g.age
      FROM leg g
      LEFT JOIN known k ON k.region = g.region AND k.account = g.account AND k.fund = g.fund AND k.seq = g.seq AND k.n = g.n
      LEFT JOIN shown h ON h.region = g.region AND h.account = g.account AND h.reference = g.fund || ':' || g.seq || ':' || g.n
     WHERE k.seq IS NULL ORDER BY 1, 2, 3, 5
""")
)
_STALE: Final = """
    SELECT r.region, r.account, r.period FROM payments.reconciliation r
     WHERE r.state = 'reviewed' AND NOT EXISTS (SELECT 1 FROM payments.reconciliation n WHERE n.region = r.region AND n.account = r.account
               AND n.period = r.period AND n.version > r.version)
       AND r.book_fen <> payments.book_balance(r.region, r.account, (make_date(r.period / 100, r.period % 100, 1) + interval '1 month - 1 day')::date, NULL)
     ORDER BY 1, 2, 3
"""


def check_sheets(snapshot: Snapshot) -> Iterator[Breach]:
    """Every sheet that stands; entries whose receipt no statement has; sheets the books went on after are named as waiting."""
    for region, account, period, version, wrong in snapshot.rows(_SHEETS):
        yield Breach(
            "INV-09",
            str(region),
            f"reconciliation {account} {period}-{version}",
            f"账户{account}{period}的余额调节表：{wrong}",
        )
    for region, account, fund, period, seq, series, vno, evidence, fen, shown, age in snapshot.rows(_UNSENT):
        if shown:
            name = f"统筹区{region}账户{account}余额调节表上已过五日的未达账项"
            snapshot.waiting[name] = snapshot.waiting.get(name, 0) + 1
            continue
        message = f"账户{account}入账{fen}分，依据“{evidence}”，而银行对账单上没有这笔，其后的对账单都已收到（已{age}天）"
        yield Breach("INV-09", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for region, account, period in snapshot.rows(_STALE):
        snapshot.waiting[f"统筹区{region}账户{account}{period}的余额调节表（编制后账面又有变动，须重编）"] = 1
