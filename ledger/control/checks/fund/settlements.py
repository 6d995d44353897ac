"""T6, INV-12: month sheets and clearing letters are what they were when signed, and the books hold what they say.

9301 = findings taken; 9105 = what sheets retained less what letters released; 9103 after each approval = the sheet's
result, opening carry included; 9106 after each letter = its result; 9002, 9302–9304 and 9204 = their columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, LiteralString

from psycopg.rows import TupleRow

from ledger.control.breach import Breach
from ledger.control.checks.fund.ties import Tie, compare
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import (
    AUDIT_DEDUCTED,
    BORNE,
    CLEARING_OWED,
    MONTH_OWED,
    OFFSETS,
    OTHER_DEDUCTED,
    RETAINED,
    RETAINED_FORFEITED,
    SURPLUS_KEPT,
    coded,
)

_KEY: Final = "SELECT s.region, s.fund, s.institution, l.subfund, l.service_year, l.term, l.category, "


def _sheets(amount: LiteralString) -> LiteralString:
    """A column of the approved sheets' lines, per key."""
    return (
        _KEY
        + amount
        + " FROM fund.sheet s JOIN fund.sheet_line l ON l.region = s.region AND l.sheet_id = s.sheet_id"
        " WHERE s.state = 'approved'"
    )


def _letters(amount: LiteralString) -> LiteralString:
    """A column of the confirmed letters' lines, per key."""
    return (
        _KEY
        + amount
        + " FROM fund.letter s JOIN fund.letter_line l ON l.region = s.region AND l.letter_id = s.letter_id"
        " WHERE s.state = 'confirmed'"
    )


_FINDINGS: Final = """
    SELECT f.region, f.fund, f.institution, f.subfund, f.service_year, f.term, f.category, t.amount_fen
      FROM fund.finding_taken t JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.finding_id
     WHERE f.state = 'final'"""
_BOTH: Final = " UNION ALL "
_TIES: Final = (
    Tie(
        "T6",
        (RETAINED,),
        -1,
        _sheets("l.retained_fen") + _BOTH + _letters("-l.retained_fen"),
        "预留保证金不等于月结单所留减清算转出",
    ),
    Tie("T6", (AUDIT_DEDUCTED,), -1, _FINDINGS, "审核扣款不等于终审结果已实扣额"),
    Tie(
        "T6",
        (AUDIT_DEDUCTED,),
        -1,
        _sheets("l.audit_fen") + _BOTH + _letters("l.audit_fen"),
        "审核扣款不等于月结单与确认书所扣",
    ),
    Tie(
        "T6",
        (OTHER_DEDUCTED,),
        -1,
        _sheets("l.other_fen") + _BOTH + _letters("l.other_fen"),
        "其他扣款不等于月结单与确认书所扣",
    ),
    Tie(
        "T6",
        OFFSETS,
        -1,
        _sheets("l.offset_fen") + _BOTH + _letters("l.offset_fen"),
        "抵扣结清不等于月结单与确认书所抵",
    ),
    Tie("T6", (SURPLUS_KEPT,), 1, _letters("l.surplus_fen"), "结余留用不等于确认书所列"),
    Tie("T6", (RETAINED_FORFEITED,), -1, _letters("l.forfeited_fen"), "保证金扣减不等于确认书所列"),
    Tie("T6", (BORNE,), -1, _letters("l.borne_fen + l.late_fen"), "机构自担不等于确认书所列"),
)

_OTHER_TAKEN: Final = coded("""
    SELECT region, fund, institution, sum(booked), sum(found) FROM (
        SELECT b.region, b.fund, d.counterparty AS institution, b.credit - b.debit AS booked, 0 AS found
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim WHERE b.account = {OTHER_DEDUCTED}
        UNION ALL
        SELECT l.region, l.fund, l.counterparty, 0, l.balance_fen
          FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
         WHERE c.state = 'confirmed' AND l.posted AND l.account = {OTHER_DEDUCTED}
        UNION ALL
        SELECT o.region, o.fund, o.institution, 0, t.amount_fen FROM fund.deduction_taken t
          JOIN fund.other_deduction o ON o.region = t.region AND o.deduction_id = t.deduction_id WHERE o.approved_by <> '') sides
     GROUP BY 1, 2, 3 HAVING sum(booked) <> sum(found) ORDER BY 1, 2, 3
""")

