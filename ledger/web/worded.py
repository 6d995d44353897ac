"""A sentence of the program's as a page says it: without the words of the command line and of the database, which people at pages type
nothing of. Codes stay beside the sentence; what a person wrote is never passed through here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ledger.core.words import said

OPTIONS: Final = {
    "account": "科目或账户", "all": "全部", "amount": "金额", "as": "操作人", "bank": "自有账户", "closing": "期末余额", "clr-type": "清算类别",
    "confirm": "复核", "date": "办理日期", "digest": "摘要", "entry": "分录", "file": "文件", "from": "起日", "fund": "基金", "institution": "机构",
    "line": "分录", "of": "所属", "opening": "期初余额", "out": "文件", "page": "页", "party": "往来单位", "payee": "收款账户", "profile": "格式文件",
    "proposal": "建议", "reason": "理由", "recurrence": "定期凭证", "region": "统筹区", "side": "哪一方", "template": "模板", "term": "期号",
    "to": "止日", "to-amount": "金额至", "year": "年度",
}  # fmt: skip
"""What the values of an act are called at pages, by the command line's names."""
_ASIDE: Final = re.compile(r"[（(][^（）()]*(?:fundledger |(?<![A-Za-z0-9_-])--[a-z])[^（）()]*[）)]")
_WORDS: Final = "fundledger|payments|day|month|institution|key|user|bank|book|report|reconciliation|declare|audit|clear|cash|jobs|risk|period"
_BARE: Final = re.compile(
    rf"（(?:{_WORDS})(?: [a-z][a-z-]*)+(?:[ 、][^（）]*)?）|：\s*fundledger [a-z][^，。；]*$"
)
_USAGE: Final = re.compile(r"[；，]?用法见 ?[^；，。]*--help")
_VERIFY: Final = re.compile(r"(?:请)?(?:立即)?执行 ?fundledger verify ?")
_COMMAND: Final = re.compile(
    r"(?:请)?(?:会计可)?(?:先)?(?:立即)?(?:执行)? ?fundledger [a-z][a-z-]*(?: (?!--)[a-z0-9-]+)*(?: --[a-z-]+(?: [^\s，。；：）]+)?)* ?"
)
_OPTION: Final = re.compile(r"(?<![A-Za-z0-9_-])--([a-z][a-z-]*)(?: ?YYYY-MM-DD)?")
_POSTS: Final = re.compile(r"(?:在(\d{6})-0)?没有所需角色：([a-z_]+(?:、[a-z_]+)*)")
_TWICE: Final = re.compile(r"缺少(.{1,12})：\1(?=[，；。（ ]|$)")
_CONSTRAINT: Final = re.compile(r"（[a-z][a-z0-9_]*_[a-z0-9_]*）|(?<=重复：)[a-z][a-z0-9_]*_[a-z0-9_]*")
_EXACT: Final = {"Idempotency-Key": "请求键", "PERSON": "个人"}
BAD: Final = re.compile(
    r"(?<![A-Za-z0-9_-])--[a-z]{2,}|fundledger [a-z]|Idempotency-Key|(?<![A-Za-z0-9_])PERSON(?![A-Za-z0-9_])"
    rf"|[以由] ?(?:{_WORDS}) [a-z]"
    r"|(?<![A-Za-z0-9_.])(?!job_at_)(?:[a-z]+_fen|[a-z][a-z0-9]*_[a-z0-9_]*(?:check|key|fkey|excl))(?![A-Za-z0-9_])"
)
"""What no page says."""


def worded(text: str, called: Callable[[str], str] | None = None) -> str:
    """The sentence in people's words; `called` says what an act calls its values at this page."""

    def label(found: re.Match[str]) -> str:
        name = found[1]
        own = called(name.replace("-", "_")) if called is not None else ""
        return own if own and own != name.replace("-", "_") else OPTIONS.get(name, "所填的值")

    text = _POSTS.sub(_posts, text)
    text = _ASIDE.sub("", text)
    text = _BARE.sub("", text)
    text = _USAGE.sub("", text)
    text = _VERIFY.sub("核验账目", text)
    text = _COMMAND.sub("请系统管理员处理", text)
    text = _CONSTRAINT.sub("", text)
    text = _OPTION.sub(label, text)
    for word, instead in _EXACT.items():
        text = text.replace(word, instead)
    return _TWICE.sub(r"缺少\1", text).removesuffix("：")


def _posts(found: re.Match[str]) -> str:
    """Which posts may, by their names; a region's own are of no book."""
    where = f"在统筹区{found[1]}" if found[1] else ""
    return f"{where}没有所需岗位：{'、'.join(said('user.role', role) for role in found[2].split('、'))}"
