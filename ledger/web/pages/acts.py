"""An act asked for on a page: one of the command line's, under the key that the form was made with, so that twice is once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.access.idempotency import check_key
from ledger.api.ports import Done
from ledger.core.dates import parse_day
from ledger.core.errors import LedgerError, NotFound
from ledger.core.words import said
from ledger.web.fields import again, name_of, require_plain, typed_in, values_of
from ledger.web.pages.persons.sign import changed, is_asked, without_key
from ledger.web.show import page
from ledger.web.sitting import Desk
from ledger.web.worded import worded

_HELD: Final = frozenset({"region", "book", "digest", "period", "date"})
"""Values that a page gives: not for typing again where the act was refused. Where a form says what it asks for, all else is given."""


_CALLED: Final = {
    "user": "用户名", "person": "本人标识", "name": "名称", "kind": "种类", "by": "来由", "what": "事项", "role": "岗位", "line": "各项",
    "planned": "计划", "decision": "处理", "subfund": "账目", "direction": "方向", "propose": "提出", "every": "全部",
}  # fmt: skip
"""Fields whose help begins with the codes they may have, or says nothing: what people call them."""

_DAYS: Final = frozenset({
    "date", "called_on", "first", "last", "from_day", "to_day", "from", "to", "since", "until", "on", "day", "booked", "business", "due",
    "expires", "received", "upto",
})  # fmt: skip
"""Values that are days."""
_SEVERAL: Final = {
    "declare advance": ("event", "declaration.event", ""), "audit act": ("event", "finding.event", ""),
    "institution agreement": ("state", "institution.state", "协议改为"),
}  # fmt: skip
"""Commands that do one of several things: the value that says which, its words, what stands before them."""
_PLAIN: Final = {
    "day run": "当日办理",
    "clear budget": "年度清算方案",
    "cash approve-move": "复核利息、手续费",
    "data open": "查看一条隔离的记录",
    "data open-payee": "查看个人收款人的户名与账号",
    "user key": "提出签发接口密钥",
}
"""Commands whose summary tells more than what was done."""


def act(desk: Desk, request: Request, form: dict[str, str]) -> Response:
    """Do one act; its answer in words, or its refusal with what was typed."""
    name = f"{request.path_params['word']} {request.path_params['command']}".replace("+", " ")
    known = {one.name: one for one in desk.house.commands.described()}
    if name not in known:
        raise NotFound("route.no_act", f"没有事项{name[:60]}")
    typed = typed_in(form)
    values = values_of(typed)
    if isinstance(panel := values.get("member"), list):
        values["member"] = [desk.login_of(str(one)) for one in panel]
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).digest()
    summary, back = _done_by(name, known[name].summary, values), form.get("back", "")
    back = back if back.startswith("/desk/") and "//" not in back else "/desk/today"
    told, asked = known[name].schema["properties"], form.get("asked", "").split()

    def called(field: str) -> str:
        return _label(told.get(field, {}).get("description", ""), field)

    try:
        require_plain(typed, called)
        key = form.get("key", "")
        done = _run(desk, name, values, check_key(key) if key else "", digest)
    except LedgerError as error:
        if is_asked(desk, error):
            raise
        error, differ = without_key(error, desk.origin), changed(form, error)
        typed_again = [
            (
                field,
                one,
                field in asked if asked else name_of(field) not in _HELD,
                called(name_of(field)),
                _kind(name_of(field), one),
            )
            for field, one in again(typed)
        ]
        return page(
            desk, "refused.html", error.status, title="未能办理", code=error.code, message=worded(error.message, called), back=back,
            summary=summary, typed=typed_again, action=request.url.path, keyed=bool(form.get("key")), key=same_key(form, error), asked=" ".join(asked),
            differ=differ,
        )  # fmt: skip
    found = json.loads(done.body)
    warnings = (
        [one.get("message", "") for one in found.get("warnings", [])] if isinstance(found, dict) else []
    )
    return page(
        desk, "acted.html", title="已办理", summary=summary, words=[worded(one, called) for one in done.words], again=done.again, whole=done.whole, back=back,
        warnings=warnings,
    )  # fmt: skip


def _done_by(name: str, summary: str, values: Mapping[str, Any]) -> str:
    """What was done, in a heading: of a command that can do several things, the one that was asked for."""
    if name in _SEVERAL and (value := str(values.get(_SEVERAL[name][0], ""))):
        _, category, before = _SEVERAL[name]
        return f"{before}{said(category, value)}"
    plain = _PLAIN.get(name) or re.split("[；。]", summary)[0]
    sent_back = any(values.get(field) for field in ("refuse", "refusal"))
    return f"退回：{plain.partition('：')[0]}" if sent_back else plain


def same_key(form: Mapping[str, str], error: LedgerError | None) -> str:
    """The key under which a refused form is sent again: its own, so that what is still under way is not done beside; empty, for
    another, where the key stands for something else that was done."""
    return "" if error is None or error.code in ("key_reused", "key.format") else form.get("key", "")


def _kind(name: str, value: str) -> str:
    """How a field is typed again: a day by the calendar, unless what was typed is none, which a calendar would lose."""
    try:
        parse_day(value)
    except LedgerError:
        return "text"
    return "date" if name in _DAYS else "text"


def _label(description: str, name: str) -> str:
    """What a field is called where it is to be typed again: the first words of the command line's help."""
    return _CALLED.get(name) or re.split("[，：；（ ]", description)[0] or name


def run_once(desk: Desk, form: Mapping[str, str], name: str, values: Mapping[str, Any]) -> tuple[Done, Any]:
    """An act of a page's own form under the form's key, and its answer; raises what the act raises, InvalidInput without a key."""
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).digest()
    done = _run(desk, name, values, check_key(form.get("key", "")), digest)
    return done, json.loads(done.body)


def _run(desk: Desk, name: str, values: Mapping[str, Any], key: str, digest: bytes) -> Done:
    return desk.house.commands.run(
        desk.user, name, values, key, digest, desk.signatures, asks=bool(desk.passkeys)
    )
