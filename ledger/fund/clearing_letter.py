"""The confirmation letter as stored: drafted, read, approved, sent, voided (art. 24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from ledger.core.errors import Conflict, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing import PARTS, ROWS, Scope, period_named
from ledger.fund.clearing_figures import Figures, Line, Taking, figures
from ledger.fund.clearing_text import letter_text, sm3
from ledger.fund.month_sheet import Key

STATE_NAMES: Final = {
    "draft": "草稿",
    "approved": "已审批",
    "sent": "已发出",
    "confirmed_by_institution": "机构已确认",
    "confirmed": "双方已确认",
    "paid": "已付妥",
    "void": "已作废",
}
_AMOUNTS: Final = tuple(field.name for field in fields(Line) if field.name != "key")
_AFTER_DRAFT: Final = ("approved", "sent", "confirmed_by_institution", "confirmed", "paid")


@dataclass(frozen=True, slots=True)
class Letter:
    """A stored letter; `rows` are the totals of rows 1, 2, 4–9 in fen, `parts` the split of every row."""

    letter_id: str
    scope: Scope
    state: str
    """As fund.letter_status: `paid` once the bank has paid its order."""
    grade: str
    rows: Mapping[int, int]
    parts: Mapping[tuple[int, str], int]
    digest: bytes
    """What the second person approves and both sides sign."""
    prepared_by: str
    prepared_on: date
    approved_by: str
    sent_by: str
    confirmed_by: str
    source_key: str
    order_no: str
    cleared_on: date | None

    @property
    def amount_fen(self) -> int:
        """Row 9."""
        return self.rows[9]


def draft_letter(
    tx: Transaction, fund: int, institution: str, year: int, day: date, period: str = "year"
) -> Letter:
    """Draft the letter of an institution's year or quarter; one that lives already is the answer again.

    Raises NotFound `institution.unknown`, what `figures` raises, Forbidden `access.role_missing` (maker, system).
    """
    scope = Scope(fund, institution, year, period_named(period))
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
    _store_parts(tx, letter_id, found)
    digest = _store_head(tx, letter_id, version, found, day)
    store_paper(
        tx, fund, letter_id, "letter", letter_text(found, letter_id, digest, name).encode(), digest, "", day
    )
    return read_letter(tx, letter_id)


def approve_letter(tx: Transaction, letter_id: str, digest: bytes, day: date) -> Letter:
    """Approve a draft as its second person; the same person and digest again get the first answer.

    Raises Forbidden `letter.same_person`, `access.role_missing`; Conflict `letter.digest`, `letter.stale` (the ledger
    moved on since the draft: void it and draft again), `letter.state`.
    """
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


def require_fresh(tx: Transaction, letter: Letter, day: date) -> Figures:
    """The letter's figures computed anew; raises Conflict `letter.stale` unless they are those stored."""
    now, then = figures(tx, letter.scope, day), read_figures(tx, letter)
    if (now.grade, now.lines, now.late, _taken(now)) != (then.grade, then.lines, then.late, _taken(then)):
        raise Conflict(
            "letter.stale",
            f"清算确认书{letter.letter_id}制成后账务或明细已变，请作废后重新制作",
            letter_id=letter.letter_id,
        )
    return now


def _taken(found: Figures) -> list[tuple[str, str, int]]:
    return sorted((t.kind, t.reference, t.amount_fen) for t in found.takings)


def _living(tx: Transaction, scope: Scope) -> str:
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


