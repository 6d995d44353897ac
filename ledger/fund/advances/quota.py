"""What an advance may be: the fund's own means and the institution's past settlements, asked of the books.

医保办函〔2024〕101号: employee 统筹 balance for 12 months or more, residents for 6; no current deficit last year nor in the
last twelve months; about one month, on the average of the last one to three years. An institution that did not give
everything back gets none (甘医保发〔2025〕11号). The numbers are the region's dated choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.core.accounts import coded
from ledger.core.entries import EMPLOYEE_FUND, FUND_NAMES, RESIDENT_FUND
from ledger.core.errors import Conflict
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import whole_choice

_BALANCE_MONTHS: Final = {EMPLOYEE_FUND: 12, RESIDENT_FUND: 6}

# Turnover by period: what the books hold, without the opening (`whole` rows alone are balances), and the history a book was
# taken over with: by months, or by whole years, which stand at their December.
_MOVED: Final = """
    (SELECT m.region, m.fund, m.period AS first, m.period, m.account, m.dim, '' AS party, m.debit, m.credit, true AS whole
       FROM books.balance m WHERE m.region = %(region)s AND m.fund = %(fund)s
     UNION ALL
     SELECT l.region, l.fund, to_char(c.day, 'YYYYMM')::integer, to_char(c.day, 'YYYYMM')::integer, l.account, 0, l.counterparty,
            -greatest(a.normal_side * l.balance_fen, 0), -greatest(-a.normal_side * l.balance_fen, 0), false
       FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
       JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
      WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.state = 'confirmed' AND l.posted
     UNION ALL
     SELECT h.region, h.fund, CASE WHEN h.period < 10000 THEN h.period * 100 + 1 ELSE h.period END,
            CASE WHEN h.period < 10000 THEN h.period * 100 + 12 ELSE h.period END, h.account, 0, h.party, h.debit_fen, h.credit_fen, false
       FROM fund.cutover c JOIN fund.cutover_history h ON h.region = c.region AND h.fund = c.fund AND h.version = c.version
      WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.state = 'confirmed' AND h.period <> extract(year FROM c.day))"""

_POOL: Final = coded(
    " FROM "
    + _MOVED
    + """ b JOIN books.account a ON a.region = b.region AND a.fund = b.fund AND a.account = b.account
     WHERE b.region = %(region)s AND b.fund = %(fund)s AND a.class IN ('净资产', '收入', '支出')
       AND a.name NOT LIKE '%%个人账户%%' AND a.account NOT IN ({TRANSFERS_IN}, {UNSPLIT_CONTRIBUTIONS}, {UNSPLIT_INTEREST}, {TRANSFERS_OUT})"""
)

_SETTLED: Final = """
    SELECT coalesce(sum(p.months), 0)::bigint, coalesce(sum(p.fen), 0)::bigint FROM (
         SELECT max(b.period - b.first) + 1 AS months, sum(b.credit - b.debit) AS fen FROM """
_SETTLED_MONTHS: Final = coded(
    _SETTLED
    + _MOVED
    + """ b LEFT JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
          WHERE coalesce(d.counterparty, b.party) = %(institution)s AND b.account IN ({PAID}, {OFFSETS})
            AND b.first >= %(first)s AND b.period <= %(last)s
          GROUP BY b.period HAVING sum(b.credit - b.debit) <> 0) p"""
)
_SPENT: Final = """
    SELECT coalesce(sum(p.balance), 0)::bigint, coalesce(sum(p.spent), 0)::bigint,
           coalesce(sum(p.months) FILTER (WHERE p.spending), 0)::bigint
      FROM (SELECT coalesce(sum(b.credit - b.debit) FILTER (WHERE b.whole), 0) AS balance,
                   sum(b.debit) FILTER (WHERE a.class = '支出' AND b.first >= %(first)s AND b.period <= %(last)s) AS spent,
                   max(b.period - b.first) + 1 AS months,
                   bool_or(a.class = '支出' AND b.first >= %(first)s AND b.period <= %(last)s AND b.debit <> 0) AS spending"""
_MEANS: Final = _SPENT + _POOL + " GROUP BY b.period) p"


class QuotaCondition(NamedTuple):
    """One thing asked of the books: what was wanted, what was found."""

    name: str
    wanted: str
    found: str
    holds: bool

    @property
    def text(self) -> str:
        """`累计结余可支付月数≥12：14.2`."""
        return f"{self.name}{self.wanted}：{self.found}"


@dataclass(frozen=True, slots=True)
class Quota:
    """The most an institution may be advanced, and the conditions the books answered; fen."""

    quota_fen: int
    conditions: tuple[QuotaCondition, ...]

    @property
    def text(self) -> str:
        """The conditions for the record."""
        return "；".join(condition.text for condition in self.conditions)


def months_before(day: date, months: int) -> tuple[int, int]:
    """The periods from `months` months before the month of `day` to the month before it, e.g. (202601, 202612)."""
    last = day.year * 12 + day.month - 2
    first = last - months + 1
    return first // 12 * 100 + first % 12 + 1, last // 12 * 100 + last % 12 + 1


def monthly_settlement(tx: Transaction, fund: int, institution: str, day: date, years: int) -> int:
    """Average settled a month (paid or offset) over the months of the last `years` years that have any; fen.

    Raises Conflict `advance.no_history` where there is none.
    """
    first, last = months_before(day, 12 * years)
    months, total = tx.rows(
        _SETTLED_MONTHS,
        region=tx.region,
        fund=fund,
        institution=institution,
        first=first,
        last=last,
    )[0]
    if total <= 0:
        raise Conflict(
            "advance.no_history",
            f"机构{institution}在{first}至{last}期间没有{FUND_NAMES[fund]}结算，不能核定额度",
            institution=institution,
        )
    return int(total) // int(months)


def outstanding(tx: Transaction, fund: int, institution: str, kind: str, *, before_year: int = 9999) -> int:
    """What was paid of a kind in years before `before_year` and is neither offset nor returned; fen."""
    return int(
        tx.value(
            """SELECT coalesce(sum(a.amount_fen - a.offset_fen - a.returned_fen), 0)::bigint
                 FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
                WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.institution = %(institution)s AND a.kind = %(kind)s
                  AND a.year < %(year)s AND (o.state = 'paid' OR a.order_no LIKE 'OPEN:%%')""",
            region=tx.region,
            fund=fund,
            institution=institution,
            kind=kind,
            year=before_year,
        )
    )


def prepayment_quota(tx: Transaction, fund: int, institution: str, year: int, day: date) -> Quota:
    """Quota and conditions of a prepayment for `year`, as the books stand on `day`.

    Raises Conflict `advance.condition` naming every condition that does not hold, `advance.no_history`.
    """
    conditions = (
        _means(tx, fund, day),
        _surplus(tx, fund, "上年当期结余", (year - 1) * 100 + 1, (year - 1) * 100 + 12),
        _surplus(tx, fund, "最近12个月当期结余", *months_before(day, 12)),
        _given_back(tx, fund, institution, year),
    )
    failed = [condition.text for condition in conditions if not condition.holds]
    if failed:
        raise Conflict("advance.condition", f"不符合预付条件：{'；'.join(failed)}", conditions=failed)
    years = whole_choice(tx, "prepayment_years", day, 1)
    months = whole_choice(tx, "prepayment_months", day, 1)
    return Quota(months * monthly_settlement(tx, fund, institution, day, years), conditions)


def month_quota(tx: Transaction, fund: int, institution: str, day: date) -> Quota:
    """Quota of a month's pre-allocation, or of a month's supplier payments: one average month's settlement."""
    years = whole_choice(tx, "prepayment_years", day, 1)
    average = monthly_settlement(tx, fund, institution, day, years)
    return Quota(average, (QuotaCondition("月均结算额", "", yuan_grouped(average), holds=True),))


def _means(tx: Transaction, fund: int, day: date) -> QuotaCondition:
    first, last = months_before(day, 12)
    balance, spent, months = tx.rows(
        _MEANS,
        region=tx.region,
        fund=fund,
        first=first,
        last=last,
    )[0]
    wanted = whole_choice(tx, f"prepayment_balance_{fund}", day, _BALANCE_MONTHS[fund])
    # In tenths of a month, rounded down: a balance for 11.99 months is not one for 12.
    tenths = int(balance) * 10 * int(months) // int(spent) if spent > 0 else 0
    found = f"{tenths // 10}.{tenths % 10}" if balance > 0 and spent > 0 else "无结余或无支出可计"
    return QuotaCondition(
        "累计结余可支付月数", f"≥{wanted}", found, spent > 0 and balance * months >= wanted * spent
    )


def _surplus(tx: Transaction, fund: int, name: str, first: int, last: int) -> QuotaCondition:
    # Turnover of one side, so that month-end closing (income Dr, expense Cr) does not wipe the year out.
    found = int(
        tx.value(
            """SELECT coalesce(sum(CASE a.class WHEN '收入' THEN b.credit WHEN '支出' THEN -b.debit ELSE 0 END), 0)::bigint"""
            + _POOL
            + " AND b.first >= %(first)s AND b.period <= %(last)s",
            region=tx.region,
            fund=fund,
            first=first,
            last=last,
        )
    )
    return QuotaCondition(name, "≥0", yuan_grouped(found), found >= 0)


def _given_back(tx: Transaction, fund: int, institution: str, year: int) -> QuotaCondition:
    left = outstanding(tx, fund, institution, "prepayment", before_year=year)
    return QuotaCondition("以前年度预付金未收回", "=0", yuan_grouped(left), left == 0)
