"""Amount tokens of a record to fen: `parse_fen` with a memory, because one record repeats its amounts."""

from __future__ import annotations

import re
from typing import Any, Final

from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen

REMEMBERED_MAX: Final = 4096
"""Tokens kept; about 100 records' worth, some 400 KB."""

TOKEN_REMEMBERED_MAX: Final = 20
"""Characters; a longer token (trailing zeros without end) is read each time, so that memory stays small."""

_COMMON: Final = re.compile(r"(?:0|[1-9][0-9]{0,13})\.[0-9]{2}", re.ASCII)
"""The usual spelling, a subset of what `parse_fen` takes: its digits without the point are the fen."""


class FenOf(dict[Any, int]):
    """Token → fen. `None` is 0; any other token is read by `parse_fen` once and remembered for a while.

    Raises what `parse_fen` raises, and TypeError for a token that is no text (true, lists).
    """

    def __init__(self) -> None:
        super().__init__({None: 0})

    def __missing__(self, token: Any) -> int:
        fen = int(token[:-3] + token[-2:]) if _COMMON.fullmatch(token) else parse_fen(token)
        if len(token) > TOKEN_REMEMBERED_MAX:
            return fen
        if len(self) >= REMEMBERED_MAX:
            self.clear()
            self[None] = 0
        self[token] = fen
        return fen


fen_of: Final = FenOf()
"""One memory per process. It never changes an answer, so sharing it is safe."""


def read_amount(token: Any, field: str) -> int:
    """One amount with its field in the refusal; raises InvalidInput `amount.*` or `record.amount_type`."""
    if not isinstance(token, str):
        raise InvalidInput("record.amount_type", "金额应为字符串或数字", field=field)
    try:
        return parse_fen(token)
    except InvalidInput as error:
        raise InvalidInput(error.code, error.message, field=field) from None
