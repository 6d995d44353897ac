"""What stands behind vouchers by hand: attached papers, imported files, recurring vouchers, and the list that waits."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import DAY, BookPath, Calling, as_json
from ledger.api.description import PROBLEM, described
from ledger.api.routes.vouchers import DraftPath
from ledger.api.scope import in_region
from ledger.books.attachments import attachment
from ledger.books.batches import waiting_batch
from ledger.books.manual import manual_voucher
from ledger.books.reading import parse_book
from ledger.books.templates.files import import_rows, imported
from ledger.books.templates.recurring import due, recurrence, recurrences
from ledger.core.dates import parse_day
from ledger.core.digests import parse_digest
from ledger.core.errors import NotFound

router = APIRouter(prefix="/api/v1/books/{book}", tags=["手工凭证"])

SHA: Final = "^[0-9a-f]{64}$"
ShaPath = Annotated[str, Path(pattern=SHA, description="文件的SHA-256")]
BYTES: Final = {
    "description": "原样的文件",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}


@router.get(
    "/voucher-drafts/{draft}/attachments",
    summary="一份草稿的附件",
    responses=described("VoucherAttachments"),
    response_class=Response,
)
def attachments(call: Calling, book: BookPath, draft: DraftPath) -> Response:
    """In the order in which they were attached."""
    named = parse_book(book)
    with call.tx(in_region(call.caller, named.region)) as tx:
        of = manual_voucher(tx, named, draft)
    return as_json({"draft": draft, "attachments": [one.as_json() for one in of.attached]})


@router.get(
    "/voucher-drafts/{draft}/attachments/{n}",
    summary="一个附件的原文件",
    responses={200: BYTES, "default": PROBLEM},
    response_class=Response,
)
def attached_file(
    call: Calling, book: BookPath, draft: DraftPath, n: Annotated[int, Path(ge=1, le=999)]
) -> Response:
    """The bytes as they were kept under their digest; never shown by a browser as a page of ours."""
    named = parse_book(book)
    with call.tx(in_region(call.caller, named.region)) as tx:
        one, content = attachment(tx, named, draft, n)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(one.name)}",
        "x-content-type-options": "nosniff",
        "etag": f'"{one.sha256.hex()}"',
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get(
    "/voucher-imports",
    summary="导入过的税务、财政文件",
    responses=described("VoucherImports"),
    response_class=Response,
)
def imports(call: Calling, book: BookPath) -> Response:
    """Newest first."""
    named = parse_book(book)
    with call.tx(in_region(call.caller, named.region)) as tx:
        return as_json({"files": [one.as_json() for one in imported(tx, named)]})


@router.get(
    "/voucher-imports/{sha256}",
    summary="一个导入文件及其各行",
    responses=described("VoucherImport"),
    response_class=Response,
)
def one_import(
    call: Calling,
    book: BookPath,
    sha256: ShaPath,
    bad: Annotated[bool, Query(description="只列不合规的行")] = False,
) -> Response:
    """Each row with its draft, or what is wrong with it."""
    named, digest = parse_book(book), parse_digest(sha256)
    with call.tx(in_region(call.caller, named.region)) as tx:
        found = imported(tx, named, digest)
        if not found:
            raise NotFound("voucher_file.unknown", f"账套{book}没有收过文件{sha256[:16]}")
        rows = import_rows(tx, named, digest, bad_only=bad)
    return as_json(found[0].as_json() | {"rows": [row._asdict() for row in rows]})


@router.get("/recurrences", summary="定期凭证", responses=described("Recurrences"), response_class=Response)
def recurring(
    call: Calling,
    book: BookPath,
    day: Annotated[str | None, Query(pattern=DAY, description="到期至此日；缺省为业务日期")] = None,
) -> Response:
    """All of them, what waits for a second person with the digest it confirms; and what is due and not drafted."""
    named = parse_book(book)
    upto = parse_day(day) if day else call.today
    with call.tx(in_region(call.caller, named.region)) as tx:
        found, waiting = recurrences(tx, named), due(tx, named, upto)
    open_ones = [
        {"recurrence": one.recurrence_id, "due_on": one.due_on.isoformat(), "summary": one.summary}
        for one in waiting
    ]
    return as_json({"recurrences": [one.as_json() for one in found], "due": open_ones})


@router.get(
    "/recurrences/{recurrence_id}",
    summary="一个定期凭证",
    responses=described("Recurrence"),
    response_class=Response,
)
def one_recurrence(
    call: Calling, book: BookPath, recurrence_id: Annotated[str, Path(pattern="^RV-[0-9a-f]{12}$")]
) -> Response:
    """With the digest that a confirmation names."""
    named = parse_book(book)
    with call.tx(in_region(call.caller, named.region)) as tx:
        return as_json(recurrence(tx, named, recurrence_id).as_json())


@router.get(
    "/voucher-list",
    summary="待复核清单：当前用户可一并复核的草稿与其摘要",
    responses=described("VoucherList"),
    response_class=Response,
)
def waiting_list(
    call: Calling,
    book: BookPath,
    day: Annotated[str | None, Query(pattern=DAY, description="办理日期；缺省为业务日期")] = None,
    file: Annotated[str | None, Query(pattern=SHA, description="只列一个导入文件的")] = None,
) -> Response:
    """The list a batch approval names by its digest; drafts the caller cannot approve stand beside, each with why."""
    named = parse_book(book)
    on, digest = parse_day(day) if day else call.today, parse_digest(file) if file else None
    with call.tx(in_region(call.caller, named.region)) as tx:
        return as_json(waiting_batch(tx, named, on, digest).as_json())
