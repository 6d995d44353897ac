"""Every code this program can refuse with: its kinds, a sentence, and the rule behind it. One registry, a file a noun.

The sentence says what the code means anywhere; the refusal itself says it with the values at hand, here shown as `…`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from ledger.core.errors import NotFound

STATUS: Final[Mapping[str, int | None]] = {
    "InvalidInput": 422,
    "NotFound": 404,
    "Conflict": 409,
    "InFlight": 409,
    "Forbidden": 403,
    "Unauthenticated": 401,
    "Unavailable": 503,
    "BadRequest": 400,
    "TooLarge": 413,
    "NotSupported": 415,
    "TooMany": 429,
    "LedgerError": 500,
    "Answer": None,
    "Quarantined": None,
    "Problem": None,
}
"""Kind → HTTP status. An answer has its own; what is quarantined (a record) or a problem (of a bank's file) is no refusal of a
request: the rest goes on, and it is kept with its code.
"""
WORDS: Final[Mapping[str, str]] = {
    "InvalidInput": "内容不合规",
    "NotFound": "不存在",
    "Conflict": "与现状冲突",
    "InFlight": "正在办理",
    "Forbidden": "无权限",
    "Unauthenticated": "未认证",
    "Unavailable": "暂不可用",
    "BadRequest": "请求不能读取",
    "TooLarge": "请求过大",
    "TooMany": "请求过多",
    "NotSupported": "不支持",
    "LedgerError": "内部错误",
    "Answer": "逐条答复",
    "Quarantined": "记录隔离",
    "Problem": "银行文件问题",
}


class Meaning(NamedTuple):
    """What a code stands for."""

    code: str
    kinds: tuple[str, ...]
    """The kinds of error or of notice it comes as."""
    sentence: str
    rule: str
    """The article, format, limit or promise that makes it one."""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The HTTP statuses it comes with; none where it is a notice."""
        return tuple(sorted({status for kind in self.kinds if (status := STATUS[kind]) is not None}))


@lru_cache(1)
def registry() -> Mapping[str, Meaning]:
    """Every code, in the order of the codes."""
    found: dict[str, Meaning] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".tsv"):
            continue
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            code, kinds, sentence, rule = line.split("\t")
            found[code] = Meaning(code, tuple(kinds.split(",")), sentence, rule)
    return dict(sorted(found.items()))


def explain(code: str) -> Meaning:
    """What a code stands for; raises NotFound `codes.unknown`, which names those that look like it."""
    found = registry().get(code)
    if found is None:
        near = get_close_matches(code, registry(), n=3)
        hint = f"；相近的有{'、'.join(near)}" if near else "；全部代码见 fundledger codes"
        raise NotFound("codes.unknown", f"没有代码{code[:60]}{hint}", asked=code[:60], near=near)
    return found
