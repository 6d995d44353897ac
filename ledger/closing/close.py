"""The acts of a close: steps by an accountant that go on where they stopped, the chief's word, waivers, reopening.

Every step is a transaction of its own and the database keeps how far it came (books.closing, books.closing_check): killed
anywhere, the same command goes on. Nothing is posted before the chief confirms, and that is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, LiteralString

from ledger.access.signing.signing import sign_decision, signed_text
from ledger.books.reading import require_period
from ledger.closing.carry import Signed, carry, carry_back
from ledger.closing.checks import MonthAsked, line, lines, verified
from ledger.closing.lines import CODES, VERIFIED, WAIVABLE, CheckLine, link
from ledger.closing.status import closing_of, method_on, with_waivers
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.entries import Book, Posted
from ledger.core.errors import Conflict, InFlight, InvalidInput
from ledger.core.text import flaw
from ledger.core.words import item_told, said
from ledger.db.connections import Engine
from ledger.db.locks import Lock, alone, hold
from ledger.db.unit_of_work import Transaction, unit_of_work

Progress = Callable[[str], None]
Verifier = Callable[[Progress], list[Breach]]
"""How a close learns what `verify` finds; who closes several books at once may ask once for all."""
REASON_MAX: Final = 200
_BOOK: Final[LiteralString] = "%(region)s, %(fund)s::smallint, %(period)s"


def verifier(auditor: Engine, home: Path) -> Verifier:
    """What `verify` finds in all books, asked anew every time."""
    return lambda progress: verify(auditor, home, progress=lambda name: progress(f"核验{name}"))


def close(
    engine: Engine,
    verified_by: Verifier,
    user: str,
    book: Book,
    period: int,
    on: date,
    progress: Progress = lambda _: None,
) -> bytes:
    """Close a month as an accountant as far as the chief's word; returns the digest he confirms.

    Asked for again, or after a kill, it goes on: what was proven of the month's journal is not proven twice, for nothing
    can be posted any more. Raises NotFound `period.unknown`; Conflict `period.not_over`, `period.earlier_open`,
    `period.drafts`, `period.unsplit`, `period.not_open`, `period.checks_failed`; InFlight `period.close_running`.
    """
    with alone(engine, Lock.CLOSE, f"{book} {period}") as free:
        if not free:
            raise InFlight("period.close_running", f"账套{book}会计期间{period}正在由另一进程结账")
        with unit_of_work(engine, user, book.region) as tx:
            require_period(tx, book, period)
            under_way = closing_of(tx, book, period)
            if under_way is None or under_way.state != "closing":
                begin(tx, book, period, on, progress)
        _steps(engine, verified_by, user, book, period, on, progress)
        with unit_of_work(engine, user, book.region) as tx:
            progress("提交会计主管确认")
            return show(tx, book, period, on)


def begin(tx: Transaction, book: Book, period: int, on: date, progress: Progress = lambda _: None) -> int:
    """From open to closing: no posts from here on, and the next month opens. What is quickly seen to hinder is asked first,
    so that a month that cannot be closed stays open. Returns the number of the close; raises as `close`.
    """
    progress("结账前检查")
    found = with_waivers(tx, book, period, list(lines(MonthAsked(tx, book, period, on))))
    n = tx.value(
        "SELECT books.begin_close(" + _BOOK + ", %(method)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        method=method_on(tx, period),
        on=on,
    )
    _require_passed(book, period, found)
    return int(n)


def _require_passed(book: Book, period: int, found: tuple[CheckLine, ...]) -> None:
    failed = [one for one in found if one.hinders]
    if failed:
        told = "；".join(
            f"{said('closing.check', one.code)}（{'、'.join(map(item_told, one.items[:3])) or one.note}；见 {link(one.code, book, period)}）"
            for one in failed
        )
        raise Conflict(
            "period.checks_failed",
            f"会计期间{period}的结账检查未通过：{told}",
            failed=[one.as_json() | {"command": link(one.code, book, period)} for one in failed],
        )


def _steps(
    engine: Engine,
    verified_by: Verifier,
    user: str,
    book: Book,
    period: int,
    on: date,
    progress: Progress,
) -> None:
    """Each line of the check list computed and kept, one transaction each."""
    with unit_of_work(engine, user, book.region) as tx:
        proven = _proven(tx, book, period)
    for code in CODES:
        if code not in VERIFIED:
            progress(said("closing.check", code))
            with unit_of_work(engine, user, book.region) as tx:
                record(tx, book, period, line(MonthAsked(tx, book, period, on), code))
    if not proven.issuperset(VERIFIED):
        breaches = verified_by(progress)
        with unit_of_work(engine, user, book.region) as tx:
            for one in verified(book, breaches):
                record(tx, book, period, one)
    with unit_of_work(engine, user, book.region) as tx:
        stored = tx.rows(
            "SELECT c.code, c.ok, c.items, c.note FROM books.closing_check c JOIN books.closing k USING (region, fund, period, n)"
            " WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.period = %(period)s AND k.state = 'closing'",
            region=book.region,
            fund=book.fund,
            period=period,
        )
        found = [CheckLine(code, ok, tuple(items), note) for code, ok, items, note in stored]
        _require_passed(book, period, with_waivers(tx, book, period, found))


def _proven(tx: Transaction, book: Book, period: int) -> set[str]:
    """The lines of this close that passed already."""
    return {
        code
        for (code,) in tx.rows(
            "SELECT c.code FROM books.closing_check c JOIN books.closing k USING (region, fund, period, n)"
            " WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.period = %(period)s AND k.state = 'closing' AND c.ok",
            region=book.region,
            fund=book.fund,
            period=period,
        )
    }


def record(tx: Transaction, book: Book, period: int, one: CheckLine) -> None:
    """Keep a line of the check list."""
    tx.run(
        "SELECT books.record_check(" + _BOOK + ", %(code)s, %(ok)s, %(items)s::jsonb, %(note)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        code=one.code,
        ok=one.ok,
        items=json.dumps(one.items, ensure_ascii=False),
        note=one.note,
    )


def show(tx: Transaction, book: Book, period: int, on: date) -> bytes:
    """Put the check list, the trial balance and the head of the chain before the chief; returns their digest."""
    return bytes(
        tx.value(
            "SELECT books.show_close(" + _BOOK + ", %(on)s)",
            region=book.region,
            fund=book.fund,
            period=period,
            on=on,
        )
    )


def confirm(tx: Transaction, book: Book, period: int, digest: bytes, on: date) -> list[Posted]:
    """Confirm a close as the chief: post what is carried to 3001 and close the month, in one transaction.

    Confirmed again under the same digest by the same chief it answers as before. Raises Conflict `period.not_closing`,
    `period.changed`, `period.not_carried`; Forbidden `period.same_person`, `access.role_missing`.
    """
    signed_text(
        tx,
        "period.confirm",
        f"{book} {period}",
        digest.hex(),
        on,
        "SELECT books.closing_text(c) FROM books.closing c WHERE c.region = %(region)s AND c.fund = %(fund)s"
        " AND c.period = %(period)s ORDER BY c.n DESC LIMIT 1",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    require_period(tx, book, period)
    # Said twice at once the second waits, and is answered as one that was said again.
    hold(tx, Lock.DECIDE, f"period {book} {period}")
    known = closing_of(tx, book, period)
    if known is not None and (known.state, known.closed_by, known.digest) == ("closed", tx.user, digest):
        return []
    n = tx.value(
        "SELECT books.require_confirmable(" + _BOOK + ", %(digest)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        digest=digest,
    )
    method = closing_of(tx, book, period)
    posted = carry(tx, Signed(book, period, n, method.method if method else "", digest))
    tx.run(
        "SELECT books.confirm_close(" + _BOOK + ", %(n)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        n=n,
        on=on,
    )
    return posted


def withdraw(tx: Transaction, book: Book, period: int, reason: str) -> None:
    """Give up a close that is not confirmed, with a reason: the month is open again. Raises Conflict `period.not_closing`."""
    tx.run(
        "SELECT books.withdraw_close(" + _BOOK + ", %(reason)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        reason=_reason(reason),
    )


def waive(tx: Transaction, book: Book, period: int, code: str, reason: str, on: date) -> str:
    """Waive a line of the check list: with a reason an accountant asks for it, without one the chief grants what was asked.

    Returns `asked` or `granted`. Raises InvalidInput `period.waiver_code`; Conflict `period.waiver_asked`,
    `period.nothing_to_waive`; NotFound `period.waiver_unknown`; Forbidden `period.same_person`, `access.role_missing`.
    """
    if code not in WAIVABLE:
        raise InvalidInput(
            "period.waiver_code",
            f"“{code[:20]}”不能放行，可放行的为{'、'.join(sorted(WAIVABLE))}",
            value=code[:20],
        )
    require_period(tx, book, period)
    where = {"region": book.region, "fund": book.fund, "period": period, "code": code, "on": on}
    if not reason:
        asked = tx.value(
            "SELECT max(n) FROM books.closing_waiver WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
            " AND code = %(code)s",
            **where,
        )
        sign_decision(tx, "books.closing_waiver", [book.fund, period, code, asked or 0], on)
        tx.run("SELECT books.grant_waiver(" + _BOOK + ", %(code)s, %(on)s)", **where)
        return "granted"
    found = line(MonthAsked(tx, book, period, on), code)
    if found.ok:
        raise Conflict(
            "period.nothing_to_waive", f"会计期间{period}的{said('closing.check', code)}没有问题，不必放行"
        )
    tx.run(
        "SELECT books.ask_waiver(" + _BOOK + ", %(code)s, %(items)s::jsonb, %(reason)s, %(on)s)",
        **where,
        items=json.dumps(found.items, ensure_ascii=False),
        reason=_reason(reason),
    )
    return "asked"


def reopen(tx: Transaction, book: Book, period: int, reason: str, on: date) -> str:
    """Reopen the last closed month: with a reason an accountant asks for it, without one the chief does it, and its closing
    entries are reversed in the same transaction. Returns `asked` or `open`.

    Raises Conflict `period.sealed`, `period.not_closed`, `period.not_last`, `period.reopen_asked`, `period.reopen_unasked`;
    Forbidden `period.same_person`, `access.role_missing`.
    """
    require_period(tx, book, period)
    where = {"region": book.region, "fund": book.fund, "period": period, "on": on}
    if reason:
        tx.run("SELECT books.ask_reopen(" + _BOOK + ", %(reason)s, %(on)s)", **where, reason=_reason(reason))
        return "asked"
    known = closing_of(tx, book, period)
    if known is not None:
        sign_decision(tx, "books.closing", [book.fund, period, known.n], on)
    n = tx.value("SELECT books.reopen_period(" + _BOOK + ", %(on)s)", **where)
    carry_back(tx, book, period, n)
    return "open"


def _reason(text: str) -> str:
    reason = text.strip()
    found = flaw(reason, "理由", REASON_MAX)
    if found is not None:
        raise InvalidInput("period.reason", found.words, field="reason")
    return reason
