"""Vouchers that come again: a template and what fills it, with a rhythm, by two persons; drafted once a day due."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.books.manual import ManualContent, draft_voucher
from ledger.books.templates.fill import Filling, fill, ground
from ledger.books.templates.own import template_on
from ledger.books.templates.read import Template
from ledger.core.entries import Book, Dimensions
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

RHYTHMS: Final = words_of("recurrence.rhythm")
_STEP: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}
_INTEREST_DAY: Final = 21
_DUE_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Recurrence:
    """One, with what was decided of it. `given.amounts` is empty where each time's amount is given anew."""

    book: Book
    recurrence_id: str
    template: str
    summary: str
    evidence: str
    given: Filling
    rhythm: str
    from_day: date
    to_day: date | None
    digest: bytes
    state: str
    proposed_by: str
    decided_by: str
    reason: str

    def as_json(self) -> dict[str, object]:
        """For machines; amounts in fen as text."""
        return {
            "recurrence": self.recurrence_id,
            "book": str(self.book),
            "state": self.state,
            "template": self.template,
            "summary": self.summary,
            "evidence": self.evidence,
            "amounts": {part: str(fen) for part, fen in self.given.amounts.items()},
            "rhythm": self.rhythm,
            "from": self.from_day.isoformat(),
            "to": self.to_day.isoformat() if self.to_day else "",
            "digest": self.digest.hex(),
            "proposed_by": self.proposed_by,
            "decided_by": self.decided_by,
            "reason": self.reason,
        }


class DueVoucher(NamedTuple):
    """A day on which one is due and nothing stands drafted; `voucher_id` once it is, empty where an amount is wanted."""

    recurrence_id: str
    due_on: date
    summary: str
    voucher_id: str


def propose_recurrence(
    tx: Transaction,
    book: Book,
    form: Template,
    given: Filling,
    evidence: str,
    rhythm: str,
    days: tuple[date, date | None],
    on: date,
) -> Recurrence:
    """Propose one from `days[0]`, whose day of the month is the rhythm's, to `days[1]`; it is filled once to be sure it can be.

    Raises InvalidInput `recurrence.rhythm`, `recurrence.days`, `voucher.before_opening`, `voucher.text` and what `fill` raises; Forbidden.
    """
    if rhythm not in RHYTHMS:
        raise InvalidInput(
            "recurrence.rhythm", f"没有“{rhythm[:20]}”的节律，应为{'、'.join(RHYTHMS)}", field="rhythm"
        )
    if days[1] is not None and days[1] < days[0]:
        raise InvalidInput("recurrence.days", f"止日{days[1]}早于起日{days[0]}", field="to")
    opening: date = tx.value(
        "SELECT date_trunc('month', opened_on)::date FROM books.book WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    if days[0] < opening:  # its drafts would be of days before the book, which are refused
        raise InvalidInput(
            "voucher.before_opening",
            f"起日{days[0]}早于账套{book}的建账月份，建账以前的业务不在此账套制单",
            field="from",
        )
    if not evidence.strip() or len(evidence) > 150 or any(c in "|\\" or ord(c) < 32 for c in evidence):
        raise InvalidInput("voucher.text", "依据应为1到150字，且不含竖线、反斜杠、换行", field="evidence")
    trial = given.amounts or {form.parts[0].part: 1}
    fill(form, ground(tx, book), Filling(trial, given.dims, given.banks, given.accounts))
    filling = json.dumps(
        {"amounts": dict(given.amounts), "banks": list(given.banks), "accounts": list(given.accounts), "dims": list(given.dims)},
        ensure_ascii=False, sort_keys=True,
    )  # fmt: skip
    made = tx.value(
        """SELECT books.propose_recurrence(%(region)s, %(fund)s::smallint, %(template)s, %(summary)s, %(evidence)s, %(filling)s,
                  %(rhythm)s, %(first)s, %(last)s, %(on)s)""",
        region=book.region,
        fund=book.fund,
        template=form.code,
        summary=form.summary,
        evidence=evidence,
        filling=filling,
        rhythm=rhythm,
        first=days[0],
        last=days[1],
        on=on,
    )
    return recurrence(tx, book, made)


def decide_recurrence(
    tx: Transaction, book: Book, recurrence_id: str, state: str, digest: bytes, reason: str, on: date
) -> Recurrence:
    """Make it `confirmed` or `refused` as another person, or `stopped`.

    Raises NotFound `recurrence.unknown`; Conflict `recurrence.state`, `recurrence.changed`; Forbidden
    `recurrence.same_person`, `access.role_missing`; InvalidInput `recurrence.reason`.
    """
    if (state == "confirmed") != (not reason.strip()) or len(reason) > 200:
        raise InvalidInput("recurrence.reason", "退回或停止须写明理由，不超过200字", field="reason")
    if state == "confirmed":
        sign_decision(tx, "books.recurrence", [book.fund, recurrence_id], on)
    tx.run(
        "SELECT books.decide_recurrence(%(region)s, %(fund)s::smallint, %(id)s, %(state)s, %(digest)s, %(reason)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        id=recurrence_id,
        state=state,
        digest=digest,
        reason=reason.strip(),
        on=on,
    )
    return recurrence(tx, book, recurrence_id)


def recurrences(tx: Transaction, book: Book) -> list[Recurrence]:
    """All of a book, oldest first."""
    found = []
    for row in tx.rows(
        """SELECT recurrence_id, template, summary, evidence, filling, rhythm, from_day, to_day, digest, state, proposed_by,
                  decided_by, reason
             FROM books.recurrence WHERE region = %(region)s AND fund = %(fund)s ORDER BY proposed_on, recurrence_id""",
        region=book.region,
        fund=book.fund,
    ):
        key, code, summary, evidence, filling, rhythm, first, last, digest, *decided = row
        said = json.loads(filling or "{}")
        given = Filling(
            said.get("amounts", {}),
            Dimensions(*said.get("dims", ())),
            tuple(said.get("banks", ())),
            tuple(said.get("accounts", ())),
        )
        found.append(
            Recurrence(
                book, key, code, summary, evidence, given, rhythm, first, last, bytes(digest), *decided
            )
        )
    return found


def recurrence(tx: Transaction, book: Book, recurrence_id: str) -> Recurrence:
    """One; raises NotFound `recurrence.unknown`."""
    for one in recurrences(tx, book):
        if one.recurrence_id == recurrence_id:
            return one
    raise NotFound("recurrence.unknown", f"账套{book}没有定期凭证{recurrence_id[:40]}")


def days_due(rhythm: str, first: date, last: date) -> Iterator[date]:
    """The days of a rhythm from `first` on, as books.is_due() tells them: a month that is too short gives its last day."""
    if rhythm == "interest":
        months = ((year, month) for year in range(first.year, last.year + 1) for month in (3, 6, 9, 12))
        yield from (day for day in (date(y, m, _INTEREST_DAY) for y, m in months) if first <= day <= last)
        return
    for step in range(0, 12 * (last.year - first.year + 1), _STEP[rhythm]):
        year, month = divmod(first.month - 1 + step, 12)
        day = min(first.day, calendar.monthrange(first.year + year, month + 1)[1])
        due = date(first.year + year, month + 1, day)
        if due <= last:
            yield due


def require_drafter(tx: Transaction, book: Book) -> None:
    """Raises Forbidden `access.role_missing` unless the user may draft what is due in the book, whether anything is or not."""
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant,maker,system}')",
        region=book.region,
        fund=book.fund,
    )


