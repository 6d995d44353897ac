"""INV-11, INV-12: entries that rest on a paper two persons signed, or on out-of-region records and bills.

9209 is tied to the lines of the refunds by itself (T4 sees it only together with what was paid).
Refunds (REF), moves of own accounts (INT, FEE), grants (ALLOT), explained receipts (OWN), out-of-region money and records (OUT, PRE), bills that
came in (CLRX): each entry has its paper, the paper has its entry, and digest, amount and signers are the paper's. The
texts are made here from the tables; the writers' code is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple

from psycopg.rows import TupleRow

from ledger.control.breach import Breach
from ledger.control.checks.fund.ties import Tie, compare
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import REFUNDED


def _facts_digest(facts: Sequence[str]) -> str:
    """SHA-256 over the facts joined by `|`; a backslash or `|` inside one is preceded by a backslash."""
    escaped = (fact.replace("\\", "\\\\").replace("|", "\\|") for fact in facts)
    return sha256("|".join(escaped).encode()).hexdigest()


def _lines_digest(lines: Sequence[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()


def _as_stored(facts: Sequence[str]) -> str:
    return facts[0]


class BookedPaper(NamedTuple):
    """A kind of paper: which entries rest on it, and what its booked rows say."""

    name: str
    events: tuple[str, ...]
    prefix: str
    """Of the source keys of its entries."""
    rows: LiteralString
    """region, fund, source key, facts as text[], fen, prepared_by, approved_by ('' where a rule prepares)."""
    digest: Callable[[Sequence[str]], str]


_REFUNDS: Final = """
    SELECT r.region, r.fund, 'REF:' || r.refund_id,
           ARRAY['REF', r.refund_id, r.fund::text, r.institution, r.kind, r.ordered_by, r.account, r.received_on::text,
                 r.amount_fen::text, r.document, r.receipt_no, r.advance_id]
           || coalesce((SELECT array_agg(f.fact ORDER BY l.n, f.place) FROM fund.refund_line l CROSS JOIN LATERAL unnest(
                  ARRAY[l.source::text, l.subfund, l.service_year::text, l.term::text, l.category, l.amount_fen::text])
                  WITH ORDINALITY AS f (fact, place) WHERE l.region = r.region AND l.refund_id = r.refund_id), '{}'),
           r.amount_fen, r.prepared_by, r.approved_by
      FROM fund.refund r WHERE r.state IN ('approved', 'reversed')"""
_MOVES: Final = """
    SELECT m.region, m.fund, 'CASH:' || m.move_id,
           ARRAY['CASH', m.move_id, m.fund::text, m.kind, m.account, m.fiscal_account, m.subfund, m.booked_on::text,
                 m.amount_fen::text, m.receipt_no],
           m.amount_fen, m.prepared_by, m.approved_by
      FROM fund.cash_move m WHERE m.state IN ('approved', 'reversed')"""
_GRANTS: Final = """
    SELECT q.region, q.fund, 'ALLOT:' || q.request_id,
           ARRAY['ALLOT', q.request_id, q.fund::text, q.account, q.fiscal_account, q.upto::text, q.forecast_fen::text,
                 q.available_fen::text, q.amount_fen::text, q.granted_fen::text, q.granted_on::text, q.receipt_no]
           || CASE q.basis WHEN 'due' THEN '{}' ELSE ARRAY[q.basis, q.month::text] END
           || coalesce((SELECT array_agg(f.fact ORDER BY l.n, f.place) FROM fund.fund_request_line l CROSS JOIN LATERAL unnest(
                  ARRAY[l.kind, l.due_on::text, l.amount_fen::text]) WITH ORDINALITY AS f (fact, place)
                  WHERE l.region = q.region AND l.request_id = q.request_id), '{}'),
           q.granted_fen, q.prepared_by, q.approved_by
      FROM fund.fund_request q WHERE q.state = 'granted'"""
_RECEIPTS: Final = """
    SELECT r.region, r.fund, 'OWN:' || r.resolution_id,
           ARRAY['OWN', r.resolution_id, r.fund::text, r.account, r.kind, r.receipt_no, r.direction, encode(v.digest, 'hex'),
                 v.booking_date::text, v.amount_fen::text, r.what, r.reference, r.document],
           v.amount_fen, r.prepared_by, r.approved_by
      FROM payments.resolution r
      JOIN payments.receipt_kind k ON k.what = r.what
      LEFT JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind AND v.receipt_no = r.receipt_no
           AND v.direction = r.direction
     WHERE r.state = 'approved'"""
_OUT_MOVES: Final = """
    SELECT m.region, m.fund, 'OUT:' || m.move_id,
           ARRAY['OUT', m.move_id, m.fund::text, m.kind, m.counterparty::text, m.amount_fen::text, m.document, m.receipt_no,
                 m.booked_on::text],
           m.amount_fen, m.prepared_by, m.approved_by
      FROM fund.outregion_move m WHERE m.state = 'done'"""
_OUT_RECORDS: Final = """
    SELECT x.region, x.fund, x.recognised_by,
           array_agg(x.setl_id || '|' || encode(r.content_digest, 'hex') || '|' || x.amount_fen ORDER BY x.setl_id COLLATE "C"),
           sum(x.amount_fen)::bigint, '', ''
      FROM fund.outregion_record x
      LEFT JOIN fund.record r ON r.region = x.region AND r.setl_id = x.setl_id
     WHERE x.recognised_by <> '' GROUP BY x.region, x.fund, x.recognised_by"""
_BILLS: Final = """
    SELECT b.region, b.fund, 'CLRX:' || b.bill_id, ARRAY[encode(b.digest, 'hex')], b.amount_fen, '', ''
      FROM fund.outregion_bill b WHERE b.side = 'insured'"""

PAPERS: Final = (
    BookedPaper("退款单", ("REF",), "REF:", _REFUNDS, _facts_digest),
    BookedPaper("自有账户收支单", ("INT", "FEE"), "CASH:", _MOVES, _facts_digest),
    BookedPaper("请款单", ("ALLOT",), "ALLOT:", _GRANTS, _facts_digest),
    BookedPaper("挂账处理单", ("OWN",), "OWN:", _RECEIPTS, _facts_digest),
    BookedPaper("异地收付单", ("OUT", "PRE"), "OUT:", _OUT_MOVES, _facts_digest),
    BookedPaper("异地结算记录", ("OUT",), "OUTREC:", _OUT_RECORDS, _lines_digest),
    BookedPaper("异地清算账单", ("CLRX",), "CLRX:", _BILLS, _as_stored),
)

_REFUNDED: Final = Tie(
    "T4",
    (REFUNDED,),
    1,
    """
    SELECT r.region, r.fund, r.institution, l.subfund, l.service_year, l.term, l.category, l.amount_fen
      FROM fund.refund r JOIN fund.refund_line l ON l.region = r.region AND l.refund_id = r.refund_id
     WHERE r.state = 'approved'""",
    "机构已退回不等于已办理退款单的明细",
)

# What came back on an expense of one side is red on that side (OWN): it moves nothing beside the account's own line.
_ENTRIES: Final = """
    SELECT e.source_key, e.event, e.seq, e.series, e.period, e.vno, encode(e.evidence_digest, 'hex'), e.prepared_by, e.reviewed_by,
           coalesce((SELECT sum(CASE e.event WHEN 'OWN' THEN greatest(l.amount_fen, 0) ELSE l.amount_fen END) FROM books.leg l
                      WHERE l.region = e.region AND l.fund = e.fund AND l.period = e.period AND l.seq = e.seq AND l.side = 1
                        AND l.section = CASE e.series WHEN '记' THEN 1 ELSE 2 END), 0)::bigint
      FROM books.entry e WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.event = ANY(%(events)s) ORDER BY e.seq
