"""`verify`: every promise checked anew from the rows, as the auditor, in one snapshot, without the writer's functions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ledger.books.anchors import Anchor, read_anchors
from ledger.control.breach import Breach
from ledger.control.checks.days import check_days
from ledger.control.checks.fund.calendar import check_calendar
from ledger.control.checks.fund.conservation import check_conservation
from ledger.control.checks.fund.control_reports import check_control_reports
from ledger.control.checks.fund.cutover import check_cutover
from ledger.control.checks.fund.declarations import check_declarations
from ledger.control.checks.fund.deductions import check_deductions
from ledger.control.checks.fund.handbacks import check_handbacks
from ledger.control.checks.fund.layers import check_layers
from ledger.control.checks.fund.loads import check_loads
from ledger.control.checks.fund.outregion import check_outregion
from ledger.control.checks.fund.papers import check_papers
from ledger.control.checks.fund.payables import check_payables
from ledger.control.checks.fund.recognition import check_recognition
from ledger.control.checks.fund.removals import check_removals
from ledger.control.checks.fund.risk import check_risk
from ledger.control.checks.fund.settlements import check_settlements
from ledger.control.checks.fund.terms import check_terms
from ledger.control.checks.fund.ties import check_ties
from ledger.control.checks.guards import check_guards
from ledger.control.checks.house.decided import check_decided
from ledger.control.checks.house.entrances import check_entrances
from ledger.control.checks.house.log_ins import check_log_ins
from ledger.control.checks.house.orphans import check_orphans
from ledger.control.checks.house.runs import check_runs
from ledger.control.checks.house.shipped import check_house
from ledger.control.checks.house.traces import check_traces
from ledger.control.checks.journal.accounts import check_accounts
from ledger.control.checks.journal.anchors import check_anchors
from ledger.control.checks.journal.balances import check_balances
from ledger.control.checks.journal.chain import check_chain
from ledger.control.checks.journal.closings import check_closings
from ledger.control.checks.journal.corrections import check_corrections
from ledger.control.checks.journal.dimensions import check_dimensions
from ledger.control.checks.journal.entered import check_entered
from ledger.control.checks.journal.forms import check_forms
from ledger.control.checks.journal.links import check_links
from ledger.control.checks.journal.numbering import check_numbering
from ledger.control.checks.journal.search import check_search
from ledger.control.checks.journal.signers import check_signers
from ledger.control.checks.journal.sources import check_sources
from ledger.control.checks.journal.sub_accounts import check_chart
from ledger.control.checks.journal.vouchers import check_vouchers
from ledger.control.checks.payments.bank_words import check_bank_words
from ledger.control.checks.payments.debited import check_debited
from ledger.control.checks.payments.evidence import check_evidence
from ledger.control.checks.payments.files import check_files
from ledger.control.checks.payments.freezes import check_freezes
from ledger.control.checks.payments.limits import check_limits
from ledger.control.checks.payments.names import check_names
from ledger.control.checks.payments.orders import check_orders
from ledger.control.checks.payments.owed import check_owed
from ledger.control.checks.payments.rendered import check_rendered
from ledger.control.checks.payments.statements import check_statements
from ledger.control.checks.payments.suspense import check_suspense
from ledger.control.checks.payments.unbooked import check_unbooked
from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import Snapshot, open_snapshot
from ledger.control.sums import sum_lines
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.db.connections import Engine

Check = Callable[[Snapshot], Iterator[Breach]]
Progress = Callable[[str], None]

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("凭证与区块", check_chain),
    ("账链", check_links),
    ("锚定", check_anchors),
    ("辅助核算", check_dimensions),
    ("科目", check_accounts),
    ("科目表与增设的明细", check_chart),
    ("凭证号与期间", check_numbering),
    ("结账与结转", check_closings),
    ("业务键", check_sources),
    ("余额", check_balances),
    ("凭证检索", check_search),
    ("报表项目与结转", check_forms),
    ("制单复核", check_signers),
    ("结算记录与应付", check_recognition),
    ("接入文件与未拨付清单", check_loads),
    ("应付与结算记录", check_payables),
    ("拨付比例、协议与两人办理", check_terms),
    ("一单式各方分担", check_layers),
    ("拨付单与审批", check_orders),
    ("限额与暂缓", check_limits),
    ("应付净额", check_owed),
    ("支付冻结", check_freezes),
    ("回单", check_evidence),
    ("银行原文", check_bank_words),
    ("退回重付与对账单", check_debited),
    ("挂账回单", check_suspense),
    ("银行文件", check_files),
    ("付款文件与拨付单", check_rendered),
    ("对账单与余额调节表", check_statements),
    ("对账单上的拨付单", check_unbooked),
    ("户名与开户行", check_names),
    ("日拨付回传", check_handbacks),
    ("申报状态", check_declarations),
    ("月结单与确认书", check_settlements),
    ("扣款结转", check_deductions),
    ("退款、收支与异地单据", check_papers),
    ("手工凭证", check_vouchers),
    ("更正、手工凭证的科目与回单、银行存款", check_corrections),
    ("附件、导入文件与定期凭证", check_entered),
    ("接转期初", check_cutover),
    ("业财一致", check_ties),
    ("异地就医", check_outregion),
    ("基金平衡", check_conservation),
    ("节假日表", check_calendar),
    ("内控报告", check_control_reports),
    ("风险事项", check_risk),
    ("到期清除", check_removals),
    ("本人签名", check_signatures),
    ("办理日期", check_days),
    ("上级记录", check_orphans),
    ("定时任务", check_runs),
    ("登录与操作日志", check_log_ins),
    ("防线", check_guards),
    ("数据库结构与权限", check_house),
    ("服务器的入口", check_entrances),
    ("留痕", check_traces),
    ("两人办理与留痕", check_decided),
)
"""Every check with the name shown while it runs, in the order they run."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What one verification found and how much it read. `waiting` counts named lines that are no breaches."""

    breaches: list[Breach]
    waiting: dict[str, int]
    entries: int
    lines: int
    seconds: float


