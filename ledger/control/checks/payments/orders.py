"""INV-10, INV-11, INV-12: orders, their approval and the entries that rest on them; an order is paid at most once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from psycopg.rows import TupleRow

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded
from ledger.core.digests import OrderHead, batch_digest, order_digest
from ledger.core.words import said

_ORDERS: Final = """
    SELECT o.region, o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name, o.payee_number,
           o.payee_bank, o.payee_cnaps, o.purpose, o.replaces, o.first_payment,
           coalesce(i.items, '{}'), coalesce(p.payables, '{}'), coalesce(e.entries, '{}')
      FROM payments.pay_order o
      LEFT JOIN LATERAL (
          SELECT array_agg(concat_ws('|', n, source, subfund, service_year, term, category, amount_fen) ORDER BY n) AS items
            FROM payments.order_item WHERE region = o.region AND order_no = o.order_no) i ON true
      LEFT JOIN LATERAL (
          SELECT array_agg(concat_ws('|', fund, setl_id, subfund, fen) ORDER BY setl_id COLLATE "C", subfund) AS payables
            FROM (SELECT fund, setl_id, subfund, daily_fen AS fen FROM payments.order_payable
                   WHERE region = o.region AND order_no = o.order_no
                  UNION ALL
                  SELECT fund, setl_id, 'outregion', amount_fen FROM payments.order_outregion
                   WHERE region = o.region AND order_no = o.order_no) r) p ON true
      LEFT JOIN (
          SELECT region, evidence, array_agg(concat_ws('|', fund, seq, series, period, vno, event, encode(evidence_digest, 'hex'))
                                             ORDER BY fund, seq) AS entries
            FROM books.entry WHERE event IN ('ORD', 'CAN', 'REJ') GROUP BY region, evidence) e
        ON e.region = o.region AND e.evidence = o.order_no
     ORDER BY o.region, o.batch_id COLLATE "C", o.order_no COLLATE "C"
"""
# On the day of the first event after which an order may be at the bank; one taken over left before these books.
_DEPARTED: Final = """
    SELECT o.region, o.fund, o.order_no FROM payments.pay_order o
      LEFT JOIN (SELECT DISTINCT ON (v.region, v.order_no) v.region, v.order_no, v.business_date FROM payments.order_event v
                  WHERE v.event IN ('send', 'lose', 'recover') ORDER BY v.region, v.order_no, v.n) e
        ON e.region = o.region AND e.order_no = o.order_no
     WHERE o.sent_on IS DISTINCT FROM e.business_date
       AND NOT EXISTS (SELECT 1 FROM payments.taken_order t WHERE t.region = o.region AND t.order_no = o.order_no) ORDER BY 1, 2, 3
"""


def check_orders(snapshot: Snapshot) -> Iterator[Breach]:
    """Digests of orders against their entries, of batches against their approvals; sums, events, states, payments."""
    for region, fund, seq, series, period, vno, event, order_no in snapshot.rows(
        """
        SELECT e.region, e.fund, e.seq, e.series, e.period, e.vno, e.event, e.evidence FROM books.entry e
          LEFT JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.evidence AND o.fund = e.fund
         WHERE e.event IN ('ORD', 'CAN', 'REJ') AND o.order_no IS NULL ORDER BY 1, 2, 3
        """
    ):
        yield Breach(
            "INV-12",
            f"{region}-{fund}",
            f"seq {seq} ({series}-{period}-{vno})",
            f"{event}凭证所依据的拨付单{order_no}不存在",
        )
    batches = {
        (region, batch): (fund, bytes(stored), None if approved is None else bytes(approved))
        for region, batch, fund, stored, approved in snapshot.rows(
            "SELECT b.region, b.batch_id, b.fund, b.digest, a.digest FROM payments.batch b"
            " LEFT JOIN payments.approval a ON a.region = b.region AND a.batch_id = b.batch_id"
        )
    }
    for key, rows in groupby(snapshot.each(_ORDERS), key=lambda row: (row[0], row[3])):
        digests: list[_Digests] = []
        for row in rows:
            digests.append(_digests(snapshot, row))
            yield from _entries(row, digests[-1])
        if key in batches:
            yield from _batch(key, batches.pop(key), digests)
    for key, batch in batches.items():
        yield from _batch(key, batch, [])
    yield from _sums(snapshot)
    yield from _states(snapshot)
    yield from _payments(snapshot)
    yield from _contradicted(snapshot)


class _Digests(NamedTuple):
    """Of an order as it stands, and with a person's sealed account opened: what was signed before accounts were sealed."""

    sealed: bytes
    opened: bytes


