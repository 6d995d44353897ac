"""What no login may do to the others: use up the server, hold locks by number, write large objects, hidden signs or clear numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ledger.core.masking import masked_numbers
from ledger.core.text import one_line
from ledger.db.house import facts
from ledger.db.logins import CONNECTIONS, ROLES


@pytest.fixture
def house(database: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


LOCKING = {"fundledger_service", "fundledger_intake", "fundledger_books", "fundledger_payments"}


def test_no_login_uses_up_the_server_nor_stops_others_by_a_lock(house: psycopg.Connection[Any]) -> None:
    """Connections are limited per login; large objects are nobody's, advisory locks theirs whose acts take some."""
    limits = dict(
        house.execute(
            "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY (%s)", [list(ROLES.values())]
        ).fetchall()
    )
    assert limits == {ROLES[login]: most for login, most in CONNECTIONS.items()}
    assert max(limits.values()) <= 50
    rows = house.execute(
        """SELECT r.rolname, p.proname ~ 'advisory', bool_or(has_function_privilege(r.rolname, p.oid, 'EXECUTE')),
                  bool_and(has_function_privilege(r.rolname, p.oid, 'EXECUTE')), count(*)
             FROM pg_proc p CROSS JOIN pg_roles r
            WHERE p.pronamespace = 'pg_catalog'::regnamespace AND r.rolname = ANY (%s)
              AND p.proname ~ '^(lo_.+|loread|lowrite|pg_(try_)?advisory_(xact_)?lock(_shared)?)$'
            GROUP BY 1, 2""",
        [list(ROLES.values())],
    ).fetchall()
    assert len(rows) == 2 * len(ROLES)
    for login, locks, some, every, count in rows:
        assert count >= 16, (login, locks)
        assert (some, every) == ((login in LOCKING,) * 2 if locks else (False, False)), (login, locks)


def test_a_right_that_is_given_back_is_seen(house: psycopg.Connection[Any]) -> None:
    """By the same facts that verify compares (ledger.db.house)."""
    with house.transaction(force_rollback=True):
        before = set(facts(house, "grant"))
        house.execute("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC")
        house.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO fundledger_read")
        assert {one.name for one in set(facts(house, "grant")) - before} == {
            "pg_catalog.lo_create(oid) TO PUBLIC", "pg_catalog.pg_advisory_lock(bigint) TO fundledger_read",
        }  # fmt: skip


def test_a_refused_lines_words_hold_no_number_that_says_who_somebody_is(
    house: psycopg.Connection[Any],
) -> None:
    """The database's pattern is the program's (ledger.core.masking), and the intake's login does not get past it."""
    for text in (
        "第1行 certno：“342016261000000001”不合规",
        "13800001111",
        "6222 0000 77",
        "x12345678901",
        "12345678901Xy",
        "1234567890X",
        "",
        "甲01234567890乙",
    ):
        [(masked,)] = house.execute("SELECT fund.is_masked(%s)", [text]).fetchall()
        assert masked == (masked_numbers(text) == text), text
    for column in ("message", "field"):
        said = {"message": "x", "field": ""} | {column: "第1行 certno：“342016261000000001”不合规"}
        with house.transaction(force_rollback=True):
            house.execute("SET LOCAL ROLE fundledger_intake")
            with pytest.raises(psycopg.Error) as refused:
                house.execute(
                    "INSERT INTO fund.quarantine VALUES (0, sha256('f'), 1, '', %s, 'x', %s, 1, 'FUNDLEDGER-SEAL1')",
                    [said["field"], said["message"]],
                )
            assert refused.value.sqlstate == "FL002"


def test_what_nobody_sees_stands_as_a_question_mark_in_code_and_database_alike(
    house: psycopg.Connection[Any],
) -> None:
    """All of Unicode's controls, format signs and line ends, and the tags of plane 14; what people write stays."""
    every = [chr(n) for n in range(1, 0x110000) if not 0xD800 <= n <= 0xDFFF]
    [(kept,)] = house.execute("SELECT access.one_lined(%s)", ["".join(every)]).fetchall()
    assert kept == one_line("".join(every))
    hidden = [
        one
        for one in every
        if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") or 0xE0000 <= ord(one) <= 0xE007F
    ]
    assert len(hidden) > 200
    assert one_line("".join(hidden)) == "?" * len(hidden)
    shown = [one for one in every if unicodedata.category(one)[0] in "LNP"]
    assert one_line("".join(shown)) == "".join(shown)
    with house.transaction(force_rollback=True):
        house.execute("SELECT set_config('app.actor', 'xx', true)")
        house.execute("INSERT INTO access.app_user VALUES ('xx', 'x', 'x')")
        house.execute(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
            " VALUES (0, 'xx', 'x', %s, 'done', '')", ["甲\u061c乙\U000e0041丙\u202e"],
        )  # fmt: skip
        found = house.execute("SELECT object FROM access.operator_log ORDER BY id DESC LIMIT 1").fetchone()
        assert found == ("甲?乙?丙?",)
