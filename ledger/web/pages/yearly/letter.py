"""One confirmation letter 清算确认书: row by row down to its lines, its acts, and each side's signed paper given in."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.api.limits import BODY_MAX
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import LedgerError
from ledger.core.words import said
from ledger.fund.clearing.scope import PARTS, ROWS
from ledger.fund.clearing.store import Letter, read_figures, read_letter
from ledger.web.fields import require_plain
from ledger.web.pages.acts import run_once
from ledger.web.pages.persons.sign import is_asked, without_key
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import address, page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_FILE_MAX: Final = BODY_MAX - 64 * 1024
_SIDES: Final = {
    "sent": ("institution", ("maker",), "机构确认"),
    "confirmed_by_institution": ("agency", ("checker",), "经办机构确认并记账"),
}
"""By the letter's state: which side signs next, whose post gives its paper in, and what that does."""


def letter(desk: Desk, request: Request) -> Response:
    """One letter: the form's rows by their parts, each opening up into the lines of its keys."""
    return _page(desk, request.path_params["letter"], {})


def confirm(desk: Desk, request: Request, form: dict[str, str]) -> Response:
    """Give in the paper that a side signed, once under the form's key; refused, what was typed stands."""
    name, side = request.path_params["letter"], form.get("side", "")
    signed_by = form.get("signed_by", "").strip()
    values: dict[str, Any] = {
        "region": str(desk.region), "letter": name, "side": side, "signed_by": signed_by, "date": desk.today.isoformat(),
        "document": {"name": form.get("file.name", "") or "未选文件", "base64": form.get("file", "")},
    }  # fmt: skip
    if side == "institution":
        values["digest"] = form.get("digest", "")
    try:
        require_plain({"v.signed_by": signed_by}, lambda _: "签章人")
        done, _ = run_once(desk, form, "clear confirm", values)
    except LedgerError as error:
        if is_asked(desk, error):
            raise
        return _page(desk, name, form, without_key(error, desk.origin))
    return page(
        desk, "acted.html", title="已办理", summary="登记清算确认书的一方确认", words=done.words, again=done.again, whole=done.whole,
        back=address(f"letters/{name}", region=desk.region), warnings=[],
    )  # fmt: skip


def _page(desk: Desk, name: str, typed: dict[str, str], error: LedgerError | None = None) -> Response:
    with desk.tx() as tx:
        found = read_letter(tx, name)
        figures = read_figures(tx, found)
    parts = [part for part in PARTS if any(found.parts.get((row, part)) for row in ROWS)] or list(PARTS)[:1]
    columns = [Column("row", "行次", "count"), Column("what", "项目"), *(Column(part, PARTS[part], "money") for part in parts),
               Column("sum", "合计", "money")]  # fmt: skip
    rows = [
        Line((row, title, *(found.parts.get((row, part), 0) for part in parts), found.rows[row]))
        for row, title in ROWS.items()
    ]
    keys = [
        Line((line.key.term, said("category", line.key.category), said("subfund", line.key.subfund),
              *(line.row_fen[row] for row in ROWS)))
        for line in figures.lines
    ]  # fmt: skip
    key_columns = (
        Column("term", "期号"), Column("category", "待遇类别"), Column("subfund", "账目"),
        *(Column(f"row{row}", f"第{row}行", "money") for row in ROWS),
    )  # fmt: skip
    takings = [
        Line((said("taking.kind", one.kind), one.reference, one.amount_fen)) for one in figures.takings
    ]
    held = {"region": desk.region, "letter": found.letter_id}
    offers = []
    if found.state == "draft":
        offers.append(Offer(("checker",), "clear approve", "审批", {**held, "digest": found.digest.hex()}))
    if found.state == "approved":
        offers.append(Offer(("maker",), "clear send", "发出", held))
    if found.state in ("draft", "approved", "sent"):
        offers.append(Offer(("maker",), "clear void", "作废", held, (Ask("reason", "原因"),)))
    person = desk.persons()
    facts = (
        ("机构", found.scope.institution), ("险种", FUND_NAMES[found.scope.fund]), ("年度", found.scope.year),
        ("期间", said("letter.period", found.scope.period)), ("状态", said("letter.state", found.state)),
        ("年度考核等级", found.grade), ("编制", f"{person(found.prepared_by)} {found.prepared_on}"), ("审批", person(found.approved_by)),
        ("发出", person(found.sent_by)), ("机构确认", person(found.confirmed_by)), ("拨付单", found.order_no), ("清算完成", found.cleared_on),
    )  # fmt: skip
    grids = [
        Grid("确认书", "清算确认书各行（附件3）", columns, rows, notes=("第9行＝第6行－第7行＋第8行；第6行＝第1行－第2行－第4行－第5行",)),
        Grid("明细", "各行由来（期号、待遇类别、账目）", key_columns, keys),
        *([Grid("扣减", "所扣审核结果、其他扣款、预付金", (Column("kind", "种类"), Column("ref", "编号"), Column("amount", "金额", "money")),
                takings)] if takings else []),
    ]  # fmt: skip
    here = address(f"letters/{found.letter_id}", region=desk.region)
    return record_page(
        desk, f"清算确认书 {found.letter_id}", facts, grids, offers, here=here, template="letter.html",
        status=error.status if error else 200, extra={"paper": _paper(desk, found), "typed": typed, "error": error, "most": _FILE_MAX},
    )  # fmt: skip


def _paper(desk: Desk, found: Letter) -> dict[str, str] | None:
    """The form for the paper of the side that signs next; None where none does, or another's post gives it in."""
    side, roles, button = _SIDES.get(found.state, ("", (), ""))
    if not desk.can(*roles):
        return None
    digest = found.digest.hex() if side == "institution" else ""
    return {"letter": found.letter_id, "side": side, "button": button, "digest": digest}