def _store_parts(tx: Transaction, letter_id: str, found: Figures) -> None:
    where = {"region": tx.region, "fund": found.scope.fund, "letter": letter_id}
    tx.run_many(
        "INSERT INTO fund.letter_row VALUES (%(region)s, %(fund)s, %(letter)s, %(row)s, %(part)s, %(fen)s)",
        [where | {"row": row, "part": part, "fen": fen} for (row, part), fen in found.rows().items()],
    )
    tx.run_many(
        "INSERT INTO fund.letter_line (region, fund, letter_id, n, subfund, service_year, term, category, claimed_fen,"
        " late_fen, surplus_before, surplus_fen, audit_before, audit_fen, forfeited_before, forfeited_fen, other_before,"
        " other_fen, borne_before, borne_fen, paid_fen, refunded_fen, open_daily_fen, waiting_fen, month_open_fen,"
        " retained_fen, advance_fen, owed_before, result_fen) VALUES (%(region)s, %(fund)s, %(letter)s, %(n)s, %(subfund)s,"
        " %(service_year)s, %(term)s, %(category)s, %(claimed_fen)s, %(late_fen)s, %(surplus_before)s, %(surplus_fen)s,"
        " %(audit_before)s, %(audit_fen)s, %(forfeited_before)s, %(forfeited_fen)s, %(other_before)s, %(other_fen)s,"
        " %(borne_before)s, %(borne_fen)s, %(paid_fen)s, %(refunded_fen)s, %(open_daily_fen)s, %(waiting_fen)s,"
        " %(month_open_fen)s, %(retained_fen)s, %(advance_fen)s, %(owed_before)s, %(result_fen)s)",
        [
            where
            | {"n": n, "result_fen": line.result_fen}
            | line.key._asdict()
            | {name: getattr(line, name) for name in _AMOUNTS}
            for n, line in enumerate(found.lines, 1)
        ],
    )
    takings = [
        (where | {"reference": t.reference, "fen": t.amount_fen}, t.kind == "finding") for t in found.takings
    ]
    tx.run_many(
        "INSERT INTO fund.letter_finding VALUES (%(region)s, %(fund)s, %(letter)s, %(reference)s, %(fen)s)",
        [row for row, finding in takings if finding],
    )
    tx.run_many(
        "INSERT INTO fund.letter_deduction VALUES (%(region)s, %(fund)s, %(letter)s, %(reference)s, %(fen)s)",
        [row for row, finding in takings if not finding],
    )
    tx.run_many(
        "INSERT INTO fund.letter_late VALUES (%(region)s, %(fund)s, %(letter)s, %(setl_id)s, %(subfund)s, %(fen)s)",
        [
            where | {"setl_id": setl_id, "subfund": subfund, "fen": fen}
            for setl_id, subfund, fen in found.late
        ],
    )


def _store_head(tx: Transaction, letter_id: str, version: int, found: Figures, day: date) -> bytes:
    """The letter itself, last: the database digests what came before."""
    scope = found.scope
    digest: bytes = tx.value(
        "INSERT INTO fund.letter (region, fund, letter_id, institution, year, period, version, state, grade, row1_fen,"
        " row2_fen, row4_fen, row5_fen, row6_fen, row7_fen, row8_fen, row9_fen, prepared_by, prepared_on, digest)"
        " VALUES (%(region)s, %(fund)s, %(letter)s, %(institution)s, %(year)s, %(period)s, %(version)s, 'draft', %(grade)s,"
        " %(row1)s, %(row2)s, %(row4)s, %(row5)s, %(row6)s, %(row7)s, %(row8)s, %(row9)s, %(user)s, %(day)s, '\\x00')"
        " RETURNING digest",
        region=tx.region, fund=scope.fund, letter=letter_id, institution=scope.institution, year=scope.year,
        period=scope.period, version=version, grade=found.grade, user=tx.user, day=day,
        **{f"row{number}": found.row(number) for number in ROWS},
    )  # fmt: skip
    return bytes(digest)


def store_paper(
    tx: Transaction,
    fund: int,
    letter_id: str,
    kind: str,
    content: bytes,
    letter_digest: bytes,
    signed_by: str,
    day: date,
) -> None:
    """Archive a paper of the letter with its SHA-256 and SM3; frozen from then on (art. 24)."""
    tx.run(
        "INSERT INTO fund.letter_paper VALUES (%(region)s, %(fund)s, %(letter)s, %(kind)s, %(content)s, sha256(%(content)s),"
        " %(sm3)s, %(digest)s, %(signed_by)s, %(day)s, %(user)s)",
        region=tx.region, fund=fund, letter=letter_id, kind=kind, content=content, sm3=sm3(content),
        digest=letter_digest, signed_by=signed_by, day=day, user=tx.user,
    )  # fmt: skip


def read_paper(tx: Transaction, letter_id: str, kind: str) -> bytes:
    """An archived paper's bytes; raises NotFound `letter.no_paper`."""
    content = tx.value(
        "SELECT content FROM fund.letter_paper WHERE region = %(region)s AND letter_id = %(letter)s AND kind = %(kind)s",
        region=tx.region, letter=letter_id, kind=kind,
    )  # fmt: skip
    if content is None:
        raise NotFound("letter.no_paper", f"清算确认书{letter_id}没有收存该文书", kind=kind)
    return bytes(content)


