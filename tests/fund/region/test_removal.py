"""What is past its term goes by two administrators; what is within it, and what is an accounting archive, does not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from ledger.access.idempotency import Kept, store_answer, stored_answer
from ledger.control.checks.fund.removals import check_removals
from ledger.core.errors import Conflict, Forbidden, LedgerError
from ledger.db.safekeeping.fields import MAGIC
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.retention import (
    confirm_removal,
    propose_removal,
    read_retention,
    refuse_removal,
    removals,
)
from tests.control.sweep import Home, looking

REGION, ON = 420100, date(2026, 10, 13)
ROUTE = "POST /api/v1/acts/cash/person"


def tx(world: Any, user: str) -> Any:
    return unit_of_work(world.service_engine, user, REGION)


def aged(world: Any) -> None:
    """Two of every kind: one long past its term, one within it."""
    for key in ("old", "new"):
        with tx(world, "zhao") as t:
            store_answer(t, ROUTE, key, b"d" * 32, Kept(200, '{"name":"张三"}'.encode()))
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE access.idempotency SET recorded_at = '2024-05-01' WHERE key = 'old'")
        admin.execute("UPDATE access.idempotency SET recorded_at = '2026-05-01' WHERE key = 'new'")
        # of the region or of none (0), let pass by two at a closing or not; what the row's state says is nobody's word
        for load, began, region, state in (
            (901, "2020-05-01", REGION, "open"),
            (902, "2025-05-01", REGION, "open"),
            (903, "2020-05-01", REGION, "resolved"),
            (904, "2020-05-01", 0, "open"),
            (905, "2020-05-01", 0, "open"),
        ):
            admin.execute(
                "INSERT INTO fund.intake_load (load_id, region, file_name, file_sha256, bytes, loaded_by, begun_at, quarantined)"
                " OVERRIDING SYSTEM VALUE VALUES (%s, 420100, 'f', sha256(%s), 1, 'jieru', %s, 1)",
                [load, str(load).encode(), began],
            )
            admin.execute(
                "INSERT INTO fund.quarantine (region, file_sha256, line, setl_id, field, code, message, load_id, raw, state)"
                " VALUES (%s, sha256(%s), 1, '', '', 'record.shape', 'x', %s, 'FUNDLEDGER-SEAL1x', %s)",
                [region, str(load).encode(), load, state],
            )
        admin.execute(
            "INSERT INTO books.closing_waiver (region, fund, period, code, n, items, reason, asked_by, asked_on, granted_by, granted_on)"
            " SELECT b.region, b.fund, 202005, 'quarantine', 1, %s, '不再送', 'li', '2020-06-02', 'wu', '2020-06-03' FROM books.book b"
            " WHERE b.region = 420100",
            [Jsonb([f"load {load} line 1" for load in (901, 902, 904)])],
        )
        for token, ended in (("a", "2024-05-01"), ("b", "2026-09-01"), ("c", None)):
            admin.execute(
                "INSERT INTO access.session (token_hash, user_name, began_at, ended_at) VALUES (sha256(%s), 'zhao', '2024-04-30', %s)",
                [token.encode(), ended],
            )
        for day in ("2014-05-01", "2020-05-01"):
            admin.execute(
                "INSERT INTO access.operator_log (region, recorded_at, user_name, action, object, outcome, detail)"
                " VALUES (420100, %s, 'zhao', 'daily.run', 'x', 'done', '')",
                [day],
            )


def asked(world: Any, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(world.admin_url) as admin:
        return admin.execute(query.encode()).fetchall()


@pytest.mark.parametrize("kind", ["answers", "quarantine", "sessions", "log"])
def test_what_is_past_its_term_goes_and_is_told(world: Any, kind: str) -> None:
    aged(world)
    items = 2 if kind == "quarantine" else 1
    with tx(world, "guan") as t:
        assert {one.kind: one.past for one in read_retention(t, ON) if one.kind == kind} == {kind: items}
        made = propose_removal(t, kind, ON)
    assert (made.items, made.state, made.first_on == made.last_on < made.before) == (items, "proposed", True)
    with tx(world, "shen") as t:
        done = confirm_removal(t, made.n, made.digest, ON)
    assert (done.state, done.decided_by, done.digest) == ("removed", "shen", made.digest)
    left = {
        "answers": "SELECT key, response <> '' FROM access.idempotency ORDER BY 1",
        "quarantine": "SELECT load_id, raw <> '' FROM fund.quarantine ORDER BY 1",
        "sessions": "SELECT ended_at::date::text FROM access.session ORDER BY 1 NULLS LAST",
        "log": "SELECT recorded_at::date::text FROM access.operator_log WHERE recorded_at < '2026-01-01' ORDER BY 1",
    }
    assert (
        asked(world, left[kind])
        == {
            "answers": [("new", True), ("old", False)],
            "quarantine": [(901, False), (902, True), (903, True), (904, False), (905, True)],
            "sessions": [("2026-09-01",), (None,)],
            "log": [("2020-05-01",)],
        }[kind]
    )
    with pytest.raises(Conflict, match=r"retention\.nothing"), tx(world, "guan") as t:
        propose_removal(t, kind, ON)  # what is left is within its term
    with tx(world, "guan") as t:
        assert [one.n for one in removals(t)] == [made.n]


def test_a_key_whose_answer_went_is_used_for_ever(world: Any) -> None:
    aged(world)
    with tx(world, "guan") as t:
        made = propose_removal(t, "answers", ON)
    with tx(world, "shen") as t:
        confirm_removal(t, made.n, made.digest, ON)
    with pytest.raises(Conflict, match=r"key\.answer_lost"), tx(world, "zhao") as t:
        stored_answer(t, ROUTE, "old", b"d" * 32)
    with tx(world, "zhao") as t:
        kept = stored_answer(t, ROUTE, "new", b"d" * 32)
    assert kept == Kept(200, '{"name":"张三"}'.encode())
    assert asked(world, "SELECT response FROM access.idempotency WHERE key = 'new'")[0][0].startswith(MAGIC)


def test_nothing_goes_within_its_term_whatever_day_is_named(world: Any) -> None:
    """Neither a business day far ahead, nor raw SQL as the service, nor as the owner, takes what must stay."""
    aged(world)
    with tx(world, "guan") as t:
        ahead = propose_removal(t, "quarantine", date(2040, 1, 1))
    assert (ahead.items, ahead.before.year <= 2026) == (2, True)  # the machine's day bounds it
    for statement in (
        "DELETE FROM access.idempotency",
        "UPDATE fund.quarantine SET raw = ''",
        "DELETE FROM access.operator_log",
        "DELETE FROM access.session",
        "INSERT INTO fund.removal SELECT * FROM fund.removal",
        "UPDATE fund.removal SET state = 'removed', decided_by = 'shen', decided_on = '2026-10-13'",
    ):
        with pytest.raises(LedgerError) as refused, tx(world, "shen") as t:
            t.connection.execute(statement.encode())
        assert refused.value.code == "db.permission", statement
        if "removal" not in statement:
            with psycopg.connect(world.admin_url) as admin:
                admin.execute("SET ROLE fundledger_owner")
                with pytest.raises(psycopg.Error, match=r"business\.frozen"):
                    admin.execute(statement.encode())


def test_archives_are_not_taken_away_and_one_person_takes_nothing(world: Any) -> None:
    aged(world)
    for kind in ("bank_files", "records", "vouchers"):
        with pytest.raises(Forbidden, match=r"retention\.archive"), tx(world, "guan") as t:
            propose_removal(t, kind, ON)
    for user in ("zhao", "qian", "li", "shen"):
        with pytest.raises(Forbidden, match=r"access\.role_missing"), tx(world, user) as t:
            propose_removal(t, "answers", ON)
    with tx(world, "guan") as t:
        made = propose_removal(t, "answers", ON)
    with pytest.raises(Conflict, match=r"retention\.pending"), tx(world, "guan") as t:
        propose_removal(t, "answers", ON)
    with pytest.raises(Forbidden, match=r"access\.role_missing"), tx(world, "guan") as t:
        confirm_removal(t, made.n, made.digest, ON)
    with pytest.raises(Conflict, match=r"retention\.changed"), tx(world, "shen") as t:
        confirm_removal(t, made.n, "00" * 32, ON)
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE access.idempotency SET recorded_at = '2024-06-01'")  # one more than was shown
    with pytest.raises(Conflict, match=r"retention\.changed"), tx(world, "shen") as t:
        confirm_removal(t, made.n, made.digest, ON)
    with tx(world, "shen") as t:
        assert refuse_removal(t, made.n, "先导出备查", ON).state == "refused"
    with pytest.raises(Conflict, match=r"request\.decided"), tx(world, "shen") as t:
        confirm_removal(t, made.n, made.digest, ON)


ALL = "UPDATE fund.removal SET "
SPOILT = {
    "one person": (ALL + "proposed_by = 'shen2'", "removal.persons", "removal 1"),
    "nobody": (ALL + "decided_by = 'nobody' WHERE n = 2", "removal.persons", "removal 2"),
    "within its term": (ALL + "before = before + 1", "removal.term", "removal 1"),
    "before it was proposed": (ALL + "decided_on = proposed_on - 1", "removal.days", "removal 1"),
    "taken away": ("DELETE FROM fund.removal WHERE n = 2", "removal.gap", "removal"),
    "more of the log": (ALL + "items = items + 1 WHERE kind = 'log'", "removal.items", "removal log"),
    "more of sessions": (ALL + "items = items + 1 WHERE kind = 'sessions'", "removal.items", "removal sessions"),
    "more of answers": (ALL + "items = items + 1 WHERE kind = 'answers'", "removal.items", "removal answers"),
    "never decided": (
        ALL + "state = 'proposed', decided_by = '', decided_on = NULL WHERE kind = 'log'", "removal.items", "removal log",
    ),
    "a line filled again": ("UPDATE fund.quarantine SET raw = 'x'", "removal.items", "removal quarantine"),
    "a line of the log put back": (
        "INSERT INTO access.operator_log (region, recorded_at, user_name, action, object, outcome, detail)"
        " VALUES (420100, '2014-05-02', 'zhao', 'daily.run', 'x', 'done', '')", "removal.back", "removal log",
    ),
    "an answer put back": (
        "INSERT INTO access.idempotency VALUES (420100, 'zhao', 'r', 'k', 'd', 200, 'x', '2024-05-02')", "removal.back", "removal answers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_removal_that_was_not_as_it_says_is_named(removed: Home, spoilt: str) -> None:
    statement, code, named = SPOILT[spoilt]
    assert [*check_removals(looking(removed))] == []
    with removed.admin.transaction(force_rollback=True):
        removed.admin.execute("RESET ROLE; SET LOCAL session_replication_role = replica")
        removed.admin.execute(
            "INSERT INTO access.app_user SELECT 'shen2', person, '审二' FROM access.app_user WHERE user_name = 'shen'"
        )
        assert removed.admin.execute(statement.encode()).rowcount
        found = [(one.code, one.entry) for one in check_removals(looking(removed))]
    assert (code, named) in found


@pytest.fixture
def removed(world: Any) -> Iterator[Home]:
    """Of each kind what is past its term taken away by two administrators."""
    aged(world)
    for kind in ("answers", "quarantine", "sessions", "log"):
        with tx(world, "guan") as t:
            made = propose_removal(t, kind, ON)
        with tx(world, "shen") as t:
            confirm_removal(t, made.n, made.digest, ON)
    with psycopg.connect(world.admin_url) as admin:
        yield Home(admin, world.settings.home, [])
        admin.rollback()
