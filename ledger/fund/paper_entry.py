"""The entry of a signed paper: SET of a month's sheet, CLR of a letter. Written by rule, posted once, rests on the digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import Book, EntryDraft, Posted
from ledger.db.unit_of_work import Transaction
from ledger.rules import RuledEntry, Sheet, apply
from ledger.rules.policy import policy_on

ADVANCE_POLICY: Final = "P1"


class Paper(NamedTuple):
    """A sheet or letter as its entry names it."""

    event: str
    """SET or CLR; the source key is `<event>:<paper_id>`."""
    fund: int
    paper_id: str
    digest: bytes
    """What was approved: the evidence of the entry."""
    summary: str
    attachments: int


def settling_policy(tx: Transaction, day: date, *, advance: bool) -> str:
    """The policy of the day; P1 while an advance is left: one made before the region changed to P2 still has to be
    settled.
    """
    return ADVANCE_POLICY if advance else policy_on(tx, tx.region, day)


def write_entry(paper: Paper, policy: str, rows: Sequence[Sheet], day: date) -> RuledEntry | None:
    """The paper's entry, None where there is nothing to book; raises what `ledger.rules.apply` raises."""
    moving = [row for row in rows if any(row[1:-1])]
    if not moving:
        return None
    return apply(paper.event, policy, paper.fund, moving, year=day.year, on=day)


def post_paper(tx: Transaction, paper: Paper, ruled: RuledEntry, day: date) -> Posted:
    """Post it on `day`, reviewed by the transaction's user, who signed the paper; raises what posting raises."""
    book = Book(tx.region, paper.fund)
    open_period(tx, book, period_of(day))
    [posted] = post(
        tx,
        book,
        day,
        [
            EntryDraft(
                event=ruled.event,
                source_key=f"{paper.event}:{paper.paper_id}",
                business_date=day,
                summary=paper.summary,
                legs=ruled.legs,
                rule=ruled.rule,
                prepared_by=f"rule:{ruled.rule}",
                reviewed_by=tx.user,
                evidence_digest=paper.digest,
                evidence=paper.paper_id,
                attachments=paper.attachments,
            )
        ],
    )
    return posted
