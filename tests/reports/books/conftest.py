"""The books that the statements are tested with."""

from __future__ import annotations

from tests.reports.statements.conftest import desk_of, employees

__all__ = ["desk_of", "employees"]
