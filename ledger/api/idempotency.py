"""Idempotency keys: one key, one body, one answer (reliability.md). Kept in the transaction of the effect.

The scope of a key is (region, user, route, key). The primary key of the table decides between two who come at once:
the later one's transaction is undone and it gets the first one's answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ledger.api.problems import Answer, BadRequest
from ledger.core.errors import Conflict, InFlight
from ledger.db.connections import Engine
from ledger.db.locks import Lock, try_hold
from ledger.db.unit_of_work import Transaction, unit_of_work

_KEY: Final = re.compile(r"[!-~]{1,200}", re.ASCII)


class KeyTaken(Exception):
    """Another transaction stored an answer under this key in the meantime."""


def check_key(key: str) -> str:
    """The header's value; raises BadRequest `key.format`."""
    if not _KEY.fullmatch(key):
        raise BadRequest("key.format", "Idempotency-Key应为1至200位可见ASCII字符")
    return key


def in_flight() -> InFlight:
    """The refusal of a key whose first request is still under way."""
    return InFlight("in_flight", "同一Idempotency-Key的请求正在处理，请稍后以相同内容重试", retry_after=1)


def stored_answer(tx: Transaction, route: str, key: str, digest: bytes) -> Answer | None:
    """The first answer given under the key; raises Conflict `key_reused` if that was to another body."""
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
        raise Conflict("key_reused", "此Idempotency-Key已用于另一内容的请求")
    return Answer(row[1], bytes(row[2])).replayed()


def store_answer(tx: Transaction, route: str, key: str, digest: bytes, answer: Answer) -> None:
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
        response=answer.body,
    ):
        raise KeyTaken


def once(
    engine: Engine,
    user: str,
    region: int,
    route: str,
    key: str,
    digest: bytes,
    act: Callable[[Transaction], Answer],
) -> Answer:
    """Do an act under a key (none if empty) and keep its answer; a refused act keeps none and may be tried again.

    `act` gets the transaction that holds the key. An act that commits by itself must be one that the ledger knows
    again when it is repeated: the answer is stored right after it.
    """
    with unit_of_work(engine, user, region) as tx:
        if not key:
            return act(tx)
        if not try_hold(tx, Lock.IDEMPOTENCY, f"{region} {user} {route} {key}"):
            raise in_flight()
        known = stored_answer(tx, route, key, digest)
        if known is not None:
            return known
        answer = act(tx)
        store_answer(tx, route, key, digest, answer)
        return answer
