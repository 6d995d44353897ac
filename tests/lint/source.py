"""The strings of the product's Python code as they are when it runs: pieces put together, names followed to their home."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

UNKNOWN: Final = "⟦?⟧"
"""What only the running program knows."""
_DEEP: Final = 12


@dataclass(frozen=True, slots=True)
class Text:
    """One string of the code. `whole` is false for a piece that other strings are made of."""

    path: str
    line: int
    text: str
    whole: bool = True
    called: str = ""
    """The function or method it is the first argument of: `copy`, `run`, `rows`."""

    @property
    def place(self) -> str:
        """`ledger/fund/x.py:12`."""
        return f"{self.path}:{self.line}"


@dataclass
class Module:
    """One parsed file of the house."""

    path: str
    tree: ast.Module
    house: House
    constants: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.tree.body:
            if (
                isinstance(node, ast.Assign)
                and len(node.targets) == 1
                and isinstance(node.targets[0], ast.Name)
            ):
                self.constants[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                self.constants[node.target.id] = node.value
            elif isinstance(node, ast.ImportFrom) and node.module:
                for name in node.names:
                    self.imported[name.asname or name.name] = (node.module, name.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of the tree: every rule goes through it."""
        return list(ast.walk(self.tree))

    @cached_property
    def docs(self) -> set[int]:
        """Docstrings, of attributes too: text for people."""
        return {id(node.value) for node in self.nodes if isinstance(node, ast.Expr)}

    def said(self, node: ast.expr, depth: int = 0) -> str | None:
        """What a string expression says; None where it is no string."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.JoinedStr(values=parts):
                return "".join(self._part(part, depth) for part in parts)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                one, two = self.said(left, depth + 1), self.said(right, depth + 1)
                return None if one is None and two is None else (one or UNKNOWN) + (two or UNKNOWN)
            case ast.IfExp(body=body, orelse=other):
                one, two = self.said(body, depth + 1), self.said(other, depth + 1)
                return None if one is None or two is None else f"{one} {two}"
            case ast.Call(func=ast.Attribute(value=value, attr="format" | "strip" | "replace")):
                return self.said(value, depth + 1)
            case ast.Call(func=ast.Name(id="coded"), args=[first, *_]):
                return self.said(first, depth + 1)
            case ast.Name(id=name):
                return self._named(name, depth)
        return None

    def _part(self, part: ast.expr, depth: int) -> str:
        if isinstance(part, ast.FormattedValue):
            return self.said(part.value, depth + 1) or UNKNOWN
        return self.said(part, depth) or UNKNOWN

    def _named(self, name: str, depth: int) -> str | None:
        if depth > _DEEP:
            return None
        if name in self.constants:
            return self.said(self.constants[name], depth + 1)
        if name in self.imported:
            module, original = self.imported[name]
            home = self.house.modules.get(module)
            return home._named(original, depth + 1) if home else None
        return None

    def pieces(self) -> set[str]:
        """Names whose text is built into others here."""
        return {
            name.id
            for node in self.nodes
            if isinstance(node, (ast.BinOp, ast.JoinedStr))
            for name in ast.walk(node)
            if isinstance(name, ast.Name)
        }

    def texts(self) -> Iterator[Text]:
        """Every string of the file, once, as whole as the file has it."""
        yield from self._below(self.tree, "", "")

    def _below(self, node: ast.AST, called: str, target: str) -> Iterator[Text]:
        if isinstance(node, ast.expr) and id(node) not in self.docs and not isinstance(node, ast.Name):
            text = self.said(node)
            if text is not None:
                whole = (self.path, target) not in self.house.built_on
                yield Text(self.path, node.lineno, text, whole, called)
                for inner in self._inside(node):
                    yield from self._below(inner, "", "")
                return
        if (
            isinstance(node, ast.Expr)
            and id(node.value) in self.docs
            and isinstance(node.value, ast.Constant)
        ):
            return
        first = node.args[0] if isinstance(node, ast.Call) and node.args else None
        for child in ast.iter_child_nodes(node):
            name = _called(node) if isinstance(node, ast.Call) and child is first else ""
            yield from self._below(child, name, _target(node))

    def _inside(self, node: ast.expr) -> Iterator[ast.AST]:
        """Expressions within a string that are strings of their own: arguments of calls in braces or of `format`."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield from child.args
            elif isinstance(child, (ast.BinOp, ast.JoinedStr, ast.FormattedValue)):
                yield from self._inside(child)
        if isinstance(node, ast.Call):
            yield from node.args if _called(node) != "coded" else node.args[1:]
            yield from (word.value for word in node.keywords)


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _target(node: ast.AST) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


class House:
    """All files together: what a name of one file says in another."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.modules: dict[str, Module] = {}
        for path, text in files.items():
            dotted = re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")
            self.modules[dotted] = Module(path, ast.parse(text), self)
        self.built_on: set[tuple[str, str]] = set()
        for module in self.modules.values():
            for name in module.pieces():
                self._built_on(module, name)

    def _built_on(self, module: Module, name: str) -> None:
        if name in module.constants:
            self.built_on.add((module.path, name))
        elif name in module.imported:
            home, original = module.imported[name]
            if home in self.modules and original in self.modules[home].constants:
                self.built_on.add((self.modules[home].path, original))

    @classmethod
    def at(cls, root: Path, paths: list[Path]) -> House:
        """The house as it lies on disk."""
        return cls({path.as_posix(): (root / path).read_text(encoding="utf-8") for path in paths})

    def texts(self) -> list[Text]:
        """Every string of every file, read once."""
        return self._texts

    @cached_property
    def _texts(self) -> list[Text]:
        return [text for module in self.modules.values() for text in module.texts()]
