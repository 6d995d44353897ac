"""Declaration 申报 (art. 17, interface 3203): what an institution claims of a month, after reconciliation and lists."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.core.dates import next_month
from ledger.core.errors import Conflict
from ledger.core.money import yuan
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.fund.declare.claim import Claim, ClaimRequest, Declaration, read_declaration
from ledger.fund.declare.lists import list_med_types
from ledger.fund.reconcile.details import differences, lock_line
from ledger.fund.reconcile.scope import ReconcileScope, check_scope, collect_ours

DAY_DUE: Final = 10
"""Declared by the 10th of the month after the 期号 (art. 17); a calendar day, not moved by holidays."""
MONTHS_LATE: Final = 2
"""A late declaration may slip two months at most."""
_SHOWN: Final = 20


def due_days(term: int) -> tuple[date, date]:
    """Last day on time and last day at all to declare a 期号.

    The second is two months after the first, but never past 10 February of the next year: what is not declared by
    then is out of the year's clearing (procedure.md 4).
    """
    month = next_month(date(term // 100, term % 100, 1))
    last = month
    for _ in range(MONTHS_LATE):
        last = next_month(last)
    cut_off = date(term // 100 + 1, 2, DAY_DUE)
    return month.replace(day=DAY_DUE), min(last.replace(day=DAY_DUE), cut_off)


def declare(
    tx: Transaction, scope: ReconcileScope, on: date, *, request: ClaimRequest | None = None
) -> Declaration:
    """Declare every reconciled record of `scope` that is not declared yet; late if after the 10th.

    With a `request` its totals must equal the records' sums, and the same msgid again gives the first answer.
    Raises Conflict `declare.term_not_over`, `declare.too_late`, `declare.suspended`, `declare.settled`,
    `declare.not_reconciled` (with the open differences), `declare.stale`, `declare.already`, `declare.nothing`,
    `declare.list_missing`, `declare.totals`; Forbidden `access.role_missing`; and what `check_scope` raises.
    """
    check_scope(tx, scope)
    lock_line(tx, scope)
    if request is not None and (first := _answered(tx, request)) is not None:
        return first
    late = _require_window(scope, on)
    _require_standing(tx, scope)
    run_id = _require_agreed(tx, scope)
    _require_undeclared(tx, scope, run_id)
    _require_lists(tx, on)
    claim = _our_claim(tx)
    if request is not None and request.claim != claim:
        raise _other_totals(request.claim, claim)
    declaration_id = _insert(tx, scope, run_id, claim, on, request, late=late)
    return read_declaration(tx, declaration_id)


def reconciled_in(tx: Transaction, fund: int, term: int, clr_type: str = "") -> list[ReconcileScope]:
    """Every line of a 期号 that was compared with an institution, whatever came of it: what `declare apply --all` goes through."""
    rows = tx.rows(
        "SELECT institution, clr_type FROM fund.reconciliation WHERE region = %(region)s AND fund = %(fund)s"
        " AND term = %(term)s AND %(clr_type)s IN ('', clr_type) ORDER BY institution, clr_type",
        region=tx.region,
        fund=fund,
        term=term,
        clr_type=clr_type,
    )
    return [ReconcileScope(fund, institution, term, kind) for institution, kind in rows]


def _answered(tx: Transaction, request: ClaimRequest) -> Declaration | None:
    """The answer a request with this msgid had before."""
    known: str | None = tx.value(
        "SELECT declaration_id FROM fund.declaration WHERE region = %(region)s AND msgid = %(msgid)s AND msgid <> ''",
        region=tx.region,
        msgid=request.msgid,
    )
    if known is None:
        return None
    first = read_declaration(tx, known)
    if (first.scope, first.claim) != (request.scope, request.claim):
        raise Conflict("declare.other_content", f"报文{request.msgid}已用于申报{known}，内容不同")
    return first


def _require_window(scope: ReconcileScope, on: date) -> bool:
    """Whether the declaration is late."""
    on_time, last = due_days(scope.term)
    if on <= scope.last_day:
        raise Conflict("declare.term_not_over", f"{scope.term}期尚未结束，{on}不能申报")
    if on > last:
        raise Conflict(
            "declare.too_late", f"{scope.term}期最迟{last}申报，{on}已逾期，费用由机构承担", last=str(last)
        )
    return on > on_time


def _require_standing(tx: Transaction, scope: ReconcileScope) -> None:
    if tx.value(
        "SELECT agreement_state = 'suspended' FROM fund.institution WHERE region = %(region)s AND institution = %(institution)s",
        region=tx.region,
        institution=scope.institution,
    ):
        raise Conflict("declare.suspended", f"机构{scope.institution}协议中止，不能申报")
    settled: str | None = tx.value(
        """SELECT settled_by FROM fund.settled_term WHERE region = %(region)s AND fund = %(fund)s
              AND institution = %(institution)s AND term = %(term)s""",
        region=tx.region,
        fund=scope.fund,
        institution=scope.institution,
        term=scope.term,
    )
    if settled is not None:
        raise Conflict(
            "declare.settled", f"机构{scope.institution} {scope.term}期已由{settled}结算，不能再申报"
        )


def _require_agreed(tx: Transaction, scope: ReconcileScope) -> str:
    """The comparison the line was agreed by; our records must be the same still."""
    row = tx.row(
        """SELECT state, run_id, digest FROM fund.reconciliation WHERE region = %(region)s AND fund = %(fund)s
              AND institution = %(institution)s AND term = %(term)s AND clr_type = %(clr_type)s""",
        region=tx.region,
        **scope._asdict(),
    )
    where = f"机构{scope.institution} {scope.term}期清算类别{scope.clr_type}"
    if row is None or row[0] == "open":
        raise Conflict("declare.not_reconciled", f"{where}尚未对账，不能申报")
    state, run_id, digest = row
    if state != "agreed":
        still = differences(tx, run_id, unresolved=True)
        sums = [f"中心{_sum(d.sides[:3])} 机构{_sum(d.sides[3:])}" for d in still[:_SHOWN]]
        listed = [f"{d.setl_id} {d.outcome} {both}" for d, both in zip(still, sums, strict=False)]
        told = [
            f"{d.setl_id} {said('difference.outcome', d.outcome)} {both}"
            for d, both in zip(still[:3], sums, strict=False)
        ]
        raise Conflict(
            "declare.not_reconciled",
            f"{where}对账不平，尚有{len(still)}笔差异未解决，不能申报：{'；'.join(told)}",
            run_id=run_id,
            differences=listed,
        )
    if collect_ours(tx, scope) != bytes(digest):
        raise Conflict("declare.stale", f"{where}对账之后结算记录有变化，须重新对账", run_id=run_id)
    return str(run_id)


def _sum(side: tuple[int | None, ...]) -> str:
    return "/".join("无" if fen is None else yuan(fen) for fen in side)


def _require_undeclared(tx: Transaction, scope: ReconcileScope, run_id: str) -> None:
    """Leave in `ours` what is to be declared: not declared before, not decided out."""
    dropped = tx.run(
        """DELETE FROM ours o USING fund.declared d
            WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.setl_id = o.setl_id""",
        region=tx.region,
        fund=scope.fund,
    )
    tx.run(
        """DELETE FROM ours o USING fund.difference d
            WHERE d.region = %(region)s AND d.run_id = %(run_id)s AND d.setl_id = o.setl_id AND d.decision = 'out'""",
        region=tx.region,
        run_id=run_id,
    )
    if not tx.value("SELECT count(*) FROM ours"):
        code, what = ("declare.already", "已经申报") if dropped else ("declare.nothing", "没有可申报的结算")
        raise Conflict(code, f"机构{scope.institution} {scope.term}期清算类别{scope.clr_type}{what}")


def _require_lists(tx: Transaction, on: date) -> None:
    missing = [
        setl_id
        for (setl_id,) in tx.rows(
            """SELECT o.setl_id FROM ours o
                 LEFT JOIN fund.settlement_list l ON l.region = %(region)s AND l.setl_id = o.setl_id AND l.uploaded_on <= %(on)s
                WHERE o.med_type = ANY(%(med_types)s) AND NOT o.reversal AND NOT o.reversed AND l.setl_id IS NULL
                ORDER BY o.setl_id COLLATE "C" """,
            region=tx.region,
            on=on,
            med_types=list(list_med_types()),
        )
    ]
    if missing:
        raise Conflict(
            "declare.list_missing",
            f"有{len(missing)}笔结算未上传结算清单，不能申报，如{missing[0]}",
            missing=missing[:_SHOWN],
            count=len(missing),
        )


def _our_claim(tx: Transaction) -> Claim:
    row = tx.row(
        """SELECT sum(CASE WHEN reversal THEN -1 ELSE 1 END)::bigint, sum(medfee_fen)::bigint, sum(agreed_fen)::bigint,
                  sum(fund_fen)::bigint, sum(cash_fen)::bigint, sum(acct_fen)::bigint FROM ours"""
    )
    return Claim(*row) if row else Claim(0, 0, 0, 0, 0, 0)


def _other_totals(theirs: Claim, ours: Claim) -> Conflict:
    names = ("清算人次", "医疗费总额", "医保认可费用总额", "基金申报总额", "现金支付", "个人账户支出")
    said = [
        f"{name}申报{a}、应为{b}" if name == names[0] else f"{name}申报{yuan(a)}、应为{yuan(b)}"
        for name, a, b in zip(names, theirs, ours, strict=True)
        if a != b
    ]
    return Conflict(
        "declare.totals",
        f"申报合计与结算记录不符：{'；'.join(said)}",
        theirs=dict(theirs._asdict()),
        ours=dict(ours._asdict()),
    )


def _insert(
    tx: Transaction,
    scope: ReconcileScope,
    run_id: str,
    claim: Claim,
    on: date,
    request: ClaimRequest | None,
    *,
    late: bool,
) -> str:
    before: int = tx.value(
        """SELECT count(*) FROM fund.declaration WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s
              AND term = %(term)s AND clr_type = %(clr_type)s""",
        region=tx.region,
        **scope._asdict(),
    )
    declaration_id = (
        f"CLR{tx.region}-{scope.fund}-{scope.institution}-{scope.term}-{scope.clr_type}-{before + 1}"
    )
    tx.run(
        """INSERT INTO fund.declaration (region, fund, declaration_id, institution, term, clr_type, clr_way, setlym, late, psntime,
               records, medfee_fen, med_sumfee_fen, fund_appy_fen, cash_fen, acct_fen, pool_fen, book_acct_fen, begndate, enddate,
               run_id, msgid, digest, declared_by, declared_on)
           SELECT %(region)s, %(fund)s, %(id)s, %(institution)s, %(term)s, %(clr_type)s, %(clr_way)s, %(term)s, %(late)s,
                  %(psntime)s, o.records, %(medfee_fen)s, %(med_sumfee_fen)s, %(fund_appy_fen)s, %(cash_fen)s, %(acct_fen)s,
                  p.pool, p.acct, %(begin)s, %(end)s, %(run_id)s, %(msgid)s, o.digest, %(user)s, %(on)s
             FROM (SELECT count(*) AS records, sha256(string_agg(convert_to(setl_id, 'UTF8') || content_digest, ''::bytea
                                                                 ORDER BY setl_id COLLATE "C")) AS digest FROM ours) o,
                  (SELECT coalesce(sum(p.fund_fen) FILTER (WHERE p.subfund = 'pool'), 0)::bigint AS pool,
                          coalesce(sum(p.fund_fen) FILTER (WHERE p.subfund = 'acct'), 0)::bigint AS acct
                     FROM ours JOIN fund.payable p ON p.region = %(region)s AND p.fund = %(fund)s AND p.setl_id = ours.setl_id) p""",
        region=tx.region,
        id=declaration_id,
        clr_way=request.clr_way if request else "",
        msgid=request.msgid if request else "",
        late=late,
        begin=scope.first_day,
        end=scope.last_day,
        run_id=run_id,
        user=tx.user,
        on=on,
        **scope._asdict(),
        **claim._asdict(),
    )
    tx.run(
        "INSERT INTO fund.declared SELECT %(region)s, %(fund)s, setl_id, %(id)s FROM ours",
        region=tx.region,
        fund=scope.fund,
        id=declaration_id,
    )
    return declaration_id
