"""A statement that comes in pages, a file each: kept as they come, in any order, and put together once all of them are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256

from adapters.banks.ports import Assembled
from ledger.core.errors import Conflict
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.proven import release_proven
from ledger.payments.incoming.unknown import watch_lines
from ledger.payments.statements.take import (
    StatementFile,
    TakenStatement,
    join_chain,
    keep_file,
    lock_of_account,
    of_file,
)

FORM = "camt.053"


def load_page(
    tx: Transaction,
    account: str,
    given: StatementFile,
    read: Callable[[Sequence[StatementFile]], Assembled],
    day: date,
) -> tuple[list[TakenStatement], tuple[str, ...]]:
    """Keep a page as accountant: the statement it completes, or what pages are still missing; the same bytes change nothing.

    Raises NotFound `account.unknown`; InvalidInput `bankfile.*` (a page there twice, after the last, of another account, totals);
    Conflict `statement.page_mixed` (pages of several statements in one file) and what `load` raises: the page is not kept then.
    """
    lock_of_account(tx, account)
    digest = sha256(given.content).digest()
    if known := of_file(tx, account, digest):
        return known, ()
    waiting = _waiting(tx, account)
    if digest not in (sha256(one.content).digest() for one in waiting):
        keep_file(tx, account, given, FORM, "waiting", day)
        waiting.append(given)
    found = read(waiting)
    taken: list[TakenStatement] = []
    for statement in found.statements:
        files = [waiting[part] for part in statement.parts]
        pages = [sha256(one.content).digest() for one in files]
        if len(set(pages)) != len(pages):
            raise Conflict(
                "statement.page_mixed", f"文件{given.name}内有几页，须与其余各页同在一个文件或一页一个文件"
            )
        tx.run(
            "UPDATE payments.statement_file SET state = 'taken' WHERE region = %(region)s AND account = %(account)s"
            " AND sha256 = ANY(%(pages)s::bytea[]) AND state = 'waiting'",
            region=tx.region,
            account=account,
            pages=pages,
        )
        names = "、".join(one.name for one in files)
        taken += join_chain(tx, account, names, pages[0], [statement], pages)
        watch_lines(tx, [statement], day)
    release_proven(tx, account, day)
    return taken, found.missing


def _waiting(tx: Transaction, account: str) -> list[StatementFile]:
    return [
        StatementFile(
            name,
            fields(tx).open_bytes(
                bytes(content), place("payments.statement_file.content", tx.region, account, digest)
            ),
        )
        for name, content, digest in tx.rows(
            "SELECT name, content, sha256 FROM payments.statement_file WHERE region = %(region)s AND account = %(account)s"
            " AND state = 'waiting' ORDER BY prepared_on, name, sha256",
            region=tx.region,
            account=account,
        )
    ]
