"""A command line as a person types it, run through the program's own `main` in this process: no interpreter to start."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, NamedTuple
from unittest.mock import patch

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


@contextmanager
def _as_if_alone(words: tuple[str, ...], env: Mapping[str, str]) -> Iterator[None]:
    """What a process of its own would find: its arguments, its environment, settings nobody has read, nobody acting."""
    try:
        with patch("sys.argv", ["fundledger", *words]), patch.dict(os.environ, env, clear=True):
            get_settings.cache_clear()
            yield
    finally:
        ACTING.user = ""
        get_settings.cache_clear()


def typed(*words: str, env: Mapping[str, str]) -> Ended:
    """`fundledger WORD…` in exactly this environment."""
    out, err, code = StringIO(), StringIO(), 0
    with _as_if_alone(words, env), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())
