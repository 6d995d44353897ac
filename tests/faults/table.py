"""docs/faults.md, made of the marks of the tests: what can go wrong, what must come of it, which tests prove it."""

from __future__ import annotations

import ast
import csv
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.docs.rooms import ROOT, tracked

DOC: Final = ROOT / "docs" / "faults.md"
CASES: Final = Path(__file__).with_name("cases.tsv")
OPEN: Final = Path(__file__).with_name("open.tsv")
GROUPS: Final = {
    "process": "Processes, disks and the database",
    "clock": "Time and calendar",
    "close": "Closing a month",
    "bank": "The bank, its channel and its files",
    "abuse": "Money and abuse",
    "all": "Everything at once",
}
HEAD: Final = """# What can go wrong, and which test proves what comes of it

The 74 cases of `reliability.md` B2 (in `docs/domain`). A test that proves one says so: `@pytest.mark.fault(13)`. This page is made
of these marks by `./dev format`; `tests/faults/test_table.py` fails when it is not current, or when a case has no test and is not
listed as open below. The words of the cases stand in `tests/faults/cases.tsv`. *(long)*: runs in the group `-m slow`;
*(asks X)*: needs that program, and is told of at the end of the run where it is missing.
"""


class Case(NamedTuple):
    """One of the 74: its number, its group, what happens and what must come of it."""

    number: int
    group: str
    what: str
    must: str


class Proof(NamedTuple):
    """A test that proves cases: its id, whether it is of the long group, the program it asks."""

    test: str
    cases: tuple[int, ...]
    slow: bool
    asks: str


def cases() -> list[Case]:
    """The 74 cases in their order."""
    with CASES.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Case(int(row["number"]), row["group"], row["what"], row["must"]) for row in rows]


def still_open() -> dict[int, str]:
    """What a case still lacks, by its number; such a case may have tests all the same."""
    with OPEN.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["number"]): row["lacks"] for row in rows}


@cache
def proofs() -> tuple[Proof, ...]:
    """Every test with a `fault` mark, by its place."""
    return tuple(
        proof for path in tracked("tests/*.py") if path.name.startswith("test_") for proof in _of(path)
    )


def _of(path: Path) -> Iterator[Proof]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    everywhere = [
        mark
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for mark in (node.value.elts if isinstance(node.value, ast.List) else [node.value])
    ]
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        marks = {
            ast.unparse(mark.func if isinstance(mark, ast.Call) else mark).removeprefix("pytest.mark."): mark
            for mark in (*everywhere, *node.decorator_list)
        }
        if "fault" in marks:
            numbers = tuple(_arguments(marks["fault"]))
            asks = next(iter(_arguments(marks["judge"])), "") if "judge" in marks else ""
            yield Proof(f"{path}::{node.name}", numbers, "slow" in marks, str(asks))


def _arguments(mark: ast.expr) -> list[int]:
    return [ast.literal_eval(one) for one in mark.args] if isinstance(mark, ast.Call) else []


def written() -> str:
    """The page as it must stand."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    known, lacking = proofs(), still_open()
    proven = {number for proof in known for number in proof.cases}
    yield HEAD
    yield f"{len(proven - set(lacking))} of {len(cases())} are proven; {len(lacking)} are open, wholly or in part."
    for group, title in GROUPS.items():
        yield f"\n## {title}\n"
        yield "| no. | what happens | what must come of it | proven by |"
        yield "|---|---|---|---|"
        for case in cases():
            if case.group == group:
                told = [_told(proof) for proof in known if case.number in proof.cases]
                if case.number in lacking:
                    told.append(f"**open**: {lacking[case.number]}")
                yield f"| {case.number} | {case.what} | {case.must} | {'<br>'.join(told)} |"
    yield ""


def _told(proof: Proof) -> str:
    room, _, test = proof.test.removeprefix("tests/").partition("::")
    said = " *(long)*" if proof.slow else ""
    return f"`{room}` {test.removeprefix('test_')}{said}" + (f" *(asks {proof.asks})*" if proof.asks else "")


def main() -> None:
    """Write the page."""
    DOC.write_text(written(), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
