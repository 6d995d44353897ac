"""An alarm's subject and detail as people read them."""

from __future__ import annotations

import re
from typing import Final

from ledger.control.alarms.standing import Alarm
from ledger.core.entries import FUND_NAMES
from ledger.core.words import said

_FAMILIES: Final = {
    "suspense": ("", "paper.reason"),
    "suspense_old": ("", "paper.reason"),
    "overdue": ("", "order.state"),
    "payee_failed": ("", "person_account.state"),
    "institution_payee": ("", "payee.state"),
    "job_failed": ("job", ""),
    "job_silent": ("job", ""),
    "findings": ("job", ""),
    "frozen": ("freeze.sign", ""),
    "risk": ("", "risk.rule"),
    "notice": ("alarm.channel", ""),
}
"""Families of words that they are codes of, by the alarm's kind."""
_OF_FUND: Final = re.compile(rf"(?<= )({'|'.join(map(str, FUND_NAMES))})/(?=[0-9]{{4}})")
"""A fund before the month or the year that is spoken of."""


def in_words(alarm: Alarm) -> tuple[str, str]:
    """Subject and detail, their codes said."""
    of_subject, of_detail = _FAMILIES.get(alarm.kind, ("", ""))
    subject = _OF_FUND.sub(lambda found: f"{FUND_NAMES[int(found[1])]} ", alarm.subject)
    return (
        said(of_subject, alarm.subject) if of_subject else subject,
        said(of_detail, alarm.detail) if of_detail else alarm.detail,
    )
