"""Users, roles and keys by two administrators: proposed by one, confirmed by the other, what is taken away is told."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from ledger.access.keys import digest_of, joined, revoke_keys, user_of_key
from ledger.access.listing import read_keys, read_users
from ledger.access.naming import name_audit_admin, without_audit_admin
from ledger.access.proposals import (
    confirm,
    propose_deactivation,
    propose_key,
    propose_role,
    propose_user,
    refuse,
    waiting,
)
from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, generate, pair
from ledger.access.signing.signer import WithKey
from ledger.access.users import Person, deactivate, revoke_role
from ledger.cli.installation import users
from ledger.cli.line.acting import ACTING
from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import give_key

REGION = 420100
DAY = date(2026, 10, 13)
FAR = date(2099, 1, 1)


def tx(world: Any, user: str) -> Any:
    return unit_of_work(world.service_engine, user, REGION)


def code_of(world: Any, user: str, act: Any) -> str:
    """The code under which `act` is refused to `user`; nothing of it stays."""
    with pytest.raises(LedgerError) as refused, tx(world, user) as t:
        act(t)
    return refused.value.code


@pytest.mark.parametrize(
    "person", [" person-admin", "Person-Admin", "person－admin", "person-admin\u200b", "person\u2011maker"]
)
def test_one_person_is_not_two_by_another_spelling(world: Any, person: str) -> None:
    """The security administrator would have himself, or a maker, registered as somebody else."""
    assert (
        code_of(world, "guan", lambda t: propose_user(t, "guan2", person, "某", DAY)) == "user.person_alike"
    )


def test_one_proposes_and_the_other_confirms_what_he_was_shown(world: Any) -> None:
    with tx(world, "guan") as t:
        asked = propose_user(t, "chen", "person-chen", "陈制单", DAY)
    with tx(world, "shen") as t:
        assert [(one.n, one.act, one.user, one.person, one.digest) for one in waiting(t)] == [
            (asked.n, "add", "chen", "person-chen", asked.digest)
        ]
        assert not t.value("SELECT count(*) FROM access.app_user WHERE user_name = 'chen'")
    assert code_of(world, "guan", lambda t: confirm(t, asked.n, asked.digest, DAY)) == "access.role_missing"
    assert code_of(world, "shen", lambda t: confirm(t, asked.n, "0" * 64, DAY)) == "user.changed"
    assert code_of(world, "shen", lambda t: confirm(t, 99, asked.digest, DAY)) == "user.no_proposal"
    with tx(world, "shen") as t:
        confirm(t, asked.n, asked.digest, DAY)
    assert code_of(world, "shen", lambda t: confirm(t, asked.n, asked.digest, DAY)) == "user.decided"
    with tx(world, "guan") as t:
        role = propose_role(t, "chen", "maker", 0, DAY)
    with tx(world, "shen") as t:
        refuse(t, role.n, role.digest, "尚未到岗", DAY)
        assert not t.value("SELECT count(*) FROM access.user_role WHERE user_name = 'chen'")
    with tx(world, "guan") as t:
        role = propose_role(t, "chen", "maker", 310, DAY)
    assert code_of(world, "guan", lambda t: propose_role(t, "chen", "maker", 310, DAY)) == "user.waiting"
    with tx(world, "shen") as t:
        confirm(t, role.n, role.digest, DAY)
        listed = {one.user: one for one in read_users(t)}
    assert (listed["chen"].roles, listed["chen"].active) == ((("maker", 310),), True)


def test_what_no_administrator_does(world: Any) -> None:
    asked = [
        ("zhao", lambda t: propose_user(t, "x1", "p", "某", DAY), "access.role_missing"),
        ("shen", lambda t: propose_user(t, "x1", "p", "某", DAY), "access.role_missing"),
        ("guan", lambda t: propose_user(t, "zhao", "p", "某", DAY), "user.exists"),
        ("guan", lambda t: propose_user(t, "guan2", "person-admin", "某", DAY), "access.own_grant"),
        ("guan", lambda t: propose_role(t, "guan", "maker", 0, DAY), "access.own_grant"),
        ("guan", lambda t: propose_role(t, "shen", "reviewer", 0, DAY), "access.incompatible_roles"),
        ("guan", lambda t: propose_role(t, "zhao", "audit_admin", 0, DAY), "access.incompatible_roles"),
        ("guan", lambda t: propose_role(t, "zhao", "maker", 0, DAY), "user.nothing"),
        ("guan", lambda t: propose_role(t, "nobody", "maker", 0, DAY), "user.unknown"),
        ("guan", lambda t: propose_key(t, "zhao", "x", date(2020, 1, 1), DAY), "user.key_expired"),
        ("guan", lambda t: deactivate(t, "shen"), "user.two_administrators"),
        ("shen", lambda t: revoke_role(t, "guan", "admin"), "user.two_administrators"),
        ("guan", lambda t: revoke_role(t, "zhao", "cashier"), "user.nothing"),
        ("zhao", lambda t: revoke_role(t, "qian", "checker"), "access.role_missing"),
        ("guan", lambda t: t.run("UPDATE access.proposal SET state = 'confirmed'"), "db.permission"),
        (
            "guan",
            lambda t: t.run("INSERT INTO access.user_role VALUES (420100, 'zhou', 'maker', 0)"),
            "db.permission",
        ),
    ]
    for user, act, code in asked:
        assert (user, code_of(world, user, act)) == (user, code)


def test_an_audit_administrator_confirms_nothing_for_himself_or_of_himself(world: Any) -> None:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO access.app_user VALUES ('guan.too', 'person-admin', '管理员另名'), ('shen.too', 'person-audit-admin', '另名')"
        )
        with pytest.raises(psycopg.Error, match="incompatible_roles"):
            admin.execute("INSERT INTO access.user_role VALUES (420100, 'guan.too', 'audit_admin', 0)")
        # two posts in one hand, put there past the guard: still no person is two
        admin.execute("SET session_replication_role = replica")
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'guan.too', 'audit_admin', 0)")
    with tx(world, "guan") as t:
        user = propose_user(t, "chen", "person-chen", "陈制单", DAY)
        own, _ = propose_key(t, "zhao", "k", FAR, DAY)
    assert code_of(world, "guan.too", lambda t: confirm(t, user.n, user.digest, DAY)) == "request.same_person"
    assert (
        code_of(world, "guan.too", lambda t: refuse(t, own.n, own.digest, "x", DAY)) == "request.same_person"
    )


def test_a_key_opens_nothing_before_it_is_confirmed_and_tells_its_last_use(world: Any) -> None:
    with tx(world, "guan") as t:
        asked, made = propose_key(t, "jieru", "院端", FAR, DAY)
    with pytest.raises(LedgerError, match=r"key\.unknown"), tx(world, "jieru") as t:
        user_of_key(t, made.secret, DAY)
    with tx(world, "shen") as t:
        done, second = confirm(t, asked.n, asked.digest, DAY)
    whole = joined(made.secret, second)
    assert done.key_prefix == digest_of(whole).hex()[:8] != made.prefix
    for alone in (
        made.secret,
        second,
        joined(second, made.secret),
        joined(made.secret, made.secret),
    ):  # neither half opens anything
        with (
            pytest.raises(LedgerError, match=r"key\.unknown"),
            unit_of_work(world.service_engine, "api.key") as t,
        ):
            user_of_key(t, alone, DAY)
    with unit_of_work(world.service_engine, "api.key") as t:
        assert user_of_key(t, whole, DAY) == "jieru"
        user_of_key(t, whole, date(2026, 10, 12))  # an older day does not turn it back
    with tx(world, "zhou") as t:
        [key] = read_keys(t, DAY)
        assert (key.prefix, key.user, key.label, key.state, key.used_on) == (
            done.key_prefix,
            "jieru",
            "院端",
            "live",
            DAY,
        )
        assert read_keys(t, date(2099, 1, 2))[0].state == "expired"
    with tx(world, "shen") as t:
        assert [one.prefix for one in revoke_keys(t, prefix=done.key_prefix)] == [done.key_prefix]
    assert code_of(world, "shen", lambda t: revoke_keys(t, prefix=done.key_prefix)) == "user.no_key"
    assert code_of(world, "shen", lambda t: revoke_keys(t, prefix="abc")) == "user.key_which"
    assert code_of(world, "zhao", lambda t: revoke_keys(t, user="jieru")) == "access.role_missing"


def test_what_was_revoked_is_told_by_name_label_or_person(world: Any) -> None:
    give_key(world.service_engine, ("guan", "shen"), REGION, "qian", FAR, DAY)
    with tx(world, "guan") as t:
        keys = [propose_key(t, "zhao", label, FAR, DAY)[0] for label in ("甲", "乙")]
    with tx(world, "shen") as t:
        for one in keys:
            confirm(t, one.n, one.digest, DAY)
    with tx(world, "guan") as t:
        assert [(one.user, one.label) for one in revoke_keys(t, label="甲")] == [("zhao", "甲")]
        assert [(one.user, one.label) for one in revoke_keys(t, person="person-maker")] == [("zhao", "乙")]
        assert len(deactivate(t, "qian")) == 1
    assert code_of(world, "guan", lambda t: deactivate(t, "qian")) == "user.nothing"
    assert code_of(world, "guan", lambda t: propose_key(t, "qian", "x", FAR, DAY)) == "user.inactive"
    with tx(world, "guan") as t:  # an administrator goes by two
        asked = propose_deactivation(t, "guan", DAY)
    with tx(world, "shen") as t:
        confirm(t, asked.n, asked.digest, DAY)
        assert {one.user for one in read_users(t) if not one.active} == {"qian", "guan"}


def test_a_region_with_one_administrator_is_told_and_given_another(world: Any) -> None:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("DELETE FROM access.user_role WHERE role = 'audit_admin'")
        assert without_audit_admin(admin) == [REGION]
        assert (
            code_of(world, "guan", lambda t: propose_user(t, "chen", "p", "陈", DAY)) == "user.no_audit_admin"
        )
        for named, code in (
            (Person("zhao", "person-maker", "赵", "audit_admin"), "access.incompatible_roles"),
            (Person("shen", "person-other", "申", "audit_admin"), "user.exists"),
            (Person("Bad Name", "person-x", "申", "audit_admin"), "db.constraint"),
        ):
            with pytest.raises(LedgerError) as refused:
                name_audit_admin(admin, REGION, named)
            assert refused.value.code == code
        with pytest.raises(LedgerError, match=r"region\.unknown"):
            name_audit_admin(admin, 999999, Person("feng", "person-feng", "冯", "audit_admin"))
        name_audit_admin(admin, REGION, Person("feng", "person-feng", "冯审计", "audit_admin"))
        with pytest.raises(LedgerError, match=r"user\.audit_admin_there"):
            name_audit_admin(admin, REGION, Person("he", "person-he", "何", "audit_admin"))
        assert without_audit_admin(admin) == []
        logged = admin.execute(
            "SELECT user_name, object FROM access.operator_log WHERE action = 'db.audit_admin'"
        ).fetchall()
    assert logged == [("db.admin", "feng")]
    with tx(world, "guan") as t:
        asked = propose_user(t, "chen", "p", "陈", DAY)
    with tx(world, "feng") as t:
        assert confirm(t, asked.n, asked.digest, DAY)[0].user == "chen"


def test_the_command_line_keeps_the_secret_in_a_file(
    world: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ACTING, "settings", world.settings.model_copy(update={"today": DAY}))

    def run(user: str, *words: str, given: str = "") -> tuple[int, str]:
        monkeypatch.setattr(ACTING, "user", user)
        done = CliRunner().invoke(users.app, [*words, "--region", "420100", "--json"], input=given)
        return (
            (0, done.stdout)
            if done.exception is None
            else (1, getattr(done.exception, "code", str(done.exception)))
        )

    out = tmp_path / "jieru.key"
    _, said = run("guan", "key", "jieru", "--expires", "2099-01-01", "--label", "院端", "--out", str(out))
    asked = json.loads(said)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    secret = out.read_text().strip()
    assert secret not in said
    assert run("guan", "key", "jieru", "--expires", "2099-01-01", "--label", "另", "--out", str(out)) == (
        1,
        "user.key_file",
    )
    confirmed = json.loads(run("shen", "confirm", str(asked["n"]), "--digest", asked["digest"])[1])
    whole, prefix = joined(secret, confirmed["second"]), confirmed["key_prefix"]
    assert json.loads(run("zhou", "keys")[1])["keys"][0]["prefix"] == prefix == digest_of(whole).hex()[:8]
    assert run("guan", "revoke-key") == (1, "user.key_which")
    revoked = json.loads(run("guan", "revoke-key", "--stdin", given=whole + "\n")[1])
    assert (revoked["count"], revoked["revoked"][0]["prefix"]) == (1, prefix)
    assert run("guan", "revoke-key", "--label", "院端") == (1, "user.no_key")
    log = [(user, action, outcome) for user, action, outcome in _log(world) if action.startswith("user.")]
    assert ("guan", "user.key", "done") in log
    assert ("shen", "user.confirm", "done") in log
    assert ("guan", "user.revoke_key", "refused") in log


def _log(world: Any) -> list[tuple[str, str, str]]:
    with psycopg.connect(world.admin_url) as admin:
        return admin.execute(
            "SELECT user_name, action, outcome FROM access.operator_log ORDER BY id"
        ).fetchall()


def test_where_signatures_are_demanded_a_role_is_confirmed_by_a_signature(world: Any) -> None:
    keys = {user: pair(ED25519, generate(ED25519)) for user in ("guan", "shen")}

    def signs(user: str, act: Any, *, key: bool = True) -> Any:
        with tx(world, user) as t:
            t.signer = WithKey(lambda: keys[user] if key else None)
            return act(t)

    with psycopg.connect(world.admin_url) as admin:  # as `found_region` leaves a region that demands them
        admin.execute(
            "INSERT INTO access.signing_demand (region, digest, asked_by, asked_on, confirmed_on, confirmed_at)"
            " VALUES (%s, '', '', %s, %s, clock_timestamp())",
            [REGION, DAY, DAY],
        )
    # the two administrators enrol each other: the first two keys have nobody to sign for them
    for user, other in (("guan", "shen"), ("shen", "guan")):
        with tx(world, user) as t:
            made = persons.enroll(t, user, ED25519, keys[user].public, (date(2020, 1, 1), FAR), DAY)
        with tx(world, other) as t:
            persons.confirm(t, made.fingerprint, made.digest, DAY)
    with tx(world, "guan") as t:
        asked, refused = (
            propose_user(t, "chen", "p-chen", "陈", DAY),
            propose_user(t, "he", "p-he", "何", DAY),
        )
    assert code_of(world, "shen", lambda t: confirm(t, asked.n, asked.digest, DAY)) == "signature.missing"
    signs("shen", lambda t: confirm(t, asked.n, asked.digest, DAY))
    signs("shen", lambda t: refuse(t, refused.n, refused.digest, "不到岗", DAY), key=False)
    assert found_unsigned(world) == []
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE access.proposal SET state = 'confirmed', reason = '' WHERE n = %s", [refused.n])
    assert found_unsigned(world) == [f"role.confirm {refused.n}"]


def found_unsigned(world: Any) -> list[str]:
    with open_snapshot(world.auditor_engine, world.settings.home, []) as snapshot:
        return [one.entry for one in check_signatures(snapshot)]