def due(tx: Transaction, book: Book, day: date) -> list[DueVoucher]:
    """What of the confirmed ones is due by `day` and has no draft that stands, oldest first."""
    drafted = {
        (key, on)
        for key, on in tx.rows(
            """SELECT t.recurrence_id, t.due_on FROM books.recurrence_draft t
                LEFT JOIN books.voucher_decision d ON d.region = t.region AND d.fund = t.fund AND d.voucher_id = t.voucher_id
               WHERE t.region = %(region)s AND t.fund = %(fund)s AND coalesce(d.decision, 'approved') = 'approved'""",
            region=book.region,
            fund=book.fund,
        )
    }
    found = [
        DueVoucher(one.recurrence_id, on, one.summary, "")
        for one in recurrences(tx, book)
        if one.state == "confirmed"
        for on in days_due(one.rhythm, one.from_day, min(day, one.to_day or day))
        if (one.recurrence_id, on) not in drafted
    ]
    return sorted(found, key=lambda one: (one.due_on, one.recurrence_id))[:_DUE_MAX]


def tried(tx: Transaction, book: Book) -> set[tuple[str, date]]:
    """What was drafted once, whatever became of it: its id and the day due."""
    return set(
        tx.rows(
            "SELECT DISTINCT recurrence_id, due_on FROM books.recurrence_draft WHERE region = %(region)s AND fund = %(fund)s",
            region=book.region,
            fund=book.fund,
        )
    )


def draft_due(tx: Transaction, book: Book, one: DueVoucher, amounts: dict[str, int], on: date) -> DueVoucher:
    """Draft what is due under one's own name; where neither it nor `amounts` has an amount, nothing is drafted.

    Raises Conflict `recurrence.drafted`, `recurrence.not_due`; InvalidInput `template.*`, `recurrence.amount`; and what
    `template_on` raises.
    """
    of = recurrence(tx, book, one.recurrence_id)
    if amounts and of.given.amounts:
        raise InvalidInput(
            "recurrence.amount", f"定期凭证{one.recurrence_id}的金额已定，不能另给", field="amount"
        )
    given = Filling(of.given.amounts or amounts, of.given.dims, of.given.banks, of.given.accounts)
    if not given.amounts:
        return one
    form = template_on(tx, book, of.template, on)
    legs = fill(form, ground(tx, book), given)
    evidence = f"{of.evidence}/{one.recurrence_id}/{one.due_on}"
    made = draft_voucher(
        tx, book, ManualContent(one.due_on, of.summary, evidence, legs, template=form.own_id), on
    )
    tx.run(
        "SELECT books.note_due(%(region)s, %(fund)s::smallint, %(id)s, %(due)s, %(voucher)s)",
        region=book.region,
        fund=book.fund,
        id=one.recurrence_id,
        due=one.due_on,
        voucher=made.voucher_id,
    )
    return one._replace(voucher_id=made.voucher_id)
