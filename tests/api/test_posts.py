"""Where logins are split, each act is done by the login of its post, and cannot write what another's may."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.acts.acting import acting, once, stepping
from ledger.acts.posts import login_of
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.core.errors import Forbidden
from ledger.db import connections
from ledger.db.connections import of_post
from ledger.db.engine import Posts, intake_engine, service_engine
from ledger.db.unit_of_work import Transaction, unit_of_work

REGION = 420100
OF_BOOKS = "INSERT INTO payments.statement_withdrawal DEFAULT VALUES"
OF_PAYMENTS = "INSERT INTO payments.pay_order DEFAULT VALUES"
OF_SERVICE = (
    "INSERT INTO access.alarm_seen (region, alarm, seen_by, reason) VALUES (420100, 'k', 'maker', '说明')"
)


def who(tx: Transaction) -> str:
    return str(tx.value("SELECT session_user"))


def test_an_act_goes_by_the_login_of_its_post_and_no_further(world: Any) -> None:
    settings = world.settings
    pools = Posts(settings, service_engine(settings))
    try:
        for shared in (None, pools):  # a command's own connections, and the service's pools
            app = App(settings, "maker", shared)
            for action, login, others in (
                ("month.prepare", "payments", (OF_BOOKS, OF_SERVICE)),
                ("voucher.draft", "books", (OF_PAYMENTS, OF_SERVICE)),
                ("alarms.seen", "service", ()),
            ):
                what = What(REGION, action, "x")
                with acting(app, what) as doing:
                    assert who(doing.tx) == f"fundledger_{login}" == f"fundledger_{login_of(action)}"
                once(app, what, None, lambda tx, login=login: b"1" if who(tx).endswith(login) else 1 / 0)  # type: ignore[misc]
                with stepping(app, what), unit_of_work(app.engine, "maker", REGION) as tx:
                    assert who(tx) == f"fundledger_{login}"
                for statement in others:
                    with pytest.raises(Forbidden) as refused, acting(app, what) as doing:
                        doing.tx.run(statement)  # type: ignore[arg-type]
                    assert refused.value.code == "db.permission"
            with unit_of_work(app.engine, "maker", REGION) as tx:  # after it, the service's again
                assert who(tx) == "fundledger_service"
            app.close()
        with unit_of_work(of_post(pools, "read"), "maker", REGION) as tx:
            assert who(tx) == "fundledger_read"
        whole = world.settings.model_copy(update={"split_logins": False})
        assert of_post(Posts(whole, pools), "read") is pools  # not split: one login  # type: ignore[arg-type]
    finally:
        pools.dispose()


def test_a_post_waits_for_no_other_posts_pool(world: Any) -> None:
    """Pools are kept: the second transaction of a post begins on the connection of the first."""
    settings = world.settings
    pools = Posts(settings, service_engine(settings))
    try:
        seen = set()
        for _ in range(3):
            with unit_of_work(of_post(pools, "payments"), "maker", REGION) as tx:
                seen.add(tx.value("SELECT pg_backend_pid()"))
        assert len(seen) == 1
    finally:
        pools.dispose()


def test_refused_records_are_kept_by_the_login_that_brings_them_in(world: Any) -> None:
    """What is refused is sealed for the region's key: the login asks for its public half."""
    settings = world.settings
    engine = intake_engine(settings)
    try:
        with unit_of_work(engine, "intake", REGION) as tx:
            assert who(tx) == "fundledger_intake"
            assert tx.value("SELECT count(*) FROM fund.sealing_key WHERE region IN (0, 420100)") > 0
    finally:
        engine.dispose()


def test_a_commands_second_login_does_not_look_for_the_database_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking for it costs more than logging in: a server is asked whether it runs."""
    asked = []
    place = connections._place
    monkeypatch.setattr(connections, "_place", lambda settings: asked.append(1) or place(settings))
    app = App(world.settings, "maker", at_rest="read")
    try:
        for login in ("read", "payments", "service"):
            with app.as_post(login), unit_of_work(app.engine, "maker", REGION) as tx:  # type: ignore[arg-type]
                assert who(tx) == f"fundledger_{login}"
                assert tx.value("SHOW application_name") == f"fundledger-{login}"
                assert (tx.value("SHOW default_transaction_read_only") == "on") is (login == "read")
    finally:
        app.close()
    assert asked == [1]
