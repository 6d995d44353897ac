"""Incoming files as they came: bytes once, every name they came under, and what could not be used of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

import psycopg

from adapters.banks.ports import BankFormat, Channel, Decoded, RemoteFile
from ledger.core.errors import InvalidInput, LedgerError
from ledger.core.masking import masked_numbers
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction

_LOG: Final = logging.getLogger(__name__)
GOES_ON: Final = frozenset(
    {"bank.truncated", "bank.file_missing", "bank.too_big", "bank.file_name", "bank.denied"}
)
"""One file's trouble: the others may be whole."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A fetched file and what it says; `code` and `message` tell why it is quarantined, empty if it was read."""

    name: str
    content: bytes
    sha256: bytes
    decoded: Decoded
    code: str = ""
    message: str = ""


class Problem(NamedTuple):
    """A part of a file that could not be used, or that contradicts what is known."""

    file_sha256: bytes
    place: str
    code: str
    message: str


class Failure(NamedTuple):
    """A file that could not be taken now and stays at the bank."""

    name: str
    code: str
    message: str
    by_books: bool = False
    """The books refuse it, so that it will not come by itself; else the wire left it, for the next time."""


def fetch(channel: Channel, files: Sequence[RemoteFile]) -> tuple[dict[str, bytes], list[Failure]]:
    """The files' bytes by name; a file in trouble is left for the next time, a broken line ends the round."""
    contents: dict[str, bytes] = {}
    failures: list[Failure] = []
    for remote in files:
        try:
            contents[remote.name] = channel.fetch(remote.name)
        except LedgerError as refusal:
            failures.append(Failure(remote.name, refusal.code, refusal.message))
            if refusal.code not in GOES_ON:
                break
    return contents, failures


def read(format_: BankFormat, name: str, content: bytes) -> Inbound:
    """Decode a file; one that cannot be trusted as a whole is quarantined with its code, nothing of it believed."""
    digest = sha256(content).digest()
    try:
        return Inbound(name, content, digest, format_.decode(name, content))
    except InvalidInput as refusal:
        return Inbound(
            name, content, digest, Decoded(""), refusal.code, masked_numbers(storable(refusal.message))
        )
    except Exception as error:  # noqa: BLE001 what nobody foresaw in one file is that file's
        _LOG.exception("bank file %r", name)
        return set_aside(Inbound(name, content, digest, Decoded("")), error)


def set_aside(file: Inbound, error: Exception) -> Inbound:
    """The same bytes, nothing of them believed, with what stood in the way: kept, so that they do not come back at every poll."""
    if isinstance(error, LedgerError):
        return replace(
            file, decoded=Decoded(""), code=error.code, message=masked_numbers(storable(error.message))
        )
    said = str(error).strip().splitlines()[:1]
    if isinstance(error, psycopg.Error):
        words = "数据库不能保存文件的内容"
        return _unforeseen(file, "file.not_storable", words, said)
    return _unforeseen(file, "file.unforeseen", f"读取文件时遇到未预见的错误（{type(error).__name__}）", said)


def _unforeseen(file: Inbound, code: str, words: str, said: Sequence[str]) -> Inbound:
    message = f"{words}：{''.join(said)[:200]}；原文件已保存，请交系统管理员"
    return replace(file, decoded=Decoded(""), code=code, message=masked_numbers(storable(message)))


