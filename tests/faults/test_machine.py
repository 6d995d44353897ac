"""Real faults of one machine under the ledger: killed, frozen, full, failing and spoilt disks, a standby, an old primary.

After every one `verify` finds nothing, what was acknowledged is there once, and what was not may be sent again.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ledger.api.problems import of_error
from ledger.control.verify import verify
from ledger.core.errors import Conflict, LedgerError, Unavailable
from ledger.db import liveness
from ledger.db.connections import direct
from ledger.db.engine import service_engine
from ledger.db.server import MEMORY, require_safe
from ledger.db.unit_of_work import unit_of_work

PAGE = 8192


def acknowledged(machine: Any, fen: int) -> None:
    """What the books hold once the machine is whole again: so much, and nothing is wrong with it."""
    assert machine.total() == fen
    assert machine.findings() == []


@pytest.mark.fault(8, 10)
@pytest.mark.judge("cc")
@pytest.mark.parametrize("trouble", ["full", "sync"])
def test_a_disk_that_fails_under_the_log_acknowledges_nothing(machine: Any, trouble: str) -> None:
    machine.post(machine.draft())
    before = machine.total()
    lost = machine.draft()
    machine.flag.write_text(trouble, encoding="utf-8")
    machine.flag.chmod(0o644)
    with pytest.raises(Unavailable) as unknown:
        machine.post(lost)
    assert unknown.value.code in ("db.commit_unknown", "db.unreachable")
    with pytest.raises(LedgerError):  # and the next is told so as well, until there is room again
        machine.post(machine.draft())
    assert "PANIC" in machine.log()
    machine.flag.unlink()
    machine.start()
    assert machine.total() in (before, before + 100)  # unknown is unknown
    machine.post(lost)
    acknowledged(machine, before + 100)


@pytest.mark.slow
@pytest.mark.fault(6)
@pytest.mark.parametrize("whole", [True, False], ids=["every process", "the postmaster alone"])
def test_a_database_killed_in_a_bulk_load_has_all_or_nothing(machine: Any, whole: bool) -> None:
    before = machine.total()
    drafts = [machine.draft() for _ in range(3000)]
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(machine.post, *drafts)
        while not machine.admin(
            "SELECT 1 FROM pg_stat_activity WHERE usename = 'fundledger_service' AND state = 'active'"
        ):
            assert not load.done()
        time.sleep(0.05)
        if whole:
            machine.kill()
        else:  # its children see that it is gone, each at its next wait
            os.kill(machine.postmaster(), signal.SIGKILL)
        try:
            load.result()
            done = 100 * len(drafts)  # the backend came to its COMMIT before it looked
        except Unavailable:
            done = 0
        assert not (whole and done)
    machine.start()
    assert machine.total() in (before + done, before + 100 * len(drafts))
    if not done and whole:
        assert machine.total() == before
    machine.post(*drafts)
    acknowledged(machine, before + 100 * len(drafts))


@pytest.mark.fault(7)
def test_another_regions_database_is_killed(machine: Any, world: Any) -> None:
    """The other cell books on without a single refusal; what was for the killed one is booked nowhere, and later there."""
    before, lost = machine.total(), machine.draft("of the killed")
    beside = direct(world.settings)
    booked: list[str] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            key = f"B{len(booked)}"
            machine.post(machine.draft(key), engine=beside)
            booked.append(key)

    def more() -> None:
        there, deadline = len(booked), time.monotonic() + 10
        while len(booked) < there + 5:
            assert not going.done(), going.exception()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on)
        try:
            more()
            machine.kill()
            for _ in range(3):
                with pytest.raises(Unavailable) as told:
                    machine.post(lost)
                answer = of_error(told.value)
                assert (answer.status, dict(answer.headers)[b"retry-after"] != b"") == (503, True)
                more()
        finally:
            stop.set()
        going.result()
    beside.dispose()
    with psycopg.connect(world.admin_url) as admin:
        there = [key for (key,) in admin.execute("SELECT source_key FROM books.source ORDER BY seq")]
    assert there == booked
    assert MEMORY in {path.name for path in machine.home.iterdir()}
    machine.start()
    machine.post(lost)
    acknowledged(machine, before + 100)


@pytest.mark.fault(13)
def test_a_commit_that_completes_after_the_caller_gave_up_is_not_done_twice(machine: Any) -> None:
    before, draft = machine.total(), machine.draft()
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # the caller, with connections of its own; it is killed while it waits for its COMMIT
        try:
            commit = psycopg.Connection.commit

            def slowly(connection: psycopg.Connection[Any]) -> None:
                os.write(ready[1], b"1")
                os.read(go[0], 1)
                commit(connection)

            psycopg.Connection.commit = slowly  # type: ignore[method-assign] # this copy dies with it
            machine.post(draft)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    frozen = machine.processes()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    os.write(go[1], b"1")
    time.sleep(0.2)  # its COMMIT lies in the socket of a server that does not run
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    for end in (*ready, *go):
        os.close(end)
    deadline = time.monotonic() + 10
    while machine.total() == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert machine.total() == before + 100
    assert [one.outcome for one in machine.post(draft)] == ["replayed"]
    acknowledged(machine, before + 100)


@pytest.mark.fault(13)
def test_who_waits_for_a_frozen_database_is_told_unknown_and_it_is_not_done_twice(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gives up by itself, while its COMMIT lies with a server that will complete it later."""
    monkeypatch.setattr(liveness, "FROZEN_SECONDS", 1.0)
    monkeypatch.setattr(liveness, "NEW_SECONDS", 0.2)
    before, draft = machine.total(), machine.draft()
    engine = service_engine(machine.settings)
    watched = liveness.Liveness(service_engine(machine.settings, ping=False), [engine])
    commit = psycopg.Connection.commit
    frozen: list[int] = []

    def freezing(connection: psycopg.Connection[Any]) -> None:
        if not frozen and threading.current_thread() is threading.main_thread():
            frozen.extend(machine.processes())
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
        commit(connection)

    monkeypatch.setattr(psycopg.Connection, "commit", freezing)
    try:
        with pytest.raises(Unavailable) as unknown:
            machine.post(draft, engine=engine)
        assert unknown.value.code == "db.commit_unknown"
        with pytest.raises(Unavailable):  # and who comes now does not wait at all
            watched.require()
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    assert frozen
    deadline = time.monotonic() + 10
    while machine.total() == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert machine.total() == before + 100
    assert [one.outcome for one in machine.post(draft, engine=engine)] == ["replayed"]
    watched.close()
    engine.dispose()
    acknowledged(machine, before + 100)


