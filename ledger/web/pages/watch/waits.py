"""What waits for a post at 工作台: how many, since when, where it is done. Who prepared a thing decides nothing on it: it waits for others."""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.stale import FILED
from ledger.web.pages.watch.quarantine import COUNT
from ledger.web.sitting import Desk


class Waits(NamedTuple):
    """Something that waits for a post: how many, since when, and where it is done."""

    roles: tuple[str, ...]
    what: str
    number: int
    oldest: date | None
    path: str


_WAITING: Final[tuple[tuple[tuple[str, ...], str, str, LiteralString], ...]] = (
    (("checker",), "拨付批次待审批", "today",
     "SELECT count(DISTINCT b.batch_id), min(b.pay_date) FROM payments.batch b JOIN payments.pay_order o ON o.region = b.region"
     " AND o.batch_id = b.batch_id WHERE b.region = %(region)s AND o.state = 'draft' AND b.prepared_by <> %(but)s"),
    (("checker", "maker"), "已审批待制盘的拨付单", "orders?state=approved",
     "SELECT count(*), min(b.pay_date) FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region"
     " AND b.batch_id = o.batch_id WHERE o.region = %(region)s AND o.state = 'approved'"),
    (("maker",), "停付的拨付单待重新制盘", "orders?state=filed", FILED),
    (("cashier",), "付款文件待发送", "files",
     "SELECT count(*), min(b.pay_date) FROM payments.bank_file f JOIN payments.batch b ON b.region = f.region"
     " AND b.batch_id = f.batch_id WHERE f.region = %(region)s AND f.state IN ('filed', 'sending', 'unknown')"),
    (("accountant",), "回单挂账待处理", "exceptions",
     "SELECT count(*), min(booking_date) FROM payments.evidence WHERE region = %(region)s AND outcome = 'suspense'"),
    (("maker", "intake"), "隔离的结算记录待更正", "quarantine", COUNT),
    (("accountant",), "隔离的银行文件待重读", "inbound",
     "SELECT count(*), min(f.received_on) FROM payments.inbound_file f WHERE f.region = %(region)s AND f.outcome = 'quarantined'"
     " AND NOT EXISTS (SELECT 1 FROM payments.read_again a WHERE a.region = f.region AND a.account = f.account"
     " AND a.sha256 = f.sha256 AND a.outcome = 'read')"),
    (("accountant",), "发送后无回单的拨付单（状态未知）", "exceptions",
     "SELECT count(*), min(sent_on) FROM payments.pay_order WHERE region = %(region)s AND state = 'unknown'"),
    (("checker",), "挂账处理待复核", "exceptions",
     "SELECT count(*), min(prepared_on) FROM payments.resolution WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"),
    (("checker",), "解除支付冻结待复核", "exceptions",
     "SELECT count(*), min(found_on) FROM payments.freezing WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s"),
    (("checker",), "送来的银行文件待复核", "exceptions",
     "SELECT count(*), min(prepared_on) FROM payments.handed_file WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"),
    (("checker",), "异地收付、对方统筹区待复核", "outregion",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM fund.outregion_move WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"
     " UNION ALL SELECT NULL::date FROM fund.outregion_counterparty WHERE region = %(region)s AND confirmed_by = '' AND proposed_by <> %(but)s) o"),
    (("checker",), "统筹区选择、节假日表、银行通道待确认", "policy",
     "SELECT count(*), min(proposed_on) FROM (SELECT proposed_on FROM fund.policy_proposal WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s"
     " UNION ALL SELECT proposed_on FROM fund.calendar_proposal WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s"
     " UNION ALL SELECT NULL::date FROM payments.bank_channel WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s) p"),
    (("checker",), "请款、利息手续费、个人付款待复核", "cash",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM fund.fund_request WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"
     " UNION ALL SELECT prepared_on FROM fund.cash_move WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"
     " UNION ALL SELECT prepared_on FROM fund.person_payment WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"
     " UNION ALL SELECT prepared_on FROM fund.person_account WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s) c"),
    (("maker",), "个人收款账户经银行退回，待更正", "exceptions",
     "SELECT count(*), min(a.failed_on) FROM fund.person_account a JOIN fund.person_payment p ON p.region = a.region"
     " AND p.payment_id = a.payment_id AND p.order_no = a.order_no LEFT JOIN payments.pay_order o ON o.region = a.region"
     " AND o.order_no = a.order_no WHERE a.region = %(region)s AND a.state IN ('failed', 'refused') AND o.state IS DISTINCT FROM 'paid'"),
    (("accountant",), "请款待登记到账", "cash",
     "SELECT count(*), min(prepared_on) FROM fund.fund_request WHERE region = %(region)s AND state = 'approved'"),
    (("checker",), "风险处置待复核", "risk",
     "SELECT count(*), min(proposed_on) FROM fund.risk_step WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s"),
    (("maker", "accountant"), "风险事项待处置", "risk?state=found",
     "SELECT count(*), min(found_on) FROM fund.risk_case c WHERE region = %(region)s AND NOT EXISTS (SELECT 1 FROM fund.risk_step s"
     " WHERE s.region = c.region AND s.case_n = c.n AND s.state <> 'refused')"),
    (("checker",), "退款待复核", "refunds",
     "SELECT count(*), min(received_on) FROM fund.refund WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"),
    (("checker",), "预付待复核", "advances",
     "SELECT count(*), min(prepared_on) FROM fund.advance WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"),
    (("checker",), "对账差异处理待确认", "reconcile",
     "SELECT count(*), NULL::date FROM fund.difference WHERE region = %(region)s AND decision <> '' AND confirmed_by = '' AND proposed_by <> %(but)s"),
    (("checker",), "其他扣款待审批", "deductions",
     "SELECT count(*), NULL::date FROM fund.other_deduction WHERE region = %(region)s AND approved_by = '' AND prepared_by <> %(but)s"),
    (("checker",), "清算方案、考核与个案待复核", "clearing",
     "SELECT count(*), NULL::date FROM (SELECT 1 FROM fund.clearing_plan WHERE region = %(region)s AND approved_by = '' AND prepared_by <> %(but)s"
     " UNION ALL SELECT 1 FROM fund.assessment WHERE region = %(region)s AND approved_by = '' AND prepared_by <> %(but)s"
     " UNION ALL SELECT 1 FROM fund.special_case WHERE region = %(region)s AND approved_by = '' AND prepared_by <> %(but)s"
     " UNION ALL SELECT 1 FROM fund.late_case WHERE region = %(region)s AND approved_by = '' AND prepared_by <> %(but)s) c"),
    (("checker", "reviewer"), "余额调节表待复核", "bank",
     "SELECT count(*), min(made_on) FROM payments.reconciliation WHERE region = %(region)s AND state = 'made' AND made_by <> %(but)s"),
    (("checker",), "对账单收回、录入待复核", "statements",
     "SELECT count(*), min(prepared_on) FROM (SELECT prepared_on FROM payments.statement_withdrawal WHERE region = %(region)s AND state = 'requested' AND prepared_by <> %(but)s"
     " UNION ALL SELECT prepared_on FROM payments.statement_file WHERE region = %(region)s AND state = 'proposed' AND prepared_by <> %(but)s) s"),
    (("chief",), "放行检查、重新开启待同意", "close",
     "SELECT count(*), min(asked_on) FROM (SELECT asked_on FROM books.closing_waiver WHERE region = %(region)s AND granted_by = '' AND asked_by <> %(but)s"
     " UNION ALL SELECT asked_on FROM books.closing WHERE region = %(region)s AND state = 'closed' AND asked_by NOT IN ('', %(but)s)) w"),
    (("checker",), "机构、比例、收款账户变更待确认", "institutions?waiting=1",
     "SELECT count(*), min(proposed_on) FROM fund.open_proposals(%(region)s, '') WHERE proposed_by <> %(but)s"),
    (("checker",), "手工凭证待复核", "drafts",
     "SELECT count(*), min(v.prepared_on) FROM books.voucher v WHERE v.region = %(region)s AND NOT EXISTS (SELECT 1 FROM"
     " books.voucher_decision d WHERE d.region = v.region AND d.fund = v.fund AND d.voucher_id = v.voucher_id) AND v.prepared_by <> %(but)s"),
    (("chief",), "结账待会计主管确认", "close",
     "SELECT count(*), min(begun_on) FROM books.closing WHERE region = %(region)s AND state = 'closing' AND digest <> '' AND begun_by <> %(but)s"),
    (("audit_admin",), "用户、角色、密钥、登录链接待确认", "users",
     "SELECT count(*), min(proposed_on) FROM access.proposal WHERE region = %(region)s AND state = 'proposed' AND proposed_by <> %(but)s"),
)  # fmt: skip
"""(posts, what, where, query); `but` is whose own are left out, nobody's where it is empty."""


def waits(desk: Desk, tx: Transaction) -> tuple[list[Waits], list[Waits]]:
    """(for the person who sits there, for others): what the person prepared waits for somebody else."""
    mine, others = [], []
    for roles, what, path, query in _WAITING:
        own = desk.can(*roles)
        [(every, oldest)] = tx.rows(query, region=tx.region, day=desk.today, but="")
        if not every:
            continue
        number, since = (
            tx.rows(query, region=tx.region, day=desk.today, but=desk.user)[0] if own else (0, None)
        )
        if number:
            mine.append(Waits(roles, what, number, since, path))
        if every > number:
            others.append(Waits(roles, what, every - number, oldest, path))
    return mine, others
