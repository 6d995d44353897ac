"""Settlement sheets in the database: drafted, read back, given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.read import MonthScope
from ledger.fund.month.sheet import Key, SheetDue, SheetFigures, SheetLine, SheetTaking


@dataclass(frozen=True, slots=True)
class MonthSheet:
    """A stored sheet."""

    sheet_id: str
    scope: MonthScope
    version: int
    figures: SheetFigures
    prepared_by: str
    prepared_on: date
    digest: bytes
    """What the second person approves."""
    state: str
    """`draft`, `approved` or `void`."""
    approved_by: str
    approved_on: date | None
    entry: str
    """Printed number of its SET voucher; empty where nothing had to be booked."""

    @property
    def result_fen(self) -> int:
        """N of art. 19, opening carry included."""
        return self.figures.result_fen


def store_draft(tx: Transaction, scope: MonthScope, figures: SheetFigures, day: date) -> str:
    """Store a new draft as the transaction's user and give up the one before; returns its id.

    Raises Forbidden `access.role_missing` unless the user is maker or system there.
    """
    tx.run(
        "UPDATE fund.sheet SET state = 'void' WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND term = %(term)s AND state = 'draft'",
        region=tx.region,
        **scope._asdict(),
    )
    version = 1 + tx.value(
        "SELECT coalesce(max(version), 0) FROM fund.sheet WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND term = %(term)s",
        region=tx.region,
        **scope._asdict(),
    )
    sheet_id = f"YJ{tx.region}-{scope.fund}-{scope.term}-{scope.institution}-{version}"
    key = {"region": tx.region, "fund": scope.fund, "sheet": sheet_id}
    tx.run_many(
        """INSERT INTO fund.sheet_line VALUES (%(region)s, %(fund)s, %(sheet)s, %(n)s, %(subfund)s, %(service_year)s,
               %(term)s, %(category)s, %(clr_type)s, %(records)s, %(fund_fen)s, %(ratio)s, %(rounded_fen)s,
               %(retained_fen)s, %(audit_fen)s, %(other_fen)s, %(offset_fen)s, %(open_daily_fen)s, %(waiting_fen)s,
               %(paid_daily_fen)s, %(month_open_fen)s, %(result_fen)s)""",
        [
            key | line.key._asdict() | {"n": n} | {name: getattr(line, name) for name in _LINE}
            for n, line in enumerate(figures.lines, 1)
        ],
    )
    tx.run_many(
        """INSERT INTO fund.sheet_taking VALUES (%(region)s, %(fund)s, %(sheet)s, %(kind)s, %(reference)s, %(n)s,
               %(amount_fen)s)""",
        [key | taking._asdict() for taking in figures.takings],
    )
    tx.run_many(
        """INSERT INTO fund.sheet_due VALUES (%(region)s, %(fund)s, %(sheet)s, %(n)s, %(kind)s, %(reference)s, %(brought)s,
               %(decided_fen)s, %(before_fen)s, %(taken_fen)s, %(left)s)""",
        [key | due._asdict() | {"n": n, "left": due.left_fen} for n, due in enumerate(figures.dues, 1)],
    )
    # Last, because its digest is over the rows above.
    tx.run(
        """INSERT INTO fund.sheet (region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on,
               records, records_digest, result_fen, prepared_by, prepared_on, state)
           VALUES (%(region)s, %(fund)s, %(sheet)s, %(institution)s, %(term)s, %(version)s, %(ratio)s, %(cutoff)s,
               %(due_on)s, %(records)s, %(records_digest)s, %(result)s, %(user)s, %(day)s, 'draft')""",
        **key,
        institution=scope.institution,
        term=scope.term,
        version=version,
        ratio=figures.month_ratio,
        cutoff=figures.cutoff,
        due_on=figures.due_on,
        records=figures.records,
        records_digest=figures.records_digest,
        result=figures.result_fen,
        user=tx.user,
        day=day,
    )
    return sheet_id


_LINE = (
    "clr_type", "records", "fund_fen", "ratio", "rounded_fen", "retained_fen", "audit_fen", "other_fen", "offset_fen",
    "open_daily_fen", "waiting_fen", "paid_daily_fen", "month_open_fen", "result_fen",
)  # fmt: skip

_HEAD: LiteralString = (
    "SELECT sheet_id, fund, institution, term, version, month_ratio, cutoff, due_on, records, records_digest,"
    " prepared_by, prepared_on, digest, state, approved_by, approved_on, entry FROM fund.sheet WHERE region = %(region)s AND "
)


def read_sheet(tx: Transaction, sheet_id: str) -> MonthSheet:
    """A sheet by its id; raises NotFound `month.unknown_sheet`."""
    found = _read(tx, _HEAD + "sheet_id = %(sheet)s", sheet=sheet_id)
    if not found:
        raise NotFound("month.unknown_sheet", f"没有月结算单{sheet_id}", sheet_id=sheet_id)
    return found[0]


def sheets_of(tx: Transaction, scope: MonthScope, state: str) -> list[MonthSheet]:
    """The sheets of a scope in a state, oldest first."""
    return _read(
        tx,
        _HEAD
        + "fund = %(fund)s AND institution = %(institution)s AND term = %(term)s AND state = %(state)s ORDER BY version",
        state=state,
        **scope._asdict(),
    )


def list_sheets(tx: Transaction, term: int, fund: int = 0, institution: str = "") -> list[MonthSheet]:
    """The drafted and approved sheets of a 期号, of one book or institution where given."""
    return _read(
        tx,
        _HEAD + "term = %(term)s AND state <> 'void' AND (%(fund)s = 0 OR fund = %(fund)s)"
        " AND (%(institution)s = '' OR institution = %(institution)s) ORDER BY fund, institution, version",
        term=term,
        fund=fund,
        institution=institution,
    )


def _read(tx: Transaction, query: LiteralString, **values: object) -> list[MonthSheet]:
    heads = tx.rows(query, region=tx.region, **values)
    ids = [head[0] for head in heads]
    lines = _lines(tx, ids)
    takings = _takings(tx, ids)
    dues = _dues(tx, ids)
    return [
        _sheet(head, lines.get(head[0], []), takings.get(head[0], []), dues.get(head[0], []))
        for head in heads
    ]


def _sheet(
    head: Sequence[Any], lines: Sequence[SheetLine], takings: Sequence[SheetTaking], dues: Sequence[SheetDue]
) -> MonthSheet:
    sheet_id, fund, institution, term, version, *rest = head
    ratio, cutoff, due, records, records_digest, prepared_by, prepared_on, digest, *state = rest
    figures = SheetFigures(
        ratio, cutoff, due, records, bytes(records_digest), tuple(lines), tuple(takings), tuple(dues)
    )
    return MonthSheet(
        sheet_id,
        MonthScope(fund, institution, term),
        version,
        figures,
        prepared_by,
        prepared_on,
        bytes(digest),
        *state,
    )


def _lines(tx: Transaction, sheet_ids: Sequence[str]) -> dict[str, list[SheetLine]]:
    found: dict[str, list[SheetLine]] = {}
    for sheet_id, subfund, year, term, category, *rest in tx.rows(
        """SELECT sheet_id, subfund, service_year, term, category, clr_type, ratio, records, fund_fen, rounded_fen,
                  audit_fen, other_fen, offset_fen, open_daily_fen, paid_daily_fen, month_open_fen
             FROM fund.sheet_line WHERE region = %(region)s AND sheet_id = ANY(%(sheets)s) ORDER BY sheet_id, n""",
        region=tx.region,
        sheets=list(sheet_ids),
    ):
        found.setdefault(sheet_id, []).append(SheetLine(Key(subfund, year, term, category), *rest))
    return found


def _takings(tx: Transaction, sheet_ids: Sequence[str]) -> dict[str, list[SheetTaking]]:
    found: dict[str, list[SheetTaking]] = {}
    for sheet_id, *rest in tx.rows(
        "SELECT sheet_id, kind, reference, n, amount_fen FROM fund.sheet_taking WHERE region = %(region)s"
        ' AND sheet_id = ANY(%(sheets)s) ORDER BY sheet_id, kind COLLATE "C", reference COLLATE "C", n',
        region=tx.region,
        sheets=list(sheet_ids),
    ):
        found.setdefault(sheet_id, []).append(SheetTaking(*rest))
    return found


def _dues(tx: Transaction, sheet_ids: Sequence[str]) -> dict[str, list[SheetDue]]:
    found: dict[str, list[SheetDue]] = {}
    for sheet_id, *rest in tx.rows(
        "SELECT sheet_id, kind, reference, brought, decided_fen, before_fen, taken_fen FROM fund.sheet_due"
        " WHERE region = %(region)s AND sheet_id = ANY(%(sheets)s) ORDER BY sheet_id, n",
        region=tx.region,
        sheets=list(sheet_ids),
    ):
        found.setdefault(sheet_id, []).append(SheetDue(*rest))
    return found
