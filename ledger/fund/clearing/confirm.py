"""Confirmation by both sides, the CLR entry, and everything it closes, in one transaction (arts. 24, 25)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from hashlib import sha256
from typing import Final

from ledger.access.signing.signing import sign_decision
from ledger.core.accounts import CLEARING_OWED, MONTH_OWED
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Conflict, NotFound
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.offset import KIND_ACCOUNTS, Offset, take_offsets
from ledger.fund.audit.taken import take
from ledger.fund.clearing.letter import require_fresh
from ledger.fund.clearing.lines import LetterFigures, LetterLine
from ledger.fund.clearing.store import Letter, lock_letter, read_letter, read_paper, store_paper
from ledger.fund.clearing.text import write_off_text
from ledger.fund.month.other_deductions import take_deductions
from ledger.fund.month.returned import Eaten, eaten
from ledger.fund.month.sheet import Key
from ledger.fund.ordering.given_up import give_up_drafts
from ledger.fund.payables.marks import close_terms, settle_late
from ledger.fund.signed.entry import EntryPaper, post_paper, settling_policy, write_entry
from ledger.rules import Sheet

_NOTHING: Final = Eaten(0, 0)


def sign_institution(
    tx: Transaction, letter_id: str, letter_digest: bytes, content: bytes, signed_by: str, day: date
) -> Letter:
    """Record the institution's signed copy: its bytes, whose name is under it, and the digest of the letter it signs.

    Raises Conflict `letter.other_digest` if it signed another letter, `letter.state` before the letter was sent,
    `letter.signed_otherwise` for another paper than the one on file; the same paper again is no change.
    """
    letter = lock_letter(tx, letter_id)
    if _replayed(tx, letter_id, "institution", content):
        return letter
    store_paper(tx, letter.scope.fund, letter_id, "institution", content, letter_digest, signed_by, day)
    tx.run(
        "UPDATE fund.letter SET state = 'confirmed_by_institution' WHERE region = %(region)s AND letter_id = %(letter)s",
        region=tx.region,
        letter=letter_id,
    )
    return read_letter(tx, letter_id)


def confirm_letter(tx: Transaction, letter_id: str, content: bytes, signed_by: str, day: date) -> Letter:
    """The agency's own confirmation: archives its signed copy and the write-off notice, posts CLR once, takes the
    findings and deductions, closes the late records and the year's 期号.

    Raises Conflict `letter.one_side` before the institution has confirmed, `letter.stale` if the ledger moved on,
    `letter.signed_otherwise`; Forbidden `letter.same_person`, `access.role_missing`; what posting raises.
    """
    letter = lock_letter(tx, letter_id)
    if _replayed(tx, letter_id, "agency", content):
        return letter
    sign_decision(tx, "fund.letter", [letter_id], day)
    if letter.state != "confirmed_by_institution":
        raise Conflict(
            "letter.one_side",
            f"清算确认书{letter_id}尚未经机构确认，经办机构不能单方确认",
            state=letter.state,
        )
    scope = letter.scope
    tx.run("SELECT fund.lock_book(%(region)s, %(fund)s::smallint)", region=tx.region, fund=scope.fund)
    found = require_fresh(tx, letter, day)
    store_paper(tx, scope.fund, letter_id, "agency", content, letter.digest, signed_by, day)
    notice = write_off_text(found, letter_id, _name(tx, scope.institution))
    if notice:
        store_paper(tx, scope.fund, letter_id, "write_off", notice.encode(), letter.digest, signed_by, day)
    source_key = _book(tx, letter, found, day)
    _take(tx, letter, found)
    _close(tx, letter, found, day)
    tx.run(
        "UPDATE fund.letter SET state = 'confirmed', confirmed_by = %(user)s, confirmed_on = %(day)s, source_key = %(key)s"
        " WHERE region = %(region)s AND letter_id = %(letter)s",
        user=tx.user, day=day, key=source_key, region=tx.region, letter=letter_id,
    )  # fmt: skip
    return read_letter(tx, letter_id)


def write_off_notice(tx: Transaction, letter_id: str) -> str:
    """The notice as archived; '' where nothing is left to the institution."""
    try:
        return read_paper(tx, letter_id, "write_off").decode()
    except NotFound:
        return ""


def _replayed(tx: Transaction, letter_id: str, kind: str, content: bytes) -> bool:
    """Whether this very paper is on file; raises Conflict `letter.signed_otherwise` if another one is."""
    known = tx.value(
        "SELECT sha256 FROM fund.letter_paper WHERE region = %(region)s AND letter_id = %(letter)s AND kind = %(kind)s",
        region=tx.region, letter=letter_id, kind=kind,
    )  # fmt: skip
    if known is not None and bytes(known) != sha256(content).digest():
        raise Conflict("letter.signed_otherwise", f"清算确认书{letter_id}已收存另一份签章文书", kind=kind)
    return known is not None


def _name(tx: Transaction, institution: str) -> str:
    return str(
        tx.value(
            "SELECT name FROM fund.institution WHERE region = %(region)s AND institution = %(code)s",
            region=tx.region,
            code=institution,
        )
    )


def _book(tx: Transaction, letter: Letter, found: LetterFigures, day: date) -> str:
    """Post CLR and prove that it leaves row 9 in 9106; returns its source key, '' where there is nothing to book."""
    scope = letter.scope
    lost = _eaten(tx, found)
    rows = [_sheet(line, scope.institution, lost.get(line.key, _NOTHING)) for line in found.lines]
    rows += _offsets(found)
    policy = settling_policy(tx, day, advance=any(line.advance_fen for line in found.lines))
    summary = f"{scope.title}清算{FUND_NAMES[scope.fund]}{scope.institution}"
    paper = EntryPaper("CLR", scope.fund, letter.letter_id, letter.digest, summary, 2)
    ruled = write_entry(paper, policy, rows, day)
    if ruled is None:
        return ""
    booked = -sum(int(leg.side) * leg.amount_fen for leg in ruled.legs if leg.account == CLEARING_OWED)
    if booked + sum(line.owed_before for line in found.lines) != letter.amount_fen:
        raise Conflict(
            "letter.books_differ",
            f"清算确认书{letter.letter_id}第9行{yuan_grouped(letter.amount_fen)}元，清算分录记9106为{yuan_grouped(booked)}元",
            row=9,
        )
    post_paper(tx, paper, ruled, day)
    return f"CLR:{letter.letter_id}"


def _eaten(tx: Transaction, found: LetterFigures) -> dict[Key, Eaten]:
    """Returned money the letter's keys are owed no more: after CLR nothing is owed them but their row 9."""
    owed = {(MONTH_OWED, line.key): 0 for line in found.lines}
    owed |= {(CLEARING_OWED, line.key): line.row_fen[9] for line in found.lines}
    left = {line.key: line.advance_fen for line in found.lines}
    late = [setl_id for setl_id, _, _ in found.late]
    return eaten(tx, found.scope.fund, found.scope.institution, owed, left, late)


