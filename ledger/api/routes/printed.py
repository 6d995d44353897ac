"""Reports as they are read and printed: every `fundledger report` over HTTP, in every format, as known at a moment."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Path as PathParameter

from ledger.api.calling import DAY, BookPath, Calling, RegionQuery, as_json
from ledger.api.description import described_files
from ledger.api.scope import in_region
from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.books.setup import books_of
from ledger.core.dates import parse_day
from ledger.core.entries import Dimensions
from ledger.core.money import parse_fen
from reports.books.find import FOUND_MAX, Wanted, find, found_grid, require_something
from reports.catalogue import ReportAsked, build
from reports.changed import changed
from reports.control.report import CASES, as_signed, control_report
from reports.reconciliation import reconciliation_grid
from reports.remittance import remittance_grid
from reports.render import grid_csv, grid_html, voucher_html
from reports.render.books_grid import voucher_grid
from reports.render.grid import Grid
from reports.render.grid_json import document
from reports.render.out import write_grid
from reports.render.paper import Paper
from reports.voucher import voucher

router = APIRouter(prefix="/api/v1", tags=["账表打印"])

_PERIOD: Final = r"^20[0-9]{2}(0[1-9]|1[0-2])$"
_CODE: Final = r"^[0-9]{0,12}$"
_MEDIA: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


class ReportShape(StrEnum):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"
    XLSX = "xlsx"
    PDF = "pdf"


class ReportName(StrEnum):
    """Reports of a book, by the name they have after `fundledger report` (`reports.catalogue.REPORTS`)."""

    BALANCE_SHEET = "balance-sheet"
    INCOME_STATEMENT = "income-statement"
    TRIAL_BALANCE = "trial-balance"
    GENERAL_LEDGER = "general-ledger"
    SUB_LEDGER = "sub-ledger"
    COLUMNAR = "columnar"
    JOURNAL = "journal"
    BANK_JOURNAL = "bank-journal"
    AUXILIARY = "auxiliary"
    DEALINGS = "dealings"


ShapeQuery = Annotated[ReportShape, Query(alias="format", description="json、csv、html、xlsx或pdf")]
PaperQuery = Annotated[Paper, Query(description="xlsx、pdf的纸张")]
PeriodQuery = Annotated[str | None, Query(pattern=_PERIOD, description="会计期间YYYYMM")]
YearQuery = Annotated[int | None, Query(ge=2000, le=2099, description="年度")]
AsOfQuery = Annotated[str | None, Query(pattern=DAY, description="只取凭证日期不晚于此日的凭证")]
KnownAtQuery = Annotated[str | None, Query(max_length=40, description="只取此时已记账的凭证，ISO 8601")]
AccountQuery = Annotated[str, Query(pattern=_CODE, description="科目编码或其开头")]
NameQuery = Annotated[str, Query(max_length=60)]
DayQuery = Annotated[str | None, Query(pattern=DAY)]
_FILES = described_files("Report")


def _asked(
    period: PeriodQuery = None,
    year: YearQuery = None,
    as_of: AsOfQuery = None,
    account: AccountQuery = "",
    number: NameQuery = "",
    party: NameQuery = "",
    by: Annotated[str, Query(max_length=20, description="多栏账、辅助余额表按什么列")] = "",
    level: Annotated[int, Query(ge=0, le=9, description="科目级次；0为全部")] = 0,
    first: Annotated[str | None, Query(alias="from", pattern=DAY, description="序时账凭证日期自")] = None,
    last: Annotated[str | None, Query(alias="to", pattern=DAY, description="序时账凭证日期至")] = None,
    counterparty: NameQuery = "",
    subfund: Annotated[str, Query(max_length=8)] = "",
    service_year: Annotated[int, Query(ge=0, le=9999)] = 0,
    term: Annotated[int, Query(ge=0, le=999912)] = 0,
    category: Annotated[str, Query(max_length=20)] = "",
) -> ReportAsked:
    """What a report is asked, from the address."""
    return ReportAsked(
        parse_period(period) if period else None, year, _day(as_of), account, number, party, by, level, _day(first), _day(last),
        Dimensions(counterparty, subfund, service_year, term, category),
    )  # fmt: skip


AskedQuery = Annotated[ReportAsked, Depends(_asked)]


@router.get("/books/{book}/reports/{name}", summary="账表", responses=_FILES, response_class=Response)
def report(
    call: Calling,
    book: BookPath,
    name: ReportName,
    asked: AskedQuery,
    known_at: KnownAtQuery = None,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4_ACROSS,
) -> Response:
    """A report of a book, whole: 会社保01, 02, 科目余额表, 总账, 明细账, 多栏账, 序时账, 日记账, 辅助余额, 往来."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        built = build(tx, chosen, name, asked, _moment(known_at))
    if shape is ReportShape.CSV:
        return _answer([built.flat], built.document, shape, paper)
    return _answer([built.printed], built.document, shape, paper)