def lock_letter(tx: Transaction, letter_id: str) -> Letter:
    """The letter, locked until the end of the transaction; raises NotFound `letter.unknown`."""
    tx.rows(
        "SELECT 1 FROM fund.letter WHERE region = %(region)s AND letter_id = %(letter)s FOR UPDATE",
        region=tx.region,
        letter=letter_id,
    )
    return read_letter(tx, letter_id)


def read_letter(tx: Transaction, letter_id: str) -> Letter:
    """One letter; raises NotFound `letter.unknown`."""
    found = _read(tx, letter_id=letter_id)
    if not found:
        raise NotFound("letter.unknown", f"没有清算确认书{letter_id[:60]}", letter_id=letter_id[:60])
    return found[0]


def letters(tx: Transaction, year: int, fund: int = 0, institution: str = "") -> list[Letter]:
    """The year's letters, void ones included, by id; of one fund or institution where given."""
    return _read(tx, year=year, fund=fund, institution=institution)


def _read(
    tx: Transaction, *, letter_id: str = "", year: int = 0, fund: int = 0, institution: str = ""
) -> list[Letter]:
    heads = tx.rows(
        "SELECT l.letter_id, l.fund, l.institution, l.year, l.period, s.state, l.grade, l.digest, l.prepared_by, l.prepared_on,"
        " l.approved_by, l.sent_by, l.confirmed_by, l.source_key, s.order_no, s.cleared_on"
        " FROM fund.letter l JOIN fund.letter_status s ON s.region = l.region AND s.letter_id = l.letter_id"
        " WHERE l.region = %(region)s AND (%(letter)s IN ('', l.letter_id)) AND (%(year)s IN (0, l.year))"
        " AND (%(fund)s IN (0, l.fund)) AND (%(institution)s IN ('', l.institution)) ORDER BY l.letter_id",
        region=tx.region, letter=letter_id, year=year, fund=fund, institution=institution,
    )  # fmt: skip
    parts: dict[str, dict[tuple[int, str], int]] = {head[0]: {} for head in heads}
    for found, row, part, fen in tx.rows(
        "SELECT letter_id, row_no, part, amount_fen FROM fund.letter_row"
        " WHERE region = %(region)s AND letter_id = ANY(%(letters)s) ORDER BY letter_id, row_no, part",
        region=tx.region, letters=list(parts),
    ):  # fmt: skip
        parts[found][row, part] = fen
    return [
        Letter(
            head[0],
            Scope(head[1], head[2], head[3], period_named(head[4])),
            head[5],
            head[6],
            {row: sum(parts[head[0]].get((row, part), 0) for part in PARTS) for row in ROWS},
            parts[head[0]],
            bytes(head[7]),
            *head[8:],
        )
        for head in heads
    ]


def read_figures(tx: Transaction, letter: Letter) -> Figures:
    """The figures as stored with the letter."""
    where = {"region": tx.region, "letter": letter.letter_id}
    lines = tx.rows(
        "SELECT subfund, service_year, term, category, claimed_fen, late_fen, surplus_before, surplus_fen, audit_before,"
        " audit_fen, forfeited_before, forfeited_fen, other_before, other_fen, borne_before, borne_fen, paid_fen,"
        " refunded_fen, open_daily_fen, waiting_fen, month_open_fen, retained_fen, advance_fen, owed_before"
        " FROM fund.letter_line WHERE region = %(region)s AND letter_id = %(letter)s ORDER BY n",
        **where,
    )
    takings = tx.rows(
        "SELECT 'finding', finding_id, amount_fen FROM fund.letter_finding WHERE region = %(region)s AND letter_id = %(letter)s"
        " UNION ALL SELECT 'other', deduction_id, amount_fen FROM fund.letter_deduction"
        " WHERE region = %(region)s AND letter_id = %(letter)s",
        **where,
    )
    late = tx.rows(
        "SELECT setl_id, subfund, fund_fen FROM fund.letter_late WHERE region = %(region)s AND letter_id = %(letter)s"
        ' ORDER BY setl_id COLLATE "C", subfund',
        **where,
    )
    return Figures(
        letter.scope,
        letter.grade,
        tuple(Line(Key(*row[:4]), *row[4:]) for row in lines),
        tuple(Taking(kind, reference, None, fen) for kind, reference, fen in takings),
        tuple(late),
    )


def line_rows(found: Figures) -> list[tuple[Key, int]]:
    """Row 9 per key, zero ones left out: what the order that pays the letter is made of."""
    return [(line.key, line.row_fen[9]) for line in found.lines if line.row_fen[9]]