def heap_of(machine: Any, table: str) -> Any:
    """The file of a table, or of its fullest partition, and its first page's place."""
    [(path,)] = machine.admin(
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
        " WHERE c.relkind = 'r' AND (c.oid = %s::regclass OR i.inhparent = %s::regclass)"
        " ORDER BY pg_relation_size(c.oid) DESC LIMIT 1",
        table,
        table,
    )
    return machine.data / path


@pytest.mark.fault(11)
def test_a_flipped_byte_is_an_error_and_never_another_total(machine: Any) -> None:
    machine.post(machine.draft())
    before = machine.total()
    machine.admin("CHECKPOINT")
    heap = heap_of(machine, "books.entry")
    machine.stop()
    good = heap.read_bytes()
    bad = bytearray(good)
    bad[PAGE - 20] ^= 1
    heap.write_bytes(bad)
    machine.start()
    with pytest.raises(psycopg.errors.DataCorrupted, match="invalid page"):
        machine.total()
    with machine.engine("auditor") as auditor, pytest.raises(psycopg.errors.DataCorrupted):
        verify(auditor, machine.home)
    with pytest.raises(Unavailable) as told, machine.engine() as engine:
        read_as_service(engine)
    assert told.value.code == "db.damaged"
    machine.stop()
    heap.write_bytes(good)  # what a restore brings back (test_lost_machines)
    machine.start()
    acknowledged(machine, before)


