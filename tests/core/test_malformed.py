"""What real parsers could not read is said in Chinese, with the place where they stopped."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Callable

import pytest

from ledger.core.malformed import why_malformed


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda: tomllib.loads("[columns\n"), "第1行第9列不合TOML格式"),
        (lambda: tomllib.loads("a = '''"), "TOML没有写完整"),
        (lambda: json.loads('{"a":\n 1,}'), "第2行第4列不合JSON格式"),
        (b"ab\xff".decode, "第3个字节起不是UTF-8编码"),
        (lambda: list(csv.reader(['"a'], strict=True)), "引号没有结束"),
        (lambda: list(csv.reader(['"a"b,c'], strict=True)), "引号之后缺少分隔符"),
    ],
)
def test_why_in_people_s_words(read: Callable[[], object], said: str) -> None:
    with pytest.raises((ValueError, csv.Error)) as stopped:
        read()
    told = why_malformed(stopped.value)
    assert told == said
    assert not re.search("[a-z]", told)
