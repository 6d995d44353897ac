"""The signs that freeze a region's payments, and lifting them: an accountant says it is reconciled, a checker confirms.

Drafting, approving, filing and sending are refused by the database (`payments.frozen`); intake and reading go on.
What was lost comes back as receipts that name orders nobody here made: they stand in suspense, and no order to the
same account is filed before two persons have said which order each of them paid (`order.maybe_paid`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import InvalidInput
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

CODES: Final = words_of("freeze.sign")
STATES: Final = words_of("freeze.state")
_DOCUMENT_MAX: Final = 120


class AnchoredEnd(NamedTuple):
    """The end of one chain as the anchors file has it: of a book, of the region's traces (fund 0), of users' and keys' (-1)."""

    fund: int
    block: int
    hash: str
    """SHA-256 in hex."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """One sign; `state` is standing, proposed or lifted, `refusal` why the last proposal was sent back."""

    n: int
    code: str
    detail: str
    found_by: str
    found_on: date
    state: str
    document: str
    proposed_by: str
    lifted_by: str
    refusal: str


def freeze(tx: Transaction, code: str, detail: str, day: date, anchors: Sequence[AnchoredEnd] = ()) -> bool:
    """Freeze the transaction's region for a sign of CODES; False if it is frozen for that sign already."""
    return bool(
        tx.value(
            "SELECT payments.freeze_now(%(region)s, %(code)s, %(detail)s, %(anchors)s::jsonb, %(day)s)",
            region=tx.region,
            code=code,
            detail=f"{CODES[code]}：{detail}",
            anchors=json.dumps([end._asdict() for end in anchors]),
            day=day,
        )
    )


def require_thawed(tx: Transaction) -> None:
    """Raises Conflict `payments.frozen` while the region's payments are frozen."""
    tx.run("SELECT payments.require_thawed(%(region)s)", region=tx.region)


def anchors_gone(tx: Transaction, ends: Sequence[AnchoredEnd]) -> list[AnchoredEnd]:
    """Which of the anchored ends are in no chain of the region, and were not given up with a lifted freeze."""
    return [
        AnchoredEnd(*row)
        for row in tx.rows(
            "SELECT fund, block, hash FROM payments.anchors_gone(%(region)s, %(funds)s::smallint[],"
            " %(blocks)s::bigint[], %(hashes)s::text[]) ORDER BY 1, 2",
            region=tx.region,
            funds=[end.fund for end in ends],
            blocks=[end.block for end in ends],
            hashes=[end.hash for end in ends],
        )
    ]


def freeze_for_anchors(tx: Transaction, gone: Sequence[AnchoredEnd], day: date) -> bool:
    """Freeze the region: it was brought back from before these anchors were written. Lifting it gives them up."""
    last = {end.fund: end.block for end in sorted(gone)}
    words = "、".join(_named(tx.region, fund, block) for fund, block in last.items())
    return freeze(tx, "anchor_newer", f"已锚定的{words}本库没有", day, gone)


def _named(region: int, fund: int, block: int) -> str:
    if fund > 0:
        return f"账套{region}-{fund}的区块{block}"
    return f"{'用户与密钥' if fund < 0 else f'统筹区{region}'}的第{block}条留痕"


def freezes(tx: Transaction) -> list[Freeze]:
    """Every sign there ever was, oldest first."""
    return [
        Freeze(*row)
        for row in tx.rows(
            "SELECT n, code, detail, found_by, found_on, state, document, proposed_by, lifted_by, refusal"
            " FROM payments.freezing WHERE region = %(region)s ORDER BY n",
            region=tx.region,
        )
    ]


def proposed_digest(tx: Transaction) -> str:
    """Of all that is proposed to be lifted, in hex; "" where nothing is."""
    if not any(one.state == "proposed" for one in freezes(tx)):
        return ""
    return bytes(tx.value("SELECT payments.freeze_digest(%(region)s)", region=tx.region)).hex()


def propose_thaw(tx: Transaction, document: str, day: date) -> str:
    """As accountant: reconciled with the bank by `document`. The digest, in hex, of what a checker is to lift.

    Raises InvalidInput `freeze.document`; NotFound `freeze.none`; Forbidden `access.role_missing`.
    """
    text = document.strip()
    if not 0 < len(text) <= _DOCUMENT_MAX or any(c in "|\\" or ord(c) < 32 for c in text):
        raise InvalidInput(
            "freeze.document", f"依据应为1到{_DOCUMENT_MAX}字，且不含竖线、反斜杠、换行（银行对账单、查复函）"
        )
    return bytes(
        tx.value(
            "SELECT payments.propose_thaw(%(region)s, %(document)s, %(day)s)",
            region=tx.region,
            document=text,
            day=day,
        )
    ).hex()


def decide_thaw(tx: Transaction, digest: bytes, day: date, refusal: str = "") -> int:
    """As checker, another person: lift what was proposed, or with `refusal` send it back; how many signs.

    Raises NotFound `freeze.none`; Forbidden `request.same_person`, `access.role_missing`; Conflict `freeze.changed`.
    """
    signs = "SELECT n FROM payments.freezing WHERE region = %(region)s AND state = 'proposed' ORDER BY n"
    for (n,) in tx.rows(signs, region=tx.region) if not refusal.strip() else ():
        sign_decision(tx, "payments.freezing", [n], day)
    return int(
        tx.value(
            "SELECT payments.decide_thaw(%(region)s, %(digest)s, %(reason)s, %(day)s)",
            region=tx.region,
            digest=digest,
            reason=refusal.strip(),
            day=day,
        )
    )
