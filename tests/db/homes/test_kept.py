"""Every release's kept home is brought to today's schema: the same chains, the same balances, every promise kept."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from ledger.cli.installation import db
from ledger.control.checks.house.traces import BEGUN
from ledger.control.verify import examine
from ledger.core.errors import InvalidInput
from ledger.db.cluster import DATABASE
from ledger.db.engine import auditor_engine
from ledger.db.identity import carried
from ledger.db.logins import ROLES
from ledger.db.migrate import migrate
from ledger.db.safekeeping.backup import manifest_path
from ledger.db.safekeeping.fields import MAGIC, TOKEN
from ledger.db.safekeeping.keyring import forget
from ledger.db.safekeeping.region_keys import unseal
from ledger.db.safekeeping.sealing import home_key, home_recipient, open_stream, read_private, sealed_for
from ledger.settings import Settings
from tests.db.homes.home import as_left, facts, kept
from tests.scenes.line import typed
from tests.scenes.server import fast_cluster


@pytest.fixture
def old_home(
    cluster: Any, new_database_name: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A kept home as its release left it: its revision's schema, its rows, its anchors."""
    with as_left(cluster, new_database_name, request.param) as left:
        yield left


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    "old_home", kept(), indirect=True, ids=lambda path: path.name.removesuffix(".txt.xz")
)
def test_a_kept_home_is_upgraded_with_all_it_holds(
    old_home: tuple[Settings, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    settings, head = old_home
    monkeypatch.setattr(db, "get_settings", lambda: settings)
    with pytest.raises(InvalidInput) as refused:  # outside the home, and for nobody
        db.migrate(tmp_path / "before.dump")
    assert (refused.value.code, list(tmp_path.iterdir())) == ("db.backup_plain", [])
    db.migrate(None, as_json=True)
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["needed"], done["verify"], done["revision"]) == (True, "clean", carried().revision)
    dump = Path(done["backup"])
    assert (
        sealed_for(dump) == home_recipient(settings.home).id
    )  # no line of it in clear, and the home opens it
    for path in (dump, manifest_path(dump), home_key(settings.home)):
        assert path.stat().st_mode & 0o777 == 0o600
    with dump.open("rb") as file:
        assert next(open_stream(file, read_private(home_key(settings.home)))).startswith(b"PGDMP")
    with psycopg.connect(str(settings.database_url)) as connection:
        assert facts(connection) == head["facts"]
        lines = connection.execute("SELECT raw FROM fund.quarantine WHERE raw <> ''").fetchall()
        assert all(unseal(settings.home, bytes(raw)) for (raw,) in lines), (
            "what lay in clear is sealed, and opens"
        )
        persons = connection.execute(
            "SELECT payee_name || payee_number FROM fund.person_payment UNION ALL SELECT payee_name || payee_number"
            " FROM payments.pay_order WHERE institution = 'PERSON' UNION ALL SELECT v.other_name || v.other_account"
            " FROM payments.evidence v JOIN payments.pay_order o ON (o.region, o.order_no, o.institution)"
            " = (v.region, v.matched_order, 'PERSON')"
        ).fetchall()
        assert persons
        assert all(re.fullmatch(f"({TOKEN.pattern})*", text) for (text,) in persons)
        for table in ("inbound_file", "bank_file", "statement_file"):
            [(clear, sealed)] = connection.execute(
                f"SELECT count(*) FILTER (WHERE NOT sealed), count(*) FILTER (WHERE sealed) FROM (SELECT substring(content"
                f" FROM 1 FOR 16) = '{MAGIC.decode()}' AS sealed FROM payments.{table}) t".encode()
            ).fetchall()
            assert (clear, sealed > 0 or table == "statement_file") == (0, True), table
        for table in ("books.attached_file", "books.import_file", "fund.finding_evidence"):
            [(clear,)] = connection.execute(
                f"SELECT count(*) FROM {table} WHERE substring(content FROM 1 FOR 16) <> '{MAGIC.decode()}'".encode()
            ).fetchall()
            assert clear == 0, table
    engine = auditor_engine(settings)
    try:
        seen = examine(engine, settings.home)
        assert seen.breaches == []
        assert seen.waiting[BEGUN] > 20  # what was there before traces, chained as of the upgrade
    finally:
        engine.dispose()
    assert not migrate(settings).needed


POSTS: Final = ("intake", "books", "payments", "read")


@pytest.fixture
def before_posts(home: Path) -> Iterator[Path]:
    """The oldest kept home on a server of its own, as it stood before there were logins by post: no such role, no password."""
    server = fast_cluster(home)
    server.start()
    with as_left(server, DATABASE, kept()[0]) as (left, _):
        with psycopg.connect(server.admin_url(), autocommit=True) as admin:
            for login in POSTS:
                admin.execute(f"DROP OWNED BY {ROLES[login]}".encode())
                admin.execute(f"DROP ROLE {ROLES[login]}".encode())
                (home / "secrets" / f"{login}.password").unlink()
        shutil.copytree(left.home / "anchors", home / "anchors")
        yield home


def log_lines(home: Path) -> set[tuple[Any, ...]]:
    """The traces of the operator log's lines: by which login each was written."""
    with psycopg.connect(fast_cluster(home).admin_url()) as admin:
        return set(
            admin.execute("SELECT login, region, seq FROM access.trace WHERE noun = 'access.operator_log'")
        )


def test_a_home_of_one_login_works_by_its_posts_once_it_is_upgraded(
    before_posts: Path, tmp_path: Path
) -> None:
    """`db migrate` makes the logins and their passwords; what was there is read, acted on, brought in and verified by them."""
    env = {**os.environ, "FUNDLEDGER_HOME": str(before_posts), "FUNDLEDGER_TODAY": "2026-05-08"}
    env.pop("DATABASE_URL", None)
    env["FUNDLEDGER_PG_BINDIR"] = str(fast_cluster(before_posts).bindir)
    done = typed("db", "migrate", "--json", env=env)
    assert (done.code, done.last["verify"]) == (0, "clean"), done.err
    for login in POSTS:
        assert (before_posts / "secrets" / f"{login}.password").stat().st_mode & 0o777 == 0o600
    file = tmp_path / "records.jsonl"
    file.write_text("{}\n", encoding="utf-8")  # refused and kept sealed, by the login that brings records in
    acts = {
        "fundledger_intake": f"--as jieru intake load {file}",
        "fundledger_books": "--as li book index --book 420100-310 --anew",
        "fundledger_payments": "--as li payments ask --region 420100",
        "fundledger_service": "--as li policy propose payee_hold_days {days} --region 420100 --from 2026-06-01 --source 会议纪要1号",
    }  # fmt: skip
    for days, split, logins in (("3", "", set(acts)), ("4", "false", {"fundledger_service"})):
        before = log_lines(before_posts)
        for words in (*acts.values(), "--as zhou payments list --region 420100", "verify"):
            ended = typed(*words.format(days=days).split(), env=env | {"FUNDLEDGER_SPLIT_LOGINS": split})
            assert ended.code == 0, (words, ended.err)
        assert {login for login, _, _ in log_lines(before_posts) - before} == logins
    (before_posts / "keys").rename(before_posts / "taken")  # all else is checked, and it is said last
    forget()  # as a process of its own, which never read them
    ended = typed("verify", "--json", env=env)
    assert (ended.code, [one["code"] for one in ended.last["findings"]]) == (1, ["key.missing"]), ended.err


def test_there_is_a_home_to_upgrade_from() -> None:
    assert [path.name for path in kept()][:1] == ["0.2.txt.xz"]
