"""A machine of its own: a durable database of a founded region that tests may kill, freeze, fill and spoil, and start again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.journal import post
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.entries import Book, EntryDraft, Posted, credit, debit
from ledger.db.cluster import Cluster
from ledger.db.connections import Engine, direct
from ledger.db.migrate import migrate
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION, found_demo
from tests.scenes.server import new_home

DAY = date(2026, 10, 14)
BOOK = Book(DEMO_REGION, 310)
SOURCE = Path(__file__).with_name("faulty.c")


@dataclass
class Machine:
    """One server with one home; `post` is money booked by the service and acknowledged, or an error."""

    home: Path
    cluster: Cluster
    flag: Path
    keys: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.cluster.admin_url())

    @property
    def data(self) -> Path:
        return self.cluster.data

    @contextmanager
    def engine(self, login: Any = "service") -> Iterator[Engine]:
        made = direct(self.settings, login)
        try:
            yield made
        finally:
            made.dispose()

    def draft(self, key: str = "", fen: int = 100) -> EntryDraft:
        """An entry that posts; it moves no money, so that nothing else must stand behind it."""
        return EntryDraft(
            "MAN", key or f"K{next(self.keys)}", DAY, "调整", (debit(1001, fen), credit(1005, fen)), "MAN@1",
            "rule:MAN@1", "qian",
        )  # fmt: skip

    def post(self, *drafts: EntryDraft, engine: Engine | None = None) -> list[Posted]:
        if engine is not None:
            with unit_of_work(engine, "li", DEMO_REGION) as tx:
                return post(tx, BOOK, DAY, drafts)
        with self.engine() as own:
            return self.post(*drafts, engine=own)

    def admin(self, query: Any, *values: Any) -> Any:
        with psycopg.connect(self.cluster.admin_url(), autocommit=True) as admin:
            cursor = admin.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def total(self) -> int:
        """What the lines of the journal add up to on one side."""
        [(fen,)] = self.admin(
            "SELECT coalesce(sum(amount_fen) FILTER (WHERE side = 1), 0)::bigint FROM books.leg"
        )
        return int(fen)

    def findings(self) -> list[Breach]:
        """What verify names, but for what stands behind these entries: nothing does."""
        undrafted = "手工凭证没有经另一人批准的草稿"
        with self.engine("auditor") as auditor:
            found = verify(auditor, self.home)
        about_business = ("T", "INV-08", "INV-09")
        return [
            one for one in found if not one.promise.startswith(about_business) and one.message != undrafted
        ]

    def postmaster(self) -> int:
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def processes(self) -> list[int]:
        """The postmaster and every process it has."""
        first = self.postmaster()
        found = [first]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == first:
                found.append(int(stat.parent.name))
        return found

    def kill(self) -> None:
        """As by a power cut: every process at once."""
        gone = self.processes()
        for pid in gone:
            with suppress(ProcessLookupError):  # one that ended by itself meanwhile
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{pid}/exe").exists() for pid in gone) and time.monotonic() < deadline:
            time.sleep(0.01)

    def start(self) -> None:
        self.cluster.start()

    def stop(self) -> None:
        self.cluster.stop()

    def log(self) -> str:
        return "".join(
            path.read_text(encoding="utf-8", errors="replace")
            for path in sorted((self.cluster.pg / "log").glob("*.log"))
        )


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The library that makes a disk fail, where there is a compiler; its tests are marked `judge("cc")`."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    made = tmp_path_factory.mktemp("faulty") / "faulty.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl"], check=True)
    return made


@pytest.fixture(scope="module")
def running(faulty: Path | None) -> Iterator[Machine]:
    home = new_home("flf-")
    cluster = Cluster(home)
    flag = home / "disk"
    before = dict(os.environ)
    try:
        if faulty is not None:
            library = home / "faulty.so"
            shutil.copy(faulty, library)
            library.chmod(0o755)
            os.environ["LD_PRELOAD"] = str(library)
            os.environ["FAULTY_FLAG"] = str(flag)
        cluster.start()
        os.environ.pop("LD_PRELOAD", None)
        machine = Machine(home, cluster, flag)
        migrate(machine.settings)
        found_demo(machine.settings, date(2026, 10, 1))
        yield machine
    finally:
        for name in ("LD_PRELOAD", "FAULTY_FLAG"):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]
        flag.unlink(missing_ok=True)
        cluster.stop("immediate")
        shutil.rmtree(home)


@pytest.fixture
def machine(running: Machine) -> Iterator[Machine]:
    """The machine, up; what a test leaves broken it has to mend."""
    running.flag.unlink(missing_ok=True)
    running.start()
    yield running
    running.flag.unlink(missing_ok=True)
