"""What every route needs: who calls, the engine, the key of an act, and answers in JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Query, Request, Response

from ledger.access.idempotency import check_key
from ledger.access.signing.signer import HEADER, read_header
from ledger.access.signing.statement import SignedStatement
from ledger.api.auth import Caller
from ledger.api.problems import encode
from ledger.db.connections import Engine, of_post
from ledger.db.unit_of_work import unit_of_work

PAGE: Final = 100
PAGE_MAX: Final = 500
LAST: Final = 10**18
"""Above any number the ledger gives out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a known user; `key` and `digest` are those of an act."""

    caller: Caller
    engine: Engine
    today: date
    key: str
    digest: bytes
    signatures: list[SignedStatement]
    """What the person signed for this act, made elsewhere."""

    def tx(self, region: int) -> Any:
        """A transaction of the caller in a region, to read in; one where it has no role shows nothing."""
        return unit_of_work(of_post(self.engine, "read"), self.caller.user, region)

    def regions(self) -> Iterator[int]:
        """The caller's regions."""
        return iter(self.caller.regions)


async def call(request: Request) -> Call:
    """Authenticate; raises Unauthenticated, Forbidden, BadRequest `key.format`."""
    state = request.app.state
    authorization = request.headers.get("authorization")
    caller = await state.keys.caller(None if authorization is None else authorization.encode("latin-1"))
    key = request.headers.get("idempotency-key")
    name = "" if key is None or request.method != "POST" else check_key(key)
    digest = hashlib.sha256(await request.body()).digest() if name else b""
    signatures = read_header(request.headers.get(HEADER, ""))
    return Call(caller, state.engine, state.clock.today(), name, digest, signatures)


Calling = Annotated[Call, Depends(call)]

REGION: Final = r"^[1-9][0-9]{5}$"
DAY: Final = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
NAME: Final = r"^[!-.0-~]{1,64}$"

RegionQuery = Annotated[str | None, Query(pattern=REGION, description="统筹区；只在一个统筹区有角色时可省略")]
LimitQuery = Annotated[int, Query(ge=1, le=PAGE_MAX, description="每页条数")]
BookPath = Annotated[str, Path(pattern=r"^[1-9][0-9]{5}-[0-9]{3}$", description="账套，如420100-310")]


def as_json(document: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(encode(document), status, media_type="application/json")
