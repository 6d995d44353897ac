"""Strangers' turns: the addresses one after the other, few of each wait, and nobody waits longer than he may."""

from __future__ import annotations

import asyncio

import pytest

from ledger.api.problems import TooMany
from ledger.api.wire.turns import OF_ONE_MAX, Turns
from ledger.core.errors import Unavailable


async def _serve(turns: Turns, address: str, served: list[str], go_on: asyncio.Event) -> None:
    async with turns.one(address):
        served.append(address)
        await go_on.wait()


def test_a_flood_of_one_address_waits_behind_itself() -> None:
    async def run() -> list[str]:
        turns, served, go_on = Turns(1), list[str](), asyncio.Event()
        wanted = ["10.0.0.9"] * (1 + OF_ONE_MAX) + ["10.0.0.3", "2001:db8::1", "2001:db8::2"]
        tasks = [asyncio.create_task(_serve(turns, one, served, go_on)) for one in wanted]
        while len(turns) < len(wanted) - 1:
            await asyncio.sleep(0)
        with pytest.raises(TooMany) as refused:
            await _serve(turns, "10.0.0.9", served, go_on)
        assert refused.value.code == "key.refused_often"
        go_on.set()
        await asyncio.gather(*tasks)
        assert len(turns) == 0
        return served

    assert asyncio.run(run()) == [
        "10.0.0.9", "10.0.0.9", "10.0.0.3", "2001:db8::1", "10.0.0.9", "2001:db8::2", "10.0.0.9", "10.0.0.9",
    ]  # fmt: skip


def test_who_waited_in_vain_or_went_away_is_not_waited_for() -> None:
    async def run() -> None:
        turns, served, go_on = Turns(1, seconds=0.01), list[str](), asyncio.Event()
        first = asyncio.create_task(_serve(turns, "10.0.0.1", served, go_on))
        while not served:
            await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refused:
            await _serve(turns, "10.0.0.2", served, go_on)
        assert refused.value.code == "service.busy"
        gone = asyncio.create_task(_serve(turns, "10.0.0.3", served, go_on))
        while not len(turns):
            await asyncio.sleep(0)
        gone.cancel()
        go_on.set()
        await asyncio.gather(first, gone, return_exceptions=True)
        await _serve(turns, "10.0.0.4", served, go_on)
        assert (served, len(turns)) == (["10.0.0.1", "10.0.0.4"], 0)

    asyncio.run(run())
