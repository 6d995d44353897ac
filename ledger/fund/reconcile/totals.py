"""Reconciliation 对账 (art. 16): totals as interface 3201 sends them, beside ours; the state of every line of the month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.reconcile.scope import ReconcileScope, check_scope, collect_ours
from ledger.fund.record.codes import national_codes

FLAT: Final = "0"
"""stmt_rslt 平; "1" is 不平 (platform-fields.md 3.3)."""

WITHOUT_REFUNDED: Final = "0"
"""refd_setl_flag of a request: "0" leaves out what was refunded, reversal and original; "1", "" or absent counts both."""


class SideTotals(NamedTuple):
    """Count and money in fen of one side. A reversal counts −1 (platform-fields.md 2.3)."""

    records: int
    medfee_fen: int
    fund_fen: int
    acct_fen: int


@dataclass(frozen=True, slots=True)
class TotalsRequest:
    """The `data` node of 3201: what an institution says of one 险种 × 清算类别 × 经办机构 × period."""

    insutype: str
    clr_type: str
    setl_optins: str
    begin: date
    end: date
    with_refunded: bool
    totals: SideTotals


@dataclass(frozen=True, slots=True)
class TotalsResult:
    """The `stmtinfo` node of 3201 and both sides' figures."""

    total_id: str
    fund: int
    stmt_rslt: str
    ours: SideTotals
    theirs: SideTotals

    @property
    def agrees(self) -> bool:
        """Whether both sides are 平."""
        return self.stmt_rslt == FLAT

    @property
    def description(self) -> str:
        """stmt_rslt_dscr for people."""
        if self.agrees:
            return "平"
        names = ("结算笔数", "医疗费总额", "基金支付总额", "个人账户支出")
        pairs = zip(names, _told(self.ours), _told(self.theirs), strict=True)
        return "不平：" + "，".join(f"{name}中心{a}、机构{b}" for name, a, b in pairs if a != b)


def _told(side: SideTotals) -> tuple[str, ...]:
    """A side for people: how many, and yuan."""
    count, *amounts = side
    return str(count), *(f"{yuan_grouped(fen)}元" for fen in amounts)


