"""From record to receipt and back: what a record, paper, order or entry rests on and what it led to (design.md 3.1).

A chain holds what hangs together with its subject; every row's `explain` opens the next one. Papers (sheets, letters,
refunds, requests, …) stand between records and orders, and are what their own entries rest on (reports.explain.papers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction
from reports.explain import rows as chain_rows
from reports.explain.papers import (
    FoundPaper,
    find,
    kind_of_key,
    named_by,
    of_orders,
    of_records,
    orders_of,
    records_of,
)
from reports.explain.rows import Rows

ROWS_MAX: Final = 200
"""Rows shown of one kind; the count is always whole."""

_ORDER: Final = re.compile(r"FL[0-9A-Z-]{8,33}")
_ENTRY: Final = re.compile(r"(?:\d{6}-)?(310|390)[:/](?:(\d{1,18})|(记|备)-(\d{6})-(\d{1,9}))")


@dataclass(slots=True)
class Chain:
    """Everything that hangs together with the subject. Rows are plain dictionaries, amounts in fen as text."""

    subject: str
    kind: str
    """record, order, entry or paper."""
    records: Rows = field(default_factory=list)
    payables: Rows = field(default_factory=list)
    papers: Rows = field(default_factory=list)
    orders: Rows = field(default_factory=list)
    steps: Rows = field(default_factory=list)
    files: Rows = field(default_factory=list)
    evidence: Rows = field(default_factory=list)
    entries: Rows = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def explain(tx: Transaction, subject: str) -> Chain:
    """The chain of an order number, an entry (`310:17`, `310/记-202610-17`), a record's setl_id or a paper's number.

    Reads under the user's scope; raises NotFound `explain.unknown` for what is not there or not the user's.
    """
    if _ORDER.fullmatch(subject):
        return _of_order(tx, subject)
    if match := _ENTRY.fullmatch(subject):
        return _of_entry(tx, subject, match)
    if chain_rows.records(tx, [subject]):
        return _of_record(tx, subject)
    found = find(tx, [subject])
    if not found:
        raise _unknown(subject)
    return _of_papers(tx, Chain(subject, "paper"), found)


def _unknown(subject: str) -> NotFound:
    return NotFound(
        "explain.unknown",
        f"没有找到“{subject[:60]}”：应为结算ID、单据号、拨付单号，或 基金:序号、基金/记-期间-号",
        subject=subject[:60],
    )


def _of_record(tx: Transaction, setl_id: str) -> Chain:
    """A record: what is owed for it, the month or letter that settled it, and every order of either."""
    chain = Chain(setl_id, "record")
    _add_records(tx, chain, [setl_id])
    papers = of_records(tx, [setl_id])
    orders = {str(row["order_no"]) for row in chain.payables if row["order_no"]} | set(orders_of(tx, papers))
    orders |= {
        order_no
        for (order_no,) in tx.rows(
            """SELECT order_no FROM payments.order_payable WHERE region = %(region)s AND setl_id = %(id)s
               UNION SELECT order_no FROM payments.order_outregion WHERE region = %(region)s AND setl_id = %(id)s""",
            region=tx.region,
            id=setl_id,
        )
    }
    return _finish(tx, chain, papers, sorted(orders))


def _of_order(tx: Transaction, order_no: str) -> Chain:
    """An order: the records or papers it pays, its way to the bank and its proof."""
    chain = Chain(order_no, "order")
    if not chain_rows.orders(tx, [order_no]):
        raise _unknown(order_no)
    papers = of_orders(tx, [order_no])
    _add_records(tx, chain, _paid_by(tx, [order_no]) or records_of(tx, papers))
    return _finish(tx, chain, papers, [order_no])


def _of_papers(tx: Transaction, chain: Chain, papers: Sequence[FoundPaper]) -> Chain:
    """A paper: the records it covers, what it names, the orders that pay it."""
    _add_records(tx, chain, records_of(tx, papers))
    orders = orders_of(tx, papers)
    return _finish(tx, chain, [*papers, *named_by(tx, papers)], orders, own=papers)


def _of_entry(tx: Transaction, subject: str, match: re.Match[str]) -> Chain:
    """An entry back to what it rests on: the records it sums, the paper it books, or the order and the receipt."""
    fund, seq, series, period, vno = match.groups()
    row = tx.row(
        """SELECT source_key, event FROM books.entry
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
    source_key = str(row[0])
    chain = Chain(subject, "entry")
    paper = kind_of_key(source_key)
    order_no = source_key.partition(":")[2].partition(":")[0]
    if paper is not None and find(tx, [paper.paper]):
        _of_papers(tx, chain, [paper])
    elif _ORDER.fullmatch(order_no):
        papers = of_orders(tx, [order_no])
        _add_records(tx, chain, _paid_by(tx, [order_no]) or records_of(tx, papers))
        _finish(tx, chain, papers, [order_no])
    else:
        _add_records(tx, chain, _recognised(tx, int(fund), source_key))
        orders = sorted({str(row["order_no"]) for row in chain.payables if row["order_no"]})
        _finish(tx, chain, [], orders)
    if not any(one["source_key"] == source_key for one in chain.entries):
        _add(chain, "entries", chain_rows.entries(tx, [source_key], int(fund)))
    return chain


