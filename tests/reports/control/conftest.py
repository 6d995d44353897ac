"""The town that pays, settles and reverses a month."""

from __future__ import annotations

from tests.scenes.month import bill, kept_hospitals, month
from tests.scenes.town import second_name, town

__all__ = ["bill", "kept_hospitals", "month", "second_name", "town"]
