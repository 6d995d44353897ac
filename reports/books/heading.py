"""What stands above and below every book: whose, when, in what unit, known at which cut."""

from __future__ import annotations

from datetime import date

from ledger.books.reading import Cut
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction
from reports.render.grid import Column
from reports.wording import cut_object

SIGNERS = ("会计主管", "复核", "制表")
LEDGER_COLUMNS = (
    Column("date", "日期", "day", 10),
    Column("voucher", "凭证", "text", 16),
    Column("summary", "摘要", "text", 30),
)
BALANCE_COLUMNS = (
    Column("debit", "借方", "money", 18),
    Column("credit", "贷方", "money", 18),
    Column("side", "方向", "text", 4),
    Column("balance", "余额", "money", 18),
)


def months_of(period: int | None, year: int | None) -> tuple[int, int]:
    """The months a book shows, yyyymm from-to: one, a year's, or all."""
    if period is not None:
        return period, period
    return (year * 100 + 1, year * 100 + 12) if year is not None else (0, 999_999)


def when(first: int, last: int) -> str:
    """As printed: `2026年10月`, `2026年`, `开账以来`."""
    if first == last:
        return f"{first // 100}年{first % 100}月"
    return f"{first // 100}年" if first else "开账以来"


def heads(tx: Transaction, book: Book, said: str) -> tuple[str, ...]:
    """编制单位, what the page is of, 单位：元."""
    name = tx.value(
        "SELECT name FROM books.book WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    return f"编制单位：{name}", f"账套{book}", said, "单位：元"


def facts(book: Book, known: Cut, as_of: date | None = None, **more: object) -> dict[str, object]:
    """What a machine wants of any book; ask again with `known_at.recorded_at` and the same comes out."""
    return {
        "book": str(book),
        "as_of": None if as_of is None else as_of.isoformat(),
        "known_at": cut_object(known),
        **more,
    }
