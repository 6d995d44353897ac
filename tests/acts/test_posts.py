"""Every act of the program is on the list of its post: walked through the code, whatever the way by which an act is begun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ledger.acts.acting import acting
from ledger.acts.posts import WORDS, login_of
from ledger.acts.tracing import What
from ledger.bootstrap import App

ROOT: Final = Path(__file__).resolve().parents[2]
NAMED_BY: Final = {
    "What": 1, "act": 2, "one_act": 2, "steps": 2, "each": 2, "append_line": 1, "append_at_commit": 1, "write_log": 3, "note": 2,
    "act_by_steps": 3,
}  # fmt: skip
"""What begins an act or writes its line: the place of the act's name among the arguments."""
HTTP: Final = "ledger/api/"
PASSED_ON: Final = {
    ("ledger/access/operator_log.py", "write_log"),
    ("ledger/access/sessions.py", "note"),
    ("ledger/acts/acting.py", "_done"),
    ("ledger/acts/tracing.py", "traced"),
    ("ledger/api/acting.py", "act"),
    ("ledger/api/acting.py", "act_by_steps"),
    ("ledger/cli/line/context.py", "act"),
    ("ledger/cli/line/context.py", "steps"),
    ("ledger/cli/line/many.py", "each"),
}
"""Functions that are given the name themselves, each of them in NAMED_BY where it is called."""


class Named(NamedTuple):
    """An act's name as far as the code writes it: what comes after the first full stop may be made."""

    where: str
    name: str | None


def named_in(path: str, source: str) -> Iterator[Named]:
    yield from _inside(path, ast.parse(source), None)


def _inside(path: str, node: ast.AST, function: ast.FunctionDef | None) -> Iterator[Named]:
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.Call) and function is not None:
            yield from _named(path, function, one)
        yield from _inside(path, one, one if isinstance(one, ast.FunctionDef) else function)


def _named(path: str, function: ast.FunctionDef, call: ast.Call) -> Iterator[Named]:
    called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if isinstance(call.func, ast.Attribute) and called in ("act", "each", "note"):
        return  # a method of something else
    place = NAMED_BY.get(called)
    if place is None or (path, function.name) in PASSED_ON:
        return
    if called == "act" and path.startswith(HTTP):
        place = 3  # call, request, region, action
    if isinstance(call.args[0], ast.Name) and call.args[0].id == "tx" and called == "act":
        return  # the audit's own, on a finding
    assert len(call.args) > place, f"{path}:{call.lineno}"
    given = call.args[place]
    for name in _texts(given, function):
        yield Named(f"{path}:{call.lineno}", name)


def _texts(given: ast.expr, function: ast.FunctionDef) -> Iterator[str | None]:
    match given:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if "." in text:
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, function)
            yield from _texts(other, function)
        case ast.Name(id="ASKED"):
            yield "access.ask"
        case ast.Name(id=variable):
            values = [
                found.value
                for found in ast.walk(function)
                if isinstance(found, ast.Assign) and getattr(found.targets[0], "id", "") == variable
            ]
            for value in values or [ast.Pass()]:
                yield from _texts(value, function) if isinstance(value, ast.expr) else [None]
        case _:
            yield None


def every() -> list[Named]:
    paths = [path for room in ("ledger", "scheduler") for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        one
        for path in paths
        if "/simulation/" not in str(path)
        for one in named_in(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    ]


def test_every_act_is_of_a_post_and_every_word_of_an_act() -> None:
    found = every()
    assert [one.where for one in found if one.name is None] == []  # a name the walk cannot read
    assert len(found) > 120
    unknown = []
    for one in found:
        try:
            login_of(one.name or "")
        except LookupError:
            unknown.append(one)
    assert unknown == []
    used = {(one.name or "").partition(".")[0] for one in found}
    assert {word for words in WORDS.values() for word in words.split()} - used == set()


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n with act(running, region, 'gift.give', x) as tx: pass",
        "def f():\n verb = 'gift.give' if a else 'gift.take'\n with act(running, region, verb, x) as tx: pass",
        "def f():\n with acting(app, What(region, f'gift.{word}', x)) as doing: pass",
        "def f():\n append_line(tx, 'gift.give', x, 'done', '')",
    ],
)
def test_the_walk_meets_an_act_however_it_is_begun(code: str) -> None:
    found = list(named_in("ledger/cli/gift.py", code))
    assert found
    for one in found:
        with pytest.raises(LookupError):
            login_of(str(one.name))


def test_no_word_is_of_two_posts() -> None:
    words = [word for some in WORDS.values() for word in some.split()]
    assert len(words) == len(set(words))


def test_an_act_of_no_post_is_not_begun(world: Any) -> None:
    app = App(world.settings, "li")
    with pytest.raises(LookupError, match=r"gift\.give"), acting(app, What(420100, "gift.give", "x")):
        raise AssertionError("begun")
