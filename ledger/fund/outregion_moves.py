"""Money between regions, and to hospitals for other regions' patients: asked by one, approved by another, proved by a receipt.

X1, X4 prepayments by us; X8, X11 money of other regions with us; X10 hospitals paid out of it (accounting.md 3a).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book, Dimensions, EntryDraft, Leg
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash_orders import available_fen, drafted_fen
from ledger.fund.cash_requests import key_of, require_amount, require_same, require_text, row_digest
from ledger.fund.regions import account_of
from ledger.rules import Item, RuledEntry, apply
from ledger.rules.policy import policy_on

KINDS: Final[Mapping[str, str]] = {
    "hospital": "支付医院异地就医费用",
    "received": "收到异地清算资金",
    "prepaid_in": "收到异地预付金",
    "prepaid_out": "退还异地预付金",
    "prepaid": "上解异地预付金",
    "prepaid_back": "收回异地预付金",
}
_RULES: Final[Mapping[str, str]] = {
    "hospital": "PAY-OUT",
    "received": "RCV.outregion",
    "prepaid_in": "RCV.outregion",
    "prepaid_out": "PAY-OUT.back",
    "prepaid": "PAY-PRE",
    "prepaid_back": "REF.outregion",
}


@dataclass(frozen=True, slots=True)
class Move:
    """A movement; its entries' source keys are `OUT:` and the id, with `:order` or `:cancel` for the memorandum steps."""

    move_id: str
    fund: int
    kind: str
    counterparty: int
    institution: str
    term: int
    amount_fen: int
    document: str
    state: str
    prepared_by: str
    approved_by: str
    account: str
    receipt_no: str
    booked_on: date | None

    def digest(self, *more: object) -> bytes:
        """Evidence digest: `row_digest("OUT", …)` over the columns to `document`, then what the step adds."""
        facts = (self.move_id, self.fund, self.kind, self.counterparty, self.institution, self.term)
        return row_digest("OUT", *facts, self.amount_fen, self.document, *more)


def request_move(
    tx: Transaction, fund: int, kind: str, counterparty: int, amount_fen: int, document: str, day: date
) -> Move:
    """Hand in a movement with another region, as maker; the same document again gives the first answer.

    `document` is the notice it rests on; for clearing money (`received`) the id of the bill, for a prepayment that comes
    in the link id of the other side's message where there is one. Raises InvalidInput `outregion.kind`, `request.*`;
    Conflict `outregion.over_quota`, `outregion.over_bill`, `outregion.over_prepaid`, `request.document_used`.
    """
    if kind not in KINDS or kind == "hospital":
        raise InvalidInput(
            "outregion.kind", f"没有收付种类“{kind[:20]}”，应为{'、'.join(KINDS)}（医院按月汇总提出）"
        )
    require_amount(amount_fen)
    paper = require_text(document, "文号")
    key = key_of("OUTM", tx.region, fund, kind, counterparty, paper, day if kind == "received" else "")
    known = read_moves(tx, key=key)
    if known:
        require_same(key, (known[0].amount_fen,), (amount_fen,))
        return known[0]
    _require_counterparty(tx, counterparty)
    _require_room(tx, fund, kind, counterparty, amount_fen, paper)
    _insert(tx, fund, key, kind, counterparty, "", 0, amount_fen, paper, day)
    return read_moves(tx, key=key)[0]


