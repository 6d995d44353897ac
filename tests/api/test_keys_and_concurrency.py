"""One key, one effect, one answer; neighbours in a batch; who may send; a killed server loses and doubles nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import psycopg
import pytest

from ledger.access.keys import revoke_keys
from ledger.access.users import revoke_role
from ledger.api import auth
from ledger.api.intake.storing import Request, Worker
from ledger.core.errors import Unavailable
from ledger.db.unit_of_work import Transaction
from ledger.fund.intake import store
from ledger.fund.intake import take as intake

REGION = 420100
URL = "/api/v1/settlements"


def token(head: dict[str, str], body: dict[str, object]) -> str:
    """A JSON web token that proves itself: its own algorithm, or none."""
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)
    )
    return f"Bearer {'.'.join(parts)}."


TOKENS = (
    token({"alg": "none", "typ": "JWT"}, {"sub": "intake", "iss": "fundledger", "exp": 4_000_000_000}),
    token({"alg": "HS256", "typ": "JWT"}, {"sub": "intake", "iss": "another", "exp": 4_000_000_000}),
)


@pytest.mark.fault(54)
def test_the_same_key_and_body_get_the_first_answer(world: Any, send: Any) -> None:
    record = world.record()
    first = send(record, **{"idempotency-key": "k1"})
    again = send(record, **{"idempotency-key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert world.value("SELECT accepted + duplicate FROM fund.intake_load") == 1


def test_a_refusal_under_a_key_is_given_again(world: Any, send: Any) -> None:
    record = world.record()
    record["setlinfo"]["insutype"] = "999"
    answers = [send(record, **{"idempotency-key": "k1"}) for _ in range(2)]
    assert [a.status_code for a in answers] == [422, 422]
    assert answers[1].headers["content-type"] == "application/problem+json"
    assert answers[0].json() == answers[1].json()
    assert world.count("access.idempotency") == 1


@pytest.mark.fault(54)
def test_a_key_with_another_body_is_refused(world: Any, send: Any) -> None:
    one, other = world.originals(2)
    assert send(one, **{"idempotency-key": "k1"}).status_code == 201
    for body in (other, b"{nonsense"):
        refused = send(body, **{"idempotency-key": "k1"})
        assert (refused.status_code, refused.json()["code"]) == (409, "key_reused")
    assert world.count("fund.record") == 1
    assert world.count("fund.quarantine") == 0


def test_a_list_under_a_key(world: Any, send: Any) -> None:
    body = b'{"records": [' + b",".join(world.originals(5)) + b', {"bad": 1}]}'
    first = send(body, **{"idempotency-key": "k1"})
    again = send(body, **{"idempotency-key": "k1"})
    assert (first.json()["accepted"], first.json()["quarantined"]) == (5, 1)
    assert again.content == first.content
    assert world.value("SELECT accepted + duplicate + quarantined FROM fund.intake_load") == 6


@pytest.mark.parametrize("key", ["", "x" * 201, "a b"])
def test_a_malformed_key(send: Any, world: Any, key: str) -> None:
    answer = send(world.record(), **{"idempotency-key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "key.format")


@pytest.mark.fault(54)
def test_fifty_at_once_under_one_key_have_one_effect(world: Any, service: Any) -> None:
    [body] = world.originals(1)

    async def all_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=service.address, timeout=30) as client:
            headers = {"content-type": "application/json", "idempotency-key": "same", **world.auth()}
            return list(
                await asyncio.gather(*(client.post(URL, content=body, headers=headers) for _ in range(50)))
            )

    answers = asyncio.run(all_at_once())
    effects = [a for a in answers if a.status_code == 201 and "idempotency-replayed" not in a.headers]
    replays = [a for a in answers if a.status_code == 201 and "idempotency-replayed" in a.headers]
    waiting = [a for a in answers if a.status_code == 409]
    assert len(effects) == 1
    assert len(effects) + len(replays) + len(waiting) == 50
    assert {a.json()["code"] for a in waiting} <= {"in_flight"}
    assert {a.headers["retry-after"] for a in waiting} <= {"1"}
    assert {a.content for a in replays} <= {effects[0].content}
    assert world.count("fund.record") == 1
    assert world.value("SELECT accepted + duplicate FROM fund.intake_load") == 1


@pytest.mark.fault(19)
def test_in_flight_while_the_first_is_still_being_stored(
    world: Any, service: Any, client: httpx.Client
) -> None:
    """Another session holds the institution's row hostage until we let go."""
    [body] = world.originals(1)
    headers = {"content-type": "application/json", "idempotency-key": "slow", **world.auth()}
    with psycopg.connect(world.database.admin_url) as hostage, ThreadPoolExecutor(1) as pool:
        hostage.execute("LOCK TABLE fund.record IN ACCESS EXCLUSIVE MODE")
        first = pool.submit(lambda: client.post(URL, content=body, headers=headers))
        deadline = time.monotonic() + 10
        while not service.batcher._keys:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        second = httpx.post(service.address + URL, content=body, headers=headers, timeout=10)
        hostage.rollback()
        assert first.result(20).status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "in_flight")
    assert second.headers["retry-after"] == "1"


