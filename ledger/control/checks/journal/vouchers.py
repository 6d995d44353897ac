"""INV-11, INV-12: a hand-written entry is what one person drafted and another approved; no entry rests on nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label

CHECKED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("REC", "REV"), "recognition"),
    **dict.fromkeys(("ORD", "CAN", "REJ"), "orders"),
    **dict.fromkeys(("RCV", "RTN", "PAY-ADV"), "evidence"),
    **dict.fromkeys(("SET", "CLR"), "settlements"),
    **dict.fromkeys(("ALLOT", "REF", "INT", "FEE", "OUT", "PRE", "CLRX", "OWN"), "papers"),
    **dict.fromkeys(("CLOSE-M", "CLOSE-Y"), "closings"),
    "MAN": "vouchers",
    "OPEN": "cutover",
}
"""The event of an entry, and which of the checks proves what it rests on. A new event needs its line, and its check."""

# The text of books.voucher_text_digest, once from the draft and once from the entry as it was posted. The entry's lines come as
# its arrays: their dimensions are looked up here, for a join to them would be made anew for every voucher.
_DRAFTS: Final = """
    SELECT v.region, v.fund, v.voucher_id, v.prepared_by, coalesce(d.decision, ''), coalesce(d.decided_by, ''),
           concat_ws('|', v.region, v.fund, v.version, v.business_date, v.reverses_seq, v.summary, v.evidence, v.attachments,
                     v.prepared_by, x.said) || E'\\n' || coalesce(l.text, ''),
           encode(v.digest, 'hex'), coalesce(encode(d.digest, 'hex'), ''), e.seq, e.series, e.period, e.vno,
           encode(e.evidence_digest, 'hex'), e.prepared_by, e.reviewed_by, e.rule,
           concat_ws('|', e.region, e.fund, v.version, e.business_date, e.reverses_seq, e.summary, e.evidence,
                     e.attachments - coalesce(p.files, 0), e.prepared_by, x.said) || E'\\n', e.accounts, e.dims, e.amounts
      FROM books.voucher v
      LEFT JOIN books.voucher_decision d ON d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id
      LEFT JOIN (SELECT region, fund, voucher_id,
                        string_agg(concat_ws('|', n, side, amount_fen, account, counterparty, subfund, service_year, term, category),
                                   E'\\n' ORDER BY n) AS text
                   FROM books.voucher_line GROUP BY 1, 2, 3) l
        ON l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id
      LEFT JOIN (SELECT region, fund, voucher_id, string_agg(concat_ws('|', account, kind, receipt_no, direction), '|' ORDER BY n) AS text
                   FROM books.voucher_paper GROUP BY 1, 2, 3) y
        ON y.region = v.region AND y.fund = v.fund AND y.voucher_id = v.voucher_id
      CROSS JOIN LATERAL (     -- what it corrects, the papers it rests on, the own template it was filled from; null for none
          SELECT nullif(concat_ws('|', nullif(nullif(v.correction, 'before'), ''), nullif(v.corrects_seq, 0), y.text, v.template), '') AS said) x
      LEFT JOIN (SELECT region, fund, voucher_id, count(*) AS files FROM books.attachment GROUP BY 1, 2, 3) p
        ON p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id
      LEFT JOIN books.entry e ON e.region = v.region AND e.fund = v.fund AND e.event = 'MAN' AND e.source_key = 'MAN:' || v.voucher_id
     ORDER BY v.region, v.fund, v.voucher_id
"""
_DIMENSIONS: Final = """
    SELECT region, dim, concat_ws('|', counterparty, subfund, service_year, term, category) FROM books.dim
"""
_UNDRAFTED: Final = """
    SELECT e.region, e.fund, e.seq, e.series, e.period, e.vno FROM books.entry e
      LEFT JOIN books.voucher v ON v.region = e.region AND v.fund = e.fund AND 'MAN:' || v.voucher_id = e.source_key
     WHERE (e.event = 'MAN' OR e.rule = 'manual') AND (e.event <> 'MAN' OR e.rule <> 'manual' OR v.voucher_id IS NULL)
     ORDER BY 1, 2, 3
"""
_FUTURE: Final = """
    SELECT e.region, e.fund, e.seq, e.series, e.period, e.vno, e.business_date, d.decided_on FROM books.entry e
      JOIN books.voucher_decision d ON d.region = e.region AND d.fund = e.fund AND 'MAN:' || d.voucher_id = e.source_key
     WHERE e.event = 'MAN' AND e.business_date > d.decided_on ORDER BY 1, 2, 3
"""
_UNKNOWN: Final = """
    SELECT region, fund, seq, series, period, vno, event FROM books.entry WHERE NOT event = ANY(%(events)s) ORDER BY 1, 2, 3
"""


def check_vouchers(snapshot: Snapshot) -> Iterator[Breach]:
    """Drafts against decisions and entries, both ways; then entries of an event that nothing could prove."""
    dimensions = {(region, dim): text for region, dim, text in snapshot.each(_DIMENSIONS)}
    for row in snapshot.each(_DRAFTS):
        region, fund, voucher_id, drafter, decision, decider, text, digest, decided = row[:9]
        seq, series, period, vno, rested_on, prepared_by, reviewed_by, rule, posted = row[9:18]
        book = f"{region}-{fund}"
        where = f"voucher {voucher_id}" if seq is None else seq_label(period, seq, series, vno)
        if sha256(text.encode()).hexdigest() != digest or (decision and decided != digest):
            message = f"手工凭证草稿{voucher_id}与其摘要或复核的摘要不符，已被改动"
            yield Breach("INV-12", book, where, message)
        if seq is None:
            if decision == "approved":
                yield Breach("INV-12", book, where, "手工凭证已批准而没有记账")
            continue
        posted += _lines(region, dimensions, *row[18:])
        if sha256(posted.encode()).hexdigest() != digest or rested_on != digest:
            yield Breach("INV-12", book, where, f"凭证与手工凭证草稿{voucher_id}不同，其中之一已被改动")
        if (decision, decider, drafter, "manual") != ("approved", reviewed_by, prepared_by, rule):
            yield Breach("INV-11", book, where, f"凭证没有由其复核人批准的手工凭证草稿{voucher_id}")
    for region, fund, seq, series, period, vno in snapshot.rows(_UNDRAFTED):
        yield Breach(
            "INV-11",
            f"{region}-{fund}",
            seq_label(period, seq, series, vno),
            "手工凭证没有经另一人批准的草稿",
        )
    for region, fund, seq, series, period, vno, business, decided in snapshot.rows(_FUTURE):
        message = f"手工凭证的业务日期{business}晚于复核日{decided}"
        yield Breach("INV-11", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for region, fund, seq, series, period, vno, event in snapshot.rows(_UNKNOWN, events=list(CHECKED)):
        message = f"{event}不是记账规则的事件，凭证没有可以核对的依据"
        yield Breach("INV-12", f"{region}-{fund}", seq_label(period, seq, series, vno), message)


def _lines(
    region: int,
    dimensions: Mapping[tuple[int, int], str],
    accounts: list[int],
    dims: list[int],
    amounts: list[int],
) -> str:
    """The lines of an entry as its draft's digest has them; a dimension that is gone has nothing to say."""
    return "\n".join(
        f"{n}|{1 if account > 0 else -1}|{fen}|{abs(account)}|{dimensions.get((region, dim), '')}"
        for n, (account, dim, fen) in enumerate(zip(accounts, dims, amounts, strict=False), 1)
    )
