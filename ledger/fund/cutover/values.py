"""The file set as values: what each file's lines say, in fen, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.core.entries import Book

OPENED_PARTY: Final = "期初"
"""The counterparty of this year's earlier expense, which the old books did not keep by institution."""


class SetDifference(NamedTuple):
    """Something that does not tie: where it stands, which rule, in words. Line 0: the file as a whole."""

    file: str
    line: int
    field: str
    code: str
    message: str


class BalanceLine(NamedTuple):
    """A line of balances, of open items, or computed from them; amounts on the account's normal side."""

    file: str
    line: int
    posted: bool
    account: int
    counterparty: str
    subfund: str
    service_year: int
    term: int
    category: str
    year_open_fen: int
    debit_fen: int
    credit_fen: int
    balance_fen: int


class HistoryLine(NamedTuple):
    """Turnover of an earlier month (yyyymm) or year (yyyy)."""

    line: int
    period: int
    account: int
    party: str
    debit_fen: int
    credit_fen: int


class AdvanceLine(NamedTuple):
    """What is left of an advance."""

    line: int
    account: int
    institution: str
    year: int
    term: int
    recovery: str
    amount_fen: int
    quota_fen: int
    document: str
    due_on: date


class DeductionLine(NamedTuple):
    """What is still to be taken of an other deduction."""

    line: int
    institution: str
    term: int
    reference: str
    amount_fen: int
    finding: bool
    """Found by an audit of the old system."""


class RecordLine(NamedTuple):
    """A record of an open month, with what the old books paid of it."""

    line: int
    setl_id: str
    subfund: str
    fund_fen: int
    daily_fen: int
    paid: bool
    reference: str


class OrderLine(NamedTuple):
    """An item of a payment of the old system on its way; lines of one payment share all but key and amount."""

    line: int
    reference: str
    source: int
    institution: str
    subfund: str
    service_year: int
    term: int
    category: str
    amount_fen: int
    account: str
    payee_name: str
    payee_number: str
    payee_bank: str
    payee_cnaps: str
    sent_on: date
    bank_reference: str


class BankLine(NamedTuple):
    """What the statement of the day closed with, or an open item of the old books: `kind` says which."""

    line: int
    account: str
    kind: str
    day: date
    amount_fen: int
    reference: str
    summary: str


class TrialLine(NamedTuple):
    """A line of the old system's trial balance."""

    line: int
    account: int
    name: str
    year_open_fen: int
    debit_fen: int
    credit_fen: int
    balance_fen: int


@dataclass(slots=True)
class CutoverSet:
    """All lines of a set."""

    lines: list[BalanceLine] = field(default_factory=list)
    history: list[HistoryLine] = field(default_factory=list)
    advances: list[AdvanceLine] = field(default_factory=list)
    deductions: list[DeductionLine] = field(default_factory=list)
    records: list[RecordLine] = field(default_factory=list)
    trial: list[TrialLine] = field(default_factory=list)
    orders: list[OrderLine] = field(default_factory=list)
    banks: list[BankLine] = field(default_factory=list)

    def digest(self, book: Book, day: date) -> str:
        """SHA-256 in hex over every line, as fund.cutover_digest has it."""
        parts = [f"{book.region}|{book.fund}|{day}"]
        parts += _texts("L", sorted(self.lines, key=lambda line: line[:2]))
        parts += [*_texts("H", self.history), *_texts("A", self.advances)]
        for row in self.deductions:
            parts += _texts("F" if row.finding else "D", [row[:-1]])
        parts += [*_texts("R", self.records), *_texts("T", self.trial)]
        parts += [*_texts("O", self.orders), *_texts("B", self.banks)]
        return sha256("\n".join(parts).encode()).hexdigest()


def _texts(kind: str, rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    for row in rows:
        yield "|".join((kind, *map(text_of, row)))


def text_of(value: object) -> str:
    """A value as the database writes it."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
