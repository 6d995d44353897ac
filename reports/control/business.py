"""(a) Business against finance by day and fund: what the records say, what the journal has, what the bank's receipts prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

from ledger.core.accounts import coded
from ledger.core.entries import FUND_NAMES
from ledger.db.unit_of_work import Transaction
from reports.control.due import DUE, ControlMonth, judged
from reports.render.grid import Column, Grid, Line

LISTED: Final = 500
"""Differences listed one by one; how many there are is always said."""

# The journal's word alone: recognitions by the day they recognise, payments by the bank's day. Up to each fund's cut.
BOOKED: Final[LiteralString] = coded("""
    booked AS (
        SELECT e.business_date AS day, e.fund, e.attachments, e.seq, d.counterparty AS institution, abs(l.account) AS account,
               CASE WHEN l.account > 0 THEN l.fen ELSE -l.fen END AS net
          FROM unnest(%(funds)s::int[], %(tips)s::bigint[]) AS w (fund, tip)
          JOIN books.entry e ON e.region = %(region)s AND e.fund = w.fund AND e.period >= %(month)s AND e.seq <= w.tip
           AND e.event IN ('REC', 'REV') AND e.business_date >= %(first)s AND e.business_date < %(after)s
         CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, fen)
          JOIN books.dim d ON d.region = e.region AND d.dim = l.dim
         WHERE abs(l.account) IN ({RECOGNISED}, {DAILY_OWED})),
    books AS (
        SELECT day, fund, institution, sum(attachments) FILTER (WHERE account = {RECOGNISED}) AS count,
               coalesce(sum(net) FILTER (WHERE account = {RECOGNISED}), 0) AS fund_fen,
               coalesce(-sum(net) FILTER (WHERE account = {DAILY_OWED}), 0) AS daily_fen
          FROM booked GROUP BY 1, 2, 3),
    business AS (SELECT day, fund, institution, sum(CASE WHEN pool_fen = 0 OR acct_fen = 0 THEN 1 ELSE 2 END) AS count,
                        sum(sign * (pool_fen + acct_fen)) AS fund_fen, sum(pool_daily) AS daily_fen
                   FROM owing GROUP BY 1, 2, 3),   -- as the rows of `due` come to, without making them
    both_sides AS (
        SELECT day, fund, institution, coalesce(u.count, 0)::bigint AS u_count, coalesce(u.fund_fen, 0)::bigint AS u_fen,
               coalesce(u.daily_fen, 0)::bigint AS u_daily, coalesce(k.count, 0)::bigint AS k_count, coalesce(k.fund_fen, 0)::bigint AS k_fen,
               coalesce(k.daily_fen, 0)::bigint AS k_daily
          FROM business u FULL JOIN books k USING (day, fund, institution))
""")
# By day, and by institution what differs: told at once, for both sides of a month are added up from each record and entry.
_BOTH: Final[LiteralString] = """
    , sides AS MATERIALIZED (SELECT * FROM both_sides)
    SELECT day, fund, NULL AS institution, sum(u_count)::bigint, sum(u_fen)::bigint, sum(u_daily)::bigint, sum(k_count)::bigint,
           sum(k_fen)::bigint, sum(k_daily)::bigint
      FROM sides GROUP BY 1, 2
     UNION ALL
    SELECT day, fund, institution, u_count, u_fen, u_daily, k_count, k_fen, k_daily FROM sides
     WHERE (u_count, u_fen, u_daily) <> (k_count, k_fen, k_daily) ORDER BY 1, 2, 3
"""
# Record by record against what intake made of it.
_PAYABLES: Final[LiteralString] = """
    SELECT coalesce(d.day, p.day), coalesce(d.fund, p.fund), coalesce(d.institution, p.institution), coalesce(d.setl_id, p.setl_id),
           coalesce(d.subfund, p.subfund), d.fund_fen, d.daily_fen, d.ratio, p.fund_fen, p.daily_fen, p.ratio, coalesce(p.recognised_by, ''),
           coalesce(d.terms_state, '')
      FROM due d
      FULL JOIN (SELECT * FROM fund.payable x WHERE x.region = %(region)s AND x.day >= %(first)s AND x.day < %(after)s
                    AND x.recognised_by NOT LIKE 'OPEN:%%') p
        ON p.fund = d.fund AND p.setl_id = d.setl_id AND p.subfund = d.subfund
     WHERE d.setl_id IS NULL OR p.setl_id IS NULL OR p.recognised_by = ''
        OR (p.fund_fen, p.daily_fen, p.ratio, p.institution, p.day) <> (d.fund_fen, d.daily_fen, d.ratio, d.institution, d.day)
     ORDER BY 1, 2, 3, 4, 5
