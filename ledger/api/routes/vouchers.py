"""Vouchers by hand over HTTP, as `fundledger book voucher` has them: drafted by one person, decided by another.

Each act is one transaction with its key: approving posts the entry, or nothing was approved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from ledger.api.acting import Body, Digest, act
from ledger.api.calling import DAY, PAGE, BookPath, Call, Calling, LimitQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.books.manual import (
    ManualContent,
    approve_voucher,
    draft_voucher,
    manual_voucher,
    manual_vouchers,
    reject_voucher,
    require_happened,
    withdraw_voucher,
)
from ledger.books.papers import named_papers
from ledger.books.reading import parse_book
from ledger.books.setup import open_period
from ledger.books.vouchers import voucher
from ledger.core.dates import parse_day, period_of
from ledger.core.digests import parse_digest
from ledger.core.entries import Book, Dimensions, Leg, Side
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.stated import take_line

router = APIRouter(prefix="/api/v1/books/{book}/voucher-drafts", tags=["手工凭证"])

LINES_MAX: Final = 500
DRAFT_ID: Final = "^MV-[0-9a-f]{20}$"
DraftPath = Annotated[str, Path(pattern=DRAFT_ID, description="草稿编号")]
Day = Annotated[str, Field(strict=True, pattern=DAY, description="办理日期；复核时即填制日期")]
Text = Annotated[str, Field(strict=True, min_length=1, max_length=200)]


class VoucherLineBody(Body):
    """One line; the dimensions are those the account asks for."""

    side: Literal["借", "贷"]
    account: Annotated[int, Field(strict=True, ge=1000, le=99_999_999, description="末级科目")]
    amount_fen: Annotated[str, Field(strict=True, pattern="^-?[1-9][0-9]{0,15}$", description="分，红字为负")]
    counterparty: Annotated[str, Field(strict=True, pattern="^[0-9A-Za-z-]{0,40}$")] = ""
    subfund: Annotated[str, Field(strict=True, pattern="^[a-z]{0,8}$")] = ""
    service_year: Annotated[int, Field(strict=True, ge=0, le=9999)] = 0
    term: Annotated[int, Field(strict=True, ge=0, le=999_912)] = 0
    category: Annotated[str, Field(strict=True, pattern="^[a-z_]{0,20}$")] = ""

    def leg(self) -> Leg:
        """As the journal has it."""
        dims = Dimensions(self.counterparty, self.subfund, self.service_year, self.term, self.category)
        return Leg(self.account, Side.DEBIT if self.side == "借" else Side.CREDIT, int(self.amount_fen), dims)


class DraftBody(Body):
    """What an accountant writes down."""

    date: Day
    business_date: Annotated[str | None, Field(pattern=DAY, description="业务日期；缺省为办理日期")] = None
    summary: Annotated[Text, Field(description="摘要")]
    evidence: Annotated[Text, Field(description="依据：文号、单据号")]
    attachments: Annotated[int, Field(strict=True, ge=0, le=9999, description="附件张数")] = 0
    reverses: Annotated[
        str | None,
        Field(
            pattern=r"^((记|备)-[0-9]{6}-[0-9]{1,9}|[0-9]{1,18})$",
            description="所更正的凭证，如记-202610-12或链上序号",
        ),
    ] = None
    receipts: Annotated[
        list[Annotated[str, Field(strict=True, min_length=3, max_length=120)]],
        Field(
            max_length=200,
            description="所依据的挂账回单，如bker:R1；付、收同号的写明:debit或:credit；没有回单的对账单行写statement:3:7",
        ),
    ] = Field(default_factory=list)
    lines: Annotated[list[VoucherLineBody], Field(min_length=2, max_length=LINES_MAX)]


class VoucherApprovalBody(Body):
    """When, and what was looked at: the digest binds the approval to it."""

    date: Day
    digest: Digest


class ReasonBody(Body):
    """When and why."""

    date: Day
    reason: Annotated[Text, Field(description="理由")]


@router.post(
    "", summary="制单（不记账），待另一人复核", responses=described("VoucherDraft"), response_class=Response
)
def draft(call: Calling, request: Request, book: BookPath, body: DraftBody) -> Response:
    """Draft under one's own name; the same content again is the same draft."""
    named, day = parse_book(book), parse_day(body.date)
    require_happened(day, call.today)
    business = parse_day(body.business_date) if body.business_date else day
    legs = tuple(line.leg() for line in body.lines)

    def effect(tx: Transaction) -> dict[str, object]:
        corrected = voucher(tx, named, body.reverses).seq if body.reverses else 0
        papers = named_papers(tx, named, legs, body.receipts, take_line)
        content = ManualContent(
            business, body.summary, body.evidence, legs, body.attachments, corrected, papers=papers
        )
        return draft_voucher(tx, named, content, day).as_json()

    return act(call, request, named.region, "voucher.draft", f"{book} {body.summary}", effect)