def _digests(snapshot: Snapshot, row: TupleRow) -> _Digests:
    head = OrderHead(*row[1:14])
    sealed = order_digest(head, ((text,) for text in row[14]), ((text,) for text in row[15]))
    if "~" not in head.payee_name + head.payee_number:
        return _Digests(sealed, sealed)
    known = snapshot.fields
    head = head._replace(payee_name=known.open(head.payee_name), payee_number=known.open(head.payee_number))
    return _Digests(sealed, order_digest(head, ((text,) for text in row[14]), ((text,) for text in row[15])))


def _entries(row: TupleRow, digests: _Digests) -> Iterator[Breach]:
    for text in row[16]:
        fund, seq, series, period, vno, event, stored = text.split("|")
        if bytes.fromhex(stored) not in digests:
            message = f"{event}凭证所依据的拨付单{row[1]}与记账时不同，已被改动"
            yield Breach("INV-12", f"{row[0]}-{fund}", f"seq {seq} ({series}-{period}-{vno})", message)


def _batch(
    key: tuple[int, str], batch: tuple[int, bytes, bytes | None], orders: list[_Digests]
) -> Iterator[Breach]:
    (region, batch_id), (fund, stored, approved) = key, batch
    digests = {batch_digest(batch_id, [one[form] for one in orders]) for form in (0, 1)}
    if stored not in digests:
        yield Breach(
            "INV-12", f"{region}-{fund}", f"batch {batch_id}", "批次的拨付单与制单时的摘要不符，已被改动"
        )
    if approved is not None and approved not in digests:
        yield Breach(
            "INV-11", f"{region}-{fund}", f"batch {batch_id}", "批次的拨付单与所审批的摘要不符，已被改动"
        )


def _sums(snapshot: Snapshot) -> Iterator[Breach]:
    """The amount of an order is the sum of its items, its daily items the sum of its records."""
    for region, fund, order_no, amount, items, daily, records in snapshot.rows(
        coded("""
        SELECT o.region, o.fund, o.order_no, o.amount_fen, i.total, i.daily, coalesce(p.total, 0)
          FROM payments.pay_order o
          LEFT JOIN (SELECT region, order_no, sum(amount_fen) AS total,
                            coalesce(sum(amount_fen) FILTER (WHERE source = {DAILY_OWED}), 0) AS daily
                       FROM payments.order_item GROUP BY region, order_no) i ON i.region = o.region AND i.order_no = o.order_no
          LEFT JOIN (SELECT region, order_no, sum(daily_fen) AS total FROM payments.order_payable
                      GROUP BY region, order_no) p ON p.region = o.region AND p.order_no = o.order_no
         WHERE i.total IS DISTINCT FROM o.amount_fen OR i.daily <> coalesce(p.total, 0)
         ORDER BY 1, 2, 3
        """)
    ):
        message = f"拨付单金额{amount}分，明细合计{items}分；其中日拨付{daily}分，所拨结算合计{records}分"
        yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)


def _states(snapshot: Snapshot) -> Iterator[Breach]:
    """The events of an order lead step by step along the table of states to the state it is in; approval is there."""
    for region, fund, order_no, state in snapshot.rows(
        """
        SELECT o.region, o.fund, o.order_no, o.state FROM payments.pay_order o
          LEFT JOIN (SELECT region, order_no, bool_and(ok) AS ok, (array_agg(to_state ORDER BY n DESC))[1] AS last FROM (
                SELECT v.region, v.order_no, v.n, v.to_state,
                       v.n = lag(v.n, 1, 0) OVER w + 1
                       AND (v.from_state = lag(v.to_state, 1, 'draft') OVER w AND t.from_state IS NOT NULL
                            OR v.n = 1 AND v.from_state = '' AND v.to_state = 'draft') AS ok
                  FROM payments.order_event v
                  LEFT JOIN payments.transition t
                    ON t.from_state = v.from_state AND t.event = v.event AND t.to_state = v.to_state
                WINDOW w AS (PARTITION BY v.region, v.order_no ORDER BY v.n)) steps GROUP BY region, order_no) e
            ON e.region = o.region AND e.order_no = o.order_no
         WHERE NOT coalesce(e.ok, true) OR coalesce(e.last, 'draft') <> o.state ORDER BY 1, 2, 3
        """
    ):
        yield Breach(
            "INV-10",
            f"{region}-{fund}",
            f"order {order_no}",
            f"拨付单的事件经过不能得出其状态{said('order.state', state)}",
        )
    for region, fund, order_no in snapshot.rows(_DEPARTED):
        message = "拨付单记的送达银行日不是其送出或结果不明之日"
        yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)
    for region, fund, order_no, state in snapshot.rows(
        """
        SELECT o.region, o.fund, o.order_no, o.state FROM payments.pay_order o
         WHERE o.state NOT IN ('draft', 'cancelled') AND NOT EXISTS (
               SELECT 1 FROM payments.approval a WHERE a.region = o.region AND a.batch_id = o.batch_id)
         ORDER BY 1, 2, 3
        """
    ):
        yield Breach(
            "INV-11",
            f"{region}-{fund}",
            f"order {order_no}",
            f"拨付单状态为{said('order.state', state)}而没有审批",
        )


