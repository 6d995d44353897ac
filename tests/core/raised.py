"""Every code a tree of Python and SQL files can refuse with, and the kinds it is refused with, read from the text.

Nothing is executed: Python by its syntax tree, SQL by its RAISE statements. Codes are followed through constants, choices,
tables and parameters; an expression that cannot be followed is an error of its own, so that no code escapes the registry.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

CODE: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_DOTTED: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
STATES: Final = {
    "FL001": "InvalidInput",
    "FL002": "Forbidden",
    "FL003": "Forbidden",
    "FL004": "NotFound",
    "FL005": "Conflict",
}
_ROOT: Final = "LedgerError"
_DATA: Final = {
    "refusal": (2, "Quarantined"),
    "Refusal": (3, "Quarantined"),
    "problem_of": (2, "Problem"),
    "Problem": (2, "Problem"),
    "Decision": (2, "Problem"),
    "Sending": (4, "Problem"),
    "problem": (1, "Answer"),
    "Caution": (0, "Answer"),
}
"""Codes that are handed on as data: the function or value, the place of its code, and what it stands for."""


class Site(NamedTuple):
    """One place that can refuse."""

    code: str
    kind: str
    where: str


@dataclass
class Found:
    """What a tree can refuse with."""

    sites: list[Site] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    """Places whose code could not be followed."""

    @property
    def kinds(self) -> Mapping[str, frozenset[str]]:
        """Code → the kinds of all its sites."""
        kinds: dict[str, set[str]] = defaultdict(set)
        for site in self.sites:
            kinds[site.code].add(site.kind)
        return {code: frozenset(found) for code, found in kinds.items()}


class _Sink(NamedTuple):
    """Something that takes a code: a kind of error, or a function that makes one. `before` and `after` stand around it."""

    place: int
    name: str
    kind: str
    before: str = ""
    after: str = ""


class _Module(NamedTuple):
    path: str
    tree: ast.Module
    constants: Mapping[str, ast.expr]
    calls: list[tuple[ast.Call | ast.Dict, ast.FunctionDef | ast.AsyncFunctionDef | None]]
    """What `_within` finds: walked once, read until no function is found to take a code that was not known to."""


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_sites(files: Mapping[str, str]) -> Found:
    """All codes of Python files (path → text)."""
    modules = [_module(path, text) for path, text in files.items()]
    sinks: dict[str, set[_Sink]] = defaultdict(set)
    for kind in _kinds(modules):
        sinks[kind].add(_Sink(0, "code", kind))
    for name, (place, kind) in _DATA.items():
        sinks[name].add(_Sink(place, "code", kind))
    while True:  # a function that hands its parameter on as a code takes a code itself
        known = sum(map(len, sinks.values()))
        found = Found()
        for module in modules:
            _Reader(module, sinks, found).read()
        if sum(map(len, sinks.values())) == known:
            return found


def _module(path: str, text: str) -> _Module:
    tree = ast.parse(text)
    constants: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            constants |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            constants[node.target.id] = node.value
    return _Module(path, tree, constants, list(_within(tree, None)))


def _kinds(modules: Iterable[_Module]) -> set[str]:
    """`LedgerError` and all classes made from it."""
    bases = {
        node.name: {_last(base) for base in node.bases}
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }
    kinds = {_ROOT}
    while more := {name for name, of in bases.items() if of & kinds} - kinds:
        kinds |= more
    return kinds


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class _Reader:
    def __init__(self, module: _Module, sinks: dict[str, set[_Sink]], found: Found) -> None:
        self.module = module
        self.sinks = sinks
        self.found = found
        self.known = set(sinks)

    def read(self) -> None:
        for node, function in self.module.calls:
            if isinstance(node, ast.Dict):
                self._take_document(node)
                continue
            for name in self._called(node, function):
                for sink in [*self.sinks.get(name, ()), *self.sinks.get(f"{self.module.path}:{name}", ())]:
                    self._take(node, sink, function)

    def _take_document(self, node: ast.Dict) -> None:
        """A JSON document written out with its code."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                for code in _codes_in(value):
                    self.found.sites.append(Site(code, "Answer", f"{self.module.path}:{node.lineno}"))

    def _called(self, call: ast.Call, function: _Function | None) -> set[str]:
        """The names a call may go to: its own, or the kinds its variable was chosen from."""
        name = _last(call.func)
        if name in self.known or not isinstance(call.func, ast.Name):
            return {name}
        values = _assigned(function, name)
        return {name} | {
            _last(n) for v in values for n in ast.walk(v) if isinstance(n, ast.Name)
        } & self.known

    def _take(self, call: ast.Call, sink: _Sink, function: _Function | None) -> None:
        given = next((k.value for k in call.keywords if k.arg == sink.name), None)
        if given is None and len(call.args) > sink.place:
            given = call.args[sink.place]
        where = f"{self.module.path}:{call.lineno}"
        if given is None:
            return  # the parameter's default: taken where the function is defined
        for text in self._texts(given, function, sink, where):
            code = f"{sink.before}{text}{sink.after}"
            if not code and sink.kind == "Problem":
                continue  # nothing is wrong
            if CODE.fullmatch(code):
                self.found.sites.append(Site(code, sink.kind, where))
            else:
                self.found.unclear.append(f"{where}: {code!r}")

    def _texts(
        self, node: ast.expr, function: _Function | None, sink: _Sink, where: str, depth: int = 0
    ) -> Iterator[str]:
        """The texts an expression can be; parameters make the enclosing function a sink."""
        if depth > 8:
            self.found.unclear.append(f"{where}: {ast.unparse(node)}")
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.IfExp):
            yield from self._texts(node.body, function, sink, where, depth + 1)
            yield from self._texts(node.orelse, function, sink, where, depth + 1)
        elif isinstance(node, ast.JoinedStr):
            yield from self._joined(node, function, sink, where, depth)
        elif isinstance(node, ast.Name):
            yield from self._named(node, function, sink, where, depth)
        elif isinstance(node, ast.Attribute) and node.attr in ("code", "problem"):
            return  # handed on as it came: taken where it was made
        elif isinstance(node, ast.BoolOp):
            for value in node.values:
                yield from self._texts(value, function, sink, where, depth + 1)
        elif isinstance(node, ast.Subscript) or (isinstance(node, ast.Call) and _last(node.func) == "get"):
            yield from self._looked_up(node, function, where)
        elif isinstance(node, ast.Call):
            yield from self._returned(_last(node.func), function, sink, where, depth)
        else:
            self.found.unclear.append(f"{where}: {ast.unparse(node)}")

    def _joined(
        self, node: ast.JoinedStr, function: _Function | None, sink: _Sink, where: str, depth: int
    ) -> Iterator[str]:
        """An f-string with one part that varies."""
        varying = [n for n, part in enumerate(node.values) if isinstance(part, ast.FormattedValue)]
        if len(varying) != 1:
            self.found.unclear.append(f"{where}: {ast.unparse(node)}")
            return
        [n] = varying
        before = "".join(str(part.value) for part in node.values[:n] if isinstance(part, ast.Constant))
        after = "".join(str(part.value) for part in node.values[n + 1 :] if isinstance(part, ast.Constant))
        part = node.values[n]
        assert isinstance(part, ast.FormattedValue)
        inner = sink._replace(before=sink.before + before, after=after + sink.after)
        for text in self._texts(part.value, function, inner, where, depth + 1):
            yield f"{before}{text}{after}"

    def _returned(
        self, name: str, function: _Function | None, sink: _Sink, where: str, depth: int
    ) -> Iterator[str]:
        """What a function of this module answers: texts, or tuples with a code in them."""
        answers = [
            node.value
            for made in ast.walk(self.module.tree)
            if isinstance(made, _Function) and made.name == name
            for node in ast.walk(made)
            if isinstance(node, ast.Return) and node.value is not None
        ]
        if not answers:
            self.found.unclear.append(f"{where}: {name}()")
        for answer in answers:
            if isinstance(answer, ast.Constant) and not isinstance(answer.value, str):
                continue
            if isinstance(answer, ast.Tuple):
                yield from _codes_in(answer)
            else:
                yield from self._texts(answer, function, sink, where, depth + 1)

    def _named(
        self, node: ast.Name, function: _Function | None, sink: _Sink, where: str, depth: int
    ) -> Iterator[str]:
        values = _assigned(function, node.id)
        if not values and function is not None and node.id in (names := _parameters(function)):
            place = names.index(node.id) - (names[0] in ("self", "cls"))
            if not (function.name == "__init__" or function.name in _DATA):
                private = f"{self.module.path}:" if function.name.startswith("_") else ""
                self.sinks[private + function.name].add(sink._replace(place=place, name=node.id))
            yield from _default(function, node.id)
            return
        if not values and node.id in self.module.constants:
            values = [self.module.constants[node.id]]
        if not values:
            self.found.unclear.append(f"{where}: {node.id}")
        for value in values:
            if isinstance(value, ast.Tuple | ast.List | ast.Dict):
                yield from _codes_in(value)
            else:
                yield from self._texts(value, function, sink, where, depth + 1)

    def _looked_up(self, node: ast.expr, function: _Function | None, where: str) -> Iterator[str]:
        """Every code of the table that is looked into, and of the answer where nothing is found."""
        found = list(_codes_in(node))
        for name in (n.id for n in ast.walk(node) if isinstance(n, ast.Name)):
            for value in [*_assigned(function, name), *filter(None, [self.module.constants.get(name)])]:
                found += _codes_in(value)
        if not found:
            self.found.unclear.append(f"{where}: {ast.unparse(node)}")
        yield from found