# What an account holds per key after the block of a paper's entry, beside what the paper says it leaves there.
_AFTER: Final = """
    WITH moved AS (
        SELECT p.region, p.fund, d.counterparty, d.subfund, d.service_year, d.term, d.category, p.block, p.credit - p.debit AS fen
          FROM books.posting p JOIN books.dim d ON d.region = p.region AND d.dim = p.dim WHERE p.account = %(account)s),
    paper AS (
        SELECT s.region, s.fund, s.institution, s.id, s.subfund, s.service_year, s.term, s.category, b.block, sum(s.fen) AS fen
          FROM ("""
_AFTER_END: Final = """) s
          JOIN books.source k ON k.region = s.region AND k.fund = s.fund AND k.source_key = %(event)s || ':' || s.id
          JOIN books.block b ON b.region = k.region AND b.fund = k.fund AND k.seq BETWEEN b.first_seq AND b.last_seq
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9)
    SELECT r.region, r.fund, r.id, r.subfund, r.service_year, r.term, r.category, coalesce(sum(m.fen), 0), r.fen
      FROM paper r
      LEFT JOIN moved m ON (m.region, m.fund, m.counterparty, m.subfund, m.service_year, m.term, m.category)
                         = (r.region, r.fund, r.institution, r.subfund, r.service_year, r.term, r.category) AND m.block <= r.block
     GROUP BY 1, 2, 3, 4, 5, 6, 7, r.fen HAVING coalesce(sum(m.fen), 0) <> r.fen ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_RESULTS: Final = (
    ("SET", MONTH_OWED, _sheets("s.sheet_id AS id, l.result_fen AS fen"), "月结单", "月结应付"),
    (
        "CLR",
        CLEARING_OWED,
        _letters("s.letter_id AS id, l.result_fen + l.owed_before AS fen"),
        "确认书",
        "清算应付",
    ),
)

# The canonical texts of fund.sheet_digest and fund.letter_digest, written a second time: whoever changes the function
# must not change what verify says.
_SHEET_TEXTS: Final = """
    SELECT s.region, s.fund, s.sheet_id, encode(s.digest, 'hex'),
           concat_ws('|', s.fund, s.institution, s.term, s.month_ratio, s.cutoff, s.due_on, s.records, encode(s.records_digest, 'hex'),
                     s.result_fen) || E'\\n' || coalesce(l.text, '') || E'\\n' || coalesce(t.text, '') || coalesce(E'\\n' || u.text, ''),
           k.seq, k.period, encode(e.evidence_digest, 'hex')
      FROM fund.sheet s
      LEFT JOIN (SELECT region, sheet_id,
                        string_agg(concat_ws('|', n, subfund, service_year, term, category, clr_type, records, fund_fen, ratio,
                                             rounded_fen, retained_fen, audit_fen, other_fen, offset_fen, open_daily_fen,
                                             waiting_fen, paid_daily_fen, month_open_fen, result_fen), E'\\n' ORDER BY n) AS text
                   FROM fund.sheet_line GROUP BY 1, 2) l ON l.region = s.region AND l.sheet_id = s.sheet_id
      LEFT JOIN (SELECT region, sheet_id, string_agg(concat_ws('|', kind, reference, n, amount_fen),
                                                     E'\\n' ORDER BY kind COLLATE "C", reference COLLATE "C", n) AS text
                   FROM fund.sheet_taking GROUP BY 1, 2) t ON t.region = s.region AND t.sheet_id = s.sheet_id
      LEFT JOIN (SELECT region, sheet_id, string_agg(concat_ws('|', n, kind, reference, brought, decided_fen, before_fen, taken_fen,
                                                               left_fen), E'\\n' ORDER BY n) AS text
                   FROM fund.sheet_due GROUP BY 1, 2) u ON u.region = s.region AND u.sheet_id = s.sheet_id
      LEFT JOIN books.source k ON k.region = s.region AND k.fund = s.fund AND k.source_key = 'SET:' || s.sheet_id
      LEFT JOIN books.entry e ON e.region = k.region AND e.fund = k.fund AND e.period = k.period AND e.seq = k.seq
     ORDER BY s.region, s.sheet_id COLLATE "C"
