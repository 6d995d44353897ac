"""On the 3rd: finance tells business what it paid by the day in the month before, book by book (art. 12)."""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.core.dates import period_of
from ledger.core.entries import Book
from ledger.core.money import yuan_grouped
from ledger.fund.month.handback import hand_back_in


def hand_back_month(app: App, book: Book, moment: datetime) -> str:
    """What was handed back of the month before; a person's earlier hand-back is the answer. Raises what `hand_back_in` raises."""
    month = period_of(moment.date().replace(day=1) - timedelta(days=1))
    with acting(app, What(book.region, "month.handback", f"{book.fund}/{month}")) as doing:
        made = hand_back_in(doing.tx, book.fund, month, app.clock.today())  # late is late
    return f"{month}日拨付{yuan_grouped(made.paid_fen)}元，退回{yuan_grouped(made.returned_fen)}元，{len(made.lines)}行"
