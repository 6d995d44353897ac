"""Any report as one line of JSON."""

from __future__ import annotations

import json


def render(report: dict[str, object]) -> str:
    """One line, Chinese unescaped."""
    return json.dumps(report, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
