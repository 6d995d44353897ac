"""日结算笔数突增: how many records an institution settles on a day, against the mean of its days before (procedure.md 6)."""

from __future__ import annotations

from typing import Final, LiteralString

from ledger.control.risk.rule import RiskRule
from ledger.control.risk.rules.amount import BY_DAY, EVIDENCE

_FIGURE: Final[LiteralString] = """
    SELECT f.institution, (f.records::numeric * f.days * 10000 / f.before_records)::bigint,"""
_OVER: Final[LiteralString] = """
      FROM figures f WHERE f.records::numeric * f.days * 10000 >= %(threshold)s * f.before_records::numeric
     ORDER BY f.institution COLLATE "C" """
RULE: Final = RiskRule(
    "count", "risk_count", "300", {"history": 30, "least": 20},
    BY_DAY + _FIGURE + EVIDENCE + _OVER, back="history",
)  # fmt: skip
