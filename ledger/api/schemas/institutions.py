"""Designated institutions and what waits for a second person."""

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

SCHEMAS: Final[dict[str, Schema]] = {
    "Institutions": an_object(institutions=items(an_object(**_STANDING)), open=items(_OPEN), digest=TEXT),
    "Institution": an_object(**_STANDING, accounts=items(_ACCOUNT), open=items(_OPEN), digest=TEXT),
}
