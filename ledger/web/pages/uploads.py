"""Files given in at a page: a bank's statement, an institution's details of a month, vouchers row by row; what is wrong by line and field."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.api.limits import BODY_MAX
from ledger.books.templates.files import import_rows, imported
from ledger.core.digests import parse_digest
from ledger.core.errors import LedgerError, NotFound
from ledger.core.words import said
from ledger.fund.reconcile.details import OUTCOME_NAMES, differences
from ledger.web.fields import require_plain
from ledger.web.pages.acts import run_once
from ledger.web.pages.given.catalogue import BY_LINE, UPLOADS
from ledger.web.show import Filter, address, grid_page, page
from ledger.web.sitting import Desk
from ledger.web.worded import worded
from reports.render.grid import Column, Grid, Line

_FILE_MAX: Final = BODY_MAX - 64 * 1024


_WHERE: Final = {"line": "行", "row": "行", "field": "栏", "column": "栏"}
"""What of a refusal's facts says where in the file."""


def form(desk: Desk, _request: Request) -> Response:
    """What may be given in here."""
    return _page(desk, "", {})


def take(desk: Desk, request: Request, form: dict[str, str]) -> Response:
    """Give one in, once under the form's key: the act of the command line, and then what came of it, line by line."""
    what = request.path_params["what"]
    if what not in UPLOADS:
        raise NotFound("route.no_act", f"没有文件种类{what[:20]}")
    upload = UPLOADS[what]
    values: dict[str, Any] = {
        one.name: form[one.name].strip() for one in upload.fields if form.get(one.name, "").strip()
    }
    given = {"name": form.get("file.name", "") or "未选文件", "base64": form.get("file", "")}
    values[upload.file] = [given] if upload.file == "files" else given
    if upload.beside and form.get("beside.name"):
        values[upload.beside] = {"name": form["beside.name"], "base64": form.get("beside", "")}
    values[upload.place] = str(desk.book) if upload.place == "book" else str(desk.region)
    if upload.dated:
        values["date"] = desk.today.isoformat()
    try:
        labels = {f"v.{one.name}": one.label for one in upload.fields}
        require_plain(
            {f"v.{one.name}": form.get(one.name, "") for one in upload.fields},
            lambda name: labels[f"v.{name}"],
        )
        done, found = run_once(desk, form, upload.act, values)
    except LedgerError as error:
        return _page(desk, what, form, error)
    if what == "vouchers":
        return RedirectResponse(address("uploads/rows", book=desk.book, file=found["sha256"]), 303)
    if what == "details":
        return RedirectResponse(address("uploads/differences", region=desk.region, run=found["run"]), 303)
    return page(
        desk, "acted.html", title="已收入", summary=upload.title, words=[worded(one) for one in done.words], again=done.again, whole=done.whole,
        back=address("uploads", region=desk.region), warnings=[f"待齐：{one}" for one in found.get("missing", [])],
    )  # fmt: skip


def rows(desk: Desk, _request: Request) -> Response:
    """The rows of an imported file that were not drafted, by line and field, to be put right; no file named, all that came."""
    if not desk.query.get("file"):
        return _files(desk)
    sha = parse_digest(desk.query.get("file", ""))
    with desk.tx() as tx:
        found = imported(tx, desk.book, sha)
        if not found:
            raise NotFound("voucher_file.unknown", f"账套{desk.book}没有收过文件{sha.hex()[:16]}")
        bad = import_rows(tx, desk.book, sha, bad_only=True)
    columns = (
        Column("line", "行", "count"), Column("key", "编号"), Column("field", "栏"), Column("code", "代码"), Column("message", "原因"),
    )  # fmt: skip
    lines = [Line((one.line, one.key, one.field, one.code, one.message)) for one in bad]
    heads = (f"{found[0].name}：制单{found[0].good}张，不合规{found[0].bad}行",)
    return grid_page(desk, Grid("不合规的行", "导入文件的不合规行", columns, lines, heads=heads))


def _files(desk: Desk) -> Response:
    with desk.tx() as tx:
        found = imported(tx, desk.book) if desk.books else []
    columns = (
        Column("upload", "文件SHA-256"), Column("name", "文件"), Column("kind", "种类"), Column("on", "导入日", "day"),
        Column("by", "导入人"), Column("good", "制单", "count"), Column("bad", "不合规", "count"),
    )  # fmt: skip
    lines = [
        Line((one.sha256.hex(), one.name, said("voucher_file.kind", one.kind), one.imported_on, one.imported_by, one.good, one.bad))
        for one in found
    ]  # fmt: skip
    return grid_page(desk, Grid("导入文件", "导入过的税务、财政文件", columns, lines))


def found_differences(desk: Desk, _request: Request) -> Response:
    """What a month's comparison found, record by record, with both sides' figures."""
    run = desk.query.get("run", "")
    with desk.tx() as tx:
        listed = differences(tx, run)
    titles = [
        f"{side}{what}" for side in ("中心", "机构") for what in ("医疗费总额", "基金支付", "个人账户支付")
    ]
    columns = (
        Column("setl_id", "结算ID"), Column("outcome", "结果"), Column("decision", "处理"),
        *(Column(f"side_{n}", title, "money") for n, title in enumerate(titles)),
    )  # fmt: skip
    lines = [
        Line((one.setl_id, OUTCOME_NAMES[one.outcome], said("difference.decision", one.decision), *one.sides))
        for one in listed
    ]
    shown = Grid(
        "对账差异", "月度对明细账差异", columns, lines, heads=(f"对账批次 {run}", f"差异 {len(lines)} 笔")
    )
    return grid_page(desk, shown, filters=(Filter("run", "对账批次"),))


def _page(desk: Desk, what: str, typed: dict[str, str], error: LedgerError | None = None) -> Response:
    """The forms, the refused one with what was typed and where in the file it is wrong."""
    where = (
        [(word, str(error.details[name])) for name, word in _WHERE.items() if name in error.details]
        if error
        else []
    )
    return page(
        desk, "uploads.html", error.status if error else 200, title="文件上传", uploads=UPLOADS, what=what, typed=typed, error=error,
        where=where, most=_FILE_MAX, by_line=BY_LINE,
    )  # fmt: skip
