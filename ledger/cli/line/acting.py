"""Who acts in this command and where, and what it opened: known before anything else is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # for the type only: `--help` opens nothing
    from ledger.bootstrap import App


@dataclass(slots=True)
class Acting:
    """Who acts, as given by --as, and where, as given by --region; read by the commands through `app_for`."""

    user: str = ""
    region: int = 0
    opened: list[App] = field(default_factory=list)


ACTING: Final = Acting()


def close_apps() -> None:
    """Give back the connections of every app opened by this command."""
    while ACTING.opened:
        ACTING.opened.pop().close()
