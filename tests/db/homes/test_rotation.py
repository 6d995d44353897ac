"""The home's key is turned in a filled home: killed and gone on with, every promise kept, the old key taken away when nothing needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from ledger.core.errors import LedgerError
from ledger.db.connections import direct
from ledger.db.logins import OWNER
from ledger.db.migrate import migrate
from ledger.db.safekeeping.fields import MAGIC, UNBOUND, Fields
from ledger.db.safekeeping.keyring import content_cipher, forget, tokens_file
from ledger.db.safekeeping.places import KEYS
from ledger.db.safekeeping.region_keys import new_key, seal, sealed_anew, unseal
from ledger.db.safekeeping.rotation import keys, owning, rotate
from ledger.db.safekeeping.seal_up import PARTS
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings
from tests.db.homes.home import as_left
from tests.db.homes.home import kept as kept_homes
from tests.scenes.line import Ended, typed
from tests.scenes.sealed import places

PAPERS: Final = "payments.inbound_file"
LAST: Final = "payments.bank_file"
"""A table that is come to after others that have rows."""


class Home:
    """A filled home, its bytes sealed as releases before places were bound did it."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.path = settings, settings.home
        self.url = str(settings.database_url)
        self.env = {
            **os.environ,
            "FUNDLEDGER_HOME": str(self.path),
            "DATABASE_URL": self.url,
            "FUNDLEDGER_TODAY": "2026-05-08",
        }
        self.first = self.rows("SELECT key_id FROM fund.sealing_key WHERE region = 0 AND n = 1")[0][0]

    def rows(self, query: str, values: list[object] | None = None) -> list[Any]:
        with psycopg.connect(self.url) as admin:
            return admin.execute(query.encode(), values).fetchall()

    def pretend(self, statement: str, values: list[object] | None = None) -> None:
        with psycopg.connect(self.url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(statement.encode(), values)

    def typed(self, words: str, code: int = 0) -> Ended:
        forget()  # as a process of its own
        ended = typed(*words.split(), env=self.env)
        assert ended.code == code, (words, ended.out, ended.err)
        return ended

    def findings(self) -> list[str]:
        forget()
        ended = typed("verify", "--json", env=self.env)
        return [one["code"] or one["message"] for one in ended.last["findings"]]

    def unbind(self) -> int:
        """Every seal as it was before: no place in it."""
        known, count = Fields(self.path, self.first), 0
        with psycopg.connect(self.url) as admin:
            admin.execute("SET session_replication_role = replica")
            for column in KEYS:
                table, _, name = column.rpartition(".")
                for at, where, content in places(admin, column):
                    if not content.startswith(MAGIC):
                        continue
                    head, nonce = UNBOUND + content[len(MAGIC) : len(MAGIC) + 4], os.urandom(12)
                    cipher = content_cipher(self.path, self.first[:8])
                    old = head + nonce + cipher.encrypt(nonce, known.open_bytes(content, where), head)
                    admin.execute(f"UPDATE {table} SET {name} = %s WHERE ctid = %s::tid".encode(), [old, at])
                    count += 1
        return count

    def seals(self) -> Mapping[str, set[tuple[bytes, str]]]:
        """By column, the marks and keys of what is sealed in it."""
        with psycopg.connect(self.url) as admin:
            return {
                column: found
                for column in KEYS
                if (
                    found := {
                        (content[:16], content[16:20].hex())
                        for _, _, content in places(admin, column)
                        if content.startswith((MAGIC, UNBOUND))
                    }
                )
            }

    def tokens(self) -> list[Any]:
        return [
            self.rows(f"SELECT {', '.join(part.columns)} FROM {part.table} ORDER BY 1")
            for part in PARTS
            if not part.content
        ]

    def reseal(self) -> None:
        for region, admin in self.rows(
            "SELECT region, min(user_name) FROM access.user_role WHERE role = 'admin' AND region > 0 GROUP BY 1"
        ):
            self.typed(f"--as {admin} data reseal --region {region}")

    def lines(self) -> list[bytes]:
        found = self.rows("SELECT raw FROM fund.quarantine WHERE raw <> '' ORDER BY load_id, line, region")
        return [unseal(self.path, bytes(raw)) for (raw,) in found]


@pytest.fixture
def home(cluster: Any, new_database_name: str) -> Iterator[Home]:
    with as_left(cluster, new_database_name, kept_homes()[0]) as (settings, _):
        migrate(settings)
        made = Home(settings)
        (settings.home / "records.jsonl").write_text('{"setlinfo": {}}\n{}\n', encoding="utf-8")
        made.typed(f"--as jieru intake load {settings.home / 'records.jsonl'}")  # refused, and kept sealed
        assert made.unbind() > 3
        yield made
        forget()


def killed_in_between(home: Home) -> None:
    """A run of its own killed for good while it waits for a table, others being done."""
    with psycopg.connect(home.url) as other:
        other.execute(f"LOCK TABLE {LAST} IN SHARE MODE".encode())
        words = [sys.executable, "-m", "ledger.cli", "db", "keys", "rotate"]
        with subprocess.Popen(words, env=home.env, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "已重新加密" in process.stderr.readline()
            process.kill()
            assert process.wait() == -9


def test_a_key_is_turned_and_the_old_one_taken_away(home: Home, tmp_path: Path) -> None:
    """By the command line, from a home of before: killed, gone on with, refused while needed, and the next turn needs no old key."""
    tokens, lines, old = home.tokens(), home.lines(), home.first
    assert any(text for table in tokens for row in table for text in row)
    assert lines
    older = psycopg.connect(home.url)  # begun before there was a newer key: may have asked for the newest
    older.execute("SELECT 1")
    killed_in_between(home)
    marks = {mark for found in home.seals().values() for mark in found}
    assert {mark for mark, _ in marks} == {MAGIC, UNBOUND}  # some done, some not
    assert home.findings() == []
    done = home.typed("db keys rotate --json").last
    new = done["key_id"]
    assert (done["fresh"], done["broken"]) == (False, {})
    assert {mark for found in home.seals().values() for mark in found} == {(MAGIC, new[:8])}
    assert (home.tokens(), home.lines()) == (tokens, lines)  # who signed over a token signed over this one
    assert home.findings() == []
    with older:
        assert "data.key_settling" in home.typed(f"db keys retire {old} --destroy", 1).err
    # lines that persons refused are under the old key still: it is not taken away
    kept = tmp_path / "old.key"
    assert "data.key_needed" in home.typed(f"db keys retire {old} --to {kept}", 1).err
    assert "data.key_newest" in home.typed(f"db keys retire {new} --destroy", 1).err
    assert "data.key_fate" in home.typed(f"db keys retire {old}", 1).err
    home.reseal()
    assert (home.lines(), home.findings()) == (lines, [])
    home.typed(f"db keys retire {old} --to {kept}")
    home.typed(f"db keys retire {old} --to {kept}")  # again: nothing
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (home.path / "keys").glob(f"{old}*")] == [tokens_file(home.path, old).name]
    assert (home.lines(), home.tokens(), home.findings()) == (lines, tokens, [])
    again = home.typed("db keys rotate --json").last
    assert (again["fresh"], again["key_id"] == new) == (True, False)
    assert {mark for found in home.seals().values() for mark in found} == {(MAGIC, again["key_id"][:8])}
    # what was sealed for the key that is gone, as a backup of before brings it back, opens once the key is back
    [(at, where, content), *_] = sealed_rows(home, PAPERS)
    cipher = content_cipher(home.path, again["key_id"][:8])
    clear = cipher.decrypt(content[20:32], content[32:], content[:20] + where)
    (home.path / "keys" / f"{old}.key").write_bytes(kept.read_bytes())
    (home.path / "keys" / f"{old}.key").chmod(0o600)
    head = MAGIC + bytes.fromhex(old[:8])
    before = head + bytes(12) + content_cipher(home.path, old[:8]).encrypt(bytes(12), clear, head + where)
    home.pretend(f"UPDATE {PAPERS} SET content = %s WHERE ctid = %s::tid", [before, at])
    assert home.findings() == []
    (home.path / "keys" / f"{old}.key").unlink()
    assert home.findings() == ["key.missing"]


def sealed_rows(home: Home, table: str) -> list[tuple[str, Any, bytes]]:
    with psycopg.connect(home.url) as admin:
        return places(admin, f"{table}.content")


def test_a_turn_stopped_after_each_transaction_is_gone_on_with(home: Home) -> None:
    """Also where its first run died with the key file there and no row of it: that file is nobody's."""
    new_key(home.path, 0)

    class Stopped(Exception):
        pass

    def stop(_column: str, _count: int) -> None:
        raise Stopped

    runs = 0
    while True:
        try:
            with owning(home.url, home.path) as connection:
                done = rotate(connection, home.path, stop)
        except Stopped:
            runs += 1
            assert runs < 50
            continue
        break
    assert (runs > 2, done.fresh, done.done) == (True, False, 0)
    with owning(home.url, home.path) as connection:
        assert [(key.n, key.made_by) for key in keys(connection, home.path) if key.region == 0] == [
            (1, "system:migrate"),
            (2, "system:rotate"),
        ]
    off = home.rows("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O' AND NOT tgisinternal")
    assert (off, home.findings()) == ([], [])


def test_another_owner_s_changes_are_found_after_a_turn(home: Home) -> None:
    """Rows exchanged, a refused line put in another's place, a key for himself; and a turn covers nothing up."""
    [_, (_, _, second), *_] = sealed_rows(home, PAPERS)
    change, broken = (
        f"UPDATE {PAPERS} SET content = %s WHERE content = %s",
        second[:-1] + bytes([second[-1] ^ 1]),
    )
    home.pretend(change, [broken, second])  # before the turn
    done = home.typed("db keys rotate --json", 1).last
    assert done["broken"] == {f"{PAPERS}.content": 1}
    assert home.findings()
    home.pretend(change, [second, broken])
    assert home.typed("db keys rotate --json").last["fresh"] is False
    home.reseal()
    assert home.findings() == []
    rows = sealed_rows(home, PAPERS)
    with psycopg.connect(home.url) as admin:
        admin.execute(f"SET ROLE {OWNER}".encode())
        admin.execute(f"ALTER TABLE {PAPERS} DISABLE TRIGGER USER".encode())
        admin.execute(change.encode(), [rows[0][2], rows[1][2]])
        admin.execute(f"ALTER TABLE {PAPERS} ENABLE TRIGGER USER".encode())
        admin.execute(
            "INSERT INTO fund.sealing_key (region, n, key_id, public, made_by) SELECT 0, 9,"
            " left(encode(sha256(p), 'hex'), 16), p, 'system:rotate' FROM (SELECT sha256('mine') AS p) t"
        )
    found = home.findings()
    assert "trace.login" in found  # the key he alone can open with
    assert any("与其摘要不符" in one for one in found)
    assert json.dumps(found).count("trace.login") == 1


def test_the_service_s_login_puts_no_other_line_in_a_refused_one_s_place(home: Home) -> None:
    """The door seals anew for the newest key and for the region's user administrator; what else it is given, verify names."""
    home.typed("db keys rotate")
    [(region, admin)] = home.rows(
        "SELECT region, min(user_name) FROM access.user_role WHERE role = 'admin' AND region > 0 GROUP BY 1"
    )
    [(public,)] = home.rows("SELECT public FROM fund.sealing_key WHERE region = 0 ORDER BY n DESC LIMIT 1")
    [first, second] = home.rows(
        "SELECT region, file_sha256, load_id, line, raw FROM fund.quarantine ORDER BY line"
    )
    wrapped = [sealed_anew(home.path, bytes(row[4]), bytes(public)) for row in (first, second)]

    service = direct(home.settings)

    def refused(user: str, raw: bytes) -> str:
        try:
            with unit_of_work(service, user, region) as tx:
                door = "SELECT fund.reseal_line(%(r)s, %(of)s, %(f)s, %(l)s, %(n)s, %(was)s, %(raw)s)"
                values = dict(zip(("of", "f", "l", "n", "was"), first, strict=True))
                assert tx.value(door, r=region, raw=raw, **values)
        except LedgerError as error:
            return error.code
        finally:
            service.dispose()
        return ""

    assert refused(admin, b"in clear") == "quarantine.clear"
    assert refused(admin, bytes(first[4])) == "quarantine.clear"
    assert refused(admin, seal(b"{}", bytes(public))) == "quarantine.clear"
    assert refused("jieru", wrapped[0]) == "access.role_missing"
    assert home.findings() == []
    assert (
        refused(admin, wrapped[1]) == ""
    )  # the other line, sealed anew as it should be, in this one's place
    assert home.findings() == ["trace.line_changed"]
