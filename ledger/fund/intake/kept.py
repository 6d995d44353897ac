"""Refused lines as they are kept: sealed, shown masked, opened by a person with a reason that stands in the operator log."""

from __future__ import annotations

from pathlib import Path

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.region_keys import new_key, sealed_anew, unseal
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


def reseal_lines(tx: Transaction, home: Path) -> int:
    """Some of the refused lines that are sealed for an older key, sealed for the newest, by the region's user administrator; how many,
    0 when none is left. Lines that name no region are any region's.

    Raises Forbidden `access.role_missing`, NotFound `data.key_missing`, InvalidInput `seal.broken` for a line that was changed.
    """
    rows = tx.rows(
        """SELECT q.region, q.file_sha256, q.load_id, q.line, q.raw, k.public
             FROM fund.quarantine q CROSS JOIN LATERAL (
                  SELECT s.key_id, s.public FROM fund.sealing_key s WHERE s.region IN (0, q.region) ORDER BY s.region DESC, s.n DESC LIMIT 1) k
            WHERE q.region IN (0, %(region)s) AND q.raw <> '' AND encode(substring(q.raw FROM 49 FOR 8), 'hex') <> k.key_id LIMIT 500""",
        region=tx.region,
    )
    for region, file, load_id, line, raw, public in rows:
        tx.run(
            "SELECT fund.reseal_line(%(acting)s, %(region)s, %(file)s, %(load)s, %(line)s, %(was)s, %(raw)s)",
            acting=tx.region,
            region=region,
            file=file,
            load=load_id,
            line=line,
            was=raw,
            raw=sealed_anew(home, bytes(raw), bytes(public)),
        )
    return len(rows)