class Resum(NamedTuple):
    """Lines added up from the journal; `debit` and `credit` in fen over all books."""

    lines: int
    debit: int
    credit: int


def verify(engine: Engine, home: Path, *, progress: Progress | None = None) -> list[Breach]:
    """Every breach, [] when every promise holds. `engine` is the auditor's; `home` holds the anchors."""
    return examine(engine, home, progress=progress).breaches


def examine(engine: Engine, home: Path, *, progress: Progress | None = None) -> Verification:
    """Run every check in one snapshot; `progress` hears each check's name before it runs."""
    started = time.monotonic()
    # before the snapshot: an anchor written while we read would speak of a block we cannot see
    anchors, breaches = _anchors(home)
    with open_snapshot(engine, home, anchors) as snapshot:
        for name, check in CHECKS:
            if progress is not None:
                progress(name)
            snapshot.checking = name
            breaches += check(snapshot)
        breaches += snapshot.without_key()  # last, so that nobody overlooks it
        return Verification(
            breaches, snapshot.waiting, snapshot.entries, snapshot.lines, time.monotonic() - started
        )


def resum(engine: Engine) -> Resum:
    """Add up every line of every book by account and dimension, as the check of balances does: for measuring."""
    with open_snapshot(engine, Path(), []) as snapshot:
        counted = debit = credit = 0
        for region, fund, period in snapshot.rows(
            "SELECT region, fund, period FROM books.period ORDER BY 1, 2, 3"
        ):
            for (account, _), (lines, fen) in sum_lines(snapshot, Book(region, fund), period).items():
                counted += lines
                if account > 0:
                    debit += fen
                else:
                    credit += fen
        return Resum(counted, debit, credit)


def _anchors(home: Path) -> tuple[list[Anchor], list[Breach]]:
    try:
        return read_anchors(home), []
    except InvalidInput as damaged:
        return [], [Breach("INV-12", "", "anchors", damaged.message)]
