"""Frauds by raw SQL, as each login and each person in turn: what is another post's is refused, whoever acts.

Each is tried on a connection of the login's own, whatever that login's session would forbid by itself switched off: what
refuses is what the database grants and guards. What somebody may do as his own post's part is written down, and nothing else
succeeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import psycopg
import pytest

from ledger.db.logins import ROLES
from ledger.db.passwords import Passwords, Working

PEOPLE: Final = ("acc", "maker", "checker", "cash", "adm", "aud", "sys", "bring", "look")
ORDER: Final = "FL20261013-0002"
"""An order that was sent; FL20261013-0001 was sent and has the bank's reference."""


class Fraud(NamedTuple):
    """A statement; `{user}` is who acts. `own` is whose part it is: (login, person) pairs that may."""

    statement: str
    own: frozenset[tuple[str, str]] = frozenset()


def by(logins: str, *people: str) -> frozenset[tuple[str, str]]:
    return frozenset((login, one) for login in logins.split() for one in people)


FRAUDS: Final = {
    "fail all payees": Fraud(
        "SELECT fund.fail_payees(420100, array_agg(institution), array_agg(number), array_agg(name), array_agg('账户已销户'::text),"
        " '2026-10-13') FROM fund.payee_account WHERE state = 'confirmed'"
    ),
    "fail all payees by hand": Fraud("UPDATE fund.payee_account SET state = 'failed', reason = '账户已销户', ended_on = '2026-10-13'"),
    "another account for a payee": Fraud("UPDATE fund.payee_account SET number = '66666'"),
    "the bank's reference again": Fraud("UPDATE payments.pay_order SET bank_reference = 'MINE' WHERE bank_reference <> ''"),
    "the bank's reference": Fraud(
        f"UPDATE payments.pay_order SET bank_reference = 'MINE' WHERE order_no = '{ORDER}'", by("service payments", "acc", "checker", "sys")
    ),
    "the day it was sent": Fraud("UPDATE payments.pay_order SET sent_on = '2026-10-01' WHERE sent_on IS NOT NULL"),
    "sent orders rejected without a word": Fraud("UPDATE payments.pay_order SET state = 'rejected' WHERE state = 'sent'"),
    "quarantine resolved": Fraud("UPDATE fund.quarantine SET state = 'resolved'"),
    "quarantine emptied": Fraud("DELETE FROM fund.quarantine"),
    "a number in the log": Fraud(
        "INSERT INTO access.operator_log (id, region, user_name, action, object, outcome, detail) OVERRIDING SYSTEM VALUE"
        " VALUES (999, 420100, '{user}', 'x', 'x', 'done', '')"
    ),
    "a time in the log": Fraud(
        "INSERT INTO access.operator_log (recorded_at, region, user_name, action, object, outcome, detail)"
        " VALUES ('2026-01-01', 420100, '{user}', 'x', 'x', 'done', '')"
    ),
    "the log in another's name": Fraud(
        "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
        " VALUES (420100, 'rules', 'x', 'x', 'done', '')"
    ),
    "a line of the log gone": Fraud("DELETE FROM access.operator_log"),
    "a nightly run that is done": Fraud(
        "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-14', 'done', 'me', 1, now() + interval '1 hour', '')"
    ),
    "a nightly run said to be done": Fraud("UPDATE jobs.job_run SET state = 'done', message = 'clean'"),
    "a channel": Fraud(
        "INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by, confirmed_by)"
        " VALUES (420100, '6222000001', 1, '{{}}', 'proposed', '{user}', '')", by("service payments", "acc", "maker", "adm")
    ),
    "a channel at once in force": Fraud(
        "INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by, confirmed_by)"
        " VALUES (420100, '6222000001', 1, '{{}}', 'confirmed', '{user}', 'checker')"
    ),
    "a post": Fraud("INSERT INTO access.user_role VALUES (420100, '{user}', 'checker', 0)"),
    "a key": Fraud("INSERT INTO access.api_key VALUES (sha256('x'), 420100, '{user}', 'x', '2099-01-01', false)"),
    "a way of states": Fraud("INSERT INTO payments.transition (from_state, event, to_state, posts) SELECT 'paid', 'again', 'approved', posts FROM payments.transition LIMIT 1"),
    "an entry": Fraud("UPDATE books.entry SET summary = summary"),
    "a record": Fraud("UPDATE fund.record SET content_digest = sha256('x')"),
    "another load's counts": Fraud("UPDATE fund.intake_load SET accepted = accepted + 1, accepted_fen = accepted_fen + 1 WHERE complete"),
    "a trace": Fraud("DELETE FROM access.trace"),
}  # fmt: skip


