"""From record to receipt and back: what a record, an order or an entry rests on and what it led to (design.md 3.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any, Final, LiteralString

from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction

ROWS_MAX: Final = 200
"""Rows shown of one kind; the count is always whole."""

_ORDER: Final = re.compile(r"FL[0-9A-Z-]{8,33}")
_ENTRY: Final = re.compile(r"(?:\d{6}-)?(310|390)[:/](?:(\d{1,18})|(记|备)-(\d{6})-(\d{1,9}))")


@dataclass(slots=True)
class Chain:
    """Everything that hangs together with the subject. Rows are plain dictionaries, amounts in fen as text."""

    subject: str
    kind: str
    records: list[dict[str, Any]] = field(default_factory=list)
    payables: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def explain(tx: Transaction, subject: str) -> Chain:
    """The chain of an order number, an entry (`310:17`, `310/记-202610-17`) or a record's setl_id.

    Reads under the user's scope; raises NotFound `explain.unknown` for what is not there or not the user's.
    """
    if _ORDER.fullmatch(subject):
        chain = _of_orders(tx, Chain(subject, "order"), [subject])
        if not chain.orders:
            raise _unknown(subject)
        return _with_entries(tx, chain)
    if match := _ENTRY.fullmatch(subject):
        return _of_entry(tx, subject, match)
    chain = Chain(subject, "record")
    _add(chain, "records", _records(tx, [subject]))
    if not chain.records:
        raise _unknown(subject)
    _add(chain, "payables", _payables(tx, [subject]))
    orders = [
        order_no
        for (order_no,) in tx.rows(
            "SELECT order_no FROM payments.order_payable WHERE region = %(region)s AND setl_id = %(id)s ORDER BY order_no",
            region=tx.region,
            id=subject,
        )
    ]
    return _with_entries(tx, _of_orders(tx, chain, orders))


def _unknown(subject: str) -> NotFound:
    return NotFound(
        "explain.unknown",
        f"没有找到“{subject[:60]}”：应为结算ID、拨付单号，或 基金:序号、基金/记-期间-号",
        subject=subject[:60],
    )


def _add(chain: Chain, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    getattr(chain, kind).extend(rows[:ROWS_MAX])
    chain.counts[kind] = chain.counts.get(kind, 0) + len(rows)


def _dicts(tx: Transaction, query: LiteralString, **params: object) -> list[dict[str, Any]]:
    cursor = tx.connection.execute(query, params)
    names = [column.name for column in cursor.description or ()]
    return [
        {name: _plain(name, value) for name, value in zip(names, row, strict=True)}
        for row in cursor.fetchall()
    ]


def _plain(name: str, value: object) -> object:
    """Money as text, dates in ISO, digests in hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if name.endswith("_fen") else value


def _records(tx: Transaction, ids: list[str]) -> list[dict[str, Any]]:
    return _dicts(
        tx,
        """SELECT setl_id, fixmedins_code AS institution, insutype, med_type, setl_time, init_setl_id, medfee_sumamt AS medfee_fen,
                  hifp_pay AS hifp_fen, acct_pay AS acct_fen, hosp_part_amt AS hospital_fen, fund_pay_sumamt AS fund_pay_fen,
                  content_digest, load_id, line
             FROM fund.record WHERE region = %(region)s AND setl_id = ANY(%(ids)s) ORDER BY setl_id""",
        region=tx.region,
        ids=ids,
    )


def _payables(tx: Transaction, ids: list[str]) -> list[dict[str, Any]]:
    return _dicts(
        tx,
        """SELECT fund, setl_id, subfund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio,
                  recognised_by, order_no, settled_by
             FROM fund.payable WHERE region = %(region)s AND setl_id = ANY(%(ids)s) ORDER BY setl_id, subfund""",
        region=tx.region,
        ids=ids,
    )


