"""The simulated months: hand-back by the 3rd, declarations by the 10th, findings, settlement on the 25th, payment when due."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from ledger.core.dates import period_of
from ledger.core.entries import FUNDS
from ledger.core.errors import Conflict
from ledger.fund.audit.appeal import Act, act
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.declare.declaration import declare
from ledger.fund.declare.lists import UploadedList, list_med_types, record_lists
from ledger.fund.declare.states import move
from ledger.fund.month.approve import approve_month
from ledger.fund.month.handback import hand_back
from ledger.fund.month.orders import draft_month_orders
from ledger.fund.month.other_deductions import OtherDeduction, approve_deduction, propose_deduction
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.reconcile.decisions import confirm_decisions, propose_decision
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.simulation.life.day import decide_finding, pay
from ledger.simulation.town import Decided, Town

HAND_BACK_FROM: Final = 2
FIND_ON: Final = 5
DECLARE_FROM: Final = 8
DECIDE_ON: Final = 23
SETTLE_FROM: Final = 25
PAY_FROM: Final = 26
PAY_UNTIL: Final = 8
PANEL: Final = ("qian", "li", "zhou")
_WAIT: Final = frozenset({"month.in_flight", "month.not_recognised"})


@dataclass(slots=True)
class Month:
    """A 期号 on its way."""

    term: int
    first: date
    """The first day of the month after it."""
    scopes: list[ReconcileScope]
    handed_back: bool = False
    found: bool = False
    decided: bool = False
    findings: list[str] = field(default_factory=list)
    """First results that wait for their decision."""
    unsettled: set[MonthScope] = field(default_factory=set)
    """Declared and not settled."""

    @property
    def done(self) -> bool:
        """Nothing is left to do."""
        return self.decided and not self.scopes and not self.unsettled


def close_month(town: Town, last: date) -> Month:
    """What `last`'s month has to declare: every institution, book and 清算类别 that had records."""
    term = period_of(last)
    found = sorted(
        {
            ReconcileScope(bill.fund, bill.institution.code, term, _CLR_TYPE[bill.med_type])
            for day, bill in town.bills.values()
            if period_of(day) == term and not bill.out_of_region
        }
    )
    return Month(term, last + timedelta(days=1), found)


_CLR_TYPE: Final = {"21": "21", "52": "21", "11": "11", "14": "11", "41": "41"}


def live_month(town: Town, month: Month, day: date) -> None:
    """What is due on a working day for one 期号."""
    if not month.handed_back and _reached(month, day, HAND_BACK_FROM):
        accountant = town.staff.accountant
        for fund in FUNDS:
            hand_back(accountant.engine, accountant.user, town.asked.region, fund, month.term, day)
        month.handed_back = True
    if not month.found and _reached(month, day, FIND_ON):
        _find(town, month, day)
        month.found = True
    if _reached(month, day, DECLARE_FROM):
        month.scopes = [scope for scope in month.scopes if not _declare(town, month, scope, day)]
    if not month.decided and _reached(month, day, DECIDE_ON):
        _decide(town, month, day)
        month.decided = True
    if _reached(month, day, SETTLE_FROM):
        for scope in sorted(month.unsettled):
            _settle(town, month, scope, day)


def pay_months(town: Town, day: date) -> None:
    """Month orders from the 26th to the 8th: the first time, and again what failed or came back."""
    if PAY_UNTIL < day.day < PAY_FROM:
        return
    maker = town.staff.maker
    for fund in FUNDS:
        drafted = draft_month_orders(
            maker.engine, maker.user, town.asked.region, fund, day, town.banks("maker")
        )
        for blocked in drafted.blocked:
            town.count(f"month_{blocked.reason}")
        if drafted.batch is not None:
            town.count("month_orders", len(drafted.batch.order_nos))
            pay(town, drafted.batch.batch_id, drafted.batch.digest, day)


def _reached(month: Month, day: date, number: int) -> bool:
    return day >= month.first.replace(day=number)


def _declare(town: Town, month: Month, scope: ReconcileScope, day: date) -> bool:
    """Reconcile, upload the lists, declare, accept and audit; False while the agreement is suspended.

    What is not declared in time is left to the clearing.
    """
    if scope.institution in town.suspended:
        return False
    dice = town.dice(day, f"declare {scope}")
    try:
        with town.tx("maker") as tx:
            rows = our_details(tx, scope)
            left_out = dice.choice(rows).setl_id if town.happens(dice, "difference") else ""
            theirs = [row for row in rows if row.setl_id != left_out]
            name = f"{scope.institution}-{scope.fund}-{scope.term}-{scope.clr_type}.txt"
            run = compare_details(tx, scope, DetailFile(f"{name}.zip", write_detail(theirs, name)), day)
            if left_out:
                propose_decision(tx, run.run_id, left_out, "ours", "机构漏传", day)
            lists = list_med_types()
            record_lists(
                tx,
                [
                    UploadedList(row.setl_id, f"L{row.setl_id}", day)
                    for row in rows
                    if town.bills[row.setl_id][1].med_type in lists
                ],
            )
        if left_out:
            with town.tx("checker") as tx:
                confirm_decisions(tx, run.run_id, [left_out], day)
            town.count("differences")
        with town.tx("maker") as tx:
            declaration = declare(tx, scope, day)
    except Conflict as refused:
        if refused.code != "declare.too_late":
            raise
        town.count("declared_too_late")
        town.too_late |= {row.setl_id: _service_year(town, row.setl_id) for row in rows}
        return True
    with town.tx("checker") as tx:
        for event in ("accept", "audit", "audited"):
            move(tx, declaration.declaration_id, event, day)
    town.count("declarations")
    town.count("declared_late", int(declaration.late))
    month.unsettled.add(MonthScope(scope.fund, scope.institution, scope.term))
    return True


