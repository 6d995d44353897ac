"""Turning the home's key: a new one beside the old, every sealed byte sealed anew for it, the old one taken away when nothing needs it.

Three steps, each of which may be killed at any moment and asked for again: a new key, the tables gone through some hundred rows at a
time, a transaction each, and `retire`. Services work on meanwhile: they open by the key a seal names and seal for the newest. Tokens
stay as they are (keyring.py). What is sealed for a public half the chain of traces holds byte by byte. A second factor is wrapped for the
newest key as it was, so that `verify` finds inside what was traced before, whether its holder ever logs in again or not. Refused lines
are wrapped through the service (`data reseal`): they are counted, and no key is retired while one of them needs it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from ledger.core.errors import Conflict, InFlight, InvalidInput, NotFound
from ledger.core.os_errors import os_reason
from ledger.core.private import write_private
from ledger.db.logins import OWNER
from ledger.db.roles import LOCK
from ledger.db.safekeeping.fields import MAGIC, UNBOUND, fields_of
from ledger.db.safekeeping.keyring import PREFIX, forget, keep_tokens, key_file
from ledger.db.safekeeping.places import place
from ledger.db.safekeeping.region_keys import made_here, new_key, sealed_anew
from ledger.db.safekeeping.seal_up import PARTS, SealedPart, key_of_place, unguarded

TURNED: Final = "system:rotate"
"""Who made a key that was turned to."""
LINES: Final = "fund.quarantine.raw"
FACTORS: Final = "access.password.otp_secret"
Told = Callable[[str, int], None]
"""Hears of every transaction that is done: the column, and how many rows of it were sealed anew in this run."""

_WAIT: Final = "SET lock_timeout = '10s'"
_BLOCKS: Final = 32
"""Pages of a table looked through at once."""
_KEYS: Final = "SELECT region, n, key_id, made_by, n = max(n) OVER (PARTITION BY region) FROM fund.sealing_key ORDER BY region, n"
# Longer than it takes to commit a new key: a transaction begun before that may have sealed for the one before, and not be done. One
# whose state is not shown to this login counts as such.
_OLDER: Final = """
    SELECT count(*) FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
       AND (a.state IS NULL OR a.xact_start < (
            SELECT max(k.made_at) + interval '1 minute' FROM fund.sealing_key k WHERE k.region = %s))
"""
_BYTES: Final = """
    SELECT encode(substring({column} FROM 17 FOR 4), 'hex'), count(*) FROM {table}
     WHERE substring({column} FROM 1 FOR 16) IN ({magic}, {unbound}) GROUP BY 1
