"""The region's list of persons signed in the ledger itself, by passkeys at a page or by key files: the same file, verified offline.

A signature of it is one like any other (`access.signature`), over the digest of the list as it stood on the day somebody began
to sign it. Keys that were enrolled or stopped since make it another list, which nobody has signed yet.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from ledger.access.signing.persons import keys_of
from ledger.access.signing.register import ACT, list_digest, make_list
from ledger.access.signing.signing import signed
from ledger.access.signing.statement import SignedStatement
from ledger.core.errors import Conflict, Forbidden, NotFound
from ledger.db.unit_of_work import Transaction

_DAYS: Final = 30
"""Days on which lists were signed that are looked at, the latest first."""


def listed(tx: Transaction, on: date) -> dict[str, Any]:
    """The list of today's keys, made on the latest day on which somebody signed just this one, else on `on`, with its signatures.

    Raises NotFound `signing_key.unknown` where no key was ever enrolled.
    """
    home = tx.value("SELECT h.id FROM access.home h")
    if home is None:
        raise NotFound("signing_key.unknown", "本统筹区还没有登记过签名密钥，没有名册可签")
    keys = keys_of(tx)
    days = tx.rows(
        "SELECT day FROM access.signature WHERE region = %(region)s AND act = %(act)s GROUP BY 1 ORDER BY 1 DESC LIMIT %(most)s",
        region=tx.region,
        act=ACT,
        most=_DAYS,
    )
    made = [make_list(home, tx.region, keys, day) for day in (on, *(day for (day,) in days))]
    for one in made:
        one["signatures"] = _signatures(tx, list_digest(one))
    return next((one for one in made if one["signatures"]), made[0])


def sign(tx: Transaction, digest: str, day: date) -> dict[str, Any]:
    """Sign the list of that digest as the acting person; the list with its signatures.

    Raises Conflict `signing_key.list_changed` if it is another by now, Forbidden `signature.missing` without a key to sign with,
    and what signing raises.
    """
    document = listed(tx, day)
    if list_digest(document) != digest:
        raise Conflict("signing_key.list_changed", "名册与所看的不同：密钥有登记或停用，请重新查看后再签")
    if not signed(tx, ACT, str(tx.region), digest, day):
        raise Forbidden("signature.missing", "名册须由本人以登记的密钥签名", to_sign=tx.to_sign)
    return listed(tx, day)


def _signatures(tx: Transaction, digest: str) -> list[dict[str, str]]:
    """The first signature of each person over a list, as the file has them."""
    rows = tx.rows(
        "SELECT DISTINCT ON (k.person) s.statement, s.signature FROM access.signature s"
        " JOIN access.person_key k ON k.region = s.region AND k.fingerprint = s.fingerprint"
        " WHERE s.region = %(region)s AND s.act = %(act)s AND s.digest = %(digest)s ORDER BY k.person, s.n",
        region=tx.region,
        act=ACT,
        digest=digest,
    )
    return [dict(SignedStatement(*row)._asdict()) for row in rows]
