"""The fund request 用款计划/请款: asked for from the forecast, a month's plan or as a float (`plans`), approved, granted once
against the fiscal receipt (ALLOT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ledger.core.accounts import FISCAL_KIND, SPENDING_KIND
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.ordering.available import available_fen
from ledger.fund.ordering.forecast import Due, forecast, total
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.fund.signed.request import decide, key_of, require_amount, require_text, row_digest
from ledger.payments.orders.own_accounts import account_of
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on


@dataclass(frozen=True, slots=True)
class FundRequest:
    """A stored request; fen. `lines` are what the forecast said when it was made."""

    request_id: str
    fund: int
    account: str
    fiscal_account: str
    upto: date
    forecast_fen: int
    available_fen: int
    amount_fen: int
    state: str
    prepared_by: str
    prepared_on: date
    approved_by: str
    granted_fen: int
    granted_on: date | None
    receipt_no: str
    basis: str
    """due, plan or float."""
    month: int
    """Of a plan, `yyyymm`; else 0."""
    lines: tuple[Due, ...]

    @property
    def digest(self) -> bytes:
        """Evidence digest of its ALLOT entry: `row_digest("ALLOT", …)` over id to amount, grant and receipt, then lines."""
        head = (self.request_id, self.fund, self.account, self.fiscal_account, self.upto, self.forecast_fen)
        more = (self.available_fen, self.amount_fen, self.granted_fen, self.granted_on, self.receipt_no)
        how = () if self.basis == "due" else (self.basis, self.month)
        return row_digest("ALLOT", *head, *more, *how, *(field for line in self.lines for field in line))


def need(tx: Transaction, fund: int, day: date, upto: date) -> tuple[list[Due], int, int]:
    """The forecast, the money there (the float left out: it is made whole again), and what is asked for already and not granted
    yet; fen.
    """
    asked = tx.value(
        "SELECT coalesce(sum(amount_fen), 0)::bigint FROM fund.fund_request"
        " WHERE region = %(region)s AND fund = %(fund)s AND state IN ('requested', 'approved')"
        " AND basis <> 'float'",
        region=tx.region,
        fund=fund,
    )
    there = available_fen(tx, fund, own_of(tx, fund, SPENDING_KIND)) - float_fen(tx, fund)
    return forecast(tx, fund, day, upto), there, int(asked)


def float_fen(tx: Transaction, fund: int) -> int:
    """周转金 of the book: granted as such and not given back; fen."""
    return int(tx.value("SELECT fund.float_fen(%(region)s, %(fund)s::smallint)", region=tx.region, fund=fund))


def request_funds(tx: Transaction, fund: int, day: date, upto: date, amount_fen: int = 0) -> FundRequest:
    """Ask the fiscal special account, as maker, for what falls due up to `upto` and is not there; or for less of it.

    Asking again on the same day for the same days gives the open request. Raises Conflict `cash.enough`,
    `book.no_account`; InvalidInput `cash.above_need`, `cash.upto`; Forbidden `access.role_missing`.
    """
    if upto < day:
        raise InvalidInput("cash.upto", f"用款截止日{upto}早于申请日{day}")
    for known in read_requests(tx, fund=fund):
        same = (known.prepared_on, known.upto, known.basis) == (day, upto, "due")
        same = same and known.state in ("requested", "approved")
        if same and amount_fen in (0, known.amount_fen):
            return known
    account, fiscal = own_of(tx, fund, SPENDING_KIND), own_of(tx, fund, FISCAL_KIND)
    dues, available, asked = need(tx, fund, day, upto)
    wanted = total(dues) - available - asked
    if wanted <= 0:
        raise Conflict(
            "cash.enough",
            f"{FUND_NAMES[fund]}截至{upto}应付{yuan_grouped(total(dues))}元，可用{yuan_grouped(available)}元，"
            f"已请未拨{yuan_grouped(asked)}元，无须请款",
        )
    if amount_fen:
        require_amount(amount_fen)
        if amount_fen > wanted:
            raise InvalidInput(
                "cash.above_need", f"请款{yuan_grouped(amount_fen)}元超过所需{yuan_grouped(wanted)}元"
            )
    asking = Asking("due", upto, total(dues), available, amount_fen or wanted)
    return store_request(tx, fund, (account, fiscal), asking, dues, day)


class Asking(NamedTuple):
    """What a new request says of itself; fen."""

    basis: str
    upto: date
    forecast_fen: int
    available_fen: int
    amount_fen: int
    month: int = 0


def store_request(
    tx: Transaction, fund: int, accounts: tuple[str, str], asking: Asking, dues: Sequence[Due], day: date
) -> FundRequest:
    """Store a request of the spending and fiscal account with its lines, as the transaction's user.

    Raises Conflict `cash.basis`, `cash.float_limit`, `db.duplicate` (a second plan of a month); InvalidInput `cash.plan`.
    """
    count = tx.value(
        "SELECT count(*) FROM fund.fund_request WHERE region = %(r)s AND fund = %(f)s", r=tx.region, f=fund
    )
    key = key_of("REQ", tx.region, fund, day, asking.upto, count)
    tx.run(
        """INSERT INTO fund.fund_request (region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen,
               amount_fen, prepared_by, prepared_on, basis, month)
           VALUES (%(region)s, %(fund)s, %(key)s, %(account)s, %(fiscal)s, %(upto)s, %(forecast_fen)s, %(available_fen)s,
               %(amount_fen)s, %(user)s, %(day)s, %(basis)s, %(month)s)""",
        region=tx.region,
        fund=fund,
        key=key,
        account=accounts[0],
        fiscal=accounts[1],
        user=tx.user,
        day=day,
        **asking._asdict(),
    )
    tx.run_many(
        "INSERT INTO fund.fund_request_line (region, request_id, n, kind, due_on, amount_fen)"
        " VALUES (%(region)s, %(key)s, %(n)s, %(kind)s, %(due_on)s, %(amount_fen)s)",
        [{"region": tx.region, "key": key, "n": n, **due._asdict()} for n, due in enumerate(dues, 1)],
    )
    return read_requests(tx, key=key)[0]


def approve_request(tx: Transaction, request_id: str, day: date) -> FundRequest:
    """Approve as checker, another person than the maker; the request itself books nothing."""
    decide(tx, "fund_request", request_id, day)
    return read_requests(tx, key=request_id)[0]


def refuse_request(tx: Transaction, request_id: str, day: date, reason: str) -> FundRequest:
    """Refuse as checker, with a reason."""
    decide(tx, "fund_request", request_id, day, refusal=require_text(reason, "理由"))
    return read_requests(tx, key=request_id)[0]


def grant(
    tx: Transaction, request_id: str, receipt_no: str, amount_fen: int, granted_on: date, day: date
) -> FundRequest:
    """Record that the money has come (all or part of it) and post ALLOT under `day`; once (A6).

    Repeating it with the same receipt and amount changes nothing. Raises NotFound `request.unknown`; Conflict
    `cash.not_approved`, `cash.granted`, `db.duplicate` (the receipt served another request); InvalidInput
    `cash.above_request`; Forbidden `access.role_missing` (accountant, system).
    """
    receipt = require_text(receipt_no, "拨款凭证号")
    require_amount(amount_fen)
    tx.run(
        "SELECT 1 FROM fund.fund_request WHERE region = %(region)s AND request_id = %(key)s FOR UPDATE",
        region=tx.region,
        key=request_id,
    )
    found = read_requests(tx, key=request_id)
    if not found:
        raise NotFound("request.unknown", f"没有请款{request_id}", key=request_id)
    [asked] = found
    if asked.state == "granted":
        if (asked.receipt_no, asked.granted_fen, asked.granted_on) == (receipt, amount_fen, granted_on):
            return asked
        raise Conflict("cash.granted", f"请款{request_id}已由拨款凭证{asked.receipt_no}到账，不能再记")
    if asked.state != "approved":
        raise Conflict("cash.not_approved", f"请款{request_id}未经复核同意，不能记到账")
    if amount_fen > asked.amount_fen:
        raise InvalidInput(
            "cash.above_request",
            f"到账{yuan_grouped(amount_fen)}元超过所请{yuan_grouped(asked.amount_fen)}元",
        )
    tx.run(
        """UPDATE fund.fund_request SET state = 'granted', granted_fen = %(fen)s, granted_on = %(on)s, receipt_no = %(receipt)s
            WHERE region = %(region)s AND request_id = %(key)s""",
        region=tx.region,
        key=request_id,
        fen=amount_fen,
        on=granted_on,
        receipt=receipt,
    )
    [granted] = read_requests(tx, key=request_id)
    ruled = apply(
        "ALLOT",
        policy_on(tx, tx.region, granted_on),
        asked.fund,
        [Item(Dimensions(), amount_fen)],
        bank_account=asked.account,
        fiscal_account=asked.fiscal_account,
    )
    paper = SignedEntry(
        fund=asked.fund,
        source_key=f"ALLOT:{request_id}",
        business_date=granted_on,
        summary=f"财政专户拨入支出户{FUND_NAMES[asked.fund]}",
        prepared_by=asked.prepared_by,
        reviewed_by=asked.approved_by,
        digest=granted.digest,
        evidence=f"财政专户缴拨凭证{receipt}",
    )
    post_signed(tx, paper, ruled, day)
    return granted


def read_requests(tx: Transaction, *, fund: int = 0, key: str = "") -> list[FundRequest]:
    """Requests by id or fund, oldest first."""
    lines: dict[str, list[Due]] = {}
    for request_id, *line in tx.rows(
        """SELECT request_id, kind, due_on, amount_fen FROM fund.fund_request_line
            WHERE region = %(region)s AND %(key)s IN ('', request_id) ORDER BY request_id, n""",
        region=tx.region,
        key=key,
    ):
        lines.setdefault(request_id, []).append(Due(*line))
    rows = tx.rows(
        """SELECT request_id, fund, account, fiscal_account, upto, forecast_fen, available_fen, amount_fen, state, prepared_by,
                  prepared_on, approved_by, granted_fen, granted_on, receipt_no, basis, month FROM fund.fund_request
            WHERE region = %(region)s AND %(fund)s IN (0, fund) AND %(key)s IN ('', request_id)
            ORDER BY prepared_on, request_id""",
        region=tx.region,
        fund=fund,
        key=key,
    )
    return [FundRequest(*(*row, tuple(lines.get(row[0], ())))) for row in rows]


def own_of(tx: Transaction, fund: int, kind: str) -> str:
    """The book's own account of a kind (1003, 1004); raises Conflict `book.no_account`."""
    account = account_of(tx, fund, kind)
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有{kind}账户")
    return account
