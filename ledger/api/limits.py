"""How much one request may bring."""

from __future__ import annotations

from typing import Final

RECORDS_MAX: Final = 1_000

BODY_MAX: Final = 8 * 1024 * 1024
