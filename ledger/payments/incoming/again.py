"""A bank file that was set aside, read again once the program is mended: by an accountant in his own name, its bytes as they are.

What an error nobody foresaw kept out is kept whole (`payments.inbound_file`, never changed) with its reason. Reading it
again is an act of its own in `payments.read_again`: it takes the file in as if it came today, or says why it is still set
aside. A file is taken in so at most once; asked again, the first answer is given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from adapters.banks.ports import BankFormat
from ledger.core.errors import Conflict, InFlight, LedgerError, NotFound, Unavailable
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction, translate
from ledger.payments.incoming.files import Inbound, read, set_aside
from ledger.payments.incoming.receive import OF_THE_FILE, Received, believe, require_bookkeeper


@dataclass(frozen=True, slots=True)
class KeptFile:
    """An incoming file as it is kept, and what became of it since; `outcome` read or quarantined, as of the last attempt."""

    account: str
    sha256: bytes
    name: str
    received_on: date
    kind: str
    outcome: str
    code: str
    message: str
    attempts: int
    """How often it was read again."""
    read_by: str
    """By whom last; '' if never."""


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """One attempt as it was recorded."""

    account: str
    sha256: bytes
    n: int
    outcome: str
    code: str
    message: str
    result: dict[str, Any]
    """What it did: papers by outcome, events of orders, problems."""
    read_by: str
    read_on: date


def kept_files(tx: Transaction, account: str = "", outcome: str = "") -> list[KeptFile]:
    """The incoming files of an account or all, of an outcome or all, by day and name."""
    rows = tx.rows(
        """SELECT f.account, f.sha256, f.name, f.received_on, coalesce(a.kind, f.kind), coalesce(a.outcome, f.outcome),
                  coalesce(a.code, f.code), coalesce(a.message, f.message), coalesce(a.n, 0), coalesce(a.read_by, '')
             FROM payments.inbound_file f
             LEFT JOIN LATERAL (SELECT r.* FROM payments.read_again r
                                 WHERE r.region = f.region AND r.account = f.account AND r.sha256 = f.sha256
                                 ORDER BY r.n DESC LIMIT 1) a ON true
            WHERE f.region = %(region)s AND %(account)s IN ('', f.account)
              AND %(outcome)s IN ('', coalesce(a.outcome, f.outcome))
            ORDER BY f.received_on, f.account, f.name, f.sha256""",
        region=tx.region,
        account=account,
        outcome=outcome,
    )
    return [KeptFile(own, bytes(digest), *rest) for own, digest, *rest in rows]


def read_again(tx: Transaction, account: str, format_: BankFormat, digest: bytes, day: date) -> ReadAgain:
    """Read a quarantined file of the channel again as accountant, and book on `day` what it says.

    Asked for one that was read so before, gives that answer and does nothing. Raises NotFound `file.not_kept`; Conflict
    `file.not_quarantined`, `file.by_hand`; Forbidden `access.role_missing`, `file.not_own_name`; InFlight while a poll is
    under way; and what the books refuse (a closed period): the file stays as it is then.
    """
    require_bookkeeper(tx, account)
    hold(tx, Lock.RECEIVE, str(tx.region))
    row = tx.row(
        "SELECT name, content, outcome FROM payments.inbound_file"
        " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s",
        region=tx.region,
        account=account,
        digest=digest,
    )
    if row is None:
        raise NotFound("file.not_kept", f"账户{account[:40]}没有收到过文件{digest.hex()[:16]}")
    name, content, outcome = row
    if outcome != "quarantined":
        raise Conflict("file.not_quarantined", f"文件{name}已读取，只有隔离的文件可以重读", file=name)
    before = attempts(tx, account, digest)
    if before and before[-1].outcome == "read":
        return before[-1]
    opened = fields(tx).open_bytes(
        bytes(content), place("payments.inbound_file.content", tx.region, account, digest)
    )
    found, done = _try(tx, account, read(format_, name, opened), day)
    tx.run(
        "INSERT INTO payments.read_again (region, account, sha256, n, kind, outcome, code, message, result, read_by,"
        " read_on) VALUES (%(region)s, %(account)s, %(digest)s, %(n)s, %(kind)s, %(outcome)s, %(code)s, %(message)s,"
        " %(result)s, %(user)s, %(day)s)",
        region=tx.region,
        account=account,
        digest=digest,
        n=len(before) + 1,
        kind=found.decoded.kind,
        outcome="quarantined" if found.code else "read",
        code=found.code,
        message=found.message,
        result=json.dumps(_result(done), ensure_ascii=False),
        user=tx.user,
        day=day,
    )
    return attempts(tx, account, digest)[-1]


def _try(tx: Transaction, account: str, found: Inbound, day: date) -> tuple[Inbound, Received]:
    """Take in what it says, or leave everything as it was and say what stood in the way."""
    if found.code:
        return found, Received(account)
    tx.run("SAVEPOINT read_again")
    try:
        return found, believe(tx, account, [found], Received(account, files=1), day)
    except (InFlight, Unavailable, MemoryError, OSError):
        raise
    except Exception as error:
        stood: Exception = translate(error) if isinstance(error, psycopg.Error) else error
        if isinstance(stood, LedgerError) and stood.code not in OF_THE_FILE:
            raise stood from error
        tx.run("ROLLBACK TO SAVEPOINT read_again")
        return set_aside(found, stood), Received(account)


def _result(done: Received) -> dict[str, Any]:
    return {
        "papers": dict(done.outcomes),
        "orders": {event: count for event, count in done.events.items() if count},
        "problems": [{"place": p.place, "code": p.code, "message": p.message} for p in done.problems],
    }


def problems_of(tx: Transaction, account: str, digest: bytes) -> list[tuple[str, str, str]]:
    """(place, code, message) of what of a file was not taken, in the order it was found."""
    found: list[tuple[str, str, str]] = tx.rows(
        "SELECT place, code, message FROM payments.inbound_problem"
        " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s ORDER BY n",
        region=tx.region,
        account=account,
        digest=digest,
    )
    return found


def attempts(tx: Transaction, account: str, digest: bytes) -> list[ReadAgain]:
    """Each reading again of a file, the first one first."""
    rows = tx.rows(
        "SELECT n, outcome, code, message, result, read_by, read_on FROM payments.read_again"
        " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s ORDER BY n",
        region=tx.region,
        account=account,
        digest=digest,
    )
    return [ReadAgain(account, digest, *row) for row in rows]
