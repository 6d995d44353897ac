"""What goes in one message with BEGIN and with COMMIT is part of the transaction like all the rest."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import compose, unit_of_work

REGION = 420100
NOTE = (
    "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
    " VALUES ({region}, {user}, 'unit.test', {object}, 'done', '')"
)


def notes(world: Any) -> int:
    with world.admin_engine.connect() as admin:
        return int(
            admin.exec_driver_sql(
                "SELECT count(*) FROM access.operator_log WHERE action = 'unit.test'"
            ).scalar()
            or 0
        )


def test_the_opening_question_is_asked_as_the_user_in_the_region(world: Any) -> None:
    question = compose("SELECT access.user_name(), access.region(), {said}::text", said="it's 一'句")
    with unit_of_work(world.service_engine, "li", REGION, opening=question) as tx:
        assert tx.opening == [("li", REGION, "it's 一'句")]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a'b",
        "\\",
        "\\'; DROP",
        "100%",
        "{x}",
        "中\n文",
        "$1",
        0,
        7,
        -7,
        10**18,
        True,
        None,
        [1, -2],
    ],
)
def test_a_composed_value_arrives_as_it_was(world: Any, value: object) -> None:
    question = compose("SELECT {value}, 1-{value_again}", value=value, value_again=1)
    for conforming in ("on", "off"):
        with unit_of_work(world.service_engine, "li", REGION) as tx:
            tx.connection.execute(f"SET LOCAL standard_conforming_strings = {conforming}")
            tx.connection.execute("SET LOCAL escape_string_warning = off")
            assert tx.connection.execute(question).fetchone() == (value, 0)


def test_what_waits_for_commit_is_committed_with_the_rest(world: Any) -> None:
    with unit_of_work(world.service_engine, "li", REGION) as tx:
        tx.at_commit(NOTE, region=REGION, user="li", object="a'b")
        tx.at_commit(NOTE, region=REGION, user="li", object="c")
        assert tx.value("SELECT count(*) FROM access.operator_log WHERE action = 'unit.test'") == 0
    assert notes(world) == 2


def test_refused_at_commit_nothing_stays_and_the_connection_serves_on(world: Any) -> None:
    before = notes(world)
    with pytest.raises(LedgerError), unit_of_work(world.service_engine, "li", REGION) as tx:
        tx.at_commit(NOTE, region=REGION, user="li", object="first")
        tx.at_commit(NOTE, region=REGION, user="zhao", object="in another's name")
    assert notes(world) == before
    with unit_of_work(world.service_engine, "li", REGION) as tx:
        tx.at_commit(NOTE, region=REGION, user="li", object="after")
    assert notes(world) == before + 1
    with world.service_engine.connect() as pooled:
        assert pooled.connection.driver_connection.autocommit is False
