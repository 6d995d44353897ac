"""INV-12: who may have written a traced row beside the service: the upgrade before the row's table was traced, and who founds a region.

What an upgrade may write comes from this program, never from the database: no revision changes a row of a table that is traced
already, and what one seals opens to what was traced before. So no date of an upgrade excuses anything.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from psycopg import sql

from ledger.control.snapshot import Snapshot
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.logins import OWNER, ROLES
from ledger.db.safekeeping.region_keys import as_sealed_before, made_here
from ledger.db.safekeeping.seal_up import PARTS, PARTS_OF_ORDERS, TOLD
from ledger.db.safekeeping.sealing import read_recipient
from ledger.db.traced import TRACED

SERVED: Final = frozenset(ROLES.values()) - {ROLES["auditor"]}
"""The logins through which the program works."""
BY_OWNER: Final = f"/{OWNER}"
"""How the login of a trace ends that an upgrade left."""
KEPT: Final = "jobs.checked"
"""What the auditor's login writes, and no other."""
SEALED: Final = frozenset(
    {*(part.table for part in (*PARTS, *PARTS_OF_ORDERS)), *(told[0] for told in TOLD)} & TRACED.keys()
)
"""Traced tables in whose rows an upgrade seals what lay in clear."""

_TRACES: Final = """
    SELECT t.seq, substr(t.digests, (32 * (k.n - 1) + 1)::integer, 32)
      FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) WITH ORDINALITY AS k (key, n)
     WHERE t.region = %(region)s AND t.noun = %(noun)s AND k.key = %(key)s AND t.op <> 'mark' ORDER BY t.seq
"""
_WRITTEN: Final = """
    SELECT t.seq, substr(t.digests, (32 * (k.n - 1) + 1)::integer, 32), t.op, t.login
      FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) WITH ORDINALITY AS k (key, n)
     WHERE t.region = %(region)s AND t.noun = %(noun)s AND k.key = %(key)s AND t.op <> 'mark' AND t.seq IS NOT NULL ORDER BY t.seq
"""
_ROW: Final = "SELECT to_jsonb(r.*) FROM {table} r WHERE r.region = {region} AND {key} = {given}"
_TURNED: Final = (
    "SELECT key_id, public FROM fund.sealing_key WHERE region = 0 AND n = %(n)s AND made_by = 'system:rotate'"
)
_DIGEST: Final = (
    "SELECT sha256(convert_to((jsonb_strip_nulls(%(row)s::jsonb) - %(without)s::text[])::text, 'UTF8'))"
)


KEYS: Final = "fund.sealing_key"
"""Where an owner's act adds a row: the home's key turned (ledger/db/safekeeping/rotation.py)."""
FACTORS: Final = "access.password"
"""Where an owner's act wraps what is in a row for a newer key: second factors, in the same turn."""


class Rewritten(NamedTuple):
    """Rows that an upgrade, or who looks like one, wrote anew: a trace of a table of SEALED, or an added one of KEYS."""

    region: int
    noun: str
    seq: int
    login: str
    keys: tuple[str, ...]


class Writers:
    """Judges each trace by its login, in the order of regions and places; `marks`: when each table began to be traced."""

    def __init__(self, marks: Mapping[str, int]) -> None:
        """Times in microseconds since 1970, as the chain has them."""
        self._marks = marks
        self._served: dict[int, int] = {}

    def foreign(self, region: int, noun: str, op: str, login: str, at: int) -> bool:
        """Whether this login had nothing to write there.

        A table is marked once, and what stands in it is taken up before anybody works on. Whoever founds a region names its
        first persons before the service has done anything there, and persons without a role (region 0) for the regions after it.
        """
        marked = self._marks.get(noun, 0)
        if op == "mark":
            return at > marked
        if op == "begin":
            return at < marked or self._served.get(region, 0) > marked
        if noun == KEPT:
            return login != ROLES["auditor"]
        if login in SERVED:
            self._served[region] = at
            return False
        if login.endswith(BY_OWNER):
            return at > marked
        if region == 0:
            return noun != "access.app_user" or op != "insert"
        return region in self._served