def read_as_service(engine: Any) -> None:
    with unit_of_work(engine, "li", 420100) as tx:
        tx.value("SELECT sum(amount_fen) FROM books.leg")


@pytest.mark.fault(12)
def test_a_torn_page_is_repaired_from_the_log(machine: Any) -> None:
    machine.admin("CHECKPOINT")
    before = machine.total()
    machine.post(machine.draft())  # the first touch after a checkpoint writes the whole page into the log
    heap = heap_of(machine, "books.entry")
    machine.kill()
    pages = bytearray(heap.read_bytes())
    torn = len(pages) - PAGE // 2
    pages[torn:] = os.urandom(PAGE // 2)
    heap.write_bytes(pages)
    machine.start()
    acknowledged(machine, before + 100)


UNSAFE = {"full_page_writes": "off", "synchronous_commit": "off", "zero_damaged_pages": "on"}


@pytest.mark.fault(12)
def test_settings_that_may_lose_what_was_acknowledged_are_refused(machine: Any) -> None:
    for name, value in UNSAFE.items():
        machine.admin(f"ALTER SYSTEM SET {name} = {value}")
    machine.admin("SELECT pg_reload_conf()")
    try:
        deadline = time.monotonic() + 5
        while machine.admin("SHOW zero_damaged_pages") != [("on",)] and time.monotonic() < deadline:
            time.sleep(0.02)
        with psycopg.connect(machine.cluster.admin_url()) as admin, pytest.raises(Conflict) as refused:
            require_safe(admin)
        assert refused.value.code == "db.unsafe"
        assert all(f"{name}={value}" in refused.value.message for name, value in UNSAFE.items())
        assert [(one.promise, one.entry) for one in machine.findings()] == [
            ("INV-02", name) for name in UNSAFE
        ]
    finally:
        machine.admin("ALTER SYSTEM RESET ALL")
        machine.admin("SELECT pg_reload_conf()")


@pytest.mark.fault(21, 22)
def test_a_standby_and_an_old_primary_are_refused(machine: Any) -> None:
    machine.post(machine.draft())
    before = machine.total()
    machine.stop()
    old = machine.home / "pg" / "old"
    subprocess.run(["/bin/cp", "-a", machine.data, old], check=True)
    (machine.data / "standby.signal").touch()
    machine.start()
    with pytest.raises(Conflict) as standby:
        machine.post(machine.draft())
    assert standby.value.code == "db.standby"
    assert machine.admin("SELECT pg_promote()") == [(True,)]
    machine.post(machine.draft())
    machine.stop()
    new = machine.home / "pg" / "new"
    machine.data.rename(new)
    old.rename(machine.data)
    machine.start()  # the old primary comes back with what it had, and would take writes
    assert machine.total() == before
    with pytest.raises(Conflict) as fenced:
        machine.post(machine.draft())
    assert fenced.value.code == "db.fenced"
    machine.stop()
    shutil.rmtree(machine.data)
    new.rename(machine.data)
    machine.start()
    acknowledged(machine, before + 100)


@pytest.mark.fault(21)
def test_a_commit_that_the_standby_never_had_is_unknown(machine: Any) -> None:
    """Its wait cut short, PostgreSQL says COMMIT with a warning: done here, and lost if this machine is."""
    before, draft = machine.total(), machine.draft()
    machine.admin("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    machine.admin("SELECT pg_reload_conf()")
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(machine.post, draft)
            while not machine.admin(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                " AND usename = 'fundledger_service'"
            ):
                assert not waiting.done(), waiting.result()
                time.sleep(0.02)
            with pytest.raises(Unavailable) as unknown:
                waiting.result()
        assert unknown.value.code == "db.commit_unknown"
    finally:
        machine.admin("ALTER SYSTEM RESET ALL")
        machine.admin("SELECT pg_reload_conf()")
    while machine.admin("SHOW synchronous_standby_names") != [("",)]:
        time.sleep(0.02)
    assert [one.outcome for one in machine.post(draft)] == ["replayed"]
    acknowledged(machine, before + 100)
