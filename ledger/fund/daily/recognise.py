"""Recognition: payables that stand in no entry yet are booked, one entry per institution, day and key (REC, REV)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.books.journal import post
from ledger.core.entries import FUND_NAMES, Book, Dimensions, EntryDraft
from ledger.db.unit_of_work import Transaction
from ledger.fund.payables.marks import mark_recognised
from ledger.rules import Item, apply

# The rows this run books, fixed before anything is computed from them: records may arrive meanwhile.
_FIX_ROWS: Final = """
    CREATE TEMP TABLE due ON COMMIT DROP AS
    SELECT p.setl_id, p.subfund, p.institution, p.service_year, p.term, p.category, p.day, p.fund_fen, p.daily_fen,
           p.ratio, r.content_digest, r.init_setl_id <> '' AS reversal, '' AS source_key
      FROM fund.payable p JOIN fund.record r ON r.region = p.region AND r.setl_id = p.setl_id
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.recognised_by = '' AND p.day <= %(upto)s
       FOR UPDATE OF p"""

_GROUP: Final = """
    SELECT day, institution, subfund, service_year, term, category, reversal, count(*), sum(fund_fen)::bigint, sum(daily_fen)::bigint,
           sha256(string_agg(content_digest || convert_to(concat_ws('|', %(fund)s::text, setl_id, subfund, institution, service_year,
                                 term, category, day::text, fund_fen, daily_fen, ratio) || E'\\n', 'UTF8'),
                             ''::bytea ORDER BY setl_id COLLATE "C", subfund))
      FROM due GROUP BY day, institution, subfund, service_year, term, category, reversal
     ORDER BY day, institution COLLATE "C", subfund, service_year, term, category, reversal"""


@dataclass(frozen=True, slots=True)
class Group:
    """Payables of one key that one entry books; amounts in fen."""

    day: date
    dims: Dimensions
    reversal: bool
    records: int
    fund_fen: int
    daily_fen: int
    digest: bytes

    @property
    def source_key(self) -> str:
        """Names the event by its key and its content: late records of the same key make another event."""
        d = self.dims
        kind = "REV" if self.reversal else "REC"
        return (
            f"{kind}:{self.day}:{d.counterparty}:{d.subfund}:{d.service_year}:{d.term}:{d.category}"
            f":{self.digest.hex()[:16]}"
        )


def recognise(
    tx: Transaction, book: Book, policy: str, upto: date, voucher_date: date, reviewed_by: str
) -> int:
    """Book every payable of `book` up to `upto` that stands in no entry; returns how many entries were posted.

    Raises what `ledger.books.journal.post` raises. Part of the caller's transaction.
    """
    tx.run("DROP TABLE IF EXISTS due")
    rows = tx.run(_FIX_ROWS, region=book.region, fund=book.fund, upto=upto)
    if not rows:
        return 0
    tx.run("ANALYZE due")
    groups = [
        Group(
            day,
            Dimensions(institution, subfund, year, term, category),
            reversal,
            count,
            fund_fen,
            daily_fen,
            bytes(digest),
        )
        for day, institution, subfund, year, term, category, reversal, count, fund_fen, daily_fen, digest in tx.rows(
            _GROUP, fund=book.fund
        )
    ]
    posted = post(tx, book, voucher_date, [_draft(book, policy, group, reviewed_by) for group in groups])
    _mark(tx, book, groups)
    return len(posted)


def _draft(book: Book, policy: str, group: Group, reviewed_by: str) -> EntryDraft:
    event = "REV" if group.reversal else "REC"
    ruled = apply(event, policy, book.fund, [Item(group.dims, group.fund_fen, group.daily_fen)])
    what = "冲销结算" if group.reversal else "结算"
    return EntryDraft(
        event=ruled.event,
        source_key=group.source_key,
        business_date=group.day,
        summary=f"{group.day:%Y%m%d}{what}{FUND_NAMES[book.fund]}{group.dims.counterparty}共{group.records}笔",
        legs=ruled.legs,
        rule=ruled.rule,
        prepared_by=f"rule:{ruled.rule}",
        reviewed_by=reviewed_by,
        evidence_digest=group.digest,
        evidence=f"结算记录{group.records}笔",
        attachments=group.records,
    )


def _mark(tx: Transaction, book: Book, groups: Sequence[Group]) -> None:
    """Tie every payable to its entry. In two steps, each on one small table, so that no plan can go wrong."""
    tx.run(
        """UPDATE due d SET source_key = g.source_key
             FROM unnest(%(days)s::date[], %(institutions)s::text[], %(subfunds)s::text[], %(years)s::smallint[],
                         %(terms)s::int[], %(categories)s::text[], %(reversals)s::boolean[], %(keys)s::text[])
                  AS g (day, institution, subfund, service_year, term, category, reversal, source_key)
            WHERE d.day = g.day AND d.institution = g.institution AND d.subfund = g.subfund
              AND d.service_year = g.service_year AND d.term = g.term AND d.category = g.category
              AND d.reversal = g.reversal""",
        days=[g.day for g in groups],
        institutions=[g.dims.counterparty for g in groups],
        subfunds=[g.dims.subfund for g in groups],
        years=[g.dims.service_year for g in groups],
        terms=[g.dims.term for g in groups],
        categories=[g.dims.category for g in groups],
        reversals=[g.reversal for g in groups],
        keys=[g.source_key for g in groups],
    )
    mark_recognised(tx, book)