def totals_request(data: Mapping[str, Any]) -> TotalsRequest:
    """Read the `data` node of a 3201 message; amounts come as strings or numbers, decimal only.

    JSON numbers must have been read as `int` or `Decimal`: a float is refused. Raises InvalidInput `reconcile.field`.
    """
    try:
        begin, end = parse_day(_text(data, "stmt_begndate")), parse_day(_text(data, "stmt_enddate"))
        flag = str(data.get("refd_setl_flag") or "1")
        count = _text(data, "fixmedins_setl_cnt")
        # A day with more reversals than settlements counts below zero.
        if flag not in {"0", "1"} or end < begin or not count.removeprefix("-").isdecimal():
            raise ValueError
        totals = SideTotals(
            int(count),
            *(parse_fen(_text(data, name)) for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")),
        )
        return TotalsRequest(
            _text(data, "insutype"),
            _text(data, "clr_type"),
            _text(data, "setl_optins"),
            begin,
            end,
            flag != WITHOUT_REFUNDED,
            totals,
        )
    except KeyError as missing:
        raise InvalidInput(
            "reconcile.field", f"对总账请求缺少字段{missing.args[0]}", field=missing.args[0]
        ) from None
    except ValueError:
        raise InvalidInput(
            "reconcile.field", "对总账请求的起止日期、结算笔数或refd_setl_flag不合规", field="stmt_begndate"
        ) from None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if isinstance(value, float) or value is None:
        raise KeyError(name)
    return str(value)


def compare_totals(tx: Transaction, institution: str, request: TotalsRequest, on: date) -> TotalsResult:
    """Compare an institution's totals with our records and keep both sides (3201).

    Totals over a whole 期号 that do not agree mark an open line `differs`, and sent anew and right take that back while no
    details were compared; they never make it `agreed`: equal sums may hide two differences. The same figures against the same records are answered as the first time.
    Raises InvalidInput `reconcile.insutype`, `reconcile.period`, and what `check_scope` raises.
    """
    fund = national_codes().insutype.get(request.insutype, 0)
    if not fund:
        raise InvalidInput("reconcile.insutype", f"险种{request.insutype[:20]}不属于本系统的账套")
    if (request.begin.year, request.begin.month) != (request.end.year, request.end.month):
        raise InvalidInput("reconcile.period", f"对账起止{request.begin}至{request.end}须在同一期号内")
    scope = ReconcileScope(
        fund, institution, request.begin.year * 100 + request.begin.month, request.clr_type
    )
    check_scope(tx, scope)
    digest = collect_ours(tx, scope, (request.begin, request.end), request.insutype, request.setl_optins)
    ours = our_totals(tx, with_refunded=request.with_refunded)
    result = TotalsResult(
        sha256(f"{institution}|{request}|".encode() + digest).hexdigest()[:32],
        fund,
        FLAT if ours == request.totals else "1",
        ours,
        request.totals,
    )
    _keep(tx, scope, request, result, on)
    return result


def our_totals(tx: Transaction, *, with_refunded: bool) -> SideTotals:
    """The totals of what `collect_ours` collected."""
    row = tx.row(
        """SELECT coalesce(sum(CASE WHEN reversal THEN -1 ELSE 1 END), 0)::bigint, coalesce(sum(medfee_fen), 0)::bigint,
                  coalesce(sum(fund_fen), 0)::bigint, coalesce(sum(acct_fen), 0)::bigint
             FROM ours WHERE %(all)s OR NOT (reversal OR reversed)""",
        all=with_refunded,
    )
    return SideTotals(*row) if row else SideTotals(0, 0, 0, 0)


def open_line(tx: Transaction, scope: ReconcileScope) -> None:
    """Make the line of the month, once."""
    tx.run(
        """INSERT INTO fund.reconciliation (region, fund, institution, term, clr_type, state)
           VALUES (%(region)s, %(fund)s, %(institution)s, %(term)s, %(clr_type)s, 'open') ON CONFLICT DO NOTHING""",
        region=tx.region,
        **scope._asdict(),
    )


def _keep(
    tx: Transaction, scope: ReconcileScope, request: TotalsRequest, result: TotalsResult, on: date
) -> None:
    open_line(tx, scope)
    tx.run(
        """INSERT INTO fund.reconcile_total VALUES (%(region)s, %(total_id)s, %(fund)s, %(institution)s, %(insutype)s, %(clr_type)s,
               %(optins)s, %(begin)s, %(end)s, %(flag)s, %(t0)s, %(t1)s, %(t2)s, %(t3)s, %(o0)s, %(o1)s, %(o2)s, %(o3)s,
               %(rslt)s, %(user)s, %(on)s) ON CONFLICT DO NOTHING""",
        region=tx.region,
        total_id=result.total_id,
        fund=scope.fund,
        institution=scope.institution,
        insutype=request.insutype,
        clr_type=scope.clr_type,
        optins=request.setl_optins,
        begin=request.begin,
        end=request.end,
        flag="1" if request.with_refunded else WITHOUT_REFUNDED,
        **{f"t{n}": value for n, value in enumerate(result.theirs)},
        **{f"o{n}": value for n, value in enumerate(result.ours)},
        rslt=result.stmt_rslt,
        user=tx.user,
        on=on,
    )
    if (request.begin, request.end) == (scope.first_day, scope.last_day):
        tx.run(
            """UPDATE fund.reconciliation
                  SET total_id = %(total_id)s, state = CASE WHEN state = 'open' AND %(differs)s THEN 'differs'
                      WHEN state = 'differs' AND run_id = '' AND NOT %(differs)s THEN 'open' ELSE state END
                WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s AND term = %(term)s
                  AND clr_type = %(clr_type)s""",
            region=tx.region,
            total_id=result.total_id,
            differs=not result.agrees,
            **scope._asdict(),
        )
