"""Refused lines as they are kept: sealed, shown masked, opened by a person with a reason that stands in the operator log."""

from __future__ import annotations

from pathlib import Path

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.region_keys import new_key, unseal
from ledger.db.unit_of_work import Transaction


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


def replace_key(tx: Transaction, home: Path) -> str:
    """A new key for the region, by its user administrator; its id. Older keys still open what they sealed.

    Raises Forbidden `access.role_missing`.
    """
    tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{admin}')", region=tx.region)
    made = new_key(home, tx.region)
    tx.run("SELECT fund.add_sealing_key(%(region)s, %(public)s)", region=tx.region, public=made.public)
    return made.id
