"""(b) Payout accuracy: a sample drawn by a seed, each case followed from the record to the receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from ledger.core.accounts import coded
from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan
from ledger.core.words import evidence_named, said
from ledger.db.unit_of_work import Transaction
from reports.control.due import DUE, ControlMonth, judged
from reports.render.grid import Column, Grid, Line

TAKEN_OVER: Final = "system:0.2"
"""Who confirmed the terms of a home of 0.2: they stand as taken over, the word of one person."""
# The same cases for the same seed on every machine: drawn by digest, from what owed money by the day.
_DRAWN: Final[LiteralString] = """
    , population AS MATERIALIZED (SELECT * FROM due WHERE daily_fen <> 0),
    drawn AS (SELECT * FROM population ORDER BY sha256(convert_to(%(seed)s || ':' || setl_id, 'UTF8')), setl_id LIMIT %(cases)s)
    SELECT (SELECT count(*) FROM population), c.subfund, coalesce(c.proposed_by, ''), coalesce(c.confirmed_by, ''), c.setl_id, c.day, c.fund,
           c.institution, c.fund_fen, c.ratio, coalesce(c.version, 0), coalesce(c.proposed_by, ''), coalesce(c.confirmed_by, ''),
           coalesce(c.terms_state, ''), c.daily_fen
      FROM drawn c ORDER BY c.setl_id
"""
# What became of the few that were drawn, each found by its keys: asked together with the draw, it would be looked for among all.
_CASES: Final[LiteralString] = coded("""
    SELECT p.daily_fen, p.fund_fen,
           p.ratio, coalesce(p.settled_by, ''), o.order_no, o.state, o.amount_fen, q.daily_fen,
           (SELECT sum(x.daily_fen) FROM payments.order_payable x WHERE x.region = %(region)s AND x.order_no = o.order_no)::bigint,
           (SELECT sum(i.amount_fen) FROM payments.order_item i WHERE i.region = %(region)s AND i.order_no = o.order_no)::bigint,
           b.prepared_by, a.approved_by, a.approved_on, y.version, y.proposed_by, y.confirmed_by,
           v.kind || ':' || v.receipt_no, v.amount_fen, v.other_account = o.payee_number, v.booking_date,
           (SELECT count(*) FROM payments.evidence w WHERE w.region = %(region)s AND w.matched_order = o.order_no AND w.outcome = 'posted'
               AND w.direction = 'debit'),
           (SELECT count(*) FROM payments.evidence w WHERE w.region = %(region)s AND w.matched_order = o.order_no AND w.outcome = 'posted'
               AND w.direction = 'credit'),
           (SELECT person FROM access.app_user u WHERE u.user_name = c.proposed_by) IS DISTINCT FROM
           (SELECT person FROM access.app_user u WHERE u.user_name = c.confirmed_by)
      FROM unnest(%(ids)s::text[], %(of_funds)s::smallint[], %(subfunds)s::text[], %(proposers)s::text[], %(confirmers)s::text[])
           WITH ORDINALITY AS c (setl_id, fund, subfund, proposed_by, confirmed_by, n)
      LEFT JOIN fund.payable p ON p.region = %(region)s AND p.fund = c.fund AND p.setl_id = c.setl_id AND p.subfund = c.subfund
      LEFT JOIN LATERAL (SELECT x.* FROM payments.order_payable x JOIN payments.pay_order z ON z.region = x.region AND z.order_no = x.order_no
                          WHERE x.region = %(region)s AND x.setl_id = c.setl_id AND x.fund = c.fund AND x.subfund = c.subfund
                          ORDER BY z.state = 'paid' DESC, x.order_no = p.order_no DESC, x.order_no DESC LIMIT 1) q ON true
      LEFT JOIN payments.pay_order o ON o.region = %(region)s AND o.order_no = q.order_no
      LEFT JOIN payments.batch b ON b.region = %(region)s AND b.batch_id = o.batch_id
      LEFT JOIN payments.approval a ON a.region = %(region)s AND a.batch_id = o.batch_id
      LEFT JOIN LATERAL (SELECT y.version, y.proposed_by, y.confirmed_by FROM fund.payee_account y
                          WHERE y.region = %(region)s AND y.institution = o.institution AND y.confirmed_by <> '' AND y.state <> 'refused'
                            AND (y.name, y.number, y.cnaps) = (o.payee_name, o.payee_number, o.payee_cnaps)
                            AND coalesce(y.decided_on, '-infinity'::date) <= coalesce(a.approved_on, b.pay_date)
                            AND coalesce(y.ended_on, 'infinity'::date) >= coalesce(a.approved_on, b.pay_date)
                          ORDER BY y.version DESC LIMIT 1) y ON true
      LEFT JOIN LATERAL (SELECT v.* FROM payments.evidence v WHERE v.region = %(region)s AND v.matched_order = o.order_no
                            AND v.outcome = 'posted' AND v.direction = 'debit' ORDER BY v.kind, v.receipt_no LIMIT 1) v ON true
     ORDER BY c.n
