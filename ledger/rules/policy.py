"""Which of the two daily-payout policies a region follows on a day (design.md 2): dated rows of fund.region_policy."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.rules.book import POLICIES

DEFAULT = "P1"
"""Advance 暂付款, where a region has said nothing."""


def policy_on(tx: Transaction, region: int, day: date) -> str:
    """`P1` or `P2`: the latest choice dated on or before `day`, else P1.

    Raises InvalidInput `policy.unknown` if the stored word is neither.
    """
    found = tx.value(
        "SELECT value FROM fund.region_policy WHERE region = %(region)s AND key = 'daily_accounting'"
        " AND from_day <= %(day)s ORDER BY from_day DESC LIMIT 1",
        region=region,
        day=day,
    )
    return DEFAULT if found is None else _known(str(found))


def _known(policy: str) -> str:
    if policy not in POLICIES:
        raise InvalidInput(
            "policy.unknown", f"日拨付会计政策“{policy[:20]}”不存在，应为P1或P2", policy=policy[:20]
        )
    return policy


RULES_SIGNER: Final = "rules"
"""The person on record for the rules in force: who put them in force reviews what they book unasked."""
