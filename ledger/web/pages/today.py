"""工作台: alarms first, what waits for whom, the day's payout from draft to receipt, and the day's three acts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, LiteralString, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ledger.control.alarms.standing import Moment, standing
from ledger.control.alarms.table import table
from ledger.control.alarms.words import in_words
from ledger.core.dates import machine_seconds, moment_of, parse_day
from ledger.core.words import without_commands
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.day_list import day_list
from ledger.payments.out.ask import receipt_days
from ledger.web.show import page
from ledger.web.sitting import Desk

SEERS: Final = ("admin", "reviewer", "chief", "accountant", "checker", "cashier", "maker")
"""Whose form says that an alarm was seen."""


class Waits(NamedTuple):
    """Something that waits for a post: how many, since when, and where it is done."""

    roles: tuple[str, ...]
    what: str
    number: int
    oldest: date | None
    path: str


class Step(NamedTuple):
    """A station of the day's money."""

    name: str
    orders: int
    fen: int
    path: str
    bad: bool = False
    unit: str = "单"


_WAITING: Final[tuple[tuple[tuple[str, ...], str, str, LiteralString], ...]] = (
    (("checker",), "拨付批次待审批", "today",
     "SELECT count(DISTINCT b.batch_id), min(b.pay_date) FROM payments.batch b JOIN payments.pay_order o ON o.region = b.region"
     " AND o.batch_id = b.batch_id WHERE b.region = %(region)s AND o.state = 'draft'"),
    (("checker", "maker"), "已审批待制盘的拨付单", "orders?state=approved",
     "SELECT count(*), min(b.pay_date) FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region"
     " AND b.batch_id = o.batch_id WHERE o.region = %(region)s AND o.state = 'approved'"),
    (("cashier",), "付款文件待发送", "files",
     "SELECT count(*), min(b.pay_date) FROM payments.bank_file f JOIN payments.batch b ON b.region = f.region"
     " AND b.batch_id = f.batch_id WHERE f.region = %(region)s AND f.state IN ('filed', 'sending', 'unknown')"),
    (("accountant",), "回单挂账待处理", "exceptions",
     "SELECT count(*), min(booking_date) FROM payments.evidence WHERE region = %(region)s AND outcome = 'suspense'"),
    (("accountant",), "发送后无回单的拨付单（状态未知）", "exceptions",
     "SELECT count(*), min(sent_on) FROM payments.pay_order WHERE region = %(region)s AND state = 'unknown'"),
    (("checker",), "挂账处理待复核", "exceptions",
     "SELECT count(*), min(prepared_on) FROM payments.resolution WHERE region = %(region)s AND state = 'requested'"),
    (("checker",), "解除支付冻结待复核", "exceptions",
     "SELECT count(*), min(found_on) FROM payments.freezing WHERE region = %(region)s AND state = 'proposed'"),
    (("checker",), "送来的银行文件待复核", "exceptions",
     "SELECT count(*), min(prepared_on) FROM payments.handed_file WHERE region = %(region)s AND state = 'requested'"),
    (("checker",), "异地收付、对方统筹区待复核", "outregion",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM fund.outregion_move WHERE region = %(region)s AND state = 'requested'"
     " UNION ALL SELECT NULL::date FROM fund.outregion_counterparty WHERE region = %(region)s AND confirmed_by = '') o"),
    (("checker",), "统筹区选择、节假日表、银行通道待确认", "policy",
     "SELECT count(*), min(proposed_on) FROM (SELECT proposed_on FROM fund.policy_proposal WHERE region = %(region)s AND state = 'proposed'"
     " UNION ALL SELECT proposed_on FROM fund.calendar_proposal WHERE region = %(region)s AND state = 'proposed'"
     " UNION ALL SELECT NULL::date FROM payments.bank_channel WHERE region = %(region)s AND state = 'proposed') p"),
    (("checker",), "请款、利息手续费、个人付款待复核", "cash",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM fund.fund_request WHERE region = %(region)s AND state = 'requested'"
     " UNION ALL SELECT prepared_on FROM fund.cash_move WHERE region = %(region)s AND state = 'requested'"
     " UNION ALL SELECT prepared_on FROM fund.person_payment WHERE region = %(region)s AND state = 'requested'"
     " UNION ALL SELECT prepared_on FROM fund.person_account WHERE region = %(region)s AND state = 'requested') c"),
    (("maker",), "个人收款账户经银行退回，待更正", "exceptions",
     "SELECT count(*), min(a.failed_on) FROM fund.person_account a JOIN fund.person_payment p ON p.region = a.region"
     " AND p.payment_id = a.payment_id AND p.order_no = a.order_no LEFT JOIN payments.pay_order o ON o.region = a.region"
     " AND o.order_no = a.order_no WHERE a.region = %(region)s AND a.state IN ('failed', 'refused') AND o.state IS DISTINCT FROM 'paid'"),
    (("accountant",), "请款待登记到账", "cash",
     "SELECT count(*), min(prepared_on) FROM fund.fund_request WHERE region = %(region)s AND state = 'approved'"),
    (("checker",), "风险处置待复核", "risk",
     "SELECT count(*), min(proposed_on) FROM fund.risk_step WHERE region = %(region)s AND state = 'proposed'"),
    (("maker", "accountant"), "风险事项待处置", "risk?state=found",
     "SELECT count(*), min(found_on) FROM fund.risk_case c WHERE region = %(region)s AND NOT EXISTS (SELECT 1 FROM fund.risk_step s"
     " WHERE s.region = c.region AND s.case_n = c.n AND s.state <> 'refused')"),
    (("checker",), "退款待复核", "refunds",
     "SELECT count(*), min(received_on) FROM fund.refund WHERE region = %(region)s AND state = 'requested'"),
    (("checker",), "预付待复核", "advances",
     "SELECT count(*), min(prepared_on) FROM fund.advance WHERE region = %(region)s AND state = 'requested'"),
    (("checker",), "对账差异处理待确认", "reconcile",
     "SELECT count(*), NULL::date FROM fund.difference WHERE region = %(region)s AND decision <> '' AND confirmed_by = ''"),
    (("checker",), "其他扣款待审批", "deductions",
     "SELECT count(*), NULL::date FROM fund.other_deduction WHERE region = %(region)s AND approved_by = ''"),
    (("checker",), "清算方案、考核与个案待复核", "clearing",
     "SELECT count(*), NULL::date FROM (SELECT 1 FROM fund.clearing_plan WHERE region = %(region)s AND approved_by = ''"
     " UNION ALL SELECT 1 FROM fund.assessment WHERE region = %(region)s AND approved_by = ''"
     " UNION ALL SELECT 1 FROM fund.special_case WHERE region = %(region)s AND approved_by = ''"
     " UNION ALL SELECT 1 FROM fund.late_case WHERE region = %(region)s AND approved_by = '') c"),
    (("checker", "chief"), "余额调节表待复核", "bank",
     "SELECT count(*), min(made_on) FROM payments.reconciliation WHERE region = %(region)s AND state = 'made'"),
    (("checker",), "对账单收回、录入待复核", "statements",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM payments.statement_withdrawal WHERE region = %(region)s AND state = 'requested'"
     " UNION ALL SELECT prepared_on FROM payments.statement_file WHERE region = %(region)s AND state = 'proposed') s"),
    (("chief",), "放行检查、重新开启待同意", "close",
     "SELECT count(*), min(asked_on) FROM (SELECT asked_on FROM books.closing_waiver WHERE region = %(region)s AND granted_by = ''"
     " UNION ALL SELECT asked_on FROM books.closing WHERE region = %(region)s AND state = 'closed' AND asked_by <> '') w"),
    (("checker",), "机构、比例、收款账户变更待确认", "institutions?waiting=1",
     "SELECT count(*), min(proposed_on) FROM fund.open_proposals(%(region)s, '')"),
    (("checker", "accountant"), "手工凭证待复核", "drafts",
     "SELECT count(*), min(v.prepared_on) FROM books.voucher v WHERE v.region = %(region)s AND NOT EXISTS (SELECT 1 FROM"
     " books.voucher_decision d WHERE d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id)"),
    (("chief",), "结账待会计主管确认", "close",
     "SELECT count(*), min(begun_on) FROM books.closing WHERE region = %(region)s AND state = 'closing' AND digest <> ''"),
    (("audit_admin",), "用户、角色、密钥、登录链接待确认", "users",
     "SELECT count(*), min(proposed_on) FROM access.proposal WHERE region = %(region)s AND state = 'proposed'"),
)  # fmt: skip
_STATIONS: Final = (
    ("制单", ("draft",), False), ("已审批", ("approved",), False), ("已制盘", ("filed",), False),
    ("已发送", ("sending", "sent", "accepted"), False), ("未知", ("unknown",), True), ("已付妥", ("paid",), False),
    ("拒绝、退汇", ("rejected", "returned"), True),
)  # fmt: skip


