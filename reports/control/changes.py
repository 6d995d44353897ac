"""(c) What was changed in the month and by whom: payees, names, ratios, choices of the region; reversals after payment; money in suspense."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, LiteralString

from ledger.core.entries import FUND_NAMES
from ledger.core.words import evidence_named, said
from ledger.db.safekeeping.fields import read_shown
from ledger.db.unit_of_work import Transaction
from reports.control.due import DUE, ControlMonth, judged
from reports.render.grid import Column, Grid, Line

_PAYEES: Final[LiteralString] = """
    SELECT y.institution, y.version, y.number || ' ' || y.name || ' ' || y.bank_name,
           coalesce((SELECT x.number || ' ' || x.name || ' ' || x.bank_name FROM fund.payee_account x WHERE x.region = y.region
               AND x.institution = y.institution AND x.version < y.version AND x.confirmed_by <> '' AND x.state <> 'refused'
             ORDER BY x.version DESC LIMIT 1), ''),
           y.state, y.proposed_by, y.proposed_on, y.confirmed_by, y.decided_on, concat_ws('；', nullif(y.why, ''), nullif(y.reason, ''))
      FROM fund.payee_account y
     WHERE y.region = %(region)s AND (y.decided_on >= %(first)s AND y.decided_on < %(after)s
        OR y.ended_on >= %(first)s AND y.ended_on < %(after)s OR y.decided_on IS NULL AND y.proposed_on >= %(first)s AND y.proposed_on < %(after)s)
     ORDER BY 1, 2
"""
_TERMS: Final[LiteralString] = """
    SELECT t.institution, t.kind, t.version, t.state, t.proposed_by, t.proposed_on, t.confirmed_by, t.decided_on,
           concat_ws('；', nullif(t.why, ''), nullif(t.reason, '')),
           t.from_day, t.mode, t.ratio, t.month_ratio, t.agreement_state, t.agreement_from, t.agreement_to,
           o.mode, o.ratio, o.month_ratio, o.agreement_state, o.agreement_to, t.name, o.name
      FROM fund.terms t
      LEFT JOIN LATERAL (SELECT x.* FROM fund.terms x WHERE x.region = t.region AND x.institution = t.institution AND x.kind = t.kind
                            AND x.version < t.version AND x.state NOT IN ('proposed', 'refused', 'withdrawn')
                          ORDER BY x.version DESC LIMIT 1) o ON true
     WHERE t.region = %(region)s AND coalesce(t.decided_on, t.proposed_on) >= %(first)s AND coalesce(t.decided_on, t.proposed_on) < %(after)s
     ORDER BY 1, 2, 3
"""
_CHOICES: Final[LiteralString] = """
    SELECT p.key, k.title, p.from_day, p.value, coalesce((SELECT y.value FROM fund.region_policy y WHERE y.region = p.region AND y.key = p.key
               AND y.from_day < p.from_day ORDER BY y.from_day DESC LIMIT 1), ''),
           p.state, p.proposed_by, p.proposed_on, p.decided_by, p.decided_on, concat_ws('；', p.source, nullif(p.reason, ''))
      FROM fund.policy_proposal p JOIN fund.policy_key k USING (key)
     WHERE p.region = %(region)s AND coalesce(p.decided_on, p.proposed_on) >= %(first)s AND coalesce(p.decided_on, p.proposed_on) < %(after)s
     ORDER BY 1, 3, p.version
"""
# The original had left the bank before the day of its reversal.
# The reversals of a month are few; what they take back is found by its keys, one by one (OFFSET 0).
_REVERSED: Final[LiteralString] = """
    SELECT d.setl_id, d.day, d.fund, d.institution, d.init_setl_id, d.daily_fen, o.order_no, v.booking_date,
           coalesce(nullif(p.order_no, ''), nullif(p.settled_by, ''), '')
      FROM due d
     CROSS JOIN LATERAL (SELECT q.order_no FROM payments.order_payable q WHERE q.region = %(region)s AND q.setl_id = d.init_setl_id
                            AND q.fund = d.fund AND q.subfund = d.subfund OFFSET 0) q
     CROSS JOIN LATERAL (SELECT o.order_no FROM payments.pay_order o WHERE o.region = %(region)s AND o.order_no = q.order_no
                            AND o.state = 'paid' OFFSET 0) o
      JOIN LATERAL (SELECT min(v.booking_date) AS booking_date FROM payments.evidence v WHERE v.region = %(region)s AND v.matched_order = o.order_no
                       AND v.outcome = 'posted' AND v.direction = 'debit') v ON v.booking_date <= d.day
      LEFT JOIN LATERAL (SELECT p.order_no, p.settled_by FROM fund.payable p WHERE p.region = %(region)s AND p.fund = d.fund
                            AND p.setl_id = d.setl_id AND p.subfund = d.subfund OFFSET 0) p ON true
     WHERE d.init_setl_id <> '' AND d.daily_fen <> 0 ORDER BY d.day, d.setl_id
"""
_SUSPENDED: Final[LiteralString] = """
    SELECT v.account, v.kind || ':' || v.receipt_no, v.direction, v.booking_date, v.amount_fen, v.other_name, v.outcome, v.outcome_code
      FROM payments.evidence v
     WHERE v.region = %(region)s AND v.outcome IN ('suspense', 'waiting') AND v.booking_date < %(after)s ORDER BY v.booking_date, 1, 2
