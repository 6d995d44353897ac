"""INV-02, INV-13, T7: reversals are exact and once; hand-written vouchers stay off rule-only accounts; no account is overdrawn.

What is drafted before revision 0014 (`correction` = before) was not held to this and is not judged by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import BANK_DEPOSITS, coded

# A reversal by hand beside what it reverses: lines in red, of the same accounting year, itself no reversal, once, recorded.
_REVERSALS: Final = """
    WITH red AS MATERIALIZED (
        SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno, e.reverses_seq, e.accounts, e.dims, e.amounts
          FROM books.entry e JOIN books.voucher v ON v.region = e.region AND v.fund = e.fund AND 'MAN:' || v.voucher_id = e.source_key
         WHERE e.event = 'MAN' AND e.reverses_seq > 0 AND v.correction <> 'before'),
    origin AS MATERIALIZED (
        SELECT o.region, o.fund, o.period, o.seq, o.reverses_seq, o.accounts, o.dims, o.amounts FROM books.entry o
         WHERE (o.region, o.fund, o.seq) IN (SELECT region, fund, reverses_seq FROM red))
    SELECT r.region, r.fund, r.period, r.seq, r.series, r.vno,
           o.seq IS NOT NULL AND (SELECT array_agg((l.a, l.d, l.f) ORDER BY l.a, l.d, l.f) FROM unnest(r.accounts, r.dims, r.amounts) AS l (a, d, f))
                               = (SELECT array_agg((l.a, l.d, -l.f) ORDER BY l.a, l.d, -l.f) FROM unnest(o.accounts, o.dims, o.amounts) AS l (a, d, f)),
           coalesce(o.reverses_seq, 0) = 0, coalesce(o.period, r.period) / 100 = r.period / 100,
           (SELECT count(*) FROM red t WHERE (t.region, t.fund, t.reverses_seq) = (r.region, r.fund, r.reverses_seq)) = 1,
           EXISTS (SELECT 1 FROM books.correction c WHERE (c.region, c.fund, c.seq, c.corrected_seq, c.kind)
                                                        = (r.region, r.fund, r.seq, r.reverses_seq, 'red'))
      FROM red r LEFT JOIN origin o ON (o.region, o.fund, o.seq) = (r.region, r.fund, r.reverses_seq) ORDER BY 1, 2, 4
"""
_WORDS: Final = (
    "红字凭证不是所冲销凭证的逐行红字",
    "冲销凭证被再次冲销",
    "红字凭证冲销了以前年度的凭证",
    "同一凭证被冲销了两次",
    "红字凭证没有登记为更正",
)
# What is recorded as a correction beside the voucher that made it; a blue one of this year beside its red one.
_RECORDED: Final = """
    SELECT c.region, c.fund, c.seq, c.kind,
           coalesce(v.correction = c.kind AND greatest(v.reverses_seq, v.corrects_seq) = c.corrected_seq, false),
           c.kind <> 'blue' OR o.period / 100 < s.period / 100 OR EXISTS (
               SELECT 1 FROM books.correction r WHERE (r.region, r.fund, r.corrected_seq) = (c.region, c.fund, c.corrected_seq)
                  AND r.kind IN ('red', 'before') AND r.seq < c.seq)
      FROM books.correction c
      LEFT JOIN books.source s ON s.region = c.region AND s.fund = c.fund AND s.seq = c.seq
      LEFT JOIN books.source o ON o.region = c.region AND o.fund = c.fund AND o.seq = c.corrected_seq
      LEFT JOIN books.voucher v ON v.region = c.region AND v.fund = c.fund AND 'MAN:' || v.voucher_id = s.source_key
     WHERE c.kind <> 'before' ORDER BY 1, 2, 3
"""
_MOVES: Final = """
    SELECT m.region, m.fund, m.key, m.state
      FROM (SELECT region, fund, 'CASH:' || move_id AS key, state FROM fund.cash_move
            UNION ALL SELECT region, fund, 'REF:' || refund_id, state FROM fund.refund) m
      LEFT JOIN books.source s ON s.region = m.region AND s.fund = m.fund AND s.source_key = m.key
      LEFT JOIN books.correction c ON c.region = s.region AND c.fund = s.fund AND c.corrected_seq = s.seq AND c.kind = 'red'
     WHERE (m.state = 'reversed') <> (c.seq IS NOT NULL) ORDER BY 1, 2, 3
"""
# The list of books.rule_only, and what the region opened by the day of the voucher.
_RULE_ONLY: Final = coded("""
    SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno, min(abs(l.account))
      FROM books.entry e
      JOIN books.voucher v ON v.region = e.region AND v.fund = e.fund AND 'MAN:' || v.voucher_id = e.source_key
      CROSS JOIN LATERAL unnest(e.accounts) AS l (account)
     WHERE e.event = 'MAN' AND v.correction IN ('', 'blue', 'difference')
       AND (abs(l.account)::text ~ '^(9|11010[1-5]|20010[34]|{BENEFITS})' OR abs(l.account) IN (45010101, 45010201)
            OR e.fund = {RESIDENT_FUND} AND abs(l.account) = 450101)
       AND NOT EXISTS (
           SELECT 1 FROM string_to_table((SELECT y.value FROM fund.region_policy y
                                           WHERE y.region = e.region AND y.key = 'hand_accounts' AND y.from_day <= e.voucher_date
                                           ORDER BY y.from_day DESC LIMIT 1), ',') AS opened
            WHERE opened <> 'none' AND abs(l.account)::text LIKE opened || '%')
     GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 4
