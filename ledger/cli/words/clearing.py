"""What `fundledger clear` shows: every answer for machines (money in fen as text) and for people."""

from __future__ import annotations

from typing import Any

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.fund.clearing.orders import CLEARING_BLOCK_REASONS, ClearingOrders
from ledger.fund.clearing.plan import ClearingPlan
from ledger.fund.clearing.scope import PARTS, ROWS
from ledger.fund.clearing.store import STATE_NAMES, Letter
from ledger.fund.clearing.targets import YearFigures
from ledger.fund.ordering.draft import refusal_words, refused_json


def letter_json(letter: Letter) -> dict[str, Any]:
    """A letter for machines; money in fen as text."""
    return {
        "letter": letter.letter_id,
        "fund": letter.scope.fund,
        "institution": letter.scope.institution,
        "year": letter.scope.year,
        "period": letter.scope.period,
        "state": letter.state,
        "grade": letter.grade,
        "rows": {str(row): str(fen) for row, fen in letter.rows.items()},
        "parts": {part: {str(row): str(letter.parts[row, part]) for row in ROWS} for part in PARTS},
        "digest": letter.digest.hex(),
        "source_key": letter.source_key,
        "order_no": letter.order_no,
        "cleared_on": letter.cleared_on.isoformat() if letter.cleared_on else "",
    }


def letter_words(letter: Letter) -> list[str]:
    """A letter for people."""
    lines = [f"{letter.letter_id}：{STATE_NAMES[letter.state]}，摘要{letter.digest.hex()}"]
    for row, title in ROWS.items():
        if row == 4:
            lines.append(f"  3 年度考核等级：{letter.grade or '—'}")
        lines.append(f"  {row} {title}：{yuan_grouped(letter.rows[row])}元")
    return lines


def plan_json(plan: ClearingPlan) -> dict[str, Any]:
    """A plan for machines."""
    return {
        "fund": plan.fund,
        "year": plan.year,
        "document": plan.document,
        "digest": plan.digest.hex(),
        "approved_by": plan.approved_by,
        "budgets": [
            {"class": b.institution_class, "amount_fen": str(b.amount_fen), "reserve_fen": str(b.reserve_fen)}
            for b in plan.budgets
        ],
        "standards_fen": {code: str(fen) for code, fen in plan.standards.items()},
    }


def plan_words(plan: ClearingPlan) -> list[str]:
    """A plan for people."""
    state = f"{plan.approved_by}已复核" if plan.approved_by else f"待另一人复核，摘要{plan.digest.hex()}"
    return [
        f"{plan.year}年度清算方案（{plan.document}）：{state}",
        *(
            f"  类别{b.institution_class}：预算{yuan_grouped(b.amount_fen)}元，特例单议预留{yuan_grouped(b.reserve_fen)}元"
            for b in plan.budgets
        ),
        *(f"  {code}核定{yuan_grouped(fen)}元" for code, fen in plan.standards.items()),
    ]


def orders_json(made: ClearingOrders) -> dict[str, Any]:
    """What a drafting made, for machines."""
    batch = made.batch
    return {
        "fund": made.fund,
        "date": made.pay_date.isoformat(),
        "batch": batch.batch_id if batch else "",
        "digest": batch.digest.hex() if batch else "",
        "total_fen": str(batch.total_fen if batch else 0),
        "orders": dict(zip(made.letters, batch.order_nos if batch else (), strict=True)),
        "blocked": [{"letter": b.key, **refused_json(b)} for b in made.blocked],
    }


def orders_words(made: ClearingOrders) -> list[str]:
    """What a drafting made, for people."""
    lines = []
    if made.batch:
        batch = made.batch
        lines.append(
            f"批次{batch.batch_id}：{len(batch.order_nos)}单，{yuan_grouped(batch.total_fen)}元，待另一人审批（摘要{batch.digest.hex()[:16]}）"
        )
    return lines + [f"  未拨付 {b.key} {refusal_words(b, CLEARING_BLOCK_REASONS)}" for b in made.blocked]


def target_json(found: YearFigures) -> dict[str, Any]:
    """The two figures and their distance, for machines."""
    return {
        "fund": found.fund,
        "year": found.year,
        "institutions": found.institutions,
        "cleared": found.cleared,
        "reached_on": found.reached_on.isoformat() if found.reached_on else "",
        "target_by": found.target.by.isoformat(),
        "days_late": found.days_late,
        "clearing_fen": str(found.clearing_fen),
        "payments_fen": str(found.payments_fen),
        "share": _ratio(found.share_ratio),
        "target_share": [_ratio(found.target.share_low), _ratio(found.target.share_high)],
        "share_over": _ratio(found.share_over),
        "source": found.target.source,
    }


def target_words(found: YearFigures) -> str:
    """The two figures and their distance, for people."""
    reached = f"{found.reached_on}完成" if found.reached_on else f"已清{found.cleared}/{found.institutions}家"
    return (
        f"{FUND_NAMES[found.fund]}{found.year}年度：{reached}，目标{found.target.by}，距目标{found.days_late:+d}天；"
        f"清算资金占比{_ratio(found.share_ratio)}，目标{_ratio(found.target.share_high)}左右，距目标{_ratio(found.share_over)}"
    )


def _ratio(ten_thousandths: int) -> str:
    sign = "-" if ten_thousandths < 0 else ""
    return f"{sign}{abs(ten_thousandths) // 10_000}.{abs(ten_thousandths) % 10_000:04d}"
