"""A command imports what it needs: named are the packages that cost more than most commands' whole work."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, Final

import pytest

from ledger.cli.commands import folded

HEAVY: Final = (
    "alembic", "apscheduler", "cryptography", "fastapi", "lxml", "mako", "msgspec", "paramiko", "pygments", "rich",
    "sqlalchemy", "uvicorn",
)  # fmt: skip
OF_THE_DATABASE: Final = (
    "psycopg",
    "pydantic",
    "pydantic_settings",
    "moneyed",
    "ledger.db",
    "ledger.settings",
)
_RUN: Final = """
import sys
sys.argv = ["fundledger", *sys.argv[1:]]
from ledger.cli.main import main
try: main()
except SystemExit as ended: assert not ended.code, ended.code
print("imported", *sorted(sys.modules), file=sys.stderr)
"""


def imported(*words: str, env: dict[str, str] | None = None) -> set[str]:
    """The modules a command imported by its end, in a process of its own; the command has to succeed."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.rpartition("imported ")[2].split())


def found(names: tuple[str, ...], modules: set[str]) -> list[str]:
    return [name for name in names if name in modules]


def test_the_list_of_words_needs_the_parser_alone() -> None:
    for words in (("--help",), ("--as", "li", "--help")):
        modules = imported(*words)
        assert "typer" in modules
        assert not found((*HEAVY, *OF_THE_DATABASE, "ledger.bootstrap"), modules)


@pytest.mark.parametrize("words", [("book", "list"), ("book", "list", "--json")])
def test_a_question_to_the_database_needs_its_driver_alone(world: Any, words: tuple[str, ...]) -> None:
    modules = imported(*words, "--as", "zhou", env=world.env)
    assert "psycopg" in modules
    assert not found((*HEAVY, "moneyed", "babel"), modules), "only what shows money needs them"


def test_what_verifies_needs_no_migration(world: Any) -> None:
    assert not found(("alembic", "sqlalchemy", "paramiko", "fastapi"), imported("verify", env=world.env))


def test_a_line_is_folded_by_columns_and_begins_with_no_stop() -> None:
    assert folded("医保基金", 4) == ["医保", "基金"]
    assert folded("医保，基金", 4) == ["医保，", "基金"]
    assert folded("abc医保", 5) == ["abc医", "保"]
    assert folded("", 5) == [""]
