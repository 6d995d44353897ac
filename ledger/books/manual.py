"""Vouchers written by hand 手工凭证: one person drafts, another approves exactly that, and only then it is posted.

A draft is kept whatever becomes of it. Its digest is over its facts and lines; the approval names that digest, the
entry carries it, and `books.post()` refuses a hand-written entry whose approved draft says anything else (INV-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

from ledger.access.signing.signing import signed
from ledger.books.attached import Attachment, attachments_of
from ledger.books.cautions import Caution, cautions
from ledger.books.journal import post
from ledger.books.papers import PaperName, papers_of
from ledger.core.entries import Book, Dimensions, EntryDraft, Leg, Posted, Side
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.text import is_seen, one_line
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

EVENT: Final = "MAN"
RULE: Final = "manual"
STATES: Final = words_of("voucher.state")
"""Of a draft; approving it posts it."""


@dataclass(frozen=True, slots=True)
class ManualContent:
    """What an accountant writes down. `attachments` counts sheets of paper, beside the files that are kept. `evidence` names the paper it rests on; `reverses_seq` the entry it corrects, or 0."""

    business_date: date
    summary: str
    evidence: str
    legs: Sequence[Leg]
    attachments: int = 0
    reverses_seq: int = 0
    correction: str = ""
    """`red` (set where `reverses_seq` is), `blue`, `difference`; `before`: drafted when this was not asked."""
    corrects_seq: int = 0
    """The entry a blue one or a difference corrects, or 0."""
    papers: Sequence[PaperName] = ()
    """The bank's papers it takes out of suspense."""
    template: str = ""
    """The version of the region's own template it was filled from, as `WH01@2`; empty for none and for a shipped one."""


@dataclass(frozen=True, slots=True)
class ManualVoucher:
    """A stored draft with what was decided of it; `voucher` is the printed number once it is posted."""

    book: Book
    voucher_id: str
    content: ManualContent
    prepared_by: str
    prepared_on: date
    digest: bytes
    state: str
    decided_by: str
    decided_on: date | None
    reason: str
    voucher: str
    attached: tuple[Attachment, ...] = ()
    """What is attached, in order."""
    attachments_digest: bytes = b""

    @property
    def shown_digest(self) -> bytes:
        """What a second person answers for: the draft's own digest, with its papers' where it has some."""
        return (
            sha256(self.digest + self.attachments_digest).digest() if self.attachments_digest else self.digest
        )

    @property
    def source_key(self) -> str:
        """The business key of its entry."""
        return f"{EVENT}:{self.voucher_id}"

    @property
    def amount_fen(self) -> int:
        """What its debits come to."""
        return sum(leg.amount_fen for leg in self.content.legs if leg.side is Side.DEBIT)

    @property
    def cautions(self) -> list[Caution]:
        """What drafter and checker should know before they go on; none for a red copy."""
        return [] if self.content.reverses_seq else cautions(self.content.legs, self.content.papers)

    def as_json(self) -> dict[str, object]:
        """For machines; money in fen as text, what is not decided yet empty."""
        content = self.content
        return {
            "draft": self.voucher_id,
            "book": str(self.book),
            "state": self.state,
            "business_date": content.business_date.isoformat(),
            "summary": content.summary,
            "evidence": content.evidence,
            "attachments": content.attachments + len(self.attached),
            "attached": [one.as_json() for one in self.attached],
            "reverses_seq": content.reverses_seq,
            "correction": "" if content.correction == "before" else content.correction,
            "corrects_seq": content.corrects_seq,
            "receipts": [str(paper) for paper in content.papers],
            "template": content.template,
            "amount_fen": str(self.amount_fen),
            "lines": [
                {
                    "side": "借" if leg.side is Side.DEBIT else "贷",
                    "account": leg.account,
                    "amount_fen": str(leg.amount_fen),
                    **leg.dims._asdict(),
                }
                for leg in content.legs
            ],
            "prepared_by": self.prepared_by,
            "prepared_on": self.prepared_on.isoformat(),
            "digest": self.shown_digest.hex(),
            "decided_by": self.decided_by,
            "decided_on": self.decided_on.isoformat() if self.decided_on else "",
            "reason": self.reason,
            "voucher": self.voucher,
            "warnings": [one._asdict() for one in self.cautions],
        }


