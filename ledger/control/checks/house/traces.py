"""INV-12: what decides about money and is no entry stands as its last trace says, and the traces are one unbroken chain a region.

The texts hashed are those of `access.leave_trace` and `access.link_traces`, written a second time here on purpose; which
tables are traced comes from this program (`ledger.db.traced`), never from the database.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

from psycopg import sql

from ledger.control.breach import Breach
from ledger.control.checks.house.lines import check_lines
from ledger.control.checks.house.writers import (
    BY_OWNER,
    FACTORS,
    KEYS,
    SEALED,
    Rewritten,
    Writers,
    key_of,
    not_sealed,
    not_turned,
    not_wrapped,
)
from ledger.control.snapshot import Snapshot
from ledger.db.traced import TRACED

Judge = Callable[[Snapshot, Rewritten], Iterator[str]]
"""Says which rows of an owner's trace are not what may excuse it."""
_JUDGES: Final[tuple[Judge, ...]] = (not_sealed, not_turned, not_wrapped)
SHOWN: Final = 20
"""Rows named of one table and one kind of fault; of the others only their number."""
BEGUN: Final = "建链以前的记录（自升级之日起留痕）"

_CHAIN: Final = """
    SELECT region, seq, noun, op, login, actor, (extract(epoch FROM recorded_at) * 1000000)::bigint, to_jsonb(keys)::text,
           cardinality(keys), keys[1], digests, hash, id
      FROM access.trace ORDER BY region, seq, id
"""
_DIGEST: Final = "sha256(convert_to((jsonb_strip_nulls(to_jsonb(r.*)) - {without}::text[])::text, 'UTF8'))"
_HEADS: Final = "SELECT region, seq, hash FROM access.trace_head ORDER BY region"
_MARKS: Final = """
    SELECT noun, min((extract(epoch FROM recorded_at) * 1000000)::bigint) FROM access.trace
     WHERE region = 0 AND op = 'mark' AND seq IS NOT NULL GROUP BY 1
"""
# Each row against the last trace of its key. `digest` is of the row as it stands, `was` as it was traced.
_ROWS: Final = """
    WITH traced AS (
        SELECT DISTINCT ON (t.region, k.key) t.region, k.key, t.seq, t.op, substr(t.digests, (32 * (k.n - 1) + 1)::integer, 32) AS was
          FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) WITH ORDINALITY AS k (key, n)
         WHERE t.noun = {noun} AND t.op <> 'mark'
         ORDER BY t.region, k.key, t.seq DESC NULLS FIRST),
    there AS (
        SELECT {region} AS region, {key} AS key, {digest} AS digest FROM {table} r)
    SELECT coalesce(d.region, h.region), coalesce(d.key, h.key), d.seq, coalesce(d.op, ''), h.digest IS NOT NULL
      FROM traced d FULL JOIN there h ON h.region = d.region AND h.key = d.key
     WHERE CASE WHEN d.op IS NULL OR h.digest IS NULL THEN d.op IS DISTINCT FROM 'delete' ELSE d.op = 'delete' OR d.was <> h.digest END
     ORDER BY 1, 2
"""


def check_traces(snapshot: Snapshot) -> Iterator[Breach]:
    """The chains, their heads, who wrote; then every traced row."""
    yield from check_trace_chains(snapshot)
    marked = {
        noun for (noun,) in snapshot.rows("SELECT noun FROM access.trace WHERE region = 0 AND op = 'mark'")
    }
    kept = snapshot.rows("SELECT DISTINCT region, noun FROM access.trace WHERE op <> 'mark'")
    told = {noun for _, noun in kept}
    told |= snapshot.filled(table for table, one in TRACED.items() if not one.proofs)
    for table, one in TRACED.items():
        if table not in marked:
            yield Breach("INV-12", "", table, f"{table}没有开始留痕的记录：留痕被删除", "trace.no_mark")
        if table in told or one.proofs:  # neither a row nor a trace of one: nothing to compare
            yield from check_traced(snapshot, table)
    yield from check_lines(snapshot)


