"""Who comes in at the pages: a link by two persons, a password, a second factor, locks, and sessions that end in the database."""

from __future__ import annotations

import base64
import time
from datetime import date
from typing import Any

import psycopg
import pyotp
import pytest

from ledger.access.links import give_link, make_link
from ledger.access.proposals import confirm, propose_link
from ledger.access.sessions import (
    begin_second_factor,
    change_password,
    choose_password,
    digest_of_token,
    log_in,
    log_out,
    set_second_factor,
    user_of_session,
)
from ledger.access.users import deactivate
from ledger.control.checks.house.log_ins import check_log_ins
from ledger.control.checks.house.traces import check_traces
from ledger.control.snapshot import Snapshot, open_snapshot
from ledger.core.errors import Forbidden, InvalidInput, LedgerError, NotFound, Unauthenticated
from ledger.db.safekeeping.region_keys import key_of_sealed, seal, seal_what_is_clear, sealed_anew, unseal
from ledger.db.safekeeping.rotation import keys, owning, retire, rotate
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import DEMO_REGION

TODAY = date(2026, 10, 13)
GOOD = "tian-Shui-4821"


def linked(engine: Any, user: str) -> tuple[str, str]:
    """Both halves of a link's code."""
    with unit_of_work(engine, "guan", DEMO_REGION) as tx:
        asked, made = propose_link(tx, user, TODAY)
    with unit_of_work(engine, "shen", DEMO_REGION) as tx:
        _, second = confirm(tx, asked.n, asked.digest, TODAY)
    return made.code, second


@pytest.fixture
def engine(world: Any) -> Any:
    engine: Any = world.service_engine
    choose_password(engine, "qian", linked(engine, "qian"), GOOD, TODAY, "127.0.0.1")
    return engine


def logged(engine: Any, user: str) -> list[tuple[str, str, str]]:
    with unit_of_work(engine, "zhou", DEMO_REGION) as tx:
        return tx.rows(  # type: ignore[return-value]
            "SELECT action, outcome, detail FROM access.operator_log WHERE user_name = %(user)s AND action LIKE 'log%%' ORDER BY id",
            user=user,
        )


def code_of(problem: pytest.ExceptionInfo[LedgerError]) -> str:
    return problem.value.code


def test_a_link_needs_two_persons_and_opens_once(engine: Any) -> None:
    with unit_of_work(engine, "guan", DEMO_REGION) as tx:
        _, unconfirmed = propose_link(tx, "zhao", TODAY)
    code = linked(engine, "sun")
    # neither administrator alone: each half without the other, twice the same, the wrong way round, another link's half
    other = linked(engine, "li")
    for user, tried in (
        ("zhao", (unconfirmed.code, "")), ("zhao", (unconfirmed.code, code[1])), ("zhao", code), ("sun", (code[0] + "x", code[1])),
        ("sun", (code[0], "")), ("sun", (code[1], "")), ("sun", (code[0], code[0])), ("sun", (code[1], code[0])),
        ("sun", (code[0], other[1])), ("sun", (other[0], code[1])),
    ):  # fmt: skip
        with pytest.raises(Forbidden) as problem:
            choose_password(engine, user, tried, GOOD, TODAY, "")
        assert code_of(problem) == "login.link"
    with pytest.raises(Forbidden):
        choose_password(engine, "sun", code, GOOD, date(2026, 10, 17), "")
    choose_password(engine, "sun", code, GOOD, TODAY, "")
    with pytest.raises(Forbidden):
        choose_password(engine, "sun", code, "another-Pass-1", TODAY, "")
    assert user_of_session(engine, log_in(engine, "sun", GOOD, "", "", "")) == "sun"