"""
_LETTER_TEXTS: Final = """
    SELECT l.region, l.fund, l.letter_id, encode(l.digest, 'hex'),
           concat_ws('|', l.letter_id, l.fund, l.institution, l.year, l.period, l.version, l.grade, l.row1_fen, l.row2_fen, l.row4_fen,
                     l.row5_fen, l.row6_fen, l.row7_fen, l.row8_fen, l.row9_fen) || E'\\n'
           || concat_ws(E'\\n', r.text, n.text, f.text, d.text, o.text, t.text),
           k.seq, k.period, encode(e.evidence_digest, 'hex')
      FROM fund.letter l
      LEFT JOIN (SELECT region, letter_id, string_agg(concat_ws('|', row_no, part, amount_fen), E'\\n'
                                                      ORDER BY row_no, part COLLATE "C") AS text
                   FROM fund.letter_row GROUP BY 1, 2) r ON r.region = l.region AND r.letter_id = l.letter_id
      LEFT JOIN (SELECT region, letter_id,
                        string_agg(concat_ws('|', n, subfund, service_year, term, category, claimed_fen, late_fen, surplus_before,
                                             surplus_fen, audit_before, audit_fen, forfeited_before, forfeited_fen, other_before,
                                             other_fen, borne_before, borne_fen, offset_fen, paid_fen, refunded_fen, open_daily_fen, waiting_fen,
                                             month_open_fen, retained_fen, advance_fen, owed_before, result_fen),
                                   E'\\n' ORDER BY n) AS text
                   FROM fund.letter_line GROUP BY 1, 2) n ON n.region = l.region AND n.letter_id = l.letter_id
      LEFT JOIN (SELECT region, letter_id, string_agg(concat_ws('|', 'finding', finding_id, amount_fen), E'\\n'
                                                      ORDER BY finding_id COLLATE "C") AS text
                   FROM fund.letter_finding GROUP BY 1, 2) f ON f.region = l.region AND f.letter_id = l.letter_id
      LEFT JOIN (SELECT region, letter_id, string_agg(concat_ws('|', 'deduction', deduction_id, amount_fen), E'\\n'
                                                      ORDER BY deduction_id COLLATE "C") AS text
                   FROM fund.letter_deduction GROUP BY 1, 2) d ON d.region = l.region AND d.letter_id = l.letter_id
      LEFT JOIN (SELECT region, letter_id, string_agg(concat_ws('|', 'offset', advance_id, n, amount_fen), E'\\n'
                                                      ORDER BY advance_id COLLATE "C", n) AS text
                   FROM fund.letter_offset GROUP BY 1, 2) o ON o.region = l.region AND o.letter_id = l.letter_id
      LEFT JOIN (SELECT region, letter_id, string_agg(concat_ws('|', 'late', setl_id, subfund, fund_fen), E'\\n'
                                                      ORDER BY setl_id COLLATE "C", subfund) AS text
                   FROM fund.letter_late GROUP BY 1, 2) t ON t.region = l.region AND t.letter_id = l.letter_id
      LEFT JOIN books.source k ON k.region = l.region AND k.fund = l.fund AND k.source_key = 'CLR:' || l.letter_id
      LEFT JOIN books.entry e ON e.region = k.region AND e.fund = k.fund AND e.period = k.period AND e.seq = k.seq
     ORDER BY l.region, l.letter_id COLLATE "C"
"""
_ORPHANS: Final = """
    SELECT e.region, e.fund, e.seq, e.series, e.period, e.vno, e.event, e.evidence FROM books.entry e
      LEFT JOIN fund.sheet s ON e.event = 'SET' AND s.region = e.region AND s.fund = e.fund AND s.sheet_id = e.evidence
                            AND s.state = 'approved'
      LEFT JOIN fund.letter l ON e.event = 'CLR' AND l.region = e.region AND l.fund = e.fund AND l.letter_id = e.evidence
                             AND l.state = 'confirmed'
     WHERE e.event IN ('SET', 'CLR') AND s.sheet_id IS NULL AND l.letter_id IS NULL ORDER BY 1, 2, 3
