"""Strangers' rates: counted by address, put off past the rate, and nobody else's word is."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire import guard, tls
from ledger.api.wire.proxies import Proxies
from ledger.api.wire.tls import context_of
from ledger.api.wire.toll import ADDRESSES_MAX, BURST_SECONDS, Buckets, Toll
from ledger.cli.remote import Remote
from tests.scenes.served import certificate_in, served

RATE = 2
BURST = int(BURST_SECONDS * RATE)
OTHER = "127.0.0.2"


def test_a_bucket_fills_again_with_time_and_no_further() -> None:
    now = [100.0]
    buckets = Buckets(RATE, lambda: now[0])
    assert [buckets.take("a") for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert buckets.take("b")
    now[0] += 1.0
    assert [buckets.take("a") for _ in range(RATE + 1)] == [True] * RATE + [False]
    now[0] += 1_000.0
    assert [buckets.take("a") for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    buckets = Buckets(RATE, lambda: 0.0)
    for number in range(ADDRESSES_MAX + 500):
        buckets.take(str(number))
    assert len(buckets._left) == ADDRESSES_MAX


@pytest.mark.parametrize(
    ("first", "second", "one"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),  # whoever has one has the network
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_what_counts_as_one_address(first: str, second: str, one: bool) -> None:
    toll = Toll(0.2, Proxies())
    assert toll.handshake(first)
    assert toll.handshake(second) is not one


def test_behind_a_proxy_each_caller_is_counted_and_the_connection_proves_nothing() -> None:
    toll = Toll(0.2, Proxies("10.0.0.1"), lambda authorization: authorization == b"Bearer good")
    mine, yours = [(b"x-forwarded-for", b"192.0.2.1")], [(b"x-forwarded-for", b"192.0.2.2")]
    assert toll.request("10.0.0.1", mine, proven=True)
    assert not toll.request("10.0.0.1", mine, proven=True)
    assert toll.request("10.0.0.1", yours, proven=True)
    assert toll.request("10.0.0.1", [*mine, (b"authorization", b"Bearer good")], proven=False)
    assert all(toll.handshake("10.0.0.1") for _ in range(10))
    assert toll.request("192.0.2.9", mine, proven=False)  # a stranger's header says nothing
    assert not toll.request("192.0.2.9", yours, proven=False)


@pytest.fixture
def strict(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(guard, "PUT_OFF_SECONDS", 0.1)
    few = world.settings.model_copy(update={"strangers_per_second": RATE})
    with served(make_service(few, Remote)) as made:
        yield made


def caller(made: Any, address: str = "127.0.0.1", verify: Any = True) -> httpx.Client:
    """A caller at an address of its own."""
    transport = httpx.HTTPTransport(local_address=address, verify=verify)
    return httpx.Client(base_url=made.address, transport=transport, timeout=10)


@pytest.mark.fault(69)
@pytest.mark.parametrize(
    "path", ["/health/live", "/api/v1/books", "/desk/login", "/nowhere", "/api/v1/codes/x"]
)
def test_a_keyless_flood_is_put_off_and_nobody_else(world: Any, strict: Any, path: str) -> None:
    body, *_ = world.originals(1)
    headers = {"content-type": "application/json", **world.auth()}
    with caller(strict) as flood, caller(strict) as honest, caller(strict, OTHER) as monitor:
        assert honest.post("/api/v1/settlements", content=body, headers=headers).status_code == 201
        answers = [flood.get(path) for _ in range(3 * BURST)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= BURST
        assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refused} == {
            ("http.too_often", "1")
        }
        assert monitor.get("/health/live").status_code == 200
        assert honest.post("/api/v1/settlements", content=body, headers=headers).status_code == 200
    with caller(strict) as anew:  # a new connection of a known caller, at the flood's own address
        assert anew.post("/api/v1/settlements", content=body, headers=headers).status_code == 200
    assert strict.toll.put_off >= len(refused)


@pytest.mark.fault(69)
def test_guessed_keys_are_put_off_before_they_are_looked_up(world: Any, strict: Any) -> None:
    """They take nothing from keyless monitors, and a good key not seen before is one guess like any other: it comes through."""
    with caller(strict) as flood, caller(strict, OTHER) as honest:
        codes = [
            flood.get("/api/v1/books", headers={"authorization": f"Bearer fl_guess{number}"}).json()["code"]
            for number in range(5)
        ]
        assert set(codes) == {"key.unknown"}
        while codes[-1] != "http.too_often":
            assert len(codes) < 60
            lines = [socket.create_connection(("127.0.0.1", flood.base_url.port or 0)) for _ in range(BURST)]
            for line in lines:
                line.sendall(b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\nauthorization: Bearer fl_x\r\n\r\n")
            codes += ["sent"] * BURST
            answer = flood.get("/api/v1/books", headers={"authorization": "Bearer fl_y"})
            codes.append(answer.json()["code"])
            for line in lines:
                line.close()
        assert flood.get("/health/live").status_code == 200
        assert honest.get("/api/v1/books", headers=world.auth("accountant")).status_code == 200


@pytest.mark.fault(69)
def test_what_cannot_be_read_is_answered_later_past_the_rate(strict: Any) -> None:
    port = int(strict.address.rpartition(":")[2])
    for _ in range(3 * BURST):
        with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as line:
            line.sendall(b"GET /a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 400 ")
    assert strict.toll.put_off >= BURST


@pytest.mark.fault(69)
def test_past_the_rate_no_handshake_is_begun(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that are there go on, other addresses come in, and after a while this one does again."""
    monkeypatch.setattr(tls, "PUT_OFF_SECONDS", 0.1)
    certificate, key = certificate_in(tmp_path / "tls")
    few = world.settings.model_copy(
        update={"tls_certificate": certificate, "tls_key": key, "strangers_per_second": RATE}
    )
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    with served(make_service(few, Remote), context_of(few)) as made:
        port = int(made.address.rpartition(":")[2])

        def shaken() -> bool:
            with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as line:
                try:
                    context.wrap_socket(line).close()
                except OSError:
                    return False
                return True

        with caller(made, verify=context) as there, caller(made, OTHER, context) as other:
            assert there.get("/health/live").status_code == 200
            assert [shaken() for _ in range(3 * BURST)].count(False) >= BURST
            assert there.get("/health/live").status_code == 200
            assert other.get("/health/live").status_code == 200
            deadline = time.monotonic() + 5
            while not shaken():
                assert time.monotonic() < deadline
                time.sleep(0.4)
        assert made.toll.put_off >= BURST
