"""The dated choice of P1 or P2."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import unit_of_work
from ledger.rules.policy import policy_on, set_policy

REGION = 420100


def test_policy_is_p1_until_a_region_chooses_and_then_the_choice_of_the_day(book_world):
    engine = book_world("P1").database.service_engine
    with unit_of_work(engine, "acc", REGION) as tx:
        assert policy_on(tx, REGION, date(2026, 12, 31)) == "P1"
        set_policy(tx, REGION, "P2", date(2027, 1, 1), "鄂医保发〔2026〕1号")
        set_policy(tx, REGION, "P1", date(2028, 1, 1), "鄂医保发〔2027〕9号")
    with unit_of_work(engine, "acc", REGION) as tx:
        found = [
            policy_on(tx, REGION, day)
            for day in (date(2026, 12, 31), date(2027, 1, 1), date(2027, 12, 31), date(2028, 1, 1))
        ]
        assert found == ["P1", "P2", "P2", "P1"]
        assert tx.value("SELECT string_agg(DISTINCT set_by, ',') FROM fund.region_policy") == "acc"


def test_unknown_policy_missing_source_and_a_second_choice_of_a_day_are_refused(book_world):
    engine = book_world("P1").database.service_engine
    day = date(2027, 1, 1)
    with unit_of_work(engine, "acc", REGION) as tx:
        with pytest.raises(InvalidInput, match=r"policy\.unknown"):
            set_policy(tx, REGION, "P3", day, "文号")
        with pytest.raises(InvalidInput, match=r"policy\.source_missing"):
            set_policy(tx, REGION, "P2", day, " ")
        set_policy(tx, REGION, "P2", day, "文号")
    with pytest.raises(Conflict), unit_of_work(engine, "acc", REGION) as tx:
        set_policy(tx, REGION, "P1", day, "文号")


def test_a_stored_word_nobody_knows_is_refused_not_guessed(book_world):
    world = book_world("P1")
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO fund.region_policy VALUES (420100, 'daily_accounting', '2026-01-01', 'p2', '文号', 'acc')"
        )
    with (
        unit_of_work(world.database.service_engine, "acc", REGION) as tx,
        pytest.raises(InvalidInput, match=r"policy\.unknown"),
    ):
        policy_on(tx, REGION, date(2026, 10, 1))