def request_hospital(tx: Transaction, fund: int, institution: str, term: int, day: date) -> Move:
    """Ask, as maker, to pay a hospital all its open out-of-region records of a 期号.

    Raises Conflict `outregion.nothing_owed` where nothing above zero is open.
    """
    tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"fund.outregion {tx.region}-{fund}"
    )
    rows = tx.rows(
        """SELECT setl_id, amount_fen FROM fund.outregion_record
            WHERE region = %(region)s AND fund = %(fund)s AND side = 'care' AND institution = %(institution)s
              AND term = %(term)s AND move_id = '' ORDER BY setl_id FOR UPDATE""",
        region=tx.region,
        fund=fund,
        institution=institution,
        term=term,
    )
    total = sum(fen for _, fen in rows)
    if total <= 0:
        raise Conflict(
            "outregion.nothing_owed",
            f"机构{institution}期号{term}待付的异地就医费用为{yuan_grouped(total)}元，没有可付的",
        )
    held: int = tx.value(
        "SELECT count(*) FROM fund.outregion_move WHERE region = %(region)s AND institution = %(institution)s",
        region=tx.region,
        institution=institution,
    )
    key = key_of("OUTH", tx.region, fund, institution, term, held, *(setl_id for setl_id, _ in rows))
    _insert(tx, fund, key, "hospital", 0, institution, term, total, f"{term}异地就医{len(rows)}笔", day)
    tx.run(
        """UPDATE fund.outregion_record SET move_id = %(key)s
            WHERE region = %(region)s AND fund = %(fund)s AND setl_id = ANY(%(ids)s)""",
        region=tx.region,
        fund=fund,
        key=key,
        ids=[setl_id for setl_id, _ in rows],
    )
    return read_moves(tx, key=key)[0]


def approve_move(tx: Transaction, move_id: str, day: date) -> Move:
    """Approve as checker and another person than the maker; a hospital's money is then on its way (9503).

    Raises Conflict `outregion.over_available`, `outregion.over_quota`, `request.decided`; Forbidden
    `request.same_person`, `access.role_missing`; NotFound `request.unknown`.
    """
    move = _locked(tx, move_id)
    if move.state == "approved" and move.approved_by == tx.user:
        return move
    if move.kind == "hospital":
        _require_money(tx, move)
    _decide(tx, move_id, "approved", day)
    approved = read_moves(tx, key=move_id)[0]
    if approved.kind == "hospital":
        ruled = apply("OUT.order", policy_on(tx, tx.region, day), move.fund, _record_items(tx, approved))
        _post(tx, approved, ruled, (ruled.legs,), day, "order", "审批")
    return approved


def refuse_move(tx: Transaction, move_id: str, day: date) -> Move:
    """Refuse as checker; a hospital's records are open again."""
    _locked(tx, move_id)
    _decide(tx, move_id, "refused", day)
    _release(tx, move_id)
    return read_moves(tx, key=move_id)[0]


def cancel_move(tx: Transaction, move_id: str, day: date) -> Move:
    """Withdraw an approved movement the bank did not carry out, as accountant; a hospital's records are open again."""
    move = _locked(tx, move_id)
    if move.state == "cancelled":
        return move
    items = _record_items(tx, move) if move.kind == "hospital" else []
    tx.run(
        "UPDATE fund.outregion_move SET state = 'cancelled' WHERE region = %(region)s AND move_id = %(key)s",
        region=tx.region,
        key=move_id,
    )
    if items:
        ruled = apply("OUT.cancel", policy_on(tx, tx.region, day), move.fund, items)
        _post(tx, move, ruled, (ruled.legs,), day, "cancel", "撤销")
    _release(tx, move_id)
    return read_moves(tx, key=move_id)[0]


