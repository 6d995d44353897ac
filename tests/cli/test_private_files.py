"""Whatever a command writes for a person is that person's alone, whatever the umask: files 0600, folders that were not there 0700."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from typer.main import get_command

from ledger.cli.commands import WORDS, load
from tests.scenes.line import Ended

BOOK: Final = ("--book", "420100-310")
RUN: Final[dict[str, tuple[str, ...]]] = {
    "cutover template": ("--as", "li"),
    "db backup": ("--plain",),
    "export": ("--format", "hledger", "--as", "zhou"),
    "report trial-balance": ("--period", "202610", "--format", "pdf", "--as", "zhou"),
    "report journal": ("--period", "202610", "--format", "xlsx", "--as", "zhou"),
}
"""Commands whose file is made here, in a folder that is not there, and the words beside `--out`."""


PRINTED: Final = frozenset(
    f"report {name}"
    for name in [
        "auxiliary",
        "balance-sheet",
        "bank-journal",
        "changed",
        "columnar",
        "control",
        "dealings",
        "find",
        "general-ledger",
        "income-statement",
        "journal",
        "reconciliation",
        "remittance",
        "sub-ledger",
        "trial-balance",
        "voucher",
    ]
)
"""All of them write by `ledger.cli.books.printing`, as the two above do."""
ELSEWHERE: Final = {
    "archive export": "tests/control/conservation/test_archive.py",
    "book voucher attachments": "tests/books/test_entering.py",
    "db base": "tests/faults/test_lost_machines.py",
    "db recipient": "tests/db/test_backup.py",
    "evidence export": "tests/scenes/signed.py",
    "generate": "made-up records, of nobody",
    "key export": "public keys and names of officials",
    "key publish": "as key export",
    "seal export": "tests/reports/seal/test_seal.py",
    "statement": "an institution's, written as the reports are",
    "user key": "tests/access/test_administrators.py",
}
"""Commands that need more than a founded region to have anything to write, and where they are run; whatever opens a file or makes a
folder past ledger/core/private.py the lint finds (tests/lint)."""


@pytest.fixture
def loose() -> Iterator[None]:
    """The umask most machines have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def outs() -> set[str]:
    """Every command with an option `--out` that is a path."""
    found: set[str] = set()

    def walk(command: Any, name: str) -> None:
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}")
        if any("--out" in one.opts for one in command.params):
            found.add(name)

    for word in WORDS:
        made = load(word)
        walk(get_command(made) if isinstance(made, typer.Typer) else made, word.name)
    return found


def modes(root: Path) -> dict[str, str]:
    """Each file and folder below `root`, by name, with its mode."""
    return {
        str(path.relative_to(root)): f"{path.stat().st_mode & 0o777:o}{'/' if path.is_dir() else ''}"
        for path in root.rglob("*")
    }


@pytest.mark.usefixtures("loose")
@pytest.mark.parametrize("words", sorted(RUN))
def test_a_file_for_a_person_is_theirs_alone(words: str, there: Callable[..., Ended], tmp_path: Path) -> None:
    out = tmp_path / "made" / "for" / "one"
    book = BOOK if words.split()[0] in ("book", "export", "report") else ()
    ended = there(*words.split(), *book, *RUN[words], "--out", str(out))
    if ended.code != 0 and not out.parent.exists():  # which wants the folder there
        out.parent.mkdir(parents=True, mode=0o700)
        for folder in (tmp_path / "made", out.parent):
            folder.chmod(0o700)
        ended = there(*words.split(), *book, *RUN[words], "--out", str(out))
    assert ended.code == 0, ended.err
    found = modes(tmp_path)
    assert found
    assert set(found.values()) <= {"600", "700/"}, found


def test_every_command_that_writes_a_file_is_known() -> None:
    assert outs() == {*RUN, *PRINTED, *ELSEWHERE}
