"""Who acts in this command and where, and what it opened: known before anything else is imported."""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # for the type only: `--help` opens nothing
    from ledger.bootstrap import App


class Acting(local):
    """Who acts, as given by --as, and where, as given by --region; read by the commands through `app_for`. A thread's own."""

    def __init__(self) -> None:
        self.user = ""
        self.region = 0
        self.opened: list[App] = []
        self.warnings: list[dict[str, str]] = []
        """What to know of the acts this command has done, for its answer."""


ACTING: Final = Acting()


def close_apps() -> None:
    """Give back the connections of every app opened by this command."""
    while ACTING.opened:
        ACTING.opened.pop().close()
