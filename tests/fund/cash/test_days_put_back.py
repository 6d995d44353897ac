"""Nobody puts back the day of what he proposes or decides, whether the region chose a bound or not: the database refuses, `verify` names."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.control.checks.days import DECIDED, check_days
from ledger.control.checks.house.traces import TRACED
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import LedgerError
from tests.fund.cash.test_cash import DAY, agreed_person, asked_person

# A row of the maker's own, written past the program: what stands in another, under another key and day.
_WRITTEN = """
    INSERT INTO fund.person_payment
    SELECT (jsonb_populate_record(p, jsonb_build_object('payment_id', %(key)s::text, 'document', %(key)s::text, 'prepared_on', %(day)s::date))).*
      FROM fund.person_payment p WHERE p.state = 'requested'
"""
_DECIDED = "UPDATE fund.person_payment SET state = 'approved', approved_by = 'qian', approved_on = %(day)s WHERE payment_id = %(key)s"


def found(town: Any) -> list[str]:
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        return [f"{one.code} {one.entry}" for one in check_days(snapshot)]


def refused(town: Any, user: str, statement: str, **given: object) -> str:
    with pytest.raises(LedgerError) as problem, town.tx(user) as tx:
        tx.run(statement, **given)
    return problem.value.code


def test_past_the_program_no_day_is_put_back(town: Any) -> None:
    town.begin(fen=5_000_000)
    key = str(asked_person(town).payment_id)
    for day in (DAY - timedelta(days=40), date(2020, 1, 1)):
        assert refused(town, "zhao", _WRITTEN, key="PAY-BACK-1", day=day) == "day.put_back"
        assert refused(town, "qian", _DECIDED, key=key, day=day) == "day.put_back"
    assert refused(town, "qian", _DECIDED, key=key, day=DAY - timedelta(days=1)) == "day.before_proposal"
    with town.tx() as tx:
        tx.run(_WRITTEN, key="PAY-LATE-1", day=DAY - timedelta(days=31))
    with town.tx("qian") as tx:
        tx.run(_DECIDED, key="PAY-LATE-1", day=DAY - timedelta(days=31))
    assert found(town) == []


def test_a_day_put_back_past_the_guards_is_named(town: Any) -> None:
    town.begin(fen=5_000_000)
    key = agreed_person(town)
    assert found(town) == []
    for change, code in (
        ("approved_on = '2026-10-12'", "day.before_proposal"),
        ("prepared_on = '2026-08-01'", "day.outside"),
        ("prepared_on = '2026-08-01', approved_on = '2026-08-01'", "day.outside"),
    ):
        kept = town.month.asked("SELECT prepared_on::text, approved_on::text FROM fund.person_payment")[0]
        town.month.pretend(f"UPDATE fund.person_payment SET {change}")
        assert set(found(town)) == {f"{code} fund.person_payment {key}"}
        town.month.pretend(
            f"UPDATE fund.person_payment SET prepared_on = '{kept[0]}', approved_on = '{kept[1]}'"
        )


def test_every_table_that_is_proposed_and_decided_with_a_day_is_held(town: Any) -> None:
    rows = town.month.asked(
        "SELECT a.attrelid::regclass::text FROM pg_attribute a JOIN pg_attribute b ON b.attrelid = a.attrelid AND b.attname = 'approved_on'"
        " JOIN pg_class c ON c.oid = a.attrelid WHERE a.attname = 'prepared_on' AND c.relkind = 'r' ORDER BY 1"
    )
    assert [name for (name,) in rows] == sorted(DECIDED)
    assert TRACED.keys() >= set(DECIDED)
    guards = town.month.asked(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'dated' ORDER BY 1"
    )
    assert [name for (name,) in guards] == sorted(DECIDED)
