"""The map names every room and file, and none that is not there; no room is too full; none imports in a circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.docs.rooms import BEGIN, END, MAP, ROOT, house, rooms, says, tracked, written

FULL = 25


def test_the_map_is_the_house() -> None:
    text = MAP.read_text(encoding="utf-8")
    stands = text[text.index(BEGIN) : text.index(END) + len(END)]
    assert stands == written(), "docs/architecture.md: run ./dev format"


def test_every_file_it_names_elsewhere_is_there() -> None:
    text = MAP.read_text(encoding="utf-8")
    by_hand = text[: text.index(BEGIN)] + text[text.index(END) :]
    named = re.findall(r"`((?:ledger|adapters|reports|scheduler|tests|alembic)/[\w./-]*)`", by_hand)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_room_and_file_says_what_it_is_for() -> None:
    silent = [path for path in house() if not says(path)]
    assert silent == []


@pytest.mark.parametrize("kind", ["*.py", "*.sql"])
def test_no_room_is_too_full(kind: str) -> None:
    count: dict[Path, int] = {}
    for path in tracked(kind):
        count[path.parent] = count.get(path.parent, 0) + 1
    assert {str(room): number for room, number in count.items() if number > FULL} == {}


def _imports(path: Path, known: Mapping[str, Path]) -> Iterator[Path]:
    """The house's files that a file imports, for types too."""
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                target = known.get(f"{node.module}.{name.name}") or known.get(node.module)
                if target:
                    yield target
        elif isinstance(node, ast.Import):
            yield from (known[name.name] for name in node.names if name.name in known)


def _circle(graph: Mapping[Path, set[Path]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(path) for path in error.args[1]]
    return []


def test_no_circle_not_even_in_types() -> None:
    files = house()
    known = {".".join(path.with_suffix("").parts): path for path in files if path.name != "__init__.py"}
    assert _circle({path: {*_imports(path, known)} - {path} for path in files}) == []


def test_a_circle_would_be_found() -> None:
    one, two = Path("one.py"), Path("two.py")
    assert _circle({one: {two}, two: {one}})


def test_no_file_is_too_long() -> None:
    long = {
        str(path): lines
        for room in rooms().values()
        for path in room
        if (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > 350
    }
    assert long == {}
