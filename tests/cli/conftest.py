"""The program's own `main`, run in this process on a world's database."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from ledger.cli.line.acting import ACTING
from ledger.cli.main import main
from ledger.settings import get_settings


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> dict[str, Any]:
        """The last line of standard output, which is one JSON object."""
        document = json.loads(self.out.splitlines()[-1])
        assert isinstance(document, dict)
        return document


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """`fundledger WORD…` through `main`, in an environment of these variables."""

    def run(*words: str, **env: str) -> Ended:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["fundledger", *words])
        get_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Ended(int(ended.value.code or 0), told.out, told.err)

    yield run
    ACTING.user = ""
    get_settings.cache_clear()


@pytest.fixture
def there(world: Any, command: Callable[..., Ended]) -> Callable[..., Ended]:
    """The same on the founded region, for a user named in the words."""
    env = {"FUNDLEDGER_HOME": str(world.settings.home), "DATABASE_URL": world.admin_url}
    return lambda *words: command(*words, **env)