def test_many_clients_at_once(world: Any, service: Any) -> None:
    """Every record once, whatever batches they fell into; the load's counts are those of the tables."""
    bodies = world.originals(120)
    bodies += bodies[:30]

    async def all_at_once() -> list[int]:
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=service.address, timeout=60, limits=limits) as client:
            headers = {"content-type": "application/json", **world.auth()}
            found = await asyncio.gather(*(client.post(URL, content=b, headers=headers) for b in bodies))
            return [a.status_code for a in found]

    statuses = asyncio.run(all_at_once())
    assert (statuses.count(201), statuses.count(200)) == (120, 30)
    assert world.count("fund.record") == 120
    row = "SELECT accepted || ' ' || duplicate || ' ' || (accepted_fen = (SELECT sum(medfee_sumamt) FROM fund.record))"
    assert world.value(row + " FROM fund.intake_load") == "120 30 true"
    batches = world.count("access.operator_log", "action = 'intake.api'")
    assert 1 <= batches < 150  # several requests shared a transaction


def requests(bodies: list[bytes], key: str = "") -> list[Request]:
    return [Request("intake", (REGION,), [body], False, key, b"\x01" * 32) for body in bodies]


def test_a_record_the_database_refuses_fails_alone(world: Any) -> None:
    """A rule only the database knows: the transaction of the batch fails, its neighbours do not."""
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        bodies = world.originals(9)
        victim = json.loads(bodies[4])["setlinfo" if b'"output"' not in bodies[4] else "output"]
        setl_id = victim.get("setl_id") or victim["setlinfo"]["setl_id"]
        admin.execute(
            psycopg.sql.SQL("ALTER TABLE fund.record ADD CHECK (setl_id <> {})").format(
                psycopg.sql.Literal(setl_id)
            )
        )
    worker = Worker(world.database.service_engine, lambda: date(2026, 10, 13))
    answers = worker.process(requests(bodies))
    assert [a.status for a in answers] == [201] * 4 + [422] + [201] * 4
    assert json.loads(answers[4].body)["code"] == "db.constraint"
    assert world.value("SELECT accepted || ' ' || quarantined FROM fund.intake_load") == "8 1"
    assert world.count("fund.record") == 8
    assert world.count("fund.quarantine", f"setl_id = '{setl_id}'") == 1