def require_happened(day: date, today: date) -> None:
    """A day named by a person is not after the process's business date; raises InvalidInput `voucher.future`."""
    if day > today:
        raise InvalidInput(
            "voucher.future",
            f"办理日期{day}晚于业务日期{today}，未发生的业务不能制单或复核",
            day=str(day),
        )


def draft_voucher(tx: Transaction, book: Book, content: ManualContent, day: date) -> ManualVoucher:
    """Draft as accountant or maker, under one's own name; the same content again gives the first answer.

    Raises InvalidInput `entry.too_few_lines`, `entry.unbalanced`, `account.*`, `dimension.mismatch`, `voucher.text`,
    `template.other_lines`, `voucher.future` (a business date after `day`, or a day beyond what the database bears:
    books.outer_day); `correct.not_reverse`, `correct.blue_letters`, `correct.difference_lines`, `voucher.paper_differs`; NotFound
    `correct.unknown`, `suspense.unknown`; Conflict `correct.*`, `suspense.not_open`, `voucher.paper_waits`,
    `voucher.paper_claimed`, `voucher.awaits_paper`, `template.not_yet`, `template.superseded`, `template.retired`;
    Forbidden `voucher.rule_account`, `access.role_missing`, `access.cashier_posts`.
    """
    for name, text in (("摘要", content.summary), ("依据", content.evidence)):
        if not text.strip() or len(text) > 200 or any(c in "|\\" for c in text) or not is_seen(text):
            raise InvalidInput(
                "voucher.text",
                f"{name}“{one_line(text[:40])}”应为1到200字，且不含竖线、反斜杠、换行和看不见的字符",
                field=name,
            )
    legs = content.legs
    voucher_id = tx.value(
        """SELECT books.draft_voucher(%(region)s, %(fund)s::smallint, %(business)s, %(reverses)s, %(summary)s, %(evidence)s,
                  %(attachments)s, %(day)s, %(sides)s::smallint[], %(amounts)s::bigint[], %(accounts)s::integer[],
                  %(parties)s::text[], %(subfunds)s::text[], %(years)s::smallint[], %(terms)s::integer[], %(categories)s::text[],
                  %(correction)s, %(corrects)s, %(papers)s::text[], %(template)s)""",
        region=book.region,
        fund=book.fund,
        business=content.business_date,
        reverses=content.reverses_seq,
        summary=content.summary,
        evidence=content.evidence,
        attachments=content.attachments,
        day=day,
        sides=[int(leg.side) for leg in legs],
        amounts=[leg.amount_fen for leg in legs],
        accounts=[leg.account for leg in legs],
        parties=[leg.dims.counterparty for leg in legs],
        subfunds=[leg.dims.subfund for leg in legs],
        years=[leg.dims.service_year for leg in legs],
        terms=[leg.dims.term for leg in legs],
        categories=[leg.dims.category for leg in legs],
        correction=content.correction,
        corrects=content.corrects_seq,
        papers=[part for paper in content.papers for part in paper],
        template=content.template or None,
    )
    return manual_voucher(tx, book, voucher_id)


def approve_voucher(tx: Transaction, book: Book, voucher_id: str, digest: bytes, day: date) -> Posted:
    """Approve what `digest` stands for, as checker and another person than the drafter, and post it under `day`.

    Approving again gives the first answer. Raises NotFound `voucher.draft_unknown`; Conflict `voucher.changed`,
    `voucher.decided`, `voucher.overdrawn`, and what drafting raises, asked again; InvalidInput `voucher.future`; Forbidden `voucher.same_person`, `access.role_missing`; and what
    posting raises.
    """
    return approve_vouchers(tx, book, {voucher_id: digest}, day)[0]


