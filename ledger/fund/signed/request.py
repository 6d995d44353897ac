"""What advances, refunds, fund requests, cash moves and person payments share: dated choices, keys, two persons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Final, LiteralString

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.core.text import flaw
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction

_DECIDE: Final[Mapping[str, LiteralString]] = {
    "advance": "UPDATE fund.advance SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s, reason = %(reason)s"
    " WHERE region = %(region)s AND advance_id = %(key)s",
    "refund": "UPDATE fund.refund SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s, reason = %(reason)s"
    " WHERE region = %(region)s AND refund_id = %(key)s",
    "fund_request": "UPDATE fund.fund_request SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
    " reason = %(reason)s WHERE region = %(region)s AND request_id = %(key)s",
    "cash_move": "UPDATE fund.cash_move SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
    " reason = %(reason)s WHERE region = %(region)s AND move_id = %(key)s",
    "person_account": "UPDATE fund.person_account SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
    " reason = %(reason)s WHERE region = %(region)s AND account_id = %(key)s",
    "person_payment": "UPDATE fund.person_payment SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
    " reason = %(reason)s WHERE region = %(region)s AND payment_id = %(key)s",
}

_STATE: Final[Mapping[str, LiteralString]] = {
    "advance": "SELECT state, approved_by FROM fund.advance WHERE region = %(region)s AND advance_id = %(key)s FOR UPDATE",
    "refund": "SELECT state, approved_by FROM fund.refund WHERE region = %(region)s AND refund_id = %(key)s FOR UPDATE",
    "fund_request": "SELECT state, approved_by FROM fund.fund_request WHERE region = %(region)s AND request_id = %(key)s FOR UPDATE",
    "cash_move": "SELECT state, approved_by FROM fund.cash_move WHERE region = %(region)s AND move_id = %(key)s FOR UPDATE",
    "person_account": "SELECT state, approved_by FROM fund.person_account"
    " WHERE region = %(region)s AND account_id = %(key)s FOR UPDATE",
    "person_payment": "SELECT state, approved_by FROM fund.person_payment"
    " WHERE region = %(region)s AND payment_id = %(key)s FOR UPDATE",
}

TEXT_MAX: Final = 120


def key_of(prefix: str, *facts: object) -> str:
    """A request's id, the same whenever the same paper is handed in: `ADV-` and 20 hex digits over the facts."""
    return f"{prefix}-{sha256('|'.join(map(_text, facts)).encode()).hexdigest()[:20]}"


def row_digest(kind: str, *facts: object) -> bytes:
    """Evidence digest of an entry that rests on a row of this room: SHA-256 over `kind|fact|fact…`.

    Facts are written as str(); a backslash or `|` inside one is preceded by a backslash.
    """
    return sha256("|".join([kind, *map(_text, facts)]).encode()).digest()


def _text(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace("|", "\\|")


def require_text(value: str, field: str) -> str:
    """`value` stripped; raises InvalidInput `request.text` for an empty one or one that `ledger.core.text` refuses."""
    text = value.strip()
    found = flaw(text, field, TEXT_MAX)
    if found is not None:
        raise InvalidInput("request.text", found.words, field=field)
    return text


def require_amount(fen: int) -> None:
    """Raises InvalidInput `request.amount` unless above zero."""
    if fen <= 0:
        raise InvalidInput("request.amount", f"金额{yuan_grouped(fen)}元应大于零", amount_fen=fen)


def require_same(key: str, stored: tuple[object, ...], given: tuple[object, ...]) -> None:
    """A paper handed in again must say the same: raises Conflict `request.document_used`."""
    if stored != given:
        raise Conflict(
            "request.document_used",
            f"同一文号已用于另一内容（{key}），请核对文号",
            key=key,
            stored=str(stored),
        )


def decide(tx: Transaction, table: str, key: str, day: date, *, refusal: str = "") -> bool:
    """Approve a request as the transaction's user, or refuse it with a reason; False if that user decided so before.

    Raises NotFound `request.unknown`; Conflict `request.decided`; Forbidden `access.role_missing` (checker),
    `request.same_person`.
    """
    # One decision at a time: what is left to give back or hand over is asked after the lock, and counts the others.
    hold(tx, Lock.DECIDE, f"{table} {tx.region}")
    row = tx.row(_STATE[table], region=tx.region, key=key)
    if row is None:
        raise NotFound("request.unknown", f"没有申请{key}", key=key)
    state = "refused" if refusal else "approved"
    if (row[1] == tx.user) and (row[0] == state or (row[0], state) == ("granted", "approved")):
        return False
    if not refusal:
        sign_decision(tx, f"fund.{table}", [key], day)
    tx.run(_DECIDE[table], region=tx.region, key=key, state=state, user=tx.user, day=day, reason=refusal)
    return True
