"""Many runs under faults, each by its own seed in a database and a home of its own; what went wrong is kept with its seed."""

from __future__ import annotations

import math
import shutil
import time
from collections import Counter
from datetime import date
from typing import Any, Final

import psycopg
from psycopg import sql

from ledger.core.errors import Conflict
from ledger.db.engine import admin_url
from ledger.db.logins import login_password
from ledger.db.migrate import migrate
from ledger.db.roles import grant_database
from ledger.db.urls import libpq_url
from ledger.settings import USERS_FILE, Settings
from ledger.simulation.faults.storm import Stormed, storm
from ledger.simulation.life.run import Progress
from ledger.simulation.people import found_demo

TEMPLATE: Final = "storm_founded"
DAYS: Final = 10


def run_storms(
    settings: Settings, seed: int, runs: int, days: int, progress: Progress, seconds: float = math.inf
) -> dict[str, Any]:
    """Runs of the seeds `seed` to `seed + runs - 1`, none begun after `seconds`; the answer is what `--json` prints.

    A run that agrees leaves nothing; of one that does not, the database `storm_SEED` and the home `faults/SEED` stay. Raises
    Conflict `simulate.home` for a real installation.
    """
    if (settings.home / "pg").exists() and not (settings.home / USERS_FILE).is_file():
        raise Conflict("simulate.home", "数据目录已在使用；模拟须在空的数据目录中进行（设FUNDLEDGER_HOME）")
    started = time.monotonic()
    _found(settings)
    done: list[Stormed] = []
    for number in range(runs):
        if time.monotonic() - started > seconds:
            break
        done.append(_one(settings, seed + number, days))
        progress(number + 1, runs)
    failed = [one for one in done if one.wrong]
    return {
        "runs": len(done),
        "seed": seed,
        "days": sum(one.days for one in done),
        "records": sum(one.records for one in done),
        "faults": dict(sorted(sum((one.faults for one in done), Counter[str]()).items())),
        "failed": [{"seed": one.seed, "wrong": one.wrong} for one in failed],
        "seconds": round(time.monotonic() - started, 1),
    }


def _one(settings: Settings, seed: int, days: int) -> Stormed:
    name, home = f"storm_{seed}", settings.home / "faults" / str(seed)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    shutil.copytree(
        settings.home / "keys", home / "keys"
    )  # what the founded region sealed is sealed for these
    with psycopg.connect(_url(settings, "postgres"), autocommit=True) as admin:
        made = sql.Identifier(name)
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(made))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, sql.Identifier(TEMPLATE)))
        with psycopg.connect(_url(settings, name), autocommit=True) as granting:
            grant_database(granting)
        told = storm(_at(settings, name).model_copy(update={"home": home}), seed, days)
        if not told.wrong:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))
            shutil.rmtree(home)
    return told


def _found(settings: Settings) -> None:
    """The region every run begins with, founded once."""
    with psycopg.connect(_url(settings, "postgres"), autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
    own = settings.model_copy(update={"database_url": _url(settings, TEMPLATE)})
    migrate(own)
    found_demo(own, date(2026, 10, 1))


def _at(settings: Settings, database: str) -> Settings:
    """The same installation at another database of its server, with the passwords said: its home is another too."""
    return settings.model_copy(
        update={
            "database_url": _url(settings, database),
            "service_password": login_password(settings, "service"),
            "auditor_password": login_password(settings, "auditor"),
        }
    )


def _url(settings: Settings, database: str) -> str:
    return libpq_url(admin_url(settings, database))
