"""Letters as rows: stored before their head is digested, read with the state the money gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Final

from ledger.core.errors import NotFound
from ledger.core.words import words_of
from ledger.db.safekeeping.fields import fields as sealing
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.offset import KIND_ACCOUNTS
from ledger.fund.clearing.lines import LetterFigures, LetterLine, LetterTaking
from ledger.fund.clearing.scope import PARTS, ROWS, LetterScope, period_named
from ledger.fund.clearing.text import sm3
from ledger.fund.month.sheet import Key

STATE_NAMES: Final = words_of("letter.state")
_AMOUNTS: Final = tuple(field.name for field in fields(LetterLine) if field.name != "key")


@dataclass(frozen=True, slots=True)
class Letter:
    """A stored letter; `rows` are the totals of rows 1, 2, 4–9 in fen, `parts` the split of every row."""

    letter_id: str
    scope: LetterScope
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


def store_parts(tx: Transaction, letter_id: str, found: LetterFigures) -> None:
    """Rows, lines and what is taken: before the letter itself, which digests them."""
    where = {"region": tx.region, "fund": found.scope.fund, "letter": letter_id}
    tx.run_many(
        "INSERT INTO fund.letter_row VALUES (%(region)s, %(fund)s, %(letter)s, %(row)s, %(part)s, %(fen)s)",
        [where | {"row": row, "part": part, "fen": fen} for (row, part), fen in found.rows().items()],
    )
    tx.run_many(
        "INSERT INTO fund.letter_line (region, fund, letter_id, n, subfund, service_year, term, category, claimed_fen,"
        " late_fen, surplus_before, surplus_fen, audit_before, audit_fen, forfeited_before, forfeited_fen, other_before,"
        " other_fen, borne_before, borne_fen, offset_fen, paid_fen, refunded_fen, open_daily_fen, waiting_fen, month_open_fen,"
        " retained_fen, advance_fen, owed_before, result_fen) VALUES (%(region)s, %(fund)s, %(letter)s, %(n)s, %(subfund)s,"
        " %(service_year)s, %(term)s, %(category)s, %(claimed_fen)s, %(late_fen)s, %(surplus_before)s, %(surplus_fen)s,"
        " %(audit_before)s, %(audit_fen)s, %(forfeited_before)s, %(forfeited_fen)s, %(other_before)s, %(other_fen)s,"
        " %(borne_before)s, %(borne_fen)s, %(offset_fen)s, %(paid_fen)s, %(refunded_fen)s, %(open_daily_fen)s, %(waiting_fen)s,"
        " %(month_open_fen)s, %(retained_fen)s, %(advance_fen)s, %(owed_before)s, %(result_fen)s)",
        [
            where
            | {"n": n, "result_fen": line.result_fen}
            | line.key._asdict()
            | {name: getattr(line, name) for name in _AMOUNTS}
            for n, line in enumerate(found.lines, 1)
        ],
    )
    numbers: dict[Key | None, int] = {line.key: n for n, line in enumerate(found.lines, 1)}
    takings = [
        (where | {"reference": t.reference, "fen": t.amount_fen, "n": numbers.get(t.key)}, t.kind)
        for t in found.takings
    ]
    tx.run_many(
        "INSERT INTO fund.letter_finding VALUES (%(region)s, %(fund)s, %(letter)s, %(reference)s, %(fen)s)",
        [row for row, kind in takings if kind == "finding"],
    )
    tx.run_many(
        "INSERT INTO fund.letter_deduction VALUES (%(region)s, %(fund)s, %(letter)s, %(reference)s, %(fen)s)",
        [row for row, kind in takings if kind == "other"],
    )
    tx.run_many(
        "INSERT INTO fund.letter_offset VALUES (%(region)s, %(fund)s, %(letter)s, %(reference)s, %(n)s, %(fen)s)",
        [row for row, kind in takings if kind in KIND_ACCOUNTS],
    )
    tx.run_many(
        "INSERT INTO fund.letter_late VALUES (%(region)s, %(fund)s, %(letter)s, %(setl_id)s, %(subfund)s, %(fen)s)",
        [
            where | {"setl_id": setl_id, "subfund": subfund, "fen": fen}
            for setl_id, subfund, fen in found.late
        ],
    )


def store_head(tx: Transaction, letter_id: str, version: int, found: LetterFigures, day: date) -> bytes:
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
        "INSERT INTO fund.letter_paper VALUES (%(region)s, %(fund)s, %(letter)s, %(kind)s, %(sealed)s, sha256(%(content)s),"
        " %(sm3)s, %(digest)s, %(signed_by)s, %(day)s, %(user)s)",
        region=tx.region, fund=fund, letter=letter_id, kind=kind, content=content, sm3=sm3(content),
        sealed=sealing(tx).seal_bytes(content, place("fund.letter_paper.content", tx.region, letter_id, kind)),
        digest=letter_digest, signed_by=signed_by, day=day, user=tx.user,
    )  # fmt: skip


def read_paper(tx: Transaction, letter_id: str, kind: str) -> bytes:
    """An archived paper's bytes; raises NotFound `letter.no_paper`, `data.key_missing`."""
    content = tx.value(
        "SELECT content FROM fund.letter_paper WHERE region = %(region)s AND letter_id = %(letter)s AND kind = %(kind)s",
        region=tx.region, letter=letter_id, kind=kind,
    )  # fmt: skip
    if content is None:
        raise NotFound("letter.no_paper", f"清算确认书{letter_id}没有收存该文书", kind=kind)
    return sealing(tx).open_bytes(
        bytes(content), place("fund.letter_paper.content", tx.region, letter_id, kind)
    )


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
            LetterScope(head[1], head[2], head[3], period_named(head[4])),
            head[5],
            head[6],
            {row: sum(parts[head[0]].get((row, part), 0) for part in PARTS) for row in ROWS},
            parts[head[0]],
            bytes(head[7]),
            *head[8:],
        )
        for head in heads
    ]


