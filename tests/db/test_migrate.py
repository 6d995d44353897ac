from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.db import engine as engines
from ledger.db import present
from ledger.db.identity import carried, require_current, stored
from ledger.db.migrate import migrate, run_script
from ledger.db.urls import connection_refusal, libpq_url
from ledger.settings import Settings
from tests.scenes.passwords import passwords_of


@pytest.fixture
def fresh(cluster, new_database_name):
    """Settings that lead to a database which does not exist yet; it is dropped afterwards."""
    yield Settings(home=cluster.home, database_url=cluster.admin_url(new_database_name))
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {new_database_name} WITH (FORCE)")


def revision_of(settings: Settings) -> str | None:
    engine = engines.auditor_engine(settings)
    try:
        found = stored(engine)
        return found and found.revision
    finally:
        engine.dispose()


HEAD = carried().revision


def test_the_template_is_at_head(database):
    assert stored(database.service_engine)[:2] == carried()[:2]
    require_current(database.service_engine)


def test_migrate_makes_the_database_and_may_be_repeated(fresh):
    assert migrate(fresh).needed
    assert not migrate(fresh).needed
    assert revision_of(fresh) == HEAD


def test_two_migrations_at_once_are_one(fresh):
    with ThreadPoolExecutor(3) as pool:
        assert sorted(done.needed for done in pool.map(lambda _: migrate(fresh), range(3))) == [
            False,
            False,
            True,
        ]


def test_run_script_takes_many_statements_as_they_stand(database):
    with database.admin_engine.connect() as connection:
        run_script(connection, "CREATE TEMP TABLE s (t text); INSERT INTO s VALUES ('50% :a %s'); -- %")
        assert connection.execute(text("SELECT t FROM s")).scalar_one() == "50% :a %s"


def test_a_login_of_another_home_is_never_altered(fresh, home):
    migrate(fresh)
    foreign = Settings(home=home, database_url=fresh.database_url)
    with pytest.raises(Conflict, match=r"role_taken.*FUNDLEDGER_SERVICE_PASSWORD"):
        migrate(foreign)
    assert revision_of(fresh) == HEAD


def test_a_login_of_another_home_is_shared_by_its_password(fresh, home, cluster):
    migrate(fresh)
    shared = Settings(
        home=home,
        database_url=fresh.database_url,
        **passwords_of(cluster.home, home),
    )
    assert not migrate(shared).needed


def test_an_embedded_home_sets_lost_passwords_anew(home, cluster):
    mine = type(cluster)(home, bindir=cluster.bindir, durable=False)
    mine.start()
    settings = Settings(home=home, pg_bindir=cluster.bindir)
    migrate(settings)
    mine.passwords.path("service").unlink()
    with pytest.raises(Unavailable, match="secret_missing"):
        engines.service_engine(settings)
    assert not migrate(settings).needed
    assert revision_of(settings) == HEAD


def test_the_engine_starts_a_stopped_embedded_server(home, cluster):
    mine = type(cluster)(home, bindir=cluster.bindir, durable=False)
    mine.start()
    settings = Settings(home=home, pg_bindir=cluster.bindir)
    migrate(settings)
    mine.stop()
    assert revision_of(settings) == HEAD
    assert mine.running()


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "not a url", "postgresql+asyncpg://u@h/d"])
def test_a_url_of_another_kind_is_refused(url):
    with pytest.raises(InvalidInput, match=r"db\.url"):
        engines.sqlalchemy_url(url)


def test_an_unreachable_server_is_named_without_its_password(home):
    word = secrets.token_hex(8)
    settings = Settings(home=home, database_url=f"postgresql://admin:{word}@127.0.0.1:1/books")
    with pytest.raises(Unavailable, match=r"db\.connect") as caught:
        migrate(settings)
    assert word not in str(caught.value)
    assert word not in repr(settings)


def test_settings_come_from_the_environment(monkeypatch):
    for name in [n for n in os.environ if n.startswith("FUNDLEDGER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FUNDLEDGER_HOME", "/srv/books")
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-10-13")
    monkeypatch.setenv("DATABASE_URL", "postgresql://a@b/c")
    found = Settings()
    assert (str(found.home), found.database_url) == ("/srv/books", "postgresql://a@b/c")
    assert found.clock().today().isoformat() == "2026-10-13"


def test_a_database_that_was_never_made_is_at_no_revision(fresh):
    engine = engines.admin_engine(fresh)
    try:
        assert stored(engine) is None
    finally:
        engine.dispose()


def test_an_address_means_the_same_to_libpq_and_to_sqlalchemy():
    url = URL.create(
        "postgresql",
        username="a b",
        password="p@+ /:%",
        database='a b"c',
        query={"host": "/x/a b+c", "port": "5432"},
    )
    text = libpq_url(url)
    assert make_url(text) == url
    read = conninfo_to_dict(text)
    assert read == {
        "user": "a b",
        "password": "p@+ /:%",
        "dbname": 'a b"c',
        "host": "/x/a b+c",
        "port": "5432",
    }
    several = make_url("postgresql://u@h1,h2/z?host=a&host=b")
    assert conninfo_to_dict(libpq_url(several))["host"] == "a,b"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection to server at "::1", port 1 failed: Connection refused', "没有应答"),
        ('FATAL:  database "z" does not exist', "没有这个库"),
        ('FATAL:  password authentication failed for user "x"', "口令不对"),
        ("[Errno -2] Name or service not known", "不能解析"),
        ("something nobody listed", "（原文）something nobody listed"),
    ],
)
def test_why_a_database_cannot_be_entered_is_said_in_chinese(said, words):
    refusal = connection_refusal(psycopg.OperationalError(said), "z")
    assert (refusal.code, words in refusal.message, refusal.details["reason"]) == ("db.connect", True, said)


@pytest.mark.fault(17, 19)
def test_an_upgrade_undone_for_a_deadlock_is_begun_again(fresh, monkeypatch):
    """Autovacuum and the upgrade waited for each other on a home of 34,000 records: it was refused as db.retry."""
    whole, tries = present.apply, []

    def beaten(driver):
        whole(driver)
        tries.append(driver.execute("SELECT count(*) FROM fund.region_policy").fetchone())
        if len(tries) < 3:
            raise psycopg.errors.DeadlockDetected("deadlock detected")

    monkeypatch.setattr(present, "apply", beaten)
    assert migrate(fresh).needed
    assert (len(tries), revision_of(fresh)) == (3, HEAD)


@pytest.mark.fault(19)
def test_a_deadlock_that_never_ends_is_told(fresh, monkeypatch):
    def beaten(driver):
        raise psycopg.errors.DeadlockDetected("deadlock detected")

    monkeypatch.setattr(present, "apply", beaten)
    with pytest.raises(psycopg.errors.DeadlockDetected):
        migrate(fresh)
    assert revision_of(fresh) is None