""")
# An account below nought is a person's doing where a hand-written voucher or a movement two persons signed took money out of
# it; where only the bank's own papers and grants did, income is still to be booked: named, and no breach.
_OVERDRAWN: Final = """
    SELECT o.*, EXISTS (
               SELECT 1 FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, fen)
                WHERE e.region = o.region AND e.fund = o.fund AND (e.rule = 'manual' OR e.source_key LIKE 'CASH:%%')
                  AND abs(l.account) = o.account AND l.dim = o.dim AND sign(l.account) * l.fen < 0)
      FROM (SELECT b.region, b.fund, b.account, b.dim, min(d.counterparty), sum(b.debit - b.credit)::bigint
              FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
             WHERE b.account = ANY(%(accounts)s) GROUP BY 1, 2, 3, 4 HAVING sum(b.debit - b.credit) < 0) o ORDER BY 1, 2, 3, 4
"""
# The papers of vouchers that stand: used, unchanged, the whole of what the voucher does to the account, and nobody else's.
_PAPERS: Final = """
    WITH standing AS MATERIALIZED (
        SELECT p.*, s.seq, s.period FROM books.voucher_paper p
          JOIN books.source s ON s.region = p.region AND s.fund = p.fund AND s.source_key = 'MAN:' || p.voucher_id
         WHERE NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = s.region AND c.fund = s.fund
                              AND c.corrected_seq = s.seq AND c.kind = 'red'))
    SELECT p.region, p.fund, p.voucher_id, p.kind || ':' || p.receipt_no,
           coalesce(v.outcome = 'confirmed' AND (v.digest, v.amount_fen) = (p.digest, p.amount_fen), false),
           (SELECT count(*) FROM standing o WHERE (o.region, o.account, o.kind, o.receipt_no, o.direction)
                                                = (p.region, p.account, p.kind, p.receipt_no, p.direction)) = 1,
           (SELECT sum(o.amount_fen) FROM standing o WHERE (o.region, o.fund, o.voucher_id, o.account, o.direction)
                                                         = (p.region, p.fund, p.voucher_id, p.account, p.direction))
           IS NOT DISTINCT FROM (
               SELECT sum(abs(l.amount_fen)) FROM books.voucher_line l
                WHERE (l.region, l.fund, l.voucher_id) = (p.region, p.fund, p.voucher_id) AND l.account = ANY(%(accounts)s)
                  AND (l.counterparty = p.account OR l.account = 1005 AND EXISTS (
                       SELECT 1 FROM payments.book_account a WHERE (a.region, a.fund, a.kind, a.account) = (p.region, p.fund, '1005', p.account)))
                  AND (l.side * l.amount_fen > 0) = (p.direction = 'credit'))
      FROM standing p
      LEFT JOIN payments.evidence v ON v.region = p.region AND (v.account, v.kind, v.receipt_no, v.direction)
                                                             = (p.account, p.kind, p.receipt_no, p.direction)
     ORDER BY 1, 2, 3, 4
"""


def check_corrections(snapshot: Snapshot) -> Iterator[Breach]:
    """Corrections against what they correct, hand-written lines against the list, papers against vouchers, bank balances."""
    for region, fund, period, seq, series, vno, *good in snapshot.rows(_REVERSALS):
        for word, right in zip(_WORDS, good, strict=True):
            if not right:
                yield Breach("INV-02", f"{region}-{fund}", seq_label(period, seq, series, vno), word)
    for region, fund, seq, kind, made, red in snapshot.rows(_RECORDED):
        if not made:
            yield Breach(
                "INV-02", f"{region}-{fund}", f"seq {seq}", f"登记的更正（{kind}）没有相应的凭证，已被改动"
            )
        elif not red:
            yield Breach("INV-02", f"{region}-{fund}", f"seq {seq}", "本年凭证的蓝字订正之前没有红字冲销")
    for region, fund, move, state in snapshot.rows(_MOVES):
        message = f"收支单、退款单为{state}，与其凭证是否冲销不符"
        yield Breach("INV-02", f"{region}-{fund}", f"paper {move}", message)
    for region, fund, period, seq, series, vno, account in snapshot.rows(_RULE_ONLY):
        message = f"手工凭证使用了只由规则记账的科目{account}"
        yield Breach("INV-11", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    yield from _money(snapshot)


def _money(snapshot: Snapshot) -> Iterator[Breach]:
    accounts = list(BANK_DEPOSITS)
    for region, fund, account, _, party, fen, by_persons in snapshot.rows(_OVERDRAWN, accounts=accounts):
        named = f"{account} {party}".strip()
        if by_persons:
            yield Breach("T7", f"{region}-{fund}", named, f"银行存款透支：余额{fen}分")
        else:
            snapshot.waiting[f"账套{region}-{fund}的{named}账面透支{-fen}分（尚有收入未记账）"] = 1
    words = ("回单未标为已记账或内容已不同", "回单被两张手工凭证使用", "回单合计与凭证的银行科目不符")
    for region, fund, voucher, receipt, *good in snapshot.rows(_PAPERS, accounts=accounts):
        for word, right in zip(words, good, strict=True):
            if not right:
                yield Breach("INV-13", f"{region}-{fund}", f"voucher {voucher}", f"{word}：{receipt}")
