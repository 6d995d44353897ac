"""Jobs and their runs."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import COUNT, TEXT, YES_NO, Schema, an_object, items, nullable

_RUN: Final = an_object(
    job=TEXT,
    slot=TEXT,
    state=TEXT,
    owner=TEXT,
    epoch=COUNT,
    message=TEXT,
    started_at=nullable(TEXT),
    ended_at=nullable(TEXT),
    lost=YES_NO,
)
SCHEMAS: Final[dict[str, Schema]] = {
    "Jobs": an_object(
        jobs=items(
            an_object(
                job=TEXT,
                title=TEXT,
                when=TEXT,
                needs=TEXT,
                deadline=TEXT,
                raises=TEXT,
                next=nullable(TEXT),
                last=nullable(_RUN),
                paused=nullable(an_object(by=TEXT, on=TEXT, reason=TEXT)),
            )
        )
    ),
    "JobRuns": an_object(runs=items(_RUN)),
}
