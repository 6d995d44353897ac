from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text


def test_the_three_logins_enter_their_own_database(database):
    for url, role in (
        (database.service_url, "fundledger_service"),
        (database.auditor_url, "fundledger_auditor"),
        (database.admin_url, "fundledger_admin"),
    ):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user, current_database()").fetchone() == (
                role,
                database.name,
            )


def test_service_limits_are_set(database):
    with database.service_engine.connect() as connection:
        names = (
            "lock_timeout",
            "statement_timeout",
            "idle_in_transaction_session_timeout",
            "application_name",
        )
        found = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    assert found == ["5s", "5min", "1min", "fundledger-service"]


@pytest.mark.fault(65)
@pytest.mark.parametrize("engine", ["auditor_engine", "service_engine"])
def test_no_working_login_creates_objects(database, engine):
    with getattr(database, engine).connect() as connection:
        for place in ("public", "meta"):
            with pytest.raises(Exception, match=r"permission denied|read-only"):
                connection.execute(text(f"CREATE TABLE {place}.mine (i int)"))
            connection.rollback()
        with pytest.raises(Exception, match=r"permission denied|read-only"):
            connection.execute(text("CREATE SCHEMA mine"))


def test_auditor_has_no_temporary_tables(database):
    with psycopg.connect(database.auditor_url) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TEMPORARY TABLE scratch (i int)")
