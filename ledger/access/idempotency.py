"""Idempotency keys: one key, one content, one answer (reliability.md). Kept in the transaction of the effect.

The scope of a key is (region, user, route, key). The primary key of the table decides between two who come at once:
the later one's transaction is undone and it gets the first one's answer.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ledger.core.errors import BadRequest, Conflict, InFlight
from ledger.db.locks import Lock, try_hold
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import Place, place
from ledger.db.unit_of_work import Transaction

_KEY: Final = re.compile(r"[!-~]{1,200}", re.ASCII)
OK: Final = 200
NAMELESS: Final = frozenset({"POST /api/v1/settlements"})
"""Routes whose answers name settlements and no person; refused words are masked (tests/db/test_personal.py). All others are sealed."""


class KeyTaken(Exception):
    """Another transaction stored an answer under this key in the meantime."""


class Kept(NamedTuple):
    """The first answer given under a key: an HTTP status and the bytes of the answer."""

    status: int
    body: bytes


def check_key(key: str) -> str:
    """The key as given; raises BadRequest `key.format`."""
    if not _KEY.fullmatch(key):
        raise BadRequest("key.format", "请求键应为1至200位可见ASCII字符")
    return key


def in_flight() -> InFlight:
    """The refusal of a key whose first request is still under way."""
    return InFlight("in_flight", "同一请求键的事项正在处理，请稍后以相同内容重试", retry_after=1)


def lock_key(tx: Transaction, route: str, key: str) -> None:
    """Hold the key to the end of the transaction; raises InFlight `in_flight` while somebody else has it."""
    if not try_hold(tx, Lock.IDEMPOTENCY, f"{tx.region} {tx.user} {route} {key}"):
        raise in_flight()


def stored_answer(tx: Transaction, route: str, key: str, digest: bytes) -> Kept | None:
    """The first answer given under the key; raises Conflict `key_reused` if that was to another content.

    `digest` is the SHA-256 of the content asked for.
    """
    row = tx.row(
        """SELECT body_digest, status, response FROM access.idempotency
            WHERE region = %(region)s AND user_name = %(user)s AND route = %(route)s AND key = %(key)s""",
        region=tx.region,
        user=tx.user,
        route=route,
        key=key,
    )
    if row is None:
        return None
    if bytes(row[0]) != digest:
        raise Conflict("key_reused", "此请求键已用于另一内容：此前的已经办理，这一份没有办")
    if row[1] == OK and not row[2]:
        raise Conflict(
            "key.answer_lost",
            "此请求键的事项已经办理，答复已逾保存期而清除：请查询结果，不会再办一次",
        )
    return Kept(row[1], fields(tx).open_bytes(bytes(row[2]), _place(tx, route, key)))


def store_answer(tx: Transaction, route: str, key: str, digest: bytes, answer: Kept) -> None:
    """Keep the answer with its effect; raises KeyTaken if another transaction was first."""
    if not tx.run(
        """INSERT INTO access.idempotency (region, user_name, route, key, body_digest, status, response)
           VALUES (%(region)s, %(user)s, %(route)s, %(key)s, %(digest)s, %(status)s, %(response)s)
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        user=tx.user,
        route=route,
        key=key,
        digest=digest,
        status=answer.status,
        response=answer.body
        if route in NAMELESS
        else fields(tx).seal_bytes(answer.body, _place(tx, route, key)),
    ):
        raise KeyTaken


def _place(tx: Transaction, route: str, key: str) -> Place:
    return place("access.idempotency.response", tx.region, tx.user, route, key)
