"""The program's own `main`, run in this process on a world's database."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.scenes.line import Ended, typed


@pytest.fixture
def command() -> Callable[..., Ended]:
    """`fundledger WORD…` through `main`, in an environment of these variables."""
    return lambda *words, **env: typed(*words, env={**os.environ, **env})


@pytest.fixture
def there(world: Any, command: Callable[..., Ended]) -> Callable[..., Ended]:
    """The same on the founded region, for a user named in the words."""
    env = {"FUNDLEDGER_HOME": str(world.settings.home), "DATABASE_URL": world.admin_url}
    return lambda *words: command(*words, **env)
