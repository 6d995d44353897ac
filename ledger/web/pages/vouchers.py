"""凭证: drafts by their state, one in the standard form, a new one by keyboard, templates, and the list checked and posted at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.books.attachments import attachment
from ledger.books.batches import waiting_batch
from ledger.books.manual import STATES, ManualVoucher, manual_voucher, manual_vouchers
from ledger.books.templates.fill import ground
from ledger.books.templates.own import forms_on
from ledger.books.vouchers import voucher
from ledger.core.entries import Side
from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import Transaction
from ledger.web.pages.acts import run_once, same_key
from ledger.web.pages.voucher_form import (
    CORRECTIONS,
    HEADS,
    LINES_MAX,
    Typed,
    TypedLine,
    typed_from,
    typed_of,
    typed_to_correct,
    values_of,
)
from ledger.web.show import ROWS, Filter, address, grid_page, page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line
from reports.rmb import rmb_upper
from reports.wording import dimension_text

_DRAFT: Final = "book voucher draft"
_ACTS: Final = {"": _DRAFT, "blue": "correct blue", "difference": "correct difference"}
_ATTACH: Final = "book voucher attach"
_COLUMNS: Final = (
    Column("draft", "草稿"), Column("day", "业务日期", "day"), Column("summary", "摘要"), Column("amount", "金额", "money"),
    Column("maker", "制单"), Column("on", "制单日期", "day"), Column("state", "状态"), Column("checker", "审核"),
    Column("voucher", "凭证号"), Column("reason", "理由"),
)  # fmt: skip


def drafts(desk: Desk, _request: Request) -> Response:
    """Vouchers by hand: those that wait, or of another state; oldest first, 200 a page."""
    asked, after = desk.query.get("state") or "drafted", desk.query.get("after", "")
    state = "" if asked == "all" else asked
    with desk.tx() as tx:
        found = manual_vouchers(tx, desk.book, state=state, after=after, limit=ROWS + 1)
    person = desk.persons()

    def whole() -> Grid:
        with desk.tx() as tx:
            every = manual_vouchers(tx, desk.book, state=state)
        return _grid(every, person)

    filters = [
        Filter("book", "账套", [(str(one), f"{one} {name}") for one, name in desk.books]),
        Filter("state", "状态", [("", STATES["drafted"]), *list(STATES.items())[1:], ("all", "全部")]),
    ]
    following = found[ROWS - 1].voucher_id if len(found) > ROWS else None
    return grid_page(
        desk, _grid(found[:ROWS], person), filters=filters, following=following, whole=whole, template="drafts.html",
    )  # fmt: skip


def one_draft(desk: Desk, request: Request) -> Response:
    """One draft in the standard form, with what a checker answers for and what may be done with it."""
    start = _start(desk)
    with desk.tx() as tx:
        found = manual_voucher(tx, desk.book, request.path_params["draft"])
        leaves = ground(tx, desk.book).leaves
        names = dict(tx.rows("SELECT user_name, display_name FROM access.app_user WHERE user_name = ANY(%(of)s)",
                             of=[found.prepared_by, found.decided_by]))  # fmt: skip
    legs = found.content.legs
    lines = [
        (leg, leaves[leg.account].name if leg.account in leaves else "",
         dimension_text(leaves[leg.account].dims if leg.account in leaves else 0, leg.dims))
        for leg in legs[start : start + ROWS]
    ]  # fmt: skip
    sums = [sum(leg.amount_fen for leg in legs if leg.side is side) for side in (Side.DEBIT, Side.CREDIT)]
    return page(
        desk, "draft.html", title=f"凭证草稿 {found.voucher_id}", draft=found, lines=lines, sums=sums, state=STATES[found.state],
        upper=rmb_upper(sums[0]), own=found.prepared_by == desk.user, start=start, count=len(legs), names=names,
        following=start + ROWS if start + ROWS < len(legs) else None, debit=Side.DEBIT,
    )  # fmt: skip


def attached(desk: Desk, request: Request) -> Response:
    """An attached paper as it was kept; never opened as a page of ours."""
    n = request.path_params["n"]
    with desk.tx() as tx:
        one, content = attachment(
            tx, desk.book, request.path_params["draft"], int(n) if n.isdigit() and len(n) < 4 else 0
        )
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(one.name)}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def new(desk: Desk, _request: Request) -> Response:
    """An empty form, or one filled as an earlier draft was."""
    if desk.query.get("corrects"):
        return _form(desk, _correcting(desk, desk.query["corrects"]))
    typed = Typed(dict.fromkeys(HEADS, "") | {"business": desk.today.isoformat()}, [TypedLine()] * 5)
    if like := desk.query.get("like"):
        with desk.tx() as tx:
            found = manual_voucher(tx, desk.book, like)
        if len(found.content.legs) > LINES_MAX:
            raise InvalidInput(
                "voucher.line", f"此页至多填{LINES_MAX}行，{like[:30]}有{len(found.content.legs)}行"
            )
        typed = typed_from(found)
    return _form(desk, typed)


def _correcting(desk: Desk, reference: str) -> Typed:
    """What a posted voucher's correction begins with."""
    kind = desk.query.get("kind") if desk.query.get("kind") in CORRECTIONS else CORRECTIONS[0]
    with desk.tx() as tx:
        posted = voucher(tx, desk.book, reference)
    if len(posted.lines) > LINES_MAX:
        raise InvalidInput(
            "voucher.line", f"此页至多填{LINES_MAX}行，凭证{posted.number}有{len(posted.lines)}行"
        )
    return typed_to_correct(posted, str(kind))


