"""`fundledger codes`: what a code of refusal means, which rule is behind it, and all there are."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, show
from ledger.core.refusals import WORDS, Meaning, explain, registry


def codes(
    code: Annotated[str, typer.Argument(help="代码，如 batch.same_person；省略则列出全部")] = "",
    prefix: Annotated[str, typer.Option(help="只列此前缀的代码，如 bankfile")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """代码：每个拒绝代码是什么意思、依据哪条规定；省略代码则列出全部。"""
    if code:
        found = explain(code)
        show(_as_json(found), _words(found), as_json=as_json)
        return
    chosen = [found for found in registry().values() if not prefix or found.code.split(".")[0] == prefix]
    lines = [f"{found.code}  {found.sentence}" for found in chosen] + [f"共{len(chosen)}个代码"]
    show({"codes": [_as_json(found) for found in chosen]}, lines, as_json=as_json)


def _words(found: Meaning) -> list[str]:
    statuses = "、".join(map(str, found.statuses)) or "不是对请求的拒绝"
    return [
        found.code,
        f"  含义：{found.sentence}",
        f"  依据：{found.rule}",
        f"  类别：{'、'.join(WORDS[kind] for kind in found.kinds)}；HTTP {statuses}；命令行以1退出（写法不对以2退出）",
    ]


def _as_json(found: Meaning) -> dict[str, object]:
    return {
        "code": found.code,
        "kinds": list(found.kinds),
        "statuses": list(found.statuses),
        "sentence": found.sentence,
        "rule": found.rule,
    }