def test_an_unforeseen_error_fails_its_record_only(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = world.originals(5)
    poison = bodies[2]

    whole = store.store

    def broken(tx: Any, load: Any, records: Any, *more: Any, each: bool) -> Any:
        if any(record.setl_id.encode() in poison for record in records):
            raise ZeroDivisionError("secret text of a record")
        return whole(tx, load, records, *more, each=each)

    monkeypatch.setattr(intake, "store", broken)
    answers = Worker(world.database.service_engine, lambda: date(2026, 10, 13)).process(requests(bodies))
    assert [a.status for a in answers] == [201, 201, 500, 201, 201]
    told = json.loads(answers[2].body)
    assert told["code"] == "internal"
    assert len(told["correlation_id"]) == 16
    assert b"secret" not in answers[2].body


@pytest.mark.fault(4, 5)
def test_a_commit_of_unknown_result_is_asked_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection dies right after COMMIT: the records are there once, and the clients get an answer."""
    real = Transaction.commit
    lost = threading.Event()

    def commit(self: Any) -> None:
        stored = self.value("SELECT count(*) FROM fund.record")
        real(self)
        if stored and not lost.is_set():
            lost.set()
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    worker = Worker(world.database.service_engine, lambda: date(2026, 10, 13))
    monkeypatch.setattr(Transaction, "commit", commit)
    answers = worker.process(requests(world.originals(6)))
    assert lost.is_set()
    assert [a.status for a in answers] == [200] * 6
    assert world.count("fund.record") == 6
    assert world.value("SELECT sum(accepted) || ' ' || sum(duplicate) FROM fund.intake_load") == "6 6"


@pytest.mark.fault(54)
def test_two_services_under_one_key(world: Any) -> None:
    """The same key in two processes: the second one's transaction is undone, or it finds the first answer."""
    workers = [Worker(world.database.service_engine, lambda: date(2026, 10, 13)) for _ in range(2)]
    one, other = world.originals(2)
    with ThreadPoolExecutor(2) as pool:
        same = list(pool.map(lambda w: w.process(requests([one], "k1"))[0], workers))
    assert {a.body for a in same} == {same[0].body}
    different = Request("intake", (REGION,), [other], False, "k1", b"\x02" * 32)
    assert workers[1].process([different])[0].status == 409
    assert world.count("fund.record") == 1


@pytest.mark.fault(68)
def test_who_may_send(world: Any, client: httpx.Client, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "KEY_SECONDS", 0.0)
    record = world.record()
    headers = {"content-type": "application/json"}
    for authorization in (
        None,
        "Bearer",
        "Basic eDp5",
        "Bearer fl_nobody",
        "Bearer 医保",
        "Bearer " + "x." * 1_500,
        *TOKENS,
    ):
        given = {} if authorization is None else {"authorization": authorization.encode()}
        answer = client.post(URL, json=record, headers={**headers, **given})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["code"] in ("key.missing", "key.unknown")
    assert send(record, "reviewer").status_code == 403  # a role, but not this one
    assert send(record, "intake2").status_code == 403  # this role, but elsewhere
    assert world.count("fund.record") == 0
    assert world.count("fund.quarantine", "code = 'region.not_allowed' AND region = 0") == 1
    expired, revoked = world.new_key("intake", expires="2020-01-01"), world.new_key("intake")
    with world.tx("admin") as tx:
        assert [one.user for one in revoke_keys(tx, key=revoked)] == ["intake"]
    for key in (expired, revoked):
        answer = client.post(URL, json=record, headers={"authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "key.unknown")
    assert send(record).status_code == 201
    with world.tx("admin") as tx:
        revoke_role(tx, "intake", "intake")
    answer = send(world.originals(1, seed=9)[0])
    assert (answer.status_code, answer.json()["code"]) == (403, "access.no_role")


@pytest.mark.fault(68)
def test_a_revoked_key_ends_within_the_time_it_is_remembered(
    world: Any, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "KEY_SECONDS", 0.3)
    one, two, three = world.originals(3)
    assert send(one).status_code == 201
    with world.tx("admin") as tx:
        revoke_keys(tx, key=world.keys["intake"])
    time.sleep(0.35)
    assert send(two).status_code == 401
    assert send(three).status_code == 401


def test_a_crowd_with_one_key_has_it_looked_up_once(
    world: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[str] = []
    look_up = service.keys._look_up

    def watched(key: str) -> Any:
        looked_up.append(key)
        time.sleep(0.2)  # until all are there
        return look_up(key)

    monkeypatch.setattr(service.keys, "_look_up", watched)

    async def all_at_once(key: str) -> list[int]:
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(base_url=service.address, timeout=30) as client:
            found = await asyncio.gather(
                *(client.post(URL, content=b"{", headers=headers) for _ in range(12))
            )
            return [answer.status_code for answer in found]

    assert asyncio.run(all_at_once(world.keys["intake"])) == [422] * 12
    assert asyncio.run(all_at_once("fl_nobody")) == [401] * 12
    assert looked_up == [world.keys["intake"], "fl_nobody"]
    assert httpx.get(service.address + "/api/v1/quarantine", headers=world.auth()).status_code == 200
    assert len(looked_up) == 2  # every route believes what one route found
    assert not service.keys._asking


@pytest.mark.fault(70)
def test_unavailable_is_said_and_nothing_is_stored(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(world.database.service_engine, lambda: date(2026, 10, 13))
    monkeypatch.setattr(
        "ledger.api.intake.storing.unit_of_work",
        lambda *_: (_ for _ in ()).throw(Unavailable("db.unreachable", "x")),
    )
    [answer] = worker.process(requests(world.originals(1)))
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (503, b"1")
    assert world.count("fund.record") == 0


RUN = """
import sys
from ledger.api.server import run
from ledger.settings import Settings
run(Settings(), "127.0.0.1", int(sys.argv[1]))
"""


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def started(world: Any, port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", RUN, str(port)], env=world.database.env)
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return process
        except httpx.TransportError:
            time.sleep(0.05)


def post_all(world: Any, port: int, bodies: list[bytes], stop: threading.Event | None = None) -> list[int]:
    """Send all over eight connections; 0 where no answer came."""
    headers = {"content-type": "application/json", **world.auth()}
    done: list[int] = []

    def part(mine: list[bytes]) -> list[int]:
        found = []
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            for body in mine:
                try:
                    found.append(client.post(URL, content=body, headers=headers).status_code)
                    done.append(1)
                except httpx.TransportError:
                    found.append(0)
                if stop is not None and len(done) > 40:
                    stop.set()
        return found

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(part, [bodies[i::8] for i in range(8)]))
    result = [0] * len(bodies)
    for i, statuses in enumerate(parts):
        result[i::8] = statuses
    return result


@pytest.mark.fault(3)
def test_kill_9_in_the_middle_then_everything_again(world: Any) -> None:
    bodies = world.originals(160)
    port = free_port()
    process = started(world, port)
    enough = threading.Event()
    killer = threading.Thread(target=lambda: (enough.wait(20), os.kill(process.pid, signal.SIGKILL)))
    killer.start()
    first = post_all(world, port, bodies, enough)
    killer.join()
    assert process.wait(10) == -signal.SIGKILL
    assert 0 in first
    answered = sum(status == 201 for status in first)
    there = world.count("fund.record")
    assert answered <= there  # whatever was answered is stored; a little more may be
    process = started(world, port)
    try:
        second = post_all(world, port, bodies)
        assert {status for before, status in zip(first, second, strict=True) if before == 201} == {200}
        assert set(second) == {200, 201}
        assert second.count(200) == there
        assert world.count("fund.record") == 160
        assert world.value("SELECT count(DISTINCT setl_id) FROM fund.payable") <= 160
        assert world.value("SELECT sum(accepted) FROM fund.intake_load") == 160
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (0, -signal.SIGTERM)  # uvicorn passes the signal on when it is done
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    # The service that was stopped in order completed its load; the killed one's stays open with true counts.
    assert world.value("SELECT array_agg(complete ORDER BY load_id) FROM fund.intake_load") == [False, True]


@pytest.mark.fault(70)
def test_a_database_that_came_back_is_used_again(world: Any, send: Any) -> None:
    """All connections of the service were cut between two requests: the second does not notice."""
    one, two = world.originals(2)
    assert send(one).status_code == 201
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'fundledger_service'"
    assert world.value(cut + " AND datname = current_database()") >= 1
    assert send(two).status_code == 201
    assert world.count("fund.record") == 2
