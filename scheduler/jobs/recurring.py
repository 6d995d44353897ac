"""Every morning: what two persons said comes again is drafted on its day, for another to check. What asks an amount is left to people."""

from __future__ import annotations

from datetime import datetime

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.books.templates.recurring import draft_due, due, tried
from ledger.bootstrap import App
from ledger.core.entries import Book
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work


def draft_recurring(app: App, book: Book, _moment: datetime) -> str:
    """How many were drafted, how many wait for an amount or were sent back once and are people's now, and which were refused.

    Each is an act of its own, so that one that is refused holds up no other; late is late: drafted as of today.
    """
    today = app.clock.today()
    with unit_of_work(app.engine, app.user, book.region) as tx:
        before = tried(tx, book)
        waiting = due(tx, book, today)
    drafted, refused = 0, list[str]()
    fresh = [one for one in waiting if (one.recurrence_id, one.due_on) not in before]
    for one in fresh:
        try:
            with acting(
                app, What(book.region, "voucher.due", f"{book} {one.recurrence_id} {one.due_on}")
            ) as doing:
                drafted += bool(draft_due(doing.tx, book, one, {}, today).voucher_id)
        except LedgerError as refusal:
            refused.append(f"{one.recurrence_id} {one.due_on}（{refusal.code}）")
    left = len(waiting) - drafted - len(refused)
    return (
        f"制单{drafted}张，待复核"
        + (f"，{left}张待会计办理" if left else "")
        + (f"，未成{len(refused)}张：{'、'.join(refused)}" if refused else "")
    )
