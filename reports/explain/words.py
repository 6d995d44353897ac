"""The rows of a chain as `fundledger explain` tells them to people: every field by its name, every code in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import evidence_named, said, words_of
from ledger.fund.record.codes import code_names
from reports.explain.chain import Chain
from reports.voucher import BY_MACHINE

_NAMES: Final = words_of("explain.field")
_SIGNED: Final = frozenset({"prepared_by", "reviewed_by", "approved_by", "recognised_by"})
_PERSONS: Final = _SIGNED | {"user_name"}
"""Fields that are users' logins: `names` says what these are called."""
_SHORT: Final = frozenset({"sha256", "sm3", "content_digest", "file_sha256", "digest"})
_HIDDEN: Final = {
    "papers": frozenset({"kind", "explain"}),
    "entries": frozenset({"source_key", "rule", "event"}),
}
_FAMILIES: Final[Mapping[str, str]] = {
    "subfund": "subfund", "category": "category", "side": "region.side", "severity": "finding.severity",
    "ordered_by": "refund.ordered_by", "period": "letter.period", "direction": "direction", "outcome": "paper.outcome",
    "outcome_code": "paper.reason", "from_state": "order.state", "to_state": "order.state", "event": "order.event",
    "reason": "order.reason",
}  # fmt: skip
_OF_PART: Final[Mapping[tuple[str, str], str]] = {
    ("orders", "state"): "order.state",
    ("files", "state"): "file.state",
    ("evidence", "kind"): "paper.kind",
}
_OF_PAPER: Final[Mapping[tuple[str, str], str]] = {
    ("sheet", "state"): "sheet.state", ("letter", "state"): "letter.state", ("refund", "state"): "refund.state",
    ("refund", "what"): "refund.kind", ("request", "state"): "fund_request.state", ("cash_move", "state"): "movement.state",
    ("cash_move", "what"): "movement.kind", ("advance", "state"): "advance.state", ("advance", "what"): "advance.kind",
    ("person", "state"): "person_payment.state", ("person", "what"): "person_payment.kind", ("finding", "state"): "finding.state",
    ("outregion_move", "state"): "region_movement.state", ("outregion_move", "what"): "region_movement.kind",
}  # fmt: skip


def row_words(part: str, row: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Iterator[str]:
    """`基金310`, `金额1,234.56元`, … of one row of a part of the chain; what is empty or only for machines is left out."""
    paper = str(row.get("kind", "")) if part == "papers" else ""
    for name, value in row.items():
        if value in ("", None, False) or name in _HIDDEN.get(part, ()):
            continue
        person = (names or {}).get(str(value)) if name in _PERSONS else None
        yield f"{_NAMES.get(name, name)} {person or _value(part, paper, name, value)}"


def persons(chain: Chain) -> set[str]:
    """The logins a chain tells of."""
    parts = (
        chain.records,
        chain.payables,
        chain.papers,
        chain.orders,
        chain.steps,
        chain.files,
        chain.evidence,
        chain.entries,
    )
    return {str(row[name]) for rows in parts for row in rows for name in _PERSONS if row.get(name)}


def _value(part: str, paper: str, name: str, value: Any) -> str:
    if name == "shares":
        return "，".join(f"{said('layer.payer', payer)}{_yuan(fen)}" for payer, fen in value.items())
    if name == "fund" and int(value) in FUND_NAMES:
        return FUND_NAMES[int(value)]
    if name in ("insutype", "med_type"):
        return code_names(name).get(str(value), str(value))
    if name == "due":
        return "，".join(_due(one) for one in str(value).split("，"))
    if name == "decision":
        word, _, rest = str(value).partition(" ")
        return f"{said('voucher.state', word)} {rest}".rstrip()
    if name.endswith("_fen"):
        return _yuan(value)
    if name == "ratio":
        return f"{int(value) // 100}.{int(value) % 100:02d}%"
    text = str(value)
    if name == "setl_time":
        return text.replace("T", " ")
    if name in _SIGNED and text.startswith(("rule:", "REC:", "REV:")):
        return BY_MACHINE
    if name in ("evidence", "explain"):
        return evidence_named(text)
    family = _OF_PAPER.get((paper, name)) or _OF_PART.get((part, name)) or _FAMILIES.get(name)
    if family is not None and not (part == "entries" and name == "event"):
        return said(family, text)
    return text[:16] if name in _SHORT else text


def _due(text: str) -> str:
    """`daily 2026-10-14 123456`: a kind, its day, fen."""
    kind, day, fen = text.split(" ")
    return f"{said('kind', kind)} {day} {_yuan(fen)}"


def _yuan(fen: Any) -> str:
    return f"{yuan_grouped(int(str(fen)))}元"
