"""Files that only their owner reads: whatever leaves the database for a folder holds what persons or accounts are paid."""

from __future__ import annotations

from pathlib import Path


def private(path: Path) -> Path:
    """`path`, there and mode 0600 before anything is written into it; raises OSError where it cannot be."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path