""")


@dataclass(frozen=True, slots=True)
class Case:
    """One record with what became of it; amounts in fen, None where there is no such thing."""

    setl_id: str
    day: Any
    fund: int
    institution: str
    fund_fen: int
    ratio: int
    version: int
    proposed_by: str
    confirmed_by: str
    terms_state: str
    due_fen: int
    payable_fen: int | None
    payable_fund_fen: int | None
    payable_ratio: int | None
    settled_by: str
    order_no: str | None
    order_state: str | None
    order_fen: int | None
    ordered_fen: int | None
    payables_sum_fen: int | None
    items_sum_fen: int | None
    prepared_by: str | None
    approved_by: str | None
    approved_on: Any
    payee_version: int | None
    payee_by: str | None
    payee_confirmed_by: str | None
    receipt: str | None
    receipt_fen: int | None
    receipt_to_payee: bool | None
    receipt_on: Any
    receipts: int
    returns: int
    two_persons: bool
    wrong: list[str] = field(default_factory=list)

    @property
    def stands(self) -> str:
        """How far it is: what is not paid yet is no error."""
        if self.order_no is None:
            return f"由{self.settled_by}结清" if self.settled_by else "未拨付"
        return said("order.state", str(self.order_state)) or str(self.order_state)


@dataclass(frozen=True, slots=True)
class PayoutSample:
    """The cases drawn of a population, by a seed."""

    seed: str
    population: int
    cases: Sequence[Case]

    @property
    def errors(self) -> int:
        """Cases in which something is wrong."""
        return sum(bool(case.wrong) for case in self.cases)

    @property
    def error_rate(self) -> str:
        """Errors of the cases drawn, in percent with two decimals."""
        return f"{100 * self.errors / len(self.cases):.2f}%" if self.cases else "0.00%"


def draw(tx: Transaction, month: ControlMonth, seed: str, cases: int) -> PayoutSample:
    """`cases` payouts of the month, drawn by `seed`, each judged."""
    rows = judged(tx, "WITH " + DUE + _DRAWN, **month.params(seed=seed, cases=cases))
    became = tx.rows(
        _CASES, region=month.region, ids=[row[4] for row in rows], of_funds=[row[6] for row in rows],
        subfunds=[row[1] for row in rows], proposers=[row[2] for row in rows], confirmers=[row[3] for row in rows],
    )  # fmt: skip
    drawn = [Case(*row[4:], *further) for row, further in zip(rows, became, strict=True)]
    for case in drawn:
        case.wrong.extend(_judged(case))
    return PayoutSample(seed, rows[0][0] if rows else 0, drawn)


def _judged(case: Case) -> list[str]:
    """What is wrong with a case, step by step of its way."""
    wrong = []
    if case.version == 0:
        wrong.append("结算日没有生效的拨付比例")
    elif case.terms_state != "taken_over" and (not case.two_persons or case.confirmed_by == ""):
        wrong.append("拨付比例不是两人办理")
    if case.payable_fen is None:
        wrong.append("没有应付明细")
    else:
        if case.payable_fund_fen != case.fund_fen:
            wrong.append(
                f"应付明细的基金金额{yuan(int(case.payable_fund_fen or 0))}，按记录应为{yuan(case.fund_fen)}"
            )
        if (case.payable_fen, case.payable_ratio) != (case.due_fen, case.ratio):
            wrong.append(f"应付明细的日拨付额{yuan(case.payable_fen)}，按比例应为{yuan(case.due_fen)}")
    if case.order_no is not None:
        wrong += _judged_order(case)
    return wrong


def _judged_order(case: Case) -> list[str]:
    wrong = []
    if case.ordered_fen != case.due_fen:
        wrong.append(f"拨付单所列{yuan(int(case.ordered_fen or 0))}，应为{yuan(case.due_fen)}")
    if not case.order_fen == case.payables_sum_fen == case.items_sum_fen:
        wrong.append("拨付单金额不等于所列各笔之和")
    approved = case.order_state not in ("draft", "cancelled")
    if approved and (not case.approved_by or case.approved_by == case.prepared_by):
        wrong.append("拨付单不是两人办理")
    if approved and case.payee_version is None:
        wrong.append("收款账户不是审批日已确认的版本")
    if case.order_state in ("paid", "returned"):
        if case.receipt is None:
            wrong.append("已付妥而没有回单")
        elif case.receipt_fen != case.order_fen or not case.receipt_to_payee:
            wrong.append("回单的金额或收款账号与拨付单不同")
        if case.receipts > 1:
            wrong.append(f"有{case.receipts}份付款回单")
    elif case.receipts > case.returns:
        wrong.append("有付款回单而拨付单未付妥")
    return wrong


def sample_grid(month: ControlMonth, sample: PayoutSample, people: Mapping[str, str]) -> Grid:
    """A case a row, what is wrong in the last column. `people`: what users are called."""

    def called(*users: str | None) -> str:
        return " ".join(
            people.get(user, said("terms.state", "taken_over") if user == TAKEN_OVER else user)
            for user in users
            if user
        )

    columns = (
        Column("setl_id", "结算ID", "text", 24), Column("day", "结算日", "day", 10), Column("fund", "险种", "text", 8),
        Column("institution", "机构", "text", 14), Column("fund_fen", "基金金额", "money", 14), Column("ratio", "比例‱", "count", 6),
        Column("terms", "比例版本、提出、确认", "text", 16), Column("due_fen", "应拨付", "money", 14),
        Column("payable_fen", "应付明细", "money", 14), Column("order_no", "拨付单", "text", 22),
        Column("order_by", "制单、审批", "text", 12), Column("payee", "收款账户版本、提出、确认", "text", 16),
        Column("receipt", "回单", "text", 24), Column("receipt_on", "银行日期", "day", 10), Column("state", "状态", "text", 8),
        Column("wrong", "差错", "text", 30),
    )  # fmt: skip
    lines = [
        Line(
            (
                case.setl_id, case.day, FUND_NAMES[case.fund], case.institution, case.fund_fen, case.ratio,
                f"第{case.version}版 {called(case.proposed_by, case.confirmed_by)}", case.due_fen, case.payable_fen, case.order_no or "",
                called(case.prepared_by, case.approved_by),
                "" if case.payee_version is None else f"第{case.payee_version}版 {called(case.payee_by, case.payee_confirmed_by)}",
                evidence_named(case.receipt or ""), case.receipt_on, case.stands, "；".join(case.wrong),
            )
        )
        for case in sample.cases
    ]  # fmt: skip
    notes = [
        f"随机种子{sample.seed}：同一种子、同一数据抽到同样的记录",
        f"总体{sample.population}笔，抽取{len(sample.cases)}笔，差错{sample.errors}笔，差错率{sample.error_rate}",
    ]
    facts = {"seed": sample.seed, "population": sample.population, "cases": len(sample.cases),
             "errors": sample.errors, "error_rate": sample.error_rate}  # fmt: skip
    return Grid(f"control-{month.month}-sample", "拨付准确性抽查", columns, lines, notes=notes, facts=facts)