def not_turned(snapshot: Snapshot, one: Rewritten) -> Iterator[str]:
    """The keys that an owner added and this home did not make: their public half is not the one the home kept when it turned to them.
    Whoever only has the database cannot make that file, and would read what is sealed for a key of his own."""
    for key in one.keys:
        rows = snapshot.rows(_TURNED, n=int(key))
        if one.region != 0 or not rows or not _kept(snapshot.fields.home or snapshot.home, *rows[0]):
            yield key


def _kept(home: Path, key_id: str, public: bytes) -> bool:
    path = made_here(home, key_id)
    return path.is_file() and read_recipient(path).public == public


def not_wrapped(snapshot: Snapshot, one: Rewritten) -> Iterator[str]:
    """The keys whose second factor an owner changed otherwise than by wrapping it: what lies inside now, and the rest of the row, is no row
    that the service traced. Only the last trace of a row is asked: what an owner wrote before it does not count as traced, and one that
    the service wrote since, for its holder changed it or came in, was looked at while it stood."""
    for key in one.keys:
        traces = snapshot.rows(_WRITTEN, region=one.region, noun=one.noun, key=key)
        if traces[-1][0] != one.seq:
            continue
        before = {bytes(was) for _, was, op, login in traces if op == "begin" or login in SERVED}
        [(wrapped,)] = snapshot.rows("SELECT access.wrapped_factor(%(key)s)", key=key)
        if wrapped is None:
            yield key
            continue
        try:
            inside = base64.b64encode(
                as_sealed_before(snapshot.fields.home or snapshot.home, base64.b64decode(wrapped))
            )
        except NotFound as missing:
            snapshot.miss(missing)
            continue
        except (InvalidInput, ValueError):
            yield key
            continue
        [(digest,)] = snapshot.rows(
            "SELECT access.factor_proof(%(key)s, %(was)s)", key=key, was=inside.decode()
        )
        if bytes(digest) not in before:
            yield key


def not_sealed(snapshot: Snapshot, one: Rewritten) -> Iterator[str]:
    """The keys whose row is not what was traced before it was written anew, sealed or opened; a row changed since proves nothing."""
    for key in one.keys:
        traces = snapshot.rows(_TRACES, region=one.region, noun=one.noun, key=key)
        before = [bytes(was) for seq, was in traces if seq < one.seq]
        if not before or traces[-1][0] != one.seq or before[-1] not in _digests(snapshot, one, key):
            yield key


def _digests(snapshot: Snapshot, one: Rewritten, key: str) -> set[bytes]:
    """The digests of a row as it stands and with what is sealed in it opened; none where it is gone, or its key."""
    query = sql.SQL(_ROW).format(
        table=sql.Identifier(*one.noun.split(".")),
        region=sql.Literal(one.region),
        key=key_of(one.noun),
        given=sql.Literal(key),
    )
    made = set()
    for (row,) in snapshot.connection.execute(query).fetchall():
        try:
            clear = {
                name: snapshot.fields.open(value) if isinstance(value, str) else value
                for name, value in row.items()
            }
        except NotFound:
            return set()
        without = list(TRACED[one.noun].left_out)
        made |= {
            bytes(snapshot.rows(_DIGEST, row=json.dumps(text), without=without)[0][0])
            for text in (row, clear)
        }
    return made


def key_of(table: str) -> sql.Composed:
    """What a row `r` of a table of TRACED goes by within its region, as `access.trace_key` makes it."""
    return sql.SQL(" || '/' || ").join(
        sql.SQL("replace(replace(({}::text), '%', '%25'), '/', '%2F')").format(sql.Identifier("r", name))
        for name in TRACED[table].keys
    )