@router.get(
    "/books/{book}/reports/{name}/changes", summary="账表变动", responses=_FILES, response_class=Response
)
def changes(
    call: Calling,
    book: BookPath,
    name: ReportName,
    asked: AskedQuery,
    since: Annotated[str, Query(max_length=40, description="印出时的记录时间（known_at），ISO 8601")],
    known_at: KnownAtQuery = None,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4_ACROSS,
) -> Response:
    """What changed in a report since it was printed, and the vouchers behind it."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        told = changed(tx, chosen, name, asked, parse_known_at(since), _moment(known_at))
        grids = told.grids(tx)
    return _answer(grids, told.as_json(), shape, paper)


@router.get(
    "/books/{book}/vouchers/{number}/print",
    summary="记账凭证（打印）",
    responses=_FILES,
    response_class=Response,
)
def printed_voucher(
    call: Calling,
    book: BookPath,
    number: Annotated[
        str,
        PathParameter(pattern=r"^((记|备)-[0-9]{6}-[0-9]{1,9}|[0-9]{1,18})$", description="凭证号或链上序号"),
    ],
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A5_ACROSS,
) -> Response:
    """A voucher as it is printed and bound."""
    chosen = parse_book(book)
    with call.tx(chosen.region) as tx:
        told = voucher(tx, chosen, number)
    if shape is ReportShape.HTML:
        return _text(voucher_html.voucher(told), shape)
    return _answer([voucher_grid(told)], told.as_json(), shape, paper)


@router.get("/reports/find", summary="查找凭证", responses=_FILES, response_class=Response)
def find_vouchers(
    call: Calling,
    book: Annotated[
        str | None, Query(pattern=r"^[1-9][0-9]{5}-[0-9]{3}$", description="账套；缺省为可见的全部")
    ] = None,
    number: Annotated[str, Query(max_length=30)] = "",
    amount: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,13}(\.[0-9]{1,2})?$", description="金额，元；或下限")
    ] = None,
    to_amount: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,13}(\.[0-9]{1,2})?$", description="金额上限，元")
    ] = None,
    words: Annotated[str, Query(max_length=100, description="摘要中的字")] = "",
    party: NameQuery = "",
    account: AccountQuery = "",
    evidence: Annotated[str, Query(max_length=100)] = "",
    first: Annotated[str | None, Query(alias="from", pattern=DAY)] = None,
    last: Annotated[str | None, Query(alias="to", pattern=DAY)] = None,
    maker: NameQuery = "",
    limit: Annotated[int, Query(ge=1, le=1_000, description="每个账套至多几张")] = FOUND_MAX,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4_ACROSS,
) -> Response:
    """Vouchers by what is known of them, in every book the caller may see."""
    most = parse_fen(to_amount) if to_amount else None
    least = parse_fen(amount) if amount else (0 if most is not None else None)
    wanted = Wanted(number, least, most, words, party, account, evidence, _day(first), _day(last), maker)
    require_something(wanted)
    only = parse_book(book) if book else None
    found = []
    for region in [in_region(call.caller, only.region)] if only else call.caller.regions:
        with call.tx(region) as tx:
            for one, _ in books_of(tx):
                if only in (None, one):
                    found += [(one, line) for line in find(tx, one, wanted, limit)]
    grid = found_grid(found, limit)
    return _answer([grid], document(grid), shape, paper)


@router.get("/reports/control", summary="内控报告", responses=_FILES, response_class=Response)
def control(
    call: Calling,
    month: Annotated[str, Query(pattern=_PERIOD, description="月份YYYYMM")],
    region: RegionQuery = None,
    seed: Annotated[str, Query(max_length=40, description="抽样的随机种子；缺省为随机，答复中给出")] = "",
    cases: Annotated[int, Query(ge=1, le=2_000)] = CASES,
    known_at: KnownAtQuery = None,
    signed: Annotated[bool, Query(description="已签署的那一份")] = False,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4_ACROSS,
) -> Response:
    """The internal-control report of a month (art. 29); signed by `POST /api/v1/acts/report/control-sign`."""
    period = parse_period(month)
    with call.tx(in_region(call.caller, region)) as tx:
        if signed:
            told = as_signed(tx, period)
        else:
            told = control_report(
                tx, period, seed or secrets.token_hex(4), cases=cases, known_at=_moment(known_at)
            )
    return _answer(told.printed(on_paper=shape is ReportShape.PDF), told.as_json(), shape, paper)


@router.get("/reports/remittance", summary="付款清单", responses=_FILES, response_class=Response)
def remittance(
    call: Calling,
    order: Annotated[str, Query(max_length=40, description="拨付单号")],
    region: RegionQuery = None,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4,
) -> Response:
    """What an order's money is made of, for the institution that receives it."""
    with call.tx(in_region(call.caller, region)) as tx:
        grid = remittance_grid(tx, order)
    return _answer([grid], document(grid), shape, paper)


