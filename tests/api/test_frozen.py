"""A database that hangs and a service that is full: everybody is told soon, and it goes on by itself."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest

from ledger.api.wire import places
from ledger.db import liveness
from ledger.db.liveness import Liveness
from ledger.db.watch import Watched, cut_older

READY = "/health/ready"
BOOKS = "/api/v1/books"


def timed(client: httpx.Client, path: str, **more: Any) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = client.get(path, **more)
    return answer, time.monotonic() - began


@pytest.mark.fault(13, 16, 70)
def test_hanging_and_full(
    world: Any, service: Any, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timed(client, BOOKS, headers=world.auth("accountant"))[0].status_code == 200
    assert timed(client, READY)[0].status_code == 200

    # Every connection of the pool is another's: 503 with Retry-After within seconds, and `ready` does not care.
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(service.engine.connect())
        answer, took = timed(client, BOOKS, headers=world.auth("accountant"))
        assert (answer.status_code, answer.headers["retry-after"], took < 6) == (503, "1", True)
        answer, took = timed(client, READY)
        assert (answer.status_code, took < 1.5) == (200, True)
    assert timed(client, BOOKS, headers=world.auth("accountant"))[0].status_code == 200

    # Every place is taken: the same, whoever waits.
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(service._places._free, "_value", 0)
    answer, took = timed(client, BOOKS, headers=world.auth("accountant"))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "service.busy",
        "1",
    )
    monkeypatch.setattr(service._places._free, "_value", 6)

    # The server's processes stand still: `ready` says so within a second, a question is given up within seconds,
    # and with new connections all is well again although the old ones never answer.
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        pids = [
            pid
            for (pid,) in admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'fundledger_service'"
            )
        ]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            answer, took = timed(client, READY)
            assert (answer.status_code, answer.headers["retry-after"], took < 1.5) == (503, "1", True)
            answer, took = timed(client, BOOKS, headers=world.auth("accountant"))
            assert (answer.status_code in (200, 503), took < 15) == (True, True)
            if answer.status_code == 503:
                assert answer.headers["retry-after"]
            until = time.monotonic() + 20
            while timed(client, READY)[0].status_code != 200:
                assert time.monotonic() < until
            assert timed(client, BOOKS, headers=world.auth("accountant"))[0].status_code == 200
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def test_a_wait_is_cut_and_nothing_else(database: Any) -> None:
    """The wait that began before is cut; the connection beside it, and what comes after, are not."""
    url = database.admin_url
    with Watched.connect(url, autocommit=True) as one, Watched.connect(url, autocommit=True) as other:
        import threading

        failed: list[BaseException] = []

        def wait() -> None:
            try:
                one.execute("SELECT pg_sleep(30)")
            except psycopg.OperationalError as error:
                failed.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.3)
        assert cut_older(time.monotonic() - 30) == 0
        assert cut_older(time.monotonic()) == 1
        thread.join(10)
        assert len(failed) == 1
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_it_asks_again_when_the_database_is_back(database: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be reached, then can; its clock beside ours."""
    import asyncio

    from ledger.core.errors import Unavailable
    from ledger.db.engine import service_engine

    monkeypatch.setattr(liveness, "EVERY_SECONDS", 0.1)
    engine = service_engine(database.settings, ping=False)
    watched = Liveness(engine)
    try:
        asyncio.run(watched.ask())
        assert abs(watched.skew_seconds) < 5
        monkeypatch.setattr(watched, "_ask_once", lambda: Unavailable("db.unreachable", "x"))
        time.sleep(0.3)
        with pytest.raises(Unavailable, match="unreachable"):
            asyncio.run(watched.ask())
        monkeypatch.undo()
        time.sleep(0.3)
        asyncio.run(watched.ask())
    finally:
        watched.close()
