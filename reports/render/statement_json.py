"""机构年度对账单 as JSON: money in fen as text, and in every row what `explain` opens it with."""

from __future__ import annotations

from collections.abc import Mapping

from ledger.core.entries import FUND_NAMES
from reports.institution_statement import (
    PARTS,
    SUBFUNDS,
    Figure,
    FigureEntry,
    InstitutionStatement,
    TermRecords,
)


def statement_document(page: InstitutionStatement) -> dict[str, object]:
    """The page: figures with their entries, the equation, and what records, orders and papers say."""
    return {
        "region": page.region,
        "fund": page.fund,
        "fund_name": FUND_NAMES[page.fund],
        "institution": page.institution,
        "name": page.name,
        "year": page.year,
        "figures": [_figure(figure) for figure in page.figures],
        "equation": {
            **{f"{part}_fen": str(page.sum_of(part)) for part in PARTS},
            "difference_fen": {subfund: str(page.difference_fen(subfund)) for subfund in SUBFUNDS},
            "holds": page.conserved,
        },
        "records_agree": page.records_agree,
        "records": [_fen(row._asdict()) | {"explain": _booked(page, row)} for row in page.records],
        "orders": [_fen(row._asdict()) | {"explain": row.order_no} for row in page.orders],
        "papers": [_fen(row._asdict()) | {"explain": row.paper} for row in page.papers],
        "advances": [
            _fen(row._asdict())
            | {"due_on": row.due_on.isoformat(), "out_fen": str(row.out_fen), "explain": row.advance_id}
            for row in page.advances.rows
        ],
        "advances_agree": page.advances.agree,
    }


def _figure(figure: Figure) -> dict[str, object]:
    return {
        "name": figure.kind.name,
        "title": figure.kind.title,
        "part": figure.kind.part,
        "accounts": list(figure.kind.accounts),
        **{f"{subfund}_fen": str(fen) for subfund, fen in figure.by_subfund.items()},
        "total_fen": str(figure.total_fen),
        "entries": [_entry(entry) for entry in figure.entries],
    }


def _entry(entry: FigureEntry) -> dict[str, object]:
    return {
        "subfund": entry.subfund,
        "term": entry.term,
        "seq": entry.seq,
        "voucher": entry.voucher,
        "date": entry.voucher_date.isoformat(),
        "event": entry.event,
        "source_key": entry.source_key,
        "evidence": entry.evidence,
        "amount_fen": str(entry.amount_fen),
        "explain": entry.open_with,
    }


def _booked(page: InstitutionStatement, row: TermRecords) -> list[str]:
    """The entries that booked a 期号's records: each opens to its records."""
    recognised = next(figure for figure in page.figures if figure.kind.name == "recognised")
    mine = (entry for entry in recognised.entries if (entry.subfund, entry.term) == (row.subfund, row.term))
    return list(dict.fromkeys(entry.open_with for entry in mine))


def _fen(row: Mapping[str, object]) -> dict[str, object]:
    return {name: str(value) if name.endswith("_fen") else value for name, value in row.items()}