"""
# Payments are as many as orders: their legs are laid out in the list of what is selected, at half the price of a join with each.
_RECEIPTS: Final[LiteralString] = coded("""
    WITH proven AS (
        SELECT v.booking_date AS day, o.fund, count(*) AS count,
               sum(CASE v.direction WHEN 'debit' THEN v.amount_fen ELSE -v.amount_fen END) AS fen
          FROM payments.evidence v JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
         WHERE v.region = %(region)s AND v.outcome = 'posted' AND v.booking_date >= %(first)s AND v.booking_date < %(after)s
         GROUP BY 1, 2),
    legs AS (
        SELECT e.business_date AS day, e.fund, e.seq, unnest(e.accounts) AS account, unnest(e.amounts) AS fen
          FROM unnest(%(funds)s::int[], %(tips)s::bigint[]) AS w (fund, tip)
          JOIN books.entry e ON e.region = %(region)s AND e.fund = w.fund AND e.period >= %(month)s AND e.seq <= w.tip
           AND e.event IN ('RCV', 'RTN') AND e.business_date >= %(first)s AND e.business_date < %(after)s),
    booked AS (
        SELECT day, fund, count(DISTINCT seq) AS count, -sum(CASE WHEN account > 0 THEN fen ELSE -fen END) AS fen FROM legs
         WHERE abs(account) IN ({FISCAL_DEPOSIT}, {SPENDING_DEPOSIT}) GROUP BY 1, 2)
    SELECT day, fund, coalesce(p.count, 0)::bigint, coalesce(p.fen, 0)::bigint, coalesce(b.count, 0)::bigint, coalesce(b.fen, 0)::bigint
      FROM proven p FULL JOIN booked b USING (day, fund) ORDER BY 1, 2
""")
_NAMED: Final[Mapping[str, str]] = {"pool": "统筹", "acct": "个人账户"}


def business_grids(tx: Transaction, month: ControlMonth, tips: Mapping[int, int]) -> list[Grid]:
    """By day, what differs, and receipts by day. `tips`: the last entry known of each fund's book."""
    params = month.params(funds=list(tips), tips=list(tips.values()))
    with_due = "WITH " + DUE
    both = judged(tx, with_due + "," + BOOKED + _BOTH, **params)
    return [
        _by_day(month, [(day, fund, *sides) for day, fund, institution, *sides in both if institution is None]),
        _differences(month, [row for row in both if row[2] is not None], judged(tx, with_due + _PAYABLES, **params)),
        _receipts(month, tx.rows(_RECEIPTS, **params)),
    ]  # fmt: skip


def _by_day(month: ControlMonth, rows: Sequence[tuple[Any, ...]]) -> Grid:
    columns = (
        Column("day", "结算日", "day", 10), Column("fund", "险种", "text", 8),
        Column("business_count", "业务笔数", "count", 9), Column("business_fen", "业务基金金额", "money", 16),
        Column("business_daily_fen", "业务日拨付额", "money", 16), Column("finance_count", "账面笔数", "count", 9),
        Column("finance_fen", "账面基金金额", "money", 16), Column("finance_daily_fen", "账面日拨付额", "money", 16),
        Column("difference_fen", "差额", "money", 14), Column("agrees", "相符", "text", 6),
    )  # fmt: skip
    lines, total = [], [0] * 6
    for day, fund, *figures in rows:
        sides: list[int] = figures
        lines.append(
            Line(
                (day, FUND_NAMES[fund], *sides, sides[1] - sides[4], "是" if sides[:3] == sides[3:] else "否")
            )
        )
        total = [a + b for a, b in zip(total, sides, strict=True)]
    lines.append(
        Line(
            (None, "合计", *total, total[1] - total[4], "是" if total[:3] == total[3:] else "否"), total=True
        )
    )
    notes = [
        "业务：按结算记录与结算日生效的拨付比例重新计算，不取应付明细；笔数按基金分项（统筹、个人账户）计",
        "账面：备查账9001、9101，按凭证的业务日期",
    ]
    return Grid(f"control-{month.month}-business", "业务与财务按日核对", columns, lines, notes=notes)


