"""Where a seal belongs: the table, the column and what the row goes by, as associated data. Laid anywhere else it does not open.

What a row goes by is what is known of it before it is written. Of files handed in and statements the number `n` of the try is not: the
database counts it; their bytes are the same for every try, so nothing is gained by laying one's in another's place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NewType

Place = NewType("Place", bytes)
"""Associated data of one seal."""

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "access.idempotency.response": ("region", "user_name", "route", "key"),
    "books.attached_file.content": ("region", "fund", "sha256"),
    "books.import_file.content": ("region", "fund", "sha256"),
    "fund.finding_evidence.content": ("region", "finding_id", "sha256"),
    "fund.letter_paper.content": ("region", "letter_id", "kind"),
    "fund.reconcile_run.content": ("region", "run_id"),
    "payments.bank_file.content": ("region", "file_id"),
    "payments.handed_file.content": ("region", "account", "sha256"),
    "payments.inbound_file.content": ("region", "account", "sha256"),
    "payments.statement_file.content": ("region", "account", "sha256"),
}
"""Every column of bytes that is sealed, and the columns its rows go by, in the order `place` takes them."""


def place(column: str, *key: object) -> Place:
    """The place of a row's `column` (`schema.table.column`), by the values of KEYS. Digests as bytes, numbers as they are."""
    if len(key) != len(KEYS[column]):
        raise ValueError(f"{column} goes by {KEYS[column]}")
    parts = [bytes(part).hex() if isinstance(part, bytes | memoryview) else str(part) for part in key]
    return Place(json.dumps([column, *parts], ensure_ascii=False).encode())


def of_statement(region: int, account: str, digest: bytes) -> Place:
    """The place of a statement's file."""
    return place("payments.statement_file.content", region, account, digest)
