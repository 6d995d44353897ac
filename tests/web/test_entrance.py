"""Strangers at the log-in page: while their failures are slowed, who works is answered as ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ledger.api import refused
from ledger.api.application import THREADS
from ledger.api.refused import FREE
from ledger.api.wire.kept import KNOWN_SECONDS
from tests.web.conftest import Browser

STRANGERS = THREADS + 2


def test_who_came_in_is_no_stranger_on_the_connection(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the log-in on, not from the first page after it: that one may be asked for a while later, over the same connection."""
    known: list[float] = []
    monkeypatch.setattr(desk.door, "known", lambda visitor: known.append(visitor.timeout_keep_alive))
    browser = Browser(desk.address)
    assert browser.get("/desk/login").status_code == 200
    assert browser.enter("qian", "wrong" * 4).status_code == 401
    assert browser.get("/desk/login").status_code == 200
    assert known == []
    assert browser.enter("qian").status_code == 303
    assert browser.get("/desk/login").status_code == 200  # the loop has said it before it hears this
    assert known == [KNOWN_SECONDS]


def test_strangers_that_are_slowed_take_no_place_from_who_works(
    desk: Any, sat: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than requests are worked on at once, all put off; the one who works is answered before any of them."""
    monkeypatch.setattr(refused, "FIRST_SECONDS", refused.MOST_SECONDS)
    qian = sat("qian")
    address = "127.0.0.1"

    def guess(n: int) -> int:
        form = {"user": f"nobody{n}", "password": "x" * 20, "to": "/"}
        return httpx.post(
            f"{desk.address}/desk/login", data=form, headers={"origin": desk.address}, timeout=60
        ).status_code

    assert [guess(n) for n in range(FREE)] == [401] * FREE
    tried = [threading.Thread(target=guess, args=(n,)) for n in range(STRANGERS)]
    for one in tried:
        one.start()
    kept = desk.refusals._addresses[address]
    until = time.monotonic() + 30
    while kept.waiting < STRANGERS and time.monotonic() < until:
        time.sleep(0.01)
    assert kept.waiting == STRANGERS
    assert qian.get("/desk/me").status_code == 200
    assert kept.waiting == STRANGERS  # answered while every one of them still waits
    for one in tried:
        one.join()
