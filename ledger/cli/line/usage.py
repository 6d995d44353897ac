"""What was typed wrongly, in Chinese: the one translation of every error the command line's parser raises."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final

import typer

from ledger.core.errors import InvalidInput

_KINDS: Final = {"int": "整数", "float": "数", "str": "文字", "Path": "路径"}
_PATHS: Final = (
    ("does not exist.", "不存在"),
    ("is a file.", "是文件，应为目录"),
    ("is a directory.", "是目录，应为文件"),
    ("is not readable.", "不能读取：没有权限"),
    ("is not writable.", "不能写入：没有权限"),
)


def usage_refusal(error: typer.TyperException, *, typed: bool = True) -> InvalidInput:
    """The parser's error as InvalidInput `usage.…`, naming the option and what it takes.

    Codes: `usage.missing`, `usage.value`, `usage.file`, `usage.option` (none of that name), `usage.needs_value`,
    `usage.command`, `usage.extra` (words too many). Not `typed`, what an act over HTTP or at a page was given is called by what
    it is, with no word of the command line.
    """
    parameter = getattr(error, "param", None)
    option = _named(parameter)
    name = option if typed else _called(parameter) or option
    hint = _hint(error) if typed else ""
    match type(error).__name__:
        case "MissingParameter":
            words = f"缺少{name}{_takes(parameter, '：')}"
            return InvalidInput("usage.missing", words + hint, option=option)
        case "BadParameter":
            return _bad_value(error, parameter, name, hint, option)
        case "NoSuchOption":
            option = str(getattr(error, "option_name", ""))
            near = "、".join(sorted(getattr(error, "possibilities", None) or ()))
            words = f"没有选项{option}" + (f"，是否为{near}" if near else "")
            return InvalidInput("usage.option", words + hint, option=option)
        case "BadOptionUsage" | "BadArgumentUsage":
            option = str(getattr(error, "option_name", "")) or name or "参数"
            words = "不带值" if "does not take" in error.message else "后面缺少值"
            return InvalidInput("usage.needs_value", option + words + hint, option=option)
    quoted = error.message.partition("'")[2].rpartition("'")[0]
    if error.message.startswith("No such command"):
        return InvalidInput("usage.command", f"没有命令{quoted}" + hint, command=quoted)
    if "unexpected extra argument" in error.message:
        extra = error.message.rpartition("(")[2].rstrip(")")
        return InvalidInput("usage.extra", f"多出的内容：{extra}" + hint, extra=extra)
    return InvalidInput("usage.other", f"命令写法不对（原文）：{error.format_message()}" + hint)


def _bad_value(
    error: typer.TyperException, parameter: Any, name: str, hint: str, option: str
) -> InvalidInput:
    for ending, words in _PATHS:
        if error.message.endswith(ending):
            path = error.message.removesuffix(ending).partition("'")[2].rpartition("'")[0]
            return InvalidInput("usage.file", f"{name}的{path}{words}" + hint, option=option, file=path)
    given = ""
    if error.__cause__ is not None:
        # the parser's way to check a value: imported with it, once there is a value to check
        from pydantic import ValidationError

        if isinstance(error.__cause__, ValidationError):
            given = str(error.__cause__.errors()[0]["input"])[:60]
    words = f"{name}的值“{given}”不合规{_takes(parameter, '，应为')}"
    return InvalidInput("usage.value", words + hint, option=option, value=given)


def _named(parameter: Any) -> str:
    """An option as it is typed, an argument by what it is."""
    if parameter is None:
        return ""
    if parameter.param_type_name == "argument":
        return f"参数{parameter.name.strip('_').upper()}"
    return str(max(parameter.opts, key=len))


def _called(parameter: Any) -> str:
    """What a parameter is: the first words of its help."""
    return re.split("[，：；（ ]", getattr(parameter, "help", None) or "")[0]


def _takes(parameter: Any, before: str) -> str:
    """What a parameter takes: its choices, its range, its kind, and what its help says."""
    if parameter is None:
        return ""
    takes = parameter.type_descriptor
    info = takes.parameter_info
    if takes.choices is not None:
        return before + "、".join(str(c.value if isinstance(c, Enum) else c) for c in takes.choices)
    if takes.is_ranged:
        low = "" if info.min is None else f"不小于{info.min}"
        high = "" if info.max is None else f"不大于{info.max}"
        return f"{before}{'、'.join(part for part in (low, high) if part)}的整数"
    kind = _KINDS.get(getattr(takes.annotation, "__name__", ""), "")
    if before == "：":
        return f"{before}{parameter.help}" if parameter.help else ""
    return f"{before}{kind}" if kind else ""


def _hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"；用法见 {context.command_path} --help" if context is not None else ""
