"""A machine is lost: brought back to a moment from a base and the archived log, or a synchronous standby takes over."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.acts.watching import watch
from ledger.books.anchors import anchors_path, write_anchors
from ledger.bootstrap import App
from ledger.core.errors import Conflict, InvalidInput, LedgerError, Unavailable
from ledger.db.cluster import Cluster
from ledger.db.connections import direct
from ledger.db.safekeeping.continuous import archive, base, recover
from ledger.db.safekeeping.sealing import make_recipient
from ledger.db.server import MEMORY
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.freeze.freeze import require_thawed
from ledger.settings import Settings
from tests.scenes.passwords import lend
from tests.scenes.server import new_home

pytestmark = pytest.mark.slow


@pytest.fixture
def beside(machine: Any) -> Iterator[Any]:
    """A second home that has the passwords of the first, and nothing else; its server is stopped."""
    home = new_home("flb-")
    lend(machine.home, home)
    made = type(machine)(home, Cluster(home), home / "disk")
    yield made
    made.cluster.stop("immediate")
    shutil.rmtree(home)


def anchor(machine: Any) -> None:
    with machine.engine("auditor") as auditor:
        write_anchors(auditor, machine.home)


def spoil(base: Path, *, sealed: bool) -> str:
    """One bit of the database turned over; the code it is refused with."""
    heap = base / "base.tar.sealed"
    if not sealed:
        tables = [path for path in (base / "base").rglob("[0-9]*") if path.is_file()]
        heap = max(tables, key=lambda path: path.stat().st_size)
    spoilt = bytearray(heap.read_bytes())
    spoilt[len(spoilt) // 2 if sealed else 100] ^= 1
    heap.write_bytes(spoilt)
    return "seal.broken" if sealed else "db.backup_damaged"


def only_for_its_recipient(base: Path, settings: Settings, tmp_path: Path) -> None:
    """Nothing of it is in clear or another's to read; without its key, with another's, or cut at a chunk's end it opens nowhere."""
    assert [path.name for path in base.iterdir()] == ["base.tar.sealed"]
    sealed = base / "base.tar.sealed"
    assert (base.stat().st_mode & 0o777, sealed.stat().st_mode & 0o777) == (0o700, 0o600)
    assert b"pg_control" not in sealed.read_bytes()
    make_recipient("别人", tmp_path / "other.key")
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / sealed.name).write_bytes(sealed.read_bytes()[: 56 + 5 * (65_536 + 16)])
    for source, key, code in (
        (base, None, "db.backup_sealed"),
        (base, tmp_path / "other.key", "seal.other_recipient"),
        (cut, tmp_path / "safe.key", "seal.broken"),
    ):
        with pytest.raises(InvalidInput) as refused:
            recover(settings, source, tmp_path, None, key)
        assert refused.value.code == code
        assert not (Cluster(settings.home).data).exists()


@pytest.mark.fault(11, 20)
@pytest.mark.parametrize("sealed", [False, True])
def test_back_to_a_moment_and_frozen(machine: Any, beside: Any, tmp_path: Path, *, sealed: bool) -> None:
    kept = Path(machine.home) / "kept"  # where the server's own user may write
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(mode=0o755)
    own = Settings(home=machine.home)  # embedded, as an installation is
    archive(own, kept / "log")
    machine.post(machine.draft())
    key = tmp_path / "safe.key"
    base(own, kept / "base", make_recipient("保管人", key) if sealed else None)
    machine.post(machine.draft())
    at_t = machine.total()
    anchor(machine)
    time.sleep(0.2)
    moment = datetime.now(UTC)
    time.sleep(0.2)
    machine.post(machine.draft())
    anchor(machine)  # the home knows more than the database will
    [(segment,)] = machine.admin("SELECT pg_walfile_name(pg_switch_wal())")
    deadline = time.monotonic() + 30
    while not (kept / "log" / segment).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    machine.kill()
    shutil.copytree(machine.home / "anchors", beside.home / "anchors")
    bad = tmp_path / "bad"
    shutil.copytree(kept / "base", bad)
    code = spoil(bad, sealed=sealed)
    settings = Settings(home=beside.home)
    with pytest.raises(InvalidInput) as refused:
        recover(settings, bad, kept / "log", moment, key if sealed else None)
    assert refused.value.code == code
    if sealed:
        only_for_its_recipient(kept / "base", settings, tmp_path)
    done = recover(settings, kept / "base", kept / "log", moment, key if sealed else None)
    assert (done.timeline, beside.total()) == (2, at_t)
    assert {one.promise for one in beside.findings()} == {
        "INV-12"
    }  # what it lacks is named, and nothing else is wrong
    app = App(settings, "li")
    try:
        watch(app, 420100)  # before any act
        with pytest.raises(Conflict) as frozen, unit_of_work(app.engine, "li", 420100) as tx:
            require_thawed(tx)
        assert frozen.value.code == "payments.frozen"
    finally:
        app.close()
    with pytest.raises(Conflict, match="recover_home"):
        recover(settings, kept / "base", kept / "log")
    machine.start()