@pytest.fixture
def lines(town: Any) -> Iterator[dict[Working, psycopg.Connection[Any]]]:
    """One connection for each login, as its password opens it."""
    with psycopg.connect(town.admin_url, autocommit=True) as admin:
        for user, role in (("sys", "system"), ("bring", "intake"), ("look", "reviewer")):
            admin.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", [user, f"p-{user}", user])
            admin.execute("INSERT INTO access.user_role VALUES (420100, %s, %s, 0)", [user, role])
        with admin.transaction():
            admin.execute("SET LOCAL session_replication_role = replica")
            admin.execute(f"UPDATE payments.pay_order SET bank_reference = '' WHERE order_no = '{ORDER}'")
            admin.execute(
                "UPDATE payments.pay_order SET bank_reference = 'B7' WHERE order_no = 'FL20261013-0001'"
            )
            admin.execute(
                "INSERT INTO fund.intake_load (region, file_name, file_sha256, bytes, loaded_by, complete)"
                " VALUES (0, 'f', sha256('f'), 1, 'bring', true)"
            )
            admin.execute(
                "INSERT INTO fund.quarantine VALUES (420100, sha256('f'), 1, 'S', '', 'x', 'x', 1, 'x')"
            )
            admin.execute(
                "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail) VALUES (420100, 'acc', 'x', 'x', 'done', '')"
            )
            admin.execute(
                "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'running', 'me', 1, now() + interval '1 hour', '')"
            )
    known = Passwords(town.server_home)
    with ExitStack() as stack:
        yield {
            login: stack.enter_context(psycopg.connect(town.admin_url, user=role, password=known.read(login)))
            for login, role in ROLES.items()
        }


def succeeds(line: psycopg.Connection[Any], user: str, statement: str) -> bool:
    """Whether it changes anything; undone in any case."""
    try:
        line.execute("SET TRANSACTION READ WRITE")
        line.execute(
            "SELECT set_config('app.actor', %s, true), set_config('app.region', '420100', true)", [user]
        )
        done = line.execute(statement.encode())
        changed = done.rowcount > 0
        line.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.DatabaseError as refused:
        state = refused.sqlstate or ""
        if state != "42501" and state[:2] not in ("FL", "23", "25"):
            raise  # no right, a policy, a guard refuse; what could not have worked at all proves nothing
        return False
    else:
        return changed
    finally:
        line.rollback()


def test_no_login_does_a_fraud_whoever_acts(town: Any, lines: dict[Working, psycopg.Connection[Any]]) -> None:
    for login, line in lines.items():
        assert line.execute("SELECT session_user").fetchone() == (ROLES[login],)
        line.rollback()
    wrong = []
    for name, fraud in FRAUDS.items():
        done = {
            (login, user)
            for login, line in lines.items()
            for user in PEOPLE
            if succeeds(line, user, fraud.statement.format(user=user))
        }
        if done != fraud.own:
            wrong.append((name, sorted(done - fraud.own), sorted(fraud.own - done)))
    assert wrong == []


def test_each_fraud_would_work_without_what_refuses_it(
    town: Any, lines: dict[Working, psycopg.Connection[Any]]
) -> None:
    """What is tried is something to be had: as an administrator without guards each statement changes a row."""
    with psycopg.connect(town.admin_url) as admin:
        for name, fraud in FRAUDS.items():
            if name == "fail all payees":
                continue  # a function that asks for itself
            admin.execute("SET LOCAL session_replication_role = replica")
            assert admin.execute(fraud.statement.format(user="maker").encode()).rowcount > 0, name
            admin.rollback()