"""
# A bill is what its message said, on whichever side it came from or went to.
_MESSAGES: Final = """
    SELECT b.region, b.fund, b.bill_id FROM fund.outregion_bill b
      LEFT JOIN (SELECT region, link_id, body, digest FROM fund.outregion_inbox WHERE kind = 'bill'
                 UNION ALL SELECT region, link_id, body, digest FROM fund.outregion_outbox WHERE kind = 'bill') m
        ON m.region = b.region AND m.link_id = b.bill_id
     WHERE m.body IS NULL OR m.digest <> b.digest OR sha256(convert_to(m.body, 'UTF8')) <> b.digest
        OR (m.body::jsonb ->> 'amount_fen', m.body::jsonb ->> 'term', m.body::jsonb ->> 'records', m.body::jsonb ->> 'fund')
           <> (b.amount_fen::text, b.term::text, b.records::text, b.fund::text)
        OR m.body::jsonb -> 'lines' <> (SELECT coalesce(jsonb_agg(jsonb_build_array(l.service_year, l.category, l.subfund, l.amount_fen)
               ORDER BY l.service_year, l.category COLLATE "C", l.subfund COLLATE "C"), '[]')
               FROM fund.outregion_bill_line l WHERE l.region = b.region AND l.bill_id = b.bill_id)
     ORDER BY 1, 2, 3
"""


def check_papers(snapshot: Snapshot) -> Iterator[Breach]:
    """Every paper against its entry and every such entry against its paper; bills against their messages."""
    events = sorted({event for paper in PAPERS for event in paper.events})
    entries: dict[tuple[int, int, str], TupleRow] = {}
    for book in snapshot.books():
        for row in snapshot.rows(_ENTRIES, region=book.region, fund=book.fund, events=events):
            entries[book.region, book.fund, row[0]] = row[1:]
    for paper in PAPERS:
        for region, fund, key, facts, fen, *signers in snapshot.each(paper.rows):
            entry = entries.pop((region, fund, key), None)
            if entry is None:
                yield Breach("INV-12", f"{region}-{fund}", f"paper {key}", f"{paper.name}已办理而没有凭证")
                continue
            digest = paper.digest(facts) if None not in facts else ""
            yield from _differences(f"{region}-{fund}", paper, key, entry, (digest, fen, *signers))
    for (region, fund, key), (event, seq, series, period, vno, *_) in entries.items():
        message = f"{event}凭证所依据的单据{key}不存在，或未办理"
        yield Breach("INV-12", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    yield from compare(snapshot, _REFUNDED)
    for region, fund, bill in snapshot.rows(_MESSAGES):
        yield Breach("INV-12", f"{region}-{fund}", f"paper {bill}", "异地清算账单与其往来消息不同，已被改动")


def _differences(
    book: str, paper: BookedPaper, key: str, entry: TupleRow, said: tuple[str, int, str, str]
) -> Iterator[Breach]:
    event, seq, series, period, vno, rested_on, prepared_by, reviewed_by, booked = entry
    digest, fen, *signers = said
    where = seq_label(period, seq, series, vno)
    if event not in paper.events or digest != rested_on:
        message = f"{event}凭证所依据的{paper.name}{key}与记账时不同，已被改动"
        yield Breach("INV-12", book, where, message)
    if booked != fen:
        yield Breach("INV-12", book, where, f"{event}凭证记{booked}分，{paper.name}{key}为{fen}分")
    if signers[0] and [prepared_by, reviewed_by] != signers:
        yield Breach("INV-11", book, where, f"凭证的制单、复核不是{paper.name}{key}的两个签署人")
