from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ledger.core.errors import Conflict, Unavailable
from ledger.db import programs
from ledger.db.cluster import Cluster
from tests.scenes.server import new_home

CHOSEN = os.environ.get("FUNDLEDGER_TEST_PG_BINDIR")
BINDIR = Path(CHOSEN) if CHOSEN else None


def cluster_in(home: Path, **options) -> Cluster:
    return Cluster(home, bindir=BINDIR, **{"durable": False, **options})


def postmaster(cluster: Cluster) -> int:
    return int((cluster.data / "postmaster.pid").read_text().split()[0])


def rows(cluster: Cluster) -> int:
    with psycopg.connect(cluster.admin_url("postgres")) as admin:
        found = admin.execute("SELECT count(*) FROM kept").fetchone()
    assert found is not None
    return found[0]


def keep_a_row(cluster: Cluster) -> None:
    with psycopg.connect(cluster.admin_url("postgres")) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS kept (i int)")
        admin.execute("INSERT INTO kept VALUES (1)")


def test_start_keep_stop_and_start_again(home):
    cluster = cluster_in(home, durable=True)
    assert cluster.status().major is None
    cluster.start()
    with psycopg.connect(cluster.admin_url("postgres")) as admin:
        names = ("fsync", "full_page_writes", "data_checksums", "listen_addresses", "timezone",
                 "password_encryption", "shared_buffers", "max_wal_size")  # fmt: skip
        shown = [admin.execute(f"SHOW {name}").fetchone()[0] for name in names]
        collate = admin.execute("SELECT datcollate, datlocprovider FROM pg_database").fetchall()
        version = admin.info.server_version // 10000
    assert shown == ["on", "on", "on", "", "Asia/Shanghai", "scram-sha-256", "256MB", "2GB"]
    assert set(collate) == ({("C", "b")} if version >= 17 else {("C.UTF-8", "c")})
    keep_a_row(cluster)
    assert cluster.status() == cluster_in(home).status()
    assert cluster.status().running
    assert cluster.stop()
    assert not cluster.stop()
    assert not cluster.running()
    cluster.start()
    assert rows(cluster) == 1


def test_a_wrong_password_is_refused(home):
    cluster = cluster_in(home)
    cluster.start()
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(cluster.url("fundledger_admin", "guess", "postgres"))


def test_secrets_are_for_their_owner_only(home):
    cluster = cluster_in(home)
    cluster.start()
    secret = home / "secrets/admin.password"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (home / "secrets").stat().st_mode & 0o777 == 0o700
    assert secret.stat().st_uid == os.geteuid()
    assert not list((home / "pg").glob("*.password"))


def test_many_starts_at_once_make_one_server(home):
    with ThreadPoolExecutor(4) as pool:
        urls = list(pool.map(lambda _: cluster_in(home).start(), range(4)))
    assert len(set(urls)) == 1
    assert cluster_in(home).running()


@pytest.mark.fault(6)
def test_a_killed_server_comes_back_with_its_rows(home):
    cluster = cluster_in(home, durable=True)
    cluster.start()
    keep_a_row(cluster)
    os.kill(postmaster(cluster), signal.SIGKILL)
    cluster.start()
    assert rows(cluster) == 1
    keep_a_row(cluster)
    assert rows(cluster) == 2


def stranger_as(user: programs.RunAs) -> subprocess.Popen[bytes]:
    if user.drop:
        return subprocess.Popen(["/bin/sleep", "600"], user=user.uid, group=user.gid, extra_groups=[])
    return subprocess.Popen(["/bin/sleep", "600"])


def leave_pid_file(cluster: Cluster, pid: int) -> Path:
    path = cluster.data / "postmaster.pid"
    started = int(time.time())
    path.write_text(f"{pid}\n{cluster.data}\n{started}\n5432\n{cluster.socket_dir}\n\n  1 1\nready\n")
    os.chown(path, cluster.user.uid, cluster.user.gid)
    return path


def test_a_stale_pid_file_with_a_strangers_pid_stops_nothing_and_deletes_nothing(home):
    cluster = cluster_in(home, patience=1.0)
    cluster.start()
    cluster.stop()
    stranger = stranger_as(cluster.user)
    try:
        left = leave_pid_file(cluster, stranger.pid)
        assert not cluster.running()
        assert not cluster.stop()
        with pytest.raises(Unavailable, match="leftover_lock"):
            cluster.start()
        assert left.exists()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    cluster.start()
    assert cluster.running()


def test_a_start_waits_for_the_remains_to_leave(home):
    cluster = cluster_in(home, patience=30.0)
    cluster.start()
    cluster.stop()
    stranger = stranger_as(cluster.user)
    leave_pid_file(cluster, stranger.pid)

    def leave_soon() -> None:
        time.sleep(1)
        stranger.kill()
        stranger.wait()

    leaver = threading.Thread(target=leave_soon)
    leaver.start()
    cluster.start()
    leaver.join()
    assert cluster.running()


def test_two_homes_do_not_disturb_each_other(home, cluster):
    mine = cluster_in(home)
    mine.start()
    keep_a_row(mine)
    with psycopg.connect(cluster.admin_url("postgres")) as other:
        assert other.execute("SELECT to_regclass('kept')").fetchone() == (None,)
        mine.stop("immediate")
        assert other.execute("SELECT 1").fetchone() == (1,)
    assert cluster.running()


def test_an_interrupted_initdb_is_made_anew(home):
    cluster = cluster_in(home)
    cluster._make_folders()
    half = cluster.pg / "initdb.partial"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    cluster.start()
    assert cluster.running()
    assert not half.exists()


