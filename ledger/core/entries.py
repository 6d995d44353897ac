"""The journal's values: dimensions, legs and entry drafts. A draft becomes an entry only through `ledger.books.post`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final, NamedTuple

EMPLOYEE_FUND = 310
RESIDENT_FUND = 390

FUND_NAMES = {EMPLOYEE_FUND: "职工医保", RESIDENT_FUND: "居民医保"}


class Section(IntEnum):
    """The two sections of every book (design.md 2)."""

    STATUTORY = 1
    """会计账: mandated codes, cash basis."""
    MEMORANDUM = 2
    """备查账: what is owed and why."""


class Side(IntEnum):
    """借 or 贷; a negative amount on a side is a red letter."""

    DEBIT = 1
    CREDIT = -1


class Book(NamedTuple):
    """账套: one pooling region × one fund. Written `420100-310`."""

    region: int
    fund: int

    def __str__(self) -> str:
        return f"{self.region}-{self.fund}"


class Dimensions(NamedTuple):
    """Who, which sub-fund, which service year, which 期号, which benefit category. Empty means "not asked"."""

    counterparty: str = ""
    """Institution code; for 1004 the bank account; for regions the 6-digit code."""
    subfund: str = ""
    """`pool` 统筹 or `acct` 个账."""
    service_year: int = 0
    term: int = 0
    """期号 yyyymm of the record's own settlement time."""
    category: str = ""
    """Benefit category: inpatient, maternity, chronic, outpatient, pharmacy."""


NO_DIMENSIONS = Dimensions()


class Leg(NamedTuple):
    """One line of an entry. `account` is the code as an integer (110105, 9101); amount ≠ 0, in fen, signed."""

    account: int
    side: Side
    amount_fen: int
    dims: Dimensions = NO_DIMENSIONS


def section_of(account: int) -> Section:
    """Accounts whose code begins with 9 are memorandum accounts; all others are statutory."""
    return Section.MEMORANDUM if str(account)[0] == "9" else Section.STATUTORY


def debit(account: int, amount_fen: int, dims: Dimensions = NO_DIMENSIONS) -> Leg:
    """A debit line."""
    return Leg(account, Side.DEBIT, amount_fen, dims)


def credit(account: int, amount_fen: int, dims: Dimensions = NO_DIMENSIONS) -> Leg:
    """A credit line."""
    return Leg(account, Side.CREDIT, amount_fen, dims)


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """A voucher before posting. `source_key` names the one business event it books (INV-05)."""

    event: str
    source_key: str
    business_date: date
    summary: str
    legs: Sequence[Leg]
    rule: str
    """Rule id and version that wrote it, e.g. `RCV.daily.P1@1`, or `manual`."""
    prepared_by: str
    reviewed_by: str
    evidence_digest: bytes = b""
    """SHA-256 over the rows this entry rests on (INV-12); empty where it rests on none."""
    evidence: str = ""
    """What proves it, for people: receipt number, order id, document number (INV-13)."""
    attachments: int = 0
    reverses_seq: int = 0


class Posted(NamedTuple):
    """The answer of the journal for one draft; a replay gives the first answer."""

    outcome: str
    """`posted` or `replayed`."""
    seq: int
    series: str
    vno: int
    period: int
    source_key: str = ""

    @property
    def voucher(self) -> str:
        """The printed number: `记-202610-12`."""
        return f"{self.series}-{self.period}-{self.vno}"


FUNDS: Final = (EMPLOYEE_FUND, RESIDENT_FUND)
