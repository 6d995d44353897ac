"""Cases of risk and the monitor's figures. Shares are in ten-thousandths."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import (
    COUNT,
    DAY,
    FEN,
    FREE,
    INT,
    MOMENT,
    TEXT,
    Schema,
    an_object,
    items,
    nullable,
)

_STEP: Final = an_object(
    n=COUNT,
    step=TEXT,
    document=TEXT,
    ratio=nullable(TEXT),
    from_day=nullable(DAY),
    state=TEXT,
    proposed_by=TEXT,
    proposed_on=DAY,
    decided_by=TEXT,
    decided_on=nullable(DAY),
    reason=TEXT,
)
_CASE: Final = an_object(
    case=COUNT,
    rule=TEXT,
    institution=TEXT,
    name=TEXT,
    period=TEXT,
    day=DAY,
    figure=FEN | {"description": "万分之；规则payee为分"},
    threshold=FEN | {"description": "万分之；规则payee为分"},
    terms=FREE,
    evidence=items(FREE),
    found_by=TEXT,
    found_on=DAY,
    state=TEXT,
    steps=items(_STEP),
    digest=nullable(TEXT),
)
_COUNTED: Final[dict[str, Schema]] = {
    "records": COUNT, "reversals": COUNT, "fund_fen": FEN, "payable_fen": FEN, "orders": COUNT, "order_fen": FEN, "paid": COUNT,
    "paid_fen": FEN, "failed": COUNT, "failed_fen": FEN, "within_1": COUNT, "within_2": COUNT, "within_3": COUNT, "later": COUNT,
    "days": INT, "mean_days": nullable(INT),
}  # fmt: skip
_POINT: Final = an_object(at=TEXT, records=COUNT, payable_fen=FEN, order_fen=FEN, paid_fen=FEN, failed=COUNT)
_COVERED: Final = an_object(
    fund=INT,
    institution=TEXT,
    daily_fen=FEN,
    month_fen=FEN,
    late_fen=FEN,
    offset_fen=FEN,
    instant_fen=FEN,
    settled_fen=FEN,
    share=nullable(INT),
    daily_share=nullable(INT),
    institutions=COUNT,
    instant_institutions=COUNT,
    institution_share=nullable(INT),
    goal=INT,
)
SCHEMAS: Final[dict[str, Schema]] = {
    "RiskCase": _CASE,
    "RiskCases": an_object(cases=items(_CASE)),
    "Monitor": an_object(
        day=DAY,
        counted_at=nullable(MOMENT),
        institutions=COUNT,
        daily_institutions=COUNT,
        total=an_object(**_COUNTED),
        rows=items(an_object(fund=INT, institution=TEXT, name=TEXT, **_COUNTED)),
        days=items(_POINT),
        runs=items(_POINT),
        term=nullable(INT),
        coverage=_COVERED,
        covered=items(_COVERED),
        clearing=items(
            an_object(
                fund=INT,
                year=INT,
                by=DAY,
                institutions=COUNT,
                cleared=COUNT,
                reached_on=nullable(DAY),
                days_late=INT,
                share=INT,
                share_low=INT,
                share_high=INT,
            )
        ),
    ),
}
