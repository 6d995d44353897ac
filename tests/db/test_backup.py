from __future__ import annotations

import io
import json
import os

import psycopg
import pytest
from sqlalchemy import text

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.db.identity import carried
from ledger.db.safekeeping.backup import backup, restore
from ledger.db.safekeeping.sealing import (
    make_recipient,
    open_stream,
    read_private,
    read_recipient,
    seal_stream,
)
from ledger.settings import Settings


@pytest.fixture
def target(database, cluster, new_database_name):
    """A database name to restore into; dropped afterwards. `database` took the fixture's name, so a longer one."""
    name = new_database_name + "_restored"
    yield name
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def settings(database, cluster):
    return Settings(home=cluster.home, database_url=database.admin_url, pg_bindir=cluster.bindir)


def put_row(database, value: str) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET ROLE fundledger_owner")
        admin.execute("CREATE TABLE IF NOT EXISTS meta.kept (t text)")
        admin.execute("GRANT SELECT ON meta.kept TO fundledger_auditor")
        admin.execute("INSERT INTO meta.kept VALUES (%s)", [value])


@pytest.mark.fault(20)
def test_what_was_backed_up_comes_back_and_is_verified(database, settings, target, tmp_path):
    put_row(database, "医保")
    archive = tmp_path / "books.dump"

    def facts(connection):
        put_row(database, "posted while the dump runs")
        return {"rows": connection.execute(text("SELECT count(*) FROM meta.kept")).scalar_one()}

    made = backup(settings, archive, facts)
    assert (made.facts, made.revision, made.database) == ({"rows": 1}, carried().revision, database.name)
    assert json.loads((tmp_path / "books.dump.json").read_text())["sha256"] == made.sha256
    assert archive.stat().st_mode & 0o777 == 0o600
    seen = []

    def verify(engine, manifest):
        with engine.connect() as connection:
            found = connection.execute(
                text("SELECT current_database(), current_user, t FROM meta.kept")
            ).all()
        seen.append(([tuple(row) for row in found], manifest.facts))

    restore(settings, archive, into=target, after=verify)
    assert seen == [([(target, "fundledger_auditor", "医保")], {"rows": 1})]


def test_restore_goes_into_nothing_only(database, settings, tmp_path):
    archive = tmp_path / "books.dump"
    backup(settings, archive)
    with pytest.raises(Conflict, match="not_empty"):
        restore(settings, archive)


@pytest.mark.fault(20)
def test_a_changed_archive_is_refused(database, settings, target, tmp_path):
    archive = tmp_path / "books.dump"
    backup(settings, archive)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InvalidInput, match="backup_damaged"):
        restore(settings, archive, into=target)


def test_an_archive_without_manifest_is_refused(settings, target, tmp_path):
    (tmp_path / "books.dump").write_bytes(b"PGDMP")
    with pytest.raises(InvalidInput, match="backup_damaged"):
        restore(settings, tmp_path / "books.dump", into=target)


@pytest.mark.fault(9)
def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(database, settings, tmp_path):
    archive = tmp_path / "books.dump"
    archive.write_text("older")
    with pytest.raises(Conflict, match="backup_exists"):
        backup(settings, archive)
    assert archive.read_text() == "older"
    missing = tmp_path / "no-such-folder" / "books.dump"
    with pytest.raises(Unavailable, match=r"db\.backup"):
        backup(settings, missing)
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("name", ["postgres", "template1", 'a b"c', "", "1st", "a" * 64, "库"])
def test_only_a_plain_new_name_is_restored_into(settings, tmp_path, name):
    with pytest.raises(InvalidInput, match=r"db\.name"):
        restore(settings, tmp_path / "never-read.dump", into=name)


def test_an_unreadable_place_is_named_in_chinese(settings, tmp_path):
    with pytest.raises(Unavailable, match=r"不能写入.*不存在"):
        backup(settings, tmp_path / "no" / "x.dump")
    with pytest.raises(InvalidInput, match=r"x\.dump\.json不存在"):
        restore(settings, tmp_path / "x.dump", into="drill")
    assert not list(tmp_path.iterdir())


def test_a_sealed_backup_opens_for_its_recipient_only(database, cluster, settings, target, tmp_path):
    """Nothing of it lies in clear; another's key, a key others may read, a changed or a cut file restore nothing."""
    put_row(database, "医保" * 50_000)
    archive, key = tmp_path / "books.dump", tmp_path / "keeper"
    keeper = make_recipient("市医保中心 档案室", key)
    made = backup(settings, archive, recipient=read_recipient(tmp_path / "keeper.pub"))
    assert (made.recipient, key.stat().st_mode & 0o777) == (f"{keeper.id} 市医保中心 档案室", 0o600)
    assert b"PGDMP" not in archive.read_bytes()
    assert archive.stat().st_mode & 0o777 == 0o600
    make_recipient("别人", tmp_path / "other")
    (tmp_path / "open").write_bytes(key.read_bytes())
    (tmp_path / "open").chmod(0o640)
    for name, code in (
        (None, "db.backup_sealed"),
        ("other", "seal.other_recipient"),
        ("open", "seal.key_open"),
    ):
        with pytest.raises(InvalidInput) as refused:
            restore(settings, archive, into=target, key=name and tmp_path / name)
        assert refused.value.code == code
    restore(settings, archive, into=target, key=key)
    with psycopg.connect(cluster.admin_url(target)) as there:
        assert there.execute("SELECT t FROM meta.kept").fetchone() == ("医保" * 50_000,)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_sealed_file_is_whole_or_not_at_all(tmp_path, size):
    recipient = make_recipient("甲", tmp_path / "key")
    key = read_private(tmp_path / "key")
    content = os.urandom(size)
    sealed = io.BytesIO()
    seal_stream(io.BytesIO(content), sealed, recipient)
    assert b"".join(open_stream(io.BytesIO(sealed.getvalue()), key)) == content
    changed = bytearray(sealed.getvalue())
    changed[-1] ^= 1
    for broken in (
        bytes(changed),
        sealed.getvalue()[:-1],
        sealed.getvalue()[: 56 + 65_552] if size > 65_536 else b"PGDMP",
    ):
        with pytest.raises(InvalidInput) as refused:
            list(open_stream(io.BytesIO(broken), key))
        assert refused.value.code == "seal.broken"
