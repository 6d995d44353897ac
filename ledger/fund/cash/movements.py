"""What a bank does to an own account of itself: interest, and fees (accounting.md A14, A15, A16).

The fund bears no fees. One that the bank took all the same is no expense but 1101 暂付款—其他 until the bank gives it
back through the original channel, or the agency's own budget makes it good into the fiscal special account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import Direction
from ledger.core.accounts import FISCAL_KIND, OTHER_ADVANCE, SPENDING_KIND, UNSPLIT_INTEREST
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.ordering.available import available_fen, drafted_fen
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.fund.signed.request import decide, key_of, require_amount, require_same, require_text, row_digest
from ledger.payments.incoming.evidence import settle_by_hand
from ledger.payments.orders.own_accounts import account_of
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

KINDS: Final = words_of("movement.kind")
_RULES: Final = {
    "interest": "INT",
    "interest_split": "INT.split",
    "interest_out": "INT.out",
    "fee": "FEE",
    "fee_back": "FEE.back",
    "fee_repaid": "FEE.repaid",
}
_OUT: Final = frozenset({"interest_out", "fee"})
_SPLIT: Final = frozenset({"interest", "interest_split"})
_TO_FISCAL: Final = frozenset({"interest_out", "fee_repaid"})


@dataclass(frozen=True, slots=True)
class AccountMove:
    """A stored move of an own account; its entry's source key is `CASH:` and the id."""

    move_id: str
    fund: int
    kind: str
    account: str
    fiscal_account: str
    subfund: str
    booked_on: date
    amount_fen: int
    receipt_no: str
    state: str
    prepared_by: str
    approved_by: str

    @property
    def digest(self) -> bytes:
        """Evidence digest of its entry: `row_digest("CASH", …)` over the columns to `receipt_no`."""
        facts = (self.move_id, self.fund, self.kind, self.account, self.fiscal_account, self.subfund)
        return row_digest("CASH", *facts, self.booked_on, self.amount_fen, self.receipt_no)


def request_move(
    tx: Transaction,
    fund: int,
    kind: str,
    amount_fen: int,
    booked_on: date,
    receipt_no: str,
    day: date,
    *,
    subfund: str = "",
) -> AccountMove:
    """Hand in what the bank's statement shows, as maker; the same receipt again gives the first answer.

    `subfund` splits interest (pool, acct; empty: unknown, 4602); `interest_split` moves what was unknown out of 4602 once
    it is known, or at the year's end by experience (A16), its document in place of a receipt. Raises InvalidInput `cash.kind`, `cash.subfund`,
    `cash.date`, `request.*`; Conflict `cash.nothing_left` (handing over more interest than there is, getting back
    more fees than were taken), `cash.over_available`, `request.document_used`; Forbidden `access.role_missing`.
    """
    if kind not in KINDS:
        raise InvalidInput("cash.kind", f"没有收支种类“{kind[:20]}”，应为{'、'.join(KINDS)}", kind=kind)
    if (
        subfund not in ("", "pool", "acct")
        or (subfund and kind not in _SPLIT)
        or (kind == "interest_split" and not subfund)
    ):
        raise InvalidInput(
            "cash.subfund",
            "只有利息可分统筹pool、个账acct，未分清的不写；分清待转利息必须写明",
            subfund=subfund,
        )
    if booked_on > day:
        raise InvalidInput("cash.date", f"银行记账日{booked_on}在办理日{day}之后")
    require_amount(amount_fen)
    receipt = require_text(receipt_no, "回单号")
    account = account_of(tx, fund, SPENDING_KIND)
    fiscal = account_of(tx, fund, FISCAL_KIND) if kind in _TO_FISCAL else ""
    if not account or (kind in _TO_FISCAL and not fiscal):
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户或财政专户")
    key = key_of("CASH", tx.region, fund, kind, account, subfund, receipt)
    known = read_moves(tx, key=key)
    again = 0
    while known and known[0].state == "reversed":  # its entry was corrected: the receipt is booked anew
        again += 1
        key = key_of("CASH", tx.region, fund, kind, account, subfund, receipt, f"again {again}")
        known = read_moves(tx, key=key)
    if known:
        require_same(key, (known[0].amount_fen, known[0].booked_on), (amount_fen, booked_on))
        return known[0]
    _require_left(tx, fund, kind, account, amount_fen, but="")
    tx.run(
        """INSERT INTO fund.cash_move (region, fund, move_id, kind, account, fiscal_account, subfund, booked_on, amount_fen,
               receipt_no, prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(kind)s, %(account)s, %(fiscal)s, %(subfund)s, %(on)s, %(fen)s, %(receipt)s,
               %(user)s, %(day)s)""",
        region=tx.region,
        fund=fund,
        key=key,
        kind=kind,
        account=account,
        fiscal=fiscal,
        subfund=subfund,
        on=booked_on,
        fen=amount_fen,
        receipt=receipt,
        user=tx.user,
        day=day,
    )
    return read_moves(tx, key=key)[0]


