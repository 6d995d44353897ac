"""A public class name is defined once in the product, so that a reader who searches for it meets the one that is meant."""

from __future__ import annotations

import ast
from collections import defaultdict

from tests.docs.rooms import ROOT, tracked

PRODUCT = ("ledger", "adapters", "reports", "scheduler")
TWICE: dict[str, str] = {}
"""Names that may be defined more than once → why."""


def defined() -> dict[str, list[str]]:
    """Public class name → the files that define it, nested classes too."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in tracked("*.py"):
        if path.parts[0] in PRODUCT:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path))
    return found


def test_no_public_class_name_is_defined_twice() -> None:
    found = defined()
    assert len(found) > 300
    assert {name: files for name, files in found.items() if len(files) > 1 and name not in TWICE} == {}


def test_every_exception_is_needed_and_has_a_reason() -> None:
    found = defined()
    assert [name for name, why in TWICE.items() if len(found[name]) < 2 or not why] == []
