"""A template in which the rules found four cases; the month and the town of the fund's tests over it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenes.month import kept_hospitals, month
from tests.scenes.risk import fill_risk
from tests.scenes.town import second_name, town

__all__ = ["kept_hospitals", "month", "second_name", "town"]


@pytest.fixture(scope="session")
def kept_risk(keep: Any, kept_hospitals: str) -> str:
    return str(keep(f"{kept_hospitals}_risk", kept_hospitals, fill_risk))
