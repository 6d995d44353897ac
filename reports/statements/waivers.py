"""附注, what a month was closed in spite of: each waived line of its check list, by whom and why (基本准则: 充分披露)."""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.books.reading import Cut
from ledger.core.entries import Book
from ledger.core.words import item_told, said
from ledger.db.unit_of_work import Transaction
from reports.statements.span import Span

SHOWN: Final = 3
"""Items named one by one in print; JSON has them all."""
# The last close of each month as known at the cut, and of its waived lines what two persons said.
_WAIVED: Final = """
    SELECT c.period, w.code, w.items, w.reason, w.asked_by, asker.display_name, w.granted_by, granter.display_name, w.granted_on
      FROM (SELECT DISTINCT ON (k.period) k.* FROM books.closing k
             WHERE k.region = %(region)s AND k.fund = %(fund)s AND k.period BETWEEN %(first)s AND %(last)s
               AND k.state IN ('closed', 'reopened') AND k.method <> 'before' AND k.block <= %(block)s
             ORDER BY k.period, k.n DESC) c
     CROSS JOIN LATERAL jsonb_to_recordset(nullif(c.checks, '')::jsonb) AS l (code text, waived boolean, items jsonb)
      JOIN books.closing_waiver w ON w.region = c.region AND w.fund = c.fund AND w.period = c.period AND w.code = l.code
       AND w.granted_by <> '' AND l.items <@ w.items
      JOIN access.app_user asker ON asker.user_name = w.asked_by
      JOIN access.app_user granter ON granter.user_name = w.granted_by
     WHERE l.waived ORDER BY c.period, w.code, w.n
"""


class Waived(NamedTuple):
    """One waived line of a month's check list."""

    period: int
    code: str
    items: tuple[str, ...]
    reason: str
    asked_by: str
    asked_name: str
    granted_by: str
    granted_name: str
    granted_on: str

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "period": str(self.period),
            "code": self.code,
            "name": said("closing.check", self.code),
            "items": list(self.items),
            "reason": self.reason,
            "asked_by": {"user": self.asked_by, "name": self.asked_name},
            "granted_by": {"user": self.granted_by, "name": self.granted_name},
            "granted_on": self.granted_on,
        }

    def words(self) -> str:
        """As the notes print it."""
        more = f"等{len(self.items)}项" if len(self.items) > SHOWN else ""
        named = f"（{'、'.join(map(item_told, self.items[:SHOWN]))}{more}）" if self.items else ""
        return (
            f"附注（结账放行）：{self.period} {said('closing.check', self.code)}{named}，理由：{self.reason}；"
            f"{self.asked_name}提出，{self.granted_name}同意"
        )


def waived(tx: Transaction, book: Book, span: Span, known: Cut) -> tuple[Waived, ...]:
    """What the months of a span were closed in spite of, as known at a cut; of a year's statement all its months."""
    return tuple(
        Waived(period, code, tuple(items), reason, asked, asker, granted, granter, granted_on.isoformat())
        for period, code, items, reason, asked, asker, granted, granter, granted_on in tx.rows(
            _WAIVED,
            region=book.region,
            fund=book.fund,
            first=span.first if span.yearly else span.last,
            last=span.last,
            block=known.block,
        )
    )