def test_another_majors_data_is_refused_with_the_way_out(home):
    cluster = cluster_in(home)
    cluster.start()
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Conflict, match=r"db\.data_version.*backup --out.*restore --from"):
        cluster.start()


def test_a_lost_password_file_is_named(home):
    cluster = cluster_in(home)
    cluster.start()
    (home / "secrets/admin.password").unlink()
    with pytest.raises(Unavailable, match=r"secret_missing.*admin\.password"):
        cluster.start()


def test_too_long_a_path_is_refused(home):
    deep = home / ("d" * 90)
    with pytest.raises(Conflict, match="socket_path"):
        cluster_in(deep).start()
    assert not deep.exists()


def test_missing_programs_are_named(home):
    with pytest.raises(Unavailable, match=r"db\.programs"):
        Cluster(home, bindir=home).start()


def as_root() -> bool:
    return os.geteuid() == 0


def test_a_closed_parent_is_refused_and_left_closed(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "ledger"
    if as_root():
        with pytest.raises(Conflict, match="home_unreachable"):
            cluster_in(inside).start()
        assert not inside.exists()
    else:
        cluster_in(inside).start()  # our own folder: nobody else has to pass
        assert cluster_in(inside).stop("immediate")
    assert closed.stat().st_mode & 0o777 == 0o700


def test_unreachable_programs_are_copied_and_their_parents_left_alone(home):
    bundled = programs.find_bindir()
    if bundled.parent.name != "pginstall" or not as_root():
        user = programs.RunAs.choose(home)
        assert programs.reachable_copy(bundled, user, home / "programs") == bundled
        return
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    package = bundled.parents[1]
    for part in (package.name + "/pginstall", package.name + ".libs"):
        shutil.copytree(package.parent / part, closed / part)
    cluster = Cluster(home, bindir=closed / package.name / "pginstall/bin", durable=False)
    cluster.start()
    assert cluster.bindir.is_relative_to(home / "programs")
    assert cluster.running()
    assert closed.stat().st_mode & 0o777 == 0o700


ORDINARY = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    import psycopg
    from ledger.db.cluster import Cluster
    from ledger.settings import Settings
    home, bindir, uid, gid = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    if os.geteuid() == 0:  # everything is imported: the interpreter itself may lie where that user cannot go
        os.setgroups([]); os.setgid(gid); os.setuid(uid)
    cluster = Cluster(home, bindir=bindir, durable=False)
    assert not cluster.user.drop
    with psycopg.connect(cluster.start().replace("/fundledger?", "/postgres?")) as admin:
        print(os.geteuid(), admin.execute("SELECT current_user").fetchone()[0])
    assert cluster.stop()
""")


def test_an_ordinary_user_runs_its_own_server(home):
    entry = pwd.getpwnam("nobody") if as_root() else pwd.getpwuid(os.geteuid())
    if as_root():
        os.chown(home, entry.pw_uid, entry.pw_gid)
    user = programs.RunAs(entry.pw_name, entry.pw_uid, entry.pw_gid, drop=as_root())
    bindir = programs.reachable_copy(programs.find_bindir(BINDIR), user, home / "programs")
    argv = [sys.executable, "-c", ORDINARY, home, bindir, str(entry.pw_uid), str(entry.pw_gid)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == [str(entry.pw_uid), "fundledger_admin"]
    assert (home / "pg/data").stat().st_uid == entry.pw_uid


@pytest.mark.parametrize("name", ["a b", "医保 100%", "it's+1"])
def test_a_home_under_any_ordinary_name(home, name):
    cluster = cluster_in(home / name)
    try:
        with psycopg.connect(cluster.start().replace("/fundledger?", "/postgres?")) as admin:
            assert admin.execute("SELECT 1").fetchone() == (1,)
        assert make_url(cluster.admin_url()).query["host"] == str(home / name / "run")
    finally:
        cluster.stop("immediate")


@pytest.mark.parametrize("name", ['a"b', "a$b", "a`b", "a\\b", "a,b", "a\nb"])
def test_a_home_whose_name_postgresql_cannot_take_is_refused_and_not_made(home, name):
    with pytest.raises(Conflict, match=r"db\.home_path") as refused:
        cluster_in(home / name).start()
    assert "FUNDLEDGER_HOME" in refused.value.message
    assert not (home / name).exists()


STRANGER = textwrap.dedent("""
    import os, sys
    import typer._adapters, ledger.cli.line.refusals
    from ledger.cli.commands import WORDS, load
    from ledger.cli.main import main
    from ledger.settings import Settings
    Settings(today="2026-10-13"), [load(word) for word in WORDS]
    if os.geteuid() == 0:  # everything is imported: the interpreter itself may lie where that user cannot go
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
    main()
""")


@pytest.fixture(scope="module")
def anothers():
    """A home that is another user's, its server running: none of the commands gets as far as changing it."""
    if not as_root():
        yield Path("/proc/1")  # root's, and not ours
        return
    made = new_home()
    cluster_in(made).start()
    yield made
    assert cluster_in(made).running()
    cluster_in(made).stop("immediate")
    shutil.rmtree(made)


@pytest.mark.parametrize(
    "words", [("verify",), ("db", "status"), ("db", "stop"), ("db", "start"), ("book", "list", "--as", "li")]
)
def test_another_users_home_is_refused_by_every_command(anothers, words):
    plain = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, *words, "--json"],
        env=plain | {"FUNDLEDGER_HOME": str(anothers), "HOME": "/tmp"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["error"] == "db.home_owner"
    assert "Traceback" not in done.stderr