def test_a_proposal_without_its_other_half_is_refused_as_that(engine: Any) -> None:
    """Past the program: a link confirmed in raw SQL without the half that the audit administrator is to be given."""
    with unit_of_work(engine, "guan", DEMO_REGION) as tx:
        asked, _ = propose_link(tx, "sun", TODAY)
    with pytest.raises(Forbidden) as refused, unit_of_work(engine, "shen", DEMO_REGION) as tx:
        tx.run(
            "SELECT access.decide(%(r)s, %(n)s, decode(%(d)s, 'hex'), 'confirmed', '', %(on)s, NULL)",
            r=DEMO_REGION, n=asked.n, d=asked.digest, on=TODAY,
        )  # fmt: skip
    assert refused.value.code == "user.second_half"


@pytest.mark.parametrize("password", ["short-1A", "onlyletters", "x" * 201, "qian-is-my-name-1"])
def test_a_weak_password_is_none(engine: Any, password: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        choose_password(engine, "qian", linked(engine, "qian"), password, TODAY, "")
    assert code_of(problem) == "login.password"


def test_a_new_log_in_has_a_new_token_and_the_old_one_is_dead(engine: Any) -> None:
    first = log_in(engine, "qian", GOOD, "", "", "10.0.0.9")
    second = log_in(engine, "qian", GOOD, "", first, "10.0.0.9")
    assert first != second
    with pytest.raises(Unauthenticated):
        user_of_session(engine, first)
    log_out(engine, "qian", second, "10.0.0.9")
    with pytest.raises(Unauthenticated):
        user_of_session(engine, second)
    assert logged(engine, "qian") == [
        ("login.password", "done", ""), ("login", "done", ""), ("login", "done", ""), ("logout", "done", ""),
    ]  # fmt: skip


def test_nobody_comes_in_without_a_line_of_the_log(engine: Any, world: Any) -> None:
    """By the program or past it, with the service's login; and a session whose line is not there is named."""
    log_in(engine, "qian", GOOD, "", "", "10.0.0.9")
    before = len(logged(engine, "qian"))
    with unit_of_work(engine, "qian") as tx:
        tx.run("SELECT access.begin_session(sha256('mine'), sha256('none'), 0, '10.1.1.1', '10.1.1.1')")
    assert logged(engine, "qian")[before:] == [("login", "done", "")]
    with pytest.raises(LedgerError), unit_of_work(engine, "qian") as tx:
        tx.run("INSERT INTO access.session (token_hash, user_name) VALUES (sha256('own'), 'qian')")
    with pytest.raises(LedgerError), unit_of_work(engine, "qian") as tx:
        tx.run("SELECT access.open_session(sha256('own'), sha256('none'), 'qian', '', '')")

    def found(change: str) -> list[str]:
        with psycopg.connect(world.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(change.encode())
            seen = list(check_log_ins(Snapshot(admin, (), world.settings.home)))
            admin.rollback()
        return [one.code for one in seen]

    assert found("SELECT 1") == []
    assert found("DELETE FROM access.operator_log WHERE object = '10.1.1.1'") == ["login.unlogged"]
    assert found("UPDATE access.operator_log SET user_name = 'sun' WHERE object = '10.1.1.1'") == [
        "login.unlogged"
    ]
    assert found("INSERT INTO access.session (token_hash, user_name) VALUES (sha256('own'), 'sun')") == [
        "login.unlogged"
    ]


def test_five_wrong_ones_lock_even_the_right_one_out(engine: Any) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated) as problem:
            log_in(engine, "qian", "wrong-One-1", "", "", "")
        assert code_of(problem) == "login.refused"
    with pytest.raises(Unauthenticated) as problem:
        log_in(engine, "qian", GOOD, "", "", "")
    assert code_of(problem) == "login.locked"
    assert [line[2] for line in logged(engine, "qian") if line[1] == "refused"] == ["login.refused"] * 5 + [
        "login.locked"
    ]


def test_nobody_learns_which_names_there_are(engine: Any) -> None:
    told = set()
    for user in ("qian", "nobody", "zhao", "QIAN; DROP", "\u202eqian"):
        with pytest.raises(Unauthenticated) as problem:
            log_in(engine, user, "wrong-One-1", "", "", "")
        told.add((problem.value.code, problem.value.message))
    assert len(told) == 1


def test_idle_old_and_stopped_sessions_are_over(engine: Any, world: Any) -> None:
    for column, ago in (("seen_at", "31 minutes"), ("began_at", "13 hours")):
        token = log_in(engine, "qian", GOOD, "", "", "")
        with psycopg.connect(world.admin_url) as admin:
            admin.execute(
                f"UPDATE access.session SET {column} = clock_timestamp() - %s::interval WHERE token_hash = %s",  # type: ignore[arg-type]
                [ago, digest_of_token(token)],
            )
        with pytest.raises(Unauthenticated):
            user_of_session(engine, token)
    token = log_in(engine, "qian", GOOD, "", "", "")
    with unit_of_work(engine, "guan", DEMO_REGION) as tx:
        deactivate(tx, "qian")
    with pytest.raises(Unauthenticated):
        user_of_session(engine, token)


def test_a_changed_password_ends_every_other_session(engine: Any) -> None:
    mine, other = (log_in(engine, "qian", GOOD, "", "", "") for _ in range(2))
    with pytest.raises(Unauthenticated):
        change_password(engine, "qian", mine, "wrong-One-1", "new-Pass-4567", "")
    change_password(engine, "qian", mine, GOOD, "new-Pass-4567", "")
    assert user_of_session(engine, mine) == "qian"
    with pytest.raises(Unauthenticated):
        user_of_session(engine, other)
    with pytest.raises(Unauthenticated):
        log_in(engine, "qian", GOOD, "", "", "")


def test_a_second_factors_code_opens_once(engine: Any, world: Any) -> None:
    home = world.settings.home
    secret, address = begin_second_factor("qian")
    assert secret in address
    mine = log_in(engine, "qian", GOOD, "", "", "")
    totp = pyotp.TOTP(secret)
    with pytest.raises(InvalidInput):
        set_second_factor(engine, "qian", mine, secret, "000000x", GOOD, "")
    used = totp.generate_otp(int(time.time()) // 30 - 1)
    set_second_factor(engine, "qian", mine, secret, used, GOOD, "")
    for otp in ("", used):  # five tries in a row lock: two here, two below
        with pytest.raises(Unauthenticated):
            log_in(engine, "qian", GOOD, otp, "", "", home)
    now = totp.generate_otp(int(time.time()) // 30)
    for elsewhere in (
        None,
        home / "nothing",
    ):  # a copy of the database without the home's keys: nobody comes in by it
        with pytest.raises(NotFound) as problem:
            log_in(engine, "qian", GOOD, now, "", "", elsewhere)
        assert code_of(problem) == "data.key_missing"
    assert log_in(engine, "qian", GOOD, totp.generate_otp(int(time.time()) // 30), "", "", home)


def test_a_second_factor_lies_sealed_and_one_in_clear_is_sealed_by_the_upgrade(
    engine: Any, world: Any
) -> None:
    home, (secret, _) = world.settings.home, begin_second_factor("qian")
    mine = log_in(engine, "qian", GOOD, "", "", "")
    totp = pyotp.TOTP(secret)
    set_second_factor(engine, "qian", mine, secret, totp.generate_otp(int(time.time()) // 30 - 1), GOOD, "")
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        (kept,) = admin.execute(
            "SELECT otp_secret FROM access.password WHERE user_name = 'qian'"
        ).fetchone() or ("",)
        assert secret not in kept
        assert unseal(home, base64.b64decode(kept)).decode() == secret
        in_clear = "UPDATE access.password SET otp_secret = %s WHERE user_name = 'qian'"
        with pytest.raises(psycopg.Error, match=r"login\.factor_clear"):
            admin.execute(in_clear, [secret])
        admin.execute("ALTER TABLE access.password DISABLE TRIGGER only_sealed")  # as releases before had it
        admin.execute(in_clear, [secret])
        admin.execute("ALTER TABLE access.password ENABLE TRIGGER only_sealed")
        with admin.transaction():  # as migrate does it
            assert [seal_what_is_clear(admin, home) for _ in range(2)] == [1, 0]
        (kept,) = admin.execute(
            "SELECT otp_secret FROM access.password WHERE user_name = 'qian'"
        ).fetchone() or ("",)
    assert secret not in kept
    with owning(world.admin_url, home) as owner:
        turned = rotate(owner, home).key_id
    assert log_in(engine, "qian", GOOD, totp.generate_otp(int(time.time()) // 30), "", "", home)
    with psycopg.connect(world.admin_url) as admin:  # sealed for the new key when it was used
        [(renewed,)] = admin.execute(
            "SELECT otp_secret FROM access.password WHERE user_name = 'qian'"
        ).fetchall()
    assert key_of_sealed(base64.b64decode(renewed)) == turned != key_of_sealed(base64.b64decode(kept))
    assert unseal(home, base64.b64decode(renewed)).decode() == secret


def test_the_service_reads_no_hash_and_no_session(engine: Any, world: Any) -> None:
    with psycopg.connect(world.service_url, autocommit=True) as service:
        for table in ("password", "link", "session"):
            for statement in (f"SELECT * FROM access.{table}", f"DELETE FROM access.{table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    service.execute(statement)  # type: ignore[arg-type]


def test_the_database_administrator_gives_links_to_administrators_alone(engine: Any, world: Any) -> None:
    with psycopg.connect(world.admin_url) as admin:
        made = give_link(admin, DEMO_REGION, "guan", TODAY)
        with pytest.raises(Forbidden) as problem:
            give_link(admin, DEMO_REGION, "zhao", TODAY)
    assert code_of(problem) == "login.not_administrator"
    # past the program: a link that no two administrators gave opens the door to no preparer
    slipped = make_link()
    with psycopg.connect(world.admin_url) as admin:
        admin.execute(
            "INSERT INTO access.link (code_hash, given_in, user_name, expires_on) VALUES (%s, %s, 'zhao', %s)",
            [slipped.digest, DEMO_REGION, TODAY],
        )
    with pytest.raises(Forbidden) as refused:
        choose_password(engine, "zhao", (slipped.code, ""), GOOD, TODAY, "")
    assert code_of(refused) == "login.link"
    choose_password(engine, "guan", (made.code, ""), GOOD, TODAY, "")
    assert logged(engine, "guan") == [("login.password", "done", "链接由数据库管理员签发")]
    with open_snapshot(world.auditor_engine, world.settings.home, []) as snapshot:
        assert [str(breach) for breach in check_traces(snapshot)] == []
    assert log_in(engine, "guan", GOOD, "", "", "")


def tries(engine: Any, address: str, count: int, user: str = "qian") -> list[str]:
    """The codes of so many wrong tries from an address."""
    codes = []
    for _ in range(count):
        with pytest.raises(Unauthenticated) as problem:
            log_in(engine, user, "wrong-One-1", "", "", address)
        codes.append(code_of(problem))
    return codes


def test_a_stranger_locks_nobody_out_where_the_person_comes_in(engine: Any) -> None:
    """Chosen at 127.0.0.1, so that is the user's own address; a stranger's own is locked, also of a whole IPv6 network."""
    assert tries(engine, "10.9.9.9", 6) == ["login.refused"] * 5 + ["login.locked"]
    assert tries(engine, "2001:db8::1", 3) + tries(engine, "2001:db8::2", 3) == ["login.refused"] * 5 + [
        "login.locked"
    ]
    assert log_in(engine, "qian", GOOD, "", "", "127.0.0.1")
    assert tries(engine, "127.0.0.1", 6) == ["login.refused"] * 5 + [
        "login.locked"
    ]  # nor are guesses free there


def test_twenty_tries_an_hour_from_everywhere_else_and_no_more(engine: Any) -> None:
    """However many addresses guess, and though the person comes in meanwhile."""
    codes: list[str] = []
    for n in range(12):
        codes += tries(engine, f"10.9.9.{n}", 2)
        assert log_in(engine, "qian", GOOD, "", "", "127.0.0.1")
    assert codes == ["login.refused"] * 20 + ["login.locked"] * 4
    with pytest.raises(Unauthenticated) as problem:
        log_in(engine, "qian", GOOD, "", "", "10.9.9.99")
    assert code_of(problem) == "login.locked"


def test_what_was_tried_is_forgotten_where_it_ended_well(engine: Any, world: Any) -> None:
    """An address becomes the user's by coming in; tries of an hour ago from elsewhere leave no row."""
    tries(engine, "10.9.9.1", 4)
    assert log_in(engine, "qian", GOOD, "", "", "10.9.9.1")
    tries(engine, "10.9.9.2", 1)
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE access.login_place SET tried_at = tried_at - interval '61 minutes'")
        tries(engine, "10.9.9.1", 1)
        rows = admin.execute(
            "SELECT address, failures FROM access.login_place WHERE user_name = 'qian' ORDER BY 1"
        ).fetchall()
    assert rows == [("10.9.9.1", 1), ("127.0.0.1", 0)]


def factor_of(world: Any, user: str) -> str:
    with psycopg.connect(world.admin_url) as admin:
        [(kept,)] = admin.execute(
            "SELECT otp_secret FROM access.password WHERE user_name = %s", [user]
        ).fetchall()
    return str(kept)


def test_a_factor_whose_holder_never_comes_again_keeps_no_old_key(engine: Any, world: Any) -> None:
    """A turn wraps it as it was: the old key can go, the holder still comes in, and an owner who changed more than that is named."""
    home, (secret, _) = world.settings.home, begin_second_factor("qian")
    mine, totp = log_in(engine, "qian", GOOD, "", "", ""), pyotp.TOTP(secret)
    set_second_factor(engine, "qian", mine, secret, totp.generate_otp(int(time.time()) // 30 - 1), GOOD, "")

    def found() -> list[str]:
        with open_snapshot(world.auditor_engine, home, []) as snapshot:
            return [one.code for one in check_traces(snapshot)]

    with owning(world.admin_url, home) as owner:
        old = keys(owner, home)[0].key_id
        turned = rotate(owner, home)
        assert (turned.broken, turned.done >= 1) == ({}, True)
        assert rotate(owner, home, anew=True).done >= 1  # wrapped once more, what lies inside stays
        [newest] = [one for one in keys(owner, home) if one.newest and one.region == 0]
        assert newest.seals["access.password.otp_secret"] == 1
        retire(owner, home, old, None)
    assert found() == []
    unsealed = unseal(home, base64.b64decode(factor_of(world, "qian"))).decode()
    assert unsealed == secret
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        [(kept, public)] = admin.execute(
            "SELECT otp_secret, (SELECT public FROM fund.sealing_key ORDER BY n DESC LIMIT 1) FROM access.password WHERE user_name = 'qian'"
        ).fetchall()
        other = sealed_anew(home, seal(pyotp.random_base32().encode(), bytes(public)), bytes(public))
        admin.execute("SET ROLE fundledger_owner")
        change = "UPDATE access.password SET otp_secret = %s WHERE user_name = 'qian'"
        admin.execute(change, [base64.b64encode(other).decode()])
        assert found() == ["trace.login"]
        admin.execute(change, [kept])
        assert found() == []
        admin.execute("UPDATE access.password SET hash = '$argon2id$theirs' WHERE user_name = 'qian'")
        assert "trace.login" in found()
