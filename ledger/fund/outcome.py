"""The values of intake: lines in, outcomes out, payables between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.fund.record import Amounts, SettlementRecord

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
QUARANTINED: Final = "quarantined"


class Line(NamedTuple):
    """One line as it came: its 1-based number in the load and its bytes."""

    number: int
    raw: bytes


class Load(NamedTuple):
    """What the lines belong to: a file, or the requests one user sends to one running service."""

    load_id: int
    sha256: bytes
    """Of the file; empty for requests, where every line is a document of its own."""


class Outcome(NamedTuple):
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
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Sum another chunk's tally into this one; line outcomes are not kept."""
        self.accepted += other.accepted
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.accepted_fen += other.accepted_fen
        self.payable_fen += other.payable_fen


class Gist(NamedTuple):
    """What storing needs of a validated record: a third of its fields, because between processes every field costs."""

    setl_id: str
    init_setl_id: str
    region: int
    institution: str
    book: int
    category: str
    inpatient: bool
    day: str
    """ISO"""
    term: int
    year: int
    pooled_fen: int
    account_fen: int
    medfee_fen: int
    canonical: str
    content_digest: bytes
    layered: bool
    """Somebody else than the own basic fund, the account, the person and the hospital pays for it (fund.bill_layer)."""


PLAIN_INSUTYPES: Final = frozenset({"310", "390"})


def is_layered(money: Amounts, *, away: bool) -> bool:
    """Whether the amounts, or being out of region, bring in somebody else than the plain payers."""
    return (
        away
        or money.fund_pay_sumamt != money.hifp_pay
        or money.acct_mulaid_pay != 0
        or money.psn_part_amt != money.acct_pay + money.psn_cash_pay
    )


def gist(record: SettlementRecord) -> Gist:
    """The gist of a record."""
    layered = record.insutype not in PLAIN_INSUTYPES or is_layered(record.amounts, away=record.out_of_region)
    return Gist(
        record.setl_id, record.init_setl_id, record.region, record.institution, record.book, record.category,
        record.inpatient, record.day.isoformat(), record.term, record.year, record.pooled_fen, record.account_fen,
        record.amounts.medfee_sumamt, record.canonical, record.content_digest, layered,
    )  # fmt: skip


class Payable(NamedTuple):
    """What is owed for a stored record, as far as its reversal needs it."""

    fund: int
    setl_id: str
    subfund: str
    institution: str
    service_year: int
    category: str
    fund_fen: int
    daily_fen: int
    ratio: int


class Good(NamedTuple):
    """A record that passed, with its line and what is owed for it."""

    line: int
    record: Gist
    daily_fen: int
    """Sum of its daily payables."""
    owed: str
    """Its payables as rows of `fund.owed_line` in COPY text, each with its newline; "" for none."""