def _differences(
    month: ControlMonth,
    institutions: Sequence[tuple[Any, ...]],
    payables: Sequence[tuple[Any, ...]],
) -> Grid:
    columns = (
        Column("day", "结算日", "day", 10), Column("fund", "险种", "text", 8), Column("institution", "机构", "text", 16),
        Column("setl_id", "结算ID", "text", 24), Column("what", "何处不符", "text", 40),
        Column("due_fen", "按记录应为", "money", 16), Column("found_fen", "实为", "money", 16),
        Column("difference_fen", "差额", "money", 14),
    )  # fmt: skip
    lines = []
    for day, fund, institution, *figures in institutions:
        sides: list[int] = figures
        for what, place in (("账面基金金额", 1), ("账面日拨付额", 2)):
            if sides[place] != sides[place + 3] or (place == 1 and sides[0] != sides[3]):
                counted = f"（业务{sides[0]}笔，账面{sides[3]}笔）" if sides[0] != sides[3] else ""
                lines.append(Line((day, FUND_NAMES[fund], institution, "", what + counted, sides[place], sides[place + 3],
                                   sides[place] - sides[place + 3])))  # fmt: skip
    for row in payables[:LISTED]:
        lines += _of_record(row)
    notes = [f"共{len(institutions)}个机构日、{len(payables)}笔记录不符" + (f"，逐笔列前{LISTED}笔" if len(payables) > LISTED else "")]  # fmt: skip
    return Grid(f"control-{month.month}-differences", "业务与财务差异明细", columns, lines, notes=notes)


def _of_record(row: Sequence[Any]) -> list[Line]:
    day, fund, institution, setl_id, subfund, *rest = row
    due, daily, ratio, found, found_daily, found_ratio, recognised, terms = rest
    start = (day, FUND_NAMES[fund], institution, setl_id)
    part = _NAMED[str(subfund)]
    if found is None:
        return [Line((*start, f"{part}：没有应付明细", due, 0, due))]
    if due is None:
        return [Line((*start, f"{part}：应付明细没有结算记录为据", 0, found, -found))]
    lines = []
    if due != found:
        lines.append(Line((*start, f"{part}：应付明细的基金金额", due, found, due - found)))
    if daily != found_daily or ratio != found_ratio:
        unsure = "，比例为旧版本接转" if terms == "taken_over" else ""
        said = f"{part}：应付明细的日拨付额（比例万分之{found_ratio}，应为{ratio}{unsure}）"
        lines.append(Line((*start, said, daily, found_daily, daily - found_daily)))
    if recognised == "":
        lines.append(Line((*start, f"{part}：尚未入账", due, 0, due)))
    return lines or [Line((*start, f"{part}：应付明细的机构或结算日与记录不同", due, found, 0))]


def _receipts(month: ControlMonth, rows: Sequence[tuple[Any, ...]]) -> Grid:
    columns = (
        Column("day", "银行日期", "day", 10), Column("fund", "险种", "text", 8),
        Column("receipts", "回单份数", "count", 9), Column("receipts_fen", "回单金额（退汇为负）", "money", 18),
        Column("entries", "凭证张数", "count", 9), Column("entries_fen", "账面付款（退汇为负）", "money", 18),
        Column("difference_fen", "差额", "money", 14), Column("agrees", "相符", "text", 6),
    )  # fmt: skip
    lines, total = [], [0] * 4
    for day, fund, *figures in rows:
        sides: list[int] = figures
        lines.append(
            Line(
                (day, FUND_NAMES[fund], *sides, sides[1] - sides[3], "是" if sides[:2] == sides[2:] else "否")
            )
        )
        total = [a + b for a, b in zip(total, sides, strict=True)]
    lines.append(
        Line(
            (None, "合计", *total, total[1] - total[3], "是" if total[:2] == total[2:] else "否"), total=True
        )
    )
    return Grid(f"control-{month.month}-receipts", "银行回单与账面付款按日核对", columns, lines)