def _within(
    node: ast.AST, function: _Function | None
) -> Iterator[tuple[ast.Call | ast.Dict, _Function | None]]:
    """All calls and written documents, each with the function it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call | ast.Dict):
            yield child, function
        yield from _within(child, child if isinstance(child, _Function) else function)


def _parameters(function: _Function) -> list[str]:
    return [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]


def _default(function: _Function, name: str) -> Iterator[str]:
    """What the parameter is where a caller leaves it out."""
    args = [*function.args.posonlyargs, *function.args.args]
    pairs = list(zip(reversed(args), reversed(function.args.defaults), strict=False))
    pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d]
    for arg, default in pairs:
        if arg.arg == name and isinstance(default, ast.Constant) and default.value:
            yield str(default.value)


@lru_cache(maxsize=4096)
def _binding(function: _Function) -> tuple[ast.AST, ...]:
    """What gives names a value in a function; asked for every name of it."""
    kinds = ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.For | ast.comprehension
    return tuple(node for node in ast.walk(function) if isinstance(node, kinds))


def _assigned(function: _Function | None, name: str) -> list[ast.expr]:
    """All values a local variable is given, also as one of several and as what a loop goes over."""
    found: list[ast.expr] = []
    for node in _binding(function) if function is not None else ():
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found += _parted(target, node.value, name)
        elif (isinstance(node, ast.AnnAssign) and node.value is not None) or isinstance(node, ast.NamedExpr):
            found += _parted(node.target, node.value, name)
        elif isinstance(node, ast.For | ast.comprehension):
            found += (
                [node.iter]
                if name in {_last(n) for n in ast.walk(node.target) if isinstance(n, ast.Name)}
                else []
            )
    return found


def _parted(target: ast.expr, value: ast.expr, name: str) -> list[ast.expr]:
    if isinstance(target, ast.Name):
        return [value] if target.id == name else []
    if not isinstance(target, ast.Tuple) or all(_last(part) != name for part in target.elts):
        return []
    n = next(n for n, part in enumerate(target.elts) if _last(part) == name)
    choices = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    return [choice.elts[n] if isinstance(choice, ast.Tuple) else choice for choice in choices]


def _codes_in(node: ast.expr) -> Iterator[str]:
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Constant)
            and isinstance(inner.value, str)
            and _DOTTED.fullmatch(inner.value)
        ):
            yield inner.value
