"""A bank file that came by other means than the channel: by hand, with a name to it, believed after a second person (ADR 18).

A status or receipt whose file was lost leaves its order unknown for ever where the bank does not deliver an archived file
twice. An accountant hands in what the bank gave out instead; a checker, who asked the bank, confirms its digest. From
there it is a file like any other: `receive.take` reads it, the matching decides, and the same bytes count once,
whichever way they came first. The name is not taken as seen, so that it can never keep the channel's own file away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

from adapters.banks.ports import BankFormat
from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.text import file_name, is_seen, one_line
from ledger.core.words import words_of
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.files import read, store_files
from ledger.payments.incoming.receive import Received, take

STATES: Final = words_of("handed.state")
MAX_BYTES: Final = 64 * 1024 * 1024
_TEXT: Final = 120


@dataclass(frozen=True, slots=True)
class Brought:
    """A file as it was brought: its name and bytes, by whom, with which paper of the bank."""

    name: str
    content: bytes
    brought_by: str
    document: str


@dataclass(frozen=True, slots=True)
class HandedFile:
    """A stored hand-over."""

    account: str
    sha256: bytes
    n: int
    name: str
    brought_by: str
    document: str
    state: str
    prepared_by: str
    approved_by: str
    reason: str


def hand_in(
    tx: Transaction, account: str, format_: BankFormat, brought: Brought, day: date
) -> HandedFile | None:
    """Keep as accountant a file that was brought; None where its bytes were taken in before, by whichever way.

    The same again gives the first answer. A file that cannot be read is quarantined with its reason. Raises InvalidInput
    `file.text`, `file.size`; NotFound `account.unknown`; Forbidden `access.role_missing`, `file.cashier`.
    """
    _require_text(brought)
    _lock(tx, account)
    digest = sha256(brought.content).digest()
    known = [one for one in handed_files(tx, account) if one.sha256 == digest]
    if known and known[-1].state != "refused":
        return known[-1]
    if _taken(tx, account, digest):
        return None
    found = read(format_, brought.name, brought.content)
    tx.run(
        "INSERT INTO payments.handed_file (region, account, sha256, n, name, content, brought_by, document, state,"
        " prepared_by, prepared_on, reason) VALUES (%(region)s, %(account)s, %(digest)s, %(n)s, %(name)s, %(content)s,"
        " %(brought)s, %(document)s, %(state)s, %(user)s, %(day)s, %(reason)s)",
        region=tx.region,
        account=account,
        digest=digest,
        n=len(known) + 1,
        name=brought.name,
        content=fields(tx).seal_bytes(
            brought.content, place("payments.handed_file.content", tx.region, account, digest)
        ),
        brought=brought.brought_by.strip(),
        document=brought.document.strip(),
        state="quarantined" if found.code else "requested",
        user=tx.user,
        day=day,
        reason=f"{found.code} {found.message}".strip(),
    )
    if found.code:
        store_files(tx, account, [found], day, by_hand=True)
    return [one for one in handed_files(tx, account) if one.sha256 == digest][-1]


def confirm_handed(
    tx: Transaction, account: str, format_: BankFormat, digest: bytes, day: date
) -> tuple[HandedFile, Received]:
    """Confirm as checker, another person, that these bytes are the bank's, and take them in under `day`.

    Confirming again changes nothing. Raises NotFound `file.not_handed`; Conflict `request.decided`; Forbidden
    `request.same_person`, `access.role_missing`; and what posting raises.
    """
    _lock(tx, account)
    known = _handed(tx, account, digest)
    if known.state == "approved" and known.approved_by == tx.user:
        return known, Received(account, repeated=1)
    sign_decision(tx, "payments.handed_file", [account, digest, known.n], day)
    _decide(tx, known, "approved", day, "")
    content: bytes = tx.value(
        "SELECT content FROM payments.handed_file WHERE region = %(region)s AND account = %(account)s"
        " AND sha256 = %(digest)s AND n = %(n)s",
        region=tx.region,
        account=account,
        digest=digest,
        n=known.n,
    )
    where = place("payments.handed_file.content", tx.region, account, digest)
    found = read(format_, known.name, fields(tx).open_bytes(bytes(content), where))
    return _handed(tx, account, digest), take(tx, account, [found], day, by_hand=True)


def refuse_handed(tx: Transaction, account: str, digest: bytes, day: date, reason: str) -> HandedFile:
    """Refuse as checker, with a reason: nothing of it is believed, the bytes stay."""
    if not 0 < len(reason.strip()) <= _TEXT:
        raise InvalidInput("file.text", f"理由应为1到{_TEXT}字", field="reason")
    _decide(tx, _handed(tx, account, digest), "refused", day, reason.strip())
    return _handed(tx, account, digest)


def handed_files(tx: Transaction, account: str = "", state: str = "") -> list[HandedFile]:
    """Hand-overs of an account or all, in a state or all, in their order."""
    return [
        HandedFile(own, bytes(digest), *rest)
        for own, digest, *rest in tx.rows(
            "SELECT account, sha256, n, name, brought_by, document, state, prepared_by, approved_by, reason"
            " FROM payments.handed_file WHERE region = %(region)s AND %(account)s IN ('', account)"
            " AND %(state)s IN ('', state) ORDER BY prepared_on, account, name, sha256, n",
            region=tx.region,
            account=account,
            state=state,
        )
    ]


def _lock(tx: Transaction, account: str) -> None:
    """As the channel's files: one at a time in a region."""
    hold(tx, Lock.RECEIVE, str(tx.region))
    if not tx.value(
        "SELECT count(*) FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    ):
        raise NotFound("account.unknown", f"统筹区{tx.region}没有账户{account[:40]}", account=account[:40])


def _taken(tx: Transaction, account: str, digest: bytes) -> bool:
    return bool(
        tx.value(
            "SELECT count(*) FROM payments.inbound_file WHERE region = %(region)s AND account = %(account)s"
            " AND sha256 = %(digest)s",
            region=tx.region,
            account=account,
            digest=digest,
        )
    )


def _handed(tx: Transaction, account: str, digest: bytes) -> HandedFile:
    found = [one for one in handed_files(tx, account) if one.sha256 == digest]
    if not found:
        raise NotFound("file.not_handed", f"账户{account[:40]}没有人工送来的文件{digest.hex()[:16]}")
    return found[-1]


def _decide(tx: Transaction, known: HandedFile, state: str, day: date, reason: str) -> None:
    if known.state != "requested":
        raise Conflict("request.decided", f"文件{known.name}已办理（{STATES[known.state]}），不能再改")
    tx.run(
        "UPDATE payments.handed_file SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
        " reason = %(reason)s WHERE region = %(region)s AND account = %(account)s AND sha256 = %(digest)s AND n = %(n)s",
        region=tx.region,
        account=known.account,
        digest=known.sha256,
        n=known.n,
        state=state,
        user=tx.user,
        day=day,
        reason=reason,
    )


def _require_text(brought: Brought) -> None:
    file_name(brought.name)
    for field, value in (
        ("送来人", brought.brought_by),
        ("依据", brought.document),
    ):
        text = value.strip()
        if not 0 < len(text) <= _TEXT or any(c in "/|\\" for c in text) or not is_seen(text):
            raise InvalidInput(
                "file.text",
                f"{field}“{one_line(value[:40])}”应为1到{_TEXT}字，且不含斜杠、竖线、反斜杠、换行和看不见的字符",
                field=field,
            )
    if not 0 < len(brought.content) <= MAX_BYTES:
        raise InvalidInput("file.size", f"文件{brought.name}为空或超过{MAX_BYTES}字节")