def today(desk: Desk, _request: Request) -> Response:
    """What there is to do now."""
    day = parse_day(desk.query["day"]) if desk.query.get("day") else desk.today
    with desk.tx() as tx:
        moment = Moment(moment_of(desk.house.settings.clock()), machine_seconds())
        alarms = [(one, table()[one.kind], *in_words(one)) for one in standing(tx, moment)]
        waits = _waits(tx)
        flow = _flow(tx, day, desk.region)
        clocks = _clocks(tx, desk.today)
        found = (
            day_list(tx, day) if desk.can("checker", "maker", "cashier", "reviewer", "accountant") else None
        )
    mine = [one for one in waits if desk.can(*one.roles)]
    return page(
        desk, "today.html", title="工作台", day=day, alarms=alarms, mine=mine,
        others=[one for one in waits if one not in mine], flow=flow, clocks=clocks, found=found,
        most=max([one.fen for one in flow] + [1]), sees=desk.can(*SEERS), without_commands=without_commands,
    )  # fmt: skip


def _waits(tx: Transaction) -> list[Waits]:
    found = []
    for roles, what, path, query in _WAITING:
        [(count, oldest)] = tx.rows(query, region=tx.region)
        if count:
            found.append(Waits(roles, what, count, oldest, path))
    return found


