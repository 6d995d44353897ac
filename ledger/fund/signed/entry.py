"""The entry of a signed paper: SET of a month's sheet, CLR of a letter, and what two persons sign (refund, move of an own
account, grant, out of region). Its legs are a rule's; it is posted once and rests on the paper's digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


class EntryPaper(NamedTuple):
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


def write_entry(paper: EntryPaper, policy: str, rows: Sequence[Sheet], day: date) -> RuledEntry | None:
    """The paper's entry, None where there is nothing to book; raises what `ledger.rules.apply` raises."""
    moving = [row for row in rows if any(row[1:-1])]
    if not moving:
        return None
    return apply(paper.event, policy, paper.fund, moving, year=day.year, on=day)


def post_paper(tx: Transaction, paper: EntryPaper, ruled: RuledEntry, day: date) -> Posted:
    """Post it on `day`, reviewed by the transaction's user, who signed the paper; raises what posting raises."""
    open_period(tx, Book(tx.region, paper.fund), period_of(day))
    signed = SignedEntry(
        fund=paper.fund,
        source_key=f"{paper.event}:{paper.paper_id}",
        business_date=day,
        summary=paper.summary,
        prepared_by=f"rule:{ruled.rule}",
        reviewed_by=tx.user,
        digest=paper.digest,
        evidence=paper.paper_id,
        attachments=paper.attachments,
    )
    return post_signed(tx, signed, ruled, day)


@dataclass(frozen=True, slots=True)
class SignedEntry:
    """What an entry says beside its legs: which paper it books, who signed it, and what proves it."""

    fund: int
    source_key: str
    business_date: date
    summary: str
    prepared_by: str
    reviewed_by: str
    digest: bytes
    evidence: str
    attachments: int = 1


def post_signed(tx: Transaction, paper: SignedEntry, ruled: RuledEntry, day: date) -> Posted:
    """Post the legs a rule gave for a paper that two persons signed, or a rule prepared; raises what posting raises."""
    entry = EntryDraft(
        event=ruled.event,
        source_key=paper.source_key,
        business_date=paper.business_date,
        summary=paper.summary,
        legs=ruled.legs,
        rule=ruled.rule,
        prepared_by=paper.prepared_by,
        reviewed_by=paper.reviewed_by,
        evidence_digest=paper.digest,
        evidence=paper.evidence,
        attachments=paper.attachments,
    )
    [posted] = post(tx, Book(tx.region, paper.fund), day, [entry])
    return posted
