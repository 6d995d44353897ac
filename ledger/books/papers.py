"""The bank's papers a hand-written voucher rests on, as a person names them and as they are stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ledger.core.accounts import BANK_DEPOSITS
from ledger.core.entries import Book, Leg
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction

_NAME: Final = re.compile(
    r"(bker|camt\.054|statement(?=:[1-9][0-9]{0,8}[:-][1-9][0-9]{0,8}(?::|$))):(.+?)(?::(debit|credit))?",
    re.ASCII,
)
STATED: Final = "statement"
"""The kind of a paper that is a line of a statement, of which the bank sent none: `statement:3:7`."""
_TREASURY: Final = 1005
"""国库存款 has no counterparty: its one account of the book is meant."""


class PaperName(NamedTuple):
    """A paper by its key within the region; `direction` is the bank's: debit, money went out."""

    account: str
    kind: str
    receipt_no: str
    direction: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.receipt_no}:{self.direction}"


def bank_effect(leg: Leg) -> str:
    """What a line does to an own account, in the bank's words: `credit` money in, `debit` money out; empty for no account."""
    if leg.account not in BANK_DEPOSITS:
        return ""
    return "credit" if leg.side * leg.amount_fen > 0 else "debit"


def named_papers(
    tx: Transaction,
    book: Book,
    legs: Sequence[Leg],
    names: Sequence[str],
    take: Callable[[Transaction, str, str], object],
) -> list[PaperName]:
    """The papers named (`bker:R1`, `bker:R1:debit` where one number is both's) among those of the voucher's own accounts.

    A line of a statement (`statement:3:7`) becomes a paper by `take` (account, place): payments.incoming.stated.take_line.
    Raises InvalidInput `voucher.receipt`; NotFound `suspense.unknown`; Conflict `suspense.direction_open`, and what `take` raises.
    """
    moved = {
        (_TREASURY if leg.account == _TREASURY else leg.dims.counterparty, bank_effect(leg))
        for leg in legs
        if bank_effect(leg)
    }
    found = []
    for name in names:
        match = _NAME.fullmatch(name.strip())
        if match is None:
            raise InvalidInput(
                "voucher.receipt",
                f"“{name[:60]}”应为 回单种类:回单号[:debit|credit]，如bker:R1，或对账单行 statement:第几份:第几行",
                value=name[:60],
            )
        kind, receipt_no, direction = match.groups()
        if kind == STATED:
            receipt_no = receipt_no.replace(":", "-")
        rows = _found(tx, book, kind, receipt_no)
        fitting = [
            (account, told)
            for account, deposit, told in rows
            if (_TREASURY if deposit == _TREASURY else account, told) in moved and direction in (None, told)
        ]
        if not fitting:
            raise NotFound(
                "suspense.unknown", f"凭证的银行账户没有此方向的回单{name[:80]}", receipt=name[:80]
            )
        if len(fitting) > 1:
            raise Conflict(
                "suspense.direction_open",
                f"回单号{receipt_no}之下付、收两张回单都在挂账中，须在其后写明:debit（付）或:credit（收）",
                receipt_no=receipt_no,
            )
        account, told = fitting[0]
        if kind == STATED:
            take(tx, account, receipt_no)
        found.append(PaperName(account, kind, receipt_no, told))
    return found


def _found(tx: Transaction, book: Book, kind: str, receipt_no: str) -> list[tuple[str, int, str]]:
    """Account, its code and the direction of every paper or line of that name on the book's own accounts."""
    if kind == STATED:
        statement, _, n = receipt_no.partition("-")
        return list(
            tx.rows(
                "SELECT account, deposit, direction"
                " FROM books.find_lines(%(region)s, %(fund)s::smallint, %(statement)s, %(n)s)",
                region=book.region,
                fund=book.fund,
                statement=int(statement),
                n=int(n),
            )
        )
    return list(
        tx.rows(
            "SELECT account, deposit, direction FROM books.find_papers(%(region)s, %(fund)s::smallint, %(kind)s, %(receipt)s)",
            region=book.region,
            fund=book.fund,
            kind=kind,
            receipt=receipt_no,
        )
    )


def papers_of(tx: Transaction, book: Book, voucher_ids: Sequence[str]) -> dict[str, list[PaperName]]:
    """The papers these drafts rest on, each draft's in their order."""
    found: dict[str, list[PaperName]] = {}
    for key, *name in tx.rows(
        """SELECT voucher_id, account, kind, receipt_no, direction FROM books.voucher_paper
            WHERE region = %(region)s AND fund = %(fund)s AND voucher_id = ANY(%(ids)s) ORDER BY voucher_id, n""",
        region=book.region,
        fund=book.fund,
        ids=list(voucher_ids),
    ):
        found.setdefault(key, []).append(PaperName(*name))
    return found