def standby_of(machine: Any, other: Any) -> None:
    """`other` becomes the synchronous standby of `machine`, as the manual says."""
    [(slot,)] = machine.admin("SELECT pg_create_physical_replication_slot('standby')::text")
    assert slot
    where = f"host={machine.cluster.socket_dir} port=5432 user=fundledger_admin application_name=standby"
    other.cluster.pg.mkdir(mode=0o700)
    password = machine.cluster.passwords.read("admin")
    subprocess.run(
        [
            machine.cluster.bindir / "pg_basebackup",
            "-d",
            where,
            "-D",
            other.data,
            "-R",
            "-S",
            "standby",
            "-X",
            "stream",
            "-c",
            "fast",
        ],
        check=True,
        env={**os.environ, "PGPASSWORD": str(password)},
        capture_output=True,
    )
    user = machine.cluster.user
    if user.drop:
        for path in (other.cluster.pg, other.data, *other.data.rglob("*")):
            os.chown(path, user.uid, user.gid)
    other.start()
    machine.admin("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    machine.admin("SELECT pg_reload_conf()")
    deadline = time.monotonic() + 30
    while machine.admin("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'") != [(1,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.fault(21, 22)
def test_a_standby_takes_over_and_nothing_acknowledged_is_lost(machine: Any, beside: Any) -> None:
    standby_of(machine, beside)
    with pytest.raises(Conflict, match=r"db\.standby"):
        beside.post(beside.draft())
    told: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        engine = direct(machine.settings)
        for n in range(10_000):
            if stop.is_set():
                break
            key = f"W{number}-{n}"
            try:
                machine.post(machine.draft(key), engine=engine)
            except LedgerError as problem:
                if isinstance(problem, Unavailable):
                    break
                continue
            told.append(key)
        engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while len(told) < 100:
        time.sleep(0.01)
    machine.kill()  # in the middle of what they write
    stop.set()
    for thread in threads:
        thread.join()
    assert beside.admin("SELECT pg_promote()") == [(True,)]
    there = {key for (key,) in beside.admin("SELECT source_key FROM books.source")}
    assert set(told) <= there
    assert beside.findings() == []
    # the home of the installation now asks the new primary, and remembers its timeline
    promoted = Settings(home=machine.home, database_url=beside.cluster.admin_url())
    moved = direct(promoted)
    beside.post(beside.draft("after"), engine=moved)
    moved.dispose()
    machine.start()  # the old primary comes back
    with pytest.raises(Conflict, match=r"db\.fenced"):
        machine.post(machine.draft())
    (
        machine.home / MEMORY
    ).unlink()  # a service that never met the new one: what it writes waits for the standby, for ever
    waiting = threading.Thread(target=lambda: outcome.append(_posted(machine)))
    outcome: list[str] = []
    waiting.start()
    deadline = time.monotonic() + 30
    while not machine.admin(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'fundledger_service'"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    waiting.join()
    assert outcome == ["db.commit_unknown"]
    machine.admin("ALTER SYSTEM RESET synchronous_standby_names")
    machine.admin("SELECT pg_reload_conf()")


def _posted(machine: Any) -> str:
    try:
        machine.post(machine.draft("late"))
    except LedgerError as problem:
        return problem.code
    return "acknowledged"


def test_without_a_home_of_its_own_nothing_is_recovered(machine: Any, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="recover_home"):
        recover(Settings(home=machine.home), tmp_path, tmp_path)
    with pytest.raises(InvalidInput, match="archive_path"):
        archive(machine.settings, Path("/tmp/a b"))
    assert not anchors_path(tmp_path).exists()