def _recognised(tx: Transaction, fund: int, source_key: str) -> list[str]:
    """The records a REC, REV or out-of-region entry sums."""
    return [
        setl_id
        for (setl_id,) in tx.rows(
            """SELECT setl_id FROM fund.payable WHERE region = %(region)s AND fund = %(fund)s AND recognised_by = %(key)s
               UNION SELECT setl_id FROM fund.outregion_record
                WHERE region = %(region)s AND fund = %(fund)s AND recognised_by = %(key)s ORDER BY 1""",
            region=tx.region,
            fund=fund,
            key=source_key,
        )
    ]


def _paid_by(tx: Transaction, order_nos: Sequence[str]) -> list[str]:
    """The records orders pay one by one: daily money, other regions' patients."""
    return [
        setl_id
        for (setl_id,) in tx.rows(
            """SELECT setl_id FROM payments.order_payable WHERE region = %(region)s AND order_no = ANY(%(orders)s)
               UNION SELECT setl_id FROM payments.order_outregion WHERE region = %(region)s AND order_no = ANY(%(orders)s)
               ORDER BY 1""",
            region=tx.region,
            orders=list(order_nos),
        )
    ]


def _add(chain: Chain, kind: str, rows: Rows) -> None:
    getattr(chain, kind).extend(rows[:ROWS_MAX])
    chain.counts[kind] = chain.counts.get(kind, 0) + len(rows)


def _add_records(tx: Transaction, chain: Chain, ids: Sequence[str]) -> None:
    if ids:
        _add(chain, "records", chain_rows.records(tx, ids))
        _add(chain, "payables", chain_rows.payables(tx, ids))


def _finish(
    tx: Transaction,
    chain: Chain,
    papers: Sequence[FoundPaper],
    orders: Sequence[str],
    *,
    own: Sequence[FoundPaper] | None = None,
) -> Chain:
    """Papers, orders with their proof, and the entries of all; of papers only those that are `own`."""
    paper_rows = chain_rows.papers(tx, papers)
    _add(chain, "papers", paper_rows)
    subjects = papers if own is None else own
    opened = {found.paper for found in subjects}
    if orders:
        _add(chain, "orders", chain_rows.orders(tx, orders))
        _add(chain, "steps", chain_rows.steps(tx, orders))
        _add(chain, "files", chain_rows.files(tx, orders))
    proof = chain_rows.evidence(tx, orders, [row for row in paper_rows if row["paper"] in opened])
    if proof or orders:
        _add(chain, "evidence", proof)
    _add(chain, "entries", chain_rows.entries(tx, sorted(_keys(chain, subjects, orders, proof))))
    return chain


def _keys(chain: Chain, papers: Iterable[FoundPaper], orders: Sequence[str], proof: Rows) -> set[str]:
    """Source keys of the entries that booked the records, the papers and every step of the orders."""
    keys = {str(row["recognised_by"]) for row in chain.payables if row["recognised_by"]}
    keys |= {found.source_key for found in papers if found.source_key}
    keys |= {f"{event}:{order_no}" for order_no in orders for event in ("ORD", "CAN", "REJ")}
    keys |= {
        f"{event}:{order_no}:{paper['kind']}:{paper['receipt_no']}"
        for order_no in orders
        for paper in proof
        for event in ("RCV", "RTN")
    }
    return keys