def confirm_move(tx: Transaction, move_id: str, receipt_no: str, booked_on: date, day: date) -> Move:
    """Enter the bank's receipt as accountant, and book the movement by its booking date under `day`; the same again replays.

    Raises Conflict `outregion.receipt_differs`, `request.decided`, `db.duplicate` (a receipt used before); InvalidInput
    `cash.date`, `request.text`; Forbidden `access.role_missing`.
    """
    move = _locked(tx, move_id)
    receipt = require_text(receipt_no, "回单号")
    if booked_on > day:
        raise InvalidInput("cash.date", f"银行记账日{booked_on}在办理日{day}之后")
    if move.state == "done":
        if (move.receipt_no, move.booked_on) != (receipt, booked_on):
            raise Conflict("outregion.receipt_differs", f"{move_id}已凭回单{move.receipt_no}入账")
        return move
    account = account_of(tx, move.fund, "1004" if move.kind == "hospital" else "1003")
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{move.fund}没有支出户或财政专户")
    tx.run(
        """UPDATE fund.outregion_move SET state = 'done', account = %(account)s, receipt_no = %(receipt)s, booked_on = %(on)s,
               done_by = %(user)s WHERE region = %(region)s AND move_id = %(key)s""",
        region=tx.region,
        key=move_id,
        account=account,
        receipt=receipt,
        on=booked_on,
        user=tx.user,
    )
    done = read_moves(tx, key=move_id)[0]
    policy = policy_on(tx, tx.region, booked_on)
    legs: list[Sequence[Leg]] = []
    if move.kind == "hospital":
        items = _record_items(tx, move)
        legs.append(apply("OUT.paid", policy, move.fund, items).legs)
        money = [Item(Dimensions(item.dims.category), item.amount_fen) for item in items]
    else:
        money = [Item(Dimensions(str(move.counterparty)), move.amount_fen)]
    ruled = apply(_RULES[move.kind], policy, move.fund, money, bank_account=account, fiscal_account=account)
    _post(tx, done, ruled, (*legs, ruled.legs), day, "", "")
    return done


def read_moves(tx: Transaction, *, fund: int = 0, key: str = "") -> list[Move]:
    """Movements by id or fund, oldest first."""
    rows = tx.rows(
        """SELECT move_id, fund, kind, counterparty, institution, term, amount_fen, document, state, prepared_by, approved_by,
                  account, receipt_no, booked_on FROM fund.outregion_move
            WHERE region = %(region)s AND %(fund)s IN (0, fund) AND %(key)s IN ('', move_id) ORDER BY prepared_on, move_id""",
        region=tx.region,
        fund=fund,
        key=key,
    )
    return [Move(*row) for row in rows]


def _require_counterparty(tx: Transaction, counterparty: int) -> None:
    if not tx.value(
        """SELECT EXISTS (SELECT 1 FROM fund.outregion_counterparty
                           WHERE region = %(region)s AND counterparty = %(party)s AND confirmed_by <> '')""",
        region=tx.region,
        party=counterparty,
    ):
        raise NotFound("outregion.counterparty_unknown", f"没有已确认的对方统筹区{counterparty}")


def _require_room(tx: Transaction, fund: int, kind: str, party: int, amount_fen: int, document: str) -> None:
    """What comes in for a bill is at most the bill; what is given back at most what was prepaid."""
    if kind == "received":
        left = tx.value(
            """SELECT b.amount_fen - coalesce((SELECT sum(m.amount_fen) FROM fund.outregion_move m WHERE m.region = b.region
                          AND m.kind = 'received' AND m.document = b.bill_id AND m.state IN ('requested', 'approved', 'done')), 0)
                 FROM fund.outregion_bill b WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.bill_id = %(bill)s
                  AND b.side = 'care' AND b.counterparty = %(party)s FOR UPDATE""",
            region=tx.region,
            fund=fund,
            bill=document,
            party=party,
        )
        if left is None or amount_fen > left:
            words = "没有这张应收账单" if left is None else f"尚余{yuan_grouped(int(left))}元"
            raise Conflict(
                "outregion.over_bill", f"账单{document[:60]}：{words}，不能再收{yuan_grouped(amount_fen)}元"
            )
    if kind in ("prepaid_out", "prepaid_back"):
        plus = "prepaid" if kind == "prepaid_back" else "prepaid_in"
        there: int = tx.value(
            """SELECT coalesce(sum(CASE WHEN kind = %(plus)s THEN amount_fen ELSE -amount_fen END), 0)::bigint
                 FROM fund.outregion_move WHERE region = %(region)s AND fund = %(fund)s AND counterparty = %(party)s
                  AND (kind = %(plus)s AND state = 'done' OR kind = %(kind)s AND state IN ('requested', 'approved', 'done'))""",
            region=tx.region,
            fund=fund,
            party=party,
            plus=plus,
            kind=kind,
        )
        if amount_fen > there:
            raise Conflict(
                "outregion.over_prepaid",
                f"与{party}的异地预付金尚有{yuan_grouped(there)}元，不能退{yuan_grouped(amount_fen)}元",
            )


