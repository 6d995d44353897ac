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
from ledger.core.errors import LedgerError, NotFound
from ledger.web.show import page
from ledger.web.sitting import Desk

_HELD: Final = frozenset({"region", "book", "digest", "period", "date"})
"""Values of a form that its page gave: not for typing again where the act was refused."""


def act(desk: Desk, request: Request, form: dict[str, str]) -> Response:
    """Do one act; its answer in words, or its refusal with what was typed."""
    name = f"{request.path_params['word']} {request.path_params['command']}".replace("+", " ")
    known = {one.name: one for one in desk.house.commands.described()}
    if name not in known:
        raise NotFound("route.no_act", f"没有事项{name[:60]}")
    values: dict[str, Any] = {
        field[2:]: value for field, value in form.items() if field.startswith("v.") and value != ""
    }
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).digest()
    summary, back = re.split("[；。]", known[name].summary)[0], form.get("back", "")
    back = back if back.startswith("/desk/") and "//" not in back else "/desk/today"
    try:
        key = form.get("key", "")
        done = desk.house.commands.run(desk.user, name, values, check_key(key) if key else "", digest)
    except LedgerError as error:
        typed = [(field, value, field not in _HELD) for field, value in values.items()]
        return page(
            desk, "refused.html", error.status, title="未能办理", code=error.code, message=error.message, back=back,
            summary=summary, typed=typed, action=request.url.path,
        )  # fmt: skip
    found = json.loads(done.body)
    warnings = (
        [one.get("message", "") for one in found.get("warnings", [])] if isinstance(found, dict) else []
    )
    return page(
        desk, "acted.html", title="已办理", summary=summary, words=done.words, again=done.again, whole=done.whole, back=back,
        warnings=warnings,
    )  # fmt: skip


def run_once(desk: Desk, form: Mapping[str, str], name: str, values: Mapping[str, Any]) -> tuple[Done, Any]:
    """An act of a page's own form under the form's key, and its answer; raises what the act raises, InvalidInput without a key."""
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).digest()
    done = desk.house.commands.run(desk.user, name, values, check_key(form.get("key", "")), digest)
    return done, json.loads(done.body)