"""


def changes_grid(tx: Transaction, month: ControlMonth, people: Mapping[str, str]) -> Grid:
    """Changes decided in the month (or proposed and still waiting), each with both persons."""
    columns = (
        Column("what", "事项", "text", 12), Column("subject", "对象", "text", 18), Column("before", "变更前", "text", 30),
        Column("now", "变更后", "text", 30), Column("from_day", "自何日", "day", 10), Column("state", "状态", "text", 8),
        Column("proposed_by", "提出", "text", 8), Column("proposed_on", "提出日", "day", 10),
        Column("confirmed_by", "确认", "text", 8), Column("decided_on", "确认日", "day", 10), Column("why", "依据、理由", "text", 24),
    )  # fmt: skip
    lines = []
    for institution, version, now, before, state, maker, on, checker, decided, why in _asked(
        tx, _PAYEES, month
    ):
        lines.append(Line(("收款账户", f"{institution} 第{version}版", before, now, None, said("payee.state", state), maker, on,
                           checker, decided, why)))  # fmt: skip
    for row in _asked(tx, _TERMS, month):
        lines.append(_terms_line(row))
    for key, title, from_day, value, before, state, maker, on, checker, decided, why in _asked(
        tx, _CHOICES, month
    ):
        lines.append(Line(("统筹区选择", f"{title}（{key}）", before, value, from_day, said("policy.state", state), maker, on,
                           checker, decided, why)))  # fmt: skip
    by_name = [
        Line([people.get(str(cell), cell) if column.key in ("proposed_by", "confirmed_by") else cell
              for column, cell in zip(columns, line.cells, strict=True)])
        for line in lines
    ]  # fmt: skip
    return Grid(
        f"control-{month.month}-changes", "收款账户、拨付比例、政策变更", columns, by_name, facts={"changes": len(lines)}
    )  # fmt: skip


def _terms_line(row: tuple[Any, ...]) -> Line:
    (institution, kind, version, state, maker, on, checker, decided, why, from_day, mode, ratio, month_ratio,
     agreed, agreed_from, agreed_to, old_mode, old_ratio, old_month, old_agreed, old_to, name, old_name) = row  # fmt: skip
    if kind == "enrolment":
        now = f"{said('enrolment.mode', str(mode))} 日‱{ratio} 月‱{month_ratio}"
        before = "" if old_mode is None else f"{said('enrolment.mode', str(old_mode))} 日‱{old_ratio} 月‱{old_month}"  # fmt: skip
    else:
        now = f"{said('institution.state', str(agreed))} 至{agreed_to}"
        before = "" if old_agreed is None else f"{said('institution.state', str(old_agreed))} 至{old_to}"
        if name is not None and name != old_name:
            now = f"{name} {now}"
            before = before if old_name is None else f"{old_name} {before}"
        from_day = agreed_from
    return Line((said("terms.kind", str(kind)), f"{institution} 第{version}版", before, now, from_day,
                 said("terms.state", str(state)), maker, on, checker, decided, why))  # fmt: skip


def reversals_grid(tx: Transaction, month: ControlMonth) -> Grid:
    """Settlements reversed after their money had left the bank: what has to come back."""
    columns = (
        Column("setl_id", "冲销结算ID", "text", 24), Column("day", "冲销日", "day", 10), Column("fund", "险种", "text", 8),
        Column("institution", "机构", "text", 14), Column("original", "原结算ID", "text", 24),
        Column("daily_fen", "应冲回日拨付额", "money", 16), Column("order_no", "原拨付单", "text", 22),
        Column("paid_on", "付款日", "day", 10), Column("taken_by", "由何单冲回", "text", 24),
    )  # fmt: skip
    lines, total = [], 0
    for setl_id, day, fund, institution, original, fen, order_no, paid_on, taken in judged(
        tx, "WITH " + DUE + _REVERSED, **month.params(reversals=True)
    ):
        lines.append(Line((setl_id, day, FUND_NAMES[fund], institution, original, fen, order_no, paid_on, taken or "尚未冲回")))  # fmt: skip
        total += fen
    lines.append(Line(("合计", None, "", "", "", total, "", None, ""), total=True))
    return Grid(f"control-{month.month}-reversals", "付款后冲销的结算", columns, lines, facts={"reversals": len(lines) - 1})  # fmt: skip


def suspense_grid(tx: Transaction, month: ControlMonth) -> Grid:
    """Papers of the bank in suspense or waiting, with their age at the month's end."""
    columns = (
        Column("account", "账户", "text", 20), Column("receipt", "回单", "text", 26), Column("direction", "借贷", "text", 6),
        Column("booking_date", "银行日期", "day", 10), Column("days", "天数", "count", 6), Column("amount_fen", "金额", "money", 16),
        Column("other_name", "对方户名", "text", 20), Column("state", "状态", "text", 8), Column("reason", "原因", "text", 24),
    )  # fmt: skip
    end = month.after - timedelta(days=1)
    lines = [
        Line((account, evidence_named(receipt), "付" if direction == "debit" else "收", on, (end - on).days, fen, name,
              said("paper.outcome", outcome), said("paper.reason", code) or code))
        for account, receipt, direction, on, fen, name, outcome, code in _asked(tx, _SUSPENDED, month)
    ]  # fmt: skip
    lines.append(Line(("合计", "", "", None, None, sum(int(str(line.cells[5])) for line in lines), "", "", ""), total=True))  # fmt: skip
    return Grid(f"control-{month.month}-suspense", "挂账与待核回单账龄", columns, lines, facts={"in_suspense": len(lines) - 1})  # fmt: skip


def _asked(tx: Transaction, query: LiteralString, month: ControlMonth) -> list[tuple[Any, ...]]:
    return read_shown(tx, query, region=month.region, first=month.first, after=month.after)
