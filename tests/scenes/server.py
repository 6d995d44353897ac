"""A server for tests, and where one can live."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from ledger.db.cluster import Cluster

ROOM_FOR_DATABASES: Final = 6 * 2**30


def memory() -> Path | None:
    """The folder that lives in memory, where there is one with room; what is synced there waits for no disk."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free > ROOM_FOR_DATABASES else None


def new_home(prefix: str = "flt-") -> Path:
    """A short folder the server's user can enter: pytest's own are 0700 and long. In memory where there is room,
    because a test's database is a copy of some hundred files."""
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=memory() or "/tmp"))
    home.chmod(0o755)
    return home


def fast_cluster(home: Path) -> Cluster:
    """A server that does not wait for the disk; FUNDLEDGER_TEST_PG_BINDIR chooses another PostgreSQL."""
    chosen = os.environ.get("FUNDLEDGER_TEST_PG_BINDIR")
    return Cluster(home, bindir=Path(chosen) if chosen else None, durable=False)
