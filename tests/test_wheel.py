"""The wheel is the product: it must work with nothing of the checkout around."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import psycopg
import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = ("ledger", "adapters", "reports", "scheduler")

# Run by the installed interpreter: imports every module, then migrates, and says where each came from.
PROBE = """
import importlib, importlib.metadata, pkgutil, sys
for package in sys.argv[1:]:
    top = importlib.import_module(package)
    print(top.__file__)
    for module in pkgutil.walk_packages(top.__path__, package + "."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            print(importlib.import_module(module.name).__file__)
(script,) = importlib.metadata.distribution("fundledger").entry_points.select(group="console_scripts")
assert callable(script.load())
from ledger.db import identity, migrate
from ledger.settings import Settings
print(identity.script_location())
assert migrate.migrate(Settings()).needed and not migrate.migrate(Settings()).needed
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    built = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (made,) = folder.glob("*.whl")
    return made


def shipped(folder: str, prefix: str) -> dict[str, bytes]:
    files = (p for p in (CHECKOUT / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {prefix + p.relative_to(CHECKOUT / folder).as_posix(): p.read_bytes() for p in files}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    expected = shipped("alembic", "ledger/db/migrations/")
    for package in PACKAGES:
        expected |= shipped(package, package + "/")
    with zipfile.ZipFile(wheel) as archive:
        found = {n: archive.read(n) for n in archive.namelist() if ".dist-info/" not in n}
    assert sorted(found) == sorted(expected)
    assert [name for name, content in found.items() if content != expected[name]] == []
    assert "ledger/db/sql/access.sql" in found


def test_every_module_imports_and_migrates_outside_the_checkout(wheel, tmp_path, cluster, new_database_name):
    place = tmp_path / "venv"
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python3*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # the dependencies of this environment; a folder named in a .pth does not run its own .pth files, so the
    # checkout, which is installed there as editable, stays out of sight
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FUNDLEDGER_"))}
    env |= {"FUNDLEDGER_HOME": str(cluster.home), "DATABASE_URL": cluster.admin_url(new_database_name)}
    argv = [place / "bin/python", "-c", PROBE, *PACKAGES]
    try:
        done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    finally:
        with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {new_database_name} WITH (FORCE)")
    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) > len(PACKAGES)
    assert [p for p in places if not Path(p).is_relative_to(site)] == []