def _require_money(tx: Transaction, move: Move) -> None:
    """The 支出户 covers it beside drafts, orders on their way, and other hospitals' payments on their way."""
    account = account_of(tx, move.fund, "1004")
    going: int = tx.value(
        """SELECT coalesce(sum(amount_fen), 0)::bigint FROM fund.outregion_move
            WHERE region = %(region)s AND fund = %(fund)s AND kind = 'hospital' AND state = 'approved'""",
        region=tx.region,
        fund=move.fund,
    )
    there = available_fen(tx, move.fund, account) - drafted_fen(tx, move.fund, account) - going
    if move.amount_fen > there:
        raise Conflict(
            "outregion.over_available",
            f"支出户可用{yuan_grouped(there)}元，不足{yuan_grouped(move.amount_fen)}元",
        )


def _record_items(tx: Transaction, move: Move) -> list[Item]:
    """The keys of a hospital's payment: hospital × service year × 期号 × counterparty region (in the category)."""
    return [
        Item(Dimensions(move.institution, "", year, term, str(party)), fen)
        for year, term, party, fen in tx.rows(
            """SELECT service_year, term, counterparty, sum(amount_fen)::bigint FROM fund.outregion_record
                WHERE region = %(region)s AND move_id = %(key)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
            region=tx.region,
            key=move.move_id,
        )
    ]


def _insert(
    tx: Transaction,
    fund: int,
    key: str,
    kind: str,
    counterparty: int,
    institution: str,
    term: int,
    amount_fen: int,
    document: str,
    day: date,
) -> None:
    tx.run(
        """INSERT INTO fund.outregion_move (region, fund, move_id, kind, counterparty, institution, term, amount_fen, document,
               prepared_by, prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(kind)s, %(party)s, %(institution)s, %(term)s, %(fen)s, %(document)s, %(user)s,
               %(day)s)""",
        region=tx.region,
        fund=fund,
        key=key,
        kind=kind,
        party=counterparty,
        institution=institution,
        term=term,
        fen=amount_fen,
        document=document,
        user=tx.user,
        day=day,
    )


def _locked(tx: Transaction, move_id: str) -> Move:
    tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"fund.outregion_move {tx.region}"
    )
    found = read_moves(tx, key=move_id)
    if not found:
        raise NotFound("request.unknown", f"没有异地收付{move_id[:60]}")
    return found[0]


def _decide(tx: Transaction, move_id: str, state: str, day: date) -> None:
    tx.run(
        """UPDATE fund.outregion_move SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s
            WHERE region = %(region)s AND move_id = %(key)s""",
        region=tx.region,
        key=move_id,
        state=state,
        user=tx.user,
        day=day,
    )


def _release(tx: Transaction, move_id: str) -> None:
    tx.run(
        "UPDATE fund.outregion_record SET move_id = '' WHERE region = %(region)s AND move_id = %(key)s",
        region=tx.region,
        key=move_id,
    )


def _post(
    tx: Transaction,
    move: Move,
    ruled: RuledEntry,
    legs: Sequence[Sequence[Leg]],
    day: date,
    step: str,
    word: str,
) -> None:
    whom = move.institution or str(move.counterparty)
    proof = (
        f"回单{move.receipt_no}，{move.document}" if move.receipt_no else f"{move.move_id} {move.document}"
    )
    book = Book(tx.region, move.fund)
    open_period(tx, book, period_of(day))
    entry = EntryDraft(
        event=ruled.event,
        source_key=f"OUT:{move.move_id}" + (f":{step}" if step else ""),
        business_date=move.booked_on or day,
        summary=f"{word}{KINDS[move.kind]}{FUND_NAMES[move.fund]}{whom}",
        legs=[leg for part in legs for leg in part],
        rule=ruled.rule,
        prepared_by=move.prepared_by,
        reviewed_by=move.approved_by,
        evidence_digest=move.digest(move.receipt_no, move.booked_on or "", step),
        evidence=proof,
        attachments=1,
    )
    post(tx, book, day, [entry])
