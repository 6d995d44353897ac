"""INV-11: what a person approved they signed: every stored signature checked anew against the key it names, and every approval
since a region demands signatures has its own. A service login that invents an approval is found here.

The database cannot check a signature; what it refused (an approval without one) is asked here again of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final

from psycopg import sql

from ledger.access.signing.passkey import PREFIX, sign_count, unpacked
from ledger.access.signing.stored import STORED, StoredSignature, flaw_of
from ledger.control.breach import Breach
from ledger.control.checks.signed_versions import check_signed_versions
from ledger.control.snapshot import Snapshot

_SIGNATURES: Final = STORED + " ORDER BY s.region, s.fingerprint, s.n"
_DEMANDED: Final = "SELECT region FROM access.signing_demand WHERE confirmed_at IS NOT NULL"
# What two persons decided since the moment of their region's demand, and who did not sign it.
_UNSIGNED: Final = "SELECT region, act, object, user_name, day FROM access.unsigned_since() ORDER BY 1, 2, 3"
_UNDEMANDED: Final = """
    SELECT b.region, min(b.opened_on) FROM books.book b LEFT JOIN access.signing_demand d ON d.region = b.region
     WHERE d.confirmed_at IS NULL GROUP BY 1 ORDER BY 1
"""
_DEMANDS: Final = """
    SELECT d.region, d.digest, d.asked_by, d.confirmed_by,
           (SELECT count(DISTINCT u.person) FROM access.signature s JOIN access.app_user u USING (user_name)
             WHERE s.region = d.region AND s.act = 'signing.demand' AND s.digest = d.digest
               AND s.user_name IN (d.asked_by, d.confirmed_by)), access.key_list_digest(d.region, d.confirmed_at)
      FROM access.signing_demand d WHERE d.confirmed_at IS NOT NULL AND d.asked_by <> '' ORDER BY 1
"""
_SEALED: Final = {
    "person_account.approve": ("fund.person_account", "account_id"),
    "person_payment.approve": ("fund.person_payment", "payment_id"),
    "party.confirm": ("fund.party", "party"),
}
"""Decisions on rows that name a person: where they stand, and by which column they go."""
_ROW: Final = "SELECT to_jsonb(t) FROM {table} t WHERE t.region = %(region)s AND t.{column} = %(object)s"
_IN_CLEAR: Final = """
    SELECT 1 FROM access.decided_tables() t CROSS JOIN LATERAL access.decision(%(row)s::jsonb, t.arguments) d
      JOIN access.signature s ON s.region = %(region)s AND s.act = %(act)s AND s.object = d.object AND s.digest = d.digest
     WHERE t.noun = %(noun)s AND d.object = %(object)s AND s.user_name = %(user)s AND s.day = %(day)s
"""


def check_signatures(snapshot: Snapshot) -> Iterator[Breach]:
    """Each signature by itself and in its key's chain, each approval by its signature, each demand by its two persons."""
    last: dict[tuple[int, str], tuple[int, bytes]] = {}
    counted: dict[tuple[int, str], tuple[int, str]] = {}
    for found in snapshot.each(_SIGNATURES):
        row = StoredSignature(*found)
        where = f"signature {row.fingerprint[:16]} {row.n}"
        key = (row.region, row.fingerprint)
        before = last.get(key, (0, sha256(f"signatures|{row.region}|{row.fingerprint}".encode()).digest()))
        if (row.n, bytes(row.prev)) != (before[0] + 1, before[1]) or bytes(row.hash) != _hash(row):
            yield Breach(
                "INV-12", str(row.region), where, "签名的链在此断开：其前的签名被删去，或此签名被改动"
            )
        last[key] = (row.n, bytes(row.hash))
        flaw = flaw_of(row) or _copied(row, counted)
        if flaw:
            yield Breach("INV-11", str(row.region), where, f"{row.act} {row.object}的签名不成立：{flaw}")
    demanded = bool(snapshot.rows(_DEMANDED))
    for region, act, subject, user, day in snapshot.rows(_UNSIGNED) if demanded else ():
        if act in _SEALED and _signed_in_clear(snapshot, region, act, subject, user, day):
            continue
        message = f"{day}由{user}办理的{act} {subject}没有其本人的签名，而统筹区要求签名"
        yield Breach("INV-11", str(region), f"{act} {subject}", message)
    if demanded:
        yield from check_signed_versions(snapshot)
    for region, since in snapshot.rows(_UNDEMANDED):
        snapshot.waiting[f"统筹区{region}没有要求审批由本人签名（{since}建账）"] = 1
    for region, digest, asked, confirmed, persons, keys in snapshot.rows(_DEMANDS):
        if persons < 2 or digest != keys:
            message = f"要求签名由{asked}提出、{confirmed}确认，却没有两人对当时密钥清单的签名"
            yield Breach("INV-11", str(region), "signing", message)


def _copied(row: StoredSignature, counted: dict[tuple[int, str], tuple[int, str]]) -> str:
    """A passkey counts its signatures: one that counts again what was counted is a copy of it."""
    if not row.algorithm.startswith(PREFIX):
        return ""
    given = unpacked(row.signature)
    count, touch = sign_count(given), row.signature.split(".")[2]
    before, other = counted.get((row.region, row.fingerprint), (0, ""))
    counted[row.region, row.fingerprint] = count, touch
    return "通行密钥的计数没有增加：可能被复制" if before and count <= before and touch != other else ""


def _signed_in_clear(snapshot: Snapshot, region: int, act: str, subject: str, user: str, day: date) -> bool:
    """Whether a decision was signed over its row as it stood before a name was sealed: the row with it opened has the digest.

    Without the key nobody can tell: passed over.
    """
    noun, column = _SEALED[act]
    query = sql.SQL(_ROW).format(table=sql.Identifier(*noun.split(".")), column=sql.Identifier(column))
    for (row,) in snapshot.connection.execute(query, {"region": region, "object": subject}).fetchall():
        values = snapshot.open_row(list(row.values()))
        if values is None:
            snapshot.pass_over()
            return True
        opened = dict(zip(row, values, strict=True))
        asked = {"region": region, "object": subject, "user": user, "day": day, "act": act, "noun": noun}
        return opened != row and bool(snapshot.rows(_IN_CLEAR, row=json.dumps(opened), **asked))
    return False


def _hash(row: StoredSignature) -> bytes:
    moment = (row.recorded_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    text = f"{row.n}|{moment}|{row.signature}|{row.statement}"
    return sha256(bytes(row.prev) + text.encode()).digest()
