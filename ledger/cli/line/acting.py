"""Who acts in this command and where, and what it opened: known before anything else is imported."""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:  # for the type only: `--help` opens nothing
    from ledger.access.signing.statement import SignedStatement
    from ledger.bootstrap import App
    from ledger.db.connections import Engine
    from ledger.settings import Settings


class Marked(NamedTuple):
    """A key under which an act is done once: which act, the key, the digest of what was asked for."""

    route: str
    key: str
    digest: bytes


class Acting(local):
    """Who acts, as given by --as, and where, as given by --region; read by the commands through `app_for`. A thread's own."""

    def __init__(self) -> None:
        self.user = ""
        self.key = ""
        self.region = 0
        self.opened: list[App] = []
        self.warnings: list[dict[str, str]] = []
        """What to know of the acts this command has done, for its answer."""
        self.forget()

    def forget(self) -> None:
        """Back to a command that nobody gave values to."""
        self.user = ""
        self.key = ""
        self.region = 0
        self.warnings = []
        self.answers: list[dict[str, Any]] | None = None
        """Where the answer goes instead of being printed: set for the service."""
        self.words: list[str] = []
        """The same answer for people, for the pages."""
        self.signatures: list[SignedStatement] = []
        """What a request to the service brought."""
        self.asks = False
        """Whether whoever sent it is asked for the signatures that are missing."""
        self.marked: Marked | None = None
        self.engine: Engine | None = None
        self.settings: Settings | None = None


ACTING: Final = Acting()


def close_apps() -> None:
    """Give back the connections of every app opened by this command."""
    while ACTING.opened:
        ACTING.opened.pop().close()
