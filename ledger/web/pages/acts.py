"""An act asked for on a page: one of the command line's, under the key that the form was made with, so that twice is once."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.access.idempotency import check_key
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
    typed = {field: value for field, value in form.items() if field[:2] in ("v.", "l.") and value != ""}
    values: dict[str, Any] = {
        field[2:]: value if field[0] == "v" else [one for one in re.split(r"[\s,，、;；]+", value) if one]
        for field, value in typed.items()
    }
    digest = hashlib.sha256(json.dumps([name, values], sort_keys=True).encode()).digest()
    summary, back = re.split("[；。]", known[name].summary)[0], form.get("back", "")
    back = back if back.startswith("/desk/") and "//" not in back else "/desk/today"
    try:
        key = form.get("key", "")
        done = desk.house.commands.run(desk.user, name, values, check_key(key) if key else "", digest)
    except LedgerError as error:
        again = [(field, value, field[2:] not in _HELD) for field, value in typed.items()]
        return page(
            desk, "refused.html", error.status, title="未能办理", code=error.code, message=error.message, back=back,
            summary=summary, typed=again, action=request.url.path,
        )  # fmt: skip
    found = json.loads(done.body)
    warnings = (
        [one.get("message", "") for one in found.get("warnings", [])] if isinstance(found, dict) else []
    )
    return page(
        desk, "acted.html", title="已办理", summary=summary, words=done.words, again=done.again, whole=done.whole, back=back,
        warnings=warnings,
    )  # fmt: skip