def _offsets(found: LetterFigures) -> list[Sheet]:
    """One rule row per key and kind of advance."""
    sums: dict[tuple[Key, int], int] = defaultdict(int)
    for taking in found.takings:
        if taking.kind in KIND_ACCOUNTS and taking.key is not None:
            sums[taking.key, KIND_ACCOUNTS[taking.kind]] += taking.amount_fen
    return [
        Sheet(key.dims(found.scope.institution), offset_fen=fen, source=kind)
        for (key, kind), fen in sorted(sums.items())
    ]


def _sheet(line: LetterLine, institution: str, lost: Eaten) -> Sheet:
    return Sheet(
        line.key.dims(institution),
        open_daily_fen=line.open_daily_fen,
        waiting_fen=line.waiting_fen,
        month_open_fen=line.month_open_fen,
        retained_fen=line.retained_fen,
        audit_fen=line.audit_fen,
        other_fen=line.other_fen,
        forfeited_fen=line.forfeited_fen,
        borne_fen=line.borne_fen + line.late_fen,
        surplus_fen=line.surplus_fen,
        advance_fen=line.advance_fen - lost.advance_fen,
        returned_fen=lost.expense_fen,
        returned_advance_fen=lost.advance_fen,
    )


def _take(tx: Transaction, letter: Letter, found: LetterFigures) -> None:
    offsets: dict[tuple[str, str], int] = defaultdict(int)
    for taking in found.takings:
        if taking.kind == "finding":
            take(tx, taking.reference, letter.letter_id, taking.amount_fen)
        elif taking.kind in KIND_ACCOUNTS:
            offsets[taking.reference, taking.kind] += taking.amount_fen
    take_deductions(
        tx, letter.letter_id, {t.reference: t.amount_fen for t in found.takings if t.kind == "other"}
    )
    take_offsets(tx, letter.letter_id, [Offset(*key, fen) for key, fen in offsets.items()])


def _close(tx: Transaction, letter: Letter, found: LetterFigures, day: date) -> None:
    """Late records are closed by the letter; no 期号 of the scope takes records any more, except for carried ones."""
    scope = letter.scope
    give_up_drafts(tx, letter.letter_id, _drafts(tx, letter), day)
    settle_late(tx, letter.letter_id)
    first, last = scope.terms
    terms = sorted(set(range(first, last + 1)) - found.open_terms)
    close_terms(tx, letter.letter_id, scope.fund, scope.institution, terms)


def _drafts(tx: Transaction, letter: Letter) -> list[str]:
    """Daily batches not yet approved that hold a late record of the letter."""
    rows = tx.rows(
        "SELECT DISTINCT o.batch_id FROM fund.letter_late t"
        " JOIN fund.payable p ON p.region = t.region AND p.fund = t.fund AND p.setl_id = t.setl_id AND p.subfund = t.subfund"
        " JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no AND o.state = 'draft'"
        " WHERE t.region = %(region)s AND t.letter_id = %(letter)s AND p.settled_by = '' ORDER BY 1",
        region=tx.region,
        letter=letter.letter_id,
    )
    return [batch_id for (batch_id,) in rows]
