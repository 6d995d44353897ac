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
from tests.web.conftest import Browser

STRANGERS = THREADS + 2


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
