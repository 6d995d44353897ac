"""What a code of refusal means, for programs that show it to people."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ledger.api.calling import as_json
from ledger.api.description import described
from ledger.core.refusals import explain

router = APIRouter(prefix="/api/v1/codes", tags=["代码"])


@router.get(
    "/{code}", summary="一个拒绝代码的含义与依据", responses=described("Code"), response_class=Response
)
def code(code: str) -> Response:
    """Needs no key: it says nothing of any region."""
    found = explain(code)
    return as_json(
        {
            "code": found.code,
            "kinds": list(found.kinds),
            "statuses": list(found.statuses),
            "sentence": found.sentence,
            "rule": found.rule,
        }
    )
