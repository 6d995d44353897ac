"""Alarms that stand."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import COUNT, TEXT, Schema, an_object, items, nullable

SCHEMAS: Final[dict[str, Schema]] = {
    "Alarms": an_object(
        alarms=items(
            an_object(
                key=TEXT,
                kind=TEXT,
                severity=TEXT,
                subject=TEXT,
                since=TEXT,
                detail=TEXT,
                age_seconds=nullable(COUNT),
                seen=nullable(an_object(seen_by=TEXT, reason=TEXT, recorded_at=TEXT)),
                what=TEXT,
                ask=TEXT,
                whom=items(TEXT),
            )
        )
    ),
}
