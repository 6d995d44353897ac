"""Call-backs 回访 about a changed payee account: who called whom, when, by which number; another person than the two who changed it."""

from __future__ import annotations

import re
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


class Callback(NamedTuple):
    """What a person says of a call to an institution."""

    number: str
    """As dialled: from the agreement's file, not from the request to change the account."""
    spoke_with: str
    called_on: date
    called_at: str
    """HH:MM."""


def record_callback(tx: Transaction, institution: str, call: Callback, day: date) -> int:
    """Record a call-back about the account in force, which ends its hold; the version of the account.

    Raises InvalidInput `callback.time`, `callback.number`, `callback.spoke_with`, `callback.day`; NotFound
    `callback.no_account`; Conflict `callback.known`; Forbidden `callback.same_person`, `access.role_missing`.
    """
    if not _TIME.fullmatch(call.called_at):
        raise InvalidInput("callback.time", f"回访时间“{call.called_at[:20]}”不合规：应为HH:MM")
    return int(
        tx.value(
            "SELECT fund.record_callback(%(region)s, %(institution)s, %(number)s, %(with)s, %(on)s, %(at)s::time, %(day)s)",
            region=tx.region,
            institution=institution,
            number=call.number,
            at=call.called_at,
            on=call.called_on,
            day=day,
            **{"with": call.spoke_with},
        )
    )