def check_traced(snapshot: Snapshot, table: str) -> Iterator[Breach]:
    """Each row of a table of TRACED against the last trace of its key."""
    one = TRACED[table]
    query = sql.SQL(_ROWS).format(
        noun=sql.Literal(table),
        table=sql.SQL(one.proofs) if one.proofs else sql.Identifier(*table.split(".")),
        region=sql.SQL("r.region" if one.region else "0"),
        key=key_of(table),
        digest=sql.SQL("r.digest")
        if one.proofs
        else sql.SQL(_DIGEST).format(without=sql.Literal(list(one.left_out))),
    )
    found: dict[str, int] = {}
    for region, key, seq, op, there in snapshot.connection.execute(query):
        if not op:
            code, said = "trace.none", "没有留痕：绕过防线写入"
        elif not there:
            code, said = "trace.row_gone", f"已不存在，而留痕第{seq}条记有其内容：被删除"
        elif op == "delete":
            code, said = "trace.row_back", f"留痕第{seq}条记为已删除，而现在又有：绕过防线写入"
        else:
            code, said = "trace.row_changed", f"与留痕第{seq}条所记的内容不符：被改动"
        found[code] = found.get(code, 0) + 1
        if found[code] <= SHOWN:
            yield Breach("INV-12", str(region or ""), f"{table} {key}", f"{table}的{key}{said}", code)
    for code, number in found.items():
        if number > SHOWN:
            yield Breach("INV-12", "", table, f"{table}另有{number - SHOWN}行有同样的问题", code)


def _judge(login: str, op: str, noun: str) -> Judge | None:
    """What an owner's trace is excused by, if it proves true; None: by nothing."""
    if not login.endswith(BY_OWNER):
        return None
    if (op, noun) == ("insert", KEYS):
        return not_turned
    if op != "update":
        return None
    return not_wrapped if noun == FACTORS else not_sealed if noun in SEALED else None


def check_trace_chains(snapshot: Snapshot) -> Iterator[Breach]:
    """The chain of every region by itself: its places, hashes and head, and which login wrote each."""
    heads = {region: (seq, bytes(digest)) for region, seq, digest in snapshot.rows(_HEADS)}
    writers = Writers(dict(snapshot.rows(_MARKS)))
    ends: dict[int, tuple[int, bytes]] = {}
    rewritten: list[tuple[Judge, Rewritten]] = []
    begun = 0
    for region, seq, noun, op, login, actor, at, keys, many, first, digests, stored, number in snapshot.each(
        _CHAIN
    ):
        last, link = ends.get(region) or (0, sha256(f"fundledger traces {region}".encode()).digest())
        named = f"trace {seq or number}"
        if seq is None:
            yield Breach(
                "INV-12", str(region), named, f"{noun}的留痕不在链中，不是由提交写入", "trace.unlinked"
            )
            continue
        if seq != last + 1:
            yield Breach(
                "INV-12", str(region), named, f"留痕链缺第{last + 1}至{seq - 1}条：留痕被删除", "trace.gap"
            )
        header = "|".join((str(region), str(seq), noun, op, login, actor, str(at), keys)) + "\n"
        made = sha256(link + header.encode() + bytes(digests)).digest()
        if seq == last + 1 and made != bytes(stored):
            yield Breach("INV-12", str(region), named, f"{noun}的留痕与其哈希不符，已被改动", "trace.changed")
        ends[region] = (seq, bytes(stored))
        begun += many if op == "begin" else 0
        if writers.foreign(region, noun, op, login, at):
            if (judged := _judge(login, op, noun)) is not None:
                rewritten.append((judged, Rewritten(region, noun, seq, login, tuple(json.loads(keys)))))
                continue
            yield _by_login(region, noun, first, login, seq)
    rewritten.sort(key=lambda one: _JUDGES.index(one[0]))
    yield from (
        _by_login(one.region, one.noun, key, one.login, one.seq)
        for judged, one in rewritten
        for key in judged(snapshot, one)
    )
    for region in sorted(heads.keys() | ends.keys()):
        if heads.get(region) != ends.get(region):
            yield Breach(
                "INV-12",
                str(region),
                "trace",
                "留痕链末端与所记的链头不符：链尾被截去或链头被改",
                "trace.head",
            )
    if begun:
        snapshot.waiting[BEGUN] = begun


def _by_login(region: int, noun: str, key: str, login: str, seq: int) -> Breach:
    said = f"{noun}的{key}由数据库登录{login}直接写入（留痕第{seq}条），不是由服务办理"
    return Breach("INV-12", str(region or ""), f"{noun} {key}", said, "trace.login")