def _of_orders(tx: Transaction, chain: Chain, order_nos: list[str]) -> Chain:
    """Orders with their records, steps, files and evidence; a re-issue brings the order it replaces along."""
    if not order_nos:
        return chain
    _add(
        chain,
        "orders",
        _dicts(
            tx,
            """SELECT o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name, o.payee_number, o.purpose,
                      o.replaces, o.state, o.file_id, b.prepared_by, a.approved_by
                 FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                 LEFT JOIN payments.approval a ON a.region = o.region AND a.batch_id = o.batch_id
                WHERE o.region = %(region)s AND o.order_no = ANY(%(orders)s) ORDER BY o.order_no""",
            region=tx.region,
            orders=order_nos,
        ),
    )
    _add(
        chain,
        "steps",
        _dicts(
            tx,
            """SELECT order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence
                 FROM payments.order_event WHERE region = %(region)s AND order_no = ANY(%(orders)s) ORDER BY order_no, n""",
            region=tx.region,
            orders=order_nos,
        ),
    )
    _add(
        chain,
        "files",
        _dicts(
            tx,
            """SELECT f.file_id, f.name, f.state, f.orders, f.total_fen, f.sha256, f.sm3 FROM payments.bank_file f
                WHERE f.region = %(region)s AND f.file_id IN (SELECT file_id FROM payments.pay_order
                       WHERE region = %(region)s AND order_no = ANY(%(orders)s)) ORDER BY f.file_id""",
            region=tx.region,
            orders=order_nos,
        ),
    )
    _add(
        chain,
        "evidence",
        _dicts(
            tx,
            """SELECT e.kind, e.receipt_no, e.direction, e.booking_date, e.amount_fen, e.bank_reference, e.order_no, e.outcome,
                      e.outcome_code, e.file_sha256 FROM payments.evidence e
                WHERE e.region = %(region)s AND (e.order_no = ANY(%(orders)s) OR (e.account, e.bank_reference) IN (
                      SELECT account, bank_reference FROM payments.evidence
                       WHERE region = %(region)s AND order_no = ANY(%(orders)s))) ORDER BY e.booking_date, e.kind, e.receipt_no""",
            region=tx.region,
            orders=order_nos,
        ),
    )
    if not chain.records:
        ids = [
            setl_id
            for (setl_id,) in tx.rows(
                "SELECT DISTINCT setl_id FROM payments.order_payable WHERE region = %(region)s AND order_no = ANY(%(orders)s) ORDER BY 1",
                region=tx.region,
                orders=order_nos,
            )
        ]
        _add(chain, "records", _records(tx, ids))
        _add(chain, "payables", _payables(tx, ids))
    return chain


def _with_entries(tx: Transaction, chain: Chain) -> Chain:
    """The entries that booked the records and every step of the orders, found by their source keys."""
    orders = [str(order["order_no"]) for order in chain.orders]
    keys = sorted(
        {str(p[link]) for p in chain.payables for link in ("recognised_by", "settled_by") if p[link]}
        | {f"{event}:{order_no}" for order_no in orders for event in ("ORD", "CAN", "REJ")}
        | {
            f"{event}:{order_no}:{paper['kind']}:{paper['receipt_no']}"
            for order_no in orders
            for paper in chain.evidence
            for event in ("RCV", "RTN")
        }
    )
    _add(
        chain,
        "entries",
        _dicts(
            tx,
            """SELECT e.fund, e.seq, e.series || '-' || e.period || '-' || e.vno AS voucher, e.voucher_date, e.business_date,
                      e.event, e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by
                 FROM books.source s JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.period = s.period
                                                       AND e.seq = s.seq
                WHERE s.region = %(region)s AND s.source_key = ANY(%(keys)s)
                ORDER BY e.fund, e.seq""",
            region=tx.region,
            keys=keys,
        ),
    )
    return chain


def _of_entry(tx: Transaction, subject: str, match: re.Match[str]) -> Chain:
    """An entry back to what it rests on: the records it sums, or the order and the receipt."""
    fund, seq, series, period, vno = match.groups()
    row = tx.row(
        """SELECT seq, source_key, event FROM books.entry
            WHERE region = %(region)s AND fund = %(fund)s AND (seq = %(seq)s
               OR series = %(series)s AND period = %(period)s AND vno = %(vno)s) LIMIT 1""",
        region=tx.region,
        fund=int(fund),
        seq=int(seq) if seq else None,
        series=series,
        period=int(period) if period else None,
        vno=int(vno) if vno else None,
    )
    if row is None:
        raise _unknown(subject)
    _, source_key, event = row
    chain = Chain(subject, "entry")
    if event in ("REC", "REV"):
        ids = [
            setl_id
            for (setl_id,) in tx.rows(
                """SELECT setl_id FROM fund.payable WHERE region = %(region)s AND fund = %(fund)s AND recognised_by = %(key)s
                    ORDER BY setl_id""",
                region=tx.region,
                fund=int(fund),
                key=source_key,
            )
        ]
        _add(chain, "records", _records(tx, ids))
        _add(chain, "payables", _payables(tx, ids))
        orders = sorted({str(p["order_no"]) for p in chain.payables if p["order_no"]})
        return _with_entries(tx, _of_orders(tx, chain, orders))
    parts = str(source_key).split(":")
    chain = _with_entries(tx, _of_orders(tx, chain, parts[1:2] if len(parts) > 1 else []))
    if not chain.entries:
        _add(chain, "entries", _one_entry(tx, int(fund), str(source_key)))
    return chain


def _one_entry(tx: Transaction, fund: int, source_key: str) -> list[dict[str, Any]]:
    return _dicts(
        tx,
        """SELECT e.fund, e.seq, e.series || '-' || e.period || '-' || e.vno AS voucher, e.voucher_date, e.business_date, e.event,
                  e.rule, e.source_key, e.summary, e.evidence, e.prepared_by, e.reviewed_by
             FROM books.source s JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.period = s.period AND e.seq = s.seq
            WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.source_key = %(key)s""",
        region=tx.region,
        fund=fund,
        key=source_key,
    )