def approve_vouchers(tx: Transaction, book: Book, digests: Mapping[str, bytes], day: date) -> list[Posted]:
    """Several drafts, by id and digest, approved together and posted as one block; all or none, else as one."""
    for voucher_id, digest in digests.items():
        signed(tx, "voucher.approve", voucher_id, digest.hex(), day)
    entries = []
    for voucher_id, digest in digests.items():
        _decide(tx, book, voucher_id, "approved", digest, day, "")
        entries.append(entry_of(manual_voucher(tx, book, voucher_id)))
    return post(tx, book, day, entries)


def entry_of(drafted: ManualVoucher) -> EntryDraft:
    """The entry an approved draft is posted as."""
    content = drafted.content
    return EntryDraft(
        event=EVENT,
        source_key=drafted.source_key,
        business_date=content.business_date,
        summary=content.summary,
        legs=content.legs,
        rule=RULE,
        prepared_by=drafted.prepared_by,
        reviewed_by=drafted.decided_by,
        evidence_digest=drafted.digest,
        evidence=content.evidence,
        attachments=content.attachments + len(drafted.attached),
        reverses_seq=content.reverses_seq,
    )


def reject_voucher(tx: Transaction, book: Book, voucher_id: str, day: date, reason: str) -> ManualVoucher:
    """Reject a draft as checker and another person, with a reason; nothing is posted, the draft is kept.

    Raises InvalidInput `voucher.reason`; else as `approve_voucher`.
    """
    return _turn_down(tx, book, voucher_id, "rejected", day, reason)


def withdraw_voucher(tx: Transaction, book: Book, voucher_id: str, day: date, reason: str) -> ManualVoucher:
    """Withdraw one's own draft, with a reason; it is kept. Raises Forbidden `voucher.not_drafter`; else as `reject_voucher`."""
    return _turn_down(tx, book, voucher_id, "withdrawn", day, reason)


def manual_voucher(tx: Transaction, book: Book, voucher_id: str) -> ManualVoucher:
    """One draft. Raises NotFound `voucher.draft_unknown`."""
    found = manual_vouchers(tx, book, voucher_id=voucher_id)
    if not found:
        raise NotFound(
            "voucher.draft_unknown", f"账套{book}没有手工凭证草稿{voucher_id[:40]}", voucher=voucher_id[:40]
        )
    return found[0]