"""
# For a public half: behind the mark (16 bytes) and the sender's half of the secret (32) stands whom it is for.
_FOR_PUBLIC: Final[Mapping[str, str]] = {
    LINES: "SELECT encode(substring(raw FROM 49 FOR 8), 'hex'), count(*) FROM fund.quarantine WHERE raw <> '' GROUP BY 1",
    FACTORS: "SELECT encode(substring(decode(otp_secret, 'base64') FROM 49 FOR 8), 'hex'), count(*) FROM access.password"
    " WHERE otp_secret <> '' GROUP BY 1",
}


_OLD_FACTORS: Final = (
    "SELECT user_name, otp_secret FROM access.password"
    " WHERE otp_secret <> '' AND encode(substring(decode(otp_secret, 'base64') FROM 49 FOR 8), 'hex') <> %s ORDER BY 1"
)
# Its holder may have come in meanwhile, or taken another.
_NEW_FACTOR: Final = "UPDATE access.password SET otp_secret = %s WHERE user_name = %s AND otp_secret = %s"


@dataclass(frozen=True, slots=True)
class HomeKey:
    """One of the keys: its region (0: the home's), number, id, who made it, and how many seals of each column are under it."""

    region: int
    n: int
    key_id: str
    made_by: str
    newest: bool
    present: bool
    """Whether its private half lies in the home."""
    seals: dict[str, int]


@dataclass(frozen=True, slots=True)
class Turned:
    """What a run did: the key all is sealed for now, whether it was made in this run, rows sealed anew, and rows whose seal does not
    open, which stay as they are for `verify` to name."""

    key_id: str
    fresh: bool
    done: int
    broken: dict[str, int]


@contextmanager
def owning(url: str, home: Path) -> Iterator[psycopg.Connection[Any]]:
    """The administrator's connection as the owner, alone among upgrades and rotations; raises InFlight `db.locked`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_WAIT)
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # until this connection closes
        except psycopg.errors.LockNotAvailable as error:
            raise InFlight(
                "db.locked", "另有升级或更换密钥正在进行，请待其完成后再试", retry_after=60
            ) from error
        _as_owner(connection)
        fields_of(connection, home)
        try:
            yield connection
        except psycopg.errors.LockNotAvailable as error:
            raise InFlight(
                "db.locked",
                "有会话长时间占用数据表，未能取得所需的锁：已完成的都已保存，再次执行即继续",
                retry_after=60,
            ) from error


def _as_owner(connection: psycopg.Connection[Any]) -> None:
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))


def keys(connection: psycopg.Connection[Any], home: Path) -> list[HomeKey]:
    """Every key, by region and number, with what is under it."""
    seals: dict[str, dict[str, int]] = {}
    for column, found in _counted(connection):
        for prefix, count in found.items():
            seals.setdefault(prefix, {})[column] = count
    return [
        HomeKey(
            region, n, key_id, by, newest, key_file(home, key_id).is_file(), seals.get(key_id[:PREFIX], {}) | seals.get(key_id, {})
        )
        for region, n, key_id, by, newest in connection.execute(_KEYS).fetchall()
    ]  # fmt: skip


def rotate(
    connection: psycopg.Connection[Any],
    home: Path,
    told: Told = lambda _column, _count: None,
    *,
    anew: bool = False,
) -> Turned:
    """Turn to a new key and seal every byte anew; while an older key lies in the home, go on with the turn from it. A killed run leaves
    no other sign, so the next turn begins when the old key has been retired, or at once with `anew`.

    Raises NotFound `data.key_missing` where a key that is still needed is not in the home, InFlight `db.locked`.
    """
    own = [key for key in keys(connection, home) if key.region == 0]
    if not own:
        raise NotFound("data.no_key", "数据库中还没有密钥，请先执行 fundledger db migrate")
    keep_tokens(home, own[0].key_id)
    fresh = anew or not any(key.present for key in own[:-1])
    newest = _begin(connection, home, own) if fresh else own[-1].key_id
    done, broken = 0, dict[str, int]()
    for part in PARTS:
        if part.content:
            column = f"{part.table}.{part.columns[0]}"
            while sealed := _pass(connection, part, newest, broken, told):
                done += sealed
            if not broken[column]:
                del broken[column]
    done += _turn_factors(connection, home, newest, broken, told)
    return Turned(newest, fresh, done, broken)


def retire(connection: psycopg.Connection[Any], home: Path, key_id: str, keep_at: Path | None) -> HomeKey:
    """Take a key's private half out of the home, into the new file `keep_at` (0600) or, where that is None, into nothing.

    The same again changes nothing. Raises NotFound `data.no_key`; Conflict `data.key_newest`, and `data.key_needed` while a seal is
    under it; InFlight `data.key_settling` while a transaction begun before the key after it may still seal for it; InvalidInput
    `seal.recipient_file`, Conflict `seal.recipient_exists` for a file that is there.
    """
    found = next((key for key in keys(connection, home) if key.key_id == key_id), None)
    if found is None:
        raise NotFound("data.no_key", f"没有密钥{key_id}")
    if found.newest:
        raise Conflict("data.key_newest", f"密钥{key_id}正在使用，请先更换（fundledger db keys rotate）")
    connection.execute("RESET ROLE")  # the owner is not shown what other logins do
    [(older,)] = connection.execute(_OLDER, [found.region]).fetchall()
    _as_owner(connection)
    if older:
        raise InFlight(
            "data.key_settling",
            f"有{older}个事务在更换密钥前后开始、尚未结束，可能仍以旧密钥加密，请待其结束后再试",
            retry_after=60,
        )
    # counted after whoever may still have sealed for it has ended
    found = next(key for key in keys(connection, home) if key.key_id == key_id)
    if found.seals:
        under = "、".join(f"{column}{count}处" for column, count in sorted(found.seals.items()))
        raise Conflict("data.key_needed", f"密钥{key_id}仍有内容须以其打开，不能停用：{under}", key=key_id)
    if found.region == 0 and found.n == 1:
        keep_tokens(home, key_id)
    path = key_file(home, key_id)
    if path.is_file():
        _take_out(path, keep_at)
    forget()
    return found


def _take_out(path: Path, keep_at: Path | None) -> None:
    try:
        content = path.read_text(encoding="ascii")
        if keep_at is not None:
            if keep_at.exists() and keep_at.read_text(encoding="ascii", errors="replace") != content:
                raise Conflict(
                    "seal.recipient_exists", f"{keep_at}已存在，密钥不覆盖已有文件", path=str(keep_at)
                )
            write_private(keep_at, content)
        path.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        raise InvalidInput(
            "seal.recipient_file", f"不能写入{keep_at or path}：{os_reason(problem)}"
        ) from problem


def _begin(connection: psycopg.Connection[Any], home: Path, known: list[HomeKey]) -> str:
    """A new key, in the home before the database has it: killed in between, it is a file that nothing is sealed for."""
    while any(key.key_id[:PREFIX] == (made := new_key(home, 0)).id[:PREFIX] for key in known):
        key_file(home, made.id).unlink()
    write_private(made_here(home, made.id), made.line)
    connection.execute(
        "INSERT INTO fund.sealing_key (region, n, key_id, public, made_by) VALUES (0, %s, %s, %s, %s)",
        [known[-1].n + 1, made.id, made.public, TURNED],
    )
    return made.id


def _pass(
    connection: psycopg.Connection[Any], part: SealedPart, newest: str, broken: dict[str, int], told: Told
) -> int:
    """Once through a table; how many rows were sealed anew. What services wrote to meanwhile may lie where this has been: again."""
    name, column = f"{part.table}.{part.columns[0]}", sql.Identifier(part.columns[0])
    table = sql.Identifier(*part.table.split("."))
    stale = sql.SQL(
        "substring({0} FROM 1 FOR 16) IN ({1}, {2}) AND substring({0} FROM 1 FOR 20) <> {3}"
    ).format(
        column, sql.Literal(MAGIC), sql.Literal(UNBOUND), sql.Literal(MAGIC + bytes.fromhex(newest[:PREFIX]))
    )
    [(blocks,)] = connection.execute(
        "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::integer", [part.table]
    ).fetchall()
    look = sql.SQL("SELECT ctid::text FROM {} WHERE ctid >= %s::tid AND ctid < %s::tid AND {}").format(
        table, stale
    )
    read = sql.SQL("SELECT ctid::text, {}, {} FROM {} WHERE ctid = ANY(%s::tid[]) AND {}").format(
        key_of_place(part.table, part.columns[0]), column, table, stale
    )
    write = sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid").format(table, column)
    done = broken[name] = 0
    for block in range(0, blocks, _BLOCKS):
        there = [at for (at,) in connection.execute(look, [f"({block},0)", f"({block + _BLOCKS},0)"])]
        for first in range(0, len(there), part.at_once):
            opened, shut = _rows(
                connection, part.table, read, write, there[first : first + part.at_once], name
            )
            done, broken[name] = done + opened, broken[name] + shut
            told(name, done)
    return done


def _turn_factors(
    connection: psycopg.Connection[Any], home: Path, newest: str, broken: dict[str, int], told: Told
) -> int:
    """Second factors under an older key, wrapped for the newest, one a transaction; how many. What does not open stays."""
    done = shut = 0
    [(public,)] = connection.execute(
        "SELECT public FROM fund.sealing_key WHERE region = 0 AND key_id = %s", [newest]
    ).fetchall()
    for user, kept in connection.execute(_OLD_FACTORS, [newest]).fetchall():
        try:
            anew = sealed_anew(home, base64.b64decode(kept), bytes(public))
        except (NotFound, InvalidInput):
            shut += 1
            continue
        done += connection.execute(_NEW_FACTOR, [base64.b64encode(anew).decode(), user, kept]).rowcount
        told(FACTORS, done)
    if shut:
        broken[FACTORS] = shut
    return done


def _rows(
    connection: psycopg.Connection[Any],
    table: str,
    read: sql.Composed,
    write: sql.Composed,
    at: list[str],
    name: str,
) -> tuple[int, int]:
    """Some rows in one transaction: how many were sealed anew, how many do not open. Nobody writes to the table meanwhile."""
    known, done, shut = fields_of(connection), 0, 0
    with connection.transaction(), unguarded(connection, table):
        for place_of, keys_of, content in connection.execute(read, [at]).fetchall():
            where = place(name, *keys_of)
            opened = known.open_bytes(bytes(content), where)
            if opened == content:  # changed, or another row's: sealing it anew would hide that
                shut += 1
                continue
            connection.execute(write, [known.seal_bytes(opened, where), place_of])
            done += 1
    return done, shut


def _counted(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, dict[str, int]]]:
    for part in PARTS:
        if part.content:
            column = part.columns[0]
            query = sql.SQL(_BYTES).format(
                column=sql.Identifier(column),
                table=sql.Identifier(*part.table.split(".")),
                magic=sql.Literal(MAGIC),
                unbound=sql.Literal(UNBOUND),
            )
            yield f"{part.table}.{column}", dict(connection.execute(query).fetchall())
    for name, counted in _FOR_PUBLIC.items():
        yield name, dict(connection.execute(counted.encode()).fetchall())
