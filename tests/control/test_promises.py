"""The table of promises is true: guards, checks and tests it names are there, and no promise is cited that it lacks."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psycopg
import pytest

import ledger.control.checks
from ledger.control.promise import Promise, table_of
from ledger.control.promises import PROMISES
from tests.conftest import Database
from tests.docs.rooms import ROOT, tracked

CHECKS = Path(ledger.control.checks.__file__).parent
DOC = ROOT / "docs" / "promises.md"
BEGIN, END = "<!-- promises: written by python -m tests.control.test_promises -->", "<!-- end of promises -->"
CITED = re.compile(r"INV-\d+")

_FUNCTIONS_AND_VIEWS = """
    SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v'
"""
_ON_TABLES = """
    SELECT tgname || ' ON ' || tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
    UNION SELECT conname || ' ON ' || conrelid::regclass::text FROM pg_constraint WHERE conrelid <> 0 AND convalidated
    UNION SELECT polname || ' ON ' || polrelid::regclass::text FROM pg_policy
"""


def _modules() -> Iterator[tuple[str, str]]:
    """Every module of the checks with its source."""
    for path in sorted(CHECKS.rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(CHECKS).with_suffix("").parts), path.read_text(encoding="utf-8")


def _tests() -> set[str]:
    """The names of every test function below tests/."""
    return {
        node.name
        for path in tracked("*.py")
        if path.parts[0] == "tests"
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_they_are_fourteen_in_order_and_each_is_whole() -> None:
    assert [one.id for one in PROMISES] == [f"INV-{n:02}" for n in range(1, 15)]
    assert [
        one.id for one in PROMISES if not (one.sentence and one.guards and one.checks and one.tests)
    ] == []


def test_every_guard_stands_in_the_database(database: Database) -> None:
    with psycopg.connect(database.admin_url) as connection:
        there = {
            name for query in (_FUNCTIONS_AND_VIEWS, _ON_TABLES) for (name,) in connection.execute(query)
        }
    assert [(one.id, guard) for one in PROMISES for guard in one.guards if guard not in there] == []


@pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.id)
def test_its_checks_are_those_that_report_it(promise: Promise) -> None:
    sources = dict(_modules())
    assert [name for name in promise.checks if name not in sources] == []
    assert [name for name in promise.checks if promise.id not in sources[name]] == [], "does not speak of it"
    report = {name for name, source in sources.items() if f'"{promise.id}"' in source}
    assert report - set(promise.checks) == set(), "reports it and is not in the table"


def test_every_test_it_names_is_there() -> None:
    there = _tests()
    assert [(one.id, name) for one in PROMISES for name in one.tests if name not in there] == []


def test_every_promise_cited_anywhere_is_in_the_table() -> None:
    known = {one.id for one in PROMISES}
    cited = {
        (str(path), name)
        for path in tracked("*.py", "*.sql", "*.md")
        for name in CITED.findall((ROOT / path).read_text(encoding="utf-8"))
    }
    assert len(cited) > 100
    assert sorted(place for place in cited if place[1] not in known) == []


def test_the_document_is_the_table() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) : text.index(END) + len(END)] == written(), (
        "python -m tests.control.test_promises"
    )


def test_the_command_prints_them_without_a_database(tmp_path: Path) -> None:
    plain = _command(tmp_path, "verify", "--promises")
    for one in PROMISES:
        assert f"{one.id} {one.sentence}" in plain
        assert [name for name in (*one.guards, *one.checks, *one.tests) if name not in plain] == []
    answer = json.loads(_command(tmp_path, "verify", "--promises", "--json").splitlines()[-1])
    assert answer == json.loads(json.dumps({"promises": [asdict(one) for one in PROMISES]}))


def _command(home: Path, *words: str) -> str:
    """What the command prints where there is no home and nobody answers at the database's address."""
    nowhere = {"FUNDLEDGER_HOME": str(home / "none"), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run(
        [sys.executable, "-m", "ledger.cli", *words],
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not (home / "none").exists()
    return done.stdout


def written() -> str:
    """The table as it must stand between its two marks."""
    return f"{BEGIN}\n\n{table_of(PROMISES)}\n\n{END}"


def main() -> None:
    """Write the table into docs/promises.md."""
    text = DOC.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    DOC.write_text(before + written() + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