def manual_vouchers(
    tx: Transaction,
    book: Book,
    *,
    voucher_id: str = "",
    state: str = "",
    after: str = "",
    limit: int | None = None,
) -> list[ManualVoucher]:
    """Drafts of a book, oldest first; of one id or state, or all; the first `limit` that come after the draft `after`.

    Raises InvalidInput `voucher.state`.
    """
    if state and state not in STATES:
        raise InvalidInput("voucher.state", f"没有状态“{state[:20]}”，应为{'、'.join(STATES)}")
    heads = tx.rows(
        """SELECT v.voucher_id, v.business_date, v.summary, v.evidence, v.attachments, v.reverses_seq, v.correction,
                  v.corrects_seq, coalesce(v.template, ''), v.prepared_by,
                  v.prepared_on, v.digest, v.decision, v.decided_by, v.decided_on, v.reason, coalesce(e.printed, ''),
                  CASE WHEN p.voucher_id IS NULL THEN '' ELSE books.attachments_digest(v.region, v.fund, v.voucher_id) END
             FROM (SELECT w.*, coalesce(d.decision, 'drafted') AS decision, coalesce(d.decided_by, '') AS decided_by, d.decided_on,
                          coalesce(d.reason, '') AS reason
                     FROM books.voucher w
                     LEFT JOIN books.voucher_decision d ON d.region = w.region AND d.fund = w.fund AND d.voucher_id = w.voucher_id
                    WHERE w.region = %(region)s AND w.fund = %(fund)s AND %(id)s IN ('', w.voucher_id)
                      AND %(state)s IN ('', coalesce(d.decision, 'drafted'))
                      AND (%(after)s = '' OR (w.prepared_on, w.voucher_id) >
                           (SELECT a.prepared_on, a.voucher_id FROM books.voucher a
                             WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.voucher_id = %(after)s))
                    ORDER BY w.prepared_on, w.voucher_id LIMIT %(limit)s) v
             LEFT JOIN LATERAL (     -- one by one: joined, all entries of the book are read for a page of drafts
                  SELECT x.series || '-' || x.period || '-' || x.vno AS printed
                    FROM books.source s JOIN books.entry x ON x.region = s.region AND x.fund = s.fund AND x.period = s.period AND x.seq = s.seq
                   WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.source_key = 'MAN:' || v.voucher_id OFFSET 0) e ON true
             LEFT JOIN books.attachment p ON p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id AND p.n = 1
            ORDER BY v.prepared_on, v.voucher_id""",
        region=book.region,
        fund=book.fund,
        id=voucher_id,
        state=state,
        after=after,
        limit=limit,
    )
    legs = legs_of(tx, book, [head[0] for head in heads])
    papers = papers_of(tx, book, [head[0] for head in heads])
    attached = attachments_of(tx, book, [head[0] for head in heads if head[-1]])
    found = []
    for key, business, summary, evidence, attachments, reverses, correction, corrects, *rest in heads:
        template, prepared_by, prepared_on, digest, state, decided_by, decided_on, reason, printed, kept = (
            rest
        )
        said = (business, summary, evidence, tuple(legs[key]), attachments, reverses, correction, corrects)
        content = ManualContent(*said, papers=tuple(papers.get(key, ())), template=template)
        drafted = (book, key, content, prepared_by, prepared_on, bytes(digest))
        decided = (state, decided_by, decided_on, reason, printed)
        found.append(ManualVoucher(*drafted, *decided, attached.get(key, ()), bytes(kept)))
    return found


def legs_of(tx: Transaction, book: Book, voucher_ids: Sequence[str]) -> dict[str, list[Leg]]:
    """The lines of these drafts, each draft's in their order."""
    found: dict[str, list[Leg]] = {}
    for key, side, fen, account, *dims in tx.rows(
        """SELECT voucher_id, side, amount_fen, account, counterparty, subfund, service_year, term, category
             FROM books.voucher_line WHERE region = %(region)s AND fund = %(fund)s AND voucher_id = ANY(%(ids)s)
            ORDER BY voucher_id, n""",
        region=book.region,
        fund=book.fund,
        ids=list(voucher_ids),
    ):
        found.setdefault(key, []).append(Leg(account, Side(side), fen, Dimensions(*dims)))
    return found


def _turn_down(
    tx: Transaction, book: Book, voucher_id: str, decision: str, day: date, reason: str
) -> ManualVoucher:
    text = reason.strip()
    if not text or len(text) > 200:
        raise InvalidInput("voucher.reason", "退回或撤回须写明理由，不超过200字")
    drafted = manual_voucher(tx, book, voucher_id)
    _decide(tx, book, voucher_id, decision, drafted.shown_digest, day, text)
    return manual_voucher(tx, book, voucher_id)


def _decide(
    tx: Transaction, book: Book, voucher_id: str, decision: str, digest: bytes, day: date, reason: str
) -> None:
    tx.run(
        "SELECT books.decide_voucher(%(region)s, %(fund)s::smallint, %(id)s, %(decision)s, %(digest)s, %(day)s, %(reason)s)",
        region=book.region,
        fund=book.fund,
        id=voucher_id,
        decision=decision,
        digest=digest,
        day=day,
        reason=reason,
    )