@router.get("", summary="手工凭证草稿", responses=described("VoucherDrafts"), response_class=Response)
def drafts(
    call: Calling,
    book: BookPath,
    state: Annotated[
        Literal["drafted", "approved", "rejected", "withdrawn"] | None, Query(description="状态")
    ] = None,
    after: Annotated[str | None, Query(pattern=DRAFT_ID, description="上一页的next")] = None,
    limit: LimitQuery = PAGE,
) -> Response:
    """Oldest first, what was rejected or withdrawn among them; `next` is null on the last page."""
    named = parse_book(book)
    with call.tx(in_region(call.caller, named.region)) as tx:
        found = manual_vouchers(tx, named, state=state or "", after=after or "", limit=limit + 1)
    shown = found[:limit]
    more = shown[-1].voucher_id if len(found) > limit else None
    return as_json({"drafts": [one.as_json() for one in shown], "next": more})


@router.get("/{draft}", summary="一份草稿", responses=described("VoucherDraft"), response_class=Response)
def draft_of(call: Calling, book: BookPath, draft: DraftPath) -> Response:
    """What a checker looks at before approving, with its digest."""
    named = parse_book(book)
    with call.tx(named.region) as tx:
        return as_json(manual_voucher(tx, named, draft).as_json())


def _decide(
    call: Call,
    request: Request,
    book: str,
    draft: str,
    what: str,
    decide: Callable[[Transaction, Book], object],
) -> Response:
    named = parse_book(book)

    def effect(tx: Transaction) -> dict[str, object]:
        decide(tx, named)
        return manual_voucher(tx, named, draft).as_json()

    return act(call, request, named.region, f"voucher.{what}", f"{book} {draft}", effect)


@router.post(
    "/{draft}/approval",
    summary="复核并记账：须为制单人以外的另一人，且摘要相符",
    responses=described("VoucherDraft"),
    response_class=Response,
)
def approval(
    call: Calling, request: Request, book: BookPath, draft: DraftPath, body: VoucherApprovalBody
) -> Response:
    """Approve exactly what was drafted and post it under the day."""
    day, seen = parse_day(body.date), parse_digest(body.digest)

    def decide(tx: Transaction, named: Book) -> None:
        require_happened(day, call.today)
        open_period(tx, named, period_of(day))
        approve_voucher(tx, named, draft, seen, day)

    return _decide(call, request, book, draft, "approve", decide)


@router.post(
    "/{draft}/rejection",
    summary="退回：由制单人以外的人，草稿保留",
    responses=described("VoucherDraft"),
    response_class=Response,
)
def rejection(
    call: Calling, request: Request, book: BookPath, draft: DraftPath, body: ReasonBody
) -> Response:
    """Nothing is posted; the same content may be drafted anew."""
    day = parse_day(body.date)
    return _decide(
        call, request, book, draft, "reject",
        lambda tx, named: reject_voucher(tx, named, draft, day, body.reason),
    )  # fmt: skip


@router.post(
    "/{draft}/withdrawal",
    summary="制单人撤回自己的草稿，草稿保留",
    responses=described("VoucherDraft"),
    response_class=Response,
)
def withdrawal(
    call: Calling, request: Request, book: BookPath, draft: DraftPath, body: ReasonBody
) -> Response:
    """By the drafter alone."""
    day = parse_day(body.date)
    return _decide(
        call, request, book, draft, "withdraw",
        lambda tx, named: withdraw_voucher(tx, named, draft, day, body.reason),
    )  # fmt: skip
