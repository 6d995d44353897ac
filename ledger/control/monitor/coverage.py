"""Coverage of instant settlement: instant money ÷ the month's settled money, at least 80 % (湖北即时结算规程 art. 4), and of institutions.

Settled is what approved sheets of a 期号 pay: daily money paid, the month's own, and what was offset against advances. Instant of it
is the daily money and the month's where it did not leave after its day (arts. 18, 19); an offset left the fund long before and
counts as settled only. Daily money alone never reaches the goal: the compressed month is what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor
from typing import Any, Final, LiteralString

from ledger.db.unit_of_work import Transaction

GOAL: Final = 8_000
"""Ten-thousandths, of money and (to the end of 2026) of institutions."""


@dataclass(frozen=True, slots=True)
class Covered:
    """One institution's settled money of a 期号 in a fund, in fen; `institutions` and `instant_institutions` for several together."""

    fund: int
    institution: str
    name: str
    daily_fen: int
    month_fen: int
    """Of the month, on time or not yet due."""
    late_fen: int
    """Of the month, paid or still owed after its day."""
    offset_fen: int
    institutions: int = 1
    instant_institutions: int = 1

    @property
    def instant_fen(self) -> int:
        """Daily and compressed month."""
        return self.daily_fen + self.month_fen

    @property
    def settled_fen(self) -> int:
        """All that was settled of the month."""
        return self.instant_fen + self.late_fen + self.offset_fen

    @property
    def share(self) -> int | None:
        """Instant of settled, ten-thousandths, half up; None where nothing was settled."""
        return _share(self.instant_fen, self.settled_fen)

    @property
    def daily_share(self) -> int | None:
        """Daily money alone."""
        return _share(self.daily_fen, self.settled_fen)

    @property
    def institution_share(self) -> int | None:
        """Institutions with instant money, of those with settled money."""
        return _share(self.instant_institutions, self.institutions)

    def plain(self) -> dict[str, Any]:
        """For machines: money in fen as text, shares in ten-thousandths."""
        return {
            "fund": self.fund, "institution": self.institution, "daily_fen": str(self.daily_fen), "month_fen": str(self.month_fen),
            "late_fen": str(self.late_fen), "offset_fen": str(self.offset_fen), "instant_fen": str(self.instant_fen),
            "settled_fen": str(self.settled_fen), "share": self.share, "daily_share": self.daily_share,
            "institutions": self.institutions, "instant_institutions": self.instant_institutions,
            "institution_share": self.institution_share, "goal": GOAL,
        }  # fmt: skip


_SHEETS: Final[LiteralString] = """
    WITH settled AS (
        SELECT s.fund, s.institution, s.sheet_id, s.due_on, greatest(s.result_fen, 0) AS month_fen,
               sum(l.paid_daily_fen)::bigint AS daily_fen, sum(l.offset_fen)::bigint AS offset_fen
          FROM fund.sheet s JOIN fund.sheet_line l ON l.region = s.region AND l.sheet_id = s.sheet_id
         WHERE s.region = %(region)s AND s.term = %(term)s AND s.state = 'approved' AND %(fund)s IN (0, s.fund) GROUP BY 1, 2, 3, 4, 5),
    paid AS (
        SELECT o.sheet_id, sum(v.amount_fen) FILTER (WHERE v.direction = 'debit')::bigint AS fen, max(v.booking_date) AS last
          FROM fund.sheet_order o JOIN payments.evidence v ON v.region = o.region AND v.matched_order = o.order_no AND v.outcome = 'posted'
         WHERE o.region = %(region)s GROUP BY 1),
    told AS (
        SELECT s.*, s.month_fen > 0 AND coalesce(p.last, %(day)s) > s.due_on AS late FROM settled s LEFT JOIN paid p ON p.sheet_id = s.sheet_id)
    SELECT t.fund, t.institution, i.name, sum(t.daily_fen)::bigint, coalesce(sum(t.month_fen) FILTER (WHERE NOT t.late), 0)::bigint,
           coalesce(sum(t.month_fen) FILTER (WHERE t.late), 0)::bigint, sum(t.offset_fen)::bigint
      FROM told t JOIN fund.institution i ON i.region = %(region)s AND i.institution = t.institution
     GROUP BY t.fund, t.institution, i.name ORDER BY t.fund, t.institution COLLATE "C" """
_TERMS: Final[LiteralString] = """
    SELECT DISTINCT s.term FROM fund.sheet s WHERE s.region = %(region)s AND s.state = 'approved' ORDER BY 1 DESC LIMIT 24"""


def covered(tx: Transaction, term: int, day: date, fund: int = 0) -> list[Covered]:
    """Each institution's settled money of a 期号, as it stands on `day`; of a fund (0: all)."""
    found = [Covered(*row) for row in tx.rows(_SHEETS, region=tx.region, term=term, fund=fund, day=day)]
    return [
        Covered(*_key(one), instant_institutions=int(one.instant_fen > 0))
        for one in found
        if one.settled_fen > 0
    ]


def together(rows: Iterable[Covered]) -> Covered:
    """Several institutions and funds as one; an institution with two funds is one, instant with either."""
    found = list(rows)
    instant = {one.institution for one in found if one.instant_institutions}
    return Covered(
        0, "", "", sum(one.daily_fen for one in found), sum(one.month_fen for one in found), sum(one.late_fen for one in found),
        sum(one.offset_fen for one in found), len({one.institution for one in found}), len(instant),
    )  # fmt: skip


def settled_terms(tx: Transaction) -> Sequence[int]:
    """The 期号 with approved sheets, newest first; two years at most."""
    return [term for (term,) in tx.rows(_TERMS, region=tx.region)]


def _key(one: Covered) -> tuple[int, str, str, int, int, int, int]:
    return one.fund, one.institution, one.name, one.daily_fen, one.month_fen, one.late_fen, one.offset_fen


def _share(part: int, whole: int) -> int | None:
    return floor(Fraction(part * 10_000, whole) + Fraction(1, 2)) if whole > 0 else None
