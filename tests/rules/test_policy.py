"""The dated choice of P1 or P2."""

from __future__ import annotations

from datetime import date

import psycopg
import pytest

from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import choose
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices, refuse_choices
from ledger.rules.policy import policy_on

REGION = 420100


def test_policy_is_p1_until_a_region_chooses_and_then_the_choice_of_the_day(book_world):
    engine = book_world("P1").database.service_engine
    with unit_of_work(engine, "acc", REGION) as tx:
        assert policy_on(tx, REGION, date(2026, 12, 31)) == "P1"
    choose(engine, "acc", "zhang", REGION, "daily_accounting", "P2", date(2027, 1, 1), "鄂医保发〔2026〕1号")
    choose(engine, "acc", "zhang", REGION, "daily_accounting", "P1", date(2028, 1, 1), "鄂医保发〔2027〕9号")
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
    for key, value, source, code in (
        ("daily_accounting", "P3", "文号", "policy.value"),
        ("receipt_days", "三天", "文号", "policy.value"),
        ("daily_accounting", "P2", " ", "policy.source_missing"),
        ("daily", "P2", "文号", "policy.unknown_key"),
    ):
        with pytest.raises(LedgerError) as refused, unit_of_work(engine, "acc", REGION) as tx:
            propose_choice(tx, key, value, day, source, day)
        assert refused.value.code == code
        assert code != "policy.value" or refused.value.message.endswith(
            f"不合规：应为{said('policy.value', key)}"
        )
    with unit_of_work(engine, "acc", REGION) as tx:
        keys = {key for (key,) in tx.rows("SELECT key FROM fund.policy_key")}
    assert keys == set(words_of("policy.value")), "what each may be is said in words"
    choose(engine, "acc", "zhang", REGION, "daily_accounting", "P2", day, "文号")
    with unit_of_work(engine, "acc", REGION) as tx:
        assert not propose_choice(tx, "daily_accounting", "P2", day, "文号", day)
    with (
        pytest.raises(Conflict, match=r"policy\.same_start.*2027-01-01.*P2.*P1"),
        unit_of_work(engine, "acc", REGION) as tx,
    ):
        propose_choice(tx, "daily_accounting", "P1", day, "文号", day)


def test_a_choice_waits_for_another_person_who_confirms_what_was_shown(book_world):
    world = book_world("P1")
    engine = world.database.service_engine
    day = date(2027, 1, 1)
    with unit_of_work(engine, "acc", REGION) as tx:
        assert propose_choice(tx, "daily_accounting", "P2", day, "文号", day)
        assert not propose_choice(tx, "daily_accounting", "P2", day, "文号", day)
        seen = read_choices(tx)
        assert policy_on(tx, REGION, day) == "P1"
        assert (seen.chosen, [(one.key, one.in_force, one.value) for one in seen.waiting]) == (
            [],
            [("daily_accounting", None, "P2")],
        )
    with pytest.raises(Forbidden, match=r"access\.role_missing"), unit_of_work(engine, "acc", REGION) as tx:
        confirm_choices(tx, seen.digest, day)
    with unit_of_work(engine, "acc", REGION) as tx:
        propose_choice(tx, "receipt_days", "10", day, "文号", day)
    with pytest.raises(Conflict, match=r"policy\.changed"), unit_of_work(engine, "zhang", REGION) as tx:
        confirm_choices(tx, seen.digest, day)
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE access.app_user SET person = 'p1' WHERE user_name = 'zhang'")
        with (
            pytest.raises(Forbidden, match=r"request\.same_person"),
            unit_of_work(engine, "zhang", REGION) as tx,
        ):
            confirm_choices(tx, read_choices(tx).digest, day)
        admin.execute("UPDATE access.app_user SET person = 'p3' WHERE user_name = 'zhang'")
    with unit_of_work(engine, "zhang", REGION) as tx:
        with pytest.raises(InvalidInput, match=r"policy\.reason"):
            refuse_choices(tx, read_choices(tx).digest, " ", day)
        assert refuse_choices(tx, read_choices(tx).digest, "无此文件", day) == 2
    with pytest.raises(NotFound, match=r"policy\.nothing_open"), unit_of_work(engine, "zhang", REGION) as tx:
        confirm_choices(tx, "0" * 32, day)
    with unit_of_work(engine, "acc", REGION) as tx:
        assert policy_on(tx, REGION, day) == "P1"
        assert tx.value("SELECT count(*) FROM fund.policy_proposal WHERE state = 'refused'") == 2


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO fund.region_policy VALUES (420100, 'daily_accounting', '2026-10-01', 'P2', '文', 'acc', 'zhang')",
        "INSERT INTO fund.policy_proposal (region, key, from_day, version, value, source, state, proposed_by, proposed_on, decided_by,"
        " decided_on) VALUES (420100, 'daily_accounting', '2026-10-01', 1, 'P2', '文', 'confirmed', 'acc', '2026-10-01', 'zhang', '2026-10-01')",
        "UPDATE fund.region_policy SET value = 'P2'",
    ],
)
def test_past_the_program_nobody_chooses_alone(book_world, statement):
    engine = book_world("P1").database.service_engine
    for user in ("acc", "zhang"):
        with pytest.raises(Forbidden, match=r"db\.permission"), unit_of_work(engine, user, REGION) as tx:
            tx.connection.execute(statement)


def test_a_stored_word_nobody_knows_is_refused_not_guessed(book_world):
    world = book_world("P1")
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO fund.region_policy VALUES (420100, 'daily_accounting', '2026-01-01', 'p2', '文号', 'acc')"
        )
    with (
        unit_of_work(world.database.service_engine, "acc", REGION) as tx,
        pytest.raises(InvalidInput, match=r"policy\.unknown"),
    ):
        policy_on(tx, REGION, date(2026, 10, 1))
