"""Ways into the server that should not be there: named by whoever may see them, and told as not seen by whoever may not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.control.checks.house.entrances import UNSEEN, check_entrances
from ledger.control.snapshot import Snapshot
from ledger.db.cluster import Cluster
from ledger.db.entrances import PASSWORDS, RULES, entrances
from ledger.db.roles import grant_database
from tests.db.test_cluster import cluster_in
from tests.scenes.server import new_home

# A line → its code, and whether it lets in from another machine; None: as it should be.
LINES: dict[str, tuple[str, bool] | None] = {
    "host all all 10.0.0.0/8 trust": ("entrance.trust", True),
    "host all all 0.0.0.0 0.0.0.0 trust": ("entrance.trust", True),
    "host fundledger fundledger_service all trust": ("entrance.trust", True),
    "hostnossl replication replicator samenet trust": ("entrance.trust", True),
    "host all all 0.0.0.0/0 md5": ("entrance.superuser", True),
    "host all fundledger_admin bank.example.cn password": ("entrance.superuser", True),
    "host all /^fundledger_a ::/0 md5": ("entrance.superuser", True),
    "host all +chiefs 10.0.0.0/8 md5": ("entrance.superuser", True),
    "local all all trust": ("entrance.superuser", False),
    "host all all 127.0.0.1/32 trust": ("entrance.superuser", False),
    "host all all ::1/128 md5": ("entrance.superuser", False),
    "host all fundledger_service 10.0.0.0/8 md5": None,
    "host all all 0.0.0.0/0 scram-sha-256": None,
    "host all all 0.0.0.0/0 reject": None,
    "local all postgres peer": None,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """A server of its own, for its lines are written anew; one superuser by a group beside the administrator."""
    home = new_home()
    cluster = cluster_in(home)
    cluster.start()
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        for role in ("owner", "poster", "service", "auditor", "intake", "books", "payments", "read"):
            admin.execute(f"CREATE ROLE fundledger_{role} LOGIN")
        admin.execute("CREATE ROLE chiefs; GRANT chiefs TO fundledger_admin")
        grant_database(admin)
    yield cluster
    cluster.stop()
    shutil.rmtree(home)


def lines(server: Cluster, *more: str) -> None:
    path = server.data / "pg_hba.conf"
    kept = path.with_name("pg_hba.kept")
    if not kept.exists():
        kept.write_text(path.read_text())
    path.write_text(kept.read_text() + "".join(f"{line}\n" for line in more))


@pytest.mark.parametrize("line", LINES)
def test_a_way_into_the_server_that_should_not_be_is_named(server: Cluster, line: str) -> None:
    if line.startswith("host all /") and server.status().major == 15:
        pytest.skip("patterns of names came with version 16")
    lines(server, line)
    wanted = LINES[line]
    with psycopg.connect(server.admin_url("postgres")) as admin:
        admin.execute("SET ROLE fundledger_auditor")
        snapshot = Snapshot(admin, (), Path())
        found = list(check_entrances(snapshot))
    told = set(snapshot.waiting) - {UNSEEN[PASSWORDS]}
    if wanted is None:
        assert (found, told) == ([], set())
    elif wanted[1]:
        assert [(one.code, one.promise) for one in found] == [(wanted[0], "INV-14")]
        assert line.split()[1] in found[0].message
    else:
        assert found == []
        assert len(told) == 1
    assert UNSEEN[PASSWORDS] in snapshot.waiting


def test_who_may_not_look_says_so(server: Cluster) -> None:
    lines(server)
    with psycopg.connect(server.admin_url("postgres")) as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_hba_file_rules() FROM fundledger_auditor")
        admin.execute("SET ROLE fundledger_auditor")
        snapshot = Snapshot(admin, (), Path())
        assert list(check_entrances(snapshot)) == []
        assert set(snapshot.waiting) == {UNSEEN[RULES], UNSEEN[PASSWORDS]}
        admin.rollback()


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("ALTER ROLE fundledger_service PASSWORD 'fundledger_service'", ["entrance.password"]),
        ("ALTER ROLE fundledger_service PASSWORD 'changeme'", ["entrance.password"]),
        ("SET password_encryption = 'md5'; ALTER ROLE fundledger_admin PASSWORD 'postgres'", ["entrance.superuser", "entrance.password"]),
        ("SET password_encryption = 'md5'; ALTER ROLE fundledger_service PASSWORD 'Kai-zhang-2026'", []),
        ("ALTER ROLE fundledger_service PASSWORD 'changeme' VALID UNTIL '2020-01-01'", []),
        ("ALTER ROLE fundledger_service PASSWORD 'changeme' NOLOGIN", []),
    ],
)  # fmt: skip
def test_a_password_everybody_knows_is_named(server: Cluster, statement: str, codes: list[str]) -> None:
    lines(server)
    with psycopg.connect(server.admin_url("postgres")) as admin:
        assert entrances(admin) == ([], [])
        admin.execute(statement)
        found, hidden = entrances(admin)
        admin.rollback()
    assert ([one.code for one in found], hidden) == (codes, [])
