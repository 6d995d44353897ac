"""A command's own connections: kept, cleared, asked whether they live, and led to the same place as the service's."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.db import connections, logins, server
from ledger.db.connections import direct, driver_of
from ledger.db.engine import admin_url, let_go, login_url, service_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.db.urls import libpq_url
from ledger.settings import Settings

ASK = "SELECT pg_backend_pid()"


@pytest.fixture
def lender(database: Any) -> Any:
    made = direct(database.settings)
    yield made
    made.dispose()


def pid(lender: Any) -> int:
    with lender.connect() as lent:
        return int(driver_of(lent).execute(ASK).fetchone()[0])


def test_a_connection_is_kept_and_cleared_of_what_was_left_open(lender: Any) -> None:
    first = pid(lender)  # and its transaction was left open
    with unit_of_work(lender, "li") as tx:
        assert tx.value(ASK) == first
        assert tx.value("SELECT access.user_name()") == "li"
        with unit_of_work(lender, "qian") as beside:
            assert beside.value(ASK) != first
    with lender.connect() as lent:
        assert driver_of(lent).execute("SELECT current_setting('app.actor', true)").fetchone() in [
            ("",),
            (None,),
        ]


def test_a_kept_connection_that_died_is_replaced(database: Any, lender: Any) -> None:
    first = pid(lender)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    assert pid(lender) != first


def test_threads_never_share_one(lender: Any) -> None:
    for _ in range(3):
        met, found = Barrier(4), []

        def work(met: Barrier = met, found: list[int] = found) -> None:
            with unit_of_work(lender, "li") as tx:
                found.append(tx.value(ASK))
                met.wait(20)

        threads = [Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(found)) == 4


@pytest.mark.parametrize(
    ("login", "role", "read_only"),
    [("service", "fundledger_service", "off"), ("auditor", "fundledger_auditor", "on")],
)
def test_it_is_the_login_s_session(database: Any, login: Any, role: str, read_only: str) -> None:
    made = direct(database.settings, login)
    with made.connect() as lent:
        row = (
            driver_of(lent)
            .execute(
                "SELECT session_user::text, current_setting('default_transaction_read_only'), current_setting('lock_timeout'),"
                " current_setting('application_name'), current_database()::text"
            )
            .fetchone()
        )
    made.dispose()
    assert row == (role, read_only, "5s", f"fundledger-{login}", database.name)


def test_an_unsupported_server_is_refused(lender: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "SUPPORTED_MAJORS", range(30, 32))
    with pytest.raises(Conflict, match=r"db\.version"):
        lender.connect()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://adm:p%40ss@h:5433/db",
        "postgres://adm@h",
        "postgresql+psycopg://adm:x@/db?host=%2Ftmp%2Fa%20b&port=5432",
        "postgresql://adm:x@[::1]:5433/db?sslmode=require",
        "postgresql://adm:x@/a%2Bb?host=h",
        "postgresql://adm:x@/db?host=a&host=b",
        "postgresql://h/db?user=other&password=y",
        "postgresql://adm:x@h/db?options=-c+search_path%3Dx",
    ],
)
def test_every_url_leads_where_the_service_s_leads(url: str, tmp_path: Any) -> None:
    settings = Settings(home=tmp_path, database_url=url, service_password="s e+c/r%t")
    as_the_service = psycopg.conninfo.conninfo_to_dict(libpq_url(login_url(settings, "service")))
    session = logins.session_of("service")
    assert connections.direct(settings)._place == as_the_service | session


@pytest.mark.parametrize("url", ["mysql://u:p@h/d", "not a url", "postgresql+asyncpg://u@h/d"])
def test_a_url_of_another_kind_is_refused(url: str, tmp_path: Any) -> None:
    with pytest.raises(InvalidInput, match=r"db\.url"):
        direct(Settings(home=tmp_path, database_url=url, service_password="x"))


def test_without_a_password_the_way_to_one_is_told(database: Any, tmp_path: Any) -> None:
    with pytest.raises(Unavailable, match="secret_missing"):
        direct(Settings(home=tmp_path, database_url=database.admin_url))


def test_what_is_lent_when_an_engine_is_let_go_is_closed_as_it_comes_back(database: Any) -> None:
    engine = database.service_engine
    lent = engine.connect()
    driver = driver_of(lent)
    let_go(engine)
    assert not driver.closed
    lent.close()
    assert driver.closed
    with engine.connect() as again:
        assert driver_of(again) is not driver


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://who:s%2Fx@north:5433,south:5434/books?target_session_attrs=primary",
        "postgresql://who:s%2Fx@/books?host=north,south&port=5433,5434&target_session_attrs=primary",
        "postgresql+psycopg://who:s%2Fx@north,south/books?port=5433,5434&target_session_attrs=primary",
    ],
)
def test_several_hosts_are_read_alike_by_a_command_and_by_the_service(home: Any, url: str) -> None:
    settings = Settings(home=home, database_url=url, service_password="said")
    engine = service_engine(settings)
    _, pool = engine.dialect.create_connect_args(engine.url)
    for place in (pool, connections._place(settings)):
        names = ("host", "port", "dbname", "target_session_attrs")
        assert [place[name] for name in names] == ["north,south", "5433,5434", "books", "primary"]
    assert libpq_url(admin_url(settings)).startswith(
        "postgresql://who:s%2Fx@/books?host=north%2Csouth&port=5433%2C5434"
    )


def test_of_several_hosts_the_next_where_one_was_left_behind(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old primary nobody stopped still takes writes; here the first of two names of one server stands for it."""
    place = connections._place(database.settings)
    two = place | {"host": f"{place['host']},{place['host']}", "port": f"{place['port']},{place['port']}"}
    asked = []

    def admit(connection: Any, home: Any) -> None:
        asked.append(connection.info.backend_pid)
        if len(asked) < 3:  # the first name, whether asked with the other or by itself
            raise Conflict("db.fenced", "接替")

    monkeypatch.setattr(server, "admit", admit)
    made = server.entered(two, None)
    assert len(set(asked)) == 3
    assert made.info.backend_pid == asked[-1]
    made.close()
    asked.clear()
    with pytest.raises(Conflict, match=r"db\.fenced"):
        server.entered(place, None)  # one host: nobody else to ask
    assert len(asked) == 1
