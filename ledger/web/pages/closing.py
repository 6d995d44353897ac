"""Close: the check list of a month; the button works when every line is green."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import parse_period
from ledger.closing.status import next_to_close, status
from ledger.web.show import page
from ledger.web.sitting import Desk


def checks(desk: Desk, _request: Request) -> Response:
    """Where the month stands: without the three lines of the verification, which closing runs itself."""
    with desk.tx() as tx:
        asked = desk.query.get("period", "")
        month = parse_period(asked) if asked else next_to_close(tx, desk.book)
        found = status(tx, desk.book, month, desk.today, None)
        months = [
            period
            for (period,) in tx.rows(
                "SELECT period FROM books.period WHERE region = %(region)s AND fund = %(fund)s ORDER BY period DESC",
                region=desk.book.region,
                fund=desk.book.fund,
            )
        ]
    green = not any(line.hinders for line in found.checks)
    return page(desk, "close.html", title="结账", found=found, months=months, green=green, month=month)
