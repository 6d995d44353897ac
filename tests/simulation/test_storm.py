"""A region under faults drawn by a seed: three sides agree at the end, a fen amiss is found, and a seed repeats its faults."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.settings import Settings
from ledger.simulation.faults import storm as storms
from ledger.simulation.faults.draw import WEIGHTS, drawn
from ledger.simulation.faults.runs import _url, run_storms
from ledger.simulation.faults.storm import storm
from tests.scenes.passwords import passwords_of
from tests.scenes.server import fast_cluster

SEED = 3


@pytest.fixture
def settings(world: Any, home: Any) -> Settings:
    """A founded region of its own, with a home of its own."""
    own: Settings = world.settings.model_copy(
        update={
            "home": home,
            **passwords_of(world.settings.home, home),
        }
    )
    return own


@pytest.mark.fault(1, 3, 4, 5, 25, 36, 74)
def test_three_days_under_faults(settings: Settings) -> None:
    done = storm(settings, SEED, 3)
    assert done.wrong == []
    assert (done.days, done.records > 15) == (3, True)
    assert sum(done.faults.values()) >= 5
    assert {word.split()[1].split("_")[0] for word in done.faults} >= {"kill", "cut"}


@pytest.mark.slow
@pytest.mark.fault(74)
def test_what_is_amiss_is_named_with_its_seed_and_repeats_by_it(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three runs a balance is bent in the second: that seed is named, and alone it does the same once more."""
    settings = Settings(home=home / "region", database_url=fast_cluster(home).start())
    compare = storms._compare

    def bent(town: Any, told: Any) -> None:
        if told.seed == SEED + 1:
            with psycopg.connect(_url(settings, f"storm_{told.seed}")) as admin:
                admin.execute("SET session_replication_role = replica")
                admin.execute("UPDATE books.balance SET debit = debit + 1 WHERE account = 9001")
        compare(town, told)

    monkeypatch.setattr(storms, "_compare", bent)
    done = run_storms(settings, SEED, 3, 2, lambda _done, _runs: None)
    [failed] = done["failed"]
    assert failed["seed"] == SEED + 1
    assert any(line.startswith("verify：") for line in failed["wrong"])
    alone = run_storms(settings, failed["seed"], 1, 2, lambda _done, _runs: None)
    assert alone["failed"] == [failed]
    again = run_storms(settings, failed["seed"], 1, 2, lambda _done, _runs: None)
    assert (again["failed"], again["faults"]) == ([failed], alone["faults"])
    none = run_storms(settings, SEED, 3, 2, lambda _done, _runs: None, seconds=-1)
    assert (none["runs"], none["failed"]) == (0, [])


@pytest.mark.slow
@pytest.mark.fault(25, 74)
@pytest.mark.parametrize(("seed", "days"), [(1005, 10), (1007, 4)])
def test_seeds_that_once_went_wrong(settings: Settings, seed: int, days: int) -> None:
    """1005, 1007: the clock was a day ahead when something was booked; the next approval waits for that day to come."""
    done = storm(settings, seed, days)
    assert done.wrong == []
    assert done.faults["pay waited"] >= 1


def test_a_seed_draws_the_same_faults() -> None:
    days = [date(2026, 10, 12) + timedelta(days=n) for n in range(200)]
    first = [drawn(7, day, "pay", 0) for day in days]
    assert first == [drawn(7, day, "pay", 0) for day in days]
    assert first != [drawn(8, day, "pay", 0) for day in days]
    assert {one.kind for one in first if one} == set(WEIGHTS)
    assert None in first


@pytest.mark.slow
@pytest.mark.fault(74)
def test_a_thousand_days(home: Any) -> None:
    """A hundred runs of ten days: tonight's sample, by the date, is not last night's. STORM_SEED gives another, STORM_SECONDS
    ends it earlier."""
    settings = Settings(home=home / "region", database_url=fast_cluster(home).start())
    seed = int(os.environ.get("STORM_SEED") or f"{datetime.now(UTC):%Y%m%d}000")
    done = run_storms(
        settings, seed, 100, 10, lambda _done, _runs: None, float(os.environ.get("STORM_SECONDS") or "inf")
    )
    again = [
        f"fundledger simulate --faults --seed {one['seed']} --runs 1 --days 10" for one in done["failed"]
    ]
    told = (
        f"seed {seed}: {done['days']} days, {done['records']} records, {done['faults']}, {done['seconds']} s"
    )
    print(told, *again, sep="\n")  # noqa: T201 the measure asked for
    assert done["runs"] > 0
    assert done["failed"] == [], "\n".join([told, *again])
