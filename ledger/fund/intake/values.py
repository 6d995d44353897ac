"""The values of intake: records as read in, outcomes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.fund.layers.bill import bill_of
from ledger.fund.layers.row import national_split
from ledger.fund.record.fields import SEPARATOR
from ledger.fund.record.record import Amounts, Refusal, SettlementRecord

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
QUARANTINED: Final = "quarantined"


class Load(NamedTuple):
    """What the lines belong to: a file, or the requests one user sends to one running service."""

    load_id: int
    sha256: bytes
    """Of the file; empty for requests, where every line is a document of its own."""


class LineOutcome(NamedTuple):
    """What became of one line."""

    number: int
    setl_id: str
    outcome: str
    code: str = ""
    field: str = ""
    message: str = ""
    amount_fen: int = 0
    """medfee_sumamt of an accepted record."""
    payable_fen: int = 0
    """Daily payables made with it."""


@dataclass(slots=True)
class Tally:
    """Counts of outcomes and the money of what was accepted, in fen."""

    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    accepted_fen: int = 0
    payable_fen: int = 0
    outcomes: list[LineOutcome] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Sum another chunk's tally into this one; line outcomes are not kept."""
        self.accepted += other.accepted
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.accepted_fen += other.accepted_fen
        self.payable_fen += other.payable_fen


class Gist(NamedTuple):
    """A validated record ready to be stored: what is asked of it on the way, and its row. Plain values only, because it
    travels between processes."""

    line: int
    """Its 1-based number in the load."""
    setl_id: str
    init_setl_id: str
    region: int
    institution: str
    book: int
    day: str
    """ISO"""
    term: int
    fund_fen: int
    """Pooled and personal-account money of this book."""
    medfee_fen: int
    unsplit: bool
    """Somebody else than the own basic fund, the account, the person and the hospital pays for it, and the national table
    does not say how much: to be split by its region's."""
    row: str
    """`fund.taken_line` as COPY text without newline; no value in it but the split needs escaping."""

    @property
    def fields(self) -> list[str]:
        """The canonical text of the record (`SettlementRecord.canonical`), field by field."""
        return self.row.split(TAB)[_OWED + 2 : -1]

    @property
    def pooled_fen(self) -> int:
        """Pooled money of this book."""
        return int(self.row.split(TAB, _OWED)[_OWED - 2])

    @property
    def content_digest(self) -> bytes:
        """SHA-256 of the canonical text."""
        return bytes.fromhex(self.row[self.row.rindex("x") + 1 :])

    def with_split(self, split: str) -> Gist:
        """The record split this way, which is a row of fund.bill_layer."""
        fields = self.row.split(TAB)
        fields[_OWED] = _copied(split)
        return self._replace(unsplit=False, row=TAB.join(fields))


def refusal(record: Gist, field: str, code: str, rule: str) -> Refusal:
    """A record that was read and is not taken: its line, the field and the rule in words."""
    return Refusal(record.line, record.setl_id, field, code, f"第{record.line}行 {field}：{rule}")


class Owed(NamedTuple):
    """The first columns of a row: its line, and what its payables are made of."""

    line: int
    book: int
    service_year: int
    term: int
    category: str
    inpatient: str
    """t or f"""
    day: str
    pooled_fen: int
    account_fen: int


_OWED: Final = len(Owed._fields)
_OWED_FORMAT: Final = "%d\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t"


def taken_row(owed: Owed, split: str, region: int, canonical: str, digest: str) -> str:
    """A row of `fund.taken_line`: what is owed, the split if any, the region, the canonical fields, the digest in hexadecimal."""
    return (
        f"{_OWED_FORMAT % owed}{_copied(split)}\t{region}\t{canonical.replace(SEPARATOR, TAB)}\t\\\\x{digest}"
    )


def _copied(split: str) -> str:
    return split.replace("\\", "\\\\")


TAB: Final = "\t"

PLAIN_INSUTYPES: Final = frozenset({"310", "390"})


def is_layered(money: Amounts, *, away: bool) -> bool:
    """Whether the amounts, or being out of region, bring in somebody else than the plain payers."""
    return (
        away
        or money.fund_pay_sumamt != money.hifp_pay
        or money.acct_mulaid_pay != 0
        or money.psn_part_amt != money.acct_pay + money.psn_cash_pay
    )


def gist(record: SettlementRecord, line: int) -> Gist:
    """The gist of a record that stands in that line of its load."""
    layered = record.insutype not in PLAIN_INSUTYPES or is_layered(record.amounts, away=record.out_of_region)
    split = ""
    if layered:
        bill = bill_of(record.canonical.split(SEPARATOR))
        split = national_split(record.region, bill, record.pooled_fen)
    day = record.day.isoformat()
    owed = Owed(
        line, record.book, record.year, record.term, record.category, "t" if record.inpatient else "f", day,
        record.pooled_fen, record.account_fen,
    )  # fmt: skip
    return Gist(
        line, record.setl_id, record.init_setl_id, record.region, record.institution, record.book, day, record.term,
        record.pooled_fen + record.account_fen, record.amounts.medfee_sumamt, layered and not split,
        taken_row(owed, split, record.region, record.canonical, record.content_digest.hex()),
    )  # fmt: skip