@router.get(
    "/reports/reconciliation", summary="银行存款余额调节表", responses=_FILES, response_class=Response
)
def reconciliation(
    call: Calling,
    account: Annotated[str, Query(max_length=40, description="自有账户")],
    period: Annotated[str, Query(pattern=_PERIOD)],
    region: RegionQuery = None,
    version: Annotated[int, Query(ge=0, le=999_999, description="第几版；0为最新")] = 0,
    shape: ShapeQuery = ReportShape.JSON,
    paper: PaperQuery = Paper.A4,
) -> Response:
    """余额调节表 of an account and month."""
    with call.tx(in_region(call.caller, region)) as tx:
        grid = reconciliation_grid(tx, account, parse_period(period), version)
    return _answer([grid], document(grid), shape, paper)


def _answer(grids: Sequence[Grid], told: Mapping[str, object], shape: ReportShape, paper: Paper) -> Response:
    match shape:
        case ReportShape.JSON:
            return as_json(told)
        case ReportShape.CSV:
            if len(grids) == 1:
                return _text(grid_csv.render(grids[0]), shape)
            return _text("\r\n".join(f"{grid.title}\r\n{grid_csv.render(grid)}" for grid in grids), shape)
        case ReportShape.HTML:
            return _text(grid_html.render_all(grids), shape)
        case _:
            with tempfile.TemporaryDirectory(prefix="fundledger-") as folder:
                path = Path(folder, f"report.{shape}")
                write_grid(grids, shape, path, paper, together=len(grids) > 1)
                content = path.read_bytes()
            name = quote(f"{grids[0].name}.{shape}")
            headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
            return Response(content, media_type=_MEDIA[shape], headers=headers)


def _text(text: str, shape: ReportShape) -> Response:
    return Response(text, media_type=_MEDIA[shape])


def _moment(known_at: str | None) -> datetime | None:
    return parse_known_at(known_at) if known_at else None


def _day(text: str | None) -> date | None:
    return parse_day(text) if text else None
