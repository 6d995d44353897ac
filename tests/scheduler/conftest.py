"""An app of the system's user with a home and a clock of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.bootstrap import App
from tests.scenes.passwords import passwords_of


@pytest.fixture
def app_on(world: Any, home: Path) -> Iterator[Callable[..., App]]:
    """`app_on(day, user)`: anchors go to a home of its own."""
    made: list[App] = []

    def app(day: date, user: str = "xitong", **more: Any) -> App:
        own = world.settings.model_copy(
            update={
                "home": home,
                "today": day,
                **passwords_of(world.settings.home, home),
                **more,
            }
        )
        made.append(App(own, user))
        return made[-1]

    yield app
    while made:
        made.pop().close()
