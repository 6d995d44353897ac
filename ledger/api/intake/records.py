"""The body of an intake request cut into its records, each as the bytes that came, so that one bad record is one refusal."""

from __future__ import annotations

import json
import re
from typing import Final

from ledger.api.limits import RECORDS_MAX
from ledger.api.problems import TooLarge
from ledger.core.errors import BadRequest, InvalidInput

_BOM: Final = b"\xef\xbb\xbf"
_MANY: Final = re.compile(rb'\s*\{\s*"records"\s*:')
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _text(_token: str) -> str:
    return ""


# Only finds where a record ends; NaN, repeated keys and the like are for the strict reader of each record.
_SCANNER: Final = json.JSONDecoder(parse_float=_text, parse_int=_text, parse_constant=_text)


def cut(body: bytes) -> tuple[list[bytes], bool]:
    """The records of a body, and whether it is `{"records": [...]}`; a leading BOM is passed over as in files.

    A body of one record is not looked into. Raises BadRequest `body.empty`, `body.json`, `body.encoding`; InvalidInput
    `records.empty`, `records.shape`; TooLarge `records.too_many`.
    """
    if body.startswith(_BOM):
        body = body[len(_BOM) :]
    if not body.strip():
        raise BadRequest("body.empty", "请求体是空的")
    if _MANY.match(body) is None:
        return [body], False
    try:
        return _elements(body.decode("utf-8")), True
    except UnicodeDecodeError as error:
        raise BadRequest("body.encoding", f"第{error.start + 1}个字节起不是UTF-8编码") from None
    except json.JSONDecodeError as error:
        raise BadRequest("body.json", f"第{error.pos + 1}个字符处不是完整的JSON，整个请求未处理") from None
    except RecursionError:
        raise BadRequest("body.json", "JSON嵌套过深，整个请求未处理") from None


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _expect(text: str, place: int, wanted: str) -> int:
    place = _skip(text, place)
    if text[place : place + 1] != wanted:
        raise json.JSONDecodeError("unexpected", text, place)
    return place + 1


def _elements(text: str) -> list[bytes]:
    place = _skip(text, text.index(":") + 1)
    if text[place : place + 1] != "[":
        raise InvalidInput("records.shape", "records应为数组", field="records")
    place = _skip(text, place + 1)
    if text[place : place + 1] == "]":
        raise InvalidInput("records.empty", "records是空的", field="records")
    found: list[bytes] = []
    while True:
        place = _skip(text, place)
        _, end = _SCANNER.raw_decode(text, place)
        found.append(text[place:end].encode())
        if len(found) > RECORDS_MAX:
            raise TooLarge("records.too_many", f"一次最多{RECORDS_MAX}条记录")
        place = _skip(text, end)
        if text[place : place + 1] != ",":
            break
        place += 1
    place = _expect(text, _expect(text, place, "]"), "}")
    if _skip(text, place) != len(text):
        raise json.JSONDecodeError("more", text, place)
    return found
