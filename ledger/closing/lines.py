"""A line of the check list a month is closed by, and who may waive what."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.core.entries import Book
from ledger.core.words import item_told, said

CODES: Final = (
    "drafts",
    "numbers",
    "trial_balance",
    "unsplit",
    "suspense",
    "in_flight",
    "handback",
    "quarantine",
    "findings",
    "bank",
    "clearing",
    "subledgers",
    "business_finance",
    "verify",
)
"""In the order they are computed; the last three come of one verification."""
VERIFIED: Final = ("subledgers", "business_finance", "verify")
WAIVABLE: Final = frozenset({"suspense", "handback", "quarantine", "findings", "bank"})
"""What two persons may go on in spite of; the database has the same list (books.closing_waiver)."""
ITEMS_MAX: Final = 1_000
_LINKS: Final = {
    "drafts": "book voucher list --book {book}",
    "numbers": "report journal --book {book} --from {first} --to {last}",
    "trial_balance": "report trial-balance --book {book} --period {period}",
    "unsplit": "report general-ledger --book {book} --account 460 --period {period}",
    "suspense": "payments suspense list --region {region}",
    "in_flight": "payments list --region {region}",
    "handback": "month handback --region {region} --fund {fund} --month {period}",
    "quarantine": "bank files --region {region} --outcome quarantined",
    "findings": "audit list --region {region}",
    "bank": "reconciliation make --region {region} --account 账号 --period {period}",
    "clearing": "clear list --region {region} --year {year} --fund {fund}",
    "subledgers": "verify",
    "business_finance": "verify",
    "verify": "verify",
}
"""The command that shows what fails a line, or mends it."""


def link(code: str, book: Book, period: int) -> str:
    """The command to run for a line of the check list of a month."""
    year, month = divmod(period, 100)
    return "fundledger " + _LINKS[code].format(
        book=book,
        region=book.region,
        fund=book.fund,
        period=period,
        year=year,
        first=f"{year}-{month:02d}-01",
        last=f"{year}-{month:02d}-{monthrange(year, month)[1]}",
    )


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line: `items` are the ids of what fails it, or of what it names although it hinders nothing."""

    code: str
    ok: bool
    items: tuple[str, ...] = ()
    note: str = ""
    waived: bool = False

    @property
    def hinders(self) -> bool:
        """Whether the close stops at it."""
        return not (self.ok or self.waived)

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "code": self.code,
            "name": said("closing.check", self.code),
            "ok": self.ok,
            "waived": self.waived,
            "waivable": self.code in WAIVABLE,
            "items": list(self.items),
            "note": self.note,
        }

    def words(self) -> str:
        """For people."""
        mark = "通过" if self.ok else "放行" if self.waived else "未过"
        named = "、".join(map(item_told, self.items[:5])) + (
            f" 等{len(self.items)}项" if len(self.items) > 5 else ""
        )
        return "  ".join(part for part in (mark, said("closing.check", self.code), self.note, named) if part)


def named(found: Sequence[str]) -> tuple[str, ...]:
    """The ids in order, at most `ITEMS_MAX`; how many more there are stands as the last."""
    items = tuple(sorted(found))
    return items if len(items) <= ITEMS_MAX else (*items[:ITEMS_MAX], f"+{len(items) - ITEMS_MAX}")
