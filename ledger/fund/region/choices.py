"""A region's dated choices by two persons: proposed with the document they rest on, confirmed or refused as they were shown."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.access.signing.signing import signed_text
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction


class Choice(NamedTuple):
    """One choice in force from a day on."""

    key: str
    title: str
    from_day: date
    value: str
    source: str
    set_by: str
    confirmed_by: str

    @property
    def checker(self) -> str:
        """Who confirmed it, in words: what one person alone had set before 0.3 was taken over as it was."""
        return (
            "0.2版一人设定，旧版接管"
            if self.confirmed_by.startswith("system:")
            else f"{self.confirmed_by}确认"
        )


class OpenChoice(NamedTuple):
    """One that waits for its second person."""

    key: str
    title: str
    from_day: date
    version: int
    in_force: str | None
    """What holds on that day as yet; None where nothing was ever chosen."""
    value: str
    source: str
    proposed_by: str
    proposed_on: date


class Choices(NamedTuple):
    """All of a region: what was chosen, what waits, and the digest of what waits ("" for nothing)."""

    chosen: list[Choice]
    waiting: list[OpenChoice]
    digest: str

    def as_json(self) -> dict[str, object]:
        """For machines; days as ISO text."""
        return {
            "chosen": [_plain(one._asdict()) for one in self.chosen],
            "open": [_plain(one._asdict()) for one in self.waiting],
            "digest": self.digest,
        }


def read_choices(tx: Transaction) -> Choices:
    """What the region chose and what waits, by key and day."""
    chosen = [
        Choice(*row)
        for row in tx.rows(
            """SELECT y.key, k.title, y.from_day, y.value, y.source, y.set_by, y.confirmed_by
                 FROM fund.region_policy y JOIN fund.policy_key k ON k.key = y.key
                WHERE y.region = %(region)s ORDER BY y.key COLLATE "C", y.from_day""",
            region=tx.region,
        )
    ]
    waiting = [
        OpenChoice(*row)
        for row in tx.rows(
            'SELECT * FROM fund.open_policies(%(region)s) AS o ORDER BY o.key COLLATE "C", o.from_day',
            region=tx.region,
        )
    ]
    digest = tx.value("SELECT fund.policy_digest(%(region)s)", region=tx.region) if waiting else ""
    return Choices(chosen, waiting, digest)


def propose_choice(tx: Transaction, key: str, value: str, from_day: date, source: str, day: date) -> bool:
    """Propose a choice from a day on, on business date `day`; False where it is in force or waits already.

    Raises NotFound `policy.unknown_key`; InvalidInput `policy.source_missing`, `policy.value`; Conflict `policy.same_start`;
    Forbidden `access.role_missing`.
    """
    return bool(
        tx.value(
            "SELECT fund.propose_policy(%(region)s, %(key)s, %(since)s, %(value)s, %(source)s, %(on)s)",
            region=tx.region,
            key=key,
            since=from_day,
            value=value,
            source=source,
            on=day,
        )
    )


def confirm_choices(tx: Transaction, digest: str, day: date) -> int:
    """Put in force all that waits, as checker and another person; how many.

    Raises NotFound `policy.nothing_open`; Conflict `policy.changed`; Forbidden `request.same_person`, `access.role_missing`.
    """
    signed_text(
        tx,
        "policy.confirm",
        str(tx.region),
        digest,
        day,
        "SELECT fund.policy_text(%(region)s)",
        region=tx.region,
    )
    return _decide(tx, digest, "", day)


def refuse_choices(tx: Transaction, digest: str, reason: str, day: date) -> int:
    """Refuse all that waits; raises as `confirm_choices`, and InvalidInput `policy.reason` without a reason."""
    if not reason.strip():
        raise InvalidInput("policy.reason", "退回须写明理由")
    return _decide(tx, digest, reason.strip(), day)


def _decide(tx: Transaction, digest: str, reason: str, day: date) -> int:
    return int(
        tx.value(
            "SELECT fund.decide_policies(%(region)s, %(digest)s, %(reason)s, %(on)s)",
            region=tx.region,
            digest=digest.strip().lower(),
            reason=reason,
            on=day,
        )
    )


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