"""


# What a sheet settled, as it was then: an order that had paid by its entry, and had not come back by it.
_SETTLED: Final = """
    WITH sheet AS (
        SELECT s.region, s.fund, s.sheet_id, encode(s.records_digest, 'hex') AS digest,
               coalesce(k.seq, (SELECT max(b.last_seq) FROM books.block b WHERE b.region = s.region AND b.fund = s.fund
                                   AND b.voucher_date <= s.approved_on), 0) AS at, k.period
          FROM fund.sheet s
          LEFT JOIN books.source k ON k.region = s.region AND k.fund = s.fund AND k.source_key = 'SET:' || s.sheet_id
         WHERE s.state = 'approved'),
    paid AS (
        SELECT region, fund, split_part(source_key, ':', 2) AS order_no, min(seq) FILTER (WHERE event = 'RCV') AS came,
               min(seq) FILTER (WHERE event = 'RTN') AS went
          FROM books.entry WHERE event IN ('RCV', 'RTN') GROUP BY 1, 2, 3),
    held AS (
        SELECT d.region, d.fund, d.setl_id, d.subfund, d.order_no, p.came, p.went
          FROM payments.order_payable d JOIN paid p ON p.region = d.region AND p.fund = d.fund AND p.order_no = d.order_no)
    SELECT s.region, s.fund, s.sheet_id, s.digest, s.at, s.period,
           array_agg(concat_ws('|', y.setl_id, y.subfund, y.fund_fen, y.daily_fen,
                               coalesce(h.order_no, CASE y.order_no WHEN 'OPEN' THEN 'OPEN' ELSE '' END))
                     ORDER BY y.setl_id COLLATE "C", y.subfund) FILTER (WHERE y.setl_id IS NOT NULL)
      FROM sheet s
      LEFT JOIN fund.payable y ON y.region = s.region AND y.fund = s.fund AND y.settled_by = s.sheet_id
      LEFT JOIN held h ON h.region = y.region AND h.fund = y.fund AND h.setl_id = y.setl_id AND h.subfund = y.subfund
                      AND h.came < s.at AND coalesce(h.went > s.at, true)
     GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3
"""


def check_settlements(snapshot: Snapshot) -> Iterator[Breach]:
    """Papers against their digests and entries, sheets against the records they settled, then T6."""
    for region, fund, paper, digest, seq, period, lines in snapshot.each(_SETTLED):
        if sha256("\n".join(lines or ()).encode()).hexdigest() != digest:
            where = seq_label(period, seq) if period else f"paper {paper}"
            message = f"月结单{paper}所结的应付明细或其已付拨付单与审批时不同，已被改动"
            yield Breach("INV-12", f"{region}-{fund}", where, message)
    for name, texts in (("月结单", _SHEET_TEXTS), ("确认书", _LETTER_TEXTS)):
        for row in snapshot.each(texts):
            yield from _paper(name, row)
    for region, fund, seq, series, period, vno, event, paper in snapshot.rows(_ORPHANS):
        message = f"{event}凭证所依据的{paper}不存在，或未审批确认"
        yield Breach("INV-12", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for tie in _TIES:
        yield from compare(snapshot, tie)
    for region, fund, institution, booked, found in snapshot.rows(_OTHER_TAKEN):
        message = f"其他扣款账上{booked}分，已扣的扣款单{found}分"
        yield Breach("T6", f"{region}-{fund}", f"institution {institution}", message)
    for event, account, lines, name, what in _RESULTS:
        for region, fund, paper, *key, booked, said in snapshot.rows(
            _AFTER + lines + _AFTER_END, account=account, event=event
        ):
            where = f"{paper} {account} " + "/".join(map(str, key))
            message = f"{name}入账后{what}为{booked}分，{name}所列为{said}分"
            yield Breach("T6", f"{region}-{fund}", where, message)


def _paper(name: str, row: TupleRow) -> Iterator[Breach]:
    region, fund, paper, stored, text, seq, period, rested_on = row
    digest = sha256(text.encode()).hexdigest()
    if digest != stored:
        yield Breach("INV-12", f"{region}-{fund}", f"paper {paper}", f"{name}与其摘要不符，已被改动")
    if seq is not None and digest != rested_on:
        where = seq_label(period, seq)
        yield Breach("INV-12", f"{region}-{fund}", where, f"凭证所依据的{name}{paper}与记账时不同，已被改动")
