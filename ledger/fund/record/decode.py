"""Strict JSON: numbers keep their text, NaN and repeated keys are refused. Nothing of a fen is lost to a float."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from ledger.core.errors import InvalidInput

Json = dict[str, Any]
"""A JSON object whose numbers are still text."""


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    raise AssertionError("no key is repeated")


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    """An object of distinct keys: the standard reader keeps the last of two amounts without a word."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = _first_repeated(pairs)
        raise InvalidInput(
            "record.duplicate_key",
            f"同一对象内字段“{twice[:40]}”出现两次，无法判断以何为准",
            field=twice[:40],
        )
    return found


def _no_constant(word: str) -> NoReturn:
    raise InvalidInput("amount.format", f"出现{word}：金额应为十进制数，不接受NaN与无穷", value=word)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_no_constant
)


def decode_exact(raw: bytes) -> Any:
    """UTF-8 JSON to objects, lists, strings, booleans and None; numbers come as their exact text.

    Raises InvalidInput `record.encoding`, `record.json`, `record.duplicate_key` or `amount.format` (NaN, Infinity).
    The caller limits the size.
    """
    try:
        return _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "record.encoding", f"第{error.start + 1}个字节起不是UTF-8编码", byte=error.start + 1
        ) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(
            "record.json", f"第{error.pos + 1}个字符处不是完整的JSON", character=error.pos + 1
        ) from None
    except RecursionError:
        raise InvalidInput("record.json", "JSON嵌套过深") from None
