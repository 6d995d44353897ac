"""The papers of a town that pays and settles a month."""

from __future__ import annotations

from tests.scenes.month import bill, month
from tests.scenes.town import second_name, town

__all__ = ["bill", "month", "second_name", "town"]
