"""When the demo refuses to begin: on a day the banks are closed, and where another one is running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ledger.core.errors import Conflict
from ledger.simulation.demo.home import alone

COMMAND = [sys.executable, "-m", "ledger.cli", "demo", "--records", "20", "--institutions", "3", "--json"]
HOLDER = textwrap.dedent("""
    import os, sys, time
    from ledger.simulation.demo.home import alone
    from ledger.settings import get_settings
    with alone(get_settings()):
        child = os.fork()
        if child:
            print(child, flush=True)
        time.sleep(60)
""")


def refused(env: dict[str, str], *words: str) -> Any:
    done = subprocess.run(
        [*COMMAND, *words], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("day", "code"),
    [
        ("2026-10-17", "daily.not_working_day"),
        ("2026-10-05", "daily.not_working_day"),
        ("2027-10-14", "calendar.unknown_year"),
    ],
)
def test_a_day_the_banks_are_closed_is_refused_before_anything_is_written(
    world: Any, tmp_path: Path, day: str, code: str
) -> None:
    home = tmp_path / "home"
    env = world.env | {"FUNDLEDGER_HOME": str(home)}
    assert refused(env, "--date", day)["error"] == code
    assert not home.exists()


def test_a_year_confirmed_in_this_home_is_asked_there(world: Any) -> None:
    """The founded home's own calendar decides about years that are not shipped: here it has none of 2027."""
    (world.settings.home / "users.json").write_text("{}", encoding="utf-8")
    assert refused(world.env, "--date", "2027-10-14")["error"] == "calendar.unknown_year"
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        admin.exec_driver_sql("INSERT INTO fund.calendar_year VALUES (2027, 'x')")
        admin.exec_driver_sql("INSERT INTO fund.calendar_day VALUES ('2027-10-14', false, 2027)")
    assert refused(world.env, "--date", "2027-10-14")["error"] == "daily.not_working_day"


def test_a_second_demo_is_refused_until_the_first_is_gone_however_it_went(world: Any) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=world.env, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        told = refused(world.env)
        assert told["error"] == "demo.running"
        assert str(world.settings.home) in told["message"]
        with pytest.raises(Conflict, match=r"demo\.running"), alone(world.settings):
            pass
        holder.kill()
        holder.wait(timeout=10)
        with alone(world.settings):  # the holder's child lives on, and holds nothing
            pass
    finally:
        holder.kill()
        holder.stdout.close()
        os.kill(child, signal.SIGKILL)