def storable(text: str) -> str:
    """Text from outside without what a database cannot hold or a reader cannot see: such characters are shown as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def store_files(
    tx: Transaction, account: str, files: Sequence[Inbound], day: date, *, by_hand: bool = False
) -> tuple[list[Inbound], list[Problem]]:
    """Keep the bytes and names; returns the files whose bytes are new, and names that came with other bytes before.

    A name that came `by_hand` is not kept as seen: the channel's file of that name is still to be fetched.
    """
    distinct: Mapping[bytes, Inbound] = {file.sha256: file for file in reversed(files)}
    fresh = {
        digest
        for (digest,) in tx.rows(
            "INSERT INTO payments.inbound_file (region, account, sha256, name, content, kind, outcome, code, message,"
            " received_on) SELECT %(region)s, %(account)s, f.sha256, f.name, f.content, f.kind,"
            " CASE f.code WHEN '' THEN 'read' ELSE 'quarantined' END, f.code, f.message, %(day)s"
            " FROM unnest(%(digests)s::bytea[], %(names)s::text[], %(contents)s::bytea[], %(kinds)s::text[],"
            " %(codes)s::text[], %(messages)s::text[]) AS f (sha256, name, content, kind, code, message)"
            " ON CONFLICT DO NOTHING RETURNING sha256",
            region=tx.region,
            account=account,
            day=day,
            digests=list(distinct),
            names=[file.name for file in distinct.values()],
            contents=[
                fields(tx).seal_bytes(
                    file.content, place("payments.inbound_file.content", tx.region, account, digest)
                )
                for digest, file in distinct.items()
            ],
            kinds=[file.decoded.kind for file in distinct.values()],
            codes=[file.code for file in distinct.values()],
            messages=[file.message for file in distinct.values()],
        )
    }
    tx.run(
        "INSERT INTO payments.inbound_name (region, account, name, sha256, size)"
        " SELECT %(region)s, %(account)s, * FROM unnest(%(names)s::text[], %(digests)s::bytea[], %(sizes)s::bigint[])"
        " ON CONFLICT DO NOTHING",
        region=tx.region,
        account=account,
        names=[file.name for file in files if not by_hand],
        digests=[file.sha256 for file in files if not by_hand],
        sizes=[len(file.content) for file in files if not by_hand],
    )
    new = [file for file in distinct.values() if file.sha256 in fresh]
    new.sort(key=lambda file: file.name)
    return new, _reused_names(tx, account, new)


def _reused_names(tx: Transaction, account: str, new: Sequence[Inbound]) -> list[Problem]:
    rows = tx.rows(
        "SELECT name FROM (SELECT name, sha256 FROM payments.inbound_name"
        "  WHERE region = %(region)s AND account = %(account)s AND name = ANY(%(names)s)"
        " UNION SELECT name, sha256 FROM payments.inbound_file"
        "  WHERE region = %(region)s AND account = %(account)s AND name = ANY(%(names)s)) came"
        " GROUP BY name HAVING count(*) > 1",
        region=tx.region,
        account=account,
        names=[file.name for file in new],
    )
    reused = {name for (name,) in rows}
    return [
        Problem(
            file.sha256, file.name, "file.name_reused", f"文件名{file.name}曾以其他内容出现，两份均已保存"
        )
        for file in new
        if file.name in reused
    ]


def store_problems(tx: Transaction, account: str, problems: Sequence[Problem]) -> None:
    """Number the problems within their file, after those it has, and keep them."""
    numbers: dict[bytes, int] = {
        bytes(digest): n
        for digest, n in tx.rows(
            "SELECT sha256, max(n) FROM payments.inbound_problem WHERE region = %(region)s AND account = %(account)s"
            " AND sha256 = ANY(%(digests)s) GROUP BY sha256",
            region=tx.region,
            account=account,
            digests=[problem.file_sha256 for problem in problems],
        )
    }
    rows = []
    for problem in problems:
        numbers[problem.file_sha256] = numbers.get(problem.file_sha256, 0) + 1
        rows.append((problem, numbers[problem.file_sha256]))
    tx.run(
        "INSERT INTO payments.inbound_problem (region, account, sha256, n, place, code, message)"
        " SELECT %(region)s, %(account)s, * FROM unnest(%(digests)s::bytea[], %(ns)s::integer[], %(places)s::text[],"
        " %(codes)s::text[], %(messages)s::text[])",
        region=tx.region,
        account=account,
        digests=[problem.file_sha256 for problem, _ in rows],
        ns=[n for _, n in rows],
        places=[problem.place for problem, _ in rows],
        codes=[problem.code for problem, _ in rows],
        messages=[problem.message for problem, _ in rows],
    )