def _payments(snapshot: Snapshot) -> Iterator[Breach]:
    """Debits and returns proven for an order fit its state; a record is in one live order; a re-issue follows a failure."""
    for region, fund, order_no, state, paid, returned, _ in snapshot.rows(
        """
        SELECT * FROM (
            SELECT o.region, o.fund, o.order_no, o.state,
                   count(*) FILTER (WHERE e.event = 'RCV') AS paid, count(*) FILTER (WHERE e.event = 'RTN') AS returned,
                   coalesce(bool_and(v.amount_fen = o.amount_fen) FILTER (WHERE e.event IS NOT NULL), true) AS exact
              FROM payments.pay_order o
              LEFT JOIN payments.evidence v ON v.region = o.region AND v.matched_order = o.order_no AND v.outcome = 'posted'
              LEFT JOIN books.entry e ON e.region = v.region AND e.event IN ('RCV', 'RTN')
                   AND e.evidence = v.kind || ':' || v.receipt_no AND e.evidence_digest = v.digest
             GROUP BY o.region, o.fund, o.order_no, o.state) p
         WHERE (paid, returned) <> ((state IN ('paid', 'returned'))::int, (state = 'returned')::int) OR NOT exact
         ORDER BY 1, 2, 3
        """
    ):
        message = f"拨付单状态为{said('order.state', state)}，而有{paid}张付款凭证、{returned}张退汇凭证，或金额不同"
        yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)
    for region, fund, setl_id, orders in snapshot.rows(
        """
        SELECT p.region, p.fund, p.setl_id, string_agg(p.order_no, '、' ORDER BY p.order_no)
          FROM payments.order_payable p JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
          JOIN fund.payable y ON y.region = p.region AND y.fund = p.fund AND y.setl_id = p.setl_id AND y.subfund = p.subfund
         WHERE NOT EXISTS (SELECT 1 FROM payments.state s WHERE s.state = o.state AND s.releases)
         GROUP BY p.region, p.fund, p.setl_id, p.subfund
        HAVING count(*) > 1 OR bool_or(y.order_no <> p.order_no) OR bool_or(y.daily_fen <> p.daily_fen)
         ORDER BY 1, 2, 3
        """
    ):
        yield Breach(
            "INV-10",
            f"{region}-{fund}",
            f"record {setl_id}",
            f"结算被多张拨付单占用，或与拨付单{orders}不一致",
        )
    for region, fund, order_no, replaces in snapshot.rows(
        """
        SELECT o.region, o.fund, o.order_no, o.replaces FROM payments.pay_order o
          LEFT JOIN payments.pay_order f ON f.region = o.region AND f.order_no = o.replaces
         WHERE o.replaces <> '' AND coalesce(f.state, '') NOT IN ('cancelled', 'rejected', 'returned') ORDER BY 1, 2, 3
        """
    ):
        yield Breach(
            "INV-10", f"{region}-{fund}", f"order {order_no}", f"所替换的拨付单{replaces}并未失败或退汇"
        )


def _contradicted(snapshot: Snapshot) -> Iterator[Breach]:
    """Orders let go for paying again although the bank had said that they were debited."""
    for region, fund, order_no in snapshot.rows(
        """SELECT o.region, o.fund, o.order_no FROM payments.pay_order o
            WHERE o.state = 'rejected' AND EXISTS (SELECT 1 FROM payments.bank_word w
                  WHERE w.region = o.region AND w.order_no = o.order_no AND w.state = 'settled'
                    AND w.n < (SELECT max(l.n) FROM payments.bank_word l
                                WHERE l.region = o.region AND l.order_no = o.order_no AND l.effect = 'reject'))
            ORDER BY 1, 3"""
    ):
        yield Breach(
            "INV-10", f"{region}-{fund}", order_no, f"拨付单{order_no}已退回重付，而银行曾报其扣款成功"
        )
