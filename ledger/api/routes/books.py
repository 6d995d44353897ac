"""The books: which there are, trial balance, account ledger, voucher; each as known at a moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import DAY, PAGE, BookPath, Calling, LimitQuery, as_json
from ledger.api.description import described
from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.books.selection import BEFORE_ALL, parse_cursor
from ledger.books.setup import books_of
from ledger.core.dates import parse_day
from ledger.core.entries import Dimensions
from reports.general_ledger import general_ledger
from reports.trial_balance import trial_balance
from reports.voucher import voucher

router = APIRouter(prefix="/api/v1/books", tags=["账表"])

Period = Annotated[
    str | None, Query(pattern=r"^20[0-9]{2}(0[1-9]|1[0-2])$", description="会计期间；缺省为开账以来")
]
AsOf = Annotated[str | None, Query(pattern=DAY, alias="as_of", description="只取凭证日期不晚于此日的凭证")]
KnownAt = Annotated[
    str | None, Query(max_length=40, description="只取此时已记账的凭证，ISO 8601；缺省为现在")
]


@router.get("", summary="可见的账套", responses=described("Books"), response_class=Response)
def books(call: Calling) -> Response:
    """The books of the caller's regions and funds."""
    found = []
    for region in call.caller.regions:
        with call.tx(region) as tx:
            found += [
                {"book": str(book), "name": name, "region": book.region, "fund": book.fund}
                for book, name in books_of(tx)
            ]
    return as_json({"books": found})


@router.get(
    "/{book}/trial-balance",
    summary="科目余额表",
    responses=described("TrialBalance"),
    response_class=Response,
)
def balances(
    call: Calling, book: BookPath, period: Period = None, as_of: AsOf = None, known_at: KnownAt = None
) -> Response:
    """Every leaf account with its dimensions, balanced in each section."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        report = trial_balance(
            tx,
            chosen,
            parse_period(period) if period else None,
            parse_day(as_of) if as_of else None,
            parse_known_at(known_at) if known_at else None,
        )
    return as_json(report.as_json())


@router.get(
    "/{book}/general-ledger",
    summary="三栏式明细账",
    responses=described("GeneralLedger"),
    response_class=Response,
)
def ledger(
    call: Calling,
    book: BookPath,
    account: Annotated[str, Query(pattern="^[0-9]{4,10}$", description="科目编码，或其开头")],
    period: Period = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    counterparty: Annotated[str, Query(max_length=40)] = "",
    subfund: Annotated[str, Query(max_length=8)] = "",
    service_year: Annotated[int, Query(ge=0, le=9999)] = 0,
    term: Annotated[int, Query(ge=0, le=999912)] = 0,
    category: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str | None, Query(max_length=40, description="续页标记，取自上一页的next")] = None,
    limit: LimitQuery = PAGE,
) -> Response:
    """Opening, every line with its running balance, sums of months and years; `limit` counts entries."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        report = general_ledger(
            tx,
            chosen,
            account,
            Dimensions(counterparty, subfund, service_year, term, category),
            period=parse_period(period) if period else None,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
            after=parse_cursor(after) if after else BEFORE_ALL,
            entries=limit,
        )
    return as_json(report.as_json())


@router.get(
    "/{book}/vouchers/{number}", summary="记账凭证", responses=described("Voucher"), response_class=Response
)
def one_voucher(
    call: Calling,
    book: BookPath,
    number: Annotated[
        str, Path(pattern=r"^((记|备)-[0-9]{6}-[0-9]{1,9}|[0-9]{1,18})$", description="凭证号或链上序号")
    ],
) -> Response:
    """By number, as 记-202610-12, or by place in the chain."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        report = voucher(tx, chosen, number)
    return as_json(report.as_json())
