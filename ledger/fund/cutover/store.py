"""A set in the database: staged in one transaction, judged there, proposed, refused, read again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.accounts import BENEFITS
from ledger.core.entries import Book
from ledger.core.errors import Conflict, NotFound
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.fund.cutover.read import require_digest
from ledger.fund.cutover.values import CutoverSet, SetDifference, text_of

Progress = Callable[[int, int], None]

_TABLES: Final[tuple[tuple[str, LiteralString, LiteralString], ...]] = (
    (
        "lines",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_line) ON COMMIT DROP",
        "INSERT INTO fund.cutover_line SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "history",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_history) ON COMMIT DROP",
        "INSERT INTO fund.cutover_history SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "advances",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_advance) ON COMMIT DROP",
        "INSERT INTO fund.cutover_advance SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "deductions",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_deduction) ON COMMIT DROP",
        "INSERT INTO fund.cutover_deduction SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "records",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_record) ON COMMIT DROP",
        "INSERT INTO fund.cutover_record SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "trial",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_trial) ON COMMIT DROP",
        "INSERT INTO fund.cutover_trial SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "orders",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_order) ON COMMIT DROP",
        "INSERT INTO fund.cutover_order SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
    (
        "banks",
        "CREATE TEMP TABLE cutover_in (LIKE fund.cutover_bank) ON COMMIT DROP",
        "INSERT INTO fund.cutover_bank SELECT i.* FROM pg_temp.cutover_in i WHERE i.region = %(region)s",
    ),
)
"""Part of a set, and how its rows come into their table: COPY knows no row security. Columns are the values' fields in order."""
_AT_ONCE: Final = 5_000


class Cutover(NamedTuple):
    """A stored set."""

    version: int
    day: date
    state: str
    digest: str
    proposed_by: str
    proposed_on: date
    decided_by: str
    decided_on: date | None
    reason: str


def stage(tx: Transaction, book: Book, day: date, found: CutoverSet, on: date, progress: Progress) -> int:
    """Lay the set down as a draft of the acting user; returns its version. Rolled back with the transaction.

    Raises InvalidInput `cutover.day`; Conflict `cutover.done`, `cutover.pending`, `cutover.not_first`; NotFound `book.unknown`;
    Forbidden `access.role_missing`.
    """
    version: int = tx.value(
        "SELECT fund.begin_cutover(%(region)s, %(fund)s::smallint, %(day)s, %(on)s)",
        region=book.region, fund=book.fund, day=day, on=on,
    )  # fmt: skip
    found = sealed_set(tx, found)
    counts = [len(getattr(found, name)) for name, _, _ in _TABLES]
    done, total = 0, sum(counts)
    for (name, create, insert), count in zip(_TABLES, counts, strict=True):
        head = f"{book.region}\t{book.fund}\t{version}"

        def told(rows: Iterable[tuple[object, ...]], head: str = head, before: int = done) -> Iterator[bytes]:
            part: list[str] = []
            for n, row in enumerate(rows, 1):
                part.append("\t".join((head, *map(text_of, row))) + "\n")
                if len(part) == _AT_ONCE:
                    yield "".join(part).encode()
                    part.clear()
                    progress(before + n, total)
            yield "".join(part).encode()

        if count:
            tx.run(create)
            tx.copy_text("cutover_in", told(getattr(found, name)))
            tx.run(insert, region=tx.region)
            tx.run("DROP TABLE pg_temp.cutover_in")
        done += count
        progress(done, total)
    return version


def sealed_set(tx: Transaction, found: CutoverSet) -> CutoverSet:
    """A set as it is stored and digested: the names and accounts of persons in it sealed. Raises NotFound `data.key_missing`."""
    known = fields(tx)
    return replace(
        found,
        orders=[
            line
            if line.source != BENEFITS
            else line._replace(
                payee_name=known.seal(line.payee_name), payee_number=known.seal(line.payee_number)
            )
            for line in found.orders
        ],
    )


def differences(tx: Transaction, book: Book, version: int) -> list[SetDifference]:
    """All that does not tie, by file and line."""
    return [
        SetDifference(*row)
        for row in tx.rows(
            "SELECT * FROM fund.cutover_differences(%(region)s, %(fund)s::smallint, %(version)s)",
            region=book.region, fund=book.fund, version=version,
        )
    ]  # fmt: skip


def propose(tx: Transaction, book: Book, version: int, expected: str) -> str:
    """Propose the staged set, as accountant; gives its digest.

    Raises Conflict `cutover.differs`, `cutover.changed`; Forbidden `access.role_missing`.
    """
    digest: bytes = tx.value(
        "SELECT fund.propose_cutover(%(region)s, %(fund)s::smallint, %(version)s)",
        region=book.region, fund=book.fund, version=version,
    )  # fmt: skip
    if bytes(digest).hex() != expected:
        raise Conflict("cutover.changed", "写入的接转资料与所读的文件不同，未提出")
    return expected


def decide(tx: Transaction, book: Book, digest: str, reason: str, on: date) -> int:
    """Confirm (no reason) or refuse, as checker and another person; the opening entry must follow in this transaction.

    Raises NotFound `cutover.no_proposal`; Conflict `cutover.done`, `cutover.changed`, `cutover.not_first`, `cutover.differs`;
    InvalidInput `cutover.digest`; Forbidden `request.same_person`, `access.role_missing`.
    """
    if not reason:
        known = tx.value(
            "SELECT max(version) FROM fund.cutover WHERE region = %(region)s AND fund = %(fund)s AND state = 'proposed'",
            region=book.region, fund=book.fund,
        )  # fmt: skip
        sign_decision(tx, "fund.cutover", [book.fund, known or 0], on)
    version: int = tx.value(
        "SELECT fund.decide_cutover(%(region)s, %(fund)s::smallint, %(digest)s, %(reason)s, %(on)s)",
        region=book.region, fund=book.fund, digest=require_digest(digest), reason=reason, on=on,
    )  # fmt: skip
    return version


def read_cutovers(tx: Transaction, book: Book) -> list[Cutover]:
    """The book's sets, newest first."""
    return [
        Cutover(*row)
        for row in tx.rows(
            """SELECT version, day, state, encode(digest, 'hex'), proposed_by, proposed_on, decided_by, decided_on, reason
                 FROM fund.cutover WHERE region = %(region)s AND fund = %(fund)s ORDER BY version DESC""",
            region=book.region, fund=book.fund,
        )
    ]  # fmt: skip


def cutover_of(tx: Transaction, book: Book, state: str) -> Cutover:
    """The book's set in a state; raises NotFound `cutover.no_proposal`."""
    found = next((one for one in read_cutovers(tx, book) if one.state == state), None)
    if found is None:
        raise NotFound("cutover.no_proposal", f"账套{book}没有待复核的接转")
    return found
