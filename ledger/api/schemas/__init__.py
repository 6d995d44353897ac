"""JSON Schemas of what the API gives, by name. Money is a string of integer fen."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas import alarms, books, general, institutions, intake, jobs, payments, watch
from ledger.api.schemas.parts import Schema, ref

__all__ = ["SCHEMAS", "Schema", "ref"]

SCHEMAS: Final[dict[str, Schema]] = (
    alarms.SCHEMAS
    | general.SCHEMAS
    | books.SCHEMAS
    | institutions.SCHEMAS
    | intake.SCHEMAS
    | jobs.SCHEMAS
    | payments.SCHEMAS
    | watch.SCHEMAS
)
