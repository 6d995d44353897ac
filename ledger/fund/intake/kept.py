"""Refused lines as they are kept: sealed, shown masked, opened by a person with a reason that stands in the operator log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.region_keys import new_key, unseal
from ledger.db.unit_of_work import Transaction

# Fields of the platform's shapes that say who somebody is; whatever else looks like a number of a person or an account.
_NAMED: Final = re.compile(
    r'("(?:psn_name|psn_no|certno|psn_cert_no|cert_no|naty|gend|brdy|tel|mob|addr|payee_name|bank_acct|psn_cert_type)"\s*:\s*)("(?:[^"\\]|\\.)*"|[0-9.]+)'
)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{11,}[0-9Xx]?(?![0-9A-Za-z])")


def open_line(tx: Transaction, home: Path, load_id: int, line: int, reason: str) -> str:
    """A refused line in clear; the caller's act logs who and why.

    Raises InvalidInput `data.reason`, NotFound `data.no_line`, `data.key_missing`; Forbidden `access.role_missing`.
    """
    if len(reason.strip()) < 4:
        raise InvalidInput("data.reason", "查看明文须写明理由（至少4个字）")
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{maker,accountant,reviewer}')", region=tx.region
    )
    raw = tx.value(
        "SELECT raw FROM fund.quarantine WHERE load_id = %(load)s AND line = %(line)s ORDER BY region DESC LIMIT 1",
        load=load_id,
        line=line,
    )
    if raw is None:
        raise NotFound("data.no_line", f"第{load_id}次接入没有隔离的第{line}行")
    return unseal(home, bytes(raw)).decode("utf-8", "replace")


def masked(text: str) -> str:
    """A line with what says who somebody is replaced by stars; of a number its last four digits stay."""
    return _NUMBER.sub(lambda m: "*" * (len(m[0]) - 4) + m[0][-4:], _NAMED.sub(r'\1"***"', text))


def replace_key(tx: Transaction, home: Path) -> str:
    """A new key for the region, by its user administrator; its id. Older keys still open what they sealed.

    Raises Forbidden `access.role_missing`.
    """
    tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{admin}')", region=tx.region)
    made = new_key(home, tx.region)
    tx.run("SELECT fund.add_sealing_key(%(region)s, %(public)s)", region=tx.region, public=made.public)
    return made.id
