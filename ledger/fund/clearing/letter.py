"""The confirmation letter as stored: drafted, read, approved, sent, voided (art. 24)."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.access.signing.signing import signed
from ledger.core.errors import Conflict, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.figures import figures
from ledger.fund.clearing.lines import LetterFigures
from ledger.fund.clearing.scope import LetterScope, period_named
from ledger.fund.clearing.store import (
    Letter,
    lock_letter,
    read_figures,
    read_letter,
    read_paper,
    store_head,
    store_paper,
    store_parts,
)
from ledger.fund.clearing.text import letter_text

_AFTER_DRAFT: Final = ("approved", "sent", "confirmed_by_institution", "confirmed", "paid")


def draft_letter(
    tx: Transaction, fund: int, institution: str, year: int, day: date, period: str = "year"
) -> Letter:
    """Draft the letter of an institution's year or quarter; one that lives already is the answer again.

    Raises NotFound `institution.unknown`, what `figures` raises, Forbidden `access.role_missing` (maker, system).
    """
    scope = LetterScope(fund, institution, year, period_named(period))
    known = _living(tx, scope)
    if known:
        return read_letter(tx, known)
    _lock_book(tx, fund)
    name = _institution_name(tx, institution)
    found = figures(tx, scope, day)
    version: int = tx.value(
        "SELECT coalesce(max(version), 0) + 1 FROM fund.letter WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND year = %(year)s AND period = %(period)s",
        region=tx.region, fund=fund, institution=institution, year=year, period=scope.period,
    )  # fmt: skip
    letter_id = scope.letter_id(tx.region, version)
    store_parts(tx, letter_id, found)
    digest = store_head(tx, letter_id, version, found, day)
    store_paper(
        tx, fund, letter_id, "letter", letter_text(found, letter_id, digest, name).encode(), digest, "", day
    )
    return read_letter(tx, letter_id)


def approve_letter(tx: Transaction, letter_id: str, digest: bytes, day: date) -> Letter:
    """Approve a draft as its second person; the same person and digest again get the first answer.

    Raises Forbidden `letter.same_person`, `access.role_missing`; Conflict `letter.digest`, `letter.stale` (the ledger
    moved on since the draft: void it and draft again), `letter.state`.
    """
    signed(tx, "clear.approve", letter_id, digest.hex(), day)
    letter = lock_letter(tx, letter_id)
    if letter.digest != digest:
        raise Conflict("letter.digest", f"清算确认书{letter_id}与所审批的摘要不符，请重新核对")
    if letter.state in _AFTER_DRAFT and letter.approved_by == tx.user:
        return letter
    _lock_book(tx, letter.scope.fund)
    require_fresh(tx, letter, day)
    tx.run(
        "UPDATE fund.letter SET state = 'approved', approved_by = %(user)s, approved_on = %(day)s"
        " WHERE region = %(region)s AND letter_id = %(letter)s",
        user=tx.user, day=day, region=tx.region, letter=letter_id,
    )  # fmt: skip
    return read_letter(tx, letter_id)


def send_letter(tx: Transaction, letter_id: str, day: date) -> bytes:
    """Send the approved letter to the institution; returns its bytes, the same for every replay.

    Raises Conflict `letter.state` before approval, Forbidden `access.role_missing` (maker, system).
    """
    letter = lock_letter(tx, letter_id)
    if letter.state not in _AFTER_DRAFT[1:]:
        tx.run(
            "UPDATE fund.letter SET state = 'sent', sent_by = %(user)s, sent_on = %(day)s"
            " WHERE region = %(region)s AND letter_id = %(letter)s",
            user=tx.user, day=day, region=tx.region, letter=letter_id,
        )  # fmt: skip
    return read_paper(tx, letter_id, "letter")


def void_letter(tx: Transaction, letter_id: str, reason: str) -> Letter:
    """Give up a letter the institution has not signed; the next draft is its next version.

    Raises Conflict `letter.state` once the institution has confirmed.
    """
    letter = lock_letter(tx, letter_id)
    if letter.state != "void":
        tx.run(
            "UPDATE fund.letter SET state = 'void', reason = %(reason)s WHERE region = %(region)s AND letter_id = %(letter)s",
            reason=reason, region=tx.region, letter=letter_id,
        )  # fmt: skip
    return read_letter(tx, letter_id)


def require_fresh(tx: Transaction, letter: Letter, day: date) -> LetterFigures:
    """The letter's figures computed anew; raises Conflict `letter.stale` unless they are those stored."""
    now, then = figures(tx, letter.scope, day), read_figures(tx, letter)
    if (now.grade, now.lines, now.late, _taken(now)) != (then.grade, then.lines, then.late, _taken(then)):
        raise Conflict(
            "letter.stale",
            f"清算确认书{letter.letter_id}制成后账务或明细已变，请作废后重新制作",
            letter_id=letter.letter_id,
        )
    return now


def _taken(found: LetterFigures) -> list[tuple[str, str, int]]:
    return sorted((t.kind, t.reference, t.amount_fen) for t in found.takings)


def _living(tx: Transaction, scope: LetterScope) -> str:
    found: str | None = tx.value(
        "SELECT letter_id FROM fund.letter WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s"
        " AND year = %(year)s AND period = %(period)s AND state <> 'void'",
        region=tx.region, fund=scope.fund, institution=scope.institution, year=scope.year, period=scope.period,
    )  # fmt: skip
    return found or ""


def _lock_book(tx: Transaction, fund: int) -> None:
    """Months, orders and letters of a book are approved one after the other."""
    tx.run("SELECT fund.lock_book(%(region)s, %(fund)s::smallint)", region=tx.region, fund=fund)


def _institution_name(tx: Transaction, institution: str) -> str:
    name: str | None = tx.value(
        "SELECT name FROM fund.institution WHERE region = %(region)s AND institution = %(code)s",
        region=tx.region,
        code=institution,
    )
    if name is None:
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
    return name
