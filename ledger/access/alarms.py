"""Alarms as persons and partners know them: who has seen one and why it may stand; what is to be told outside, at least once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction

DUE_AT_ONCE: Final = 100
"""Notices sent in one transaction."""
FIRST_WAIT: Final = 60
MOST_WAIT: Final = 3_600
"""Seconds between two tries to send a notice: doubled each time, up to an hour; it is never given up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A person has seen an alarm and says why it may stand."""

    seen_by: str
    reason: str
    recorded_at: str


@dataclass(frozen=True, slots=True)
class AlarmNotice:
    """Something to be sent; its id is the same however often it is sent."""

    region: int
    alarm: str
    channel: str
    id: str
    content: Mapping[str, Any]
    tries: int


def seen_alarms(tx: Transaction) -> dict[str, Seen]:
    """What persons have seen, by the alarm's key."""
    return {
        alarm: Seen(*rest)
        for alarm, *rest in tx.rows(
            "SELECT alarm, seen_by, reason, recorded_at::text FROM access.alarm_seen WHERE region = %(region)s",
            region=tx.region,
        )
    }


def see_alarm(tx: Transaction, key: str, reason: str) -> None:
    """Say that this user has seen an alarm, and why it may stand.

    Raises InvalidInput `alarm.reason`, Conflict `alarm.seen`, Forbidden `alarm.role`.
    """
    said = reason.strip()
    if not 2 <= len(said) <= 200:
        raise InvalidInput("alarm.reason", "签收告警须说明理由，2至200字")
    done = tx.run(
        "INSERT INTO access.alarm_seen (region, alarm, seen_by, reason) VALUES (%(region)s, %(key)s, %(user)s, %(reason)s)"
        " ON CONFLICT DO NOTHING",
        region=tx.region,
        key=key,
        user=tx.user,
        reason=said,
    )
    if not done:
        raise Conflict("alarm.seen", "此告警已有人签收", alarm=key)


def note_alarm(tx: Transaction, key: str, content: Mapping[str, Any], channels: Sequence[str]) -> None:
    """Have an alarm told over each channel, once however often it is noted."""
    for channel in channels:
        tx.run(
            "INSERT INTO access.alarm_notice (region, alarm, channel, content) VALUES (%(region)s, %(key)s, %(channel)s, %(content)s)"
            " ON CONFLICT DO NOTHING",
            region=tx.region,
            key=key,
            channel=channel,
            content=Jsonb(dict(content)),
        )


def due_notices(tx: Transaction, channels: Sequence[str]) -> list[AlarmNotice]:
    """What is to be sent now, the oldest first, DUE_AT_ONCE at most; locked, so that two workers do not send it at once."""
    rows = tx.rows(
        "SELECT region, alarm, channel, id::text, content, tries FROM access.alarm_notice"
        " WHERE region = %(region)s AND sent_at IS NULL AND next_at <= clock_timestamp() AND channel = ANY(%(channels)s)"
        " ORDER BY made_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED",
        most=DUE_AT_ONCE,
        region=tx.region,
        channels=list(channels),
    )
    return [AlarmNotice(*row) for row in rows]


def notice_sent(tx: Transaction, notice: AlarmNotice) -> None:
    """The other side took it."""
    tx.run(
        "UPDATE access.alarm_notice SET tries = tries + 1, problem = '', sent_at = clock_timestamp()"
        " WHERE region = %(region)s AND id = %(id)s::uuid AND sent_at IS NULL",
        region=tx.region,
        id=notice.id,
    )


def notice_failed(tx: Transaction, notice: AlarmNotice, problem: str) -> None:
    """It was not taken: another try later, each time after twice as long."""
    tx.run(
        "UPDATE access.alarm_notice SET tries = tries + 1, problem = %(problem)s,"
        " next_at = clock_timestamp() + make_interval(secs => %(wait)s)"
        " WHERE region = %(region)s AND id = %(id)s::uuid AND sent_at IS NULL",
        region=tx.region,
        id=notice.id,
        problem=problem[:200],
        wait=min(FIRST_WAIT * 2 ** min(notice.tries, 10), MOST_WAIT),
    )