def read_figures(tx: Transaction, letter: Letter) -> LetterFigures:
    """The figures as stored with the letter."""
    where = {"region": tx.region, "letter": letter.letter_id}
    lines = tx.rows(
        "SELECT subfund, service_year, term, category, claimed_fen, late_fen, surplus_before, surplus_fen, audit_before,"
        " audit_fen, forfeited_before, forfeited_fen, other_before, other_fen, borne_before, borne_fen, offset_fen, paid_fen,"
        " refunded_fen, open_daily_fen, waiting_fen, month_open_fen, retained_fen, advance_fen, owed_before"
        " FROM fund.letter_line WHERE region = %(region)s AND letter_id = %(letter)s ORDER BY n",
        **where,
    )
    takings = tx.rows(
        "SELECT 'finding', finding_id, amount_fen FROM fund.letter_finding WHERE region = %(region)s AND letter_id = %(letter)s"
        " UNION ALL SELECT 'other', deduction_id, amount_fen FROM fund.letter_deduction"
        " WHERE region = %(region)s AND letter_id = %(letter)s"
        " UNION ALL SELECT a.kind, o.advance_id, o.amount_fen FROM fund.letter_offset o"
        " JOIN fund.advance a ON a.region = o.region AND a.advance_id = o.advance_id"
        " WHERE o.region = %(region)s AND o.letter_id = %(letter)s",
        **where,
    )
    late = tx.rows(
        "SELECT setl_id, subfund, fund_fen FROM fund.letter_late WHERE region = %(region)s AND letter_id = %(letter)s"
        ' ORDER BY setl_id COLLATE "C", subfund',
        **where,
    )
    return LetterFigures(
        letter.scope,
        letter.grade,
        tuple(LetterLine(Key(*row[:4]), *row[4:]) for row in lines),
        tuple(LetterTaking(kind, reference, None, fen) for kind, reference, fen in takings),
        tuple(late),
    )


def line_rows(found: LetterFigures) -> list[tuple[Key, int]]:
    """Row 9 per key, zero ones left out: what the order that pays the letter is made of."""
    return [(line.key, line.row_fen[9]) for line in found.lines if line.row_fen[9]]
