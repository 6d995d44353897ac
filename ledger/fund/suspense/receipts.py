"""Receipts without an event of their own: premiums, subsidies, transfers, 上解 and 下拨, 大病 premiums, interest, our own money.

Each kind of receipt: what a paper can be, by account, direction and fund, is `payments.receipt_kind`, which the database holds every proposal against;
its entry is the rule `OWN.<what>` on the account the paper is of, once a proposal, on the bank's day.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.core.accounts import FISCAL_KIND
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.fund.signed.request import row_digest
from ledger.fund.suspense.resolution import KINDS, Resolution
from ledger.payments.incoming.evidence import EvidencePaper
from ledger.payments.incoming.stated import KIND as STATED
from ledger.payments.orders.own_accounts import account_of
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

RECEIPTS: Final = (
    "premium", "premium_back", "premium_back_earlier", "transfer_in", "transfer_in_back", "transfer_out", "transfer_out_back",
    "to_upper", "to_lower", "from_upper", "from_lower", "illness", "illness_back", "deposit_interest", "float_back",
    "subsidy", "to_fiscal", "from_own",
)  # fmt: skip
FROM_OWN: Final = "from_own"
SUBSIDY: Final = "subsidy"
TO_FISCAL: Final = ("float_back", "to_fiscal")
"""Our own money that goes to the fiscal account: booked with the paper of the account it left."""


def book_receipt(tx: Transaction, paper: EvidencePaper, found: Resolution, day: date) -> None:
    """Post the entry of a confirmed proposal under `day`; raises what posting raises, and Conflict `book.no_account`.

    The digest is `row_digest("OWN", …)` over the proposal and the paper's own digest: verify takes it from the tables.
    """
    told = paper.evidence
    fiscal = account_of(tx, found.fund, FISCAL_KIND) if found.what in TO_FISCAL else ""
    if found.what in TO_FISCAL and not fiscal:
        raise Conflict("book.no_account", f"账套{tx.region}-{found.fund}没有财政专户")
    ruled = apply(
        f"OWN.{found.what}",
        policy_on(tx, tx.region, told.booking_date),
        found.fund,
        [Item(_dims(found), told.amount_fen)],
        fiscal_account=fiscal,
        own=_kept_as(tx, found.account),
        other=_kept_as(tx, found.reference) if found.what == FROM_OWN else (0, ""),
    )
    digest = row_digest(
        "OWN", found.resolution_id, found.fund, *paper.key, found.digest.hex(), told.booking_date, told.amount_fen,
        found.what, found.reference, found.document,
    )  # fmt: skip
    entry = SignedEntry(
        fund=found.fund,
        source_key=f"OWN:{found.resolution_id}",
        business_date=told.booking_date,
        summary=f"{KINDS[found.what]}{FUND_NAMES[found.fund]}",
        prepared_by=found.prepared_by,
        reviewed_by=found.approved_by,
        digest=digest,
        evidence=_evidence(paper),
    )
    post_signed(tx, entry, ruled, day)


def _dims(found: Resolution) -> Dimensions:
    """What the reference tells of the item: its sub-fund, or the leaf of 4101 (places.csv has it as the category)."""
    if found.what == SUBSIDY:
        return Dimensions(category=found.reference)
    return Dimensions(subfund="" if found.what == FROM_OWN else found.reference)


def _kept_as(tx: Transaction, account: str) -> tuple[int, str]:
    """An own account as a rule takes it: the code it is kept under, and its number."""
    kind: str = tx.value(
        "SELECT kind FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    )
    return int(kind), account


def _evidence(paper: EvidencePaper) -> str:
    """The paper's numbers, by which the statement's line finds the entry again."""
    told = paper.evidence
    named = f"银行{'对账单' if told.kind == STATED else '回单'}{told.receipt_no}"
    return f"{named} 流水{told.bank_reference}" if told.bank_reference else named