def approve_move(tx: Transaction, move_id: str, day: date) -> AccountMove:
    """Approve as checker, another person than the maker, and post under `day`.

    A paper of the bank with that receipt number, kept in suspense because no order of ours explains it, is settled
    with it. Raises Conflict `cash.nothing_left`, `cash.over_available`, `cash.paper_differs`, `request.decided`;
    Forbidden `request.same_person`, `access.role_missing`; NotFound `request.unknown`.
    """
    if not decide(tx, "cash_move", move_id, day):
        return read_moves(tx, key=move_id)[0]
    [move] = read_moves(tx, key=move_id)
    _require_left(tx, move.fund, move.kind, move.account, move.amount_fen, but=move_id)
    direction = Direction.DEBIT if move.kind in _OUT else Direction.CREDIT
    said = (direction, move.amount_fen, move.booked_on)
    if move.kind != "interest_split":  # it moves no money: its document is no paper of the bank
        settle_by_hand(tx, move.account, move.receipt_no, said, "cash.paper_differs")
    subject = Dimensions(counterparty=move.account, subfund=move.subfund)
    ruled = apply(
        _RULES[move.kind],
        policy_on(tx, tx.region, move.booked_on),
        move.fund,
        [Item(subject, move.amount_fen)],
        bank_account=move.account,
        fiscal_account=move.fiscal_account,
    )
    paper = SignedEntry(
        fund=move.fund,
        source_key=f"CASH:{move_id}",
        business_date=move.booked_on,
        summary=f"{KINDS[move.kind]}{FUND_NAMES[move.fund]}",
        prepared_by=move.prepared_by,
        reviewed_by=move.approved_by,
        digest=move.digest,
        evidence=f"{'依据' if move.kind == 'interest_split' else '银行回单'}{move.receipt_no}",
    )
    post_signed(tx, paper, ruled, day)
    return move


def refuse_move(tx: Transaction, move_id: str, day: date, reason: str) -> AccountMove:
    """Refuse as checker, with a reason."""
    decide(tx, "cash_move", move_id, day, refusal=require_text(reason, "理由"))
    return read_moves(tx, key=move_id)[0]


def read_moves(tx: Transaction, *, fund: int = 0, key: str = "") -> list[AccountMove]:
    """Moves by id or fund, oldest first."""
    rows = tx.rows(
        """SELECT move_id, fund, kind, account, fiscal_account, subfund, booked_on, amount_fen, receipt_no, state, prepared_by,
                  approved_by FROM fund.cash_move
            WHERE region = %(region)s AND %(fund)s IN (0, fund) AND %(key)s IN ('', move_id) ORDER BY booked_on, move_id""",
        region=tx.region,
        fund=fund,
        key=key,
    )
    return [AccountMove(*row) for row in rows]


def _require_left(tx: Transaction, fund: int, kind: str, account: str, amount_fen: int, *, but: str) -> None:
    if kind == "interest_out":
        there = available_fen(tx, fund, account) - drafted_fen(tx, fund, account)
        if amount_fen > there:
            raise Conflict(
                "cash.over_available", f"支出户可用{yuan_grouped(there)}元，不足{yuan_grouped(amount_fen)}元"
            )
    if kind in ("interest", "fee"):
        return
    if kind == "interest_out":
        left = tx.value(
            """SELECT coalesce(sum(CASE kind WHEN 'interest' THEN amount_fen ELSE -amount_fen END), 0)::bigint
                 FROM fund.cash_move WHERE region = %(region)s AND fund = %(fund)s AND account = %(account)s
                  AND state = 'approved' AND kind IN ('interest', 'interest_out') AND move_id <> %(but)s""",
            region=tx.region,
            but=but,
            fund=fund,
            account=account,
        )
    elif kind == "interest_split":
        left = tx.value(
            """SELECT coalesce(sum(credit - debit), 0)::bigint FROM books.balance
                WHERE region = %(region)s AND fund = %(fund)s AND account = %(interest)s""",
            region=tx.region,
            fund=fund,
            interest=UNSPLIT_INTEREST,
        )
    else:
        left = tx.value(
            """SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = %(fees)s
                  AND d.counterparty = %(account)s""",
            region=tx.region,
            fund=fund,
            account=account,
            fees=OTHER_ADVANCE,
        )
    if amount_fen > left:
        raise Conflict(
            "cash.nothing_left",
            f"{KINDS[kind]}：尚余{yuan_grouped(left)}元，不足{yuan_grouped(amount_fen)}元",
        )


def refuse_requested(tx: Transaction, move_id: str, day: date, reason: str) -> None:
    """Refuse, as the transaction's user, a move that is still asked for; one decided before stays as it is."""
    tx.run(
        """UPDATE fund.cash_move SET state = 'refused', approved_by = %(user)s, approved_on = %(day)s, reason = %(reason)s
            WHERE region = %(region)s AND move_id = %(key)s AND state = 'requested'""",
        region=tx.region,
        key=move_id,
        user=tx.user,
        day=day,
        reason=reason,
    )