def _flow(tx: Transaction, day: date, region: int) -> list[Step]:
    """The day's orders by where they are, and what was held back, in fen."""
    sums = {
        state: (count, fen)
        for state, count, fen in tx.rows(
            "SELECT o.state, count(*), sum(o.amount_fen)::bigint FROM payments.pay_order o JOIN payments.batch b"
            " ON b.region = o.region AND b.batch_id = o.batch_id WHERE o.region = %(region)s AND b.pay_date = %(day)s GROUP BY 1",
            region=region,
            day=day,
        )
    }
    steps = []
    for name, states, bad in _STATIONS:
        there = [sums[state] for state in states if state in sums]
        state = states[0] if len(states) == 1 else ""
        path = f"orders?date={day}" + (f"&state={state}" if state else "")
        steps.append(Step(name, sum(n for n, _ in there), sum(fen for _, fen in there), path, bad))
    [(blocked, blocked_fen)] = tx.rows(
        "SELECT count(*), coalesce(sum(k.amount_fen), 0)::bigint FROM payments.blocked k WHERE k.region = %(region)s"
        " AND k.pay_date = %(day)s AND k.run = (SELECT max(r.run) FROM payments.daily_run r WHERE r.region = k.region"
        " AND r.fund = k.fund AND r.pay_date = k.pay_date)",
        region=region,
        day=day,
    )
    # an order that pays again what came back on a former day is of this day; one that pays again an order of the day is that order
    [(records, owed)] = tx.rows(
        "SELECT count(DISTINCT p.setl_id), coalesce(sum(p.daily_fen), 0)::bigint FROM payments.order_payable p"
        " JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no"
        " JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
        " WHERE p.region = %(region)s AND b.pay_date = %(day)s AND NOT EXISTS (SELECT FROM payments.pay_order w"
        " JOIN payments.batch was USING (region, batch_id)"
        " WHERE w.region = o.region AND w.order_no = o.replaces AND was.pay_date = b.pay_date)",
        region=region,
        day=day,
    )
    # what an institution got refused or given back on the day is in its orders and, drafted again, held back: it is owed once
    [(again,)] = tx.rows(
        """WITH back AS (
               SELECT o.fund, o.institution, sum(o.amount_fen) AS fen FROM payments.pay_order o
                 JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                 JOIN payments.state s ON s.state = o.state AND s.releases
                WHERE o.region = %(region)s AND b.pay_date = %(day)s AND NOT EXISTS (
                      SELECT FROM payments.pay_order w JOIN payments.batch was USING (region, batch_id)
                       WHERE w.region = o.region AND w.order_no = o.replaces AND was.pay_date = b.pay_date) GROUP BY 1, 2),
           held AS (
               SELECT k.fund, k.institution, sum(k.amount_fen) AS fen FROM payments.blocked k
                WHERE k.region = %(region)s AND k.pay_date = %(day)s AND k.run = (SELECT max(r.run) FROM payments.daily_run r
                      WHERE r.region = k.region AND r.fund = k.fund AND r.pay_date = k.pay_date) GROUP BY 1, 2)
           SELECT coalesce(sum(greatest(least(b.fen, h.fen), 0)), 0)::bigint FROM back b
             JOIN held h ON h.fund = b.fund AND h.institution = b.institution""",
        region=region,
        day=day,
    )
    owed += blocked_fen - again
    first = Step("结算记录应拨", records, owed, f"control?day={day}", unit="笔已制单")
    return [first, *steps, Step("受阻未拨", blocked, blocked_fen, f"blocked?date={day}", bad=True)]


def _clocks(tx: Transaction, on: date) -> list[tuple[date, date, int, int, bool]]:
    """(sent on, receipt due by, orders, fen, late) of what the bank has not answered for."""
    days = receipt_days(tx, on)
    return [
        (sent, sent + timedelta(days=days), count, fen, sent + timedelta(days=days) < on)
        for sent, count, fen in tx.rows(
            "SELECT sent_on, count(*), sum(amount_fen)::bigint FROM payments.pay_order WHERE region = %(region)s"
            " AND state IN ('sending', 'sent', 'accepted', 'unknown') AND sent_on IS NOT NULL GROUP BY 1 ORDER BY 1",
            region=tx.region,
        )
    ]
