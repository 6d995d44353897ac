"""A server for tests, and where one can live."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from ledger.db.cluster import Cluster

ROOM_FOR_DATABASES: Final = 6 * 2**30


def new_home(prefix: str = "flt-") -> Path:
    """A short folder the server's user can enter: pytest's own are 0700 and long. In memory where there is room,
    because a test's database is a copy of some hundred files."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM_FOR_DATABASES
    home = Path(tempfile.mkdtemp(prefix=prefix, dir=memory if roomy else "/tmp"))
    home.chmod(0o755)
    return home


def fast_cluster(home: Path) -> Cluster:
    """A server that does not wait for the disk; FUNDLEDGER_TEST_PG_BINDIR chooses another PostgreSQL."""
    chosen = os.environ.get("FUNDLEDGER_TEST_PG_BINDIR")
    return Cluster(home, bindir=Path(chosen) if chosen else None, durable=False)
