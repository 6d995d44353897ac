"""The rules there are, in the order they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.control.risk.rule import RiskRule
from ledger.control.risk.rules import amount, budget, count, payee, readmission, reversal

RULES: Final[Mapping[str, RiskRule]] = {
    one.RULE.code: one.RULE for one in (amount, count, readmission, budget, reversal, payee)
}
