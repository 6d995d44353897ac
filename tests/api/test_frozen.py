"""A database that hangs and a service that is full: everybody is told soon, and it goes on by itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import httpx
import psycopg
import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire import places
from ledger.cli.remote import Remote
from ledger.db import engine, liveness
from ledger.db.liveness import Liveness
from ledger.db.passwords import Working
from ledger.db.watch import Watched, cut_older
from tests.scenes.served import served

READY = "/health/ready"
BOOKS = "/api/v1/books"


def timed(client: httpx.Client, path: str, **more: Any) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    answer = client.get(path, **more)
    return answer, time.monotonic() - began


def brought(client: httpx.Client, world: Any, seed: int) -> httpx.Response:
    headers = {"content-type": "application/json", **world.auth("intake")}
    return client.post("/api/v1/settlements", content=world.originals(1, seed)[0], headers=headers)


def acted(client: httpx.Client, world: Any, name: str, user: str, values: dict[str, str]) -> httpx.Response:
    word, _, command = name.partition(" ")
    headers = {"content-type": "application/json", **world.auth(user)}
    return client.post(f"/api/v1/acts/{word}/{command}", json=values, headers=headers)


ASKED: Final[dict[Working, Callable[[httpx.Client, Any, int], httpx.Response]]] = {
    # a key nobody brought within the last seconds is looked up by the service
    "service": lambda client, world, n: client.get(BOOKS, headers={"authorization": f"Bearer {world.new_key('maker')}"}),
    "read": lambda client, world, n: client.get(BOOKS, headers=world.auth("accountant")),
    "books": lambda client, world, n: acted(client, world, "book index", "accountant", {"book": "420100-310"}),
    "payments": lambda client, world, n: acted(client, world, "payments ask", "system", {"region": "420100"}),
    "intake": brought,
}  # fmt: skip
"""What each login is asked for, over HTTP."""


def pool_of(service: Any, login: Working) -> Any:
    return service._storing if login == "intake" else service._posts.of_post(login)


def fill(held: ExitStack, pool: Any) -> int:
    """Borrow every connection a pool can give; how many there were."""
    there = pool.pool.size() + pool.pool._max_overflow
    for _ in range(there):
        held.enter_context(pool.connect())
    return int(there)


@pytest.mark.fault(16)
def test_each_logins_pool_can_be_full(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever login has no connection left, what it is asked for is 503 with Retry-After; the others go on."""
    monkeypatch.setattr(engine, "POOL_SECONDS", 0.3)
    with (
        served(make_service(world.settings, Remote)) as service,
        httpx.Client(base_url=service.address, timeout=30) as client,
    ):
        for n, ask in enumerate(ASKED.values()):
            assert ask(client, world, n).status_code in (200, 201)
        sizes = {}
        for login, ask in ASKED.items():
            with ExitStack() as held:
                sizes[login] = fill(held, pool_of(service, login))
                began = time.monotonic()
                answer = ask(client, world, 100)
                assert (answer.status_code, answer.headers.get("retry-after")) == (503, "1"), login
                assert answer.json()["code"] == "service.busy", login
                assert time.monotonic() - began < 3, login
                if login in ("books", "payments"):  # what was refused has its line, by the service's login
                    word = {"books": "search.index", "payments": "payments.ask"}[login]
                    assert (
                        world.count("access.operator_log", f"action = '{word}' AND outcome = 'refused'") == 1
                    )
                for n, (other, way) in enumerate(ASKED.items()):
                    if other not in (login, "service") and login not in (
                        "service",
                        "read",
                    ):  # those all need to know who asks
                        assert way(client, world, 200 + n).status_code in (200, 201), (login, other)
            assert ask(client, world, 300).status_code in (200, 201), login
        with psycopg.connect(world.database.admin_url) as admin:
            most = int(admin.execute("SHOW max_connections").fetchone()[0])  # type: ignore[index]
        assert (
            sum(sizes.values()) + 1 < most / 2
        )  # half is left to the worker, to commands, to a second service


def test_nothing_is_opened_before_it_is_asked_for(world: Any) -> None:
    with served(make_service(world.settings, Remote)) as service:
        opened = {login: pool_of(service, login).pool.checkedin() for login in ASKED}
        assert opened == {"service": 1, "read": 0, "books": 0, "payments": 0, "intake": 0}


@pytest.mark.fault(13, 16, 70)
def test_hanging_and_full(
    world: Any, service: Any, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n, ask in enumerate(ASKED.values()):
        assert ask(client, world, n).status_code in (200, 201)
    assert timed(client, READY)[0].status_code == 200

    # Every connection of the pool is another's: 503 with Retry-After within seconds, and `ready` does not care.
    with ExitStack() as held:
        fill(held, pool_of(service, "read"))
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
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'fundledger\\_%' AND usename <> current_user"
            )
        ]
        assert len(pids) >= len(ASKED)  # of every login
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            answer, took = timed(client, READY)
            assert (answer.status_code, answer.headers["retry-after"], took < 1.5) == (503, "1", True)
            answer, took = timed(client, BOOKS, headers=world.auth("accountant"))
            assert (answer.status_code in (200, 503), took < 15) == (True, True)
            if answer.status_code == 503:
                assert answer.headers["retry-after"]
            for n, (login, ask) in enumerate(ASKED.items()):
                began = time.monotonic()
                answer = ask(client, world, 400 + n)
                assert answer.status_code in (200, 201, 503), login
                assert answer.status_code != 503 or answer.headers["retry-after"], login
                assert time.monotonic() - began < 15, login
            until = time.monotonic() + 20
            while timed(client, READY)[0].status_code != 200:
                assert time.monotonic() < until
            for n, (login, ask) in enumerate(ASKED.items()):
                assert ask(client, world, 500 + n).status_code in (200, 201), login
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
    asking = service_engine(database.settings, ping=False)
    watched = Liveness(asking)
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