def save(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Draft what was typed, once under the form's key; refused, the form stands as it was typed."""
    typed = typed_of(form, 5 if "more" in form else 0)
    if "more" in form:
        return _form(desk, typed, key=form.get("key", ""))
    try:
        return _drafted(
            desk, form, values_of(typed), _ACTS[typed.heads["kind"] if typed.heads["corrects"] else ""]
        )
    except LedgerError as error:
        return _form(desk, typed, error, same_key(form, error))


def attach(desk: Desk, request: Request, form: dict[str, str]) -> Response:
    """Attach a paper to one's own draft that waits, as `book voucher attach` does."""
    draft, name = request.path_params["draft"], form.get("file.name", "")
    values = {
        "book": str(desk.book), "draft": draft, "file": {"name": name or "附件", "base64": form.get("file", "")},
    }  # fmt: skip
    run_once(desk, form, _ATTACH, values)
    return RedirectResponse(address(f"drafts/{quote(draft)}", book=desk.book), 303)


def templates(desk: Desk, _request: Request) -> Response:
    """The templates a hand may draft from, and the form of the one named."""
    return _template_page(desk, desk.query.get("template", ""), {})


def save_template(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Draft from a template: amounts by part, its dimensions, own bank accounts and accounts where there is a choice."""
    values: dict[str, Any] = {
        name: form[name].strip()
        for name in ("template", "summary", "evidence", "business", "attachments", "party", "subfund", "year", "term", "category")
        if form.get(name, "").strip()
    }  # fmt: skip
    values["amount"] = [
        f"{name[2:]}={value.strip()}"
        for name, value in form.items()
        if name.startswith("a.") and value.strip()
    ]
    for field in ("bank", "account"):
        values[field] = form.get(field, "").replace("，", " ").replace(",", " ").split()
    try:
        return _drafted(desk, form, values)
    except LedgerError as error:
        return _template_page(desk, form.get("template", ""), form, error)


def waiting(desk: Desk, _request: Request) -> Response:
    """The drafts this person can check and post at once, under one digest; what is left out, each with why."""
    with desk.tx() as tx:
        batch = waiting_batch(tx, desk.book, desk.today)
        shown = tx.rows(
            "SELECT v.voucher_id, v.business_date, v.summary, v.evidence, v.prepared_by, (SELECT sum(l.amount_fen)::bigint FROM"
            " books.voucher_line l WHERE l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id AND l.side = 1)"
            " FROM books.voucher v WHERE v.region = %(region)s AND v.fund = %(fund)s AND v.voucher_id = ANY(%(ids)s)"
            ' ORDER BY v.voucher_id COLLATE "C"',
            region=desk.book.region,
            fund=desk.book.fund,
            ids=list(batch.voucher_ids[:ROWS]),
        )
    return page(
        desk, "waiting_vouchers.html", title="待复核清单", batch=batch, shown=shown, person=desk.persons()
    )


def _drafted(desk: Desk, form: Mapping[str, str], values: Mapping[str, Any], act: str = _DRAFT) -> Response:
    _, made = run_once(desk, form, act, {"book": str(desk.book), "date": desk.today.isoformat(), **values})
    return RedirectResponse(address(f"drafts/{made['draft']}", book=desk.book), 303)


def _form(desk: Desk, typed: Typed, error: LedgerError | None = None, key: str = "") -> Response:
    with desk.tx() as tx:
        lookups = _lookups(tx, desk)
    return page(
        desk, "voucher_form.html", error.status if error else 200, title="填制凭证", typed=typed, error=error, key=key, most=LINES_MAX,
        **lookups,
    )  # fmt: skip


def _template_page(
    desk: Desk, code: str, typed: Mapping[str, str], error: LedgerError | None = None
) -> Response:
    with desk.tx() as tx:
        forms = {one: form for one, form in forms_on(tx, desk.book, desk.today).items() if not form.by}
        on, lookups = ground(tx, desk.book), _lookups(tx, desk)
    chosen = forms.get(code)
    if code and chosen is None:
        raise NotFound("template.unknown", f"没有可手工制单的凭证模板“{code[:20]}”", template=code[:20])
    choices = (
        []
        if chosen is None
        else [(line, [(leaf, on.leaves[leaf].name) for leaf in on.fits(line)]) for line in chosen.lines]
    )
    asks = 0
    for _, fits in choices:
        for leaf, _name in fits:
            asks |= on.leaves[leaf].dims
    return page(
        desk, "voucher_templates.html", error.status if error else 200, title="凭证模板", forms=forms, chosen=chosen, choices=choices,
        asks=asks, typed=typed, error=error, key=same_key(typed, error), **lookups,
    )  # fmt: skip


def _lookups(tx: Transaction, desk: Desk) -> dict[str, Any]:
    """What is offered while typing: the book's leaves, its own bank accounts and the region's institutions, the words of dimensions."""
    on = ground(tx, desk.book)
    parties = [(number, said("account.kind", str(kind))) for number, kind in on.banks.items()]
    parties += tx.rows(
        "SELECT institution, name FROM fund.institution WHERE region = %(region)s ORDER BY institution LIMIT 500",
        region=desk.region,
    )
    return {
        "leaves": on.leaves, "parties": parties, "subfunds": words_of("subfund"), "categories": words_of("category"),
    }  # fmt: skip


def _grid(found: list[ManualVoucher], person: Callable[[str], str]) -> Grid:
    lines = [
        Line((
            one.voucher_id, one.content.business_date, one.content.summary, one.amount_fen, person(one.prepared_by), one.prepared_on,
            STATES[one.state], person(one.decided_by), one.voucher, one.reason,
        ))
        for one in found
    ]  # fmt: skip
    return Grid("凭证草稿", "凭证", _COLUMNS, lines)


def _start(desk: Desk) -> int:
    after = desk.query.get("after", "")
    return int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0
