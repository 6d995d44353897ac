"""The rows of a chain, ready to be shown: records, payables, papers, orders and their proof, entries (reports.explain.chain).

Amounts in fen as text, dates in ISO, digests in hex. `explain` in a row is what opens it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, LiteralString

from ledger.core.accounts import coded
from ledger.db.safekeeping.fields import shown_rows
from ledger.db.unit_of_work import Transaction
from reports.explain.papers import KINDS, FoundPaper

Rows = list[dict[str, Any]]
_PAYERS: Final = (
    "basic_310", "basic_390", "large", "civil", "assistance", "commercial", "other_fund", "outside", "account", "mutual_aid",
    "wallet", "cash", "hospital",
)  # fmt: skip


def records(tx: Transaction, ids: Sequence[str]) -> Rows:
    """Settlement records with who pays which part of them."""
    rows = _dicts(
        tx,
        """SELECT r.setl_id, r.fixmedins_code AS institution, r.insutype, r.med_type, r.setl_time, r.init_setl_id,
                  r.medfee_sumamt AS medfee_fen, r.hifp_pay AS hifp_fen, r.acct_pay AS acct_fen, r.hosp_part_amt AS hospital_fen,
                  r.fund_pay_sumamt AS fund_pay_fen, r.content_digest, r.load_id, r.line, r.setl_id AS explain
             FROM fund.record r WHERE r.region = %(region)s AND r.setl_id = ANY(%(ids)s) ORDER BY r.setl_id""",
        ids=list(ids),
    )
    if len(rows) == 1:
        rows[0]["shares"] = _shares(tx, str(rows[0]["setl_id"]))
    return rows


def _shares(tx: Transaction, setl_id: str) -> Mapping[str, str]:
    found = tx.row(
        """SELECT basic_310, basic_390, large, civil, assistance, commercial, other_fund, outside, account, mutual_aid, wallet,
                  cash, hospital FROM fund.bill_share WHERE region = %(region)s AND setl_id = %(setl_id)s""",
        region=tx.region,
        setl_id=setl_id,
    )
    return {payer: str(fen) for payer, fen in zip(_PAYERS, found or (), strict=False) if fen}


def payables(tx: Transaction, ids: Sequence[str]) -> Rows:
    """What this fund owes for records, or another region does (`side`)."""
    return _dicts(
        tx,
        coded("""SELECT fund, setl_id, subfund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio,
                  recognised_by, order_no, settled_by
             FROM fund.payable
            WHERE region = %(region)s AND fund IN ({FUNDS}) AND setl_id = ANY(%(ids)s) ORDER BY setl_id, subfund"""),
        ids=list(ids),
    ) + _dicts(
        tx,
        coded("""SELECT fund, setl_id, side, counterparty, institution, service_year, term, category, amount_fen, account_fen,
                  recognised_by, order_no, bill_id
             FROM fund.outregion_record
            WHERE region = %(region)s AND fund IN ({FUNDS}) AND setl_id = ANY(%(ids)s) ORDER BY setl_id"""),
        ids=list(ids),
    )


def papers(tx: Transaction, found: Sequence[FoundPaper]) -> Rows:
    """The rows of papers, in their order."""
    rows: dict[FoundPaper, dict[str, Any]] = {}
    for name in dict.fromkeys(one.kind for one in found):
        kind = KINDS[name]
        for row in _dicts(tx, kind.row, ids=[one.paper for one in found if one.kind == name]):
            paper = str(row["paper"])
            rows[FoundPaper(name, paper)] = {"kind": name, "title": kind.title} | row | {"explain": paper}
    return [rows[one] for one in dict.fromkeys(found) if one in rows]


def orders(tx: Transaction, order_nos: Sequence[str]) -> Rows:
    """Payment orders with who prepared and approved them."""
    return _dicts(
        tx,
        """SELECT o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name, o.payee_number, o.purpose,
                  o.replaces, o.state, o.file_id, b.prepared_by, a.approved_by, o.order_no AS explain
             FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
             LEFT JOIN payments.approval a ON a.region = o.region AND a.batch_id = o.batch_id
            WHERE o.region = %(region)s AND o.order_no = ANY(%(ids)s) ORDER BY o.order_no""",
        ids=list(order_nos),
    )


def steps(tx: Transaction, order_nos: Sequence[str]) -> Rows:
    """What happened to orders."""
    return _dicts(
        tx,
        """SELECT order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence
             FROM payments.order_event WHERE region = %(region)s AND order_no = ANY(%(ids)s) ORDER BY order_no, n""",
        ids=list(order_nos),
    )


def files(tx: Transaction, order_nos: Sequence[str]) -> Rows:
    """The payment files orders went out in."""
    return _dicts(
        tx,
        """SELECT f.file_id, f.name, f.state, f.orders, f.total_fen, f.sha256, f.sm3 FROM payments.bank_file f
            WHERE f.region = %(region)s AND f.file_id IN (SELECT file_id FROM payments.pay_order
                   WHERE region = %(region)s AND order_no = ANY(%(ids)s)) ORDER BY f.file_id""",
        ids=list(order_nos),
    )


def evidence(tx: Transaction, order_nos: Sequence[str], paper_rows: Rows) -> Rows:
    """The bank's papers on orders, and on the movements that papers name by account and receipt."""
    named = [row for row in paper_rows if row.get("receipt_no")]
    return _dicts(
        tx,
        """SELECT e.kind, e.account, e.receipt_no, e.direction, e.booking_date, e.amount_fen, e.bank_reference, e.order_no,
                  e.outcome, e.outcome_code, e.file_sha256 FROM payments.evidence e
            WHERE e.region = %(region)s AND (e.order_no = ANY(%(ids)s) OR (e.account, e.bank_reference) IN (
                  SELECT account, bank_reference FROM payments.evidence
                   WHERE region = %(region)s AND order_no = ANY(%(ids)s))
               OR (e.account, e.receipt_no) IN (SELECT * FROM unnest(%(accounts)s::text[], %(receipts)s::text[])))
            ORDER BY e.booking_date, e.kind, e.receipt_no""",
        ids=list(order_nos),
        accounts=[row[name] for row in named for name in ("account", "fiscal_account") if row.get(name)],
        receipts=[
            row["receipt_no"] for row in named for name in ("account", "fiscal_account") if row.get(name)
        ],
    )