def _service_year(town: Town, setl_id: str) -> int:
    made, bill = town.bills[setl_id]
    return (town.bills[bill.init_setl_id][0] if bill.init_setl_id else made).year


def _find(town: Town, month: Month, day: date) -> None:
    """Findings on inpatient records of the month, and other deductions."""
    dice = town.dice(day, "findings")
    for setl_id, (made, bill) in list(town.bills.items()):
        if period_of(made) != month.term or bill.med_type != "21" or bill.pooled <= 0 or bill.init_setl_id:
            continue
        if not town.happens(dice, "finding") or setl_id in town.reversed | town.audited:
            continue
        town.audited.add(setl_id)
        severity = "low" if dice.randrange(6) == 0 else "middle"
        with town.tx("maker") as tx:
            draft = FindingDraft(
                f"F{setl_id}",
                target_of(tx, setl_id),
                max(1, bill.pooled * dice.randrange(5, 60) // 100),
                severity,
                "R01",
                "超限定频次",
                "同日重复收费",
            )
            enter_finding(tx, draft, day)
        if severity == "middle":
            month.findings.append(draft.finding_id)
            if dice.randrange(3) == 0:
                with town.tx("intake") as tx:
                    act(tx, draft.finding_id, Act("appeal", day, "病情需要"))
                town.count("appeals")
        town.count("findings")
    for made_at in town.institutions:
        if town.happens(dice, "deduction"):
            _deduct(town, month, made_at.code, dice)


def _deduct(town: Town, month: Month, institution: str, dice: random.Random) -> None:
    maker, checker = town.staff.maker, town.staff.checker
    deduction = f"D{month.term}-{institution}"
    asked = OtherDeduction(
        deduction, MonthScope(FUNDS[0], institution, month.term), "现场绩效考核", dice.randrange(100, 500_00)
    )
    propose_deduction(maker.engine, maker.user, town.asked.region, asked)
    approve_deduction(checker.engine, checker.user, town.asked.region, deduction, month.first)
    town.decided.append(
        Decided("deduction", deduction, FUNDS[0], institution, "pool", 0, month.term, asked.amount_fen)
    )
    town.count("deductions")


def _decide(town: Town, month: Month, day: date) -> None:
    """First results become final or fall away; appealed ones go through review and panel."""
    for finding in month.findings:
        dice = town.dice(day, finding)
        with town.tx("checker") as tx:
            state, amount = tx.rows(
                "SELECT state, amount_fen FROM fund.finding WHERE region = %(region)s AND finding_id = %(id)s",
                region=tx.region,
                id=finding,
            )[0]
        if state == "appealed":
            amount = amount * dice.randrange(50, 101) // 100 or 1
            with town.tx("maker") as tx:
                act(tx, finding, Act("review", day, "复核病历", amount))
                act(tx, finding, Act("panel", day, "提请合议", None, PANEL))
            with town.tx("checker") as tx:
                act(tx, finding, Act("decide", day, "部分成立"))
            town.count("panels")
            decide_finding(town, finding, amount)
        else:
            event = ("accept", "lapse", "cancel")[dice.choice((0, 0, 1, 1, 1, 2))]
            _conclude(town, finding, event, amount, day)


def _conclude(town: Town, finding: str, event: str, amount: int, day: date) -> None:
    try:
        with town.tx("checker") as tx:
            act(tx, finding, Act(event, day, "期满未申诉" if event == "lapse" else "已核实"))
    except Conflict as refused:
        if refused.code != "finding.appeal_open":
            raise
        with town.tx("checker") as tx:
            act(tx, finding, Act("accept", day, "机构认可"))
    if event != "cancel":
        decide_finding(town, finding, amount)
    town.count(f"finding_{'cancelled' if event == 'cancel' else 'final'}")


def _settle(town: Town, month: Month, scope: MonthScope, day: date) -> None:
    maker, checker = town.staff.maker, town.staff.checker
    try:
        sheet = prepare(maker.engine, maker.user, town.asked.region, scope, day)
    except Conflict as refused:
        if refused.code not in _WAIT:
            raise
        town.count("settlements_waited")
        return
    approve_month(checker.engine, checker.user, town.asked.region, sheet.sheet_id, sheet.digest, day)
    month.unsettled.discard(scope)
    town.count("settlements")
