"""Why a file could not be read, in people's words: parsers of the standard library say it in English."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from typing import Final

_PLACE: Final = re.compile(r"at line (\d+), column (\d+)")
_CSV: Final = {
    "field larger": "一项过长",
    "new-line": "引号之外有换行符",
    "unexpected end": "引号没有结束",
    "expected after": "引号之后缺少分隔符",
    "NUL": "含有看不见的字符",
}


def why_malformed(error: Exception) -> str:
    """Where it stopped, and what was wrong as far as the parser's own kind of error says."""
    match error:
        case UnicodeDecodeError():
            return f"第{error.start + 1}个字节起不是UTF-8编码"
        case json.JSONDecodeError():
            return f"第{error.lineno}行第{error.colno}列不合JSON格式"
        case tomllib.TOMLDecodeError():
            place = _PLACE.search(str(error))
            return f"第{place[1]}行第{place[2]}列不合TOML格式" if place else "TOML没有写完整"
        case RecursionError():
            return "嵌套过深"
        case csv.Error():
            return next((said for word, said in _CSV.items() if word in str(error)), "引号或分隔符不合规")
        case _:
            return "不合格式"
