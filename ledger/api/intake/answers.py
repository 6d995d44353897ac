"""What became of a request's records, as its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.api.problems import Answer, encode, problem
from ledger.fund.intake.values import ACCEPTED, DUPLICATE, QUARANTINED, LineOutcome
from ledger.fund.record.fields import MONEY_NAMES, TEXT_NAMES

_CONFLICTS: Final = frozenset({"record.other_content", "reversal.already", "record.term_settled"})
_LINE: Final = re.compile(r"第[0-9]+行(?: ?[^：]*)?：")
_ROW: Final = re.compile(r"setldetail\[([0-9]+)\](?:\.(\w+))?", re.ASCII)
_INFO: Final = frozenset((*TEXT_NAMES, *MONEY_NAMES))


def answer_one(outcome: LineOutcome, raw: bytes) -> Answer:
    """201 accepted, 200 the same record again, else the refusal: 403, 409 for a conflict with what is stored, 422."""
    if outcome.outcome == ACCEPTED:
        return Answer(201, encode(_plain(outcome)))
    if outcome.outcome == DUPLICATE:
        return Answer(200, encode(_plain(outcome)))
    message = _words(outcome)
    return problem(
        _refusal_status(outcome.code),
        outcome.code,
        message,
        [_error(outcome, message, pointer(outcome.field, raw))] if outcome.field else [],
        setl_id=outcome.setl_id,
        outcome=QUARANTINED,
    )


def answer_many(outcomes: Sequence[LineOutcome], raws: Sequence[bytes]) -> Answer:
    """200 with every record's outcome at its position, and the totals of what was accepted."""
    records: list[dict[str, object]] = []
    counts = {ACCEPTED: 0, DUPLICATE: 0, QUARANTINED: 0}
    for place, (outcome, raw) in enumerate(zip(outcomes, raws, strict=True)):
        counts[outcome.outcome] += 1
        item: dict[str, object] = {"position": place + 1, **_plain(outcome)}
        if outcome.outcome == QUARANTINED:
            inner = pointer(outcome.field, raw) if outcome.field else ""
            item |= _error(outcome, _words(outcome), f"/records/{place}{inner}")
        records.append(item)
    return Answer(
        200,
        encode(
            {
                **counts,
                "accepted_fen": str(sum(outcome.amount_fen for outcome in outcomes)),
                "payable_fen": str(sum(outcome.payable_fen for outcome in outcomes)),
                "records": records,
            }
        ),
    )


def _plain(outcome: LineOutcome) -> dict[str, object]:
    found: dict[str, object] = {"setl_id": outcome.setl_id, "outcome": outcome.outcome}
    if outcome.outcome == ACCEPTED:
        found |= {"amount_fen": str(outcome.amount_fen), "payable_fen": str(outcome.payable_fen)}
    return found


def _error(outcome: LineOutcome, message: str, where: str) -> dict[str, object]:
    return {"pointer": where, "field": outcome.field, "code": outcome.code, "message": message}


def _words(outcome: LineOutcome) -> str:
    """The rule without the number of the line, which means nothing to the sender of a request."""
    return _LINE.sub("", outcome.message, count=1)


def _refusal_status(code: str) -> int:
    if code == "region.not_allowed":
        return 403
    return 409 if code in _CONFLICTS else 422


def pointer(field: str, raw: bytes) -> str:
    """A JSON pointer to the field within its record; to the record itself where its place cannot be known."""
    try:
        document: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    base = ""
    if isinstance(document, Mapping) and "setlinfo" not in document and "output" in document:
        base = "/output"
    row = _ROW.fullmatch(field)
    if row is not None:
        return f"{base}/setldetail/{row.group(1)}" + (f"/{row.group(2)}" if row.group(2) else "")
    if field.startswith("setldetail."):
        return f"{base}/setldetail"
    if field in ("setlinfo", "setldetail"):
        return f"{base}/{field}"
    return f"{base}/setlinfo/{field}" if field in _INFO else ""
