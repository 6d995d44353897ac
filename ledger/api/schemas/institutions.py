"""Designated institutions, a region's choices, and what waits for a second person."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import COUNT, DAY, FREE, INT, TEXT, Schema, an_object, items, nullable

_STANDING: Final[dict[str, Schema]] = {
    "institution": TEXT,
    "name": TEXT,
    "type": TEXT,
    "level": TEXT,
    "agreement_state": TEXT,
    "agreement_from": DAY,
    "agreement_to": DAY,
    "mode": nullable(TEXT),
    "cycle": nullable(TEXT),
    "ratio": nullable(TEXT),
    "month_ratio": nullable(TEXT),
    "enrolled_from": nullable(DAY),
    "payee_name": nullable(TEXT),
    "payee_number": nullable(TEXT),
    "payee_bank": nullable(TEXT),
    "payee_cnaps": nullable(TEXT),
    "waiting": COUNT,
}
_OPEN: Final = an_object(
    institution=TEXT,
    name=TEXT,
    kind=TEXT,
    version=INT,
    in_force=nullable(FREE),
    proposed=FREE,
    from_day=nullable(DAY),
    proposed_by=TEXT,
    proposed_on=nullable(DAY),
    why=TEXT,
)
_ACCOUNT: Final = an_object(
    version=INT,
    state=TEXT,
    name=TEXT,
    number=TEXT,
    bank_name=TEXT,
    cnaps=TEXT,
    proposed_by=TEXT,
    proposed_on=nullable(DAY),
    why=TEXT,
    confirmed_by=TEXT,
    decided_on=nullable(DAY),
    ended_on=nullable(DAY),
    reason=TEXT,
)

_CHOSEN: Final = an_object(
    key=TEXT, title=TEXT, from_day=DAY, value=TEXT, source=TEXT, set_by=TEXT, confirmed_by=TEXT
)
_CHOICE: Final = an_object(
    key=TEXT,
    title=TEXT,
    from_day=DAY,
    version=INT,
    in_force=nullable(TEXT),
    value=TEXT,
    source=TEXT,
    proposed_by=TEXT,
    proposed_on=DAY,
)

_TERMS: Final = an_object(
    kind=TEXT,
    version=INT,
    state=TEXT,
    from_day=nullable(DAY),
    name=nullable(TEXT),
    type=nullable(TEXT),
    level=nullable(TEXT),
    agreement_state=nullable(TEXT),
    agreement_from=nullable(DAY),
    agreement_to=nullable(DAY),
    mode=nullable(TEXT),
    cycle=nullable(TEXT),
    ratio=nullable(TEXT),
    month_ratio=nullable(TEXT),
    correction={"type": "boolean"},
    why=TEXT,
    proposed_by=TEXT,
    proposed_on=nullable(DAY),
    confirmed_by=TEXT,
    decided_on=nullable(DAY),
    reason=TEXT,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Institutions": an_object(institutions=items(an_object(**_STANDING)), open=items(_OPEN), digest=TEXT),
    "Institution": an_object(
        **_STANDING, accounts=items(_ACCOUNT), terms=items(_TERMS), open=items(_OPEN), digest=TEXT
    ),
    "Policies": an_object(chosen=items(_CHOSEN), open=items(_CHOICE), digest=TEXT),
}
