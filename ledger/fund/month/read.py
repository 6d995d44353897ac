"""What a settlement sheet rests on, read from the database: declarations, payables, orders, balances, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.accounts import MONTH_OWED
from ledger.core.errors import Conflict, NotFound
from ledger.core.words import said
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.deductions import amounts_of, dues_of, findings_of, month_due
from ledger.fund.month.due import cutoff_of, due_on, term_days
from ledger.fund.month.sheet import Declared, Key, SheetFigures, SheetTaking, compute
from ledger.fund.region.calendar import read_calendar
from ledger.payments.orders.returned import read_advances_left

AUDITED: Final = "40"
"""clr_stas of a declaration whose audit is done: what a month may settle."""

_RECORDS: Final = """
    SELECT p.subfund, p.service_year, p.term, p.category, r.clr_type, p.setl_id, p.fund_fen, p.daily_fen, p.order_no,
           p.recognised_by <> '' AS booked, coalesce(o.state, CASE p.order_no WHEN 'OPEN' THEN 'paid' ELSE '' END) AS state, coalesce(s.in_flight, false) AS in_flight
      FROM fund.declaration d
      JOIN fund.declared c ON c.region = d.region AND c.declaration_id = d.declaration_id
      JOIN fund.payable p ON p.region = c.region AND p.fund = c.fund AND p.setl_id = c.setl_id
      JOIN fund.record r ON r.region = p.region AND r.setl_id = p.setl_id
      LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
      LEFT JOIN payments.state s ON s.state = o.state
     WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.institution = %(institution)s AND d.term = %(term)s
       AND NOT d.withdrawn AND d.state = %(audited)s AND p.institution = d.institution AND p.settled_by = ''"""

_BLOCKED: Final = "SELECT setl_id, order_no, state, booked FROM ("
_BLOCKED_END: Final = ") d WHERE in_flight OR NOT booked ORDER BY booked, order_no, setl_id LIMIT 1"
_SUMS: Final = """
    SELECT subfund, service_year, term, category, clr_type, count(*), sum(fund_fen)::bigint,
           coalesce(sum(daily_fen) FILTER (WHERE state <> 'paid'), 0)::bigint,
           coalesce(sum(daily_fen) FILTER (WHERE state = 'paid'), 0)::bigint FROM ("""
_SUMS_END: Final = ") d GROUP BY 1, 2, 3, 4, 5"
# A draft's order number is no fact yet: giving the draft up must not change the sheet.
_DIGEST: Final = """
    SELECT sha256(convert_to(coalesce(string_agg(
               concat_ws('|', setl_id, subfund, fund_fen, daily_fen, CASE state WHEN 'paid' THEN order_no ELSE '' END),
               E'\\n' ORDER BY setl_id COLLATE "C", subfund), ''), 'UTF8')) FROM ("""
_DIGEST_END: Final = ") d"


class MonthScope(NamedTuple):
    """Whose month: one book, one institution, one 期号."""

    fund: int
    institution: str
    term: int

    def __str__(self) -> str:
        return f"机构{self.institution}{self.term}期（基金{self.fund}）"


def lock_month(tx: Transaction, fund: int) -> None:
    """Keep approvals of batches (payments.approve) and receipts (payments.receive) out until commit: a daily order
    must not be approved, paid or returned while its records are being settled.
    """
    tx.run("SELECT fund.lock_book(%(region)s, %(fund)s::smallint)", region=tx.region, fund=fund)
    hold(tx, Lock.RECEIVE, str(tx.region))


def read_figures(
    tx: Transaction,
    scope: MonthScope,
    takings: Sequence[SheetTaking] | None,
    deduct: Mapping[str, int] | None = None,
) -> SheetFigures | None:
    """The sheet of `scope` as of now; None where no declared record waits for settlement.

    `takings` of a stored sheet are taken exactly as they stand; without them every final finding, approved deduction
    and due offset is taken as far as it fits, or, with `deduct`, of findings just those amounts. Whatever is due and not
    taken stands on the sheet as left over.
    Raises NotFound `month.no_enrolment`, `finding.unknown`; Conflict `month.reconciliation_open`,
    `month.not_audited`, `month.not_recognised`, `month.in_flight`, `deduction.above_left`; InvalidInput
    `calendar.unknown_year`.
    """
    declared_on = _require_ready(tx, scope)
    if declared_on is None:
        return None
    declared, digest = _declared(tx, scope)
    if not declared:
        return None
    ratio = _month_ratio(tx, scope)
    cutoff = cutoff_of(scope.term, declared_on)
    due = month_due(tx, scope.fund, scope.institution, scope.term)
    lines, taken = compute(
        declared,
        ratio,
        month_opening(tx, scope.fund, scope.institution),
        findings_of(due, takings, deduct),
        amounts_of(due, takings),
        exact=takings is not None,
        chosen=deduct is not None,
    )
    return SheetFigures(
        ratio,
        cutoff,
        due_on(read_calendar(tx), cutoff),
        sum(row.records for row in declared),
        digest,
        lines,
        taken,
        dues_of(due, taken),
    )


def _require_ready(tx: Transaction, scope: MonthScope) -> date | None:
    """The latest day on which what can be settled was declared; refusals for what is on its way there."""
    rows = tx.rows(
        """SELECT d.declaration_id, d.state, d.declared_on, coalesce(n.state, 'open')
             FROM fund.declaration d
             LEFT JOIN fund.reconciliation n ON n.region = d.region AND n.fund = d.fund AND n.institution = d.institution
                                            AND n.term = d.term AND n.clr_type = d.clr_type
            WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.institution = %(institution)s AND d.term = %(term)s
              AND NOT d.withdrawn AND d.state IN ('10', '20', '30', %(audited)s) ORDER BY d.declaration_id""",
        region=tx.region,
        audited=AUDITED,
        **scope._asdict(),
    )
    waiting = [declaration for declaration, state, _, _ in rows if state != AUDITED]
    if waiting:
        raise Conflict(
            "month.not_audited", f"{scope}的申报{waiting[0]}尚未审核完毕，不能月结", declaration=waiting[0]
        )
    for declaration, _, _, reconciled in rows:
        if reconciled != "agreed":
            raise Conflict(
                "month.reconciliation_open",
                f"{scope}对账未平（{reconciled}），申报{declaration}不能月结",
                declaration=declaration,
            )
    return max((declared_on for _, _, declared_on, _ in rows), default=None)


def _declared(tx: Transaction, scope: MonthScope) -> tuple[list[Declared], bytes]:
    """The declared payables per key and 清算类别, and the digest over all of them (see fund.sheet_digest)."""
    values = {"region": tx.region, "audited": AUDITED, **scope._asdict()}
    blocked = tx.row(_BLOCKED + _RECORDS + _BLOCKED_END, **values)
    if blocked is not None:
        setl_id, order_no, state, booked = blocked
        if not booked:
            raise Conflict(
                "month.not_recognised", f"{scope}的结算{setl_id}尚未入账，请先记账", setl_id=setl_id
            )
        raise Conflict(
            "month.in_flight",
            f"{scope}的拨付单{order_no}在途（{said('order.state', state)}），有结果之前不能月结",
            order_no=order_no,
        )
    rows = tx.rows(_SUMS + _RECORDS + _SUMS_END, **values)
    digest = tx.value(_DIGEST + _RECORDS + _DIGEST_END, **values)
    return [Declared(Key(*row[:4]), *row[4:]) for row in rows], bytes(digest)


def _month_ratio(tx: Transaction, scope: MonthScope) -> int:
    """The month ratio of the enrolment in force at the end of the 期号, else of the last one before it [choice]."""
    ratio: int | None = tx.value(
        """SELECT month_ratio FROM fund.enrolment WHERE region = %(region)s AND institution = %(institution)s
              AND from_day <= %(day)s ORDER BY from_day DESC LIMIT 1""",
        region=tx.region,
        institution=scope.institution,
        day=term_days(scope.term)[1],
    )
    if ratio is None:
        raise NotFound("month.no_enrolment", f"{scope}没有生效的签约，不知月拨付比例")
    return ratio


def month_opening(tx: Transaction, fund: int, institution: str) -> dict[Key, int]:
    """The balance of 9103 月结应付 per key, credit positive, zeros left out."""
    return _balances(tx, fund, institution, MONTH_OWED, -1)


def _balances(tx: Transaction, fund: int, institution: str, account: int, sign: int) -> dict[Key, int]:
    return {
        Key(*key): fen
        for *key, fen in tx.rows(
            """SELECT d.subfund, d.service_year, d.term, d.category, (%(sign)s * sum(b.debit - b.credit))::bigint
                 FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = %(account)s
                  AND d.counterparty = %(institution)s
                GROUP BY 1, 2, 3, 4 HAVING sum(b.debit - b.credit) <> 0""",
            region=tx.region,
            fund=fund,
            institution=institution,
            account=account,
            sign=sign,
        )
    }


def daily_advance(tx: Transaction, fund: int, institution: str) -> dict[Key, int]:
    """1101-日拨付 per key that is not paid in advance for records no month has settled: before the settlement of a month
    its own records still count as unsettled, so ask after they are marked.
    """
    left = read_advances_left(tx, [fund], [institution])
    return {Key(*dims[1:]): fen for (_, dims), fen in left.items()}
