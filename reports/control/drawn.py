"""The control report and the three ways of a month as they were last drawn up: kept with what of the journal was known then, so that a
page shows them at once and says as of when. Nothing here is worked out when it is read; a signature is over a report made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple

from psycopg.types.json import Jsonb

from ledger.db.unit_of_work import Transaction
from reports.control.due import ControlMonth
from reports.control.report import CASES, ControlReport, as_kept, control_report, signed_of
from reports.control.three_ways import WayOfDay, Ways, ways_by_day

_KEPT: Final[LiteralString] = """
    SELECT seed, cases, content, digest, blocks, drawn_by, drawn_at FROM fund.control_draft
     WHERE region = %(region)s AND month = %(month)s
"""
_BY_DAY: Final[LiteralString] = """
    SELECT w.day, '', sum(w.parts)::bigint, sum(w.business_fen)::bigint, sum(w.finance_fen)::bigint, sum(w.ordered_fen)::bigint,
           sum(w.told_fen)::bigint, sum(w.paid_fen)::bigint
      FROM fund.control_way w
     WHERE w.region = %(region)s AND w.month = %(month)s AND w.institution = %(institution)s GROUP BY 1 ORDER BY 1
"""
_BY_INSTITUTION: Final[LiteralString] = """
    SELECT w.institution, coalesce(i.name, ''), sum(w.parts)::bigint, sum(w.business_fen)::bigint, sum(w.finance_fen)::bigint, sum(w.ordered_fen)::bigint,
           sum(w.told_fen)::bigint, sum(w.paid_fen)::bigint
      FROM fund.control_sum w LEFT JOIN fund.institution i ON i.region = w.region AND i.institution = w.institution
     WHERE w.region = %(region)s AND w.month = %(month)s GROUP BY 1, 2 ORDER BY w.institution COLLATE "C"
"""
_DROPPED: Final = "DELETE FROM fund.control_draft WHERE region = %(region)s AND month = %(month)s"
"""With its ways and sums: the database takes them along."""
_KEEP_WAYS: Final[LiteralString] = """
    INSERT INTO fund.control_way (region, month, fund, institution, day, parts, business_fen, finance_fen, ordered_fen, told_fen, paid_fen)
    SELECT %(region)s, %(month)s, w.* FROM unnest(%(fund)s::smallint[], %(institution)s::text[], %(day)s::date[], %(parts)s::bigint[],
           %(business_fen)s::bigint[], %(finance_fen)s::bigint[], %(ordered_fen)s::bigint[], %(told_fen)s::bigint[], %(paid_fen)s::bigint[]) AS w
"""

_KEEP_SUMS: Final[LiteralString] = """
    INSERT INTO fund.control_sum (region, month, fund, institution, parts, business_fen, finance_fen, ordered_fen, told_fen, paid_fen)
    SELECT w.region, w.month, w.fund, w.institution, sum(w.parts)::bigint, sum(w.business_fen)::bigint, sum(w.finance_fen)::bigint,
           sum(w.ordered_fen)::bigint, sum(w.told_fen)::bigint, sum(w.paid_fen)::bigint
      FROM fund.control_way w WHERE w.region = %(region)s AND w.month = %(month)s GROUP BY 1, 2, 3, 4
"""


class DrawnReport(NamedTuple):
    """A month as it was last drawn up, by whom and when, and how far each fund's chain had come."""

    seed: str
    cases: int
    content: str
    digest: bytes
    blocks: Mapping[str, Mapping[str, object]]
    """Fund: the last block known, its hash."""
    drawn_by: str
    drawn_at: datetime

    def known(self, fund: int) -> int:
        """The last block of a fund's book that was known."""
        return int(str(self.blocks[str(fund)]["block"]))

    def report(self, tx: Transaction, month: int) -> ControlReport:
        """The report as it was drawn up."""
        return as_kept(tx, month, self.seed, self.content, signed_of(tx, month))


def draw_up(tx: Transaction, month: int, seed: str, cases: int = CASES) -> ControlReport:
    """Work the month out anew and keep it in place of what was kept; the database asks whose post it is and for chains it has.

    After the signature too: what was signed stays beside it. Raises NotFound `control.no_books`, Forbidden `access.role_missing`.
    """
    report = control_report(tx, month, seed, cases=cases)
    rows = ways_by_day(tx, report.month, report.tips)
    blocks = {
        str(book.fund): {"block": cut.block, "hash": cut.hash.hex()} for book, cut in report.cuts.items()
    }
    tx.run(_DROPPED, region=tx.region, month=month)
    tx.run(
        "INSERT INTO fund.control_draft (region, month, seed, cases, content, digest, ways_digest, blocks, drawn_by)"
        " VALUES (%(region)s, %(month)s, %(seed)s, %(cases)s, %(content)s, %(digest)s, %(ways_digest)s, %(blocks)s, %(by)s)",
        region=tx.region,
        month=month,
        seed=seed,
        cases=cases,
        content=report.content,
        digest=report.digest,
        ways_digest=ways_digest(rows),
        blocks=Jsonb(blocks),
        by=tx.user,
    )
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * len(WayOfDay._fields)
    tx.run(_KEEP_WAYS, region=tx.region, month=month, **dict(zip(WayOfDay._fields, columns, strict=True)))
    tx.run(_KEEP_SUMS, region=tx.region, month=month)
    return report


def ways_digest(rows: Sequence[WayOfDay]) -> bytes:
    """SHA-256 of the rows in their order, as `fund.control_ways_digest` tells it of those kept."""
    return sha256("\n".join("|".join(str(value) for value in row) for row in rows).encode()).digest()


def drawn(tx: Transaction, month: int) -> DrawnReport | None:
    """What is kept of a month; None before it was drawn up, and for who may not see all of its funds."""
    row = tx.row(_KEPT, region=tx.region, month=month)
    if row is None:
        return None
    seen = {str(fund) for (fund,) in tx.rows("SELECT fund FROM books.book WHERE region = %(region)s", region=tx.region)}  # fmt: skip
    return DrawnReport(row[0], row[1], row[2], bytes(row[3]), *row[4:]) if set(row[4]) <= seen else None


def grown_since(tx: Transaction, draft: DrawnReport) -> int:
    """How many blocks the chains have grown by since: what was booked later is not in what is kept."""
    return sum(
        tx.value(
            "SELECT coalesce(max(block), 0) FROM books.block WHERE region = %(region)s AND fund = %(fund)s",
            region=tx.region,
            fund=int(fund),
        )
        - draft.known(int(fund))
        for fund in draft.blocks
    )


def kept_ways(tx: Transaction, month: ControlMonth, institution: str = "") -> list[Ways]:
    """Every institution of the month as it was drawn up, or every day of one."""
    asked = {"region": month.region, "month": month.month}
    if institution:
        return [Ways(*row) for row in tx.rows(_BY_DAY, **asked, institution=institution)]
    return [Ways(*row) for row in tx.rows(_BY_INSTITUTION, **asked)]