def entries(tx: Transaction, keys: Sequence[str], fund: int = 0) -> Rows:
    """The entries of source keys; of both funds, or one."""
    return _dicts(
        tx,
        """SELECT e.fund, e.seq, e.series || '-' || e.period || '-' || e.vno AS voucher, e.voucher_date, e.business_date,
                  e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by,
                  e.fund || ':' || e.seq AS explain
             FROM books.source s JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.period = s.period
                                                   AND e.seq = s.seq
            WHERE s.region = %(region)s AND s.source_key = ANY(%(ids)s) AND %(fund)s IN (0, s.fund)
            ORDER BY e.fund, e.seq""",
        ids=list(keys),
        fund=fund,
    )


def _dicts(tx: Transaction, query: LiteralString, **params: object) -> Rows:
    """Column by column: of an order's thousands of records each cell is looked at once, by what its column holds."""
    cursor = tx.connection.execute(query, {"region": tx.region} | params)
    names = [column.name for column in cursor.description or ()]
    columns = zip(*shown_rows(tx, cursor.fetchall()), strict=True)
    plain = [_plain(name, column) for name, column in zip(names, columns, strict=False)]
    return [dict(zip(names, row, strict=True)) for row in zip(*plain, strict=True)]


def _plain(name: str, column: Sequence[object]) -> Sequence[object]:
    kind = type(next((value for value in column if value is not None), None))
    if kind is bytes:
        return [value.hex() if isinstance(value, bytes) else value for value in column]
    if issubclass(kind, date):
        return [value.isoformat() if isinstance(value, date) else value for value in column]
    return [str(value) for value in column] if name.endswith("_fen") else column
