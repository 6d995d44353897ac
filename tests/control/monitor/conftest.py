"""The month and the town of the fund's tests."""

from __future__ import annotations

from tests.scenes.month import kept_hospitals, month
from tests.scenes.town import town

__all__ = ["kept_hospitals", "month", "town"]
