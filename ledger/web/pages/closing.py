"""Close: the check list of a month; the button works when every line is green."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import parse_period
from ledger.closing.lines import WAIVABLE
from ledger.closing.status import PeriodStatus, next_to_close, status
from ledger.core.words import item_told, said
from ledger.web.record import Ask, Offer, offered
from ledger.web.show import address, page
from ledger.web.sitting import Desk

_REASON = Ask("reason", "理由")


def checks(desk: Desk, _request: Request) -> Response:
    """Where the month stands: without the three lines of the verification, which closing runs itself."""
    with desk.tx() as tx:
        asked = desk.query.get("period", "")
        month = parse_period(asked) if asked else next_to_close(tx, desk.book)
        found = status(tx, desk.book, month, desk.today, None)
        states: dict[int, str] = dict(
            tx.rows(
                "SELECT period, state FROM books.period WHERE region = %(region)s AND fund = %(fund)s ORDER BY period DESC",
                region=desk.book.region,
                fund=desk.book.fund,
            )
        )
    person = desk.persons()
    last = not any(one > month for one in states if states[one] != "open")
    green = not any(line.hinders for line in found.checks)
    return page(
        desk, "close.html", title="结账", found=found, months=list(states), green=green, month=month,
        offers=offered(desk, _offers(found, month, person, last=last)), person=person, last=last,
        here=address("close", book=found.book, period=month), item_told=item_told,
    )  # fmt: skip


def _offers(found: PeriodStatus, month: int, person: Callable[[str], str], *, last: bool) -> Iterator[Offer]:
    """What else may be asked for at a month, by its state; what is allowed the database says."""
    held = {"book": found.book, "period": found.period}
    if found.state in ("open", "closing"):
        wanted = [line for line in found.checks if line.hinders and line.code in WAIVABLE]
        asked = {one["code"] for one in found.waivers if not one["granted_by"]}
        for line in wanted:
            what = said("closing.check", line.code)
            yield Offer(
                ("accountant",), "period waive", f"提出放行：{what}", {**held, "code": line.code}, (_REASON,)
            )
            if line.code in asked:
                yield Offer(("chief",), "period waive", f"同意放行：{what}", {**held, "code": line.code})
    if found.state == "closing":
        yield Offer(("accountant",), "period withdraw", "放弃结账", held, (_REASON,))
    if found.state == "closed" and found.closing is not None and last:
        if not found.closing.asked_by:
            yield Offer(("accountant",), "period reopen", "提出重新开启", held, (_REASON,))
        else:
            yield Offer(("chief",), "period reopen", "同意重新开启", held,
                        note=f"{person(found.closing.asked_by)}提出：{found.closing.reason}。结转凭证同时红字冲销。")  # fmt: skip
    yield Offer(
        ("accountant",),
        "book open",
        "开启会计期间",
        {"book": found.book},
        (Ask("period", "期间（年年年年月月）"),),
    )
    if month % 100 == 12:
        yield Offer(("accountant",), "period year-close", f"年结{month // 100}年", {"book": found.book, "year": month // 100},
                    note="结12月，会计主管确认后结转下年。")  # fmt: skip
