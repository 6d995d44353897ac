"""The figures of a confirmation letter: both sides read, compared, and the year's own takings worked out (附件3).

Row 9 = 6 − 7 + 8 and the balancing figure of CLR are one number twice; the letter is refused if any row differs
between the books and the tables, naming row, key and both amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from ledger.core.accounts import (
    AUDIT_DEDUCTED,
    BORNE,
    CLEARING_OWED,
    DAILY_ADVANCE,
    DAILY_OWED,
    MONTH_OWED,
    MONTH_WAITING,
    OTHER_DEDUCTED,
    RECOGNISED,
    REFUNDED,
    RETAINED,
    RETAINED_FORFEITED,
    SURPLUS_KEPT,
)
from ledger.core.errors import Conflict
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.cases import grade_of, require_no_waiting
from ledger.fund.clearing.lines import LetterFigures, LetterLine
from ledger.fund.clearing.plan import forfeit_ratio_of
from ledger.fund.clearing.read import (
    PAID_ACCOUNTS,
    KeyBalances,
    Prior,
    Tables,
    Unsettled,
    read_books,
    read_counted,
    read_tables,
    read_unsettled,
    require_nothing_in_flight,
)
from ledger.fund.clearing.scope import LetterScope, cutoff_of, require_period
from ledger.fund.clearing.takings import forfeit, offset_advances, surplus_or_overspend, take, takings
from ledger.fund.month.sheet import Key

_NOTHING: Final = Prior()


def figures(tx: Transaction, scope: LetterScope, day: date) -> LetterFigures:
    """Compute a letter on `day` (art. 23).

    Raises Conflict `clearing.months_open`, `clearing.before_cutoff`, `clearing.in_flight`, `clearing.sheet_draft`,
    `clearing.refund_open`, `clearing.unpaid_letter`, `clearing.earlier_year`,
    `clearing.quarter_pending`, `clearing.input_waiting`, `clearing.nothing`, `letter.books_differ` and what the
    plan's and the period's own refusals are.
    """
    require_period(tx, scope, day)
    require_no_waiting(tx, scope.fund, scope.year, scope.institution)
    books, tables = read_books(tx, scope), read_tables(tx, scope)
    unsettled = read_unsettled(tx, scope, cutoff_of(tx, scope.year))
    last = scope.year * 100 + 12
    after = {row.key for row in unsettled if row.key.term > last}
    keys = {key for key in books.keys | set(tables.claimed) if scope.holds(key)} - after
    own = [row for row in unsettled if scope.holds(row.key) and row.key not in after]
    _check_months(scope, own, day, cutoff_of(tx, scope.year))
    require_nothing_in_flight(tx, scope, keys)
    _check_letters_before(tx, scope, keys)
    for key in sorted(keys):
        _compare(scope, key, books, tables)
    carried = [row for row in own if row.carried]
    late = [row for row in own if not row.carried]
    counted = read_counted(tx, scope) if scope.period == "year" else {}
    lines = {key: _line(key, books, counted.get(key, _NOTHING), carried, late) for key in sorted(keys)}
    if not any(line != LetterLine(line.key) for line in lines.values()):
        raise Conflict("clearing.nothing", f"机构{scope.institution}{scope.title}没有可清算的费用")
    taken = takings(tx, scope, after, {row.setl_id for row in own})
    take(lines, taken, scope.year)
    grade = grade_of(tx, scope.fund, scope.year, scope.institution) if scope.period == "year" else ""
    if grade:
        forfeit(lines, tables.retained, scope, forfeit_ratio_of(tx, scope.fund, scope.year, grade))
    if scope.period == "year":
        surplus_or_overspend(tx, lines, scope)
        taken += offset_advances(tx, lines, scope)
    found = tuple(line for line in lines.values() if line != LetterLine(line.key))
    _check_row_9(scope, found)
    return LetterFigures(
        scope,
        grade,
        found,
        tuple(sorted(taken, key=lambda t: t[:2])),
        tuple((row.setl_id, row.key.subfund, row.fund_fen) for row in late),
        frozenset(row.key.term for row in carried),
    )


def _check_months(scope: LetterScope, unsettled: Sequence[Unsettled], day: date, cutoff: date) -> None:
    """All months settled; what was not declared in time is late, but only once time is up."""
    new = sorted({row.key.term for row in unsettled if not row.recognised})
    if new:
        raise Conflict(
            "clearing.months_open", f"机构{scope.institution}期号{new}还有未入账的记录，不能清算", terms=new
        )
    waiting = [row for row in unsettled if not row.carried]
    declared = sorted({row.key.term for row in waiting if row.in_time or scope.period != "year"})
    if declared:
        raise Conflict(
            "clearing.months_open",
            f"机构{scope.institution}{scope.title}的期号{declared}尚未月结算，不能清算",
            terms=declared,
        )
    if waiting and day <= cutoff:
        raise Conflict(
            "clearing.before_cutoff",
            f"机构{scope.institution}还有{len(waiting)}笔未申报，申报截止日{cutoff}之后方可清算",
            records=len(waiting),
            cutoff=str(cutoff),
        )


def _check_letters_before(tx: Transaction, scope: LetterScope, keys: set[Key]) -> None:
    """Years in order, quarters before their year, nothing of a quarter after its year."""
    done = {
        (year, period): state
        for year, period, state in tx.rows(
            "SELECT year, period, state FROM fund.letter WHERE region = %(region)s AND fund = %(fund)s"
            " AND institution = %(institution)s AND state <> 'void'",
            region=tx.region, fund=scope.fund, institution=scope.institution,
        )
    }  # fmt: skip
    for year in sorted({key.service_year for key in keys if key.service_year < scope.year}):
        if done.get((year, "year")) != "confirmed":
            raise Conflict("clearing.earlier_year", f"{year}年度尚未清算，应按年度先后清算", year=year)
    pending = sorted(
        period for (year, period), state in done.items()
        if year == scope.year and period != "year" and state != "confirmed"
    )  # fmt: skip
    if scope.period == "year" and pending:
        raise Conflict("clearing.quarter_pending", f"季度清算{pending}尚未双方确认", periods=pending)
    if scope.period != "year" and (scope.year, "year") in done:
        raise Conflict("clearing.year_exists", f"{scope.year}年度清算确认书已制成，不再按季清算")


def _compare(scope: LetterScope, key: Key, books: KeyBalances, tables: Tables) -> None:
    """Every row of one key, twice."""
    taken = tables.taken.get(key, _NOTHING)
    both = (
        (1, "申报", books.of(key, RECOGNISED), tables.claimed.get(key, 0)),
        (2, "审核扣款", books.of(key, AUDIT_DEDUCTED), tables.audit.get(key, 0) + taken.audit),
        (4, "保证金扣减", books.of(key, RETAINED_FORFEITED), taken.forfeited),
        (5, "其他扣款", books.of(key, OTHER_DEDUCTED), tables.other.get(key, 0) + taken.other),
        (5, "机构自担", books.of(key, BORNE), taken.borne),
        (5, "结余留用", books.of(key, SURPLUS_KEPT), taken.surplus),
        (
            7,
            "已拨付",
            books.of(key, *PAID_ACCOUNTS),
            tables.paid.get(key, 0) + tables.offset.get(key, 0) + taken.offset,
        ),
        (8, "退费", books.of(key, REFUNDED), tables.refunded.get(key, 0)),
        (9, "预留质量保证金", books.of(key, RETAINED), tables.retained.get(key, 0) - taken.retained),
    )
    for row, what, booked, listed in both:
        if booked != listed:
            raise Conflict(
                "letter.books_differ",
                f"机构{scope.institution}第{row}行{what}（{'/'.join(map(str, key))}）：账上{yuan(booked)}元，"
                f"明细{yuan(listed)}元，相差{yuan(booked - listed)}元，不能出具清算确认书",
                row=row,
                difference_fen=booked - listed,
            )


def _line(
    key: Key, books: KeyBalances, counted: Prior, carried: Sequence[Unsettled], late: Sequence[Unsettled]
) -> LetterLine:
    """One key without this letter's own takings; documented late records are left out of it altogether."""
    out = [row for row in carried if row.key == key]
    advance = books.of(key, DAILY_ADVANCE)
    out_paid = sum(row.paid_daily_fen for row in out)
    return LetterLine(
        key,
        claimed_fen=books.of(key, RECOGNISED) - sum(row.fund_fen for row in out) - counted.claimed,
        late_fen=sum(row.fund_fen for row in late if row.key == key),
        surplus_before=books.of(key, SURPLUS_KEPT) - counted.surplus,
        audit_before=books.of(key, AUDIT_DEDUCTED) - counted.audit,
        forfeited_before=books.of(key, RETAINED_FORFEITED) - counted.forfeited,
        other_before=books.of(key, OTHER_DEDUCTED) - counted.other,
        borne_before=books.of(key, BORNE) - counted.borne,
        paid_fen=books.of(key, *PAID_ACCOUNTS) - out_paid - counted.paid,
        refunded_fen=books.of(key, REFUNDED) - counted.refunded,
        open_daily_fen=books.of(key, DAILY_OWED) - sum(row.open_daily_fen for row in out),
        waiting_fen=books.of(key, MONTH_WAITING) - sum(row.fund_fen - row.open_daily_fen - row.paid_daily_fen for row in out),
        month_open_fen=books.of(key, MONTH_OWED),
        retained_fen=books.of(key, RETAINED),
        advance_fen=advance - out_paid if advance else 0,
        owed_before=books.of(key, CLEARING_OWED),
    )  # fmt: skip


def _check_row_9(scope: LetterScope, lines: Sequence[LetterLine]) -> None:
    """6 − 7 + 8 is what CLR leaves in 9106, key by key."""
    for line in lines:
        formula, booked = line.row_fen[9], line.result_fen + line.owed_before
        if formula != booked:
            raise Conflict(
                "letter.books_differ",
                f"机构{scope.institution}第9行（{'/'.join(map(str, line.key))}）：按6－7＋8为{yuan(formula)}元，"
                f"清算分录为{yuan(booked)}元，相差{yuan(formula - booked)}元",
                row=9,
                difference_fen=formula - booked,
            )
